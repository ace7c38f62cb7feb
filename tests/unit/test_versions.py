"""Which version is older."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.wire.versions import is_older

ORDERED = ["0.1", "0.1.1", "0.2.0rc1", "0.2", "0.10.0.dev3", "0.10", "1", "1.0.1"]


@pytest.mark.parametrize(("one", "other"), list(pairwise(ORDERED)))
def test_versions_are_ordered_by_their_numbers(one: str, other: str) -> None:
    assert is_older(one, other)
    assert not is_older(other, one)


def test_equal_versions_are_not_older_however_they_are_written() -> None:
    assert not is_older("1.0", "1.0.0")
    assert not is_older("1.0.0", "1")


@given(st.text(max_size=30))
def test_nothing_is_said_of_what_is_no_version(text: str) -> None:
    assert not is_older("one " + text, "1.0")
    assert not is_older("1.0", "one " + text)
    assert not (is_older(text, "1.0") and is_older("1.0", text))
