"""How long a caller waits: `Prefer: wait=N` (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mostek.wire.failures import Invalid

__all__ = ["DEFAULT_WAIT", "LONGEST_WAIT", "wait_of"]

#: Seconds that a call waits if the caller does not say, and at most.
DEFAULT_WAIT = 60
LONGEST_WAIT = 600
_WAIT = re.compile(r"\s*wait\s*=\s*(.*?)\s*(?:;.*)?", re.IGNORECASE)


def wait_of(headers: Iterable[str]) -> float:
    """Seconds to wait, from the values of the Prefer headers. Raises Invalid; other preferences are ignored."""
    for preference in ",".join(headers).split(","):
        if match := _WAIT.fullmatch(preference):
            return float(_seconds(match.group(1).strip('"')))
    return float(DEFAULT_WAIT)


def _seconds(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= LONGEST_WAIT:
        return int(text)
    raise Invalid.of("Prefer", f"wait must be whole seconds from 1 to {LONGEST_WAIT}")
