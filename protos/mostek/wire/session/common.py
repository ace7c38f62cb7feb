"""What both sides of a session have: settings, events, an outbox, liveness, goodbye."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar, cast

from google.protobuf.duration_pb2 import Duration

from mostek.link.v1 import failure_pb2
from mostek.link.v1.link_pb2 import (
    Command,
    ConnectorToHub,
    Credit,
    Goodbye,
    GoodbyeReason,
    Heartbeat,
    Hello,
    HubToConnector,
    JournalHead,
    Status,
    Welcome,
)
from mostek.wire.outbox import Outbox

__all__ = [
    "DENIED_FIELDS",
    "DURABLE",
    "LONGEST_HEARTBEAT_INTERVAL",
    "MISSES",
    "REQUEST_CREDIT",
    "REVISION",
    "Acknowledged",
    "Assembly",
    "Budget",
    "CancelAsked",
    "Finished",
    "Journaled",
    "Left",
    "Noticed",
    "Opened",
    "ProtocolError",
    "RoundTrip",
    "SessionSettings",
    "Share",
    "Side",
    "Started",
    "StatusChanged",
    "Welcomed",
    "duration",
    "reason_of",
]

#: Of the protocol in link.proto.
REVISION = 1
#: A side from which nothing came for so many heartbeat intervals is dead.
MISSES = 3
#: Seconds.
LONGEST_HEARTBEAT_INTERVAL = 60.0
#: Capability of a connector: it tells when a write begins, can cancel it before, and keeps outcomes until acknowledged.
DURABLE = "durable"
#: Capability of a connector: it gives credit for the bytes of large requests.
REQUEST_CREDIT = "request-credit"
#: Capability of a connector: it keeps back also what a command says.
DENIED_FIELDS = "denied-fields"


class ProtocolError(Exception):
    """The other side broke a rule of link.proto; the message says which. The session must end."""


@dataclass(frozen=True)
class SessionSettings:
    """What the hub sets for a session. Spans in seconds, sizes in bytes."""

    #: Three of them are the time after which a silent side is dead: 36 s leave room below the promised 45.
    heartbeat_interval: float = 12.0
    #: A command that is not accepted within this makes the session suspect.
    accept_within: float = 5.0
    part_size: int = 16 * 1024
    payload_size: int = 4 * 1024 * 1024
    #: At first; it fits itself to the line.
    window: int = 64 * 1024
    max_window: int = 8 * 1024 * 1024


class Budget:
    """Bytes of responses that one process holds at once, over all sessions.

    A connector may hold as much as is left for the others, and a tenant twice that: whatever some take, there is always
    room for one more, and who comes late gets a share like theirs.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._held: dict[Hashable, int] = {}

    def share(self, connector: Hashable, tenant: Hashable) -> Share:
        """What sessions of a connector take from; they share it with its other sessions."""
        return Share(self, (("connector", connector), 1), (("tenant", tenant), 2))

    def held(self, owner: Hashable) -> int:
        """Bytes that an owner holds."""
        return self._held.get(owner, 0)

    def move(self, owners: Iterable[Hashable], size: int) -> None:
        """Take, or with a negative size give back, for all owners at once."""
        self.used += size
        for owner in owners:
            held = self._held.get(owner, 0) + size
            if held:
                self._held[owner] = held
            else:
                self._held.pop(owner, None)


class Share:
    """A part of the budget, as large as the others let it be."""

    def __init__(self, budget: Budget, *limits: tuple[Hashable, int]) -> None:
        self._budget = budget
        self._limits = limits
        self._owners = [owner for owner, _ in limits]

    def take(self, size: int) -> bool:
        """Reserve; False, and nothing reserved, when there is no room."""
        budget = self._budget
        left = budget.total - budget.used - size
        for owner, factor in self._limits:
            if budget.held(owner) + size > factor * left:
                return False
        budget.move(self._owners, size)
        return True

    def give(self, size: int) -> None:
        """Give back what was reserved."""
        self._budget.move(self._owners, -size)


@dataclass(frozen=True)
class Opened:
    """The hub has read Hello."""

    hello: Hello


@dataclass(frozen=True)
class StatusChanged:
    """The connector serves something else than before."""

    status: Status


@dataclass(frozen=True)
class Finished:
    """A command ended: with a response or a failure. `held` bytes of the budget are the receiver's to give back.

    `seconds` after it was sent, of which the connector worked `worked`; 0: it does not say.
    """

    command_id: str
    response: bytes | None = None
    failure: failure_pb2.Failure | None = None
    held: int = 0
    seconds: float = 0.0
    worked: float = 0.0


@dataclass(frozen=True)
class Noticed:
    """The connector has accepted these commands, or begun this write."""

    command_ids: tuple[str, ...]
    begun: bool = False


@dataclass(frozen=True)
class Journaled:
    """The connector told of its journal: its head, None if it has none; the number of the one that it told before in
    this session; and, if it was asked for an entry, that one as it is now."""

    head: JournalHead | None
    before: int = 0
    asked: JournalHead | None = None
    answer: JournalHead | None = None


