"""COM, and what its errors mean. Imports the standard library alone; pywin32 when COM is used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from importlib import import_module
from typing import Any

from mostek.plugin.worker.inside import Fault

__all__ = ["Com", "faults", "opening"]

#: Windows' own: the class is not registered; the kind of program does not fit.
_NOT_REGISTERED, _DOES_NOT_FIT = -2147221164, -2147418113
#: The object itself raised it, and says so in its own words.
_RAISED = -2147352567

_LICENCE = "licenc"
_LOCKED = ("zablokowan", "jest edytowan")
_DUPLICATE = "zduplikowanego klucza"


class Com:
    """COM of this machine. `error` is what its calls raise."""

    def __init__(self) -> None:
        try:
            pythoncom = import_module("pythoncom")
            client = import_module("win32com.client")
        except ImportError as error:
            raise Fault(
                "unavailable",
                "Optima's objects need Windows and pywin32: install pywin32 in the Python of the worker.",
                str(error),
            ) from error
        self._pythoncom = pythoncom
        self._client = client
        self.error: type[Exception] = pythoncom.com_error
        # The objects belong to this thread, a single-threaded apartment.
        pythoncom.CoInitialize()

    def dispatch(self, name: str) -> Any:
        """A new object of the class with this ProgID."""
        return self._client.Dispatch(name)

    def day(self, day: date) -> Any:
        """A date as COM takes it."""
        return datetime(day.year, day.month, day.day)

    def pump(self) -> None:
        """Handle the messages of this thread's windows."""
        self._pythoncom.PumpWaitingMessages()


def _said(error: Exception) -> tuple[int, str]:
    """Code of COM, and the object's own text if it has one."""
    code, text, *more = (*error.args, None, None)
    own = more[0] if more else None
    if isinstance(own, tuple) and len(own) > 2 and own[2]:
        return int(code), str(own[2])
    return (code if isinstance(code, int) else 0), str(text)


@contextmanager
def opening(com: Any) -> Iterator[None]:
    """Errors within the block kept the program from starting or from logging in."""
    try:
        yield
    except com.error as error:
        code, text = _said(error)
        raise Fault(*_not_opened(code, text), text) from error


def _not_opened(code: int, text: str) -> tuple[str, str]:
    if _LICENCE in text.lower():
        return "licence", (
            "Optima has no licence left for the operator's modules: log somebody out, or end a program that was left"
            " running."
        )
    if code in {_NOT_REGISTERED, _DOES_NOT_FIT}:
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
        code, text = _said(error)
        raise Fault(*_failed(code, text, what), text) from error


def _failed(code: int, text: str, what: str) -> tuple[str, str]:
    words = text.lower()
    if any(word in words for word in _LOCKED):
        return "locked", f"Somebody has the {what}, or what belongs to it, open in Optima."
    if _DUPLICATE in words:
        return "refused", f"Optima has a {what} with this code or number already."
    if code == _RAISED:
        return "refused", f"Optima refused the {what}."
    return "unknown", f"Optima broke off while the {what} was written."
