"""The part of `AdminService` about keys, tenants and the audit, without a transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub.callers import Callers
from mostek.hub.identity import Caller, Reach, Scope
from mostek.hub.keys import ApiKey
from mostek.hub.pages import PageTokens, page_size
from mostek.hub.store import AuditEntry, AuditFilter, AuditKind, AuditStore, TenantRecord
from mostek.wire.failures import Invalid

__all__ = ["CallersAdmin", "audit_message", "exported"]

_EXPORT_PAGE = 1000
_KIND = "AUDIT_KIND_"


class CallersAdmin:
    """Every answer is of one tenant: the caller's own, or the one that an operator names."""

    def __init__(self, callers: Callers, audit: AuditStore, tokens: PageTokens) -> None:
        self._callers = callers
        self._audit = audit
        self._tokens = tokens

    async def list_api_keys(
        self, request: admin.ListApiKeysRequest, caller: Caller
    ) -> admin.ListApiKeysResponse:
        """A page of keys. Raises Invalid, Denied."""
        tenant, size = caller.tenant_of(request.tenant), page_size(request)
        after = self._tokens.read(tenant, "ListApiKeys", request.page_token)
        found = await self._callers.keys(tenant, after, size + 1)
        response = admin.ListApiKeysResponse(api_keys=map(_key, found[:size]))
        if len(found) > size:
            last = found[size - 1].id
            response.next_page_token = self._tokens.make(tenant, "ListApiKeys", last)
        return response

    async def create_api_key(
        self, request: admin.CreateApiKeyRequest, caller: Caller
    ) -> admin.CreateApiKeyResponse:
        """Make a key. Raises Invalid, Denied, NotFound, Conflict."""
        key, text = await self._callers.add_key(caller, _wanted(request.api_key, caller))
        return admin.CreateApiKeyResponse(api_key=_key(key), key=text)

    async def revoke_api_key(
        self, request: admin.RevokeApiKeyRequest, caller: Caller
    ) -> admin.RevokeApiKeyResponse:
        """Revoke a key. Raises Denied, NotFound."""
        tenant = caller.tenant_of(request.tenant)
        key = await self._callers.revoke(caller, tenant, request.id)
        return admin.RevokeApiKeyResponse(api_key=_key(key))

    async def list_tenants(
        self, request: admin.ListTenantsRequest, caller: Caller
    ) -> admin.ListTenantsResponse:
        """All tenants, by name."""
        return admin.ListTenantsResponse(tenants=map(_tenant, await self._callers.tenants()))

    async def create_tenant(
        self, request: admin.CreateTenantRequest, caller: Caller
    ) -> admin.CreateTenantResponse:
        """Add a tenant. Raises Invalid, Conflict."""
        added = await self._callers.add_tenant(caller, request.tenant.name)
        return admin.CreateTenantResponse(tenant=_tenant(added))

    async def list_audit_entries(
        self, request: admin.ListAuditEntriesRequest, caller: Caller
    ) -> admin.ListAuditEntriesResponse:
        """A page of the audit. Raises Invalid, Denied."""
        tenant, size = caller.tenant_of(request.tenant), page_size(request)
        after = self._tokens.read(tenant, "ListAuditEntries", request.page_token)
        wanted = _filter(request, int(after or 0), caller.reach)
        found = await self._audit.find(tenant, wanted, size + 1)
        response = admin.ListAuditEntriesResponse(audit_entries=map(audit_message, found[:size]))
        if len(found) > size:
            last = str(found[size - 1].number)
            response.next_page_token = self._tokens.make(tenant, "ListAuditEntries", last)
        return response


async def exported(
    audit: AuditStore, tenant: str, wanted: AuditFilter
) -> AsyncIterator[AuditEntry]:
    """All entries of a tenant, page by page."""
    while True:
        page = await audit.find(tenant, wanted, _EXPORT_PAGE)
        for entry in page:
            yield entry
        if len(page) < _EXPORT_PAGE:
            return
        wanted = replace(wanted, after=page[-1].number)


def audit_message(entry: AuditEntry) -> admin.AuditEntry:
    """An entry as callers see it: its number would tell how much others do."""
    return admin.AuditEntry(
        at=_timestamp(entry.at),
        tenant=entry.tenant,
        kind=admin.AuditKind.Value(_KIND + entry.kind.name),
        caller=entry.caller,
        operation=entry.operation,
        outcome=entry.outcome,
        connector=entry.connector,
        company=entry.company,
        command_id=entry.command_id,
        detail=entry.detail,
    )


def _filter(request: admin.ListAuditEntriesRequest, after: int, reach: Reach) -> AuditFilter:
    if admin.AUDIT_KIND_UNSPECIFIED in request.kinds:
        raise Invalid.of("kinds", "must be kinds that an entry can be of")
    names = (admin.AuditKind.Name(kind).removeprefix(_KIND) for kind in request.kinds)
    return AuditFilter(
        connector=request.connector,
        kinds=frozenset(AuditKind[name] for name in names),
        since=_seconds(request.since) if request.HasField("since") else 0.0,
        until=_seconds(request.until) if request.HasField("until") else None,
        after=after,
        reach=reach,
    )


def _wanted(message: admin.ApiKey, caller: Caller) -> ApiKey:
    """The key that a request describes. Raises Invalid, Denied."""
    known = set(Scope)
    if wrong := [scope for scope in message.scopes if scope not in known]:
        raise Invalid.of("api_key.scopes", f"{wrong[0]!r} is none of read, write and admin")
    return ApiKey(
        id="",
        tenant=caller.tenant_of(message.tenant),
        name=message.name,
        scopes=frozenset(map(Scope, message.scopes)),
        reach=Reach(
            tuple(message.connectors), tuple(message.operations), tuple(message.denied_fields)
        ),
        made_at=0.0,
        made_by="",
        expires_at=_seconds(message.expires_at) if message.HasField("expires_at") else None,
        rate=message.rate if message.HasField("rate") else None,
    )


def _key(key: ApiKey) -> admin.ApiKey:
    message = admin.ApiKey(
        id=key.id,
        tenant=key.tenant,
        name=key.name,
        scopes=sorted(key.scopes),
        connectors=key.reach.connectors,
        operations=key.reach.operations,
        denied_fields=key.reach.denied_fields,
        rate=key.rate,
        made_by=key.made_by,
    )
    for name in ("made_at", "expires_at", "revoked_at", "last_used_at"):
        if (at := getattr(key, name)) is not None:
            getattr(message, name).CopyFrom(_timestamp(at))
    return message


def _tenant(record: TenantRecord) -> admin.Tenant:
    return admin.Tenant(name=record.name, added_at=_timestamp(record.added_at))


def _timestamp(seconds: float) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(seconds * 1_000_000))
    return timestamp


def _seconds(timestamp: Timestamp) -> float:
    try:
        return timestamp.ToDatetime(UTC).timestamp()
    except (OverflowError, ValueError):
        raise Invalid("The moment is beyond the calendar.") from None
