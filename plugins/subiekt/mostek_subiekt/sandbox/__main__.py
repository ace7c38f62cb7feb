"""`python -m mostek_subiekt.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import sys
from functools import partial

from mostek.plugin.sandbox_command import create_from_command_line
from mostek_subiekt.sandbox import create


def main() -> int:
    return create_from_command_line(
        partial(create, progress=_show),
        module="mostek_subiekt.sandbox",
        erp="Subiekt GT",
        more=lambda made: f"Orders are cloned from {made.template_order}.",
    )


def _show(what: str, done: int, total: int) -> None:
    print(f"{what}: {done:,} of {total:,}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
