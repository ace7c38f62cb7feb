"""What a policy says: which operations, callers and fields, by which line, and what a page may hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.connector.config import PolicyConfig
from mostek.connector.policy import CompanyPolicy, Policy
from mostek.connector.policy_config import CompanyPolicyConfig
from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.invoice_pb2 import Invoice, InvoiceLine, ListInvoicesResponse
from mostek.wire.failures import Denied, Rejected
from mostek.wire.fields import identities, roots
from mostek.wire.operations import OPERATIONS

_NIGHT, _NOON = datetime(2026, 3, 2, 23, 30), datetime(2026, 3, 2, 12, 0)


def policy(*deny: str, now: datetime = _NOON, **settings: Any) -> CompanyPolicy:
    config = PolicyConfig(deny=list(deny), **settings)
    return Policy(config, {"acme": ZoneInfo("Europe/Warsaw")}, lambda zone: now).of("acme")


def test_a_site_allows_no_writes_unless_it_says_so() -> None:
    closed = Policy(PolicyConfig()).of("acme")
    closed.check(OPERATIONS["ListCustomers"], "")
    with pytest.raises(Denied, match=r"policy\.writes = true"):
        closed.check(OPERATIONS["CreateOrder"], "")
    policy(writes=True).check(OPERATIONS["CreateOrder"], "")


def test_pesel_is_kept_back_unless_the_site_says_otherwise() -> None:
    response = GetCustomerResponse(customer=Customer(id="1", pesel="44051401458"))
    Policy(PolicyConfig()).of("acme").denied.prune(response)
    assert response == GetCustomerResponse(customer=Customer(id="1"))


def test_a_denied_field_is_removed_from_every_item() -> None:
    response = ListCustomersResponse(customers=[Customer(id=str(n), email="a@b") for n in range(3)])
    policy("Customer.email").denied.prune(response)
    assert not any(customer.HasField("email") for customer in response.customers)
    assert [customer.id for customer in response.customers] == ["0", "1", "2"]


def test_a_denied_field_below_a_repeated_one_is_removed() -> None:
    line = InvoiceLine(net_price="1.00", name="A")
    response = ListInvoicesResponse(invoices=[Invoice(lines=[line, line])])
    policy("Invoice.lines.net_price").denied.prune(response)
    assert response.invoices[0].lines[1] == InvoiceLine(name="A")


def test_a_whole_message_can_be_denied() -> None:
    response = GetCustomerResponse(customer=Customer(address=Address(city="Łódź")))
    policy("Customer.address").denied.prune(response)
    assert not response.customer.HasField("address")


def test_a_message_denied_by_its_own_name_is_found_wherever_it_is() -> None:
    customer = Customer(address=Address(city="Łódź"), correspondence_address=Address(city="Ełk"))
    response = GetCustomerResponse(customer=customer)
    policy("Address.city").denied.prune(response)
    assert response.customer.address == Address()
    assert response.customer.correspondence_address == Address()


def test_an_entry_of_attributes_can_be_denied() -> None:
    response = GetCustomerResponse(customer=Customer(attributes={"route": "7", "region": "N"}))
    policy("Customer.attributes.route").denied.prune(response)
    assert dict(response.customer.attributes) == {"region": "N"}


def test_the_erps_words_leave_only_where_the_site_shares_them() -> None:
    failure = Rejected("No.", erp_text="Msg 547")
    Policy(PolicyConfig(share_error_text=True)).mute(failure)
    assert failure.erp_text == "Msg 547"
    Policy(PolicyConfig()).mute(failure)
    assert failure.erp_text == ""


# Operations and callers


def test_operations_that_are_named_are_the_only_ones() -> None:
    one = policy(operations=["ListCustomers", "CreateOrder"])
    allowed = [name for name, operation in OPERATIONS.items() if one.allows(operation)]
    assert allowed == ["ListCustomers"], "writes are off"
    with pytest.raises(Denied, match=r"not allow ListInvoices \(not in operations\); ask the site"):
        one.check(OPERATIONS["ListInvoices"], "")


def test_an_operation_that_is_denied_is_so_whatever_allows_it() -> None:
    one = policy(operations=["GetCustomer"], deny_operations=["GetCustomer"])
    assert not one.allows(OPERATIONS["GetCustomer"])


def test_only_callers_that_are_named_are_answered() -> None:
    one = policy(callers=["crm"])
    one.check(OPERATIONS["ListCustomers"], "crm")
    for caller, said in (("CRM", "'CRM' is not one of them"), ("", "the hub named none")):
        with pytest.raises(Denied, match=rf"{said}; ask .* to add it to policy\.callers"):
            one.check(OPERATIONS["ListCustomers"], caller)


def test_a_company_has_what_is_different_and_the_rest_as_the_others() -> None:
    config = PolicyConfig(
        preset="least", page_rows=10, companies={"two": CompanyPolicyConfig(writes=True)}
    )
    one, two = (Policy(config).of(name) for name in ("one", "two"))
    assert (one.config.writes, two.config.writes) == (False, True)
    assert two.config.preset == "least"
    assert two.config.page_rows == 10


# Fields


@pytest.mark.parametrize("preset", ["least", "orders"])
def test_a_preset_lets_no_more_leave_than_it_names(preset: Any) -> None:
    one = policy(preset=preset)
    allowed = set(one.config.of_preset.fields or ())
    for message, descriptor in roots().items():
        for field in descriptor.fields:
            path = f"{message}.{field.name}"
            named = any(a in {message, path} or a.startswith(f"{path}.") for a in allowed)
            assert one.denied.covers(path) is not (named or path in identities()), path
    assert one.denied.covers("Records.anything")


def test_no_preset_turns_writes_on() -> None:
    for preset in ("least", "orders", "all"):
        assert not policy(preset=preset).allows(OPERATIONS["CreateOrder"])


def test_allowed_fields_are_added_to_a_presets() -> None:
    one = policy(preset="least", allow=["Customer.phone", "Product.code"])
    for path in ("Customer.phone", "Customer.name", "Product.code", "Product.id"):
        assert not one.denied.covers(path), path
    for path in ("Customer.email", "Product.name"):
        assert one.denied.covers(path), path


def test_without_a_preset_allowed_fields_are_all_of_their_message() -> None:
    one = policy(allow=["Customer.address.city", "Customer.attributes.route", "Records.routes.day"])
    allowed = {"Customer.address.city", "Customer.attributes.route", "Customer.id"}
    for path in allowed | {"Invoice.number", "Records.routes.day"}:
        assert not one.denied.covers(path), path
    for path in ("Customer.address.street", "Customer.attributes.margin", "Records.routes.driver"):
        assert one.denied.covers(path), path


def test_what_is_denied_is_so_though_it_is_allowed() -> None:
    one = policy("Customer.attributes.route", allow=["Customer.attributes.route", "Customer.name"])
    assert one.denied.covers("Customer.attributes.route")
    assert policy("Customer.name", preset="least").denied.covers("Customer.name")


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("Customer.pesel", "deny: Customer.pesel"),
        ("Customer.address.city", "deny: Address.city"),
        ("Customer.email", "not in preset least or allow"),
        ("Customer.name", ""),
        ("Customer.phone", ""),
    ],
)
def test_a_field_is_kept_back_by_a_line_that_can_be_named(path: str, rule: str) -> None:
    one = policy("Customer.pesel", "Address.city", preset="least", allow=["Customer.phone"])
    assert one.rule(path) == rule


# Pages


def limited(one: CompanyPolicy, **request: Any) -> tuple[int, int]:
    asked = ListCustomersRequest(**request)
    return one.limit(OPERATIONS["ListCustomers"], asked), asked.page_size


def test_a_page_is_as_small_as_the_site_wants() -> None:
    one = policy(page_rows=50)
    assert limited(one) == (50, 50)
    assert limited(one, page_size=80) == (50, 50)
    assert limited(one, page_size=20) == (20, 20)
    assert limited(policy()) == (200, 0)


@pytest.mark.parametrize(
    ("hours", "now", "open_"),
    [
        ("18:00-06:00", _NIGHT, True),
        ("18:00-06:00", _NOON, False),
        ("18:00-06:00", datetime(2026, 3, 2, 6, 0), False),
        ("18:00-06:00", datetime(2026, 3, 2, 18, 0), True),
        ("08:00-16:00", _NOON, True),
        ("08:00-16:00", _NIGHT, False),
        ("00:00-00:00", _NOON, True),
    ],
)
def test_exports_run_in_their_hours(hours: str, now: datetime, open_: bool) -> None:
    one = policy(export_hours=hours, now=now)
    limited(one, page_size=200)
    for export in ({"page_size": 201}, {"page_token": "x"}):
        if open_:
            limited(one, **export)
        else:
            said = rf"exports run {hours} \(Europe/Warsaw\) only; a first page of up to 200 rows"
            with pytest.raises(Denied, match=said):
                limited(one, **export)
