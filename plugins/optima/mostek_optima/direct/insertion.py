"""Writes an order into the buffer: copies of the template's rows with other values in the columns whose meaning is
documented. In one transaction: whenever it ends before its commit nothing is there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from mostek.plugin.orders.amounts import Amounts, final_price
from mostek.plugin.orders.plan import PlannedLine
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Internal, Rejected
from mostek_optima.direct.numbering import Numbering
from mostek_optima.direct.planner import DirectPlan
from mostek_optima.direct.rows import Rows
from mostek_optima.direct.template import Template
from mostek_optima.orders.cards import Customer, Product

__all__ = ["Inserted", "insert_order"]

_WRITTEN = (
    "SELECT h.TrN_TrNID FROM CDN.TraNag h WHERE h.TrN_TypDokumentu = 308 AND h.TrN_NumerString = ?"
    " AND h.TrN_NumerNr = ? AND h.TrN_Anulowany = 0"
)
#: Columns that a document freezes of a contractor, by the part of their names that both share.
_FROZEN = (
    *("Nazwa1", "Nazwa2", "Nazwa3", "Kraj", "Wojewodztwo", "Powiat", "Gmina", "Ulica", "NrDomu"),
    *("NrLokalu", "Miasto", "KodPocztowy", "Poczta", "Adres2", "NipKraj", "NipE"),
)


@dataclass(frozen=True)
class Inserted:
    """What was written: the document's id and number."""

    id: int
    number: str


def insert_order(
    rows: Rows, plan: DirectPlan, template: Template, numbering: Numbering, now: datetime
) -> Inserted:
    """Write the order, in the transaction of `rows`."""
    if plan.buyer is None or plan.recipient is None or not plan.is_priced:
        raise Internal("An order with problems was to be written.")
    layout, counted, number = numbering.next(rows.lookup, plan.order_date)
    header = _header(plan, now) | _parties(rows, plan.buyer.customer, plan.recipient.customer)
    header |= {"TrN_NumerString": layout, "TrN_NumerNr": counted, "TrN_NumerPelny": number}
    rows.copy("TraNag", "TrN_TrNID", template.id, header)
    # Triggers may have numbered rows too: the copy is found by what only it has.
    params = (Param.of(layout, "varchar(31)"), Param.of(counted, "int"))
    found = rows.lookup.one(_WRITTEN, *params)
    if found is None:
        raise Internal("The order's own row is not there.")
    document = int(found[0])
    for place, line in enumerate(plan.known, 1):
        keys = {"TrE_TrNId": document, "TrE_Lp": place, "TrE_LpPow": place}
        source = int(template.line["tre_treid"])
        rows.copy("TraElem", "TrE_TrEID", source, keys | _line(rows, plan, line))
    for rate, amounts in plan.rates().items():
        changes = {"TrV_TrNID": document} | _rate(str(rate), amounts)
        rows.copy("TraVat", "TrV_TrVID", int(template.rate["trv_trvid"]), changes)
    return Inserted(document, number)


def _header(plan: DirectPlan, now: datetime) -> dict[str, object]:
    amounts = plan.total()
    header: dict[str, object] = {
        "TrN_DataDok": plan.order_date,
        "TrN_DataWys": plan.order_date,
        "TrN_DataOpe": plan.order_date,
        "TrN_DataKur": plan.order_date,
        "TrN_DataTransportu": plan.delivery_date,
        "TrN_Termin": plan.due,
        "TrN_FPlId": plan.payment_method,
        "TrN_NumerObcy": plan.external_number,
        "TrN_Opis": plan.remarks,
        "TrN_MagZrdId": plan.warehouse,
        "TrN_TypNB": 1 if plan.from_net else 2,
        "TrN_ImportAppId": None,
        "TrN_ImportRowId": None,
        "TrN_TS_Zal": now,
        "TrN_TS_Mod": now,
    }
    for name, value in (("Netto", amounts.net), ("VAT", amounts.vat), ("Brutto", amounts.gross)):
        header |= {f"TrN_Razem{name}": value, f"TrN_Razem{name}Wal": value}
    return header


