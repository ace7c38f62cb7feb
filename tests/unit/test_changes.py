"""Change tokens."""

from __future__ import annotations

from datetime import datetime

import pytest

from mostek.erp.v1.customer_pb2 import ListCustomersRequest, ListCustomersResponse
from mostek.plugin.changes import Changes, Versions
from mostek.wire.failures import Invalid


def _never() -> int:
    raise AssertionError("the version is that of the first page")


def test_the_token_is_the_version_before_the_first_page_on_every_page() -> None:
    first = Versions.of(ListCustomersRequest(), lambda: 5)
    response = first.finished(ListCustomersResponse(next_page_token="abc"))
    assert (first.since, response.change_token) == (None, "5")
    second = Versions.of(ListCustomersRequest(page_token=response.next_page_token), _never)
    assert (second.request.page_token, second.token) == ("abc", "5")
    assert second.finished(ListCustomersResponse()).change_token == "5"


def test_what_is_asked_for_begins_with_the_tokens_version() -> None:
    assert Versions.of(ListCustomersRequest(change_token="12"), lambda: 20).since == 12


@pytest.mark.parametrize("token", ["x", "-1", " 1", "9" * 19, "1.2"])
def test_a_token_of_another_kind_is_refused_by_name(token: str) -> None:
    with pytest.raises(Invalid, match="change_token"):
        Versions.of(ListCustomersRequest(change_token=token), lambda: 1)
    with pytest.raises(Invalid, match="change_token"):
        Changes.of(ListCustomersRequest(change_token=token), datetime(2026, 11, 20))


@pytest.mark.parametrize("page_token", [".abc", "x.abc", "2026-11-20.abc"])
def test_a_page_token_without_the_first_pages_token_is_refused(page_token: str) -> None:
    with pytest.raises(Invalid, match="page_token"):
        Versions.of(ListCustomersRequest(page_token=page_token), _never)
    with pytest.raises(Invalid, match="page_token"):
        Changes.of(ListCustomersRequest(page_token=page_token), datetime(2026, 11, 20))
