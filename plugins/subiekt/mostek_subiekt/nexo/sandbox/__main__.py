"""`python -m mostek_subiekt.nexo.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mostek_subiekt.nexo.sandbox import create


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mostek_subiekt.nexo.sandbox",
        description="Create a database shaped like Subiekt nexo's, filled with invented data.",
    )
    parser.add_argument("path", type=Path, help="the SQLite file to create")
    for what, count in (("customers", 200), ("products", 500), ("invoices", 2000)):
        parser.add_argument(
            f"--{what}", type=int, default=count, metavar="N", help="default %(default)s"
        )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    try:
        made = create(**vars(parser.parse_args()))
    except (ValueError, OSError) as error:
        print(f"No sandbox made: {error}", file=sys.stderr)
        return 1
    print(f"{made}: ready.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
