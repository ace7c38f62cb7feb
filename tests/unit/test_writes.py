"""What both ends say alike about a write."""

from __future__ import annotations

import pytest

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
    CustomerMatch,
)
from mostek.erp.v1.order_pb2 import CreateOrderResponse
from mostek.wire.operations import OPERATIONS
from mostek.wire.writes import content_of, erp_names, response_naming

WRITES = [operation for operation in OPERATIONS.values() if operation.write]


def request(name: str) -> CreateCustomerRequest:
    return CreateCustomerRequest(customer=CustomerDraft(name=name))


def test_the_content_is_what_is_asked_of_whom() -> None:
    first = content_of("CreateCustomer", "main", request("A"))
    assert first == content_of("CreateCustomer", "main", request("A"))
    assert len(first) == 32
    others = {
        content_of("CreateCustomer", "main", request("B")),
        content_of("CreateCustomer", "second", request("A")),
        content_of("CreateOrder", "main", request("A")),
        content_of("CreateCustomerm", "ain", request("A")),
    }
    assert len(others | {first}) == 5


def test_the_names_that_the_erp_gave_are_found() -> None:
    assert erp_names(CreateOrderResponse(id="7", number="ZK 1")) == ("7", "ZK 1")
    customer = CreateCustomerResponse(customer=CustomerMatch(id="7", code="ACME"))
    assert erp_names(customer) == ("7", "ACME")
    assert erp_names(CreateOrderResponse()) == ("", "")


@pytest.mark.parametrize("operation", WRITES, ids=lambda operation: operation.name)
def test_a_response_of_every_write_can_be_made_of_its_names(operation: object) -> None:
    [made] = [o for o in WRITES if o is operation]
    assert erp_names(response_naming(made, "7", "ZK 1")) == ("7", "ZK 1")