def _parties(rows: Rows, buyer: Customer, recipient: Customer) -> dict[str, object]:
    card, other = _card(rows, buyer.id), _card(rows, recipient.id)
    parties: dict[str, object] = {
        "TrN_PodmiotTyp": 1,
        "TrN_PodID": buyer.id,
        "TrN_PodmiotGLN": card["knt_gln"],
        "TrN_Finalny": card["knt_finalny"],
        "TrN_PodatekVat": card["knt_podatekvat"],
        "TrN_Pesel": card["knt_pesel"],
        "TrN_PlatnikTyp": 1,
        "TrN_PlatnikID": buyer.id,
        "TrN_OdbiorcaTyp": 1,
        "TrN_OdbID": recipient.id,
        "TrN_OdbiorcaGLN": other["knt_gln"],
        "TrN_OdbTelefon": other["knt_telefon1"],
        "TrN_OdbEmail": other["knt_email"],
    }
    for name in _FROZEN:
        parties[f"TrN_Pod{name}"] = card[f"knt_{name.lower()}"]
        parties[f"TrN_Odb{name}"] = other[f"knt_{name.lower()}"]
    return parties


def _card(rows: Rows, customer: int) -> dict[str, Any]:
    found = rows.row("Kontrahenci", "Knt_KntId", customer)
    if found is None:
        raise Rejected("The customer was deleted at the same moment.")
    return found


def _line(rows: Rows, plan: DirectPlan, line: PlannedLine[Product]) -> dict[str, object]:
    card = rows.row("Towary", "Twr_TwrId", line.product.id)
    if card is None:
        raise Rejected("A product of the order was deleted at the same moment.")
    flag, _, percent = str(line.rate.id).partition(":")
    price = line.net_price if plan.from_net else line.gross_price
    after = final_price(price, line.discount)
    prices = dict.fromkeys(("TrE_Cena0", "TrE_Cena0WD"), price)
    prices |= dict.fromkeys(("TrE_CenaW", "TrE_CenaT", "TrE_CenaWWD"), after)
    return {
        "TrE_DataDok": plan.order_date,
        "TrE_DataOpe": plan.order_date,
        "TrE_PodmiotTyp": 1,
        "TrE_PodID": plan.buyer.customer.id if plan.buyer else None,
        "TrE_TwrId": line.product.id,
        "TrE_MagId": plan.warehouse,
        "TrE_TwrKod": card["twr_kod"],
        "TrE_TwrNazwa": card["twr_nazwa"],
        "TrE_TwrEAN": card["twr_ean"],
        "TrE_TwrNumerKat": card["twr_numerkat"],
        "TrE_TwrSWW": card["twr_sww"],
        "TrE_TwrTyp": card["twr_typ"],
        "TrE_TwrKodDostawcy": card["twr_koddostawcy"],
        "TrE_TwrOpis": line.remark,
        "TrE_KatID": card["twr_katid"],
        "TrE_Kategoria": card["twr_kategoria"],
        "TrE_KodCN": "",
        "TrE_Stawka": Decimal(percent),
        "TrE_Flaga": int(flag),
        "TrE_Zrodlowa": Decimal(0),
        "TrE_TwCNumer": plan.price_list or line.product.price_list,
        "TrE_TypNB": 1 if plan.from_net else 2,
        "TrE_Rabat": line.discount,
        "TrE_Ilosc": line.base_quantity,
        "TrE_IloscJM": line.quantity,
        "TrE_Jm": card["twr_jm"],
        "TrE_JmZ": "",
        "TrE_JmCalkowite": card["twr_jmcalkowite"],
        "TrE_JMPrzelicznikL": Decimal(1),
        "TrE_JMPrzelicznikM": Decimal(1),
        "TrE_SplitPay": card["twr_splitpay"],
        **prices,
        **_values(line.amounts),
    }


def _values(amounts: Amounts) -> dict[str, object]:
    return {
        "TrE_WartoscNetto": amounts.net,
        "TrE_WartoscNettoWal": amounts.net,
        "TrE_WartoscBrutto": amounts.gross,
        "TrE_WartoscBruttoWal": amounts.gross,
        "TrE_WartoscZakupuWylicz": Decimal(0),
    }


def _rate(rate: str, amounts: Amounts) -> dict[str, object]:
    flag, _, percent = rate.partition(":")
    return {
        "TrV_Flaga": int(flag),
        "TrV_Stawka": Decimal(percent),
        "TrV_Zrodlowa": Decimal(0),
        "TrV_Netto": amounts.net,
        "TrV_NettoWal": amounts.net,
        "TrV_VAT": amounts.vat,
        "TrV_VATWal": amounts.vat,
    }
