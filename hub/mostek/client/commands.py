"""`mostek commands`: see durable commands, and settle those that need somebody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.table import Table

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client.client import AdminStub
from mostek.client.columns import as_json
from mostek.client.output import show, table
from mostek.client.shell import DEFAULT_HUB, Hub, Json, connect, done, refuse

__all__ = ["commands"]

R = TypeVar("R")

commands = typer.Typer(help="See and settle durable commands.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As in `mostek commands list`.")]

_STATE = "COMMAND_STATE_"


@commands.command("list")
def list_commands(
    connector: Annotated[str, typer.Option(help="Only of this connector.")] = "",
    company: Annotated[str, typer.Option(help="Only of this company.")] = "",
    key: Annotated[str, typer.Option(help="Only of this idempotency key.")] = "",
    state: Annotated[
        list[str] | None, typer.Option(help="Only in this state, e.g. dead; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    hub: Hub = DEFAULT_HUB,
    json: Json = False,
) -> None:
    """List durable commands, the newest first."""
    request = admin.ListCommandsRequest(page_size=limit, states=map(_state, state or []))
    for name, value in (("connector", connector), ("company", company), ("idempotency_key", key)):
        if value:
            setattr(request, name, value)
    found = done(_ask(hub, lambda stub: stub.ListCommands(request)))
    data = [as_json(command) for command in found.commands]
    show(data, [_commands_table(found.commands)] if data else ["None found."], as_text=json)


@commands.command("show")
def show_command(id: Id, hub: Hub = DEFAULT_HUB, json: Json = False) -> None:
    """Show one command: its state, its outcome and what happened when."""
    _show(hub, lambda stub: stub.GetCommand(admin.GetCommandRequest(id=id)), json)


@commands.command("cancel")
def cancel_command(id: Id, hub: Hub = DEFAULT_HUB, json: Json = False) -> None:
    """Cancel a command that the site has not begun. Exits with 1 if it is too late."""
    command = _show(hub, lambda stub: stub.CancelCommand(admin.CancelCommandRequest(id=id)), json)
    if command.state != admin.COMMAND_STATE_CANCELLED:
        raise typer.Exit(1)


@commands.command("retry")
def retry_command(id: Id, hub: Hub = DEFAULT_HUB, json: Json = False) -> None:
    """Try a command again that has ended without success. The site looks into the ERP before it writes."""
    _show(hub, lambda stub: stub.RetryCommand(admin.RetryCommandRequest(id=id)), json)


@commands.command("resolve")
def resolve_command(
    id: Id,
    written: Annotated[
        bool | None,
        typer.Option("--written/--not-written", help="Whether the document is in the ERP."),
    ] = None,
    erp_id: Annotated[str, typer.Option(help="The document's id in the ERP.")] = "",
    erp_number: Annotated[str, typer.Option(help="Its number, as people see it.")] = "",
    note: Annotated[str, typer.Option(help="For the timeline: who looked, and where.")] = "",
    hub: Hub = DEFAULT_HUB,
    json: Json = False,
) -> None:
    """Say what became of a command whose end is unknown, after looking into the ERP."""
    if written is None:
        refuse("Say what the ERP shows: --written --erp-id ID, or --not-written.")
    found = admin.COMMAND_RESOLUTION_WRITTEN if written else admin.COMMAND_RESOLUTION_NOT_WRITTEN
    request = admin.ResolveCommandRequest(
        id=id, resolution=found, erp_id=erp_id, erp_number=erp_number, note=note
    )
    _show(hub, lambda stub: stub.ResolveCommand(request), json)


def _state(name: str) -> admin.CommandState.ValueType:
    states = {_short(value): value for value in admin.CommandState.values() if value}
    state = states.get(name.lower().replace("-", "_"))
    if state is None:
        refuse(f"{name} is no state of a command; there are {', '.join(states)}.")
    return state


def _short(state: admin.CommandState.ValueType) -> str:
    return admin.CommandState.Name(state).removeprefix(_STATE).lower()


async def _ask(hub: str, ask: Callable[[AdminStub], Awaitable[R]]) -> R:
    async with connect(hub) as client:
        return await ask(client.admin)


def _show(hub: str, ask: Callable[[AdminStub], Awaitable[Any]], as_text: bool) -> admin.Command:
    command: admin.Command = done(_ask(hub, ask)).command
    show(as_json(command), _tables(command), as_text=as_text)
    return command


def _commands_table(found: Any) -> Table:
    names = (
        "id",
        "recorded",
        "connector",
        "company",
        "operation",
        "state",
        "attempts",
        "key",
        "ERP",
    )
    return table(
        names,
        (
            (
                command.id,
                _time(command.recorded_at),
                command.connector,
                command.company,
                command.operation,
                _short(command.state),
                str(command.attempts),
                command.idempotency_key,
                command.erp_number or command.erp_id,
            )
            for command in found
        ),
    )


def _tables(command: admin.Command) -> Iterator[Table | str]:
    yield _commands_table([command])
    if command.HasField("failure"):
        yield f"\n{command.failure.message}"
    yield ""
    rows = ((_time(event.at), event.name, event.detail) for event in command.timeline)
    yield table(("when", "what", ""), rows)


def _time(moment: Timestamp) -> str:
    local = moment.ToDatetime().isoformat(sep=" ", timespec="milliseconds")
    return f"{local}Z"
