"""What several tests of the hub's APIs need."""

from __future__ import annotations

from typing import cast

from mostek.hub.admin import Admin
from mostek.hub.admin_callers import CallersAdmin
from mostek.hub.admin_sites import SitesAdmin
from mostek.hub.audit import Audit
from mostek.hub.callers import Callers
from mostek.hub.gate import ANYBODY, Gate
from mostek.hub.journals import Journals
from mostek.hub.keyring import Keyring
from mostek.hub.pages import PageTokens
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.store import AuditStore, JournalStore, KeyStore, Store
from mostek.hub.writes import Writes


def apis(registry: Registry) -> tuple[Router, Admin, Gate]:
    """What the API is made of, for tests that write nothing: there is no store. Whoever calls is let in."""
    writes = Writes(registry, cast(Store, None))
    audit = Audit(AuditStore(cast(Store, None)))
    return Router(registry, writes, audit), admin_of(registry, writes, audit), ANYBODY


def admin_of(registry: Registry, writes: Writes, audit: Audit, kind: type[Admin] = Admin) -> Admin:
    """The admin half, over the store that the audit has."""
    tokens, store = PageTokens(Keyring({"k": b"1" * 32})), audit._store
    callers = Callers(KeyStore(store._store), most_rate=100.0)
    return kind(
        registry,
        Journals(JournalStore(store._store), audit),
        writes,
        audit,
        tokens,
        CallersAdmin(callers, store, tokens),
        SitesAdmin(registry, None),
    )
