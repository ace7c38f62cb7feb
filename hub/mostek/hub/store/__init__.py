"""The hub's database: PostgreSQL, or a SQLite file for one replica. Nothing else knows SQL."""

from mostek.hub.store.audit import AuditStore
from mostek.hub.store.engine import StoreError
from mostek.hub.store.keys import KeyStore, NameTaken, NoTenant
from mostek.hub.store.records import (
    AuditEntry,
    AuditFilter,
    AuditKind,
    CommandFilter,
    CommandRecord,
    Event,
    Lane,
    TenantRecord,
)
from mostek.hub.store.store import Full, KeyTaken, Moved, Store

__all__ = [
    "AuditEntry",
    "AuditFilter",
    "AuditKind",
    "AuditStore",
    "CommandFilter",
    "CommandRecord",
    "Event",
    "Full",
    "KeyStore",
    "KeyTaken",
    "Lane",
    "Moved",
    "NameTaken",
    "NoTenant",
    "Store",
    "StoreError",
    "TenantRecord",
]
