"""The hub's side of a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mostek.link.v1.link_pb2 import (
    Accepted,
    Acknowledge,
    Begun,
    Cancel,
    Command,
    ConnectorToHub,
    Credit,
    Heartbeat,
    Hello,
    HubToConnector,
    JournalHead,
    Part,
    Result,
    Status,
    Welcome,
)
from mostek.wire.failures import Offline, Overloaded, TooLarge, UnknownOutcome, failure_of
from mostek.wire.outbox import Payload
from mostek.wire.session.common import (
    DENIED_FIELDS,
    DURABLE,
    REQUEST_CREDIT,
    REVISION,
    Assembly,
    Budget,
    Finished,
    Journaled,
    Left,
    Noticed,
    Opened,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    Side,
    StatusChanged,
    duration,
)
from mostek.wire.session.window import Window

__all__ = ["HubSession"]

_CAPABILITIES = (DURABLE, REQUEST_CREDIT, DENIED_FIELDS)

#: A request of at most so many bytes travels in its Command; a larger one in Parts, which need credit.
INLINE = 4096


@dataclass(slots=True)
class _Outstanding:
    """A command as the hub sees it between Command and Result."""

    assembly: Assembly
    sent_at: float
    write: bool = False
    accepted: bool = False
    wanted: bool = True


HubEvent = Opened | StatusChanged | Noticed | Finished | RoundTrip | Journaled | Left

#: Of a hash of the journal: SHA-256. And the highest number that databases keep.
_HASH_SIZE = 32
_LAST_NUMBER = 2**63 - 1


class HubSession(Side[HubToConnector]):
    """The hub's side of one session. `journal`: the last entry known of a tenant's instance, by its Hello."""

    def __init__(
        self,
        session_id: str,
        settings: SessionSettings,
        budget: Budget,
        now: float,
        tenant: str = "",
        journal: Callable[[str, Hello], JournalHead | None] = lambda tenant, hello: None,
    ) -> None:
        super().__init__(HubToConnector, settings.part_size, now)
        self.session_id = session_id
        self.settings = settings
        self.heartbeat_interval = settings.heartbeat_interval
        self.hello: Hello | None = None
        self.status = Status()
        #: A command was not accepted in time.
        self.suspect = False
        self.tenant = tenant
        #: What results take from; the receiver of `Finished.held` gives it back there.
        self.share = budget.share((tenant, ""), tenant)
        #: The stream is gone.
        self.closed = False
        self._budget = budget
        self._journal = journal
        #: The entry that Welcome named, until it is answered; and the number that was told last.
        self._asked: JournalHead | None = None
        self._told = 0
        self._outstanding: dict[str, _Outstanding] = {}
        self._window = Window(settings)

    @property
    def leaving(self) -> bool:
        """Whether either side said goodbye, or the stream is gone: no new commands."""
        return self.closed or self.said_goodbye or self.heard_goodbye

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
    def taken_slots(self) -> int:
        """Commands that have no result yet."""
        return len(self._outstanding)

    @property
    def durable(self) -> bool:
        """Whether the connector has the capability of that name."""
        return self._takes(DURABLE)

    @property
    def denies_fields(self) -> bool:
        """Whether the connector keeps back what a command says."""
        return self._takes(DENIED_FIELDS)

    def _takes(self, capability: str) -> bool:
        return self.hello is not None and capability in self.hello.capabilities

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
        assembly = Assembly(self.settings.payload_size)
        write = bool(command.idempotency_key)
        self._outstanding[command_id] = _Outstanding(assembly, now, write)
        self._push_command(command, request)

    def _push_command(self, command: Command, request: bytes) -> None:
        command.request_size = len(request)
        if len(request) <= min(INLINE, self.settings.part_size):
            command.request = request
        self.outbox.push(HubToConnector(command=command))
        if len(request) > len(command.request):
            self.outbox.push_payload(_parts(command.command_id, request))

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
        self.share.give(entry.assembly.size)
        entry.assembly.clear()

    def close(self) -> None:
        """The stream is gone: give back what the session held, and take no more."""
        self.closed = True
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
                trip = self._heard_heartbeat(frame.heartbeat, now)
                return self._journaled(frame.heartbeat) or trip
            case "credit" if self._takes(REQUEST_CREDIT):
                self._heard_credit(frame.credit)
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
        self.share = self._budget.share((self.tenant, hello.connector), self.tenant)
        if self._takes(REQUEST_CREDIT):
            self.outbox.allow(hello.credit_limit)
        self.outbox.push(HubToConnector(welcome=self._welcome(hello)))
        # Measures the round trip, which the window needs.
        self._beat(now)
        return Opened(hello)

    def _welcome(self, hello: Hello) -> Welcome:
        self._asked = self._journal(self.tenant, hello)
        return Welcome(
            revision=min(REVISION, hello.revision),
            capabilities=[name for name in _CAPABILITIES if name in hello.capabilities],
            session_id=self.session_id,
            heartbeat_interval=duration(self.settings.heartbeat_interval),
            credit_limit=self._window.granted,
            part_size=self.settings.part_size,
            payload_size=self.settings.payload_size,
            journal=self._asked,
        )

    def _journaled(self, beat: Heartbeat) -> Journaled | None:
        """What a heartbeat of the connector's own tells; its answers to the hub's tell nothing."""
        asked, before = self._asked, self._told
        head = _head(beat, "journal")
        answer = _head(beat, "journal_known")
        if answer is not None and (asked is None or answer.number != asked.number):
            raise ProtocolError("an entry of the journal that Welcome did not name")
        if not beat.number or (head is None and asked is None):
            return None
        self._asked, self._told = None, head.number if head else 0
        return Journaled(head, before, asked, answer)

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
        return self._payload(part.command_id, entry, part.data, last=False, now=now)

    def _result(self, result: Result, now: float) -> Finished | None:
        command_id = result.command_id
        entry = self._entry(command_id, "Result")
        if result.WhichOneof("end") is None:
            # Before it is forgotten: its bytes are given back when the session closes.
            raise ProtocolError("a Result without an end")
        refused = self._payload(command_id, entry, result.response, last=True, now=now)
        del self._outstanding[command_id]
        if refused or not entry.wanted:
            return refused
        times = (now - entry.sent_at, result.worked_micros / 1e6)
        if result.HasField("failure"):
            self._forget_payload(entry)
            return Finished(command_id, None, result.failure, 0, *times)
        response = entry.assembly.whole()
        return Finished(command_id, response, None, entry.assembly.size, *times)

    def _entry(self, command_id: str, kind: str) -> _Outstanding:
        entry = self._outstanding.get(command_id)
        if entry is None:
            raise ProtocolError(f"{kind} for a command that is not outstanding")
        return entry

    def _payload(
        self, command_id: str, entry: _Outstanding, data: bytes, *, last: bool, now: float
    ) -> Finished | None:
        """Take payload bytes; a response for which the process has no room fails, and only that one."""
        self._count(command_id, len(data), last=last, now=now)
        if not entry.wanted:
            return None
        if self.share.take(len(data)):
            entry.assembly.add(data)
            return None
        self.cancel(command_id)
        # A write has had its effect.
        kind = UnknownOutcome if entry.write else Overloaded
        full = kind("The hub has no memory for the response now.", retriable=True, retry_after=1.0)
        return Finished(command_id, failure=failure_of(full))

    def _count(self, command_id: str, size: int, *, last: bool, now: float) -> None:
        trip = self.shortest_trip
        limit = self._window.take(command_id, size, last=last, now=now, round_trip=trip)
        if limit is not None:
            self.outbox.push(HubToConnector(credit=Credit(limit=limit)))


def _head(beat: Heartbeat, name: str) -> JournalHead | None:
    if not beat.HasField(name):  # type: ignore[arg-type]
        return None
    head: JournalHead = getattr(beat, name)
    if head.number > _LAST_NUMBER or len(head.hash) not in (0, _HASH_SIZE):
        raise ProtocolError("a head of the journal that is none")
    if name == "journal" and head.number and not head.hash:
        raise ProtocolError("a head of the journal without its hash")
    return head


def _parts(command_id: str, data: bytes) -> Payload[HubToConnector]:
    def piece(piece: bytes) -> HubToConnector:
        return HubToConnector(part=Part(command_id=command_id, data=piece))

    return Payload(command_id, data, piece, piece)
