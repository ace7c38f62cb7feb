from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mostek.erp.v1.order_pb2 import (
    GetOrderRequest,
    ListOrdersRequest,
    Order,
    OrderDocumentKind,
    OrderState,
)
from mostek.plugin.testing import context
from mostek.wire.failures import Invalid, NotFound
from mostek_subiekt.gt import SubiektGt

Rows = Callable[..., list[tuple[Any, ...]]]
Changed = Callable[..., SubiektGt]
DRAFT, OPEN, RESERVED, PARTLY, DONE, CANCELLED = range(1, 7)
ORDERS = "SELECT dok_Id FROM dbo.dok__Dokument WHERE dok_Typ = 16"


def listed(gt: SubiektGt, **fields: Any) -> list[Order]:
    request = ListOrdersRequest(**{"page_size": 1000, **fields})
    return list(gt.list_orders(request, context("ListOrders")).orders)


def got(gt: SubiektGt, number: object) -> Order:
    return gt.get_order(GetOrderRequest(id=str(number)), context("GetOrder")).order


def ids(orders: list[Order]) -> set[tuple[int]]:
    return {(int(order.id),) for order in orders}


def test_all_orders_of_customers_are_listed(gt: SubiektGt, rows: Rows) -> None:
    assert ids(listed(gt)) == set(rows(ORDERS))
    (to_supplier,) = rows("SELECT MIN(dok_Id) FROM dbo.dok__Dokument WHERE dok_Typ = 15")[0]
    with pytest.raises(NotFound):
        got(gt, to_supplier)


@pytest.mark.parametrize(
    ("state", "condition"),
    [
        (OPEN, "dok_Status = 6 AND dok_StatusEx = 0"),
        (RESERVED, "dok_Status = 7 AND dok_StatusEx = 0"),
        (PARTLY, "dok_Status IN (6, 7) AND dok_StatusEx = 1"),
        (DONE, "dok_Status = 8"),
    ],
)
def test_each_state_is_told_and_filtered(
    gt: SubiektGt, rows: Rows, state: OrderState.ValueType, condition: str
) -> None:
    wanted = set(rows(f"{ORDERS} AND {condition}"))
    assert wanted
    found = listed(gt, states=[state])
    assert ids(found) == wanted
    assert {order.state for order in found} == {state}


def test_states_that_no_order_is_in_find_nothing(gt: SubiektGt) -> None:
    assert listed(gt, states=[DRAFT]) == []
    assert len(listed(gt, states=[OPEN, RESERVED, PARTLY, DONE])) == len(listed(gt))


@pytest.mark.parametrize(
    ("status", "extended", "state"),
    [
        (5, 0, OPEN),
        (6, 3, PARTLY),
        (7, 8, RESERVED),
        (7, 9, PARTLY),
        (8, 3, DONE),
        (2, 0, CANCELLED),
    ],
)
def test_the_state_and_its_filter_agree(
    changed: Changed, status: int, extended: int, state: OrderState.ValueType
) -> None:
    gt = changed(
        f"UPDATE dbo.dok__Dokument SET dok_Status = {status}, dok_StatusEx = {extended} WHERE dok_Id = 1"
    )
    assert got(gt, 1).state == state
    for asked in (OPEN, RESERVED, PARTLY, DONE, CANCELLED):
        found = {order.id for order in listed(gt, states=[asked])}
        assert ("1" in found) is (asked == state)
    assert ("1" in {order.id for order in listed(gt)}) is (state != CANCELLED)


def test_an_order_is_found_by_the_number_of_the_other_side(gt: SubiektGt, rows: Rows) -> None:
    number, external, printed = rows(
        "SELECT dok_Id, dok_NrPelnyOryg, dok_NrPelny FROM dbo.dok__Dokument"
        " WHERE dok_Typ = 16 AND dok_NrPelnyOryg > ''"
    )[0]
    for found in (
        listed(gt, external_numbers=[external.lower()]),
        listed(gt, numbers=[printed]),
        listed(gt, ids=[str(number)]),
    ):
        assert [(o.id, o.external_number, o.number) for o in found] == [
            (str(number), external, printed)
        ]
    with pytest.raises(Invalid, match="external_numbers"):
        listed(gt, external_numbers=["x" * 31])


def test_customers_and_days_are_filtered(gt: SubiektGt, rows: Rows) -> None:
    (customer,) = rows("SELECT dok_PlatnikId FROM dbo.dok__Dokument WHERE dok_Typ = 16")[0]
    wanted = set(rows(f"{ORDERS} AND dok_PlatnikId = ?", customer))
    assert ids(listed(gt, customer_id=str(customer))) == wanted
    found = listed(gt, order_date_from="2026-10-20", order_date_to="2026-11-01")
    days = "dok_DataWyst BETWEEN '2026-10-20 00:00:00' AND '2026-11-01 00:00:00'"
    assert ids(found) == set(rows(f"{ORDERS} AND {days}"))
    assert {order.order_date for order in found} >= {"2026-11-01"}


