"""The hub's database: PostgreSQL, or a SQLite file for one replica. Nothing else knows SQL."""

from mostek.hub.store.audit import AuditStore
from mostek.hub.store.engine import StoreError
from mostek.hub.store.journals import JournalStore
from mostek.hub.store.keys import KeyStore, NameTaken, NoTenant
from mostek.hub.store.records import (
    AuditEntry,
    AuditFilter,
    AuditKind,
    AuthorityRecord,
    Backlog,
    CertificateRecord,
    CommandFilter,
    CommandRecord,
    Event,
    JournalRecord,
    Lane,
    ReplicaRecord,
    Revocation,
    SessionRecord,
    SessionState,
    TenantRecord,
)
from mostek.hub.store.replicas import Line, ReplicaStore, Seen
from mostek.hub.store.store import Full, KeyTaken, Moved, Store
from mostek.hub.store.trust import SITE, KeyUsed, NotEnrolled, Revoked, TrustStore

__all__ = [
    "SITE",
    "AuditEntry",
    "AuditFilter",
    "AuditKind",
    "AuditStore",
    "AuthorityRecord",
    "Backlog",
    "CertificateRecord",
    "CommandFilter",
    "CommandRecord",
    "Event",
    "Full",
    "JournalRecord",
    "JournalStore",
    "KeyStore",
    "KeyTaken",
    "KeyUsed",
    "Lane",
    "Line",
    "Moved",
    "NameTaken",
    "NoTenant",
    "NotEnrolled",
    "ReplicaRecord",
    "ReplicaStore",
    "Revocation",
    "Revoked",
    "Seen",
    "SessionRecord",
    "SessionState",
    "Store",
    "StoreError",
    "TenantRecord",
    "TrustStore",
]
