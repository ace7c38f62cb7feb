"""Mapping tables and defaults of a site, which every plugin that plans orders has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog

from mostek.connector.companies import Company, load
from mostek.connector.config import ConfigError

MAPPING = {
    "payment_methods": {"blik": 3},
    "warehouses": {"sklep": 2},
    "price_lists": {"hurt": "2"},
    "vat_codes": {"standard": "8"},
    "series": {"web": "ZO"},
}


@pytest.fixture
def mapped(company: Callable[..., Any]) -> Callable[..., Any]:
    """A shop whose site has such rules."""

    def make(**rules: Any) -> Any:
        shop = company()
        shop.plugin.close()
        shop.rules = rules
        shop.plugin = shop.opened()
        return shop

    return make


def test_callers_words_become_what_the_erp_has(mapped: Callable[..., Any]) -> None:
    shop = mapped(mapping=MAPPING)
    line = {"product": {"code": shop.goods[0]}, "quantity": "1", "vat_code": "standard"}
    answer = shop.order(
        payment_method_id="blik",
        warehouse_id="sklep",
        price_list_id="hurt",
        series="web",
        lines=[line],
    )
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(answer.id))
    assert (row["FORMA_PLATNOSCI"], row["ID_MAGAZYNU"]) == ("przelew 30 dni", 2)
    assert shop.row("POZYCJA_ZAMOWIENIA", "ID_ZAMOWIENIA", int(answer.id))["KOD_VAT"] == "8"


def test_a_word_that_is_not_mapped_is_passed_on(mapped: Callable[..., Any]) -> None:
    shop = mapped(mapping=MAPPING)
    assert shop.order(payment_method_id="2").order.payment_method.id == "2"
    assert (
        "no such payment"
        in shop.problems(external_number="2", payment_method_id="czek")["payment_method_id"]
    )


def test_an_order_that_says_nothing_has_the_site_s_defaults_and_one_that_says_it_its_own(
    mapped: Callable[..., Any],
) -> None:
    shop = mapped(
        order_defaults={
            **{"warehouse_id": 2, "payment_method_id": "4", "payment_days": 5, "reserve": True},
            **{"document_wanted": "receipt", "remarks": "ze sklepu"},
        }
    )
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(shop.order().id))
    names = ("ID_MAGAZYNU", "FORMA_PLATNOSCI", "DNI_PLATNOSCI", "AUTO_REZERWACJA", "UWAGI")
    assert [row[name] for name in names] == [2, "pobranie", 5, 1, "ze sklepu"]
    assert row["FAKTURA_DO_ZAMOWIENIA"] == 0
    own = shop.order(external_number="2", warehouse_id="1", payment_method_id="3", remarks="x")
    row = shop.row("ZAMOWIENIE", "ID_ZAMOWIENIA", int(own.id))
    assert [row[name] for name in names] == [1, "przelew 30 dni", 30, 1, "x"]


def test_an_order_that_is_repeated_is_found_after_the_mapping_changed(
    mapped: Callable[..., Any],
) -> None:
    shop = mapped(mapping=MAPPING)
    first = shop.order(payment_method_id="blik")
    shop.plugin.close()
    shop.rules = {}
    shop.plugin = shop.opened()
    assert shop.order(payment_method_id="blik").id == first.id


def test_what_the_rules_name_and_the_erp_does_not_have_is_told_with_its_place(
    mapped: Callable[..., Any],
) -> None:
    words = {
        **{"payment_methods": {"blik": "99", "karta": "1"}, "warehouses": {"sklep": "9"}},
        **{"price_lists": {"hurt": "8"}, "vat_codes": {"standard": "22"}, "series": {"web": "ZX"}},
    }
    shop = mapped(mapping=words, order_defaults={"warehouse_id": "7", "payment_method_id": "1"})
    told = {note.split("`")[1]: note for note in shop.plugin.refusals()}
    assert told.keys() == {
        *("mapping.payment_methods.blik", "mapping.warehouses.sklep", "mapping.price_lists.hurt"),
        *("mapping.vat_codes.standard", "mapping.series.web", "order_defaults.warehouse_id"),
    }
    assert told["mapping.warehouses.sklep"].endswith("= 9: there is no such warehouse")


def test_it_is_logged_once_when_the_connector_starts(mapped: Callable[..., Any]) -> None:
    shop = mapped(mapping={"warehouses": {"sklep": "9"}})
    with structlog.testing.capture_logs() as logs:
        company = Company("acme", "wapro-mag", shop.plugin)
        company.look()
        company.look()
    (logged,) = [one for one in logs if one["event"] == "writes will be refused"]
    assert logged["reason"].startswith("`mapping.warehouses.sklep` = 9")


@pytest.mark.parametrize(
    ("wrong", "line", "said"),
    [
        ("[companies.demo.mapping.payments]\nblik = 7", 8, "is not a setting"),
        ("[companies.demo.mapping.payment_methods]\ngotowka = 1\nblik = true", 10, "string"),
        ("[companies.demo.mapping]\nwarehouses = { a = ' 1' }", 9, "pattern"),
        ("[companies.demo.order_defaults]\nreserve = true\npayment_days = 5000", 10, "999"),
        ("[companies.demo.order_defaults]\ndocument_wanted = 'paragon'", 9, "'receipt'"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, wrong: str, line: int, said: str) -> None:
    file = tmp_path / "connector.toml"
    file.write_text(
        '[hub]\nlink = "127.0.0.1:1"\ninsecure = true\n[connector]\nname = "demo"\n'
        '[companies.demo]\nplugin = "wapro-mag"\n'
        f"{wrong}\n[companies.demo.database]\nkind = 'sqlite'\npath = 'x'\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError) as raised:
        load(file)
    (mistake,) = raised.value.mistakes
    assert (mistake.line, said in mistake.message) == (line, True), mistake
