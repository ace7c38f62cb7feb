"""What a command did, as the journal tells it: whose it was, what was asked, how much left, how it ended."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from mostek.connector.journal.values import SiteKey, filters_of
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import CommandFailure, Denied
from mostek.wire.tracing import Span

__all__ = ["Trace"]

_KIND = "FAILURE_KIND_"
#: Fields at fault that an entry names.
_MOST_ABOUT = 20


@dataclass
class Trace:
    """A command from its arrival to its end. `request` is None as long as it is not understood."""

    command: Command
    request: Message | None = None
    company: str = ""
    rows: int = 0
    seconds: float = 0.0
    end: bytes | CommandFailure = b""
    #: For the log and for traces, not for the journal: the session that it came by, and its span.
    session_id: str = ""
    span: Span | None = None

    def names(self) -> dict[str, str]:
        """What a line of the log is found by."""
        return {
            "command_id": self.command.command_id,
            "session_id": self.session_id,
            "operation": self.command.operation,
            "company": self.company or self.command.company,
        }

    def basics(self) -> dict[str, Any]:
        """What can be told of any command."""
        command = self.command
        return {
            "command_id": command.command_id,
            "caller": command.caller,
            "operation": command.operation,
            "company": self.company or command.company,
        } | self._outcome()

    def content(self, key: SiteKey) -> dict[str, Any]:
        """The entry: names, counts and hashes, nothing of the ERP's data."""
        told = self.basics()
        if self.request is not None:
            told["filters"] = _hashed(self.request, key)
            told["fields"] = _mask(self.request)
        if self.command.denied_fields:
            told["withheld"] = list(self.command.denied_fields)
        if isinstance(self.end, bytes):
            told |= {"rows": self.rows, "bytes": len(self.end)}
        told["seconds"] = round(self.seconds, 4)
        return told

    def _outcome(self) -> dict[str, Any]:
        end = self.end
        if isinstance(end, bytes):
            return {"outcome": "ok"}
        told: dict[str, Any] = {
            "outcome": "refused" if isinstance(end, Denied) else "failed",
            "reason": FailureKind.Name(end.kind).removeprefix(_KIND),
        }
        if end.violations:
            told["about"] = sorted({violation.field for violation in end.violations})[:_MOST_ABOUT]
        return told


def _hashed(request: Message, key: SiteKey) -> dict[str, str | list[str]]:
    """The hashes of the values, by filter; a list where there are several."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, value in filters_of(request):
        found[name].append(key.hash(name, value))
    return {name: hashes[0] if len(hashes) == 1 else hashes for name, hashes in found.items()}


def _mask(request: Message) -> list[str]:
    """The fields that were asked for; `*` where none is named."""
    for _, value in request.ListFields():
        if isinstance(value, FieldMask) and value.paths:
            return list(value.paths)
    return ["*"]
