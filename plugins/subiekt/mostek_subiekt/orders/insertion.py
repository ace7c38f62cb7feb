"""Writes an order: copies of the template's rows with other values in the columns whose meaning is documented.

In one transaction, in this order, so that whenever it ends before its commit nothing is there:

1. customers that are new, with their addresses
2. frozen addresses
3. the next number
4. ids, from the program's counters
5. the document, its lines, its VAT summary
6. a look whether somebody took the number meanwhile
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from mostek.plugin.orders.amounts import Amounts, total
from mostek.plugin.orders.plan import Chosen, PlannedLine
from mostek.plugin.orders.problems import Problems
from mostek.wire.failures import Internal, Locked
from mostek_subiekt.orders.addresses import DELIVERY, Addresses, address_parts
from mostek_subiekt.orders.customers import Customer
from mostek_subiekt.orders.draft import OrderPlan
from mostek_subiekt.orders.new_customer import NewCustomer
from mostek_subiekt.orders.numbering import Numbering, how_many
from mostek_subiekt.orders.planner import split_remarks
from mostek_subiekt.orders.products import Product
from mostek_subiekt.orders.rows import Rows
from mostek_subiekt.orders.template import WITHOUT_RESERVATION, Template

__all__ = ["Inserted", "insert_order"]

_BEFORE_DISCOUNT, _NOT_FROM_PRICE_LIST = 1, 0
_LONGEST_CN = 10


@dataclass(frozen=True)
class Inserted:
    """What was written: the document's id and number, and its buyer."""

    id: int
    number: str
    buyer: Customer
    buyer_is_new: bool


def insert_order(
    rows: Rows, plan: OrderPlan, template: Template, numbering: Numbering, now: datetime
) -> Inserted:
    """Write the order, in the transaction of `rows`. Raises Locked if its number was taken meanwhile."""
    if plan.buyer is None or plan.recipient is None or not plan.is_priced:
        raise Internal("An order with problems was to be written.")
    buyer = _created(rows, plan.buyer, now)
    recipient = buyer if plan.recipient == plan.buyer else _created(rows, plan.recipient, now)
    parties = _parties(rows, plan, buyer, recipient)
    counted, number = numbering.next(rows, plan.order_date, plan.warehouse)
    document = rows.next_id("dok__Dokument")
    header = _header(plan, template) | _remarks(rows, plan) | parties
    header |= {"dok_Id": document, "dok_Nr": counted, "dok_NrPelny": number}
    rows.copy("dok__Dokument", "dok_Id", template.id, header)
    _insert_lines(rows, plan, template, document)
    _insert_rates(rows, plan, template, document)
    if how_many(rows, number) != 1:
        raise Locked("Somebody wrote an order at the same moment: try again.", retry_after=1.0)
    return Inserted(document, number, buyer, plan.buyer.new is not None)


def _created(rows: Rows, chosen: Chosen[Customer, NewCustomer], now: datetime) -> Customer:
    return chosen.new.create(rows, now) if chosen.new else chosen.customer


def _header(plan: OrderPlan, template: Template) -> dict[str, object]:
    from_net = template.order["dok_cenytyp"] or 1
    return {
        "dok_MagId": plan.warehouse,
        "dok_NrPelnyOryg": plan.external_number,
        "dok_DataWyst": plan.order_date,
        "dok_DataMag": plan.order_date,
        "dok_DataOtrzym": None,
        "dok_TerminRealizacji": plan.delivery_date,
        "dok_PlatId": plan.payment_method,
        "dok_PlatTermin": plan.due,
        "dok_CenyPoziom": plan.price_list,
        "dok_CenyTyp": from_net if plan.from_net else 0,
        "dok_Status": WITHOUT_RESERVATION,
        "dok_StatusKsieg": 0,
        "dok_StatusBlok": 0,
        "dok_JestTylkoDoOdczytu": 0,
        "dok_Odebral": "",
    } | _amounts(plan, template)


def _remarks(rows: Rows, plan: OrderPlan) -> dict[str, object]:
    size = rows.type_of("dok__Dokument", "dok_Uwagi").size or 0
    first, more = split_remarks(plan.remarks, size) or (plan.remarks, "")
    return {"dok_Uwagi": first, "dok_UwagiExt": more}


def _amounts(plan: OrderPlan, template: Template) -> dict[str, object]:
    whole, services = plan.total(), total(plan.rates(services_only=True))
    goods = whole - services
    return {
        "dok_WartNetto": whole.net,
        "dok_WartVat": whole.vat,
        "dok_WartBrutto": whole.gross,
        "dok_WartTwNetto": goods.net,
        "dok_WartTwBrutto": goods.gross,
        "dok_WartUsNetto": services.net,
        "dok_WartUsBrutto": services.gross,
    } | template.paid_with(whole.gross)


