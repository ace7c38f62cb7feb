"""What the store gives and takes: values without a database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from mostek.hub.commands import Progress, State
from mostek.hub.identity import EVERYTHING, ConnectorId, Reach
from mostek.wire.trust import InstanceId

__all__ = [
    "AuditEntry",
    "AuditFilter",
    "AuditKind",
    "AuthorityRecord",
    "Backlog",
    "CertificateRecord",
    "CommandFilter",
    "CommandRecord",
    "Event",
    "JournalRecord",
    "Lane",
    "ReplicaRecord",
    "Revocation",
    "SessionRecord",
    "SessionState",
    "TenantRecord",
]


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
class Backlog:
    """Numbers of durable commands, by state, as they were at `read_at`. Moments are seconds since 1970."""

    read_at: float
    waiting: dict[State, int]
    to_resolve: dict[State, int]
    #: When the oldest of those that wait was recorded.
    oldest_at: float | None


@dataclass(frozen=True)
class CommandFilter:
    """Which commands to list; what is empty does not matter. `before`: numbers below, 0 for all.

    `reach`: only those that a caller so restricted may see.
    """

    connector: str = ""
    company: str = ""
    idempotency_key: str = ""
    states: frozenset[State] = frozenset()
    before: int = 0
    reach: Reach = EVERYTHING


@dataclass(frozen=True)
class AuthorityRecord:
    """An authority as it is kept, its key decrypted."""

    name: str
    certificate: str
    crosses: str
    key: bytes = field(repr=False)
    added_at: float
    retired_at: float | None = None


@dataclass(frozen=True)
class CertificateRecord:
    """A certificate that an authority issued. Moments are whole seconds since 1970; `public_key` is a hash."""

    of: ConnectorId
    instance: str
    serial: str
    public_key: bytes
    issued_at: int
    expires_at: int
    authority: str

    @property
    def id(self) -> InstanceId:
        """Whom it names."""
        return InstanceId(*self.of, self.instance)


@dataclass(frozen=True)
class Revocation:
    """Covers what was issued to a connector until a second; one instance or one certificate, if they are named."""

    of: ConnectorId
    instance: str
    serial: str
    until: int

    def covers(self, held: CertificateRecord) -> bool:
        """Whether the certificate is one of those that it revokes."""
        return (
            self.of == held.of
            and self.instance in ("", held.instance)
            and self.serial in ("", held.serial)
            and held.issued_at <= self.until
        )


@dataclass(frozen=True)
class JournalRecord:
    """The end of the journal that an instance keeps at its site, as it told it. Moments are seconds since 1970."""

    of: InstanceId
    number: int
    hash: bytes
    told_at: float
    #: In what it was found not to be the journal that was known before, the last time; empty: never.
    fault: str = ""
    fault_at: float | None = None


class AuditKind(StrEnum):
    """What an entry of the audit is about."""

    ADMIN = "admin"
    ENROLMENT = "enrolment"
    #: Somebody was not let in, or not let do something.
    REFUSAL = "refusal"
    WRITE = "write"
    READ = "read"
    #: A site's journal is not the one that it was.
    JOURNAL = "journal"
    #: Entries that could not be kept, or are kept no longer: `detail` says how many.
    LOSS = "loss"


class AuditEntry(NamedTuple):
    """One entry of the audit. `at`: seconds since 1970. `number` is given by the store."""

    at: float
    tenant: str
    kind: AuditKind
    caller: str
    #: An operation, an rpc of `AdminService`, or what else was done.
    operation: str
    outcome: str
    connector: str = ""
    company: str = ""
    command_id: str = ""
    detail: str = ""
    number: int = 0


@dataclass(frozen=True)
class AuditFilter:
    """Which entries of a tenant to list, the oldest first; what is empty does not matter. Moments as in the entries.

    `reach`: only those about what a caller so restricted may see.
    """

    connector: str = ""
    kinds: frozenset[AuditKind] = frozenset()
    since: float = 0.0
    until: float | None = None
    #: Numbers above.
    after: int = 0
    reach: Reach = EVERYTHING


@dataclass(frozen=True)
class TenantRecord:
    """Somebody for whom the hub works."""

    name: str
    added_at: float


@dataclass(frozen=True)
class ReplicaRecord:
    """A replica of the hub that is alive. `beat` counts up while it is, `since` is another one for another life."""

    name: str
    address: str
    sessions: int
    beat: int = 0
    since: int = 0


class SessionState(StrEnum):
    """Where a session is, as other replicas see it."""

    ACTIVE = "active"
    #: One side said goodbye: it finishes what runs.
    DRAINING = "draining"
    ENDED = "ended"


@dataclass(frozen=True)
class SessionRecord:
    """A session of some replica. `connected_at`: seconds since 1970.

    `number` is given by the store: of two sessions of one instance the one with the larger number is the newer.
    """

    id: str
    of: ConnectorId
    instance: str
    process: str
    replica: str
    software: str
    slots: int
    connected_at: float
    state: SessionState = SessionState.ACTIVE
    number: int = 0
