"""The rules of a session, for both sides: who may send which frame when, slots, credit, liveness.

Nothing here awaits, sleeps or reads a clock: moments (`now`, seconds on any steady clock) are passed in and frames lie
in an `Outbox`, so every rule can be tested by calling it. The rules themselves stand in `link.proto`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

from google.protobuf.duration_pb2 import Duration

from mostek.link.v1 import failure_pb2
from mostek.link.v1.link_pb2 import (
    Accepted,
    Acknowledge,
    Begun,
    Cancel,
    Command,
    ConnectorToHub,
    Credit,
    Goodbye,
    GoodbyeReason,
    Heartbeat,
    Hello,
    HubToConnector,
    Part,
    Result,
    Status,
    Welcome,
)
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Offline,
    Overloaded,
    TooLarge,
    UnknownOutcome,
    failure_of,
)
from mostek.wire.outbox import Outbox, Payload

__all__ = [
    "DURABLE",
    "REVISION",
    "Acknowledged",
    "Budget",
    "CancelAsked",
    "ConnectorSession",
    "Finished",
    "HubSession",
    "Left",
    "Noticed",
    "Opened",
    "ProtocolError",
    "SessionSettings",
    "Started",
    "StatusChanged",
    "Welcomed",
]

#: Of the protocol in link.proto.
REVISION = 1
#: A side from which nothing came for so many heartbeat intervals is dead.
MISSES = 3
#: Capability of a connector: it tells when a write begins, can cancel it before, and keeps outcomes until acknowledged.
DURABLE = "durable"


class ProtocolError(Exception):
    """The other side broke a rule of link.proto; the message says which. The session must end."""


@dataclass(frozen=True)
class SessionSettings:
    """What the hub sets for a session. Spans in seconds, sizes in bytes."""

    #: Three of them are the time after which a silent side is dead: 36 s leave room below the promised 45.
    heartbeat_interval: float = 12.0
    #: A command that is not accepted within this makes the session suspect.
    accept_within: float = 5.0
    part_size: int = 32 * 1024
    payload_size: int = 4 * 1024 * 1024
    window: int = 256 * 1024
    max_window: int = 4 * 1024 * 1024


class Budget:
    """Bytes of responses that one process holds at once, over all sessions."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0

    def take(self, size: int) -> bool:
        """Reserve; False, and nothing reserved, when there is no room."""
        if self.used + size > self.total:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        """Give back what was reserved."""
        self.used -= size


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
    """A command ended: with a response or a failure. `held` bytes of the budget are the receiver's to give back."""

    command_id: str
    response: bytes | None = None
    failure: failure_pb2.Failure | None = None
    held: int = 0


@dataclass(frozen=True)
class Noticed:
    """The connector has accepted these commands, or begun this write."""

    command_ids: tuple[str, ...]
    begun: bool = False


@dataclass(frozen=True)
class Left:
    """The other side said goodbye."""

    goodbye: Goodbye


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


@dataclass
class _Assembly:
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


class _Side(Generic[F]):
    """What both sides have: an outbox, liveness, goodbye."""

    def __init__(self, make: Callable[..., F], part_size: int, now: float) -> None:
        self._make: Callable[..., F] = make
        self.outbox: Outbox[F] = Outbox(part_size)
        #: Round trip of the last answered heartbeat, seconds; 0 before the first.
        self.round_trip = 0.0
        self.heartbeat_interval = SessionSettings.heartbeat_interval
        self.said_goodbye = False
        self.heard_goodbye = False
        self._began_at = now
        self._heard_at = now
        self._beats = 0
        self._beat_at = now

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
        self.said_goodbye = True
        frame = Goodbye(reason=reason, message=message)
        if reconnect_after is not None:
            frame.reconnect_after.CopyFrom(_duration(reconnect_after))
        self.outbox.push(self._make(goodbye=frame))

    def is_dead(self, now: float) -> bool:
        """Whether the other side was silent for too long."""
        return now - self._heard_at >= MISSES * self.heartbeat_interval

    def is_older(self, now: float, seconds: float) -> bool:
        """Whether the session began more than that long ago."""
        return now - self._began_at > seconds

    def _beat_if_due(self, now: float) -> None:
        if now - self._beat_at >= self.heartbeat_interval:
            self._beat(now)

    def _beat(self, now: float) -> None:
        self._beats += 1
        self._beat_at = now
        self.outbox.push(self._make(heartbeat=Heartbeat(number=self._beats)))

    def _heard_heartbeat(self, beat: Heartbeat, now: float) -> None:
        if beat.number:
            self.outbox.push(self._make(heartbeat=Heartbeat(answers=beat.number)))
        if beat.answers and beat.answers == self._beats:
            self.round_trip = now - self._beat_at

    def _heard_goodbye(self, goodbye: Goodbye) -> Left:
        self.heard_goodbye = True
        return Left(goodbye)


