"""Points at which a test may kill the process: `MOSTEK_CRASH_AT=<point>` ends it there as kill -9 does.

The points lie on the way of a write, in this order:

    hub-recorded        the command is on the hub's disk, nothing is sent
    hub-sending         it is marked as sent, and is not
    connector-received  the command has arrived at the site
    connector-intended  the intent is on the site's disk, the ERP is not touched
    erp-before-commit   the plugin has written and not committed
    erp-after-commit    the plugin has committed, nobody knows
    connector-recorded  the outcome is on the site's disk, not told
    connector-answered  the result is handed to the stream
    hub-answered        the result has arrived at the hub, not recorded
    hub-finished        the outcome is on the hub's disk, neither told nor acknowledged
    connector-acknowledged  the site knows that the hub has the outcome
    hub-acknowledged    the hub knows that it told the site
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

__all__ = ["CRASH_POINTS", "crash_point"]

CRASH_POINTS: Final = (
    "hub-recorded",
    "hub-sending",
    "connector-received",
    "connector-intended",
    "erp-before-commit",
    "erp-after-commit",
    "connector-recorded",
    "connector-answered",
    "hub-answered",
    "hub-finished",
    "connector-acknowledged",
    "hub-acknowledged",
)

_AT: Final = os.environ.get("MOSTEK_CRASH_AT", "")
if _AT and _AT not in CRASH_POINTS:
    sys.exit(f"MOSTEK_CRASH_AT: {_AT!r} is no point; there are {', '.join(CRASH_POINTS)}")


def crash_point(name: str) -> None:
    """Die here, if this is the point."""
    if name == _AT:
        # Windows has no SIGKILL; there any signal ends the process at once.
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
