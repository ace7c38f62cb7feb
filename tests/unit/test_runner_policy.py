"""The policy on the whole way of a command: whatever a plugin, a caller or the hub does, what is denied stays here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.struct_pb2 import Struct

from mostek.connector.config import PolicyConfig
from mostek.connector.testing import Commands
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    Customer,
    CustomerDraft,
    CustomerMatch,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse, Erp
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    Order,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.erp.v1.record_pb2 import ListRecordsRequest, ListRecordsResponse
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.failures import Denied, Internal, Rejected, UnknownOutcome

ORDER = CreateOrderRequest(
    order=OrderDraft(
        external_number="E1",
        buyer=CustomerChoice(tax_id="5261040828"),
        lines=[OrderLineDraft(product=ProductChoice(code="A"), quantity="1")],
    )
)
NEW = CreateCustomerRequest(customer=CustomerDraft(name="Nowak", tax_id="5261040828"))


class Careless(Plugin):
    """Returns all that it has, whatever the context denies."""

    erp = "Careless"

    def __init__(self) -> None:
        super().__init__(NoConfig(), Site("demo", Path(), ZoneInfo("Europe/Warsaw")))
        self.asked: list[Any] = []
        self.fails: Exception | None = None
        self.rows = 0

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        self._note(request)
        size = self.rows or request.page_size or 200
        customers = [Customer(id=str(n), name="Nowak", email="a@b") for n in range(size)]
        return ListCustomersResponse(customers=customers, next_page_token="n", change_token="c")

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        self._note(request)
        return GetCustomerResponse(customer=Customer(id=request.id, name="Nowak", email="a@b"))

    def list_records(self, request: ListRecordsRequest, context: Context) -> ListRecordsResponse:
        self._note(request)
        row = Struct()
        row.update({"day": "1", "driver": "Nowak"})
        return ListRecordsResponse(records=[row])

    def create_order(self, request: CreateOrderRequest, context: Context) -> CreateOrderResponse:
        self._note(request)
        order = Order(id="1", number="ZK 1", gross="7.00")
        match = CustomerMatch(id="9", code="NOWAK")
        return CreateOrderResponse(id="1", number="ZK 1", order=order, customer=match)

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        self._note(request)
        return CreateCustomerResponse(customer=CustomerMatch(id="9", code="NOWAK", created=False))

    def describe_erp(self, request: DescribeErpRequest, context: Context) -> DescribeErpResponse:
        return DescribeErpResponse(erp=Erp(program="Careless", company_name="Nowak"))

    def _note(self, request: Any) -> None:
        self.asked.append(request)
        if self.fails is not None:
            raise self.fails


Start = Callable[..., Commands]
_MONDAY, _TUESDAY = datetime(2026, 3, 2, 12), datetime(2026, 3, 3, 0, 1)


@pytest.fixture
def plugin() -> Careless:
    return Careless()


@pytest.fixture
def start(plugin: Careless, tmp_path: Path) -> Iterator[Start]:
    """Starts a connector in one state folder; the one before is stopped."""
    running: list[Commands] = []

    def start(*, now: datetime = _MONDAY, **settings: Any) -> Commands:
        while running:
            running.pop().close()
        running.append(Commands(plugin, tmp_path, PolicyConfig(**settings), lambda zone: now))
        return running[0]

    yield start
    while running:
        running.pop().close()


# Operations and callers


def test_a_denied_operation_does_not_reach_the_plugin(start: Start, plugin: Careless) -> None:
    site = start(deny_operations=["GetCustomer"])
    with pytest.raises(Denied, match="policy does not allow GetCustomer"):
        site.ask("GetCustomer", GetCustomerRequest(id="1"))
    assert not plugin.asked


def test_a_caller_that_is_not_named_is_refused_also_when_the_hub_names_none(start: Start) -> None:
    site = start(callers=["crm"])
    assert site.ask("GetCustomer", GetCustomerRequest(id="1"), caller="crm").customer.id == "1"
    for caller in ("shop", ""):
        with pytest.raises(Denied, match="only the callers that its policy names"):
            site.ask("GetCustomer", GetCustomerRequest(id="1"), caller=caller)


def test_what_the_key_denies_is_denied_besides(start: Start) -> None:
    site = start(deny=["Customer.email"])
    request = ListCustomersRequest(page_size=1)
    (found,) = site.ask("ListCustomers", request, denied=["Customer.name"]).customers
    assert found == Customer(id="0")
    with pytest.raises(Denied, match=r"text: is not allowed .* keeps Customer\.name back"):
        site.ask("ListCustomers", ListCustomersRequest(text="N"), denied=["Customer.name"])


# Filters and look-ups


def test_a_filter_by_a_denied_field_is_refused_by_name(start: Start, plugin: Careless) -> None:
    site = start(deny=["Customer.tax_id", "Customer.code"])
    with pytest.raises(Denied) as refused:
        site.ask("ListCustomers", ListCustomersRequest(codes=["A"], tax_id="5261040828"))
    assert [v.field for v in refused.value.violations] == ["codes", "tax_id"]
    assert "tax_id: is not allowed by the site's policy, which keeps" in refused.value.message
    assert not plugin.asked


@pytest.mark.parametrize("denied", ["Customer.address.city", "Address.city", "TaxId.number"])
def test_a_field_denied_by_its_messages_name_is_denied_to_filters_too(
    start: Start, denied: str
) -> None:
    site = start(deny=[denied])
    if denied == "TaxId.number":
        with pytest.raises(Denied, match=r"keeps Customer\.tax_id\.number back"):
            site.ask("ListCustomers", ListCustomersRequest(tax_id="5261040828"))
    assert site.ask("ListCustomers", ListCustomersRequest(text="x")).customers


def test_an_order_names_nobody_by_a_denied_field(start: Start, plugin: Careless) -> None:
    site = start(deny=["Customer.tax_id"], writes=True)
    with pytest.raises(Denied, match=r"order\.buyer\.tax_id: is not allowed"):
        site.ask("CreateOrder", ORDER, key="k")
    assert not plugin.asked


def test_a_total_is_not_guessed(start: Start) -> None:
    site = start(deny=["Order.gross"], writes=True)
    guess = CreateOrderRequest(order=ORDER.order)
    guess.order.expected_total = "7.00"
    with pytest.raises(Denied, match=r"order\.expected_total: .* keeps Order\.gross back"):
        site.ask("CreateOrder", guess, key="k")


def test_a_new_customer_may_have_what_may_not_be_read(start: Start) -> None:
    site = start(deny=["Customer.tax_id", "Customer.code"], writes=True)
    found = site.ask("CreateCustomer", NEW, key="k").customer
    assert found == CustomerMatch(id="9", created=False), "the code of one that was there"


def test_a_list_of_the_sites_own_that_is_denied_is_refused(start: Start, plugin: Careless) -> None:
    with pytest.raises(Denied, match="list: this list is not allowed by the site's policy"):
        start(deny=["Records.wages"]).ask("ListRecords", ListRecordsRequest(list="wages"))
    assert not plugin.asked


# Responses


def test_a_column_of_a_list_of_the_sites_own_is_pruned(start: Start) -> None:
    site = start(deny=["Records.routes.driver"])
    (row,) = site.ask("ListRecords", ListRecordsRequest(list="routes")).records
    assert dict(row) == {"day": "1"}


def test_of_what_was_written_the_denied_fields_stay(start: Start) -> None:
    site = start(deny=["Order.number", "Order.gross", "Customer.code"], writes=True)
    response = site.ask("CreateOrder", ORDER, key="k")
    assert response == CreateOrderResponse(
        id="1", order=Order(id="1"), customer=CustomerMatch(id="9")
    )


def test_a_kept_outcome_is_pruned_by_the_policy_of_today(start: Start, plugin: Careless) -> None:
    assert start(writes=True).ask("CreateOrder", ORDER, key="k").number == "ZK 1"
    site = start(writes=True, deny=["Order.number", "Order.gross"])
    again = site.ask("CreateOrder", ORDER, key="k")
    assert (again.id, again.number, again.order) == ("1", "", Order(id="1"))
    assert len(plugin.asked) == 1


def test_a_write_that_was_begun_when_it_was_allowed_is_not_called_unwritten(start: Start) -> None:
    start(writes=True).ask("CreateOrder", ORDER, key="k")
    site = start(writes=False)
    with pytest.raises(UnknownOutcome, match=r"allows no writes.*An earlier attempt .* was begun"):
        site.ask("CreateOrder", ORDER, key="k")
    with pytest.raises(Denied):
        site.ask("CreateOrder", ORDER, key="another")


def test_the_erps_words_stay_here(start: Start, plugin: Careless) -> None:
    for share in (False, True):
        plugin.fails = Rejected("No.", erp_text="Nowak owes 7.00")
        with pytest.raises(Rejected) as refused:
            start(share_error_text=share).ask("GetCustomer", GetCustomerRequest(id="1"))
        assert refused.value.erp_text == ("Nowak owes 7.00" if share else "")


# Rows


def test_a_page_has_no_more_rows_than_the_policy_lets_it(start: Start) -> None:
    site = start(page_rows=3)
    assert len(site.ask("ListCustomers", ListCustomersRequest(page_size=100)).customers) == 3
    assert len(site.ask("ListCustomers", ListCustomersRequest()).customers) == 3


def test_a_plugin_that_returns_more_rows_than_were_asked_for_lets_none_leave(
    start: Start, plugin: Careless
) -> None:
    plugin.rows = 5
    with pytest.raises(Internal, match="the connector's log says why"):
        start(page_rows=3).ask("ListCustomers", ListCustomersRequest())


def test_the_days_rows_are_counted_over_restarts_until_midnight(start: Start) -> None:
    rows = ListCustomersRequest(page_size=4)
    assert len(start(day_rows=10).ask("ListCustomers", rows).customers) == 4
    site = start(day_rows=10)
    site.ask("GetCustomer", GetCustomerRequest(id="1"))
    site.ask("ListCustomers", rows)
    site.ask("DescribeErp", DescribeErpRequest())
    assert len(site.ask("ListCustomers", rows).customers) == 1
    for operation, request in (
        ("ListCustomers", rows),
        ("GetCustomer", GetCustomerRequest(id="1")),
    ):
        with pytest.raises(Denied, match=r"The 10 rows a day .* midnight .* policy\.day_rows"):
            site.ask(operation, request)
    assert len(start(day_rows=10, now=_TUESDAY).ask("ListCustomers", rows).customers) == 4


def test_rows_that_did_not_leave_are_not_counted(start: Start, plugin: Careless) -> None:
    site = start(day_rows=300)
    plugin.fails = Rejected("No.")
    for _ in range(5):
        with pytest.raises(Rejected):
            site.ask("ListCustomers", ListCustomersRequest(page_size=300))
    plugin.fails = None
    assert len(site.ask("ListCustomers", ListCustomersRequest(page_size=300)).customers) == 300
