"""Tenants and API keys as those who may make them see them: through the admin API, and on the hub's own machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from mostek.hub.identity import HUB, LOCAL, Caller, Scope
from mostek.hub.keys import ApiKey, checked, new_key
from mostek.hub.store import (
    AuditEntry,
    AuditKind,
    KeyStore,
    NameTaken,
    NoTenant,
    TenantRecord,
)
from mostek.wire.failures import Conflict, Denied, Invalid, NotFound
from mostek.wire.names import NAME

__all__ = ["MACHINE", "Callers"]

#: Whoever runs `mostek-hub` on the hub's machine: has the database, and so all rights.
MACHINE = replace(LOCAL, tenant=HUB, name="mostek-hub")
_LONGEST = 10 * 366 * 24 * 3600.0


class Callers:
    """Makes, lists and revokes; `revoked` is told the id of a key that was. Each act is in the audit with it."""

    def __init__(
        self,
        store: KeyStore,
        *,
        most_rate: float,
        revoked: Callable[[str], None] = lambda key_id: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._most_rate = most_rate
        self._revoked = revoked
        self._clock = clock

    async def add_tenant(self, by: Caller, name: str) -> TenantRecord:
        """Add a tenant. Raises Invalid, Conflict."""
        if not NAME.fullmatch(name):
            raise Invalid.of("tenant.name", "must be lower-case letters, digits and dashes")
        now = self._clock()
        entry = AuditEntry(now, HUB, AuditKind.ADMIN, by.name, "CreateTenant", "ok", detail=name)
        try:
            return await self._store.add_tenant(name, now, entry)
        except NameTaken:
            raise Conflict(f"There is a tenant {name!r} already.") from None

    async def tenants(self) -> list[TenantRecord]:
        """All tenants, by name."""
        return await self._store.tenants()

    async def add_key(self, by: Caller, wanted: ApiKey) -> tuple[ApiKey, str]:
        """Make a key of `wanted`, whose id, hash and moment it sets; the key's text is known to nobody else.

        Raises Invalid, Denied, NotFound (the tenant), Conflict.
        """
        checked(wanted.name, wanted.scopes, wanted.reach, wanted.rate)
        self._check_rights(by, wanted)
        now = self._clock()
        if wanted.expires_at is not None and not now < wanted.expires_at < now + _LONGEST:
            raise Invalid.of("expires_at", "must lie ahead, and within ten years")
        key_id, text, kept = new_key()
        key = replace(wanted, id=key_id, hash=kept, made_at=now, made_by=by.name)
        detail = f"{key.name} ({key.id}): {' '.join(sorted(key.scopes))}"
        entry = _entry(now, by, key.tenant, "CreateApiKey", detail)
        try:
            await self._store.add(key, entry)
        except NoTenant:
            raise NotFound(f"There is no tenant {key.tenant!r}.") from None
        except NameTaken:
            raise Conflict(
                f"A key {key.name!r} is there already: revoke it, or take another name."
            ) from None
        return key, text

    def _check_rights(self, by: Caller, wanted: ApiKey) -> None:
        if by == MACHINE:
            return
        if Scope.OPERATOR in wanted.scopes:
            raise Denied(
                "A key for operators is made on the hub's machine: mostek-hub keys add --operator."
            )
        if not by.reach.whole:
            raise Denied("A key that is restricted itself makes no keys.")
        if (
            wanted.rate is not None
            and wanted.rate > self._most_rate
            and Scope.OPERATOR not in by.scopes
        ):
            raise Denied(
                f"Only an operator gives a key more than {self._most_rate:g} calls a second."
            )

    async def keys(self, tenant: str, after: str, limit: int) -> list[ApiKey]:
        """The tenant's keys in the order of their ids, also the revoked ones; those after an id."""
        return await self._store.find(tenant, after, limit)

    async def revoke(self, by: Caller, tenant: str, key_id: str) -> ApiKey:
        """Revoke a key; again, if it is revoked already. Raises NotFound."""
        now = self._clock()
        entry = _entry(now, by, tenant, "RevokeApiKey", key_id)
        key = await self._store.revoke(tenant, key_id, now, entry)
        if key is None:
            raise NotFound(f"There is no key {key_id!r}.")
        self._revoked(key_id)
        return key


def _entry(now: float, by: Caller, tenant: str, operation: str, detail: str) -> AuditEntry:
    return AuditEntry(now, tenant, AuditKind.ADMIN, by.name, operation, "ok", detail=detail)
