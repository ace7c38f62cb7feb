"""Whether the hub's audit and a site's journal tell the same: matched by the ids of commands.

Both are NDJSON, an entry a line, with `command_id`, `at`, `caller`, `operation` and `outcome`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

__all__ = ["Difference", "NotMatchable", "compare", "read_lines"]

#: The same command is told by both within this many seconds, whatever their clocks say.
_CLOCKS = 120.0
#: What the hub's audit says of a read that came back, and of a write that had its effect.
_ANSWERED = {"ok", "succeeded"}
_KINDS = {"AUDIT_KIND_READ", "AUDIT_KIND_WRITE"}


class NotMatchable(Exception):
    """A file is not what it should be; the message says where and why."""


@dataclass(frozen=True)
class Difference:
    """What one of them says and the other does not."""

    command_id: str
    text: str


@dataclass
class _Told:
    """What one side says of a command."""

    at: float
    callers: set[str] = field(default_factory=set)
    operations: set[str] = field(default_factory=set)
    outcomes: set[str] = field(default_factory=set)

    def add(self, entry: Mapping[str, Any], at: float) -> None:
        """Take one more entry of the command."""
        self.at = min(self.at, at)
        self.callers.add(str(entry.get("caller", "")))
        self.operations.add(str(entry.get("operation", "")))
        self.outcomes.add(str(entry.get("outcome", "")))


def read_lines(lines: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """The entries of a file. Raises NotMatchable."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            raise NotMatchable(f"{name}, line {number}: is no JSON.") from None
        if not isinstance(entry, dict):
            raise NotMatchable(f"{name}, line {number}: is no JSON object.")
        yield entry


def compare(
    journal: Iterable[Mapping[str, Any]], audit: Iterable[Mapping[str, Any]]
) -> list[Difference]:
    """Every difference between a site's journal and the hub's audit of that connector.

    Looked at is the time that the journal covers, but for two minutes at its ends, where clocks may differ. What the
    hub sent and got no answer to may or may not be in the journal. Raises NotMatchable.
    """
    at_site = _by_command(journal, "the journal")
    at_hub = _by_command((e for e in audit if e.get("kind") in _KINDS), "the audit")
    if not at_site:
        raise NotMatchable("The journal has no entry with a command_id.")
    found = [difference for each in at_site.items() for difference in _of_site(*each, at_hub)]
    begins = min(told.at for told in at_site.values()) + _CLOCKS
    ends = max(told.at for told in at_site.values()) - _CLOCKS
    for command_id, told in at_hub.items():
        answered = bool(told.outcomes & _ANSWERED)
        if answered and command_id not in at_site and begins <= told.at <= ends:
            text = (
                f"{_one(told.operations)} was answered, as the hub has it; the journal has nothing"
            )
            found.append(Difference(command_id, text))
    return found


def _of_site(command_id: str, told: _Told, at_hub: Mapping[str, _Told]) -> Iterator[Difference]:
    other = at_hub.get(command_id)
    if other is None:
        text = f"{_one(told.operations)} is in the journal; the hub knows nothing of it"
        yield Difference(command_id, text)
        return
    for what in ("operations", "callers"):
        mine, theirs = getattr(told, what), getattr(other, what)
        if not mine <= theirs:
            text = f"{what[:-1]}: the journal has {_one(mine)}, the hub {_one(theirs)}"
            yield Difference(command_id, text)


def _by_command(entries: Iterable[Mapping[str, Any]], name: str) -> dict[str, _Told]:
    found: dict[str, _Told] = {}
    for entry in entries:
        command_id = entry.get("command_id")
        if isinstance(command_id, str) and command_id:
            at = _moment(entry, name)
            found.setdefault(command_id, _Told(at)).add(entry, at)
    return found


def _moment(entry: Mapping[str, Any], name: str) -> float:
    """Seconds since 1970, of a time with its zone or a number of seconds."""
    at = entry.get("at")
    if isinstance(at, int | float) and not isinstance(at, bool):
        return float(at)
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise NotMatchable(
            f"{name}: `at` of the command {entry.get('command_id')} is no time with its zone."
        )
    return moment.timestamp()


def _one(values: Iterable[str]) -> str:
    return ", ".join(sorted(values))
