"""For a plugin's tests: a context to call operations with, and what statements were sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message

from mostek.erp.v1.invoice_pb2 import Invoice
from mostek.plugin.database import Database
from mostek.plugin.plugin import Context, Plugin
from mostek.plugin.sql_types import Param
from mostek.wire.fields import DeniedFields
from mostek.wire.operations import OPERATIONS

__all__ = ["Sent", "cloned", "context", "items", "recorded", "told"]

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
_WHOLE_INVOICES = {"paths": [field.name for field in Invoice.DESCRIPTOR.fields]}


def told(plugin: Plugin) -> dict[str, Any]:
    """What a plugin tells: each list, invoices with their lines, and by its id the balance of each customer."""
    found: dict[str, Any] = {operation: _all(plugin, operation) for operation in _LISTS}
    for customer in found["ListCustomers"]:
        answer = _asked(plugin, "GetCustomerBalance", id=customer.id)
        answer.customer_balance.ClearField("as_of")
        found[customer.id] = answer.customer_balance
    return found


def _all(plugin: Plugin, operation: str) -> list[Any]:
    whole = {"read_mask": _WHOLE_INVOICES} if operation == "ListInvoices" else {}
    found: list[Any] = []
    token = ""
    while True:
        page = _asked(plugin, operation, page_size=1000, page_token=token, **whole)
        found += items(page)
        token = page.next_page_token
        if not token:
            return found


def _asked(plugin: Plugin, operation: str, **fields: Any) -> Any:
    return plugin.call(operation, OPERATIONS[operation].request(**fields), context(operation))
