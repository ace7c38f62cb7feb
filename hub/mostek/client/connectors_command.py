"""`mostek connectors`: the sites that the hub knows, and one of them whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

from mostek.admin.v1.admin_service_pb2 import Connector, ConnectorJournal, GetConnectorRequest
from mostek.client.columns import as_json
from mostek.client.output import connectors_table, show, software_of, table
from mostek.client.shell import DEFAULT_HUB, Hub, Json, connect, done

__all__ = ["connectors"]

connectors = typer.Typer(
    help="List the connectors that the hub knows.", invoke_without_command=True
)


@connectors.callback()
def list_connectors(context: typer.Context, hub: Hub = DEFAULT_HUB, json: Json = False) -> None:
    """List the connectors that the hub knows."""
    if context.invoked_subcommand:
        return

    async def ask() -> list[Connector]:
        async with connect(hub) as client:
            return await client.connectors()

    found = done(ask())
    data = [_data(connector) for connector in found]
    show(data, list(_overview(found)), as_text=json)


@connectors.command("show")
def show_connector(
    name: Annotated[str, typer.Argument(metavar="CONNECTOR", help="As in `mostek connectors`.")],
    hub: Hub = DEFAULT_HUB,
    json: Json = False,
) -> None:
    """Show one: what it serves, its sessions, and the journals that its instances keep at the site."""

    async def ask() -> Connector:
        async with connect(hub) as client:
            return (await client.admin.GetConnector(GetConnectorRequest(name=name))).connector

    found = done(ask())
    show(_data(found), list(_details(found)), as_text=json)


def _data(connector: Connector) -> dict[str, Any]:
    """As JSON, with hashes as `mostek-connector journal verify --known` takes them."""
    data: dict[str, Any] = as_json(connector)
    for told, journal in zip(data.get("journals", []), connector.journals, strict=True):
        told["hash"] = journal.hash.hex()
    return data


def _overview(found: Sequence[Connector]) -> Iterator[Table | str]:
    yield connectors_table(found) if found else "The hub knows none."
    for connector in found:
        if any(journal.fault for journal in connector.journals):
            yield (
                f"The journal of {connector.name} is not what it was: see `mostek connectors show {connector.name}`."
            )


def _details(connector: Connector) -> Iterator[Table | str]:
    yield connectors_table([connector])
    names = ("session", "instance", "software", "since", "slots", "free")
    sessions = (
        (
            s.session_id,
            s.instance,
            software_of(s),
            _local(s.connected_at),
            str(s.slots),
            str(s.free_slots),
        )
        for s in connector.sessions
    )
    yield table(names, sessions, "Sessions")
    for journal in connector.journals:
        yield from _journal(journal)


def _journal(journal: ConnectorJournal) -> Iterator[str]:
    yield f"Journal of instance {journal.instance}, told {_local(journal.told_at)}:"
    yield f"  head {journal.number}:{journal.hash.hex()}"
    if journal.fault:
        yield f"  NOT WHAT IT WAS, {_local(journal.fault_at)}: {journal.fault}"
        yield (
            "  Have the site run `mostek-connector journal verify --known` with the head, and compare its export with "
            "`mostek audit match`."
        )


def _local(at: Timestamp) -> str:
    if not at.seconds:
        return "never"
    return at.ToDatetime().astimezone().isoformat(" ", timespec="seconds")
