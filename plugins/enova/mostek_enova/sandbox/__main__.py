"""`python -m mostek_enova.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import sys

from mostek.plugin.sandbox_command import create_from_command_line
from mostek_enova.sandbox import create


def main() -> int:
    return create_from_command_line(create, module="mostek_enova.sandbox", erp="enova365")


if __name__ == "__main__":
    sys.exit(main())
