"""Write the beginning of a plugin."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mostek.plugin.template import make_plugin


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mostek.plugin.template",
        description="Write the beginning of a plugin for another ERP.",
    )
    parser.add_argument("name", help="as the plugin is called in connector.toml: my-erp")
    parser.add_argument(
        "--in", dest="parent", type=Path, default=Path("plugins"), help="default %(default)s"
    )
    given = parser.parse_args()
    try:
        made = make_plugin(given.name, given.parent)
    except FileExistsError as error:
        print(f"{error.filename} is there already: choose another name.", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(f"No plugin made: {error}", file=sys.stderr)
        return 1
    print(f"{made}: ready. How it goes on: docs/plugins/afternoon.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
