"""Sales, purchases and orders, with the payments that they make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.sandbox_writer import Writer, day_text, money, share
from mostek_optima.sandbox.cards import (
    CARD,
    CARD_OPERATOR,
    CASH,
    TRANSFER,
    Cards,
    Customer,
    Product,
)

__all__ = ["Documents"]

FA, PA, WZ, RO, ZD, FPF, FZ = 302, 305, 306, 308, 309, 320, 301
_SYMBOLS = {FA: "FA", PA: "PA", WZ: "WZ", RO: "RO", ZD: "ZD", FPF: "FPF", FZ: "FZ"}
_DEFINITIONS = (
    *((kind, symbol, 0) for kind, symbol in _SYMBOLS.items()),
    (RO, "ROI", 0),
    (RO, "ROS", 1),
    (201, "ZAK", 0),
    (202, "SPV", 0),
)
_EUR_RATE = 42_731
_HISTORY = 360
_CANCELLED = -2_147_483_647


@dataclass(frozen=True)
class Line:
    """A line: quantity in the base unit, price before discount in grosze."""

    product: Product
    quantity: int
    price: int
    discount: int = 0
    bulk: bool = False

    @property
    def value(self) -> int:
        return share(self.quantity * self.price, 100 - self.discount, 100)


@dataclass(frozen=True)
class Document:
    """What a document is; `day` and what else decides about its rows."""

    kind: int
    day: date
    buyer: Customer
    lines: Sequence[Line]
    from_net: bool = True
    variant: int = 0
    form: int = TRANSFER
    buffer: int = 0
    corrects: int = 0
    external: str = ""
    payer: Customer | None = None
    recipient: Customer | None = None
    euro: bool = False
    margin: bool = False
    ksef: str = ""
    status: int | None = None
    remarks: str = ""
    #: The invoice that a receipt was turned into.
    becomes: int | None = None

    @property
    def sums(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Net and VAT by flag and percent."""
        values: dict[tuple[int, int], int] = defaultdict(int)
        for line in self.lines:
            values[line.product.flag, line.product.percent] += line.value
        found = {}
        for (flag, percent), value in values.items():
            if self.from_net:
                found[flag, percent] = (value, share(value, percent, 100))
            else:
                vat = share(value, percent, 100 + percent)
                found[flag, percent] = (value - vat, vat)
        return found

    @property
    def net(self) -> int:
        return sum(net for net, _ in self.sums.values())

    @property
    def gross(self) -> int:
        return sum(net + vat for net, vat in self.sums.values())


