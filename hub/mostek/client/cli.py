"""`mostek`: the caller's command.

Exit codes: 0 it worked; 1 the call failed, or the order has problems; 2 wrong usage; 3 the call failed in a way that
may pass, so that the same command may succeed later.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import Message

from mostek.client.audit_command import audit
from mostek.client.commands import commands
from mostek.client.connectors_command import connectors
from mostek.client.export_command import ExportFormat, Source, run_export
from mostek.client.fields import BadInput, assign, did_you_mean
from mostek.client.keys import idempotency_key
from mostek.client.keys_command import keys
from mostek.client.output import show, show_message, table
from mostek.client.shell import DEFAULT_HUB, Hub, Json, connect, done, identify, refuse
from mostek.erp.v1.order_pb2 import CreateOrderRequest, OrderDraft, ValidateOrderRequest
from mostek.wire.names import COMMAND_ID, ONLY_COMPANY
from mostek.wire.operations import OPERATIONS, Operation

__all__ = ["app", "main"]

T = TypeVar("T")
M = TypeVar("M", bound=Message)

Company = Annotated[str, typer.Option(help="The ERP company, where the connector serves several.")]
Timeout = Annotated[float, typer.Option(help="Seconds that a call may take.", min=0.1)]
ConnectorName = Annotated[
    str, typer.Argument(metavar="CONNECTOR", help="As in `mostek connectors`.")
]
OrderFile = Annotated[
    str, typer.Option("-f", "--file", help="An OrderDraft in JSON; - is standard input.")
]

app = typer.Typer(
    help="Call the ERPs behind a hub. Tables on a terminal, JSON when piped.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
orders = typer.Typer(help="Check and place orders.", no_args_is_help=True)
app.add_typer(orders, name="order")
app.add_typer(connectors, name="connectors")
app.add_typer(commands, name="commands")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")


@app.callback()
def _caller(
    key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="MOSTEK_KEY_FILE",
            help="File of the API key. Absent: the key in MOSTEK_KEY; options are seen by others.",
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            envvar="MOSTEK_CA", help="PEM file of the authority of the hub's certificate."
        ),
    ] = None,
) -> None:
    identify(key_file, ca)


@app.command()
def operations(json: Json = False) -> None:
    """List the operations of the contract, and the fields that each takes."""
    data = [
        {
            "name": operation.name,
            "kind": "write" if operation.write else "read",
            "fields": [field.name for field in operation.request.DESCRIPTOR.fields],
        }
        for operation in OPERATIONS.values()
    ]
    rows = ((str(d["name"]), str(d["kind"]), ", ".join(d["fields"])) for d in data)
    show(data, [table(("operation", "kind", "fields"), rows)], as_text=json)


@app.command()
def call(
    connector: ConnectorName,
    operation: Annotated[str, typer.Argument(help="As in `mostek operations`.")],
    fields: Annotated[
        list[str] | None, typer.Argument(help="Fields of the request: name=value, a.b=value.")
    ] = None,
    file: Annotated[
        str, typer.Option("-f", "--file", help="The request in JSON; - is standard input.")
    ] = "",
    key: Annotated[str, typer.Option(help="The idempotency key of a write.")] = "",
    hub: Hub = DEFAULT_HUB,
    company: Company = ONLY_COMPANY,
    timeout: Timeout = 30.0,
    timing: Annotated[bool, typer.Option(help="Tell the time and the command's id.")] = False,
    json: Json = False,
) -> None:
    """Call one operation.

    mostek call acme ListCustomers tax_id=526-10-40-828 page_size=5
    """
    called = _usage(lambda: _operation(operation))
    request = _usage(lambda: _request(called, file, fields or []))
    if called.write and not key:
        refuse(f"{called.name} writes: give it a --key, the same when you repeat it.")
    where = _Where(hub, connector, company, timeout)
    show_message(done(_call(where, called.name, request, key, timing)), as_text=json)


@app.command()
def export(
    connector: ConnectorName,
    list_name: Annotated[
        str, typer.Argument(metavar="LIST", help="customers, products, invoices, …")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The file.")],
    filters: Annotated[
        list[str] | None, typer.Argument(help="Filters of the list: name=value.")
    ] = None,
    format: Annotated[
        ExportFormat | None, typer.Option(help="Absent: as the file's name ends.")
    ] = None,
    mask: Annotated[str, typer.Option(help="Fields, comma-separated: id,name,tax_id.number")] = "",
    hub: Hub = DEFAULT_HUB,
    company: Company = ONLY_COMPANY,
    timeout: Timeout = 30.0,
) -> None:
    """Write a whole list to a file. After a break, the same command goes on where it stopped.

    mostek export acme products -o products.csv only_in_stock=true
    """
    source = Source(hub, connector, company, timeout, list_name, tuple(filters or ()), mask)
    try:
        done(run_export(source, output, format))
    except BadInput as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{output} can't be written: {error.strerror or error}.")


@orders.command("create")
def create_order(
    connector: ConnectorName,
    file: OrderFile,
    key: Annotated[
        str, typer.Option(help="The idempotency key. Absent: made of the external number.")
    ] = "",
    hub: Hub = DEFAULT_HUB,
    company: Company = ONLY_COMPANY,
    timeout: Timeout = 30.0,
    timing: Annotated[bool, typer.Option(help="Tell the time and the command's id.")] = False,
    json: Json = False,
) -> None:
    """Place an order. Repeated with the same file, it is placed once."""
    draft = _usage(lambda: _parsed(OrderDraft(), file))
    if not key and not draft.external_number:
        refuse("The order has no external_number: give it one, it is how the order is found again.")
    key = key or idempotency_key("order", draft.external_number)
    print(f"idempotency key: {key}", file=sys.stderr, flush=True)
    where = _Where(hub, connector, company, timeout)
    request = CreateOrderRequest(order=draft)
    show_message(done(_call(where, "CreateOrder", request, key, timing)), as_text=json)


@orders.command("validate")
def validate_order(
    connector: ConnectorName,
    file: OrderFile,
    hub: Hub = DEFAULT_HUB,
    company: Company = ONLY_COMPANY,
    timeout: Timeout = 30.0,
    timing: Annotated[bool, typer.Option(help="Tell the time and the command's id.")] = False,
    json: Json = False,
) -> None:
    """Tell what is wrong with an order, and how it would be recorded. Exits with 1 if it has problems."""
    draft = _usage(lambda: _parsed(OrderDraft(), file))
    where = _Where(hub, connector, company, timeout)
    request = ValidateOrderRequest(order=draft)
    response = done(_call(where, "ValidateOrder", request, "", timing))
    show_message(response, as_text=json)
    print(f"problems: {len(response.problems) or 'none'}", file=sys.stderr)
    if response.problems:
        raise typer.Exit(1)


def main() -> None:
    """The entry point."""
    # gRPC's own notes on connections; what they come to is told as a failure.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    app()


@dataclass(frozen=True)
class _Where:
    hub: str
    connector: str
    company: str
    timeout: float


async def _call(where: _Where, operation: str, request: Message, key: str, timing: bool) -> Any:
    async with connect(where.hub, where.timeout) as client:
        connector = client.connector(where.connector, where.company)
        if key:
            connector = connector.with_key(key)
        started = time.perf_counter()
        under_way = getattr(connector, operation)(request)
        response = await under_way
        if timing:
            _tell_time(time.perf_counter() - started, await under_way.trailing_metadata())
        return response


def _tell_time(seconds: float, metadata: Any) -> None:
    command = (metadata or {}).get(COMMAND_ID, "unknown")
    print(f"{seconds * 1000:.1f} ms, command {command}", file=sys.stderr)


def _usage(read: Callable[[], T]) -> T:
    """What was typed, understood; else the process ends."""
    try:
        return read()
    except BadInput as error:
        refuse(str(error))


def _operation(name: str) -> Operation:
    """By its name, however it is written: `ListCustomers`, `list_customers`, `listcustomers`."""
    wanted = name.replace("_", "").lower()
    for operation in OPERATIONS.values():
        if operation.name.lower() == wanted:
            return operation
    hint = did_you_mean(wanted.title(), OPERATIONS) or " `mostek operations` lists them."
    raise BadInput(f"{name} is no operation of the contract.{hint}")


def _request(operation: Operation, file: str, fields: list[str]) -> Message:
    request = operation.request()
    if file:
        _parsed(request, file)
    for field in fields:
        assign(request, field)
    return request


def _parsed(message: M, file: str) -> M:
    """The message from a file of JSON, or from standard input."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
        if not text.lstrip().startswith("{"):
            raise ParseError("it is no JSON object")
        return Parse(text, message)
    except ParseError as error:
        raise BadInput(f"{file} is no {message.DESCRIPTOR.name} in JSON: {error}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8.") from error
    except OSError as error:
        raise BadInput(f"{file} can't be read: {error.strerror}.") from error
