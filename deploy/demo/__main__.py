"""The demo: a hub, a connector and an invented ERP on this machine, and calls through all of them.

`make demo` ends by itself; `make demo-serve` stays and prints commands to try. `ERP=` names the plugin.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.json_format import MessageToDict
from rich.console import Console
from rich.table import Table

from mostek.client import Client, Connector, idempotency_key
from mostek.erp.v1.customer_pb2 import Customer, ListCustomersRequest
from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.invoice_pb2 import ListInvoicesRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
    ValidateOrderRequest,
)
from mostek.erp.v1.product_pb2 import ListProductsRequest, ListProductsResponse, Product
from mostek.erp.v1.receivable_pb2 import (
    GetCustomerBalanceRequest,
    ListReceivablesRequest,
    Receivable,
    ReceivableDirection,
)
from mostek.plugin.demo import Demo, make_demo
from mostek.plugin.sandbox import connect_sandbox
from mostek.wire.failures import CommandFailure, Unsupported

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / ("demo-serve" if "--serve" in sys.argv else "demo")
SERVED = {"api": 7443, "link": 7444, "http": 7480}
CONNECTOR = """\
# Written by the demo.
[hub]
link = "127.0.0.1:{link}"
insecure = true

[connector]
name = "acme"

[policy]
writes = true

{company}"""

_DEBTS = {"ListReceivables", "ListInvoices", "GetCustomerBalance"}

T = TypeVar("T")
out = Console(highlight=False, width=None if sys.stdout.isatty() else 140)


def main() -> int:
    """Run the demo; the process's exit code."""
    parser = argparse.ArgumentParser(
        prog="deploy/demo", description="Calls through hub and connector."
    )
    parser.add_argument("erp", nargs="?", default="subiekt-gt", help="default %(default)s")
    parser.add_argument("--serve", action="store_true", help="stay, and print commands to try")
    options = parser.parse_args()
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        with out.status("Making an ERP: 200 customers, 500 products, 2,000 invoices …"):
            demo = make_demo(options.erp, FOLDER)
    except ValueError as error:
        print(f"No demo: {error}.", file=sys.stderr)
        return 2
    return _run(demo, SERVED if options.serve else _free_ports(), options.serve)


def _run(demo: Demo, ports: dict[str, int], serve: bool) -> int:
    configuration = FOLDER / "connector.toml"
    text = CONNECTOR.format(link=ports["link"], company=demo.company)
    configuration.write_text(text, encoding="utf-8")
    hub = {f"MOSTEK_HUB_{name.upper()}": f"127.0.0.1:{port}" for name, port in ports.items()}
    hub["MOSTEK_HUB_DATABASE"] = f"sqlite:///{FOLDER}/hub.sqlite"
    hub["MOSTEK_HUB_KEY_FILE"] = str(FOLDER / "hub.keys")
    hub["MOSTEK_HUB_INSECURE"] = "true"
    with (
        _process("mostek-hub", "serve", **hub) as first,
        _process("mostek-connector", "run", "--config", str(configuration)) as second,
    ):
        return asyncio.run(_show(demo, ports, serve, [first, second]))


def _free_ports() -> dict[str, int]:
    with contextlib.ExitStack() as stack:
        probes = {name: stack.enter_context(socket.socket()) for name in SERVED}
        for probe in probes.values():
            probe.bind(("127.0.0.1", 0))
        return {name: int(probe.getsockname()[1]) for name, probe in probes.items()}


