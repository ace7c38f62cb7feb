"""Own fields (pola własne) by their visible names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from mostek.plugin.rights import LoginNames, logins_script
from mostek.plugin.testing import context, items
from mostek.wire.operations import OPERATIONS
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt

from .conftest import Rows

Changed = Callable[..., SubiektGt]
DATABASE = {"kind": "sqlite", "path": "x.db"}


def listed(plugin: SubiektGt, operation: str) -> list[Any]:
    request = OPERATIONS[operation].request(page_size=1000)
    return items(plugin.call(operation, request, context(operation)))


def test_a_simple_field_is_found_by_its_label(changed: Changed, rows: Rows) -> None:
    plugin = changed(
        "UPDATE dbo.kh_ParametrG SET khp_Nazwa3 = 'Uwaga dla kierowcy'",
        "UPDATE dbo.kh__Kontrahent SET kh_Pole3 = 'dzwonić' WHERE kh_Id = 5",
        "UPDATE dbo.tw__Towar SET tw_Pole1 = 'czerwony' WHERE tw_Id = 7",
        fields={
            "customers": {"driver": "uwaga dla kierowcy", "route": "Trasa"},
            "products": {"colour": "Kolor"},
        },
    )
    customers = {c.id: dict(c.attributes) for c in listed(plugin, "ListCustomers")}
    assert customers["5"]["driver"] == "dzwonić"
    routes: dict[int, str] = dict(
        rows("SELECT kh_Id, kh_Pole1 FROM dbo.kh__Kontrahent WHERE kh_Pole1 > ''")
    )
    told = {int(n): a["route"] for n, a in customers.items() if "route" in a}
    assert told == {number: route for number, route in routes.items() if str(number) in customers}
    products = {p.id: dict(p.attributes) for p in listed(plugin, "ListProducts")}
    assert products["7"] == {"colour": "czerwony"}


def test_an_extended_field_is_found_by_its_name_for_its_kind_of_object(
    changed: Changed, rows: Rows
) -> None:
    plugin = changed(
        "INSERT INTO dbo.gt__Obiekt (gto_Id, gto_Nazwa) VALUES (-31, 'Kontrahent')",
        "INSERT INTO dbo.pw_Pole (pwp_Id, pwp_TypObiektu, pwp_Pole, pwp_Typ, pwp_Format, pwp_Nazwa, pwp_RodzajSlownika,"
        " pwp_Wymagane) VALUES (901, -31, 'pwd_Data02', 1, 0, 'Umowa do', 0, 0),"
        " (902, -31, 'pwd_Kwota01', 4, 0, 'Kaucja', 0, 0), (903, -8, 'pwd_Tekst05', 3, 0, 'Umowa do', 0, 0)",
        "INSERT INTO dbo.pw_Dane (pwd_Id, pwd_TypObiektu, pwd_IdObiektu, pwd_Data02, pwd_Kwota01)"
        " VALUES (9001, -31, 5, '2027-01-31 00:00:00', 12.5), (9002, -14, 5, '1999-01-01 00:00:00', 99)",
        fields={
            "customers": {"contract": "Umowa do", "deposit": "Kaucja"},
            "orders": {"shop": "Numer w sklepie"},
        },
    )
    (customer,) = (c for c in listed(plugin, "ListCustomers") if c.id == "5")
    assert customer.attributes["contract"].startswith("2027-01-31")
    assert float(customer.attributes["deposit"]) == 12.5
    known: dict[int, str] = dict(
        rows("SELECT pwd_IdObiektu, pwd_Tekst01 FROM dbo.pw_Dane WHERE pwd_TypObiektu = -8")
    )
    assert known
    told = {int(o.id): o.attributes["shop"] for o in listed(plugin, "ListOrders") if o.attributes}
    assert told == known


def test_a_field_that_is_not_there_is_told_and_nothing_fails(changed: Changed) -> None:
    plugin = changed(fields={"customers": {"route": "Trasa", "other": "Nie ma takiego"}})
    (note,) = plugin.drift()
    assert 'no own field "Nie ma takiego"' in note
    assert "[companies.<name>.fields.customers]" in note
    response: Any = plugin.call(
        "DescribeErp", OPERATIONS["DescribeErp"].request(), context("DescribeErp")
    )
    (drift,) = response.erp.drift
    assert list(drift.unavailable_fields) == ["Customer.attributes.other"]
    assert not drift.failing_operations
    assert any("route" in c.attributes for c in listed(plugin, "ListCustomers"))


def test_a_field_of_a_dictionary_or_in_a_strange_column_is_not_read(changed: Changed) -> None:
    plugin = changed(
        "UPDATE dbo.pw_Pole SET pwp_Pole = 'pwd_Fk01', pwp_Typ = 5",
        fields={"orders": {"shop": "Numer w sklepie"}},
    )
    assert len(plugin.drift()) == 1
    assert not any(order.attributes for order in listed(plugin, "ListOrders"))


def test_a_field_that_moved_is_read_from_its_new_place(changed: Changed) -> None:
    plugin = changed(fields={"customers": {"route": "Trasa"}})
    before = [c.attributes.get("route") for c in listed(plugin, "ListCustomers")]
    assert any(before)
    with plugin.database.writing(context("CreateOrder")) as session:
        session.execute("UPDATE dbo.kh_ParametrG SET khp_Nazwa1 = 'Dawna', khp_Nazwa2 = 'Trasa'")
        session.execute("UPDATE dbo.kh__Kontrahent SET kh_Pole2 = 'Nowa'")
    plugin.open()
    assert {c.attributes.get("route") for c in listed(plugin, "ListCustomers")} == {"Nowa"}


def test_the_dictionaries_of_own_fields_are_read_only_where_some_are_configured(
    gt: SubiektGt, changed: Changed
) -> None:
    names = LoginNames(database="Acme")
    assert "pw_Pole" not in logins_script(gt.rights(), names)
    plugin = changed(fields={"orders": {"shop": "Numer w sklepie"}})
    script = logins_script(plugin.rights(), names)
    for table in ("pw_Pole", "pw_Dane", "gt__Obiekt", "kh_ParametrG"):
        assert f"GRANT SELECT ON [dbo].[{table}] TO [mostek_read];" in script


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"balances": {"x": "y"}}, "balances has no own fields; there are those of customers"),
        (
            {"customers": {"route": " "}},
            "fields.customers.route: the field's visible name is empty",
        ),
        ({"customers": {"a": "Trasa"}}, "a is both in attributes.customers and fields.customers"),
    ],
)
def test_a_mistake_in_the_configuration_is_told(fields: dict[str, Any], told: str) -> None:
    attributes = {"customers": {"a": "k.kh_Pole1"}}
    with pytest.raises(ValidationError, match=told):
        SubiektConfig.model_validate(
            {"database": DATABASE, "fields": fields, "attributes": attributes}
        )
