"""Which fields a request tells of, and what takes denied ones out of a response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.struct_pb2 import Struct

from mostek.erp.v1 import options_pb2
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    Customer,
    CustomerDraft,
    CustomerMatch,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CustomerChoice,
    OrderDraft,
    OrderProblem,
    ValidateOrderRequest,
    ValidateOrderResponse,
)
from mostek.erp.v1.record_pb2 import ListRecordsRequest, ListRecordsResponse
from mostek.wire.fields import DeniedFields, questions, unknown_paths
from mostek.wire.operations import OPERATIONS

#: What shapes a page and filters nothing.
_SHAPE = {"page_size", "page_token", "read_mask"}
#: Fields of drafts by which something of the ERP is found.
_LOOK_UPS = {"code", "ean", "series", "unit", "vat_code", "external_number", "expected_total"}


def reads(field: FieldDescriptor) -> list[str]:
    return list(field.GetOptions().Extensions[options_pb2.reads].fields)


def fields_of(descriptor: Descriptor, seen: frozenset[str]) -> Iterator[FieldDescriptor]:
    for field in descriptor.fields:
        yield field
        below = field.message_type
        if below is not None and below.full_name not in seen:
            yield from fields_of(below, seen | {below.full_name})


def requests() -> list[tuple[str, FieldDescriptor]]:
    return [
        (name, field)
        for name, operation in OPERATIONS.items()
        for field in fields_of(cast(Descriptor, operation.request.DESCRIPTOR), frozenset())
    ]


def is_look_up(field: FieldDescriptor) -> bool:
    form = field.GetOptions().Extensions[options_pb2.rule].format
    ids = (options_pb2.FORMAT_ID, options_pb2.FORMAT_TAX_ID)
    return form in ids or field.name in _LOOK_UPS


def test_every_filter_of_every_list_and_get_says_which_fields_it_tells_of() -> None:
    silent = [
        f"{name}.{field.name}"
        for name, operation in OPERATIONS.items()
        if name.startswith(("List", "Get"))
        for field in operation.request.DESCRIPTOR.fields
        if field.name not in _SHAPE and not reads(cast(FieldDescriptor, field))
    ]
    assert not silent


def test_every_look_up_of_every_draft_says_which_fields_it_tells_of() -> None:
    silent = {field.full_name for _, field in requests() if is_look_up(field) and not reads(field)}
    assert not silent


def test_what_they_say_are_fields_of_the_contract() -> None:
    said = {path for _, field in requests() for path in reads(field)} - {"Records"}
    assert len(said) > 30
    assert not unknown_paths(said)


def asked(request: Any) -> dict[str, tuple[str, ...]]:
    return {one.path: one.values for one in questions(request)}


def test_a_request_asks_by_its_filters_and_look_ups_with_their_values() -> None:
    assert asked(ListCustomersRequest(page_size=5, codes=["A", "B"], active=False)) == {
        "codes": ("A", "B"),
        "active": ("False",),
    }
    order = OrderDraft(external_number="7", buyer=CustomerChoice(tax_id="5261040828"))
    assert asked(CreateOrderRequest(order=order)) == {
        "order.external_number": ("7",),
        "order.buyer.tax_id": ("5261040828",),
    }
    assert asked(ListRecordsRequest(list="routes", parameters={"day": "1"})) == {
        "list": ("routes",),
        "parameters.day": ("1",),
    }


def refused(denied: DeniedFields, request: Any, *, write: bool = False) -> list[tuple[str, str]]:
    return [(question.path, path) for question, path in denied.refused(request, write=write)]


@pytest.mark.parametrize(
    ("denied", "path"),
    [
        ("Customer.name", "Customer.name"),
        ("Customer.full_name", "Customer.full_name"),
    ],
)
def test_a_text_that_searches_several_fields_is_refused_for_each(denied: str, path: str) -> None:
    assert refused(DeniedFields([denied]), ListCustomersRequest(text="x")) == [("text", path)]


def test_a_filter_is_refused_however_the_field_is_denied() -> None:
    request = ListCustomersRequest(tax_id="5261040828")
    for denied in ("Customer.tax_id.number", "Customer.tax_id", "TaxId.number"):
        assert refused(DeniedFields([denied]), request) == [("tax_id", "Customer.tax_id.number")]
    assert not refused(DeniedFields(["Customer.tax_id.country"]), request)


def test_what_a_write_writes_is_the_callers_own() -> None:
    denied = DeniedFields(["Customer.tax_id", "Order.external_number"])
    draft = CustomerDraft(name="A", tax_id="5261040828")
    assert not refused(denied, CreateCustomerRequest(customer=draft), write=True)
    order = OrderDraft(external_number="7", buyer=CustomerChoice(draft=draft))
    assert not refused(denied, CreateOrderRequest(order=order), write=True)
    # A read of the same writes nothing: it only asks.
    assert {path for path, _ in refused(denied, ValidateOrderRequest(order=order))} == {
        "order.external_number",
        "order.buyer.draft.tax_id",
    }


def test_whom_a_write_means_is_a_look_up() -> None:
    denied = DeniedFields(["Customer.tax_id"])
    order = OrderDraft(external_number="7", buyer=CustomerChoice(tax_id="5261040828"))
    found = refused(denied, CreateOrderRequest(order=order), write=True)
    assert found == [("order.buyer.tax_id", "Customer.tax_id.number")]


def test_fields_that_repeat_a_denied_one_go_too() -> None:
    match = CreateCustomerResponse(customer=CustomerMatch(id="1", code="NOWAK"))
    DeniedFields(["Customer.code"]).prune(match)
    assert match == CreateCustomerResponse(customer=CustomerMatch(id="1"))
    page = ListCustomersResponse(change_token="t", next_page_token="n")
    DeniedFields(["Customer.changed_at"]).prune(page)
    assert page == ListCustomersResponse(next_page_token="n")
    problems = ValidateOrderResponse(problems=[OrderProblem(line=1, message="comes to 7.00")])
    DeniedFields(["Order.gross"]).prune(problems)
    assert problems == ValidateOrderResponse(problems=[OrderProblem(line=1)])


def test_entries_that_are_kept_stay_in_a_map_that_is_denied() -> None:
    denied = DeniedFields(["Customer.attributes"], ["Customer.attributes.route"])
    response = GetCustomerResponse(customer=Customer(attributes={"route": "7", "margin": "9"}))
    denied.prune(response)
    assert dict(response.customer.attributes) == {"route": "7"}
    assert denied.covers("Customer.attributes.margin")
    assert not denied.covers("Customer.attributes.route")


def records(**columns: str) -> ListRecordsResponse:
    row = Struct()
    row.update(columns)
    return ListRecordsResponse(records=[row])


def test_a_column_of_a_list_of_the_sites_own_goes() -> None:
    denied = DeniedFields(["Records.routes.driver"])
    for name, left in (("routes", {"day": "1"}), ("stops", {"day": "1", "driver": "Jan"})):
        response = records(day="1", driver="Jan")
        denied.prune(response, name)
        assert dict(response.records[0]) == left
    unnamed = records(day="1", driver="Jan")
    denied.prune(unnamed)
    assert dict(unnamed.records[0]) == {"day": "1"}


def test_of_lists_that_are_denied_only_kept_columns_stay() -> None:
    denied = DeniedFields(["Records"], ["Records.routes.day", "Records.stops"])
    response = records(day="1", driver="Jan")
    denied.prune(response, "routes")
    assert dict(response.records[0]) == {"day": "1"}
    for name, is_refused in (("routes", False), ("stops", False), ("wages", True)):
        assert bool(refused(denied, ListRecordsRequest(list=name))) is is_refused


def test_what_one_more_denies_no_kept_path_saves() -> None:
    both = DeniedFields(["Customer.attributes"], ["Customer.attributes.route"]) | [
        "Customer.attributes.route"
    ]
    assert both.covers("Customer.attributes.route")


class _Interrupted(DeniedFields):
    """Another thread prunes while this one finds out where to look."""

    others = 0

    def _reached(self, descriptor: Descriptor, seen: set[str]) -> bool:
        if not seen and not self.others:
            self.others += 1
            other = GetCustomerResponse(customer=Customer(id="1", name="Nowak"))
            self.prune(other)
            assert other == GetCustomerResponse(customer=Customer(id="1"))
        return super()._reached(descriptor, seen)


def test_what_is_found_out_while_another_thread_prunes_is_whole() -> None:
    response = GetCustomerResponse(customer=Customer(id="1", name="Nowak"))
    denied = _Interrupted(["Customer.name"])
    denied.prune(response)
    assert denied.others == 1
    assert response == GetCustomerResponse(customer=Customer(id="1"))
