"""What runs in the worker process, beside an ERP's own objects (COM, .NET): reads calls, makes them one at a time.

It may be another Python than the connector's, 32-bit for instance, so that it and the office modules that it loads
import the standard library alone, and whatever drives the ERP.

Calls come as lines of JSON on standard input, answers go as lines of JSON to standard output:

    → {"office": "module:Class", "settings": {…}, "idle": 600}
    ← {"ready": true}
    → {"id": 1, "call": "add_order", "with": {…}}
    ← {"processes": [4711]}          what the ERP started for us, as soon as it is known
    ← {"id": 1, "begun": true}       the ERP is open, and now the call itself is made
    ← {"id": 1, "done": {…}}  or  {"id": 1, "fault": {"kind": "locked", "message": "…", "text": "…"}}

The ERP's libraries may print: their output goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import re
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

__all__ = ["Fault", "Office", "licence_lost", "main"]

#: Seconds between looks at messages that the ERP's windows want to have handled.
_PUMP_EVERY = 0.1
#: Seconds that a call may go on after the connector is gone.
_LAST_CALL = 20.0


#: Faults after which the ERP is to be opened anew.
_OUT_OF_USE = frozenset({"licence", "unavailable"})


class Fault(Exception):
    """The ERP did not do what was asked. `kind`:

    refused      its rules forbid it; nothing was saved
    locked       an operator or another program holds a record; nothing was saved
    unavailable  it can't be started or logged into, or has to be again; nothing was saved
    licence      no licence seat is free, or it was lost; nothing was saved
    unknown      anything else: whether something was saved has to be looked up

    `message` is ours, for people; `text` is the ERP's own.
    """

    def __init__(self, kind: str, message: str, text: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.text = text


_LICENCE_LOST = re.compile(
    r"\b(brak|utrac\w+|wygas\w+|przekroczon\w+)( (wolnych|wolnej|ważnej|aktywnej|limit|liczb\w+))* licencj"
    r"|\blicencj\w*( \w+){0,2} (wygas|utrac|zajęt|wykorzystan)"
)


def licence_lost(text: str) -> bool:
    """Whether a program's words in the middle of a call are about its own licence.

    What else has the word in it may be about a product: many shops sell licences.
    """
    return bool(_LICENCE_LOST.search(text.lower()))


class Office:
    """An ERP's own objects. A subclass has one method per call, which takes and gives what JSON can carry; amounts and
    quantities are text, so that no digit is lost.

    Everything runs in one thread. `open` is called before the first call, and again after `close`.
    """

    def __init__(self, settings: dict[str, Any], tell: Callable[[list[int]], None]) -> None:
        self.settings = settings
        #: To be called with the ids of the processes that the ERP started for us.
        self.tell = tell

    def open(self) -> None:
        """Start the ERP and log in: from here on a licence seat is taken. Raises Fault."""

    def close(self) -> None:
        """Log out and give the seat back. Must not raise."""

    def pump(self) -> None:
        """Handle what windows of this thread have to (COM needs that); called often while nothing is asked."""


class _Wire:
    """Lines of JSON. Writing is done by one thread at a time."""

    def __init__(self, answers: BinaryIO) -> None:
        self._answers = answers
        self._lock = threading.Lock()

    def say(self, message: dict[str, Any]) -> None:
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._answers.write(line)
            self._answers.flush()


class _Inside:
    """The main thread's work: the one that owns the office."""

    def __init__(self, wire: _Wire, office: Office, idle: float) -> None:
        self._wire = wire
        self._office = office
        self._idle = idle
        self._open = False
        self.calls: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()

    def run(self) -> None:
        """Until there are no more calls."""
        waited = 0.0
        while True:
            try:
                call = self.calls.get(timeout=_PUMP_EVERY)
            except queue.Empty:
                waited += _PUMP_EVERY
                self._rest(waited)
                continue
            if call is None:
                break
            waited = 0.0
            self._wire.say({"id": call["id"]} | self._answer(call))
        self._close()

    def _rest(self, waited: float) -> None:
        if self._open:
            self._office.pump()
            if waited >= self._idle:
                self._close()

    def _close(self) -> None:
        if self._open:
            self._open = False
            self._office.close()

    def _answer(self, call: dict[str, Any]) -> dict[str, Any]:
        try:
            if not self._open:
                self._office.open()
                self._open = True
            self._wire.say({"id": call["id"], "begun": True})
            return {"done": getattr(self._office, call["call"])(**call["with"])}
        except Fault as fault:
            if fault.kind in _OUT_OF_USE:
                self._close()
            return _fault(fault)
        except Exception as error:
            traceback.print_exc()
            return _fault(Fault("unknown", f"{type(error).__name__} in the worker.", str(error)))


def _fault(fault: Fault) -> dict[str, Any]:
    return {"fault": {"kind": fault.kind, "message": fault.message, "text": fault.text}}


def _read(lines: BinaryIO, calls: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """In a thread of its own, so that the connector's end is noticed during a call that hangs."""
    for line in lines:
        calls.put(json.loads(line))
    calls.put(None)
    ended = threading.Timer(_LAST_CALL, os._exit, (1,))
    ended.daemon = True
    ended.start()


def main() -> None:
    """Serve until standard input ends."""
    # What an ERP's library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    wire = _Wire(answers)
    lines = sys.stdin.buffer
    first = json.loads(lines.readline())
    module, _, name = first["office"].partition(":")
    made: type[Office] = getattr(importlib.import_module(module), name)
    office = made(first["settings"], lambda processes: wire.say({"processes": processes}))
    inside = _Inside(wire, office, first["idle"])
    threading.Thread(target=_read, args=(lines, inside.calls), daemon=True).start()
    wire.say({"ready": True})
    inside.run()