@dataclass
class _Outstanding:
    """A command as the hub sees it between Command and Result."""

    assembly: _Assembly
    sent_at: float
    write: bool = False
    accepted: bool = False
    wanted: bool = True


HubEvent = Opened | StatusChanged | Noticed | Finished | Left


class HubSession(_Side[HubToConnector]):
    """The hub's side of one session."""

    def __init__(
        self, session_id: str, settings: SessionSettings, budget: Budget, now: float
    ) -> None:
        super().__init__(HubToConnector, settings.part_size, now)
        self.session_id = session_id
        self.settings = settings
        self.heartbeat_interval = settings.heartbeat_interval
        self.hello: Hello | None = None
        self.status = Status()
        #: A command was not accepted in time.
        self.suspect = False
        self._budget = budget
        self._outstanding: dict[str, _Outstanding] = {}
        self._window = settings.window
        self._received = 0
        self._granted = settings.window
        self._measured_at = now
        self._measured = 0

    @property
    def slots(self) -> int:
        """Commands that may be outstanding."""
        return self.hello.slots if self.hello else 0

    @property
    def free_slots(self) -> int:
        """Commands that may be sent now."""
        if self.leaving or self.suspect:
            return 0
        return self.slots - len(self._outstanding)

    @property
    def durable(self) -> bool:
        """Whether the connector has the capability of that name."""
        return self.hello is not None and DURABLE in self.hello.capabilities

    @property
    def outstanding(self) -> list[str]:
        """Ids of the commands that have no result yet."""
        return list(self._outstanding)

    def send(self, command: Command, request: bytes, now: float) -> None:
        """Take a slot for the command and put it in the outbox. Raises Offline, Overloaded, TooLarge."""
        if len(request) > self.settings.payload_size:
            raise TooLarge(
                f"The request has {len(request)} bytes; the link carries {self.settings.payload_size}."
            )
        if self.leaving or self.hello is None:
            raise Offline("The connector is leaving; try again in a moment.", retry_after=1.0)
        if self.free_slots <= 0:
            raise Overloaded("The connector has no room for another command.", retry_after=1.0)
        command_id = command.command_id
        if command_id in self._outstanding:
            raise ValueError(f"{command_id} is outstanding")
        assembly = _Assembly(self.settings.payload_size)
        write = bool(command.idempotency_key)
        self._outstanding[command_id] = _Outstanding(assembly, now, write)
        self._push_command(command, request)

    def _push_command(self, command: Command, request: bytes) -> None:
        command.request_size = len(request)
        size = self.settings.part_size
        command.request = request[:size]
        self.outbox.push(HubToConnector(command=command))
        if len(request) > size:
            self.outbox.push_payload(_parts(command.command_id, request[size:], _hub_part))

    def cancel(self, command_id: str) -> None:
        """Tell the connector that nobody wants the result any more; the slot stays taken until its Result comes."""
        entry = self._outstanding.get(command_id)
        if entry is None or not entry.wanted:
            return
        self._forget_payload(entry)
        self.outbox.drop(command_id)
        self.outbox.push(HubToConnector(cancel=Cancel(command_id=command_id)))

    def ask_cancel(self, command_id: str) -> bool:
        """Ask the connector to cancel a write that has not begun, and still wait for its Result; whether it can."""
        if command_id not in self._outstanding or not self.durable:
            return False
        self.outbox.push(HubToConnector(cancel=Cancel(command_id=command_id)))
        return True

    def acknowledge(self, company: str, idempotency_key: str) -> bool:
        """Tell the connector that the outcome of a write is kept here; whether it can be told."""
        if self.leaving or not self.durable:
            return False
        frame = Acknowledge(company=company, idempotency_key=idempotency_key)
        self.outbox.push(HubToConnector(acknowledge=frame))
        return True

    def _forget_payload(self, entry: _Outstanding) -> None:
        entry.wanted = False
        self._budget.give(entry.assembly.size)
        entry.assembly.clear()

    def close(self) -> None:
        """The stream is gone: give back what the session held."""
        for entry in self._outstanding.values():
            self._forget_payload(entry)
        self._outstanding.clear()

    def receive(self, frame: ConnectorToHub, now: float) -> HubEvent | None:
        """Take a frame of the connector. Raises ProtocolError."""
        self._heard_at = now
        kind = frame.WhichOneof("frame")
        if (self.hello is None) != (kind == "hello"):
            raise ProtocolError("Hello must come first, and once")
        match kind:
            case "result":
                return self._result(frame.result, now)
            case "part":
                return self._part(frame.part, now)
            case "accepted":
                return self._accepted(frame.accepted)
            case "begun":
                return self._begun(frame.begun)
            case "heartbeat":
                self._heard_heartbeat(frame.heartbeat, now)
            case "status":
                self.status = frame.status
                return StatusChanged(frame.status)
            case "goodbye":
                return self._heard_goodbye(frame.goodbye)
            case "hello":
                return self._open(frame.hello, now)
            case _:
                # A newer connector said something that this hub does not know.
                raise ProtocolError("a frame that this revision does not know")
        return None

    def tick(self, now: float) -> None:
        """Call about once a second: sends heartbeats, notices commands that are not accepted."""
        self._beat_if_due(now)
        late = now - self.settings.accept_within
        self.suspect = any(
            not entry.accepted and entry.sent_at < late for entry in self._outstanding.values()
        )

    def _open(self, hello: Hello, now: float) -> Opened:
        if not hello.connector or not hello.instance:
            raise ProtocolError("Hello names no connector or no instance")
        if not hello.slots:
            raise ProtocolError("Hello offers no slots")
        if not hello.revision:
            raise ProtocolError("Hello names no revision")
        self.hello = hello
        self.status = hello.status
        self.outbox.push(HubToConnector(welcome=self._welcome(hello)))
        # Measures the round trip, which the window needs.
        self._beat(now)
        return Opened(hello)

    def _welcome(self, hello: Hello) -> Welcome:
        return Welcome(
            revision=min(REVISION, hello.revision),
            capabilities=[DURABLE] if DURABLE in hello.capabilities else [],
            session_id=self.session_id,
            heartbeat_interval=_duration(self.settings.heartbeat_interval),
            credit_limit=self._granted,
            part_size=self.settings.part_size,
            payload_size=self.settings.payload_size,
        )

    def _accepted(self, accepted: Accepted) -> Noticed:
        for command_id in accepted.command_ids:
            if entry := self._outstanding.get(command_id):
                entry.accepted = True
        return Noticed(tuple(accepted.command_ids))

    def _begun(self, begun: Begun) -> Noticed:
        self._entry(begun.command_id, "Begun").accepted = True
        return Noticed((begun.command_id,), begun=True)

    def _part(self, part: Part, now: float) -> Finished | None:
        entry = self._entry(part.command_id, "Part")
        if not part.data:
            raise ProtocolError("an empty Part")
        entry.accepted = True
        return self._payload(part.command_id, entry, part.data, now)

    def _result(self, result: Result, now: float) -> Finished | None:
        command_id = result.command_id
        entry = self._entry(command_id, "Result")
        refused = self._payload(command_id, entry, result.response, now)
        del self._outstanding[command_id]
        if refused or not entry.wanted:
            return refused
        if result.HasField("failure"):
            self._forget_payload(entry)
            return Finished(command_id, failure=result.failure)
        if not result.HasField("response"):
            raise ProtocolError("a Result without an end")
        return Finished(command_id, response=entry.assembly.whole(), held=entry.assembly.size)

    def _entry(self, command_id: str, kind: str) -> _Outstanding:
        entry = self._outstanding.get(command_id)
        if entry is None:
            raise ProtocolError(f"{kind} for a command that is not outstanding")
        return entry

    def _payload(
        self, command_id: str, entry: _Outstanding, data: bytes, now: float
    ) -> Finished | None:
        """Take payload bytes; a response for which the process has no room fails, and only that one."""
        self._count(len(data), now)
        if not entry.wanted:
            return None
        if self._budget.take(len(data)):
            entry.assembly.add(data)
            return None
        self.cancel(command_id)
        # A write has had its effect.
        kind = UnknownOutcome if entry.write else Overloaded
        full = kind("The hub has no memory for the response now.", retriable=True, retry_after=1.0)
        return Finished(command_id, failure=failure_of(full))

    def _count(self, size: int, now: float) -> None:
        """Check the bytes against the credit that was given, and give more when a quarter of the window is used."""
        self._received += size
        if size > self.settings.part_size:
            raise ProtocolError(f"a frame with more than {self.settings.part_size} payload bytes")
        if self._received > self._granted:
            raise ProtocolError("more payload than there was credit for")
        if self._granted - self._received <= self._window - self._window // 4:
            self._grow(now)
            self._granted = self._received + self._window
            self.outbox.push(HubToConnector(credit=Credit(limit=self._granted)))

    def _grow(self, now: float) -> None:
        """Make the window fit what the path carries in two round trips, as measured since the last credit."""
        span = now - self._measured_at
        if span <= 0 or span < self.round_trip:
            # Bytes that arrive in one burst say nothing about the rate.
            return
        wanted = int(2 * (self._received - self._measured) / span * self.round_trip)
        self._window = min(max(self._window, wanted), self.settings.max_window)
        self._measured_at, self._measured = now, self._received


