"""The audit in the database: it is added to, read, and, long after, purged. Methods raise StoreError."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.store.conditions import within
from mostek.hub.store.records import AuditEntry, AuditFilter, AuditKind
from mostek.hub.store.rows import add_entries, entry_of
from mostek.hub.store.store import Store
from mostek.hub.store.tables import audit

__all__ = ["AuditStore"]

#: Entries that are purged in one transaction: whoever is to be answered waits for it.
_BATCH = 1000


class AuditStore:
    """The audit of a store. There is nothing that changes an entry."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, entries: Iterable[AuditEntry]) -> None:
        """Add entries, all or none."""
        await self._store.do(lambda connection: add_entries(connection, entries))

    async def find(self, tenant: str, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        """The tenant's entries, the oldest first."""
        query = select(audit).where(audit.c.tenant == tenant, *_conditions(wanted))
        query = query.order_by(audit.c.number).limit(limit)

        async def read(connection: AsyncConnection) -> list[AuditEntry]:
            return [entry_of(row) for row in await connection.execute(query)]

        return await self._store.do(read)

    async def purge(self, before: float, now: float) -> int:
        """Forget what is older, and leave entries that say so for each tenant; how many went."""
        old = select(audit.c.number).where(audit.c.at < before).order_by(audit.c.at).limit(_BATCH)
        gone = delete(audit).where(audit.c.number.in_(old)).returning(audit.c.tenant)

        async def change(connection: AsyncConnection) -> int:
            counts = Counter((await connection.execute(gone)).scalars())
            await add_entries(connection, (_purged(now, *each) for each in counts.items()))
            return counts.total()

        return await self._store.in_batches(change)


def _purged(now: float, tenant: str, count: int) -> AuditEntry:
    detail = f"{count} entries had reached the end of their retention"
    return AuditEntry(now, tenant, AuditKind.LOSS, "hub", "purge audit", "purged", detail=detail)


def _conditions(wanted: AuditFilter) -> Iterable[ColumnElement[bool]]:
    yield audit.c.number > wanted.after
    if wanted.connector:
        yield audit.c.connector == wanted.connector
    yield from within(wanted.reach, audit)
    if wanted.kinds:
        yield audit.c.kind.in_(sorted(wanted.kinds))
    if wanted.since:
        yield audit.c.at >= wanted.since
    if wanted.until is not None:
        yield audit.c.at < wanted.until
