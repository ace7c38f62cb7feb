"""`python -m mostek_subiekt.nexo.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import sys

from mostek.plugin.sandbox_command import create_from_command_line
from mostek_subiekt.nexo.sandbox import create


def main() -> int:
    return create_from_command_line(
        create, module="mostek_subiekt.nexo.sandbox", erp="Subiekt nexo"
    )


if __name__ == "__main__":
    sys.exit(main())
