"""The audit in the database: it is added to, read, and, long after, purged. Methods raise StoreError."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.store.records import AuditEntry, AuditFilter, AuditKind
from mostek.hub.store.rows import add_entries, entry_of
from mostek.hub.store.store import Store, within
from mostek.hub.store.tables import audit

__all__ = ["AuditStore"]


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
        """Forget what is older, and leave an entry that says so for each tenant; how many went."""
        old = audit.c.at < before
        counted = select(audit.c.tenant, func.count()).where(old).group_by(audit.c.tenant)

        async def change(connection: AsyncConnection) -> int:
            counts = [(tenant, count) for tenant, count in await connection.execute(counted)]
            if counts:
                await connection.execute(delete(audit).where(old))
                await add_entries(connection, (_purged(now, *each) for each in counts))
            return sum(count for _, count in counts)

        return await self._store.do(change)


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
