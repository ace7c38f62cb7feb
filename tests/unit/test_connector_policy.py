"""What the site's policy keeps back, whatever the plugin returned."""

from __future__ import annotations

import pytest

from mostek.connector.config import PolicyConfig
from mostek.connector.policy import Policy
from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import Customer, GetCustomerResponse, ListCustomersResponse
from mostek.erp.v1.invoice_pb2 import Invoice, InvoiceLine, ListInvoicesResponse
from mostek.wire.failures import Denied, Rejected
from mostek.wire.operations import OPERATIONS


def policy(*deny: str, writes: bool = False, share: bool = False) -> Policy:
    return Policy(PolicyConfig(writes=writes, deny=list(deny), share_error_text=share))


def test_a_site_allows_no_writes_unless_it_says_so() -> None:
    closed = Policy(PolicyConfig())
    closed.check(OPERATIONS["ListCustomers"])
    with pytest.raises(Denied, match=r"policy\.writes = true"):
        closed.check(OPERATIONS["CreateOrder"])
    policy(writes=True).check(OPERATIONS["CreateOrder"])


def test_pesel_is_kept_back_unless_the_site_says_otherwise() -> None:
    response = GetCustomerResponse(customer=Customer(id="1", pesel="44051401458"))
    Policy(PolicyConfig()).prune(response)
    assert response == GetCustomerResponse(customer=Customer(id="1"))


def test_a_denied_field_is_removed_from_every_item() -> None:
    response = ListCustomersResponse(customers=[Customer(id=str(n), email="a@b") for n in range(3)])
    policy("Customer.email").prune(response)
    assert not any(customer.HasField("email") for customer in response.customers)
    assert [customer.id for customer in response.customers] == ["0", "1", "2"]


def test_a_denied_field_below_a_repeated_one_is_removed() -> None:
    line = InvoiceLine(net_price="1.00", name="A")
    response = ListInvoicesResponse(invoices=[Invoice(lines=[line, line])])
    policy("Invoice.lines.net_price").prune(response)
    assert response.invoices[0].lines[1] == InvoiceLine(name="A")


def test_a_whole_message_can_be_denied() -> None:
    response = GetCustomerResponse(customer=Customer(address=Address(city="Łódź")))
    policy("Customer.address").prune(response)
    assert not response.customer.HasField("address")


def test_a_message_denied_by_its_own_name_is_found_wherever_it_is() -> None:
    customer = Customer(address=Address(city="Łódź"), correspondence_address=Address(city="Ełk"))
    response = GetCustomerResponse(customer=customer)
    policy("Address.city").prune(response)
    assert response.customer.address == Address()
    assert response.customer.correspondence_address == Address()


def test_an_entry_of_attributes_can_be_denied() -> None:
    response = GetCustomerResponse(customer=Customer(attributes={"route": "7", "region": "N"}))
    policy("Customer.attributes.route").prune(response)
    assert dict(response.customer.attributes) == {"region": "N"}


def test_the_erps_words_leave_only_where_the_site_shares_them() -> None:
    failure = Rejected("No.", erp_text="Msg 547")
    policy(share=True).mute(failure)
    assert failure.erp_text == "Msg 547"
    policy().mute(failure)
    assert failure.erp_text == ""
