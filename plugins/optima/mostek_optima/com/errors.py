"""What the errors of Optima's objects mean. Imports the standard library alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mostek.plugin.worker.com import DOES_NOT_FIT, NOT_REGISTERED, RAISED, ComSaid, com_faults
from mostek.plugin.worker.inside import licence_lost

__all__ = ["faults", "opening"]

_LICENCE = "licenc"
_NO_LICENCE = (
    "licence",
    "Optima has no licence left for the operator's modules: log somebody out, or end a program that was left running.",
)
_LOCKED = ("zablokowan", "jest edytowan")
_DUPLICATE = "zduplikowanego klucza"


def opening(com: Any) -> AbstractContextManager[None]:
    """Errors within the block kept the program from starting or from logging in."""
    return com_faults(com, _not_opened)


def _not_opened(said: ComSaid) -> tuple[str, str]:
    if _LICENCE in said.text.lower():
        return _NO_LICENCE
    if said.code in {NOT_REGISTERED, DOES_NOT_FIT}:
        return "unavailable", (
            "Optima's objects can't be made: Optima is not installed on this machine, or for the other kind of program:"
            " try a 32-bit Python as `worker.python`, or a 64-bit one."
        )
    return "unavailable", (
        "Nobody could log in to Optima: look at `company`, and at operator, password, folder, configuration and"
        " login_modules in [companies.<name>.orders]."
    )


def faults(com: Any, what: str) -> AbstractContextManager[None]:
    """Errors within the block are told by what they mean.

    One that the object itself raised is its refusal. Any other leaves unknown whether something was saved.
    """
    return com_faults(com, lambda said: _failed(said, what))


def _failed(said: ComSaid, what: str) -> tuple[str, str]:
    words = said.text.lower()
    if licence_lost(said.text):
        return _NO_LICENCE
    if any(word in words for word in _LOCKED):
        return "locked", f"Somebody has the {what}, or what belongs to it, open in Optima."
    if _DUPLICATE in words:
        return "refused", f"Optima has a {what} with this code or number already."
    if said.code == RAISED:
        return "refused", f"Optima refused the {what}."
    return "unknown", f"Optima broke off while the {what} was written."