@dataclass
class _Running:
    """A command as the connector sees it between Command and Result."""

    command: Command
    assembly: _Assembly
    accepted: bool = False


ConnectorEvent = Welcomed | Started | CancelAsked | Acknowledged | Left


class ConnectorSession(_Side[ConnectorToHub]):
    """The connector's side of one session."""

    def __init__(self, hello: Hello, now: float) -> None:
        super().__init__(ConnectorToHub, SessionSettings.part_size, now)
        self.welcome: Welcome | None = None
        self._slots = hello.slots
        self._running: dict[str, _Running] = {}
        self.outbox.push(ConnectorToHub(hello=hello))

    @property
    def session_id(self) -> str:
        """The hub's name for the session; empty before Welcome."""
        return self.welcome.session_id if self.welcome else ""

    @property
    def idle(self) -> bool:
        """Whether no command is outstanding and nothing waits to be sent."""
        return not self._running and not self.outbox

    @property
    def running(self) -> list[str]:
        """Ids of the commands that have no result yet."""
        return list(self._running)

    def receive(self, frame: HubToConnector, now: float) -> ConnectorEvent | None:
        """Take a frame of the hub. Raises ProtocolError."""
        self._heard_at = now
        kind = frame.WhichOneof("frame")
        if self.welcome is None and kind not in ("welcome", "goodbye"):
            raise ProtocolError("Welcome must come first")
        match kind:
            case "command":
                return self._command(frame.command)
            case "part":
                return self._part(frame.part)
            case "cancel":
                return self._cancel(frame.cancel.command_id)
            case "acknowledge":
                told = frame.acknowledge
                return Acknowledged(told.company, told.idempotency_key)
            case "credit":
                self._credit(frame.credit.limit)
            case "heartbeat":
                self._heard_heartbeat(frame.heartbeat, now)
            case "goodbye":
                return self._heard_goodbye(frame.goodbye)
            case "welcome":
                return self._welcomed(frame.welcome)
            case _:
                raise ProtocolError("a frame that this revision does not know")
        return None

    def begin(self, command_id: str) -> None:
        """A write is being executed; nothing happens if the hub does not want to know."""
        running = self._running.get(command_id)
        if running is not None and self.welcome and DURABLE in self.welcome.capabilities:
            running.accepted = True
            self.outbox.push(ConnectorToHub(begun=Begun(command_id=command_id)))

    def finish(self, command_id: str, end: bytes | CommandFailure) -> None:
        """The command's end; nothing happens if it is not outstanding (its session is another)."""
        running = self._running.pop(command_id, None)
        if running is None:
            return
        if isinstance(end, bytes) and self.welcome and len(end) > self.welcome.payload_size:
            # A write has had its effect.
            kind = UnknownOutcome if running.command.idempotency_key else TooLarge
            end = kind(
                f"The response has {len(end)} bytes; the link carries {self.welcome.payload_size}. "
                "Ask for fewer rows or fields."
            )
        if isinstance(end, bytes):
            self.outbox.push_payload(_response(command_id, end))
        else:
            result = Result(command_id=command_id, failure=failure_of(end))
            self.outbox.push(ConnectorToHub(result=result))

    def status(self, status: Status) -> None:
        """Tell the hub what is served now."""
        self.outbox.push(ConnectorToHub(status=status))

    def tick(self, now: float) -> None:
        """Call about twice a second: accepts the commands that run and sends heartbeats."""
        fresh = [cid for cid, running in self._running.items() if not running.accepted]
        if fresh:
            for command_id in fresh:
                self._running[command_id].accepted = True
            self.outbox.push(ConnectorToHub(accepted=Accepted(command_ids=fresh)))
        self._beat_if_due(now)

    def _welcomed(self, welcome: Welcome) -> Welcomed:
        if self.welcome is not None:
            raise ProtocolError("a second Welcome")
        if not welcome.part_size or welcome.credit_limit < 2 * welcome.part_size:
            raise ProtocolError("Welcome gives no part size, or credit for less than two parts")
        self.welcome = welcome
        self.heartbeat_interval = welcome.heartbeat_interval.ToTimedelta().total_seconds()
        self.outbox.part_size = welcome.part_size
        self.outbox.allow(welcome.credit_limit)
        return Welcomed(welcome)

    def _command(self, command: Command) -> Started | None:
        if command.command_id in self._running:
            raise ProtocolError("a Command with an id that is outstanding")
        if len(self._running) >= self._slots:
            raise ProtocolError("more Commands than slots")
        if self.heard_goodbye:
            raise ProtocolError("a Command after Goodbye")
        assert self.welcome is not None
        running = _Running(command, _Assembly(self.welcome.payload_size))
        self._running[command.command_id] = running
        return self._request_piece(running, command.request)

    def _part(self, part: Part) -> Started | None:
        running = self._running.get(part.command_id)
        if running is None:
            # Its Result and this Part crossed.
            return None
        if not part.data or running.assembly.size >= running.command.request_size:
            raise ProtocolError("a Part that is empty or beyond request_size")
        return self._request_piece(running, part.data)

    def _request_piece(self, running: _Running, data: bytes) -> Started | None:
        running.assembly.add(data)
        wanted = running.command.request_size
        if running.assembly.size > wanted:
            raise ProtocolError("a request larger than request_size")
        if running.assembly.size < wanted:
            return None
        return Started(running.command, running.assembly.whole())

    def _cancel(self, command_id: str) -> CancelAsked | None:
        running = self._running.get(command_id)
        if running is None:
            return None
        if running.assembly.size < running.command.request_size:
            self.finish(command_id, Cancelled("The command was cancelled before it was complete."))
            return None
        return CancelAsked(command_id)

    def _credit(self, limit: int) -> None:
        if limit < (self.outbox.credit_limit or 0):
            raise ProtocolError("Credit that shrinks")
        self.outbox.allow(limit)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=seconds))
    return duration


def _hub_part(part: Part) -> HubToConnector:
    return HubToConnector(part=part)


def _parts(
    command_id: str, data: bytes, frame: Callable[[Part], HubToConnector]
) -> Payload[HubToConnector]:
    def piece(piece: bytes) -> HubToConnector:
        return frame(Part(command_id=command_id, data=piece))

    return Payload(command_id, data, piece, piece)


def _response(command_id: str, data: bytes) -> Payload[ConnectorToHub]:
    return Payload(
        command_id,
        data,
        lambda piece: ConnectorToHub(part=Part(command_id=command_id, data=piece)),
        lambda piece: ConnectorToHub(result=Result(command_id=command_id, response=piece)),
    )