def test_lines_and_totals_are_those_of_the_order(gt: SubiektGt, rows: Rows) -> None:
    for order in listed(gt):
        wanted = rows(
            "SELECT ob_DokHanLp, ob_TowId, ob_Ilosc, ob_WartBrutto FROM dbo.dok_Pozycja"
            " WHERE ob_DokHanId = ? ORDER BY ob_DokHanLp",
            int(order.id),
        )
        lines = [
            (x.line_number, int(x.product_id), float(x.quantity), float(x.gross or 0))
            for x in order.lines
        ]
        if order.currency == "PLN":
            assert lines == wanted
        (gross,) = rows(
            "SELECT SUM(vt_WartBruttoWaluta) FROM dbo.dok_Vat WHERE vt_DokId = ?", int(order.id)
        )[0]
        assert float(order.gross) == round(gross, 4)
        assert {x.warehouse.code for x in order.lines} == {order.warehouse.code}


def test_a_euro_order_has_prices_in_euro(gt: SubiektGt, rows: Rows) -> None:
    number, price = rows(
        "SELECT ob_DokHanId, ob_CenaWaluta FROM dbo.dok_Pozycja"
        " JOIN dbo.dok__Dokument ON dok_Id = ob_DokHanId"
        " WHERE dok_Typ = 16 AND dok_Waluta = 'EUR' AND ob_DokHanLp = 1"
    )[0]
    order = got(gt, number)
    assert order.currency == "EUR"
    assert order.lines[0].net_price == f"{price:.4f}"
    assert not order.lines[0].HasField("gross")


@pytest.mark.parametrize("turned", [False, True])
def test_documents_made_of_it_are_found_whichever_holds_the_id(
    rows: Rows, changed: Changed, turned: bool
) -> None:
    number, order = rows(
        "SELECT f.dok_Id, o.dok_Id FROM dbo.dok__Dokument f JOIN dbo.dok__Dokument o"
        " ON o.dok_Id = f.dok_DoDokId WHERE f.dok_Typ = 2 AND f.dok_Podtyp = 2 AND o.dok_Typ = 16"
    )[0]
    if not turned:
        wanted = rows(
            "SELECT dok_Id, dok_NrPelny FROM dbo.dok__Dokument WHERE dok_DoDokId = ?", order
        )
        found = got(changed(), order).documents
        assert {(int(d.id), d.number) for d in found} == set(wanted)
        return
    gt = changed(
        f"UPDATE dbo.dok__Dokument SET dok_DoDokId = NULL WHERE dok_DoDokId = {order}",
        f"UPDATE dbo.dok__Dokument SET dok_DoDokId = {number} WHERE dok_Id = {order}",
    )
    assert [int(d.id) for d in got(gt, order).documents] == [number]


def test_each_kind_of_document_is_told(gt: SubiektGt) -> None:
    kinds = {document.kind for order in listed(gt) for document in order.documents}
    assert kinds >= {
        OrderDocumentKind.ORDER_DOCUMENT_KIND_INVOICE,
        OrderDocumentKind.ORDER_DOCUMENT_KIND_ADVANCE,
        OrderDocumentKind.ORDER_DOCUMENT_KIND_STOCK_ISSUE,
    }


def test_a_cancelled_document_is_none_made_of_it(rows: Rows, changed: Changed) -> None:
    (order,) = rows(
        "SELECT dok_DoDokId FROM dbo.dok__Dokument WHERE dok_Typ = 11 AND dok_DoDokId > 0"
    )[0]
    gt = changed(f"UPDATE dbo.dok__Dokument SET dok_Status = 2 WHERE dok_DoDokId = {order}")
    assert not got(gt, order).documents


def test_terms_are_those_of_the_order(gt: SubiektGt, rows: Rows) -> None:
    number, days, level, delivery = rows(
        "SELECT dok_Id, fp_Termin, dok_CenyPoziom, dok_AdresDostawyAdreshId FROM dbo.dok__Dokument"
        " JOIN dbo.sl_FormaPlatnosci ON fp_Id = dok_PlatId"
        " WHERE dok_Typ = 16 AND dok_AdresDostawyAdreshId > 0"
    )[0]
    order = got(gt, number)
    assert (order.payment_days, order.price_list.id) == (days, str(level))
    assert order.delivery_address.id == str(delivery)
    assert order.delivery_address.address.city
    assert not order.HasField("discount")
