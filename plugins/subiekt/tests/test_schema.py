"""Every query file against the reference schema, the newest and the older one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.plugin.query import catalogue_of
from mostek.plugin.testing import context, recorded
from mostek.wire.operations import OPERATIONS
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.schema import older_schema, reference_schema

LISTS = ("ListCustomers", "ListProducts", "ListInvoices", "ListReceivables", "ListOrders")
DRIFT = UnavailableReason.UNAVAILABLE_REASON_DRIFT
#: What is absent in the database of about 2024.
LOST = {
    "ListCustomers": {
        "gln",
        "invoice_email",
        "delivery_addresses.gln",
    },
    "ListProducts": {"deposit.product_id", "deposit.product_code", "deposit.name"},
    "ListInvoices": {"parties.gln"},
    "ListReceivables": set(),
    "ListOrders": {"parties.gln", "delivery_address.gln"},
}


def read(gt: SubiektGt, operation: str, **fields: Any) -> Any:
    """A page with every field, lines too."""
    request: Any = OPERATIONS[operation].request(page_size=1000, **fields)
    if operation == "ListInvoices":
        message = gt.messages["invoices"].DESCRIPTOR
        request.read_mask.paths.extend(field.name for field in message.fields)
    return gt.call(operation, request, context(operation))


def items(response: Message) -> list[Any]:
    return list(response.ListFields()[0][1])


def test_no_query_names_what_the_reference_schema_does_not_have(gt: SubiektGt) -> None:
    assert [problem for q in gt.queries.values() for problem in q.check(reference_schema())] == []


def test_every_file_feeds_a_query(gt: SubiektGt) -> None:
    files = {entry.name for entry in Path(str(gt.folder)).iterdir()}
    used = {part.file.name for query in gt.queries.values() for part in query.parts}
    assert files == used


def test_the_newest_version_has_no_drift(gt: SubiektGt) -> None:
    assert gt.drift() == []


def test_an_older_version_fails_nowhere(gt: SubiektGt) -> None:
    catalogue = catalogue_of(older_schema())
    notes = [note for query in gt.queries.values() for note in query.adapt(catalogue).drift]
    assert not [note for note in notes if note.fails]


@pytest.mark.parametrize("operation", LISTS)
def test_on_an_older_version_fields_fall_away_and_are_told(
    older: SubiektGt, operation: str
) -> None:
    response = read(older, operation)
    assert items(response)
    lost = {u.path for u in response.unavailable_fields if u.reason == DRIFT}
    assert {path for path in lost if path != "deposit"} | (
        LOST["ListProducts"] if "deposit" in lost else set()
    ) == LOST[operation]


def test_on_an_older_version_ksef_numbers_are_found_in_the_documents(older: SubiektGt) -> None:
    invoices = items(read(older, "ListInvoices"))
    numbers = [invoice.ksef.number for invoice in invoices if invoice.ksef.number]
    assert numbers
    (found,) = items(read(older, "ListInvoices", ksef_number=numbers[-1]))
    assert found.ksef.number == numbers[-1]
    receivables = items(read(older, "ListReceivables"))
    assert {r.ksef_number for r in receivables if r.ksef_number} <= set(numbers)
    assert any(r.ksef_number for r in receivables)


def test_on_an_older_version_totals_in_a_foreign_currency_are_absent_and_not_in_zloty(
    older: SubiektGt,
) -> None:
    invoices = items(read(older, "ListInvoices"))
    foreign = [invoice for invoice in invoices if invoice.currency != "PLN"]
    assert foreign
    assert not any(invoice.HasField("gross") for invoice in foreign)
    assert all(invoice.gross_pln for invoice in invoices)
    assert all(invoice.gross for invoice in invoices if invoice.currency == "PLN")


@pytest.mark.parametrize("operation", LISTS)
def test_no_statement_reads_a_table_from_end_to_end(gt: SubiektGt, operation: str) -> None:
    """But the first, which walks along its key; and none makes an index for itself or goes by a document's type."""
    with recorded(gt.database) as sent:
        read(gt, operation)
    derived = {"d", "e", "l", "r", "y", "b"}
    for number, (sql, params) in enumerate(sent):
        for step in gt.database.explain(sql, params, context()):  # type: ignore[attr-defined]
            verb, _, rest = step.partition(" ")
            assert "AUTOMATIC" not in step, sql
            assert "(dok_Typ=?" not in step, sql
            if verb == "SCAN" and not rest.startswith("CONSTANT"):
                assert rest in derived, (step, sql)
            if number and verb == "SEARCH":
                assert "=?" in rest or rest == "only USING PRIMARY KEY", (step, sql)
