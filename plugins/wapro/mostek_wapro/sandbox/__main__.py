"""`python -m mostek_wapro.sandbox PATH`: create a sandbox."""

from __future__ import annotations

import sys

from mostek.plugin.sandbox_command import create_from_command_line
from mostek_wapro.sandbox import create


def main() -> int:
    return create_from_command_line(create, module="mostek_wapro.sandbox", erp="WAPRO Mag")


if __name__ == "__main__":
    sys.exit(main())
