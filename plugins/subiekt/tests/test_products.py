from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from mostek.erp.v1.product_pb2 import GetProductRequest, ListProductsRequest, Product, ProductKind
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import Invalid, NotFound, Unsupported
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]


def listed(gt: SubiektGt, **fields: Any) -> list[Product]:
    request = ListProductsRequest(**{"page_size": 1000, **fields})
    return list(gt.list_products(request, context("ListProducts")).products)


def got(gt: SubiektGt, number: object) -> Product:
    return gt.get_product(GetProductRequest(id=str(number)), context("GetProduct")).product


def test_all_are_listed_but_deleted_ones(gt: SubiektGt, rows: Rows) -> None:
    found = rows("SELECT tw_Id, tw_Symbol, tw_Nazwa FROM dbo.tw__Towar WHERE tw_Usuniety = 0")
    assert {(int(p.id), p.code, p.name) for p in listed(gt)} == set(found)
    (deleted,) = rows("SELECT MIN(tw_Id) FROM dbo.tw__Towar WHERE tw_Usuniety = 1")[0]
    with pytest.raises(NotFound):
        got(gt, deleted)


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (1, ProductKind.PRODUCT_KIND_GOODS),
        (2, ProductKind.PRODUCT_KIND_SERVICE),
        (4, ProductKind.PRODUCT_KIND_PACKAGING),
        (8, ProductKind.PRODUCT_KIND_SET),
        (16, ProductKind.PRODUCT_KIND_FEE),
    ],
)
def test_each_kind_is_told(
    gt: SubiektGt, rows: Rows, column: int, kind: ProductKind.ValueType
) -> None:
    (number,) = rows("SELECT MIN(tw_Id) FROM dbo.tw__Towar WHERE tw_Rodzaj = ?", column)[0]
    assert got(gt, number).kind == kind


def test_every_level_with_a_price_is_a_price_with_name_and_currency(
    gt: SubiektGt, rows: Rows
) -> None:
    wanted = set()
    for level in range(1, 11):
        wanted |= set(
            rows(
                f"SELECT tc_IdTowar, '{level}', tc_CenaNetto{level}, tc_CenaBrutto{level},"
                f" rtrim(tc_IdWaluta{level}), twp_NazwaCeny{level} FROM dbo.tw_Cena, dbo.tw_Parametr"
                " JOIN dbo.tw__Towar ON tw_Id = tc_IdTowar WHERE tw_Usuniety = 0"
            )
        )
    found = {
        (int(p.id), x.price_list.id, float(x.net), float(x.gross), x.currency, x.price_list.name)
        for p in listed(gt)
        for x in p.prices
    }
    assert found == wanted
    assert {currency for *_, currency, _ in found} == {"PLN", "EUR"}
    levels = [int(price.price_list.id) for price in got(gt, 1).prices]
    assert levels == list(range(1, 11))


def test_a_level_without_a_price_is_left_out(changed: Changed) -> None:
    gt = changed("UPDATE dbo.tw_Cena SET tc_CenaNetto3 = NULL, tc_CenaNetto4 = 0")
    assert {p.price_list.id for p in got(gt, 1).prices} == {"1", "2", *map(str, range(5, 11))}


def test_prices_of_one_list_only(gt: SubiektGt) -> None:
    found = listed(gt, price_list_id="2")
    assert {price.price_list.name for p in found for price in p.prices} == {"Hurtowa"}
    assert len(found) == len(listed(gt))


def test_stock_is_told_by_warehouse_for_what_is_kept_in_stock(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT st_TowId, mag_Symbol, st_Stan, st_StanRez, st_Stan - st_StanRez FROM dbo.tw_Stan"
        " JOIN dbo.sl_Magazyn ON mag_Id = st_MagId JOIN dbo.tw__Towar ON tw_Id = st_TowId"
        " WHERE tw_Usuniety = 0 AND tw_Rodzaj IN (1, 4)"
    )
    found = {
        (int(p.id), s.warehouse.code, float(s.on_hand), float(s.reserved), float(s.available))
        for p in listed(gt)
        for s in p.stock
    }
    assert found == set(wanted)
    assert any(reserved for *_, reserved, _ in found)


def test_stock_of_one_warehouse_and_only_what_is_there(gt: SubiektGt, rows: Rows) -> None:
    sql = "SELECT DISTINCT st_TowId FROM dbo.tw_Stan JOIN dbo.tw__Towar ON tw_Id = st_TowId"
    there = f"{sql} WHERE tw_Usuniety = 0 AND st_Stan > 0"
    found = listed(gt, warehouse_id="3")
    assert {s.warehouse.code for p in found for s in p.stock} == {"ŁDŹ"}
    assert len(found) == len(listed(gt))
    assert {(int(p.id),) for p in listed(gt, only_in_stock=True)} == set(rows(there))
    both = listed(gt, only_in_stock=True, warehouse_id="3")
    assert {(int(p.id),) for p in both} == set(rows(f"{there} AND st_MagId = 3"))
    assert all(Decimal(s.on_hand) > 0 for p in both for s in p.stock)
    assert listed(gt, only_in_stock=True, warehouse_id="none") == []


