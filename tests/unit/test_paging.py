"""Page tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.plugin.paging import decode_token, encode_token, fingerprint, request_fingerprint
from mostek.wire.failures import Invalid

KEYS = st.text(st.characters(exclude_categories=["Cs"]))


def bound(**fields: object) -> bytes:
    return request_fingerprint("ListCustomers", "acme", ListCustomersRequest(**fields))  # type: ignore[arg-type]


@given(KEYS, st.lists(st.text(max_size=5), max_size=3))
def test_a_token_gives_back_its_key(key: str, parts: list[str]) -> None:
    bound_to = fingerprint(*parts)
    assert decode_token(encode_token(bound_to, key), bound_to) == key


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Invalid, match="page_token: is no page token"):
        decode_token(token, bound())


@given(KEYS, st.integers(0, 200), st.integers(1, 255))
def test_a_damaged_token_is_refused(key: str, position: int, change: int) -> None:
    token = encode_token(bound(), key)
    position %= len(token)
    damaged = token[:position] + chr(ord(token[position]) ^ change) + token[position + 1 :]
    with pytest.raises(Invalid, match="page_token"):
        decode_token(damaged, bound())


def test_a_token_of_another_query_is_refused_as_such() -> None:
    token = encode_token(bound(text="a"), "7")
    for other in (
        bound(text="b"),
        bound(text="a", read_mask={"paths": ["id"]}),
        request_fingerprint("ListCustomers", "other", ListCustomersRequest(text="a")),
        request_fingerprint("ListProducts", "acme", ListCustomersRequest(text="a")),
    ):
        with pytest.raises(Invalid, match="belongs to another query"):
            decode_token(token, other)


def test_page_size_and_the_order_of_the_mask_may_change() -> None:
    token = encode_token(bound(text="a", page_size=5, read_mask={"paths": ["id", "name"]}), "7")
    again = bound(
        text="a", page_size=50, page_token=token, read_mask={"paths": ["name", "id", "name"]}
    )
    assert decode_token(token, again) == "7"