@contextlib.contextmanager
def _process(
    command: str, *arguments: str, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """One of our commands; its log goes to a file beside the ERP."""
    with (FOLDER / f"{command}.log").open("wb") as log:
        child = subprocess.Popen(
            [str(Path(sys.executable).parent / command), *arguments],
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


async def _show(
    demo: Demo, ports: dict[str, int], serve: bool, processes: list[subprocess.Popen[bytes]]
) -> int:
    async with Client(f"127.0.0.1:{ports['api']}") as hub:
        try:
            served = await _online(hub, processes)
            order = await _calls(hub.connector("acme"), served)
        except (CommandFailure, TimeoutError, RuntimeError) as failure:
            out.print(f"[red]The demo failed:[/] {failure}\nThe logs are in {FOLDER}.")
            return 1
    if order:
        _in_the_erp(demo, order.id)
    if serve:
        await _wait(ports, order)
    return 0


async def _online(hub: Client, processes: list[subprocess.Popen[bytes]]) -> set[str]:
    """Until the connector is connected: the operations that it serves.

    Raises RuntimeError if one of the processes ended instead.
    """
    async with asyncio.timeout(30):
        while True:
            # Asked after a moment: a hub whose ports are taken ends, and another may answer in its place.
            await asyncio.sleep(0.5)
            for process in processes:
                if process.poll() is not None:
                    command = Path(str(process.args[0])).name  # type: ignore[index]
                    log = (FOLDER / f"{command}.log").read_text(encoding="utf-8").splitlines()
                    raise RuntimeError(f"{command} ended: {log[-1] if log else 'it said nothing'}")
            with contextlib.suppress(CommandFailure):
                for connector in await hub.connectors():
                    if connector.online:
                        return {name for one in connector.companies for name in one.operations}


async def _timed(what: str, call: Awaitable[T]) -> T:
    began = time.perf_counter()
    answer = await call
    out.print(f"\n[bold]{what}[/] [dim]{(time.perf_counter() - began) * 1000:.1f} ms[/]")
    return answer


async def _calls(acme: Connector, served: set[str]) -> CreateOrderResponse | None:
    """The order that was placed; None where the company takes none."""
    operations = await _described(acme) if "DescribeErp" in served else served
    customers = await _timed(
        "Customers", acme.ListCustomers(ListCustomersRequest(page_size=5, active=True))
    )
    _table(customers.customers, "code", "name", "tax_id.number", "address.city")
    products = await _timed("Stock", _stock(acme))
    _table(
        _in_first_warehouse(products.products), "code", "name", "stock.on_hand", "stock.available"
    )
    if served >= _DEBTS:
        await _debts(acme)
    else:
        out.print("\n[bold]Debts and invoices[/]\n  The plugin does not serve them.")
    if "CreateOrder" not in operations:
        out.print(
            "\n[bold]Orders[/]\n  The company of this demo takes none: its plugin's page says what orders need."
        )
        return None
    buyer_of_orders = next(one for one in customers.customers if not one.blocked)
    return await _order(acme, buyer_of_orders, products.products)


async def _described(acme: Connector) -> set[str]:
    """The operations that the ERP's description has."""
    erp = (await _timed("What is there?", acme.DescribeErp(DescribeErpRequest()))).erp
    out.print(f"  {erp.program} of {erp.company_name}, {len(erp.warehouses)} warehouses")
    return set(erp.operations)


async def _debts(acme: Connector) -> None:
    buyer = await _in_debt(acme)
    invoices = ListInvoicesRequest(page_size=5, customer_id=buyer)
    answer = await _timed("Invoices of a customer in debt", acme.ListInvoices(invoices))
    _table(answer.invoices, "number", "issue_date", "due_date", "gross", "remaining", "currency")
    balance = GetCustomerBalanceRequest(id=buyer)
    owed = (
        await _timed("What the customer owes", acme.GetCustomerBalance(balance))
    ).customer_balance
    _table(owed.balances, "currency", "owed", "overdue", "oldest_due_date")


async def _stock(acme: Connector) -> ListProductsResponse:
    mask = FieldMask(paths=["id", "code", "name", "kind", "stock"])
    request = ListProductsRequest(page_size=5, only_in_stock=True, active=True, read_mask=mask)
    try:
        return await acme.ListProducts(request)
    except Unsupported:
        # Not every ERP marks what is withdrawn.
        request.ClearField("active")
        return await acme.ListProducts(request)


def _in_first_warehouse(products: Any) -> list[dict[str, Any]]:
    rows = [_plain(product) for product in products]
    return [{**row, "stock": row.get("stock", [{}])[0]} for row in rows]


async def _in_debt(acme: Connector) -> str:
    """Some customer who owes something."""
    answer = await _timed(
        "Debts", acme.ListReceivables(ListReceivablesRequest(page_size=5, only_overdue=True))
    )
    owed_by = ReceivableDirection.RECEIVABLE_DIRECTION_OWED_BY_CUSTOMER
    debts: list[Receivable] = [debt for debt in answer.receivables if debt.direction == owed_by]
    _table(
        debts, "payer.name", "document_number", "due_date", "days_overdue", "remaining", "currency"
    )
    return debts[0].payer.id


async def _order(acme: Connector, buyer: Customer, products: Any) -> CreateOrderResponse:
    # Where each warehouse has cards of its own, one of each code.
    goods: list[Product] = list({product.code: product for product in products}.values())[:2]
    draft = OrderDraft(
        external_number="WEB-1001",
        buyer=CustomerChoice(id=buyer.id),
        lines=[OrderLineDraft(product=ProductChoice(code=p.code), quantity="3") for p in goods],
        remarks="Z demonstracji",
    )
    check = await _timed(
        "Would an order be taken?", acme.ValidateOrder(ValidateOrderRequest(order=draft))
    )
    out.print(f"  {len(check.problems)} problems; {check.order.gross} {check.order.currency} gross")
    keyed = acme.with_key(idempotency_key("order", draft.external_number))
    order = await _timed("Place it", keyed.CreateOrder(CreateOrderRequest(order=draft)))
    out.print(f"  {order.number}: {order.order.gross} {order.order.currency} gross")
    again = await _timed(
        "Place it again, same key", keyed.CreateOrder(CreateOrderRequest(order=draft))
    )
    out.print(f"  {again.number}: the same order, nothing was written")
    if again.number != order.number:
        raise TimeoutError("the repeated order has another number")
    return order


def _table(rows: Any, *columns: str) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2), show_header=True)
    for column in columns:
        table.add_column(column, no_wrap=True, max_width=38)
    for row in rows:
        plain = row if isinstance(row, dict) else _plain(row)
        table.add_row(*(_at(plain, column) for column in columns))
    out.print(table)