def _parties(
    rows: Rows, plan: OrderPlan, buyer: Customer, recipient: Customer
) -> dict[str, object]:
    addresses = Addresses(rows)
    seat = addresses.frozen(buyer.address)
    parties: dict[str, object] = {
        "dok_PlatnikId": buyer.id,
        "dok_PlatnikAdreshId": seat,
        "dok_OdbiorcaId": recipient.id,
        "dok_OdbiorcaAdreshId": seat
        if recipient.id == buyer.id
        else addresses.frozen(recipient.address),
        "dok_AdresDostawyId": None,
        "dok_AdresDostawyAdreshId": _delivery(rows, plan, recipient),
    }
    if recipient.id != buyer.id and recipient.ksef_role is not None:
        parties["dok_RolaOdbiorcyKSeF"] = recipient.ksef_role
    return parties


def _delivery(rows: Rows, plan: OrderPlan, recipient: Customer) -> int | None:
    """One of the recipient's addresses, one for this order, its default one, or none."""
    addresses = Addresses(rows)
    if plan.delivery:
        return plan.delivery
    if plan.delivery_address:
        given = plan.delivery_address
        parts = address_parts(rows, given.address, "", Problems())
        street, house, flat = (str(parts[name]) for name in ("Ulica", "NrDomu", "NrLokalu"))
        parts["Adres"] = f"{street} {house}/{flat}" if flat else f"{street} {house}"
        if given.name:
            parts |= {"Nazwa": given.name, "NazwaPelna": given.name}
        if given.phone:
            parts["Telefon"] = given.phone
        # A version of the seat: the newest version of the delivery address is the card's own.
        return addresses.freeze(recipient.address, parts)
    own = addresses.of(recipient.id, DELIVERY)
    return addresses.frozen(own) if own and plan.takes_delivery_address else None


def _insert_lines(rows: Rows, plan: OrderPlan, template: Template, document: int) -> None:
    source = int(template.line["ob_id"])
    first = rows.next_id("dok_Pozycja", len(plan.known))
    for place, line in enumerate(plan.known):
        keys = {"ob_Id": first + place, "ob_DokHanId": document, "ob_DokHanLp": place + 1}
        rows.copy("dok_Pozycja", "ob_Id", source, keys | _line(line, from_net=plan.from_net))


def _line(line: PlannedLine[Product], *, from_net: bool) -> dict[str, object]:
    product = line.product
    return {
        "ob_TowId": product.id,
        "ob_TowRodzaj": product.kind,
        "ob_Opis": line.remark,
        "ob_Ilosc": line.quantity,
        "ob_IloscMag": line.base_quantity,
        "ob_Jm": line.unit,
        "ob_CenaMag": Decimal(0),
        "ob_WartMag": Decimal(0),
        "ob_CenaNetto": line.net_price,
        "ob_CenaBrutto": line.gross_price,
        "ob_CenaWaluta": line.net_price if from_net else line.gross_price,
        "ob_CenaPobranaZCennika": _BEFORE_DISCOUNT
        if line.from_price_list
        else _NOT_FROM_PRICE_LIST,
        "ob_Rabat": line.discount,
        "ob_WartNetto": line.amounts.net,
        "ob_WartVat": line.amounts.vat,
        "ob_WartBrutto": line.amounts.gross,
        "ob_VatId": line.rate.id,
        "ob_VatProc": line.rate.percent,
        "ob_Termin": None,
        "ob_NumerSeryjny": "",
        "ob_KategoriaId": product.category,
        "ob_TowPkwiu": product.pkwiu,
        "ob_TowKodCN": product.cn if 0 < len(product.cn) <= _LONGEST_CN else None,
        "ob_OznaczenieGTU": product.gtu,
        "ob_SyncId": None,
        "ob_KsefUUID": None,
    }


def _insert_rates(rows: Rows, plan: OrderPlan, template: Template, document: int) -> None:
    percents = {line.rate.id: line.rate.percent for line in plan.known}
    rates = plan.rates()
    first = rows.next_id("dok_Vat", len(rates))
    for place, (rate, amounts) in enumerate(rates.items()):
        keys = {"vt_Id": first + place, "vt_DokId": document, "vt_VatId": rate}
        values = keys | {"vt_VatProc": percents[rate]} | _rate(amounts, template)
        rows.copy("dok_Vat", "vt_Id", int(template.rate["vt_id"]), values)


def _rate(amounts: Amounts, template: Template) -> dict[str, object]:
    values = {"Netto": amounts.net, "Vat": amounts.vat, "Brutto": amounts.gross}
    in_pln: dict[str, object] = {f"vt_Wart{name}": value for name, value in values.items()}
    in_currency = {
        f"vt_Wart{name}Waluta": template.in_currency(value) for name, value in values.items()
    }
    return in_pln | in_currency
