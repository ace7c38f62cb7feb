"""Versions of Mostek: which of two is older."""

from __future__ import annotations

import re

__all__ = ["is_older"]

_RELEASE = re.compile(r"(\d{1,9}(?:\.\d{1,9}){0,7})(?:(a|b|rc|\.dev)\d*)?")


def is_older(one: str, other: str) -> bool:
    """Whether `one` came before `other`, by their numbers; a version before its release (`1.0rc1`) is older than it.

    False if either is no version: nothing is said of what is not known.
    """
    numbers, others = _numbers(one), _numbers(other)
    return bool(numbers and others and numbers < others)


def _numbers(version: str) -> tuple[list[int], bool] | None:
    if not (match := _RELEASE.match(version)):
        return None
    numbers = [int(number) for number in match[1].split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return numbers, match[2] is None
