"""How long a caller waits: `Prefer: wait=N`, and for a write also `respond-async` (RFC 7240)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mostek.wire.failures import Invalid

__all__ = ["DEFAULT_WAIT", "LONGEST_WAIT", "responds_async", "wait_of"]

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


def responds_async(headers: Iterable[str]) -> bool:
    """Whether the caller asks not to wait at all, beyond the seconds that it names."""
    given = [item.strip().lower() for item in ",".join(headers).split(",")]
    return any(item.partition(";")[0].strip() == "respond-async" for item in given) and not any(
        _WAIT.fullmatch(item) for item in given
    )


def _seconds(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,3}", text) and 1 <= int(text) <= LONGEST_WAIT:
        return int(text)
    raise Invalid.of("Prefer", f"wait must be whole seconds from 1 to {LONGEST_WAIT}")
