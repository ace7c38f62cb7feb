"""`mostek-hub tenants`, `keys` and `audit`: what is done on the hub's machine, with its database."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from google.protobuf.json_format import MessageToDict

from mostek.hub.admin_callers import audit_message, exported
from mostek.hub.callers import MACHINE, Callers
from mostek.hub.console import settings, with_store
from mostek.hub.identity import LOCAL, Reach, Scope
from mostek.hub.keys import ApiKey
from mostek.hub.store import AuditFilter, AuditKind, AuditStore, KeyStore, Store

__all__ = ["audit", "keys", "tenants"]

tenants = typer.Typer(help="For whom the hub works.", no_args_is_help=True)
keys = typer.Typer(help="API keys of those who call the hub.", no_args_is_help=True)
audit = typer.Typer(help="What was done, and by whom.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Whose.")]
Several = list[str] | None


@tenants.command("add")
def add_tenant(name: Annotated[str, typer.Argument(help="Letters, digits, dashes.")]) -> None:
    """Add a tenant."""
    with_store(lambda store: _callers(store).add_tenant(MACHINE, name))
    print(f"tenant {name} added", file=sys.stderr)


@tenants.command("list")
def list_tenants() -> None:
    """List the tenants."""
    for tenant in with_store(lambda store: _callers(store).tenants()):
        print(f"{tenant.name}\t{_time(tenant.added_at)}")


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(help="By which logs, audit and site name the caller.")],
    tenant: Tenant = LOCAL.tenant,
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
    rate: Annotated[float, typer.Option(help="Calls a second; 0: MOSTEK_HUB_RATE.", min=0)] = 0.0,
    operator: Annotated[
        bool, typer.Option(help="For whoever runs the hub: may make tenants and their keys.")
    ] = False,
) -> None:
    """Make a key and print it: this once, to standard output."""
    scopes = {
        *(scope or ([] if operator else [Scope.READ])),
        *([Scope.OPERATOR] if operator else []),
    }
    wanted = ApiKey(
        id="",
        tenant=tenant,
        name=name,
        # What is no scope is told with all else that is wrong.
        scopes=frozenset(scopes),  # type: ignore[arg-type]
        reach=Reach(tuple(connector or ()), tuple(operation or ()), tuple(deny_field or ())),
        made_at=0.0,
        made_by="",
        expires_at=time.time() + days * 24 * 3600 if days else None,
        rate=rate or None,
    )
    made, text = with_store(lambda store: _callers(store).add_key(MACHINE, wanted))
    print(f"key {made.id} of tenant {tenant}; it is not shown again:", file=sys.stderr)
    print(text)


@keys.command("list")
def list_keys(tenant: Tenant = LOCAL.tenant) -> None:
    """List a tenant's keys, also the revoked ones, without their secrets."""
    for key in with_store(lambda store: _callers(store).keys(tenant, "", 100_000)):
        print("\t".join((key.id, key.name, _state(key), " ".join(sorted(key.scopes)), _used(key))))


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As in `mostek-hub keys list`.")],
    tenant: Tenant = LOCAL.tenant,
) -> None:
    """Revoke a key for ever; hubs that run refuse it in a few seconds, in 60 at most."""
    key = with_store(lambda store: _callers(store).revoke(MACHINE, tenant, key_id))
    print(f"key {key.id} ({key.name}) is revoked", file=sys.stderr)


@audit.command("export")
def export_audit(
    tenant: Annotated[str, typer.Option(help="Whose; - is the hub itself.")] = LOCAL.tenant,
    connector: Annotated[str, typer.Option(help="Only of this connector.")] = "",
    kind: Annotated[
        list[AuditKind] | None, typer.Option(help="Only of this kind; may be repeated.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="From this moment on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Before this moment, UTC.")] = None,
) -> None:
    """Write the audit as NDJSON: one entry a line, the oldest first."""
    wanted = AuditFilter(
        connector=connector,
        kinds=frozenset(kind or ()),
        since=since.replace(tzinfo=UTC).timestamp() if since else 0.0,
        until=until.replace(tzinfo=UTC).timestamp() if until else None,
    )

    async def write(store: Store) -> None:
        async for entry in exported(AuditStore(store), tenant, wanted):
            line = MessageToDict(audit_message(entry), preserving_proto_field_name=True)
            sys.stdout.buffer.write(orjson.dumps(line) + b"\n")

    with_store(write)


def _callers(store: Store) -> Callers:
    return Callers(KeyStore(store), most_rate=settings().rate)


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {_time(key.revoked_at)}"
    if not key.is_live(time.time()):
        return "expired"
    return f"until {_time(key.expires_at)}" if key.expires_at is not None else "for ever"


def _used(key: ApiKey) -> str:
    return f"used {_time(key.last_used_at)}" if key.last_used_at is not None else "never used"


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(sep=" ", timespec="seconds")
