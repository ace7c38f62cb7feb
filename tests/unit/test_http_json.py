"""JSON bodies into messages and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1 import customer_pb2, order_pb2
from mostek.hub.http import json as json_module
from mostek.hub.http.json import encoded, encoded_list, read
from mostek.wire.failures import Invalid


def order(body: Any) -> order_pb2.OrderDraft:
    request = order_pb2.CreateOrderRequest()
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    read(data, request.order, "order")
    return request.order


def refused(body: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        order(body)
    return {violation.field: violation.description for violation in caught.value.violations}


def message_of_refusal(body: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        order(body)
    return caught.value.message


def test_a_body_fills_the_message() -> None:
    got = order(
        {
            "external_number": "Zażółć",
            "lines": [{"quantity": "1.5", "product": {"ean": "590"}}],
            "payment_days": 14,
            "reserve": False,
            "transaction_kind": "TRANSACTION_KIND_DOMESTIC",
            "attributes": {"route": "A"},
            "remarks": None,
        }
    )

    assert (got.external_number, got.lines[0].quantity) == ("Zażółć", "1.5")
    assert (got.payment_days, got.attributes["route"]) == (14, "A")
    assert got.HasField("reserve")
    assert not got.HasField("remarks")


def test_an_empty_object_is_a_message_that_is_there() -> None:
    request = order_pb2.CreateOrderRequest()
    read(b"{}", request.order, "order")

    assert request.HasField("order")


@pytest.mark.parametrize(
    ("body", "field", "description"),
    [
        ({"nubmer": 1}, "order.nubmer", "is no field of OrderDraft"),
        ({"external_nubmer": 1}, "order.external_nubmer", "; is external_number meant?"),
        ({"lines": [{}, {"qty": "1"}]}, "order.lines[1].qty", "is no field of OrderLineDraft"),
        ({"lines": [{"quantity": 2}]}, "order.lines[0].quantity", "must be text"),
        ({"external_number": ["a"]}, "order.external_number", "must be text"),
        ({"external_number": "\ud800"}, "order.external_number", "must be text"),
        ({"reserve": "true"}, "order.reserve", "must be true or false"),
        ({"reserve": 1}, "order.reserve", "must be true or false"),
        ({"payment_days": 1.5}, "order.payment_days", "whole number"),
        ({"payment_days": True}, "order.payment_days", "whole number"),
        ({"payment_days": 2**40}, "order.payment_days", "32 bits"),
        ({"payment_days": "soon"}, "order.payment_days", "whole number"),
        ({"transaction_kind": "EXPORT"}, "order.transaction_kind", "must be one of TRANSACTION_"),
        ({"transaction_kind": 1.7}, "order.transaction_kind", "must be one of TRANSACTION_"),
        ({"lines": {}}, "order.lines", "must be a list"),
        ({"lines": [None]}, "order.lines[0]", "must be an object"),
        ({"lines": ["x"]}, "order.lines[0]", "must be an object"),
        ({"buyer": []}, "order.buyer", "must be an object"),
        ({"buyer": ""}, "order.buyer", "must be an object"),
        ({"buyer": {"id": "1", "code": "x"}}, "order.buyer.customer", "only one of id, code"),
        ({"attributes": []}, "order.attributes", "must be an object"),
        ({"remarks": "\ud800"}, "order.remarks", "must be text"),
        ({"transaction_kind": "\ud800"}, "order.transaction_kind", "must be one of"),
        ({"attributes": {"a": 1}}, "order.attributes.a", "must be text"),
        ({"[mostek.erp.v1.rule]": 1}, "order.[mostek.erp.v1.rule]", "is no field"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(body: Any, field: str, description: str) -> None:
    (found,) = refused(body).items()

    assert found[0] == field
    assert description in found[1]


def test_all_faults_are_named_at_once() -> None:
    assert list(refused({"a": 1, "lines": [{"b": 1}], "reserve": 0})) == [
        "order.a",
        "order.lines[0].b",
        "order.reserve",
    ]


def test_of_a_body_of_faults_no_more_are_looked_for_than_can_be_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = []
    monkeypatch.setattr(
        json_module, "get_close_matches", lambda name, *_, **__: looked_at.append(name)
    )

    found = refused({f"field_{number}": 1 for number in range(20_000)})

    assert 20 < len(found) < len(looked_at) < 100


@pytest.mark.parametrize("item", [1, {}])
def test_items_beyond_what_a_list_may_have_are_not_looked_at(item: Any) -> None:
    assert refused({"lines": [item] * 1001}) == {
        "order.lines": "has 1001 items; at most 1000 are allowed"
    }
    names = {str(number): item for number in range(51)}
    assert refused({"attributes": names}) == {
        "order.attributes": "has 51 items; at most 50 are allowed"
    }


def test_a_long_name_is_told_shortened() -> None:
    [(field, description)] = refused({"x" * 100_000: 1}).items()

    assert len(field) == 200
    assert description == "is no field of OrderDraft"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON: Expecting value, at line 1, column 1"),
        (b'{"a":\n 1,}', "at line 2"),
        (b"order=1", "not JSON"),
        (b"\xff\xfe", "not UTF-8: byte 0"),
        (b'{"a": NaN}', "no number NaN"),
        (b'{"a": -Infinity}', "no number -Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"lines": [{"quantity": "1", "quantity": "2"}]}', "quantity: is given twice"),
        (rb'{"\ud800": 1}', "half of a character"),
        (rb'{"lines": [{"\udfff": 1}]}', "half of a character"),
        (rb'{"attributes": {"\ud800": "x"}}', "half of a character"),
        (b"[]", "must be a JSON object"),
        (b'"x"', "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, says: str) -> None:
    assert says in message_of_refusal(body)


#: Also halves of characters, which JSON can say and no text can hold.
ANY = st.characters(exclude_categories=())


def names() -> st.SearchStrategy[str]:
    """Names of the draft's own fields, and others."""
    own = [*order_pb2.OrderDraft.DESCRIPTOR.fields_by_name, "id", "code", "net", "product"]
    return st.sampled_from(own) | st.text(ANY, max_size=3)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(ANY),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names(), inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_json_is_either_taken_or_refused(value: Any) -> None:
    try:
        got = order(value)
    except Invalid:
        return
    again = order(MessageToDict(got, preserving_proto_field_name=True))
    assert again == got


def test_text_is_not_escaped() -> None:
    assert encoded(customer_pb2.Customer(name="Żółw")) == '{"name":"Żółw"}'.encode()


async def test_a_list_is_encoded_as_protobuf_does() -> None:
    page = customer_pb2.ListCustomersResponse(
        customers=[customer_pb2.Customer(id=str(n), active=True) for n in range(3)],
        next_page_token="t",
    )
    expected = MessageToDict(page, preserving_proto_field_name=True)

    assert json.loads(await encoded_list(page, "customers")) == expected


async def test_an_empty_list_is_not_left_out() -> None:
    page = customer_pb2.ListCustomersResponse()

    assert await encoded_list(page, "customers") == b'{"customers":[]}'
