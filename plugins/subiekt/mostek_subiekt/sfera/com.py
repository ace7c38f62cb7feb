"""What the errors of Sfera's objects mean. Imports the standard library alone."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from mostek.plugin.worker.com import DOES_NOT_FIT, NOT_REGISTERED, ComSaid, com_faults
from mostek.plugin.worker.inside import licence_lost

__all__ = ["faults", "opening"]

#: Codes that the type library names.
_NO_GOODS = -2147217568
_DELIVERIES_CHANGED = -2147217567
#: Windows' own: the server failed.
_SERVER_FAILED = -2147417851
_E_FAIL = -2147467259
#: Facility of an error that the program itself made up (0x8004....), as its documented ones are.
_OF_THE_PROGRAM = 0x8004

_LOCKED = "zablokowany przez operatora"
_LICENCE = "licenc"
_NO_LICENCE = (
    "licence",
    "Subiekt GT has no licence seat left for Sfera, or Sfera itself has no licence: log somebody out, or end a"
    " program that was left running.",
)


def _code(said: ComSaid) -> int:
    """The program's own, else COM's."""
    return said.own or said.code


def opening(com: Any) -> AbstractContextManager[None]:
    """Errors within the block kept the program from starting."""
    return com_faults(com, _not_opened)


def _not_opened(said: ComSaid) -> tuple[str, str]:
    code = _code(said)
    if _LICENCE in said.text.lower():
        return _NO_LICENCE
    if code in {NOT_REGISTERED, DOES_NOT_FIT}:
        return "unavailable", (
            "Sfera GT can't be started: it is not registered on this machine, or for the other kind of program: try a"
            " 32-bit Python as `worker.python`, or a 64-bit one."
        )
    if code == _SERVER_FAILED:
        return "unavailable", (
            "A Subiekt.exe of another Windows account is in the way: end it, and run the connector under a person's"
            " account, not SYSTEM."
        )
    return "unavailable", (
        "Subiekt GT did not start: look at server, database, operator, password and the launch arguments in"
        " [companies.<name>.orders]."
    )


def faults(com: Any, what: str) -> AbstractContextManager[None]:
    """Errors within the block are told by what they mean.

    An error that the program itself answers with is its refusal. Any other, as of a program that died, leaves unknown
    whether something was saved.
    """
    return com_faults(com, lambda said: _failed(said, what))


def _failed(said: ComSaid, what: str) -> tuple[str, str]:
    code = _code(said)
    if licence_lost(said.text):
        return _NO_LICENCE
    if _LOCKED in said.text.lower():
        return "locked", f"Somebody has the {what}, or what belongs to it, open in Subiekt GT."
    if code == _NO_GOODS:
        return "refused", "There is not enough of a product in the warehouse to reserve it."
    if code == _DELIVERIES_CHANGED:
        return "locked", "Deliveries of a product were changed at the same moment."
    if code == _E_FAIL or (code & 0xFFFFFFFF) >> 16 == _OF_THE_PROGRAM:
        return "refused", f"Subiekt GT refused the {what}."
    return "unknown", f"Subiekt GT broke off while the {what} was written."
