"""What the store gives and takes: values without a database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mostek.hub.commands import Progress, State
from mostek.hub.identity import ConnectorId

__all__ = ["CommandFilter", "CommandRecord", "Event", "Lane"]


@dataclass(frozen=True)
class Lane:
    """Where writes go one at a time: a company of a connector."""

    connector: ConnectorId
    company: str


@dataclass(frozen=True)
class Event:
    """Something that happened to a command at a moment, seconds since 1970."""

    name: str
    at: float
    detail: str = ""


@dataclass(frozen=True)
class CommandRecord:
    """A durable command without its payloads. `content` is the hash of what was asked."""

    id: str
    lane: Lane
    operation: str
    caller: str
    idempotency_key: str
    content: bytes
    progress: Progress
    recorded_at: float
    expire_after: float
    ordering_key: str = ""
    acknowledged_at: float | None = None
    erp_id: str = ""
    erp_number: str = ""
    #: Given by the store, in the order of recording.
    number: int = 0

    @property
    def state(self) -> State:
        """Where it is."""
        return self.progress.state

    def with_progress(self, progress: Progress) -> CommandRecord:
        """The same, moved on."""
        return replace(self, progress=progress)


@dataclass(frozen=True)
class CommandFilter:
    """Which commands to list; what is empty does not matter. `before`: numbers below, 0 for all."""

    connector: str = ""
    company: str = ""
    idempotency_key: str = ""
    states: frozenset[State] = frozenset()
    before: int = 0
