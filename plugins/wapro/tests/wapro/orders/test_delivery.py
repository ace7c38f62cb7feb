"""Delivery places by direct SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mostek.wire.failures import Unsupported

ADDRESS = {"street": "Długa", "house_number": "7", "postal_code": "90-001", "city": "Łódź"}
PLACE = {"address": {"name": "Brama 3", "address": ADDRESS, "phone": "601"}}


@pytest.fixture
def shop(company: Callable[..., Any]) -> Any:
    return company(deliveries=True, customers=True)


def places(shop: Any) -> int:
    found: int = shop.value("SELECT COUNT(*) FROM dbo.MIEJSCE_DOSTAWY")
    return found


def test_one_of_the_buyer_s_places_is_taken_by_its_id(shop: Any) -> None:
    place, customer = shop.rows(
        "SELECT p.ID_MIEJSCA_DOSTAWY, p.ID_KONTRAHENTA FROM dbo.MIEJSCE_DOSTAWY p JOIN dbo.KONTRAHENT k"
        " ON k.ID_KONTRAHENTA = p.ID_KONTRAHENTA WHERE k.ZABLOKOWANY = '0' AND k.DOMYSLNY_RABAT <= 0"
        " AND k.ODBIORCA = 1 AND k.Incydentalny = 0"
    )[0]
    shop.connection.execute(
        "UPDATE dbo.KONTRAHENT SET ID_FORMY_DOSTAWY_DOM = 4 WHERE ID_KONTRAHENTA = ?", (customer,)
    )
    before = places(shop)
    answer = shop.order(buyer={"id": str(customer)}, delivery={"id": str(place)})
    assert answer.order.delivery_address.id == str(place)
    row = shop.row("DOSTAWA", "ID_ZAMOWIENIA", int(answer.id))
    assert (row["ID_FORMY_DOSTAWY"], row["ID_DOK_MAGAZYNOWEGO"]) == (4, 0)
    assert places(shop) == before
    assert (
        "no such delivery place"
        in shop.problems(external_number="2", delivery={"id": str(place)})["delivery.id"]
    )


def test_an_address_becomes_a_place_of_the_buyer_once(shop: Any) -> None:
    before = places(shop)
    for number in ("1", "2"):
        answer = shop.order(external_number=number, delivery=PLACE)
        place = answer.order.delivery_address
        assert (place.name, place.phone) == ("Brama 3", "601")
        assert place.address.address_line == "Długa 7"
    assert places(shop) == before + 1
    other = shop.order(external_number="3", delivery={"address": {"address": ADDRESS}})
    card = shop.row("KONTRAHENT", "ID_KONTRAHENTA", shop.buyer)
    assert other.order.delivery_address.name in {card["NAZWA_PELNA"], card["NAZWA"]}
    assert places(shop) == before + 2


def test_a_new_buyer_gets_the_place_with_the_order(shop: Any) -> None:
    new = {"draft": {"name": "Nowa", "tax_id": "5260250274"}}
    answer = shop.order(buyer=new, delivery=PLACE)
    row = shop.row("MIEJSCE_DOSTAWY", "ID_MIEJSCA_DOSTAWY", answer.order.delivery_address.id)
    assert row["ID_KONTRAHENTA"] == int(answer.customer.id)
    assert shop.order(buyer=new, delivery=PLACE).already_existed


def test_an_order_that_fails_leaves_no_place(company: Callable[..., Any]) -> None:
    shop = company("DELETE FROM dbo.DEFINICJA_NUMERACJI", deliveries=True)
    before = places(shop)
    with pytest.raises(Exception, match="no layout"):
        shop.order(delivery=PLACE)
    assert places(shop) == before
    assert not shop.rows("SELECT 1 FROM dbo.DOSTAWA WHERE ID_ZAMOWIENIA > 1000000")


def test_without_the_opt_in_it_is_refused_and_says_how_to_allow_it(
    company: Callable[..., Any],
) -> None:
    with pytest.raises(Unsupported, match="deliveries = true"):
        company().order(delivery=PLACE)


@pytest.mark.parametrize(
    ("address", "field"),
    [
        ({"address": ADDRESS, "email": "a@b.example"}, "delivery.address.email"),
        ({"address": ADDRESS | {"county": "x"}}, "delivery.address.address.county"),
        ({"address": ADDRESS | {"city": "x" * 51}}, "delivery.address.address.city"),
        ({"address": ADDRESS | {"address_line": "a"}}, "delivery.address.address.address_line"),
        ({"address": ADDRESS, "phone": "1" * 21}, "delivery.address.phone"),
    ],
)
def test_what_places_do_not_keep_is_refused_by_name(
    shop: Any, address: dict[str, Any], field: str
) -> None:
    assert list(shop.problems(delivery={"address": address})) == [field]
