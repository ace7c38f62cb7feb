"""What the errors of Optima's objects mean. Imports the standard library alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mostek.plugin.worker.com import DOES_NOT_FIT, NOT_REGISTERED, RAISED, com_said
from mostek.plugin.worker.inside import Fault, licence_lost

__all__ = ["faults", "opening"]

_LICENCE = "licenc"
_NO_LICENCE = (
    "licence",
    "Optima has no licence left for the operator's modules: log somebody out, or end a program that was left running.",
)
_LOCKED = ("zablokowan", "jest edytowan")
_DUPLICATE = "zduplikowanego klucza"


@contextmanager
def opening(com: Any) -> Iterator[None]:
    """Errors within the block kept the program from starting or from logging in."""
    try:
        yield
    except com.error as error:
        code, _, text = com_said(error)
        raise Fault(*_not_opened(code, text), text) from error


def _not_opened(code: int, text: str) -> tuple[str, str]:
    if _LICENCE in text.lower():
        return _NO_LICENCE
    if code in {NOT_REGISTERED, DOES_NOT_FIT}:
        return "unavailable", (
            "Optima's objects can't be made: Optima is not installed on this machine, or for the other kind of program:"
            " try a 32-bit Python as `worker.python`, or a 64-bit one."
        )
    return "unavailable", (
        "Nobody could log in to Optima: look at `company`, and at operator, password, folder, configuration and"
        " login_modules in [companies.<name>.orders]."
    )


@contextmanager
def faults(com: Any, what: str) -> Iterator[None]:
    """Errors within the block are told by what they mean.

    One that the object itself raised is its refusal. Any other leaves unknown whether something was saved.
    """
    try:
        yield
    except com.error as error:
        code, _, text = com_said(error)
        raise Fault(*_failed(code, text, what), text) from error


def _failed(code: int, text: str, what: str) -> tuple[str, str]:
    words = text.lower()
    if licence_lost(text):
        return _NO_LICENCE
    if any(word in words for word in _LOCKED):
        return "locked", f"Somebody has the {what}, or what belongs to it, open in Optima."
    if _DUPLICATE in words:
        return "refused", f"Optima has a {what} with this code or number already."
    if code == RAISED:
        return "refused", f"Optima refused the {what}."
    return "unknown", f"Optima broke off while the {what} was written."
