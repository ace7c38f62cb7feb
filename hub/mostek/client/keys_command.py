"""`mostek keys`: an administrator's way to API keys."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client.client import AdminStub
from mostek.client.columns import as_json
from mostek.client.output import show, table
from mostek.client.shell import DEFAULT_HUB, Hub, Json, connect, done

__all__ = ["keys"]

keys = typer.Typer(
    help="API keys of a tenant; needs one with the scope admin.", no_args_is_help=True
)

Tenant = Annotated[str, typer.Option(help="Whose, for operators. Absent: of the key in use.")]
Several = list[str] | None


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="By which logs, audit and site name the caller.")],
    scope: Annotated[
        Several, typer.Option(help="read, write or admin; may be repeated. Absent: read.")
    ] = None,
    connector: Annotated[
        Several, typer.Option(help="Only this connector, or with *; may be repeated.")
    ] = None,
    operation: Annotated[
        Several, typer.Option(help="Only this operation, or with *: List*; may be repeated.")
    ] = None,
    deny_field: Annotated[
        Several, typer.Option(help="Not this field, e.g. Customer.pesel; may be repeated.")
    ] = None,
    days: Annotated[float, typer.Option(help="Until it expires; 0: never.", min=0)] = 365.0,
    tenant: Tenant = "",
    hub: Hub = DEFAULT_HUB,
) -> None:
    """Make a key and print it: this once, to standard output."""
    wanted = admin.ApiKey(
        tenant=tenant,
        name=name,
        scopes=scope or ["read"],
        connectors=connector,
        operations=operation,
        denied_fields=deny_field,
    )
    if days:
        wanted.expires_at.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    request = admin.CreateApiKeyRequest(api_key=wanted)
    made = done(_ask(hub, lambda stub: stub.CreateApiKey(request)))
    print(f"key {made.api_key.id}; it is not shown again:", file=sys.stderr)
    print(made.key)


@keys.command("list")
def list_keys(tenant: Tenant = "", hub: Hub = DEFAULT_HUB, json: Json = False) -> None:
    """List the keys, also the revoked ones, without their secrets."""
    found = done(_all(hub, tenant))
    names = ("id", "name", "scopes", "expires", "revoked", "last used")
    rows = (
        (
            key.id,
            key.name,
            " ".join(key.scopes),
            *(_time(key, field) for field in ("expires_at", "revoked_at", "last_used_at")),
        )
        for key in found
    )
    show([as_json(key) for key in found], [table(names, rows)], as_text=json)


@keys.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(metavar="ID", help="As in `mostek keys list`.")],
    tenant: Tenant = "",
    hub: Hub = DEFAULT_HUB,
) -> None:
    """Revoke a key for ever."""
    request = admin.RevokeApiKeyRequest(id=id, tenant=tenant or None)
    key = done(_ask(hub, lambda stub: stub.RevokeApiKey(request))).api_key
    print(f"key {key.id} ({key.name}) is revoked", file=sys.stderr)


async def _ask(hub: str, ask: Any) -> Any:
    async with connect(hub) as client:
        return await ask(client.admin)


async def _all(hub: str, tenant: str) -> list[admin.ApiKey]:
    async with connect(hub) as client:
        stub: AdminStub = client.admin
        found: list[admin.ApiKey] = []
        request = admin.ListApiKeysRequest(page_size=1000, tenant=tenant or None)
        while True:
            page = await stub.ListApiKeys(request)
            found += page.api_keys
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token


def _time(key: admin.ApiKey, field: str) -> str:
    if not key.HasField(field):  # type: ignore[arg-type]
        return ""
    moment: Timestamp = getattr(key, field)
    return moment.ToDatetime().isoformat(sep=" ", timespec="seconds")