def _plain(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return found


def _at(row: dict[str, Any], path: str) -> str:
    value: Any = row
    for step in path.split("."):
        value = value.get(step, {}) if isinstance(value, dict) else {}
    return "" if value == {} else str(value)


def _in_the_erp(demo: Demo, order_id: str) -> None:
    """What the ERP's own tables have now."""
    with contextlib.closing(connect_sandbox(demo.sandbox, demo.schema)) as erp:
        cursor = erp.execute(demo.order, (int(order_id),))
        names = [description[0] for description in cursor.description]
        out.print("\n[bold]In the ERP's tables[/]")
        _table([dict(zip(names, row, strict=True)) for row in cursor], *names)


async def _wait(ports: dict[str, int], order: CreateOrderResponse | None) -> None:
    at = f"http://127.0.0.1:{ports['http']}/v1/connectors/acme/companies/-"
    out.print("\n[bold]Running.[/] Try, in another terminal:\n")
    for line in (
        f"curl -s '{at}/customers?page_size=3'",
        f"curl -s '{at}/invoices?only_unpaid=true&page_size=3'",
        f"curl -s -H 'Accept: application/x-ndjson' '{at}/products?read_mask=code,name'",
        *(_order_lines(at, order) if order else ()),
        f"{Path('.venv/bin/mostek')} connectors",
        f"{Path('.venv/bin/mostek')} export acme products -o products.csv",
    ):
        print(f"  {line}")
    print(
        f"\nThe API's description is at http://127.0.0.1:{ports['http']}/openapi.json. Ctrl-C ends it.",
        flush=True,
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


def _order_lines(at: str, order: CreateOrderResponse) -> tuple[str, str]:
    """Look at the order, and place another."""
    body = {
        "external_number": "WEB-1002",
        "buyer": {"code": order.customer.code},
        "lines": [{"product": {"code": order.order.lines[0].product_code}, "quantity": "2"}],
    }
    return (
        f"curl -s '{at}/orders/{order.id}'",
        f"curl -s -X POST '{at}/orders' -H 'Content-Type: application/json' -H 'Idempotency-Key: web-1002'"
        f" -d '{json.dumps(body)}'",
    )


if __name__ == "__main__":
    sys.exit(main())