class Documents:
    def __init__(self, writer: Writer, rng: Random, cards: Cards, today: date) -> None:
        self._writer, self._rng, self._cards, self._today = writer, rng, cards, today
        self._numbers: dict[str, int] = defaultdict(int)
        self._definitions: dict[str, int] = {}

    def write(self, invoices: int) -> str:
        """The number of the order to copy."""
        for kind, symbol, inactive in _DEFINITIONS:
            self._define(kind, symbol, inactive)
        template = self._template()
        previous: tuple[int, Document] | None = None
        for index in range(invoices):
            day = self._today - timedelta(days=_HISTORY - index * _HISTORY // invoices)
            previous = self._sale(index, day, previous)
            if index % 5 == 0:
                self._order(index // 5, day)
            if index % 40 == 0:
                self._other_payments(index, day)
        return template

    def _define(self, kind: int, symbol: str, inactive: int) -> None:
        number = self._definitions[symbol] = self._writer.next_id("DokDefinicje")
        now = day_text(self._today, -500)
        row = {"DDf_DDfID": number, "DDf_Klasa": kind, "DDf_Symbol": symbol}
        more = {"DDf_Nazwa": f"Definicja {symbol}", "DDf_Numeracja": f"{symbol}/@numerS/@rok"}
        times = {"DDf_TS_Zal": now, "DDf_TS_Mod": now}
        self._writer.add("DokDefinicje", row | more | times | {"DDf_Nieaktywna": inactive})

    # Sales

    def _lines(self, count: int = 0, *, from_net: bool = True, bulk: bool = False) -> list[Line]:
        chosen = self._rng.sample(self._cards.products, count or self._rng.randrange(1, 4))
        return [
            Line(
                product,
                12 * (n + 1) if bulk and product.bulk else self._rng.randrange(1, 20),
                product.net if from_net else product.net + share(product.net, product.percent, 100),
                10 if n == 1 else 0,
                bulk and product.bulk,
            )
            for n, product in enumerate(chosen)
        ]

    def _sale(
        self, index: int, day: date, previous: tuple[int, Document] | None
    ) -> tuple[int, Document] | None:
        buyer = self._rng.choice(self._cards.customers)
        from_net = index % 10 != 3
        lines = self._lines(from_net=from_net, bulk=index % 8 == 1)
        sale = Document(FA, day, buyer, lines, from_net=from_net)
        if index % 12 == 5:
            return self._receipt(index, replace(sale, kind=PA, buyer=self._cards.one_off))
        if index % 15 == 4 and previous and previous[1].kind == FA:
            return self._correct(index, day, previous)
        if index % 25 == 6:
            self._document(replace(sale, kind=FPF))
            return previous
        if index % 18 == 8:
            purchase = self._document(replace(sale, kind=FZ))
            self._pay(purchase, sale, -1, sale.gross, 0)
            return previous
        sale = self._varied(index, sale)
        number = self._document(sale)
        self._payments(index, number, sale)
        return (number, sale) if not sale.buffer else previous

    def _varied(self, index: int, sale: Document) -> Document:
        others = self._cards.customers
        ksef = invented.ksef_number("1132191233", sale.day, index) if index % 14 == 2 else ""
        return replace(
            sale,
            form=CARD if index % 16 == 13 else CASH if not sale.from_net else TRANSFER,
            buffer=1 if index % 30 == 9 else -1 if index % 30 == 20 else 0,
            euro=index % 20 == 7,
            payer=others[index % len(others)] if index % 26 == 12 else None,
            recipient=others[index % len(others)] if index % 28 == 14 else None,
            margin=index % 33 == 5,
            ksef=ksef,
            remarks="Zażółć gęślą jaźń ☺" if index % 9 == 0 else "",
        )

    def _payments(self, index: int, number: int, sale: Document) -> None:
        payer = (
            Customer(CARD_OPERATOR, ("Karty", "", ""), "", "", {}, 0) if sale.form == CARD else None
        )
        payer = payer or sale.payer or sale.buyer
        paid = {0: 0, 1: share(sale.gross, 1, 3), 2: sale.gross, 3: 0}[index % 4]
        if not sale.from_net:
            paid = sale.gross
        if index % 22 == 10:
            first = sale.gross // 2
            self._pay(number, sale, 1, first, first, payer)
            self._pay(number, sale, 1, sale.gross - first, 0, payer, days=44)
            return
        self._pay(number, sale, 1, sale.gross, paid, payer)

    def _receipt(self, index: int, sale: Document) -> tuple[int, Document] | None:
        """Every second one is turned into an invoice, whose payment is the only one."""
        if index % 24 == 5:
            receipt = self._document(sale)
            self._pay(receipt, sale, 1, sale.gross, sale.gross)
            return None
        invoice = replace(sale, kind=FA, buyer=self._rng.choice(self._cards.customers))
        number = self._document(invoice)
        self._document(replace(sale, becomes=number))
        self._pay(number, invoice, 1, invoice.gross, 0)
        return (number, invoice)

    def _correct(
        self, index: int, day: date, previous: tuple[int, Document]
    ) -> tuple[int, Document] | None:
        number, sale = previous
        line = sale.lines[0]
        back = replace(line, quantity=-max(1, line.quantity // 2))
        correction = replace(
            sale, day=day, lines=[back], variant=1, corrects=number, ksef="", remarks=""
        )
        made = self._document(correction)
        self._pay(made, correction, -1, -correction.gross, -correction.gross if index % 2 else 0)
        return None

    # Rows

    def _document(self, document: Document, order_lines: Sequence[int] = ()) -> int:
        writer = self._writer
        number = writer.next_id("TraNag")
        symbol = "FKOR" if document.corrects else _SYMBOLS[document.kind]
        series = f"{symbol}/@numerS/{document.day:%Y}"
        self._numbers[series] += 1
        counted = self._numbers[series]
        header = self._header(document, number)
        header |= {
            "TrN_NumerString": series,
            "TrN_NumerNr": counted,
            "TrN_NumerPelny": series.replace("@numerS", str(counted)),
            "TrN_Anulowany": _CANCELLED + counted if document.buffer < 0 else 0,
        }
        writer.add("TraNag", header)
        for place, line in enumerate(document.lines, 1):
            self._line(document, number, place, line)
        for (flag, percent), (net, vat) in document.sums.items():
            row = {"TrV_TrVID": writer.next_id("TraVat"), "TrV_TrNID": number}
            amounts = _pairs({"Netto": net, "VAT": vat}, document.euro, "TrV_")
            rate = {"TrV_Flaga": flag, "TrV_Stawka": percent, "TrV_Typ": 0}
            writer.add(
                "TraVat", row | amounts | rate | {"TrV_Zrodlowa": percent if flag == 3 else 0}
            )
        return number

    def _header(self, document: Document, number: int) -> dict[str, object]:
        day = day_text(document.day)
        buyer, other = document.buyer, document.recipient or document.buyer
        payer = document.payer or buyer
        if document.form == CARD:
            payer = replace(buyer, id=CARD_OPERATOR)
        days = {TRANSFER: 14}.get(document.form, 0)
        row: dict[str, object] = {
            "TrNID": number,
            "TypDokumentu": document.kind,
            "Rodzaj": document.kind * 1000 + document.variant,
            "DDfId": self._definitions[_SYMBOLS[document.kind]],
            "Bufor": document.buffer,
            "DataDok": day,
            "DataWys": day,
            "DataOpe": day_text(document.day, -1),
            "DataKur": day_text(document.day, -1),
            "Termin": day_text(document.day, days),
            "NumerObcy": document.external,
            "Korekta": int(bool(document.corrects)),
            "ZwrId": document.corrects or None,
            "FaId": document.becomes,
            "FVMarza": int(document.margin),
            "Detal": int(document.kind == PA),
            "PodmiotTyp": 1,
            "PodID": buyer.id,
            "OdbiorcaTyp": 1,
            "OdbID": other.id,
            "PlatnikTyp": 1,
            "PlatnikID": payer.id,
            "FPlId": document.form,
            "Waluta": "EUR" if document.euro else "",
            "KursL": money(_EUR_RATE) / 100 if document.euro else 1,
            "KursM": 1,
            "BlokadaPlatnosci": int(document.kind not in {FA, PA, FZ}),
            "MagZrdId": 1 if number % 2 else 2,
            "TypNB": 1 if document.from_net else 2,
            "Export": 0,
            "Opis": document.remarks,
            "ZwroconoCalaIlosc": document.status,
            "TrSTyp": {RO: 3, ZD: 4, FZ: 1}.get(document.kind, 2),
            "DataTransportu": day_text(document.day, 3) if document.kind in {RO, ZD} else None,
            "SplitPay": int(number % 11 == 0),
            "NrKSeF": document.ksef,
            "KSeFDataPrzyjecia": f"{document.day} 12:00:00" if document.ksef else None,
            "TS_Zal": f"{document.day} 10:20:30",
            "TS_Mod": f"{document.day} 11:00:00",
        }
        row |= _snapshot("Pod", buyer) | _snapshot("Odb", other)
        row |= _pairs(
            {"Netto": document.net, "VAT": document.gross - document.net, "Brutto": document.gross},
            document.euro,
            "Razem",
        )
        return {f"TrN_{name}": value for name, value in row.items()}

    def _line(self, document: Document, number: int, place: int, line: Line) -> None:
        writer, product = self._writer, line.product
        own = writer.next_id("TraElem")
        day = day_text(document.day)
        vat = share(
            line.value, product.percent, 100 if document.from_net else 100 + product.percent
        )
        net, gross = (
            (line.value, line.value + vat) if document.from_net else (line.value - vat, line.value)
        )
        row: dict[str, object] = {
            "TrEID": own,
            "TrNId": number,
            "Lp": place,
            "LpPow": place,
            "TypDokumentu": document.kind,
            "Aktywny": 1,
            "DataDok": day,
            "DataOpe": day,
            "PodmiotTyp": 1,
            "PodID": document.buyer.id,
            "TwrId": product.id,
            "MagId": 1 if number % 2 else 2,
            "TwrKod": product.code,
            "TwrNazwa": product.name,
            "TwrTyp": int(product.goods),
            "TwrOpis": "pilne" if own % 7 == 0 else "",
            "Stawka": product.percent,
            "Flaga": product.flag,
            "Zrodlowa": product.percent if product.flag == 3 else 0,
            "TwCNumer": 2,
            "TypNB": 1 if document.from_net else 2,
            "Cena0": money(line.price),
            "Cena0WD": money(line.price),
            "Rabat": line.discount,
            "CenaW": money(share(line.price, 100 - line.discount, 100)),
            "CenaWWD": money(share(line.price, 100 - line.discount, 100)),
            "CenaT": money(share(line.price, 100 - line.discount, 100)),
            "KursL": 1,
            "KursM": 1,
            "Ilosc": line.quantity,
            "Jm": "szt" if product.goods else "usł",
            "JmZ": "opak" if line.bulk else "",
            "JMPrzelicznikL": 12 if line.bulk else 1,
            "JMPrzelicznikM": 1,
            "IloscJM": line.quantity / 12 if line.bulk else line.quantity,
            "IloscJMKW": 1,
            "UslugaZlozonaId": 0,
            **_pairs({"Netto": net, "Brutto": gross}, document.euro, "Wartosc"),
        }
        writer.add("TraElem", {f"TrE_{name}": value for name, value in row.items()})
        if own % 60 == 0:
            part = row | {"TrEID": writer.next_id("TraElem"), "Lp": place + 50}
            part |= {"UslugaZlozonaId": own}
            writer.add("TraElem", {f"TrE_{name}": value for name, value in part.items()})
        if document.kind == RO and product.goods and document.status in {1, 2, 3, 4}:
            self._reserve(document, own, line)

    def _reserve(self, document: Document, line_id: int, line: Line) -> None:
        """The reservation, and what was issued of it."""
        if not document.remarks.startswith("bez rezerwacji"):
            self._sub(document, line_id, line, line.quantity, 0)
        issued = {2: line.quantity // 2, 3: line.quantity, 4: 0}.get(document.status or 0, 0)
        if issued:
            self._sub(document, line_id, line, -issued, line_id)

    def _sub(self, document: Document, line_id: int, line: Line, quantity: int, issue: int) -> None:
        row: dict[str, object] = {
            "TrS_TrSID": self._writer.next_id("TraSElem"),
            "TrS_TrEId": line_id,
            "TrS_TrEIdWydania": issue,
            "TrS_TwrId": line.product.id,
            "TrS_MagId": 1,
            "TrS_Rodzaj": 308000,
            "TrS_Typ": 3,
            "TrS_Metoda": 1,
            "TrS_DataOpe": day_text(document.day),
            "TrS_Ilosc": quantity,
        }
        self._writer.add("TraSElem", row)

    # Payments

    def _pay(
        self,
        number: int,
        document: Document,
        way: int,
        amount: int,
        settled: int,
        payer: Customer | None = None,
        days: int | None = None,
    ) -> None:
        if amount <= 0:
            return
        due = {TRANSFER: 14}.get(document.form, 0) if days is None else days
        entry = self._entry(document.day, (payer or document.buyer).id, way, amount, settled, due)
        entry |= {
            "BZd_DokumentTyp": 1,
            "BZd_DokumentID": number,
            "BZd_DDfID": self._definitions[_SYMBOLS[document.kind]],
            "BZd_NumerPelny": f"{_SYMBOLS[document.kind]} {number}",
            "BZd_FPlId": document.form,
        }
        if document.euro:
            entry |= {"BZd_Waluta": "EUR", "BZd_WalutaDok": "EUR"}
            entry |= {"BZd_KwotaSys": money(share(amount, _EUR_RATE, 10_000))}
            entry |= {"BZd_KwotaRozSys": money(share(settled, _EUR_RATE, 10_000))}
        if document.buffer:
            entry["BZd_Stan"] = 0
        self._writer.add("BnkZdarzenia", entry)

    def _entry(
        self, day: date, entity: int, way: int, amount: int, settled: int, due: int
    ) -> dict[str, object]:
        done = settled == amount
        return {
            "BZd_BZdID": self._writer.next_id("BnkZdarzenia"),
            "BZd_DokumentTyp": None,
            "BZd_DokumentID": None,
            "BZd_DDfID": None,
            "BZd_NumerPelny": "",
            "BZd_Opis": "wpis ręczny",
            "BZd_PodmiotTyp": 1,
            "BZd_PodmiotID": entity,
            "BZd_FPlId": TRANSFER,
            "BZd_DataDok": day_text(day),
            "BZd_Termin": day_text(day, due),
            "BZd_DataReal": day_text(day, due),
            "BZd_DataKur": day_text(day),
            "BZd_Kwota": money(amount),
            "BZd_KwotaRoz": money(settled),
            "BZd_KwotaSys": money(amount),
            "BZd_KwotaRozSys": money(settled),
            "BZd_Waluta": "",
            "BZd_WalutaDok": "",
            "BZd_DataRoz": day_text(min(day + timedelta(days=9), self._today)) if settled else None,
            "BZd_Kierunek": way,
            "BZd_Rozliczono": 2 if done else 1,
            "BZd_Rozliczono2": 2 if settled else 1,
            "BZd_Stan": 3 if done else 1,
            "BZd_TS_Zal": day_text(day),
            "BZd_TS_Mod": day_text(day),
        }

    def _other_payments(self, index: int, day: date) -> None:
        """What no trade document made, and what must not be there."""
        buyer = self._cards.customers[index % len(self._cards.customers)].id
        add = self._writer.add
        for place, (source, definition, way) in enumerate(
            ((39, None, 1), (None, None, 1), (2, "SPV", 1), (2, "ZAK", -1))
        ):
            entry = self._entry(day, buyer, way, 12_345, 0, 7)
            number = index * 10 + place if source else None
            entry |= {"BZd_DokumentTyp": source, "BZd_DokumentID": number}
            entry["BZd_DDfID"] = self._definitions[definition] if definition else None
            add("BnkZdarzenia", entry)
        add("BnkZdarzenia", self._entry(day, 7, 1, 99, 0, 7) | {"BZd_PodmiotTyp": 3})
        unsettled = {"BZd_Rozliczono": 0, "BZd_Rozliczono2": 0}
        add("BnkZdarzenia", self._entry(day, buyer, 1, 77, 0, 7) | unsettled)
        add("BnkZdarzenia", self._entry(day, buyer, 1, 55, 0, 7) | {"BZd_Stan": 0})

    # Orders

    def _template(self) -> str:
        """A plain order in the buffer, as an operator would save one: a line of goods, PLN, from net."""
        goods = next(p for p in self._cards.products if p.goods and p.flag == 2 and p.percent == 23)
        buyer = next(c for c in self._cards.customers if not c.consumer)
        day = self._today - timedelta(days=_HISTORY + 1)
        order = Document(RO, day, buyer, [Line(goods, 1, goods.net)], buffer=1)
        self._document(order)
        return f"RO/1/{day:%Y}"

    def _order(self, index: int, day: date) -> None:
        buyer = self._rng.choice(self._cards.customers)
        lines = self._lines(bulk=index % 4 == 1)
        kind = index % 9
        order = Document(
            ZD if kind == 8 else RO,
            day,
            buyer,
            lines,
            buffer=1 if kind == 1 else -1 if kind == 2 else 0,
            status={1: None, 3: 2, 4: 3, 5: 4}.get(kind, 1),
            external=f"WEB/{index:05d}" if index % 3 else "",
            remarks="bez rezerwacji" if kind == 6 else "",
        )
        number = self._document(order)
        if kind in {3, 4}:
            for made in (FA, WZ):
                document = replace(order, kind=made, status=None, external="", remarks="")
                done = self._document(document)
                if made == FA:
                    self._pay(done, document, 1, document.gross, 0)
                relation: dict[str, object] = {"TrR_TrRId": self._writer.next_id("TraNagRelacje")}
                relation |= {"TrR_TrNTyp": RO, "TrR_TrNId": number}
                self._writer.add("TraNagRelacje", relation | {"TrR_FaTyp": made, "TrR_FaId": done})


def _snapshot(prefix: str, customer: Customer) -> dict[str, object]:
    """Name and address as a document freezes them."""
    a = customer.address
    parts = ("Ulica", "NrDomu", "NrLokalu", "KodPocztowy", "Miasto", "Poczta", "Wojewodztwo")
    row: dict[str, object] = {f"{prefix}{name}": a.get(name, "") for name in parts}
    names = dict(zip(("Nazwa1", "Nazwa2", "Nazwa3"), customer.names, strict=True))
    row |= {f"{prefix}{name}": value for name, value in names.items()}
    return row | {f"{prefix}NipKraj": customer.nip_prefix, f"{prefix}NipE": customer.nip}


def _pairs(amounts: dict[str, int], euro: bool, prefix: str) -> dict[str, object]:
    """Amounts of the document's currency as the columns in PLN and in currency hold them."""
    base = {n: share(a, _EUR_RATE, 10_000) if euro else a for n, a in amounts.items()}
    row: dict[str, object] = {f"{prefix}{name}": money(amount) for name, amount in base.items()}
    return row | {f"{prefix}{name}Wal": money(amount) for name, amount in amounts.items()}