def test_a_bar_code_finds_its_product_main_or_further(gt: SubiektGt, rows: Rows) -> None:
    number, main = rows("SELECT tw_Id, tw_PodstKodKresk FROM dbo.tw__Towar WHERE tw_Rodzaj = 1")[3]
    further, code, quantity = rows("SELECT kk_IdTowar, kk_Kod, kk_Ilosc FROM dbo.tw_KodKreskowy")[0]
    assert {int(p.id) for p in listed(gt, eans=[main, code])} == {number, further}
    product = got(gt, further)
    assert not product.eans[0].HasField("quantity")
    assert (code, f"{quantity:.4f}") in [(ean.code, ean.quantity) for ean in product.eans[1:]]


def test_further_units_have_their_factor(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows("SELECT jm_IdTowar, jm_IdJednMiary, jm_Przelicznik FROM dbo.tw_JednMiary")
    found = {(int(p.id), u.unit, float(u.factor)) for p in listed(gt) for u in p.units}
    gone = {r[0] for r in rows("SELECT tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 1")}
    assert found == {row for row in wanted if row[0] not in gone}


def test_a_set_has_its_components(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT kpl_IdKomplet, tw_Symbol, kpl_Liczba FROM dbo.tw_Komplet"
        " JOIN dbo.tw__Towar ON tw_Id = kpl_IdSkladnik"
    )
    products = listed(gt)
    found = {(int(p.id), c.product_code, float(c.quantity)) for p in products for c in p.components}
    assert found == set(wanted)
    sets = {p.id for p in products if p.kind == ProductKind.PRODUCT_KIND_SET}
    assert sets == {p.id for p in products if p.components}


def test_the_vat_rate_has_code_and_percent_but_exempt_has_none(gt: SubiektGt, rows: Rows) -> None:
    wanted: dict[int, str] = dict(
        rows(
            "SELECT tw_Id, vat_Symbol FROM dbo.tw__Towar JOIN dbo.sl_StawkaVAT ON vat_Id = tw_IdVatSp"
        )
    )
    percents = {"23": "23.0000", "8": "8.0000", "5": "5.0000", "0": "0.0000", "zw": ""}
    for product in listed(gt):
        code = wanted[int(product.id)]
        assert (product.vat_rate.code, product.vat_rate.percent) == (code, percents[code])
        assert product.vat_rate.HasField("percent") is (code != "zw")


def test_the_deposit_packaging_is_told(gt: SubiektGt, rows: Rows) -> None:
    wanted = rows(
        "SELECT t.tw_Id, o.tw_Id, o.tw_Symbol FROM dbo.tw__Towar t"
        " JOIN dbo.tw__Towar o ON o.tw_Id = t.tw_SKIdOpakowania"
        " WHERE t.tw_ObjetySysKaucyjnym = 1 AND t.tw_Usuniety = 0"
    )
    found = {
        (int(p.id), int(p.deposit.product_id), p.deposit.product_code)
        for p in listed(gt)
        if p.HasField("deposit")
    }
    assert found == set(wanted)


def test_gtu_split_payment_maker_and_weight_are_those_of_the_card(
    gt: SubiektGt, rows: Rows
) -> None:
    number, code, mass, maker = rows(
        "SELECT tw_Id, tw_KodUProducenta, tw_Masa, adr_Nazwa FROM dbo.tw__Towar"
        " JOIN dbo.adr__Ewid ON adr_IdObiektu = tw_IdProducenta AND adr_TypAdresu = 1"
        " WHERE tw_GrupaJpkVat = 6 AND tw_Masa > 0"
    )[0]
    product = got(gt, number)
    assert (product.gtu, product.split_payment) == ("GTU_06", True)
    assert (product.manufacturer, product.manufacturer_code) == (maker, code)
    assert product.gross_weight_kg == f"{mass:.4f}"
    assert not got(gt, 1).HasField("gtu")


@pytest.mark.parametrize("active", [True, False])
def test_inactive_ones_are_filtered(gt: SubiektGt, rows: Rows, active: bool) -> None:
    wanted = rows(
        "SELECT tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND tw_Zablokowany = ?", not active
    )
    found = listed(gt, active=active)
    assert {(int(p.id),) for p in found} == set(wanted)
    assert {p.active for p in found} == {active}


def test_text_group_and_codes_are_filtered(gt: SubiektGt, rows: Rows) -> None:
    sql = "SELECT tw_Id FROM dbo.tw__Towar WHERE tw_Usuniety = 0 AND"
    wanted = rows(f"{sql} (tw_Nazwa LIKE '%żółta%' OR tw_Symbol LIKE '%żółta%')")
    assert wanted
    assert {(int(p.id),) for p in listed(gt, text="ŻÓŁTA")} == set(wanted)
    assert {(int(p.id),) for p in listed(gt, group_id="2")} == set(rows(f"{sql} tw_IdGrupa = 2"))
    (code,) = rows("SELECT tw_Symbol FROM dbo.tw__Towar WHERE tw_Id = 1")[0]
    assert [p.id for p in listed(gt, codes=[code.lower()])] == ["1"]
    with pytest.raises(Invalid, match="codes"):
        listed(gt, codes=["x" * 21])


def test_what_is_not_asked_for_is_not_read(gt: SubiektGt) -> None:
    with recorded(gt.database) as sent:
        listed(gt, read_mask=FieldMask(paths=["code", "prices.net"]), page_size=100)
    assert len(sent) == 2
    assert "tw_Nazwa" not in sent[0][0]
    assert "tc_CenaBrutto" not in sent[1][0]


def test_changes_cannot_be_told(gt: SubiektGt) -> None:
    with pytest.raises(Unsupported, match="change_token"):
        listed(gt, change_token="2026-11-20T12:00:00")
