"""Days as programs made with Clarion count them: int, from 1800-12-28 on; 0 is no day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

__all__ = ["clarion", "day"]

_ZERO = date(1800, 12, 28)


def clarion(value: date | str) -> int:
    """The number of a day, given as such or as `YYYY-MM-DD`."""
    return ((date.fromisoformat(value) if isinstance(value, str) else value) - _ZERO).days


def day(number: Any) -> date | None:
    """The day of a number; None for 0, NULL, and 1900-01-01, the default of an unset column."""
    if not number or int(number) in {clarion("1899-12-30"), clarion("1900-01-01")}:
        return None
    return _ZERO + timedelta(days=int(number))
