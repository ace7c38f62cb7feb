"""The connector's side of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mostek.link.v1.link_pb2 import (
    Accepted,
    Begun,
    Command,
    ConnectorToHub,
    Credit,
    GoodbyeReason,
    Heartbeat,
    Hello,
    HubToConnector,
    JournalHead,
    Part,
    Result,
    Status,
    Welcome,
)
from mostek.wire.failures import Cancelled, CommandFailure, TooLarge, UnknownOutcome, failure_of
from mostek.wire.outbox import Payload
from mostek.wire.session.common import (
    DURABLE,
    LONGEST_HEARTBEAT_INTERVAL,
    REQUEST_CREDIT,
    Acknowledged,
    Assembly,
    CancelAsked,
    Left,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    Side,
    Started,
    Welcomed,
)
from mostek.wire.session.window import Window
from mostek.wire.spans import seconds_of

__all__ = ["ConnectorSession"]


@dataclass(slots=True)
class _Running:
    """A command as the connector sees it between Command and Result."""

    command: Command
    assembly: Assembly
    accepted: bool = False


ConnectorEvent = Welcomed | Started | CancelAsked | Acknowledged | RoundTrip | Left


class ConnectorSession(Side[ConnectorToHub]):
    """The connector's side of one session. `journal`: the head of its journal, None if it keeps none."""

    def __init__(
        self, hello: Hello, now: float, journal: Callable[[], JournalHead | None] = lambda: None
    ) -> None:
        super().__init__(ConnectorToHub, SessionSettings.part_size, now)
        self.welcome: Welcome | None = None
        self._journal = journal
        #: The first heartbeat waits for it, if the hub knows an entry.
        self._looking = False
        self._known: JournalHead | None = None
        self._slots = hello.slots
        self._running: dict[str, _Running] = {}
        #: Answered since the last tick, without having been accepted.
        self._answered: list[str] = []
        self._window = Window(SessionSettings())
        if REQUEST_CREDIT in hello.capabilities:
            hello.credit_limit = self._window.granted
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
                return self._part(frame.part, now)
            case "cancel":
                return self._cancel(frame.cancel.command_id)
            case "acknowledge":
                told = frame.acknowledge
                return Acknowledged(told.company, told.idempotency_key)
            case "credit":
                self._heard_credit(frame.credit)
            case "heartbeat":
                return self._heard_heartbeat(frame.heartbeat, now)
            case "goodbye":
                return self._heard_goodbye(frame.goodbye)
            case "welcome":
                return self._welcomed(frame.welcome, now)
            case _:
                raise ProtocolError("a frame that this revision does not know")
        return None

    def begin(self, command_id: str) -> None:
        """A write is being executed; nothing happens if the hub does not want to know."""
        running = self._running.get(command_id)
        if running is not None and self.welcome and DURABLE in self.welcome.capabilities:
            running.accepted = True
            self.outbox.push(ConnectorToHub(begun=Begun(command_id=command_id)))

    def fitted(self, command_id: str, response: bytes) -> bytes | CommandFailure:
        """The response of a command, or the failure that it is if it is larger than the link carries."""
        running = self._running.get(command_id)
        if running is None or self.welcome is None or len(response) <= self.welcome.payload_size:
            return response
        # A write has had its effect.
        kind = UnknownOutcome if running.command.idempotency_key else TooLarge
        return kind(
            f"The response has {len(response)} bytes; the link carries {self.welcome.payload_size}. "
            "Ask for fewer rows or fields."
        )

    def finish(self, command_id: str, end: bytes | CommandFailure, worked: float = 0.0) -> None:
        """The command's end, after so many seconds of work; nothing happens if it is not outstanding (its session is
        another)."""
        if isinstance(end, bytes):
            end = self.fitted(command_id, end)
        running = self._running.pop(command_id, None)
        if running is None:
            return
        if isinstance(end, bytes):
            if not running.accepted:
                self._answered.append(command_id)
            keep = bool(running.command.idempotency_key)
            self.outbox.push_payload(_response(command_id, end, worked, keep=keep))
        else:
            self._fail(command_id, end, worked)

    def _fail(self, command_id: str, failure: CommandFailure, worked: float = 0.0) -> None:
        result = Result(
            command_id=command_id, failure=failure_of(failure), worked_micros=_micros(worked)
        )
        self.outbox.push(ConnectorToHub(result=result))

    def status(self, status: Status) -> None:
        """Tell the hub what is served now."""
        self.outbox.push(ConnectorToHub(status=status))

    def tick(self, now: float) -> None:
        """Call about twice a second: accepts the commands that run or wait to be answered, and sends heartbeats."""
        self._beat_if_due(now)
        fresh = [cid for cid, running in self._running.items() if not running.accepted]
        fresh += self.outbox.waiting.intersection(self._answered)
        self._answered.clear()
        if fresh:
            for running in self._running.values():
                running.accepted = True
            self.outbox.push(ConnectorToHub(accepted=Accepted(command_ids=fresh)))

    def _welcomed(self, welcome: Welcome, now: float) -> Welcomed:
        if self.welcome is not None:
            raise ProtocolError("a second Welcome")
        if not welcome.part_size or welcome.credit_limit < 2 * welcome.part_size:
            raise ProtocolError("Welcome gives no part size, or credit for less than two parts")
        interval = seconds_of(welcome.heartbeat_interval)
        if not 0 < interval <= LONGEST_HEARTBEAT_INTERVAL:
            raise ProtocolError("Welcome gives no heartbeat interval of at most a minute")
        self.welcome = welcome
        self.heartbeat_interval = interval
        self.outbox.part_size = self._window.part_size = welcome.part_size
        self.outbox.allow(welcome.credit_limit)
        self._looking = welcome.HasField("journal")
        if self._gives_credit and not self._looking:
            # Measures the round trip, which the window needs.
            self._beat(now)
        return Welcomed(welcome)

    def tell_known(self, hash_now: bytes, now: float) -> None:
        """The hash that the entry which Welcome named has in the journal now; empty: there is none."""
        assert self.welcome is not None
        number = self.welcome.journal.number
        self._known = JournalHead(number=number, hash=hash_now)
        self._looking = False
        self._beat(now)

    def goodbye(
        self, reason: GoodbyeReason.ValueType, message: str, reconnect_after: float | None = None
    ) -> None:
        """Say the last word, after the head of the journal."""
        if self.welcome and not self._looking and not self.said_goodbye and self._journal():
            self._beat(self._beat_at)
        super().goodbye(reason, message, reconnect_after)

    def _heartbeat(self) -> Heartbeat:
        known, self._known = self._known, None
        return Heartbeat(number=self._beats, journal=self._journal(), journal_known=known)

    def _beat_if_due(self, now: float) -> None:
        if not self._looking:
            super()._beat_if_due(now)

    def _command(self, command: Command) -> Started | None:
        if command.command_id in self._running:
            raise ProtocolError("a Command with an id that is outstanding")
        if len(self._running) >= self._slots:
            raise ProtocolError("more Commands than slots")
        if self.heard_goodbye:
            raise ProtocolError("a Command after Goodbye")
        assert self.welcome is not None
        running = _Running(command, Assembly(self.welcome.payload_size))
        self._running[command.command_id] = running
        return self._request_piece(running, command.request)

    def _part(self, part: Part, now: float) -> Started | None:
        running = self._running.get(part.command_id)
        left = 0 if running is None else running.command.request_size - running.assembly.size
        if self._gives_credit:
            self._count(part, last=len(part.data) >= left, now=now)
        if running is None:
            # Its Result and this Part crossed.
            return None
        if not part.data or left <= 0:
            raise ProtocolError("a Part that is empty or beyond request_size")
        return self._request_piece(running, part.data)

    @property
    def _gives_credit(self) -> bool:
        return self.welcome is not None and REQUEST_CREDIT in self.welcome.capabilities

    def _count(self, part: Part, *, last: bool, now: float) -> None:
        limit = self._window.take(
            part.command_id, len(part.data), last=last, now=now, round_trip=self.shortest_trip
        )
        if limit is not None:
            self.outbox.push(ConnectorToHub(credit=Credit(limit=limit)))

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
            if self.outbox.drop(command_id):
                self._fail(
                    command_id, Cancelled("The command was cancelled while it was answered.")
                )
            return None
        if running.assembly.size < running.command.request_size:
            self._window.forget(command_id)
            self.finish(command_id, Cancelled("The command was cancelled before it was complete."))
            return None
        return CancelAsked(command_id)


def _response(
    command_id: str, data: bytes, worked: float, *, keep: bool
) -> Payload[ConnectorToHub]:
    def last(piece: bytes) -> ConnectorToHub:
        result = Result(command_id=command_id, response=piece, worked_micros=_micros(worked))
        return ConnectorToHub(result=result)

    return Payload(
        command_id,
        data,
        lambda piece: ConnectorToHub(part=Part(command_id=command_id, data=piece)),
        last,
        keep=keep,
    )


def _micros(seconds: float) -> int:
    return max(int(seconds * 1e6), 0)
