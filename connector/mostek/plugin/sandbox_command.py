"""`python -m <package>.sandbox PATH`: how a sandbox is created from the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["create_from_command_line"]

_COUNTS = {"customers": 200, "products": 500, "invoices": 2000}


def create_from_command_line(
    create: Callable[..., Any], *, module: str, erp: str, more: Callable[[Any], str] = lambda _: ""
) -> int:
    """Create a sandbox as the command line asks, and answer the process's status.

    `create` takes `path`, `customers`, `products`, `invoices` and `seed`, and answers what it made, which is or has a
    `path`. `more`: what else is told of that, as a sentence.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=f"Create a database shaped like {erp}'s, filled with invented data.",
    )
    parser.add_argument("path", type=Path, help="the SQLite file to create")
    for what, count in _COUNTS.items():
        parser.add_argument(
            f"--{what}", type=int, default=count, metavar="N", help="default %(default)s"
        )
    parser.add_argument("--seed", type=int, default=1, help="another seed, other data")
    try:
        made = create(**vars(parser.parse_args()))
    except (ValueError, OSError) as error:
        print(f"No sandbox made: {error}", file=sys.stderr)
        return 1
    print(f"{getattr(made, 'path', made)}: ready. {more(made)}".rstrip())
    return 0
