"""For a plugin's tests: its operations called, its sandbox changed and asked, a shop that orders, what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import zip_longest
from pathlib import Path
from shutil import copyfile
from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
)
from mostek.erp.v1.invoice_pb2 import Invoice
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    OrderDraft,
    ValidateOrderRequest,
    ValidateOrderResponse,
)
from mostek.plugin.database import Database
from mostek.plugin.orders.writes import OrderWrites
from mostek.plugin.plugin import Context, Plugin
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.sql_types import Param
from mostek.wire.fields import DeniedFields
from mostek.wire.operations import OPERATIONS
from mostek.wire.rules import validate

__all__ = [
    "Sent",
    "Shop",
    "changed_copy",
    "cloned",
    "context",
    "items",
    "listed",
    "read",
    "recorded",
    "told",
    "told_otherwise",
]

#: Statements as they were sent, with their parameters.
Sent = list[tuple[str, Sequence[Param]]]


def context(
    operation: str = "ListCustomers",
    *,
    company: str = "demo",
    denied: DeniedFields | Iterable[str] = (),
    timeout: float = 30.0,
    idempotency_key: str = "",
) -> Context:
    """A running command."""
    return Context(
        operation=operation,
        company=company,
        command_id="test",
        caller="test",
        denied=denied,
        timeout=timeout,
        idempotency_key=idempotency_key,
    )


@contextmanager
def recorded(database: Database) -> Iterator[Sent]:
    """Within the block, every statement that the database is sent is added to the list."""
    sent: Sent = []
    before, database.observer = database.observer, lambda sql, params: sent.append((sql, params))
    try:
        yield sent
    finally:
        database.observer = before


def items(response: Message) -> list[Any]:
    """The items of a list's response."""
    field = next(f for f in response.DESCRIPTOR.fields if f.is_repeated and f.message_type)
    return list(getattr(response, field.name))


def read(plugin: Plugin, operation: str, **fields: Any) -> Any:
    """The response to a request with these fields."""
    return plugin.call(operation, OPERATIONS[operation].request(**fields), context(operation))


def listed(plugin: Plugin, operation: str, **fields: Any) -> list[Any]:
    """All items of a list, page by page."""
    found: list[Any] = []
    token = ""
    while True:
        page = read(plugin, operation, page_size=150, page_token=token, **fields)
        found += items(page)
        token = page.next_page_token
        if not token:
            return found


def cloned(table: str, where: str, computed: str = "", /, **changes: object) -> list[str]:
    """Statements for a sandbox: insert a copy of the first row for which `where` holds, with other values in some
    columns, given as SQL. They fail if there is no such row. `computed`: the table's computed column, if it has one."""
    values = ", ".join(f"{column} = {value}" for column, value in changes.items())
    return [
        f"CREATE TEMP TABLE cloned AS SELECT * FROM {table} WHERE {where} LIMIT 1",  # noqa: S608 - a test's own words, as below
        *([f"ALTER TABLE cloned DROP COLUMN {computed}"] if computed else []),
        f"UPDATE cloned SET {values}",  # noqa: S608
        "CREATE TEMP TABLE found (some INTEGER NOT NULL)",
        "INSERT INTO found SELECT CASE WHEN EXISTS (SELECT 1 FROM cloned) THEN 1 END",
        f"INSERT INTO {table} SELECT * FROM cloned",  # noqa: S608
        "DROP TABLE cloned",
        "DROP TABLE found",
    ]


_LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
_WHOLE = {"ListInvoices": {"read_mask": {"paths": [f.name for f in Invoice.DESCRIPTOR.fields]}}}


def told(plugin: Plugin) -> dict[str, Any]:
    """What a plugin tells: each list, invoices with their lines, and by its id the balance of each customer."""
    found: dict[str, Any] = {
        operation: listed(plugin, operation, **_WHOLE.get(operation, {})) for operation in _LISTS
    }
    for customer in found["ListCustomers"]:
        answer = read(plugin, "GetCustomerBalance", id=customer.id)
        answer.customer_balance.ClearField("as_of")
        found[customer.id] = answer.customer_balance
    return found


def told_otherwise(one: Plugin, other: Plugin) -> list[str]:
    """Where two plugins do not tell the same: of each list the first item that differs, both as text."""
    first, second = told(one), told(other)
    differing = []
    for name in first.keys() | second.keys():
        pairs = zip_longest(_items_of(first.get(name)), _items_of(second.get(name)))
        differing += [f"{name}:\n{a}\nis not\n{b}" for a, b in pairs if a != b][:1]
    return differing


def _items_of(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def changed_copy(sandbox: Path, to: Path, *statements: str, schema: str = "dbo") -> Path:
    """A copy of a sandbox in which some statements were run."""
    copyfile(sandbox, to)
    with closing(connect_sandbox(to, schema)) as connection:
        for statement in statements:
            connection.execute(statement)
    return to


class Shop:
    """A company that takes orders, what it sells (`goods`, by code) and to whom (`buyer`), and its database.

    A plugin's own says how the plugin is made, and finds buyer and goods.
    """

    plugin: OrderWrites
    buyer: Any
    goods: list[str]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect_sandbox(path)

    def close(self) -> None:
        self.plugin.close()
        self.connection.close()

    # Asking the plugin

    def draft(self, **changes: Any) -> OrderDraft:
        whole: dict[str, Any] = {
            "external_number": "WEB-1",
            "buyer": {"id": str(self.buyer)},
            "lines": [{"product": {"code": self.goods[0]}, "quantity": "2"}],
        }
        draft = ParseDict(whole | changes, OrderDraft())
        validate(draft)
        return draft

    def order(self, draft: OrderDraft | None = None, **changes: Any) -> CreateOrderResponse:
        request = CreateOrderRequest(order=draft or self.draft(**changes))
        return self.plugin.create_order(request, context("CreateOrder", idempotency_key="key"))

    def check(self, draft: OrderDraft | None = None, **changes: Any) -> ValidateOrderResponse:
        request = ValidateOrderRequest(order=draft or self.draft(**changes))
        return self.plugin.validate_order(request, context("ValidateOrder"))

    def customer(self, **fields: Any) -> CreateCustomerResponse:
        draft = ParseDict(fields, CustomerDraft())
        validate(draft)
        running = context("CreateCustomer", idempotency_key="key")
        return self.plugin.create_customer(CreateCustomerRequest(customer=draft), running)

    # Asking its database

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql, parameters).fetchall()

    def column(self, sql: str, *parameters: Any) -> list[Any]:
        return [row[0] for row in self.rows(sql, *parameters)]

    def value(self, sql: str, *parameters: Any) -> Any:
        return self.rows(sql, *parameters)[0][0]

    def row(self, table: str, key: str, value: Any) -> dict[str, Any]:
        """The one row of `dbo.table` whose `key` has that value, by column."""
        cursor = self.connection.execute(f"SELECT * FROM dbo.{table} WHERE {key} = ?", (value,))  # noqa: S608 - names of a test
        return dict(zip((c[0] for c in cursor.description), cursor.fetchone(), strict=True))
