"""`mostek-connector policy explain`: what leaves, what does not and by which line, and no value of what is denied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mostek.connector import companies as companies_module
from mostek.connector.cli import app
from mostek.erp.v1.common_pb2 import Address, TaxId
from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.plugin.plugin import Context, Plugin
from mostek.wire.failures import ErpUnavailable

CONFIG = """\
[hub]
link = "127.0.0.1:7444"
insecure = true
[connector]
name = "acme"
[companies.main]
plugin = "memory"
[policy]
"""
CUSTOMER = Customer(
    id="7",
    name="Nowak [sp. z o.o.]",
    email="nowak@example.com",
    pesel="44051401458",
    tax_id=TaxId(number="5261040828"),
    address=Address(city="Łódź", street="Krótka"),
    attributes={"route": "N", "margin": "0.4"},
)


class Memory(Plugin):
    erp = "Memory"
    seen: list[Context] = []  # noqa: RUF012
    away = False

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        self.seen.append(context)
        if Memory.away:
            raise ErpUnavailable("The database does not answer.", erp_text="Msg 53")
        assert request.page_size == 1
        return ListCustomersResponse(customers=[CUSTOMER])

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        assert request.id == "7"
        return GetCustomerResponse(customer=CUSTOMER)

    def own_fields(self) -> frozenset[str]:
        return frozenset({"Customer.attributes.route", "Customer.attributes.margin"})


class Point:
    def load(self) -> type[Plugin]:
        return Memory


Explain = Callable[..., str]


@pytest.fixture
def explain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Explain:
    monkeypatch.setattr(companies_module, "installed_plugins", lambda: {"memory": Point()})
    monkeypatch.setenv("COLUMNS", "200")
    Memory.seen.clear()
    Memory.away = False
    file = tmp_path / "connector.toml"

    def explain(policy: str, *options: str, code: int = 0, more: str = "") -> str:
        file.write_text(CONFIG + policy + more, encoding="utf-8")
        done = CliRunner().invoke(app, ["policy", "explain", "-c", str(file), *options])
        assert done.exit_code == code, done.output
        return " ".join(done.output.replace("│", " ").split())

    return explain


def test_what_leaves_is_shown_with_its_value_and_what_does_not_with_its_line(
    explain: Explain,
) -> None:
    said = explain('preset = "least"\nallow = ["Customer.phone"]\ndeny = ["Address.street"]')
    for line in (
        "preset least",
        "ListCustomers yes",
        "ListProducts no not in preset least",
        "GetInvoice no not served by this plugin",
        "Customer.name yes Nowak [sp. z o.o.]",
        "Customer.tax_id.number yes 5261040828",
        "Customer.address.city yes Łódź",
        "Customer.address.street no deny: Address.street",
        "Customer.email no not in preset least or allow",
        "Customer.attributes.route no not in preset least or allow",
        "group_id Customer.group.id (not in preset least or allow)",
    ):
        assert line in said, said


def test_no_value_of_a_denied_field_is_shown_nor_asked_for(explain: Explain) -> None:
    said = explain('deny = ["Customer.pesel", "Customer.attributes.margin", "Customer.address"]')
    for value in ("44051401458", "0.4", "Łódź"):
        assert value not in said
    assert Memory.seen[0].denied.covers("Customer.address.city")
    assert "Customer.attributes.route yes N" in said
    assert "Customer.attributes.margin no deny: Customer.attributes.margin" in said


def test_one_operation_is_explained_alone(explain: Explain) -> None:
    said = explain("writes = false", "--operation", "GetCustomer")
    assert "What leaves with GetCustomer, on one record of main" in said
    assert "Customer.email yes nowak@example.com" in said
    assert "ListProducts" not in said
    said = explain("writes = false", "--operation", "CreateOrder")
    assert "CreateOrder does not run here: writes = false." in said
    said = explain("writes = true\ndeny = ['Order.gross']", "--operation", "CreateOrder")
    for line in (
        "What leaves with CreateOrder ┏",
        "Order.gross no deny: Order.gross",
        "Order.lines yes",
        "order.expected_total Order.gross (deny: Order.gross)",
    ):
        assert line in said, said


def test_mistakes_are_told_with_what_there_is(explain: Explain) -> None:
    said = explain("", "--operation", "ListClients", code=1)
    assert "'ListClients' is no operation; there are DescribeErp, ListCustomers," in said
    said = explain("", code=1, more='[companies.second]\nplugin = "memory"\n')
    assert "name one of the companies: main, second" in said
    Memory.away = True
    assert "The database does not answer. (Msg 53)" in explain("", code=1)


def test_a_company_is_explained_by_its_own_policy(explain: Explain) -> None:
    more = '[policy.companies.second]\ndeny = ["Customer.email"]\n[companies.second]\nplugin = "memory"\n'
    said = explain("", "--company", "second", more=more)
    assert "Policy of second" in said
    assert "Customer.email no deny: Customer.email" in said
    assert "Customer.email yes nowak@example.com" in explain("", "--company", "main", more=more)
