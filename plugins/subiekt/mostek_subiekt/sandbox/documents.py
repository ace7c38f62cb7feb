"""Documents: their amounts, numbers and rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.sandbox_writer import Writer, day_text, money, share
from mostek_subiekt.sandbox.customers import Customer
from mostek_subiekt.sandbox.dictionaries import CODES, NO_FORM, Dictionaries, Form, Vat
from mostek_subiekt.sandbox.products import Product

__all__ = ["Document", "Documents", "Line", "difference", "line"]

ORDERS = {15, 16}
_STOCK = {9, 10, 11}
_SALES = {2, 6, 62}
_SETTLED = "cash", "card", "instalments"


@dataclass(slots=True)
class Line:
    """A line. Amounts in grosze (and cents), quantity in thousandths; `price` is before the discount, in the document's
    currency, net or gross as the document is counted."""

    product: Product
    quantity: int
    price: int
    vat: Vat
    discount: int = 0
    net: int = 0
    tax: int = 0
    gross: int = 0
    net_currency: int = 0
    tax_currency: int = 0
    gross_currency: int = 0
    status: int = 0
    sign: int = 1
    id: int = 0
    changes: int | None = None


@dataclass(slots=True, kw_only=True)
class Document:
    """A document before it is written; `rate` is złoty for one unit of the currency, times 10,000."""

    type: int
    day: date
    warehouse: int
    lines: list[Line]
    customer: Customer | None = None
    recipient: Customer | None = None
    subtype: int = 0
    status: int = 1
    status_ex: int = 0
    from_net: bool = True
    currency: str = "PLN"
    rate: int = 10_000
    form: Form = NO_FORM
    payment: str = "transfer"
    level: int = 2
    related: Document | None = None
    related_number: str = ""
    original_number: str = ""
    remarks: str = ""
    due: date | None = None
    margin: bool = False
    ksef_status: int | None = None
    id: int = 0
    number: str = ""
    ksef: str | None = None
    ksef_id: int | None = None

    def counted(self) -> list[Line]:
        """The lines that make the totals: of a correction, those that say the difference."""
        return [line for line in self.lines if line.status != 2]

    @property
    def net(self) -> int:
        return sum(line.net for line in self.counted())

    @property
    def tax(self) -> int:
        return sum(line.tax for line in self.counted())

    @property
    def gross(self) -> int:
        return sum(line.gross for line in self.counted())

    @property
    def gross_currency(self) -> int:
        return sum(line.gross_currency for line in self.counted())

    @property
    def tax_currency(self) -> int:
        return sum(line.tax_currency for line in self.counted())


def line(
    product: Product,
    quantity: int,
    price: int,
    *,
    vat: Vat | None = None,
    discount: int = 0,
    from_net: bool = True,
    rate: int = 10_000,
) -> Line:
    """A line with its amounts: net from the price and VAT from net, or gross from the price and net from gross."""
    rate_of_tax = vat or product.vat
    result = Line(product, quantity, price, rate_of_tax, discount)
    value = share(price * (100 - discount), quantity, 100_000)
    if from_net:
        net, tax = value, share(value, rate_of_tax.percent, 100)
    else:
        net = share(value, 100, 100 + rate_of_tax.percent)
        tax = value - net
    result.net_currency, result.tax_currency, result.gross_currency = net, tax, net + tax
    result.net, result.tax = share(net, rate, 10_000), share(tax, rate, 10_000)
    result.gross = result.net + result.tax
    return result


def difference(before: Line, after: Line) -> Line:
    """The line of a correction that says by how much; its values are signed, its quantity is not."""
    change = after.quantity - before.quantity
    result = Line(before.product, abs(change) or before.quantity, before.price, before.vat)
    result.discount = before.discount
    for name in ("net", "tax", "gross", "net_currency", "tax_currency", "gross_currency"):
        setattr(result, name, getattr(after, name) - getattr(before, name))
    result.status, result.changes = 1, before.id
    result.sign = -1 if result.gross < 0 else 1
    return result


class Documents:
    """Numbers documents and writes them with their lines and VAT summary."""

    def __init__(self, writer: Writer, rng: Random, dictionaries: Dictionaries) -> None:
        self._writer = writer
        self._rng = rng
        self._dictionaries = dictionaries
        self._numbers: dict[tuple[int, int, int, int], int] = defaultdict(int)
        self._ksef_from = dictionaries.today - timedelta(days=300)
        self._ksef_ids_from = dictionaries.today - timedelta(days=200)
        self.reserved: dict[tuple[int, int], int] = defaultdict(int)

    def write(self, document: Document) -> Document:
        """Give the document its id, number and KSeF number, and write it."""
        document.id = self._writer.next_id("dok__Dokument")
        number = self._number(document)
        self._register(document)
        self._writer.add("dok__Dokument", self._row(document, number))
        self._write_lines(document)
        self._write_vat(document)
        self._reserve(document)
        return document

    def _number(self, document: Document) -> int:
        by_warehouse = document.type != 16
        warehouse = document.warehouse if by_warehouse else 0
        key = (document.type, warehouse, document.day.year, document.day.month)
        self._numbers[key] += 1
        symbol = f"/{self._dictionaries.warehouses[document.warehouse]}" if by_warehouse else ""
        document.number = (
            f"{CODES[document.type]} {self._numbers[key]}{symbol}/{document.day:%m/%Y}"
        )
        return self._numbers[key]

    def _register(self, document: Document) -> None:
        """What KSeF says of the document: consumers' and void ones never go there."""
        if document.ksef_status is None:
            business = document.customer is not None and bool(document.customer.nip)
            sent = document.type in _SALES and document.day >= self._ksef_from and business
            document.ksef_status = 5 if sent and document.status != 2 else 0
        if document.ksef_status != 5:
            return
        document.ksef = invented.ksef_number(self._dictionaries.nip, document.day, document.id)
        if document.day >= self._ksef_ids_from:
            document.ksef_id = self._writer.next_id("ksef_NumerKSeF")
            row = {"ksefnr_Id": document.ksef_id, "ksefnr_NumerKSeF": document.ksef}
            stamp = f"{document.day} 12:{document.id % 60:02d}:07.120"
            self._writer.add("ksef_NumerKSeF", row | {"ksefnr_DataNadania": stamp})

    def _row(self, document: Document, number: int) -> dict[str, object]:
        day = day_text(document.day)
        due = document.due or document.day + timedelta(days=document.form.days)
        user = document.id % len(self._dictionaries.users)
        is_order = document.type in ORDERS
        return {
            "dok_Id": document.id,
            "dok_Typ": document.type,
            "dok_Podtyp": document.subtype,
            "dok_Status": document.status,
            "dok_StatusEx": document.status_ex,
            "dok_MagId": document.warehouse,
            "dok_Nr": number,
            "dok_NrRoz": "   ",
            "dok_NrPelny": document.number,
            "dok_NrPelnyOryg": document.original_number,
            "dok_MscWyst": "Łódź",
            "dok_DataWyst": day,
            "dok_DataMag": day,
            "dok_DataOtrzym": day if document.type in {1, 5} else None,
            "dok_PlatId": document.form.id or None,
            "dok_PlatTermin": day_text(due) if document.form.id else None,
            "dok_TerminRealizacji": day_text(document.day, 7) if is_order else None,
            "dok_Wystawil": ("Szef", "Anna Kowalska", "Tomasz Żółtowski")[user],
            "dok_PersonelId": self._dictionaries.users[user],
            "dok_CenyPoziom": -1 if document.type in {1, 5, 10} else document.level,
            "dok_CenyTyp": int(document.from_net),
            "dok_Uwagi": document.remarks,
            "dok_UwagiExt": "",
            "dok_KatId": 2 if document.type in {1, 5, 15} else 1,
            "dok_Tytul": {2: "Faktura VAT", 16: "Zamówienie od klienta"}.get(document.type, ""),
            "dok_StatusKsieg": 3 if document.id % 3 == 0 and not is_order else 0,
            "dok_StatusFiskal": int(document.type == 21),
            "dok_JestRuchMag": int(document.type in _STOCK),
            "dok_JestVatAuto": 1,
            "dok_ObiektGT": -document.type if is_order or document.type == 2 else None,
            "dok_VatMarza": int(document.margin),
            "dok_ProceduraMarzy": int(document.margin),
            "dok_RodzajOperacjiVat": self._operation(document),
            "dok_MechanizmPodzielonejPlatnosci": int(_is_split(document)),
        } | (
            self._parties(document)
            | self._related(document)
            | self._amounts(document)
            | self._ksef(document)
        )

    def _operation(self, document: Document) -> int:
        role = document.customer.role if document.customer else ""
        if document.type in {2, 6, 16} and document.currency != "PLN":
            return {"german": 2, "czech": 2, "abroad": 1}.get(role, 0)
        return 0

    def _parties(self, document: Document) -> dict[str, object]:
        buyer, recipient = document.customer, document.recipient or document.customer
        delivery = recipient.delivery_version if recipient else None
        parties: dict[str, object] = {
            "dok_PlatnikId": buyer.id if buyer else None,
            "dok_PlatnikAdreshId": buyer.version(document.day) if buyer else None,
            "dok_OdbiorcaId": recipient.id if recipient else None,
            "dok_OdbiorcaAdreshId": recipient.version(document.day) if recipient else None,
            "dok_AdresDostawyAdreshId": delivery,
            "dok_RolaOdbiorcyKSeF": 8 if document.recipient else -1,
        }
        if document.type == 9:
            # The recipient of a transfer is a warehouse.
            parties["dok_OdbiorcaId"] = document.warehouse % len(self._dictionaries.warehouses) + 1
        return parties

    def _related(self, document: Document) -> dict[str, object]:
        other = document.related
        return {
            "dok_DoDokId": other.id if other else None,
            "dok_DoDokNrPelny": other.number if other else document.related_number,
            "dok_DoDokDataWyst": day_text(other.day) if other else None,
        }

    def _amounts(self, document: Document) -> dict[str, object]:
        lines = document.counted()
        services = [line for line in lines if line.product.kind == 2]
        net, gross = document.net, document.gross
        service_net = sum(line.net for line in services)
        service_gross = sum(line.gross for line in services)
        paid = gross if document.payment in _SETTLED else 0
        by_transfer = gross if document.payment == "transfer" and document.type in _SALES else 0
        return {
            "dok_WartUsNetto": money(service_net),
            "dok_WartUsBrutto": money(service_gross),
            "dok_WartTwNetto": money(net - service_net),
            "dok_WartTwBrutto": money(gross - service_gross),
            "dok_WartNetto": money(net),
            "dok_WartVat": money(document.tax),
            "dok_WartBrutto": money(gross),
            "dok_KwWartosc": money(gross),
            "dok_KwGotowka": money(gross if document.payment == "cash" else 0),
            "dok_KwKarta": money(gross if document.payment == "card" else 0),
            "dok_KwKredyt": money(gross if document.payment == "instalments" else 0),
            "dok_KwPrzelew": money(by_transfer),
            "dok_KwDoZaplaty": money(gross - paid),
            "dok_Waluta": document.currency,
            "dok_WalutaKurs": document.rate / 10_000,
            "dok_WalutaRodzajKursu": 1,
            "dok_WalutaDataKursu": day_text(document.day, -1)
            if document.currency != "PLN"
            else None,
        }

    def _ksef(self, document: Document) -> dict[str, object]:
        """Older documents, and older databases, have the number in the document itself."""
        has_table = self._writer.has("ksef_NumerKSeF")
        related = document.related if document.type == 6 else None
        in_row = document.ksef_id is None or not has_table
        return {
            "dok_StatusKSeF": document.ksef_status,
            "dok_FormaDokumentowania": int(bool(document.ksef_status)),
            "dok_SrodowiskoKSeF": 3 if document.ksef_status else None,
            "dok_CzekaNaKSeF": int(document.ksef_status in {1, 2, 3}),
            "dok_BladKSeF": "440: Duplikat faktury" if document.ksef_status == 4 else None,
            "dok_NumerKSeF": document.ksef if in_row else None,
            "dok_NumerKSeFId": document.ksef_id,
            "dok_DataNumeruKSeF": day_text(document.day) if document.ksef and in_row else None,
            "dok_DoNumerKSeF": related.ksef
            if related and (not has_table or not related.ksef_id)
            else None,
            "dok_DoNumerKSeFId": related.ksef_id if related else None,
        }

    def _write_lines(self, document: Document) -> None:
        in_stock = document.type in _STOCK
        for position, item in enumerate(document.lines, 1):
            item.id = self._writer.next_id("dok_Pozycja")
            keys = {
                "ob_Id": item.id,
                "ob_DokHanId": None if in_stock else document.id,
                "ob_DokHanLp": None if in_stock else position,
                "ob_DokMagId": document.id if in_stock else None,
                "ob_DokMagLp": position if in_stock else None,
            }
            self._writer.add("dok_Pozycja", keys | self._line(document, item, position))

    def _line(self, document: Document, item: Line, position: int) -> dict[str, object]:
        product, quantity = item.product, item.quantity / 1000
        price = share(item.price, document.rate, 10_000)
        percent = item.vat.percent
        net_price = price if document.from_net else share(price, 100, 100 + percent)
        gross_price = price if not document.from_net else price + share(price, percent, 100)
        return {
            "ob_DoId": item.changes,
            "ob_Znak": item.sign,
            "ob_Status": item.status,
            "ob_TowId": product.id,
            "ob_TowRodzaj": product.kind,
            "ob_Opis": "Kolor do uzgodnienia" if position == 1 and document.id % 20 == 0 else "",
            "ob_Ilosc": quantity,
            "ob_IloscMag": quantity,
            "ob_Jm": product.unit,
            "ob_CenaMag": money(product.cost) if document.type in _STOCK else 0,
            "ob_CenaWaluta": money(item.price),
            "ob_CenaNetto": money(net_price),
            "ob_CenaBrutto": money(gross_price),
            "ob_Rabat": item.discount,
            "ob_WartMag": money(share(product.cost, item.quantity, 1000))
            if document.type in _STOCK
            else 0,
            "ob_WartNetto": money(item.net),
            "ob_WartVat": money(item.tax),
            "ob_WartBrutto": money(item.gross),
            "ob_VatId": item.vat.id,
            "ob_VatProc": percent,
            "ob_CenaPobranaZCennika": 1,
            "ob_TowPkwiu": product.pkwiu,
            "ob_TowKodCN": product.cn[:10] if product.kind == 1 else None,
            "ob_OznaczenieGTU": product.gtu if product.gtu > 0 else None,
        }

    def _write_vat(self, document: Document) -> None:
        if document.type in _STOCK:
            return
        sums: dict[Vat, list[int]] = {}
        for item in document.counted():
            in_currency = (item.net_currency, item.tax_currency, item.gross_currency)
            amounts = (item.net, item.tax, item.gross, *in_currency)
            known = sums.setdefault(item.vat, [0] * 6)
            sums[item.vat] = [a + b for a, b in zip(known, amounts, strict=True)]
        for vat, amounts_of_rate in sums.items():
            row: dict[str, object] = {
                "vt_Id": self._writer.next_id("dok_Vat"),
                "vt_DokId": document.id,
            }
            names = ("Netto", "Vat", "Brutto", "NettoWaluta", "VatWaluta", "BruttoWaluta")
            values = {f"vt_Wart{n}": money(a) for n, a in zip(names, amounts_of_rate, strict=True)}
            self._writer.add(
                "dok_Vat", row | {"vt_VatId": vat.id, "vt_VatProc": vat.percent} | values
            )

    def _reserve(self, document: Document) -> None:
        """An open order with reservation (status 7) holds its quantities back."""
        if document.type == 16 and document.status == 7:
            for item in document.lines:
                if item.product.kind == 1:
                    self.reserved[item.product.id, document.warehouse] += item.quantity

    def write_reservations(self) -> None:
        """Put the reserved quantities into tw_Stan, and as much on hand at least."""
        self._writer.flush()
        for (product, warehouse), quantity in self.reserved.items():
            amount = quantity / 1000
            self._writer.execute(
                "UPDATE dbo.tw_Stan SET st_StanRez = ?, st_Stan = max(st_Stan, ?)"
                " WHERE st_TowId = ? AND st_MagId = ?",
                (amount, amount, product, warehouse),
            )


def _is_split(document: Document) -> bool:
    """Split payment: above 15,000 zł gross between companies."""
    business = document.customer is not None and document.customer.nip.isdigit()
    return business and document.type in _SALES and abs(document.gross) > 1_500_000
