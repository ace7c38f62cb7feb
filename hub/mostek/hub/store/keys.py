"""Tenants and API keys in the database. Each method is one transaction and raises StoreError, as those of `Store`."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from mostek.hub.keys import ApiKey
from mostek.hub.store.records import AuditEntry, TenantRecord
from mostek.hub.store.rows import add_entries, key_of, key_values
from mostek.hub.store.store import Store
from mostek.hub.store.tables import api_key, tenant

__all__ = ["KeyStore", "NameTaken", "NoTenant"]


class NameTaken(Exception):
    """A tenant, or a key of the tenant that is not revoked, has the name."""


class NoTenant(Exception):
    """There is no tenant of that name."""


class KeyStore:
    """Tenants and their keys. What is changed is in the audit with it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add_tenant(self, name: str, at: float, entry: AuditEntry) -> TenantRecord:
        """Add a tenant. Raises NameTaken."""

        async def change(connection: AsyncConnection) -> TenantRecord:
            await connection.execute(insert(tenant).values(name=name, added_at=at))
            await add_entries(connection, [entry])
            return TenantRecord(name, at)

        try:
            return await self._store.do(change)
        except IntegrityError:
            raise NameTaken(name) from None

    async def tenants(self) -> list[TenantRecord]:
        """All tenants, by name."""

        async def read(connection: AsyncConnection) -> list[TenantRecord]:
            rows = await connection.execute(select(tenant).order_by(tenant.c.name))
            return [TenantRecord(row.name, row.added_at) for row in rows]

        return await self._store.do(read)

    async def has_tenant(self, name: str) -> bool:
        """Whether there is a tenant of that name."""

        async def read(connection: AsyncConnection) -> bool:
            return await _has(connection, name)

        return await self._store.do(read)

    async def add(self, key: ApiKey, entry: AuditEntry) -> None:
        """Keep a new key. Raises NoTenant, NameTaken."""

        async def change(connection: AsyncConnection) -> None:
            if not await _has(connection, key.tenant):
                raise NoTenant(key.tenant)
            await connection.execute(insert(api_key).values(key_values(key)))
            await add_entries(connection, [entry])

        try:
            await self._store.do(change)
        except IntegrityError:
            raise NameTaken(key.name) from None

    async def get(self, key_id: str) -> ApiKey | None:
        """The key of that id, whosever it is."""
        query = select(api_key).where(api_key.c.id == key_id)

        async def read(connection: AsyncConnection) -> ApiKey | None:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else key_of(row)

        return await self._store.do(read)

    async def find(self, of: str, after: str, limit: int) -> list[ApiKey]:
        """The tenant's keys in the order of their ids, also the revoked ones; those after an id."""
        query = select(api_key).where(api_key.c.tenant == of, api_key.c.id > after)
        query = query.order_by(api_key.c.id).limit(limit)

        async def read(connection: AsyncConnection) -> list[ApiKey]:
            return [key_of(row) for row in await connection.execute(query)]

        return await self._store.do(read)

    async def live(self, ids: Collection[str]) -> set[str]:
        """Those of the ids whose keys are not revoked."""
        query = select(api_key.c.id).where(api_key.c.id.in_(ids), api_key.c.revoked_at.is_(None))

        async def read(connection: AsyncConnection) -> set[str]:
            return set((await connection.execute(query)).scalars())

        return await self._store.do(read)

    async def revoke(self, of: str, key_id: str, at: float, entry: AuditEntry) -> ApiKey | None:
        """Revoke a tenant's key, once and for ever; the key as it is then, None if there is none of that id."""
        which = (api_key.c.tenant == of, api_key.c.id == key_id)

        async def change(connection: AsyncConnection) -> ApiKey | None:
            row = (await connection.execute(select(api_key).where(*which))).one_or_none()
            if row is None:
                return None
            fresh = update(api_key).where(*which, api_key.c.revoked_at.is_(None))
            await connection.execute(fresh.values(revoked_at=at))
            await add_entries(connection, [entry])
            return key_of((await connection.execute(select(api_key).where(*which))).one())

        return await self._store.do(change)

    async def used(self, when: Mapping[str, float]) -> None:
        """Remember when keys were used last."""
        change = update(api_key).where(api_key.c.id == bindparam("key"))
        rows = [{"key": key_id, "at": at} for key_id, at in when.items()]

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(change.values(last_used_at=bindparam("at")), rows)

        if rows:
            await self._store.do(write)


async def _has(connection: AsyncConnection, name: str) -> bool:
    query = select(tenant.c.name).where(tenant.c.name == name)
    return (await connection.execute(query)).first() is not None
