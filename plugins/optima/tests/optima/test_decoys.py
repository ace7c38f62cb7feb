"""Rows that share ids with what is told, or are void: none of them may change what is read."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from mostek.erp.v1.receivable_pb2 import ReceivableKind
from mostek.plugin.testing import cloned, listed, read, told_otherwise

from .asking import KINDS
from .conftest import Frozen, Rows

_ISSUED = (
    "h.TrN_TypDokumentu = 302 AND h.TrN_Bufor = 0 AND h.TrN_Anulowany = 0 AND h.TrN_Korekta = 0"
)
#: An invoice of no receipt whose payments are all settled: its buyer is a customer.
_PAID = (
    f"(SELECT MIN(h.TrN_TrNID) FROM CDN.TraNag h JOIN CDN.BnkZdarzenia z ON z.BZd_DokumentID = h.TrN_TrNID"
    f" AND z.BZd_DokumentTyp = 1 AND z.BZd_PodmiotID = h.TrN_PodID WHERE {_ISSUED} AND h.TrN_Waluta = ''"
    " AND NOT EXISTS (SELECT 1 FROM CDN.TraNag p WHERE p.TrN_FaId = h.TrN_TrNID) AND NOT EXISTS ("
    "SELECT 1 FROM CDN.BnkZdarzenia o WHERE o.BZd_DokumentID = h.TrN_TrNID AND o.BZd_Rozliczono <> 2))"
)
_OF_RECEIPT = (
    "(SELECT MIN(p.TrN_FaId) FROM CDN.TraNag p WHERE p.TrN_TypDokumentu = 305 AND p.TrN_FaId > 0)"
)
_ORDER = (
    "(SELECT MIN(h.TrN_TrNID) FROM CDN.TraNag h WHERE h.TrN_TypDokumentu = 308 AND h.TrN_Bufor = 0"
    " AND h.TrN_Anulowany = 0 AND h.TrN_ZwroconoCalaIlosc = 1 AND NOT EXISTS (SELECT 1 FROM CDN.TraElem e"
    " JOIN CDN.TraSElem s ON s.TrS_TrEId = e.TrE_TrEID WHERE e.TrE_TrNId = h.TrN_TrNID))"
)
_LINE = f"(SELECT MIN(TrE_TrEID) FROM CDN.TraElem WHERE TrE_TrNId = {_ORDER})"
_PAYMENT = (
    f"BZd_DokumentID = {_PAID} AND BZd_DokumentTyp = 1 AND BZd_PodmiotID ="
    f" (SELECT TrN_PodID FROM CDN.TraNag WHERE TrN_TrNID = {_PAID})"
)
_CODED = "(SELECT MIN(Twr_TwrId) FROM CDN.Towary WHERE Twr_EAN > '')"


def _document(number: int, **changes: object) -> list[str]:
    """A copy of the paid invoice, as another document."""
    own = {"TrN_TrNID": number, "TrN_NumerNr": number, "TrN_NumerPelny": f"'X/{number}'"}
    return cloned("CDN.TraNag", f"TrN_TrNID = {_PAID}", TrN_ImportRowId="NULL", **own, **changes)


def _payment(number: int, **changes: object) -> list[str]:
    opened = {"BZd_Kwota": 77, "BZd_KwotaRoz": 5, "BZd_KwotaSys": 77, "BZd_KwotaRozSys": 5}
    more = {"BZd_Rozliczono": 1, "BZd_Stan": 1, "BZd_ImportRowId": "NULL"}
    own = {"BZd_BZdID": number, **opened, **more, **changes}
    return cloned("CDN.BnkZdarzenia", _PAYMENT, "BZd_TypDokumentuKB", **own)


#: In their order: a stock issue and a correction of a receipt that point to an invoice; the settlement of an advance;
#: payments in the buffer, not subject to settlement, of an employee with a customer's id, of no direction; an invoice
#: made of no order, and a cancelled one made of an order; rows of an open order that reserve nothing; a bar code and a
#: unit told twice.
DECOYS = [
    *_document(900001, TrN_TypDokumentu=306, TrN_Rodzaj=306000, TrN_FaId=_PAID),
    *_document(
        900002, TrN_TypDokumentu=305, TrN_Rodzaj=305001, TrN_Korekta=1, TrN_FaId=_OF_RECEIPT
    ),
    *cloned("CDN.TraVat", f"TrV_TrNID = {_PAID}", TrV_TrVID=900001, TrV_Typ=1),
    *_payment(900001, BZd_Stan=0),
    *_payment(900002, BZd_Rozliczono=0),
    *_payment(900003, BZd_PodmiotTyp=3),
    *_payment(900004, BZd_Kierunek=0, BZd_DokumentTyp="NULL", BZd_DokumentID="NULL"),
    *cloned("CDN.TraNagRelacje", "1 = 1", TrR_TrRId=900001, TrR_TrNId=900001, TrR_FaId=_PAID),
    *_document(900003, TrN_Anulowany=-2147483647),
    *cloned("CDN.TraNagRelacje", "1 = 1", TrR_TrRId=900002, TrR_TrNId=_ORDER, TrR_FaId=900003),
    *cloned("CDN.TraSElem", "TrS_Typ = 3", TrS_TrSID=900001, TrS_TrEId=_LINE, TrS_Ilosc=0),
    *cloned(
        "CDN.TraSElem", "TrS_Typ = 3", TrS_TrSID=900002, TrS_TrEId=_LINE, TrS_Typ=2, TrS_Ilosc=5
    ),
    *cloned(
        "CDN.TwrEan",
        "TwE_EAN > ''",
        TwE_TwEId=900001,
        TwE_TwrID=_CODED,
        TwE_EAN=f"(SELECT Twr_EAN FROM CDN.Towary WHERE Twr_TwrId = {_CODED})",
    ),
    *cloned(
        "CDN.TwrJMZ",
        "1 = 1",
        TwJZ_TwJZId=900001,
        TwJZ_JM="(SELECT Twr_JM FROM CDN.Towary WHERE Twr_TwrId = TwJZ_TwrID)",
    ),
]


def test_rows_that_are_not_meant_change_nothing(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    assert told_otherwise(changed(*DECOYS), optima) == []


def test_an_invoice_of_a_stock_issue_is_a_plain_one(
    changed: Callable[..., Frozen], rows: Rows
) -> None:
    """Receipts point to their invoice by the same column."""
    ((paid,),) = rows(f"SELECT {_PAID}")
    invoice = read(changed(*DECOYS), "GetInvoice", id=str(paid)).invoice
    assert (invoice.kind, list(invoice.receipts)) == (KINDS.INVOICE_KIND_INVOICE, [])


def test_a_debt_of_the_vat_register_with_an_invoice_s_id_is_none_of_the_invoice(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    plugin = changed(*_payment(900001, BZd_DokumentTyp=2))
    *same, new = listed(plugin, "ListReceivables")
    assert same == listed(optima, "ListReceivables")
    assert Decimal(new.remaining) == 72
    assert not new.invoice_id
    assert new.kind == ReceivableKind.RECEIVABLE_KIND_INVOICE
    assert listed(plugin, "ListInvoices") == listed(optima, "ListInvoices")


def test_stock_of_a_warehouse_is_its_own_latest_row_also_where_another_moved_later(
    optima: Frozen, changed: Callable[..., Frozen]
) -> None:
    later = cloned(
        "CDN.TwrIlosci",
        "TwI_MagId = 1 AND TwI_Ilosc > 0 AND TwI_TwrId IN (SELECT TwI_TwrId FROM CDN.TwrIlosci WHERE TwI_MagId = 2"
        " AND TwI_Ilosc > 0) AND TwI_Data = (SELECT MAX(o.TwI_Data) FROM CDN.TwrIlosci o"
        " WHERE o.TwI_TwrId = TwI_TwrId AND o.TwI_MagId = 1 AND o.TwI_Data < '2026-11-21')",
        TwI_TwIId=900001,
        TwI_Data="'2026-11-20 23:59:00'",
    )
    assert listed(changed(*later), "ListProducts") == listed(optima, "ListProducts")
