"""Sales documents, purchases, orders, payments and settlements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin.invented import ksef_number
from mostek.plugin.sandbox_writer import Writer, day_text, money, share
from mostek_enova.sandbox.cards import (
    DEFINITIONS,
    EMPTY,
    MAX,
    OPERATOR,
    Cards,
    Customer,
    Product,
    guid,
)

__all__ = ["EUR_RATE", "Documents"]

#: Złoty for ten thousand euros.
EUR_RATE = 43_120
_FV, _PAR, _KFV, _FZ, _WZ, _ZO, _PARE, _FZAL = 51, 52, 53, 54, 55, 56, 58, 59
_SYMBOL = {number: (symbol, category) for number, symbol, category, _ in DEFINITIONS}
_HISTORY = 500
_CORRECTION, _COPY, _TO_WAREHOUSE = 1, 2, 3


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int
    #: Net or gross, as the document is counted; in grosze, before the discount in per cent.
    price: int
    discount: int = 0
    done: int = 0
    reserved: int = 0

    @property
    def value(self) -> int:
        return share(self.quantity * self.price, 100 - self.discount, 100)


@dataclass(frozen=True, slots=True)
class Document:
    id: int
    buyer: int | None
    day: date
    gross: int
    number: str


@dataclass
class Documents:
    writer: Writer
    rng: Random
    cards: Cards
    today: date
    _number: int = 0

    def write(self, count: int) -> None:
        begin = self.today - timedelta(days=_HISTORY)
        for index in range(count):
            day = begin + timedelta(days=index * _HISTORY // count)
            buyer = self.cards.customers[self.rng.randrange(len(self.cards.customers))]
            self._case(index, day, buyer)
            if index % 3 == 0:
                self._order(index // 3, day, buyer)
        self._strangers()

    def _case(self, index: int, day: date, buyer: Customer) -> None:
        match index % 22:
            case 1:
                self._sale(day, buyer, paid=40, euro=True)
            case 2:
                self._sale(day, buyer, state=0)
            case 3:
                self._sale(day, buyer, state=3)
            case 4:
                self._receipt(day, None)
            case 5:
                self._receipt(day, 1)
            case 6:
                self._receipt_and_invoice(day, buyer, below=index % 44 == 6)
            case 7 | 8 | 9:
                self._corrected(day, buyer, way=index % 22)
            case 10:
                self._corrected(day, buyer, way=0)
            case 11:
                self._sale(day, buyer, payer=OPERATOR, paid=0, form=13)
            case 12:
                other = self.cards.customers[index % len(self.cards.customers)]
                self._sale(day, buyer, payer=other.id)
            case 13:
                self._sale(day, buyer, instalments=2, paid=50)
            case 14:
                self._purchase(day, buyer)
            case 15:
                self._sale(day, buyer, from_net=False, discount=10)
            case 16:
                self._sale(day, buyer, state=2, paid=100, recipient=self.cards.customers[0].id)
            case 17:
                self._unallocated(day, buyer)
            case 18:
                self._document(_FZAL, day, buyer.id, self._lines())
            case 19:
                self._sale(day, buyer, euro=True)
            case 20:
                self._ledger(day, buyer)
            case _:
                self._sale(day, buyer, paid=(0, 100, 35)[index % 3])

    def _lines(self, count: int = 0, discount: int = 0) -> list[Line]:
        chosen = self.rng.sample(self.cards.products, count or self.rng.randrange(1, 5))
        return [Line(p, self.rng.randrange(1, 20), p.net, discount) for p in chosen]

    # Sales

    def _sale(
        self,
        day: date,
        buyer: Customer,
        *,
        paid: int = 0,
        euro: bool = False,
        state: int = 1,
        payer: int | None = None,
        form: int | None = None,
        instalments: int = 1,
        from_net: bool = True,
        discount: int = 0,
        recipient: int | None = None,
        lines: list[Line] | None = None,
    ) -> Document:
        """`paid`: per cent of each instalment, the last one excepted if there are several."""
        made = self._document(
            _FV,
            day,
            buyer.id,
            lines or self._lines(discount=discount),
            euro=euro,
            state=state,
            from_net=from_net,
            recipient=recipient,
        )
        parts = [made.gross // instalments] * (instalments - 1)
        parts.append(made.gross - sum(parts))
        for number, part in enumerate(parts):
            settled = share(part, 100 if number + 1 < instalments else paid, 100)
            due = day + timedelta(days=buyer.form[4] + 30 * number)
            self._payment(
                made,
                payer or buyer.id,
                part,
                settled,
                due,
                form or buyer.form[0],
                euro=euro,
                buffered=state == 0,
            )
        return made

    def _receipt(self, day: date, buyer: int | None, lines: list[Line] | None = None) -> Document:
        definition = _PAR if day.day % 2 else _PARE
        return self._document(definition, day, buyer, lines or self._lines(2), from_net=False)

    def _receipt_and_invoice(self, day: date, buyer: Customer, *, below: bool) -> None:
        lines = self._lines(2)
        receipt = self._receipt(day, buyer.id, lines)
        invoice = self._sale(day, buyer, paid=100, from_net=False, lines=lines)
        above, under = (invoice, receipt) if below else (receipt, invoice)
        self._relate(above.id, under.id, _COPY)

    def _corrected(self, day: date, buyer: Customer, *, way: int) -> None:
        """`way` 7 lowers by less than zero, 8 by a return, 9 by a liability; another one raises."""
        before = self._lines(2)
        original = self._sale(day, buyer, paid=100 if way else 0, lines=before)
        change = -1 if way else 1
        after = [Line(before[0].product, before[0].quantity + change, before[0].price), before[1]]
        later = min(day + timedelta(days=5), self.today)
        made = self._document(_KFV, later, buyer.id, after, corrects=before)
        self._relate(original.id, made.id, _CORRECTION)
        due = later + timedelta(days=buyer.form[4])
        if made.gross:
            self._payment(
                made,
                buyer.id,
                made.gross if way in {0, 7} else -made.gross,
                0,
                due,
                buyer.form[0],
                returned=way == 8,
                liability=way == 9,
            )

    def _purchase(self, day: date, seller: Customer) -> None:
        made = self._document(_FZ, day, seller.id, self._lines(2))
        self._payment(made, seller.id, made.gross, 0, day, seller.form[0], liability=True)

    def _document(
        self,
        definition: int,
        day: date,
        buyer: int | None,
        lines: Sequence[Line],
        *,
        state: int = 1,
        from_net: bool = True,
        euro: bool = False,
        corrects: Sequence[Line] = (),
        recipient: int | None = None,
        more: dict[str, object] | None = None,
    ) -> Document:
        writer = self.writer
        number, self._number = writer.next_id("DokHandlowe"), self._number + 1
        symbol, category = _SYMBOL[definition]
        sums = _differences(_by_rate(lines, from_net), _by_rate(corrects, from_net))
        net, gross = (sum(one[n] for one in sums.values()) for n in (0, 1))
        rate = EUR_RATE if euro else 10_000
        base = [share(amount, rate, 10_000) for amount in (net, gross)]
        full = f"{symbol}/{self._number:06d}/{day:%y}" if state else f"BUFOR/{number}"
        message = (
            self._ksef(day, number) if category == 2 and state == 1 and number % 4 == 0 else None
        )
        row: dict[str, object] = {
            "ID": number,
            "Guid": guid(self.rng),
            "Kategoria": category,
            "Stan": state,
            "Definicja": definition,
            "Magazyn": (3, 4)[number % 2],
            "NumerSymbol": f"{symbol}/*/{day:%y}",
            "NumerNumer": self._number if state else 0,
            "NumerPelny": full,
            "NumerPelnyZapisany": full,
            "Data": day_text(day),
            "DataOperacji": day_text(day, -1),
            "Czas": 600,
            "Kontrahent": buyer,
            "Odbiorca": recipient or buyer,
            "ObcyNumer": "",
            "DostawaTermin": EMPTY,
            "LiczonaOd": 1 if from_net else 2,
            "Rabat": 0,
            "SumaNetto": money(base[0]),
            "SumaVAT": money(base[1] - base[0]),
            "SumaBrutto": money(base[1]),
            "KursWaluty": rate / 10_000,
            "DataKursu": day_text(day, -1) if euro else EMPTY,
            "BruttoCyValue": money(gross),
            "BruttoCySymbol": "EUR" if euro else "PLN",
            "Opis": "Zażółć gęślą jaźń" if number % 9 == 0 else None,
            "MaxIdent": len(lines),
            "Korekta": int(category == 3),
            "Stamp": self.cards.stamp(),
            "MPP": int(number % 10 == 3),
            "KSeFKomunikat": message,
        }
        writer.add("DokHandlowe", row | (more or {}))
        for place, line in enumerate(lines, 1):
            self._line(number, place, line, from_net=from_net, rate=rate if euro else 0)
        for vat, one in sums.items():
            self._rate(number, vat, one, rate if euro else 0)
        if number % 6 == 0:
            self.cards.feature("DokHandlowe", number, "Trasa", f"T{number % 3}")
        return Document(number, buyer, day, gross, full)

    def _line(self, document: int, place: int, line: Line, *, from_net: bool, rate: int) -> None:
        vat = line.product.vat
        net, gross = _with_vat(line.value, vat[2], from_net)
        base = [share(x, rate, 10_000) if rate else x for x in (net, gross)]
        symbol = "EUR" if rate else "PLN"
        row: dict[str, object] = {
            "ID": self.writer.next_id("PozycjeDokHan"),
            "Dokument": document,
            "Ident": place,
            "Lp": place,
            "Towar": line.product.id,
            "Nazwa": line.product.name if place % 2 else "",
            "DefinicjaStawki": vat[0],
            "StawkaStatus": vat[3],
            "StawkaProcent": vat[2] / 100,
            "SWW": None,
            "CenaValue": money(line.price),
            "CenaSymbol": symbol,
            "Rabat": line.discount / 100,
            "IloscValue": line.quantity,
            "IloscSymbol": line.product.unit,
            "IloscMagazynuValue": line.quantity,
            "IloscMagazynuSymbol": line.product.unit,
            "IloscRezerwowanaValue": line.reserved,
            "IloscZrealizowanaValue": line.done,
            "WartoscCyValue": money(line.value),
            "WartoscCySymbol": symbol,
            "SumaNetto": money(base[0]),
            "SumaVAT": money(base[1] - base[0]),
            "SumaBrutto": money(base[1]),
            "StatusPozycji": 0,
            "Opis": "pilne" if place == 3 else None,
            "Stamp": self.cards.stamp(),
        }
        self.writer.add("PozycjeDokHan", row)
        if place == 1 and document % 7 == 0:
            gone = {"ID": self.writer.next_id("PozycjeDokHan"), "Ident": 99, "StatusPozycji": 1}
            self.writer.add("PozycjeDokHan", row | gone | {"Stamp": self.cards.stamp()})

    def _rate(
        self, document: int, vat: tuple[int, str, int, int], sums: tuple[int, int], rate: int
    ) -> None:
        net, gross = sums
        base = [share(x, rate, 10_000) if rate else x for x in (net, gross)]
        row: dict[str, object] = {
            "ID": self.writer.next_id("SumyVAT"),
            "Dokument": document,
            "DefinicjaStawki": vat[0],
            "StawkaProcent": vat[2] / 100,
            "StawkaStatus": vat[3],
            "SumaNetto": money(base[0]),
            "SumaVAT": money(base[1] - base[0]),
            "SumaBrutto": money(base[1]),
        }
        for name, amount in (("Netto", net), ("VAT", gross - net), ("Brutto", gross)):
            row[f"SumaCy{name}CyValue"] = money(amount)
            row[f"SumaCy{name}CySymbol"] = "EUR" if rate else "PLN"
        self.writer.add("SumyVAT", row)

    def _ksef(self, day: date, number: int) -> int:
        """Accepted in production, or in the test environment; rejected; sent."""
        kind = number // 4 % 4
        own = self.writer.next_id("KSeFKomunikaty")
        moment = f"{day} 12:30:00"
        row: dict[str, object] = {
            "ID": own,
            "NumerDokumentuKSeF": ksef_number("6312023511", day, number) if kind < 2 else "",
            "OpisBledu": "Nieprawidłowy NIP" if kind == 2 else "",
            "Offline": number // 16 % 2,
            "DataPrzeslaniaKSeF": moment,
            "DataPrzyjeciaKSeF": moment if kind < 2 else EMPTY,
            "RodzajKonta": 0 if kind == 1 else 1,
        }
        self.writer.add("KSeFKomunikaty", row)
        return own

    def _relate(self, above: int, below: int, kind: int) -> None:
        row = {"ID": self.writer.next_id("RelacjeHandlowe"), "Guid": guid(self.rng)}
        row |= {"Nadrzedny": above, "Podrzedny": below, "Typ": kind, "Stornowana": 0}
        self.writer.add("RelacjeHandlowe", row)

    # Payments and settlements

    def _payment(
        self,
        made: Document,
        payer: int,
        amount: int,
        settled: int,
        due: date,
        form: int,
        *,
        euro: bool = False,
        buffered: bool = False,
        returned: bool = False,
        liability: bool = False,
        document_type: str = "DokHandlowe",
    ) -> None:
        number = self.writer.next_id("Platnosci")
        base = share(amount, EUR_RATE, 10_000) if euro else amount
        last = day_text(min(made.day + timedelta(days=9), self.today))
        shared: dict[str, object] = {
            "Podmiot": payer,
            "PodmiotType": "Kontrahenci",
            "KwotaValue": money(amount),
            "KwotaSymbol": "EUR" if euro else "PLN",
            "KwotaRozliczonaValue": money(settled),
            "KwotaRozliczonaSymbol": "EUR" if euro else "PLN",
            "Termin": day_text(due),
            "DataRozliczenia": last if settled == amount else MAX,
        }
        row = shared | {"ID": number, "Dokument": made.id, "DokumentType": document_type}
        row |= {
            "Kierunek": 2 if liability else 1,
            "KwotaKsiegiValue": money(base),
            "KwotaKsiegiSymbol": "PLN",
            "Kurs": EUR_RATE / 10_000 if euro else 1,
            "Bufor": int(buffered),
            "Rozliczana": int(number % 31 != 0),
            "SposobZaplaty": form,
            "DataDokumentu": day_text(made.day),
            "NumerDokumentu": made.number,
            "ZwrotInfo": int(returned),
        }
        self.writer.add("Platnosci", row)
        self._settlement(
            shared, number, "Platnosci", 11 if liability else 10, made.number, made.day, returned
        )

    def _settlement(
        self,
        shared: dict[str, object],
        document: int,
        document_type: str,
        kind: int,
        number: str,
        day: date,
        returned: bool,
    ) -> None:
        row = shared | {
            "ID": self.writer.next_id("RozrachunkiIdx"),
            "Dokument": document,
            "DokumentType": document_type,
            "Typ": kind,
            "Numer": number,
            "Data": day_text(day),
            "Zwrot": int(returned),
        }
        self.writer.add("RozrachunkiIdx", row)

    def _unallocated(self, day: date, payer: Customer) -> None:
        """Money that came in, a part of which settles something."""
        shared: dict[str, object] = {
            "Podmiot": payer.id,
            "PodmiotType": "Kontrahenci",
            "KwotaValue": 500,
            "KwotaSymbol": "PLN",
            "KwotaRozliczonaValue": 120.5,
            "KwotaRozliczonaSymbol": "PLN",
            "Termin": day_text(day),
            "DataRozliczenia": MAX,
        }
        self._settlement(shared, 10 + payer.id, "Zaplaty", 20, "KP/1", day, False)

    def _ledger(self, day: date, debtor: Customer) -> None:
        """A debt of the ledger, whose document has the id of a commercial one."""
        number = 9 + self.writer.next_id("DokEwidencja")
        note = Document(number, debtor.id, day, 12_345, "BO/1")
        due = day + timedelta(days=7)
        self._payment(note, debtor.id, note.gross, 0, due, 12, document_type="DokEwidencja")

    def _strangers(self) -> None:
        """Settlements of employees, whose ids are contractors' too."""
        for customer in self.cards.customers[:20]:
            shared: dict[str, object] = {
                "Podmiot": customer.id,
                "PodmiotType": "Pracownicy",
                "KwotaValue": 999,
                "KwotaSymbol": "PLN",
                "KwotaRozliczonaValue": 0,
                "KwotaRozliczonaSymbol": "PLN",
                "Termin": day_text(self.today),
                "DataRozliczenia": MAX,
            }
            self._settlement(shared, 1, "Platnosci", 10, "LP/1", self.today, False)

    # Orders

    def _order(self, index: int, day: date, buyer: Customer) -> None:
        kind = index % 8
        lines = [
            Line(
                line.product,
                line.quantity,
                line.price,
                done={1: line.quantity, 2: min(line.quantity, 1) * (place == 0)}.get(kind, 0),
                reserved=line.quantity if kind == 3 else 0,
            )
            for place, line in enumerate(self._lines(2))
        ]
        more: dict[str, object] = {
            "ObcyNumer": f"WEB/{index:05d}" if index % 3 else "",
            "DostawaTermin": day_text(day, 7) if index % 2 else EMPTY,
            "Rabat": 0.03 if kind == 6 else 0,
        }
        state = {4: 3, 5: 0}.get(kind, 1)
        order = self._document(_ZO, day, buyer.id, lines, state=state, euro=kind == 7, more=more)
        if kind in {1, 2}:
            invoice = self._sale(day, buyer, lines=lines)
            self._relate(order.id, invoice.id, _COPY)
            issue = self._document(_WZ, day, buyer.id, lines)
            self._relate(order.id, issue.id, _TO_WAREHOUSE)


_Rates = dict[tuple[int, str, int, int], tuple[int, int]]


def _with_vat(value: int, percent: int, from_net: bool) -> tuple[int, int]:
    """Net and gross of a value that is one of them."""
    if from_net:
        return value, value + share(value, percent, 100)
    return value - share(value, percent, 100 + percent), value


def _by_rate(lines: Sequence[Line], from_net: bool) -> _Rates:
    sums: dict[tuple[int, str, int, int], int] = defaultdict(int)
    for line in lines:
        sums[line.product.vat] += line.value
    return {vat: _with_vat(value, vat[2], from_net) for vat, value in sums.items()}


def _differences(after: _Rates, before: _Rates) -> _Rates:
    return {
        vat: (
            after.get(vat, (0, 0))[0] - before.get(vat, (0, 0))[0],
            after.get(vat, (0, 0))[1] - before.get(vat, (0, 0))[1],
        )
        for vat in {**after, **before}
    }
