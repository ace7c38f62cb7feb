"""Types of columns, and the values that they take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.plugin.sql_types import SqlType, check_text, like_contains, sql_value
from mostek.wire.failures import (
    Invalid,
)


@pytest.mark.parametrize("text", ["varchar(20)", "decimal(18,2)", "int", "money", "nvarchar"])
def test_a_type_is_written_as_it_is_read(text: str) -> None:
    assert str(SqlType.parse(text)) == text


@pytest.mark.parametrize("text", ["integer", "varchar(x)", "", "int; DROP"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type|size"):
        SqlType.parse(text)


def test_a_text_is_refused_by_name_never_cut() -> None:
    assert check_text("name", "Zażółć gęślą", "varchar(12)") == "Zażółć gęślą"
    assert check_text("name", "o\u0301", "varchar(1)") == "ó"
    for value, words in (
        ("x" * 21, "at most 20 characters, has 21"),
        ("a😀", r"no character U\+1F600 \(position 2\)"),
        ("a\0", "NUL"),
        ("Ω", "Windows-1250"),
    ):
        with pytest.raises(Invalid, match=words) as raised:
            check_text("buyer.name", value, "varchar(20)")
        assert raised.value.violations[0].field == "buyer.name"
    assert check_text("name", "Ω", "nvarchar(1)") == "Ω"
    with pytest.raises(Invalid, match="has 2"):
        check_text("name", "😀", "nvarchar(1)")


@given(st.text(max_size=30))
def test_a_text_that_passes_survives_the_code_page(value: str) -> None:
    try:
        text = check_text("x", value, "varchar(20)")
    except Invalid:
        return
    assert text.encode("cp1250").decode("cp1250") == text
    assert len(text) <= 20


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1,5", "money"),
        ("NaN", "money"),
        ("2026-13-01", "datetime"),
        ("maybe", "bit"),
        ("2147483648", "int"),
        ("256", "tinyint"),
    ],
)
def test_a_value_that_is_not_of_the_type_is_refused_by_name(value: str, kind: str) -> None:
    with pytest.raises(Invalid, match=r"^field: "):
        sql_value("field", value, SqlType.parse(kind))


def test_a_pattern_finds_its_text_literally() -> None:
    assert like_contains(r"50%_[x]\y") == r"%50\%\_\[x]\\y%"
