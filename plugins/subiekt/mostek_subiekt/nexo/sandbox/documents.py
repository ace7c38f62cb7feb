"""What happens in the company: orders, invoices, corrections, receipts, settlements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin import invented
from mostek.plugin.sandbox_writer import day_text, money, share
from mostek_subiekt.nexo.sandbox.cards import GOODS, SERVICE, Cards, Customer, Product
from mostek_subiekt.nexo.sandbox.rows import Rows

__all__ = ["EUR_RATE", "Documents"]

_HISTORY = 730
EUR_RATE = 42_731
"""Złoty for one euro, times 10,000."""
_ISSUED, _VOID, _OPEN, _DONE = "Zatwierdzony", "Unieważniony", "Niezrealizowane", "Zrealizowane"
_CASH, _TRANSFER, _CARD = 0, 1, 4
_AT_ONCE, _DEFERRED = 2, 3
_RECEIVABLE, _LIABILITY = 1, 2


@dataclass(frozen=True, slots=True)
class Line:
    """`net` in grosze per unit before discount; the quantity is negative where a correction takes some back."""

    product: Product | None
    quantity: int
    net: int
    discount: int = 0

    @property
    def percent(self) -> int:
        return self.product.percent if self.product else 23

    @property
    def amounts(self) -> tuple[int, int, int]:
        net = share(self.net * self.quantity, 100 - self.discount, 100)
        vat = share(net, self.percent, 100)
        return net, vat, net + vat


@dataclass(frozen=True, slots=True)
class Written:
    id: int
    number: str
    gross: int
    lines: Sequence[Line]
    line_ids: Sequence[int]


class Documents:
    """Every twentieth sale is of the same kind, so that small sandboxes have all kinds too."""

    def __init__(self, rows: Rows, rng: Random, cards: Cards, today: date) -> None:
        self._rows, self._rng, self._cards, self._today = rows, rng, cards, today
        self._regular = [c for c in cards.customers if c.role in {"company", "person"}]
        self._companies = [c for c in cards.customers if c.role == "company"]
        self._foreign = [c for c in cards.customers if c.role == "german"]
        self._one_off = [c for c in cards.customers if c.role == "one_off"]
        self._goods = [p for p in cards.products if p.kind == GOODS]
        self._services = [p for p in cards.products if p.kind == SERVICE]
        self._numbers: dict[tuple[str, int], int] = defaultdict(int)

    def write(self, invoices: int) -> None:
        for index in range(invoices):
            day = self._today - timedelta(days=_HISTORY - index * _HISTORY // invoices)
            self._sale(index, day)
        for index in range(max(60, invoices // 10)):
            self._order(index, self._today - timedelta(days=index % 60))

    # Sales

    def _sale(self, index: int, day: date) -> None:
        choose = self._rng.choice
        buyer = choose(self._regular)
        match index % 20:
            case 0:
                self._document("PA", day, buyer, form=_CASH)
            case 1:
                self._corrected(day, choose(self._companies), lowers=True)
            case 2:
                self._corrected(day, choose(self._companies), lowers=False)
            case 3:
                self._document("FS", day, choose(self._foreign), currency="EUR", paid=40)
            case 4:
                self._document("FS", day, buyer, status=_VOID, settled=False)
            case 5:
                self._document("FZ", day, choose(self._companies))
            case 6:
                self._document("FS", day, buyer, form=_CARD)
            case 7:
                self._document("FS", day, buyer, payer=choose(self._companies))
            case 8:
                self._document("FS", day, buyer, recipient=choose(self._companies), paid=30)
            case 9:
                self._document("FS", day, choose(self._one_off), form=_CASH)
            case 10:
                self._document("FS", day, buyer, instalments=2, paid=50)
            case 11:
                self._document("FS", day, buyer, lines=self._lines(discount=10))
            case 12:
                self._document("FS", day, buyer, collectable=False)
            case 13:
                self._by_hand(day, buyer)
            case 14:
                self._document("FS", day, choose(self._companies), lines=self._large())
            case 15:
                self._document("KFZ", day, choose(self._companies))
            case _:
                self._document("FS", day, buyer, paid=(0, 100, 35)[index % 3])

    def _lines(self, discount: int = 0) -> list[Line]:
        products = self._rng.sample(self._goods, self._rng.randrange(1, 4))
        found = [Line(p, self._rng.randrange(1, 20), p.net, discount) for p in products]
        if self._rng.random() < 0.2:
            service = self._rng.choice(self._services)
            found.append(Line(service, 2, service.net, discount))
        if self._rng.random() < 0.1:
            found.append(Line(None, 1, 4_990, discount))
        return found

    def _large(self) -> list[Line]:
        return [Line(self._rng.choice(self._goods), 100, 20_000)]

    def _corrected(self, day: date, buyer: Customer, *, lowers: bool) -> None:
        original = self._document("FS", day, buyer, paid=100 if lowers else 0)
        first = original.lines[0]
        changed = [Line(first.product, -1 if lowers else 1, first.net)]
        later = min(day + timedelta(days=5), self._today)
        self._document("KFS", later, buyer, lines=changed, corrects=original)

    def _document(
        self,
        symbol: str,
        day: date,
        buyer: Customer,
        *,
        lines: Sequence[Line] | None = None,
        status: str = _ISSUED,
        currency: str = "PLN",
        form: int = _TRANSFER,
        payer: Customer | None = None,
        recipient: Customer | None = None,
        paid: int = 0,
        instalments: int = 1,
        settled: bool = True,
        collectable: bool = True,
        corrects: Written | None = None,
        realises: Written | None = None,
        reserved: bool = False,
        more: dict[str, object] | None = None,
    ) -> Written:
        lines = lines if lines is not None else self._lines()
        number = self._rows.next_id("Dokumenty")
        name = self._number(symbol, day)
        row = self._header(symbol, day, buyer, payer, recipient, currency) | self._sums(lines)
        split = sum(line.amounts[2] for line in lines) >= 1_500_000
        row |= {
            "Id": number,
            "NumerWewnetrzny_PelnaSygnatura": name,
            "StatusDokumentuId": self._cards.statuses[status],
            "FormaPlatnosciId": self._cards.forms[form][0],
            "DokumentKorygowanyId": corrects.id if corrects else None,
            "WymagaPodzielonejPlatnosci": int(split),
        }
        self._rows.add("Dokumenty", row | (more or {}))
        ids = self._write_lines(number, lines, reserved=reserved)
        self._write_rates(number, lines, currency)
        written = Written(number, name, sum(line.amounts[2] for line in lines), lines, ids)
        if realises:
            self._rows.link(
                "DokumentDokument",
                {"DokumentyRealizujace_Id": number, "DokumentyRealizowane_Id": realises.id},
            )
        if symbol in {"FS", "KFS"} and buyer.role == "company" and status != _VOID:
            seller = "5252344078"
            self._rows.link(
                "NumeryKSeFDokumentow",
                {"Dokument_Id": number, "Numer": invented.ksef_number(seller, day, number)},
            )
        if symbol != "ZK" and settled:
            self._settle(
                symbol,
                written,
                day,
                payer or buyer,
                currency,
                form,
                paid,
                instalments,
                collectable,
                split,
            )
        return written

    def _number(self, symbol: str, day: date) -> str:
        self._numbers[symbol, day.year] += 1
        return f"{symbol} {self._numbers[symbol, day.year]}/MAG/{day.year}"

    def _header(
        self,
        symbol: str,
        day: date,
        buyer: Customer,
        payer: Customer | None,
        recipient: Customer | None,
        currency: str,
    ) -> dict[str, object]:
        own = symbol not in {"FZ", "KFZ"}
        return {
            "Symbol": symbol,
            "NumerZewnetrzny": "" if own else f"OBCY/{day:%y%m%d}",
            "DataWprowadzenia": day_text(day),
            "DataSprzedazy": day_text(day),
            "TerminRealizacji": None,
            "PodmiotId": buyer.id,
            "PodmiotWybranyId": buyer.version,
            "OdbiorcaId": (recipient or buyer).id,
            "OdbiorcaWybranyId": (recipient or buyer).version,
            "Dokument_Platnik_Id": (payer or buyer).version,
            "AdresNabywcySprzedawcyId": buyer.address,
            "AdresOdbiorcyId": (recipient or buyer).address,
            "AdresPlatnikaId": (payer or buyer).address,
            "MiejsceDostawyId": None,
            "MagazynId": self._cards.warehouses[0],
            "Dokument_Waluta_Id": self._cards.currencies[currency],
            "PoziomCenId": self._cards.levels["Hurtowy"],
            "DokumentHandlowy_MetodaKasowa": 0,
            "WystawilaOsobaId": self._cards.person,
            "Uwagi": "Proszę dzwonić przed dostawą" if buyer.id % 5 == 0 else "",
        }

    def _sums(self, lines: Sequence[Line]) -> dict[str, object]:
        net, vat, gross = (sum(line.amounts[part] for line in lines) for part in range(3))
        return {
            "Wartosc_NettoPoRabacie": money(net),
            "Wartosc_VatPoRabacie": money(vat),
            "Wartosc_BruttoPoRabacie": money(gross),
            "KwotaDoZaplaty": money(gross),
        }

    def _write_lines(self, document: int, lines: Sequence[Line], *, reserved: bool) -> list[int]:
        found = []
        for place, line in enumerate(lines, 1):
            net, vat, gross = line.amounts
            product = line.product
            found.append(
                self._rows.add(
                    "PozycjeDokumentu",
                    {
                        "Dokument_Id": document,
                        "LP": place,
                        "AsortymentAktualnyId": product.id if product else None,
                        "Opis": "uwaga do pozycji" if product else "Montaż jednorazowy",
                        "Ilosc": line.quantity,
                        "IloscWJednostceBazowej": line.quantity,
                        "JednostkaMiaryAsId": product.unit if product else None,
                        "Cena_NettoPrzedRabatem": money(line.net),
                        "Cena_BruttoPrzedRabatem": money(
                            line.net + share(line.net, line.percent, 100)
                        ),
                        "Cena_RabatProcent": line.discount / 100,
                        "StawkaVatId": self._cards.vat[product.vat if product else "23"],
                        "Wartosc_NettoPoRabacie": money(net),
                        "Wartosc_VatPoRabacie": money(vat),
                        "Wartosc_BruttoPoRabacie": money(gross),
                        "MagazynId": self._cards.warehouses[0],
                        "RezerwacjaIlosciowa": int(reserved),
                    },
                )
            )
        return found

    def _write_rates(self, document: int, lines: Sequence[Line], currency: str) -> None:
        sums: dict[str, list[int]] = {}
        for line in lines:
            rate = sums.setdefault(line.product.vat if line.product else "23", [0, 0, 0])
            for part, amount in enumerate(line.amounts):
                rate[part] += amount
        for vat, amounts in sums.items():
            row: dict[str, object] = {"Dokument_Id": document, "StawkaVat_Id": self._cards.vat[vat]}
            for name, amount in zip(("Netto", "Vat", "Brutto"), amounts, strict=True):
                base = amount if currency == "PLN" else share(amount, EUR_RATE, 10_000)
                row |= {f"Wartosc{name}": money(amount), f"Wartosc{name}Systemowa": money(base)}
            self._rows.link("TabeleVat", row)

    # Settlements

    def _settle(
        self,
        symbol: str,
        document: Written,
        day: date,
        payer: Customer,
        currency: str,
        form: int,
        paid: int,
        instalments: int,
        collectable: bool,
        split: bool,
    ) -> None:
        _, days = self._cards.forms[form]
        kind = _DEFERRED if form == _TRANSFER else _AT_ONCE
        due = day + timedelta(days=days)
        for instalment in range(instalments):
            gross = document.gross // instalments
            if instalment == 0:
                gross += document.gross % instalments
            payment: dict[str, object] = {
                "DokumentId": document.id,
                "FormaPlatnosci_Id": self._cards.forms[form][0],
                "KwotaPlatnosci": money(gross),
                "RodzajPlatnosci": kind,
                "Termin": day_text(due, 30 * instalment) if kind == _DEFERRED else None,
                "TerminDni": days if kind == _DEFERRED else None,
                "LP": instalment + 1,
            }
            self._rows.add("PlatnosciDokumentow", payment)
            if form == _CASH:
                continue
            liability = symbol == "FZ" or (symbol == "KFS" and gross < 0)
            settled_part = share(abs(gross), paid if instalment == 0 else 0, 100)
            self._settlement(
                payer=self._cards.operator if form == _CARD else payer,
                kind=_LIABILITY if liability else _RECEIVABLE,
                amount=abs(gross),
                settled=settled_part,
                day=day,
                due=due + timedelta(days=30 * instalment),
                currency=currency,
                document=document,
                collectable=collectable,
                split=split,
            )
            if form == _CARD:
                # What the buyer owed went to the operator.
                self._settlement(
                    payer, _RECEIVABLE, abs(gross), abs(gross), day, due, currency, document
                )

    def _settlement(
        self,
        payer: Customer,
        kind: int,
        amount: int,
        settled: int,
        day: date,
        due: date,
        currency: str,
        document: Written | None,
        collectable: bool = True,
        split: bool = False,
    ) -> None:
        vat = share(amount, 23, 123)
        self._rows.add(
            "Rozrachunki",
            {
                "Typ": kind,
                "Podmiot_Id": payer.id,
                "Dokument_Id": document.id if document else None,
                "DokumentZrodlowy": document.number if document else f"BO {payer.id}",
                "DataPowstania": day_text(day),
                "TerminPlatnosci": day_text(due),
                "DataOstatniegoRozliczenia": day_text(min(due, self._today)) if settled else None,
                "Kwota": money(amount),
                "KwotaPozostala": money(amount - settled),
                "KwotaVAT": money(vat),
                "KwotaVATPozostala": money(share(vat, amount - settled, amount) if amount else 0),
                "Waluta_Id": self._cards.currencies[currency],
                "Sciagalny": int(collectable),
                "PodzielonaPlatnosc": int(split),
            },
        )

    def _by_hand(self, day: date, buyer: Customer) -> None:
        due = day + timedelta(days=14)
        self._settlement(buyer, _RECEIVABLE, 123_45, 23_45, day, due, "PLN", None)

    # Orders

    def _order(self, index: int, day: date) -> None:
        buyer = self._rng.choice(self._regular)
        status = {1: _DONE, 2: _VOID}.get(index % 6, _OPEN)
        more: dict[str, object] = {
            "NumerZewnetrzny": f"WEB-{index:05d}" if index % 3 else f"Allegro {index}",
            "TerminRealizacji": day_text(day, 7),
            "MiejsceDostawyId": buyer.delivery,
        }
        order = self._document("ZK", day, buyer, status=status, more=more, reserved=index % 6 == 4)
        match index % 6:
            case 1:
                later = min(day + timedelta(days=2), self._today)
                self._document("FS", later, buyer, lines=order.lines, realises=order)
                self._document("WZ", later, buyer, lines=order.lines, realises=order, settled=False)
                self._realised(order, 100)
            case 3:
                self._realised(order, 50)

    def _realised(self, order: Written, percent: int) -> None:
        for line, number in zip(order.lines, order.line_ids, strict=True):
            self._rows.add(
                "StanyRealizacjiZamowien",
                {
                    "DokumentZK_Id": order.id,
                    "PozycjaDokumentuZK_Id": number,
                    "ZrealizowanaIlosc": line.quantity * percent / 100,
                    "ProcentowyStanRealizacji": percent / 100,
                },
            )