@dataclass(frozen=True)
class Left:
    """The other side said goodbye."""

    goodbye: Goodbye


@dataclass(frozen=True)
class RoundTrip:
    """A heartbeat was answered, so many seconds after it was sent."""

    seconds: float


@dataclass(frozen=True)
class Welcomed:
    """The connector has read Welcome."""

    welcome: Welcome


@dataclass(frozen=True)
class Started:
    """A command is to be run; `request` is complete."""

    command: Command
    request: bytes


@dataclass(frozen=True)
class CancelAsked:
    """A running command is no longer wanted."""

    command_id: str


@dataclass(frozen=True)
class Acknowledged:
    """The hub has the outcome of a write."""

    company: str
    idempotency_key: str


@dataclass(slots=True)
class Assembly:
    """A payload that arrives in parts."""

    limit: int
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.limit:
            raise ProtocolError(f"a payload grew beyond {self.limit} bytes")
        self.pieces.append(data)

    def whole(self) -> bytes:
        return self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)

    def clear(self) -> None:
        self.pieces.clear()
        self.size = 0


F = TypeVar("F", HubToConnector, ConnectorToHub)


class Side(Generic[F]):
    """What both sides have: an outbox, liveness, goodbye."""

    def __init__(self, make: Callable[..., F], part_size: int, now: float) -> None:
        self._make: Callable[..., F] = make
        self.outbox: Outbox[F] = Outbox(part_size)
        #: Round trip of the last answered heartbeat, seconds; 0 before the first.
        self.round_trip = 0.0
        #: The shortest of them: what the way takes while nothing queues on it.
        self.shortest_trip = 0.0
        self.heartbeat_interval = SessionSettings.heartbeat_interval
        #: Why this side said goodbye, and why the other did.
        self.said: GoodbyeReason.ValueType | None = None
        self.heard: GoodbyeReason.ValueType | None = None
        self._began_at = now
        self._heard_at = now
        self._beats = 0
        self._answer: F | None = None
        self._beat_at = now

    @property
    def said_goodbye(self) -> bool:
        """Whether this side said goodbye."""
        return self.said is not None

    @property
    def heard_goodbye(self) -> bool:
        """Whether the other side said goodbye."""
        return self.heard is not None

    @property
    def leaving(self) -> bool:
        """Whether either side said goodbye: no new commands."""
        return self.said_goodbye or self.heard_goodbye

    def goodbye(
        self, reason: GoodbyeReason.ValueType, message: str, reconnect_after: float | None = None
    ) -> None:
        """Say the last word; a second one is not said."""
        if self.said_goodbye:
            return
        self.said = reason
        frame = Goodbye(reason=reason, message=message)
        if reconnect_after is not None:
            frame.reconnect_after.CopyFrom(duration(reconnect_after))
        self.outbox.push(self._make(goodbye=frame))

    def is_dead(self, now: float) -> bool:
        """Whether the other side was silent for too long."""
        return now - self._heard_at >= MISSES * self.heartbeat_interval

    @property
    def heard_at(self) -> float:
        """When the other side was heard last."""
        return self._heard_at

    def ask_life(self, now: float) -> None:
        """Have the other side answer now."""
        self._beat(now)

    def is_older(self, now: float, seconds: float) -> bool:
        """Whether the session began more than that long ago."""
        return now - self._began_at > seconds

    def _beat_if_due(self, now: float) -> None:
        if now - self._beat_at >= self.heartbeat_interval:
            self._beat(now)

    def _beat(self, now: float) -> None:
        self._beats += 1
        self._beat_at = now
        self.outbox.push(self._make(heartbeat=self._heartbeat()))

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(number=self._beats)

    def _heard_heartbeat(self, beat: Heartbeat, now: float) -> RoundTrip | None:
        if beat.number:
            self._answer_heartbeat(beat.number)
        if not beat.answers or beat.answers != self._beats:
            return None
        self.round_trip = now - self._beat_at
        self.shortest_trip = min(self.round_trip, self.shortest_trip or self.round_trip)
        return RoundTrip(self.round_trip)

    def _answer_heartbeat(self, number: int) -> None:
        """One answer waits at most, the newest: a peer that asks without reading must not fill the memory."""
        if self._answer is None or not self.outbox.has(self._answer):
            self._answer = self._make(heartbeat=Heartbeat())
            self.outbox.push(self._answer)
        self._answer.heartbeat.answers = number

    def _heard_credit(self, credit: Credit) -> None:
        if credit.limit < (self.outbox.credit_limit or 0):
            raise ProtocolError("Credit that shrinks")
        self.outbox.allow(credit.limit)

    def _heard_goodbye(self, goodbye: Goodbye) -> Left:
        self.heard = goodbye.reason
        return Left(goodbye)


def reason_of(reason: int) -> str:
    """The name of a goodbye's reason, for logs; of one that only a newer peer knows, its number."""
    try:
        return GoodbyeReason.Name(cast("GoodbyeReason.ValueType", reason))
    except ValueError:
        return str(reason)


def duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration
