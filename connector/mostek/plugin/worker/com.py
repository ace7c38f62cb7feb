"""COM in the worker process. Imports the standard library alone; pywin32 when COM is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from importlib import import_module
from typing import Any, NamedTuple

from mostek.plugin.worker.inside import Fault

__all__ = ["DOES_NOT_FIT", "NOT_REGISTERED", "RAISED", "Com", "ComSaid", "com_faults", "com_said"]

#: Windows' own: the class is not registered; the kind of program (32 or 64 bit) does not fit.
NOT_REGISTERED, DOES_NOT_FIT = -2147221164, -2147418113
#: The object itself raised the error, and says so in its own words.
RAISED = -2147352567


class Com:
    """COM of this machine. `error` is what its calls raise. `who`: whose objects are wanted, for people."""

    def __init__(self, who: str) -> None:
        try:
            pythoncom = import_module("pythoncom")
            client = import_module("win32com.client")
        except ImportError as error:
            raise Fault(
                "unavailable",
                f"{who} needs Windows and pywin32: install pywin32 in the Python of the worker.",
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


class ComSaid(NamedTuple):
    """What an error says: COM's code, the object's own code (0: none), and the object's words, else COM's."""

    code: int
    own: int
    text: str


def com_said(error: Exception) -> ComSaid:
    """What an error of COM says, in whatever shape it comes."""
    code, text, *more = (*error.args, None, None)
    own = more[0] if more else None
    number = code if isinstance(code, int) else 0
    if isinstance(own, tuple) and len(own) > 5:
        return ComSaid(number, int(own[5] or 0), str(own[2] or text))
    return ComSaid(number, 0, str(text))


@contextmanager
def com_faults(com: Any, meant: Callable[[ComSaid], tuple[str, str]]) -> Iterator[None]:
    """Errors of COM within the block are told by the kind and the message that they mean."""
    try:
        yield
    except com.error as error:
        said = com_said(error)
        raise Fault(*meant(said), said.text) from error
