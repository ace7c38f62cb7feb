"""`python -m mostek_optima.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import sys

from mostek.plugin.sandbox_command import create_from_command_line
from mostek_optima.sandbox import create


def main() -> int:
    return create_from_command_line(
        create,
        module="mostek_optima.sandbox",
        erp="Optima",
        more=lambda made: f"The order to copy is {made.template_order}.",
    )


if __name__ == "__main__":
    sys.exit(main())
