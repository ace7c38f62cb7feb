"""The validator holds every rule that the contract states, and names the field."""

from collections.abc import Iterator

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, ListCustomersRequest
from mostek.erp.v1.invoice_pb2 import ListInvoicesRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    PriceChoice,
    ProductChoice,
)
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.wire.failures import Invalid
from mostek.wire.operations import OPERATIONS
from mostek.wire.rules import fields_of, parse, validate, violations_of


def line(**fields: object) -> OrderLineDraft:
    made = OrderLineDraft(product=ProductChoice(code="A"), quantity="1")
    made.MergeFrom(OrderLineDraft(**fields))  # type: ignore[arg-type]
    return made


def order(**fields: object) -> CreateOrderRequest:
    made = OrderDraft(external_number="X-1", buyer=CustomerChoice(code="K"), lines=[line()])
    made.MergeFrom(OrderDraft(**fields))  # type: ignore[arg-type]
    return CreateOrderRequest(order=made)


def faults(message: Message) -> dict[str, str]:
    return {v.field: v.description for v in violations_of(message)}


def test_a_right_order_passes() -> None:
    validate(order())


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("0", "must be greater than 0"),
        ("-1", "must be greater than 0"),
        ("1.0123456789", "has 10 digits after the point; at most 6 are allowed"),
        ("1,5", "must be a decimal number with a point, not a comma, e.g. 1234.50"),
        ("1e3", "must be a decimal number, e.g. 1234.50"),
        ("NaN", "must be a decimal number, e.g. 1234.50"),
        ("", "is required, so it can't be blank"),
        ("١", "must be a decimal number, e.g. 1234.50"),
    ],
)
def test_a_quantity_is_a_positive_decimal(quantity: str, words: str) -> None:
    made = order()
    made.order.lines[0].quantity = quantity
    assert faults(made) == {"order.lines[0].quantity": words}


def test_a_price_with_a_comma_is_refused_by_its_field() -> None:
    made = order()
    made.order.lines[0].price.CopyFrom(PriceChoice(net="12,50"))
    assert faults(made) == {
        "order.lines[0].price.net": "must be a decimal number with a point, not a comma, e.g. 1234.50"
    }


@pytest.mark.parametrize("size", [0, 10_000, -1])
def test_a_page_size_outside_its_bounds_is_refused(size: int) -> None:
    words = "must be at least 1" if size < 1 else "must be at most 1000"
    assert faults(ListCustomersRequest(page_size=size)) == {"page_size": words}


@pytest.mark.parametrize(
    "tax_id", ["5261040828", "526-10-40-828", "PL 526 104 08 28", "DE123456789", "EL 123456789"]
)
def test_a_tax_id_may_be_in_any_notation(tax_id: str) -> None:
    assert faults(ListCustomersRequest(tax_id=tax_id)) == {}


@pytest.mark.parametrize("tax_id", ["5261040829", "0000000000", "PL123", "526104082"])
def test_a_nip_with_a_wrong_check_digit_is_refused(tax_id: str) -> None:
    assert faults(ListCustomersRequest(tax_id=tax_id)) == {
        "tax_id": "is no NIP: ten digits with a right check digit are expected"
    }


def test_text_with_a_nul_is_refused() -> None:
    assert faults(ListCustomersRequest(text="a\0b")) == {
        "text": "has the control character U+0000; remove it"
    }


def test_emoji_are_text_until_an_erp_says_otherwise() -> None:
    assert faults(ListCustomersRequest(text="🙂")) == {}


def test_a_choice_must_be_made() -> None:
    made = order()
    made.order.buyer.Clear()
    assert faults(made) == {"order.buyer.customer": "needs one of id, code, tax_id, draft"}


def test_all_faults_are_reported_at_once() -> None:
    assert set(faults(CreateOrderRequest(order=OrderDraft(remarks="\0")))) == {
        "order.external_number",
        "order.buyer",
        "order.lines",
        "order.remarks",
    }


def test_an_enum_value_must_be_declared() -> None:
    kinds = faults(ListInvoicesRequest(kinds=[0, 99]))  # type: ignore[list-item]
    assert set(kinds) == {"kinds[0]", "kinds[1]"}
    assert kinds["kinds[0]"].startswith("must be one of INVOICE_KIND_INVOICE, ")


def test_too_many_items_are_counted_not_cut() -> None:
    made = ListCustomersRequest(ids=[str(n) for n in range(1001)])
    assert faults(made) == {"ids": "has 1001 items; at most 1000 are allowed"}


def test_a_date_must_exist() -> None:
    for day in ("2026-02-30", "26-02-01", "2026-2-1", "1899-12-31", "2026-02-01T00:00"):
        assert set(faults(ListInvoicesRequest(issue_date_from=day))) == {"issue_date_from"}, day
    assert faults(ListInvoicesRequest(issue_date_from="2024-02-29")) == {}


def test_lengths_hold_for_keys_and_values_of_maps_and_for_masks() -> None:
    draft = CustomerDraft(name="A", attributes={"k": "v" * 4001})
    assert set(faults(CreateCustomerRequest(customer=draft))) == {"customer.attributes.k"}
    mask = FieldMask(paths=["a" * 201])
    assert set(faults(ListCustomersRequest(read_mask=mask))) == {"read_mask"}


def test_an_id_has_no_space_at_its_ends() -> None:
    assert set(faults(ListCustomersRequest(ids=[" 1"]))) == {"ids[0]"}


def test_bytes_that_are_no_message_are_refused_by_the_messages_name() -> None:
    with pytest.raises(Invalid, match=r"no mostek\.erp\.v1\.ListRecordsRequest"):
        parse(ListRecordsRequest, b"\xff\xff")


def walk(descriptor: Descriptor, seen: set[str]) -> Iterator[FieldDescriptor]:
    if descriptor.full_name in seen or not descriptor.full_name.startswith("mostek"):
        return
    seen.add(descriptor.full_name)
    for field in descriptor.fields:
        yield field
        if field.message_type is not None:
            yield from walk(field.message_type, seen)


def test_every_text_and_list_of_a_request_is_bounded() -> None:
    seen: set[str] = set()
    loose = []
    for operation in OPERATIONS.values():
        for field in walk(operation.request.DESCRIPTOR, seen):  # type: ignore[arg-type]
            rule = fields_of(field.containing_type)[field.number].rule  # type: ignore[arg-type]
            entry = field.containing_type.GetOptions().map_entry  # type: ignore[union-attr]
            text = field.type == FieldDescriptor.TYPE_STRING and not entry
            if text and not rule.max_length and not rule.format:
                loose.append(field.full_name)
            if field.is_repeated and not rule.max_items:
                loose.append(field.full_name)
    assert loose == []


@given(st.text(max_size=50))
def test_no_text_makes_the_validator_fail_otherwise(text: str) -> None:
    made = order(external_number=text, delivery_date=text, expected_total=text, currency=text)
    made.order.buyer.tax_id = text
    made.order.lines[0].quantity = text
    for violation in violations_of(made):
        assert violation.field
        assert violation.description
