"""`python -m mostek_subiekt.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mostek_subiekt.sandbox import create


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m mostek_subiekt.sandbox",
        description="Create a database shaped like Subiekt GT's, filled with invented data.",
    )
    parser.add_argument("path", type=Path, help="the SQLite file to create")
    for what, count in (("customers", 200), ("products", 500), ("invoices", 2000)):
        parser.add_argument(
            f"--{what}", type=int, default=count, metavar="N", help="default %(default)s"
        )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    options = parser.parse_args()
    try:
        made = create(**vars(options), progress=_show)
    except (ValueError, OSError) as error:
        print(f"No sandbox made: {error}", file=sys.stderr)
        return 1
    print(f"{made.path}: ready. Orders are cloned from {made.template_order}.")
    return 0


def _show(what: str, done: int, total: int) -> None:
    print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
