"""From rows to messages."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st

from mostek.erp.v1.customer_pb2 import Customer, CustomerKind
from mostek.erp.v1.receivable_pb2 import Receivable
from mostek.plugin.conversion import Output, compile_builder
from mostek.plugin.fields import Field, Kind
from mostek.plugin.sql_types import SqlType
from mostek.wire.failures import Internal

WARSAW = ZoneInfo("Europe/Warsaw")


def build(message: Any, path: str, kind: Kind, *values: Any, **extra: Any) -> Any:
    output = Output(path, kind, tuple(range(len(values))), **extra)
    compile_builder([output], WARSAW)(values, message)
    return message


def typed(path: str, kind: Kind, value: Any, sql_type: str) -> Any:
    output = Output(path, kind, (0,), sql_type=SqlType.parse(sql_type))
    record = Struct()
    compile_builder([output], WARSAW)([value], record)
    return MessageToDict(record).get(path)


@pytest.mark.parametrize(
    ("value", "text"), [("ab  ", "ab"), (12, "12"), (Decimal("1.50"), "1.50"), (True, "true")]
)
def test_text_loses_the_padding_of_a_char_column(value: Any, text: str) -> None:
    assert build(Customer(), "name", Kind.TEXT, value).name == text


@pytest.mark.parametrize("value", [None, "", "   "])
def test_nothing_and_blank_text_are_absent(value: Any) -> None:
    assert not build(Customer(), "name", Kind.TEXT, value).HasField("name")
    assert not build(Customer(), "address.city", Kind.TEXT, value).HasField("address")


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1234.5, "money", "1234.5000"),
        (Decimal("1234.5"), "money", "1234.5000"),
        ("1234.5", "money", "1234.5000"),
        (7, "money", "7.0000"),
        (12.5, "decimal(9,2)", "12.50"),
        (-1e-17, "money", "0.0000"),
        (922337203685.4775, "money", "922337203685.4775"),
    ],
)
def test_a_decimal_has_the_scale_of_its_column(value: Any, kind: str, text: str) -> None:
    found = build(Customer(), "credit_limit", Kind.DECIMAL, value, sql_type=SqlType.parse(kind))
    assert found.credit_limit == text


@given(st.integers(-(10**15), 10**15))
def test_money_from_sqlite_equals_money_from_sql_server(units: int) -> None:
    exact = Decimal(units).scaleb(-4)
    floating = build(Customer(), "credit_limit", Kind.DECIMAL, float(exact)).credit_limit
    assert floating == build(Customer(), "credit_limit", Kind.DECIMAL, exact).credit_limit
    assert Decimal(floating) == exact


@pytest.mark.parametrize(
    "value", [datetime(2026, 11, 24, 13), date(2026, 11, 24), "2026-11-24 13:00:00", "2026-11-24"]
)
def test_a_date_is_the_day_in_the_sites_zone(value: Any) -> None:
    assert build(Receivable(), "due_date", Kind.DATE, value).due_date == "2026-11-24"


@pytest.mark.parametrize("value", [datetime(2026, 7, 1, 12), "2026-07-01 12:00:00"])
def test_an_instant_is_told_from_the_sites_time(value: Any) -> None:
    found = build(Customer(), "changed_at", Kind.INSTANT, value)
    assert found.changed_at.ToJsonString() == "2026-07-01T10:00:00Z"


def test_a_converter_gets_text_without_padding_and_may_answer_nothing() -> None:
    seen: list[Any] = []

    def kind(value: Any) -> CustomerKind.ValueType | None:
        seen.append(value)
        return None if value == "?" else CustomerKind.CUSTOMER_KIND_CONSUMER

    assert build(Customer(), "kind", Kind.ENUM, "x ", converter=kind).kind == 2
    assert not build(Customer(), "kind", Kind.ENUM, "?", converter=kind).HasField("kind")
    assert not build(Customer(), "kind", Kind.ENUM, None, converter=kind).HasField("kind")
    assert seen == ["x", "?"]


def test_a_converter_of_several_columns_gets_them_as_they_are() -> None:
    def rate(value: Any, units: Any) -> Any:
        return value / (units or 1)

    found = build(Customer(), "discount", Kind.DECIMAL, Decimal("8.5"), None, converter=rate)
    assert found.discount == "8.5000"


def test_attributes_are_texts_alike_from_every_driver() -> None:
    money = SqlType.parse("money")
    for value in (12.5, Decimal("12.5000")):
        found = build(Customer(), "attributes.limit", Kind.MAP, value, sql_type=money)
        assert dict(found.attributes) == {"limit": "12.5000"}
    assert not build(Customer(), "attributes.limit", Kind.MAP, " ").attributes


@pytest.mark.parametrize(
    ("value", "kind", "told"),
    [
        (12.5, "money", "12.5000"),
        (Decimal("12.5"), "money", "12.5000"),
        (1, "bit", True),
        (7, "int", 7.0),
        (2**60, "bigint", str(2**60)),
        ("2026-07-01 00:00:00", "datetime", "2026-07-01"),
        (datetime(2026, 7, 1), "datetime", "2026-07-01"),
        ("2026-07-01 12:00:00", "datetime", "2026-07-01T12:00:00+02:00"),
        (datetime(2026, 7, 1, 12), "datetime", "2026-07-01T12:00:00+02:00"),
        ("ab ", "char(3)", "ab"),
        ("", "varchar(3)", None),
        (None, "int", None),
    ],
)
def test_a_records_column_is_alike_from_every_driver(value: Any, kind: str, told: Any) -> None:
    assert typed("x", Kind.VALUE, value, kind) == told


def test_a_value_that_the_field_cannot_hold_is_told_by_field_without_the_value() -> None:
    with pytest.raises(Internal, match=r"not what payment_days holds") as raised:
        build(Customer(), "payment_days", Kind.INT, "secret")
    assert "secret" not in raised.value.message


def test_the_fields_of_a_message_are_known_by_their_rules() -> None:
    root = Field.of(Customer.DESCRIPTOR)
    kinds = {"discount": Kind.DECIMAL, "name": Kind.TEXT, "created_at": Kind.INSTANT}
    kinds |= {"payment_days": Kind.INT, "active": Kind.BOOL, "kind": Kind.ENUM}
    assert {path: found.kind for path in kinds if (found := root.find(path))} == kinds
    contacts = root.find("contacts.email")
    assert contacts
    assert contacts.path == "contacts.email"
    assert root.find("attributes.region") is root.find("attributes")
    assert root.find("contacts.nope") is None
