"""What happens in the company: orders, invoices, corrections, receipts, settlements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from mostek.plugin.clarion import clarion
from mostek.plugin.sandbox_writer import Writer, money, share
from mostek_wapro.sandbox.cards import (
    COMPANY,
    ORDER_TYPE,
    OTHER_COMPANY,
    Cards,
    Customer,
    Product,
)

__all__ = ["Documents"]

_HISTORY = 730
EUR_RATE = 42731
"""Złoty for one euro, times 10,000."""
_TYPES = {1: ("FV", "s"), 3: ("KFV", "s"), 5: ("PA", "s"), 6: ("PRO", "s"), 8: ("FZ", "z")}
_INVOICE, _CORRECTION, _RECEIPT, _PROFORMA, _PURCHASE = _TYPES


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: int
    net: int
    """In grosze, per unit."""
    discount: int = 0

    @property
    def gross(self) -> int:
        return self.net + share(self.net, self.product.percent, 100)

    def value(self, *, from_net: bool) -> int:
        price = self.net if from_net else self.gross
        return share(price * self.quantity, 100 - self.discount, 100)


class Documents:
    """Every twentieth sale is of the same kind, so that small sandboxes have all kinds too."""

    def __init__(self, writer: Writer, rng: Random, cards: Cards, today: date) -> None:
        self._writer, self._rng, self._cards, self._today = writer, rng, cards, today
        self._regular = [c for n, c in enumerate(cards.customers) if n % 17 != 16 and not c.foreign]
        self._foreign = [c for c in cards.customers if c.foreign]
        self._by_warehouse = {
            w: [p for p in cards.products if p.warehouse == w] for w in cards.warehouses
        }

    def write(self, invoices: int) -> None:
        for kind, (signature, side) in _TYPES.items():
            row = {"ID_TYPU": kind, "SYGNATURA": signature, "ID_FIRMY": COMPANY, "NAZWA": signature}
            self._writer.add("TYP_DOKUMENTU_HANDLOWEGO", row | {"TYP_DOKUMENTU": side})
        for index in range(invoices):
            day = self._today - timedelta(days=_HISTORY - index * _HISTORY // invoices)
            self._sale(index, day)
        orders = max(60, invoices // 10)
        for index in range(orders):
            self._order(index, self._today - timedelta(days=index % 60))
        for warehouse in self._cards.warehouses:
            # The highest number of an order is its id.
            row = {"ID_FIRMY": COMPANY, "ID_MAGAZYNU": warehouse, "DOKUMENT": 2, "LAST_ID": orders}
            self._writer.add(
                "NUMERACJA", row | {"TYP_DOKUMENTU": ORDER_TYPE, "OKRES": self._today.year}
            )

    # Sales

    def _sale(self, index: int, day: date) -> None:
        buyer = self._rng.choice(self._regular)
        match index % 20:
            case 0:
                self._document(index, day, buyer, type_=_RECEIPT, from_net=False, paid=100)
            case 1:
                self._corrected(index, day, buyer, lowers=True)
            case 2:
                self._corrected(index, day, buyer, lowers=False)
            case 3:
                self._document(index, day, self._rng.choice(self._foreign), euro=True, paid=40)
            case 4:
                self._document(index, day, buyer, type_=_PROFORMA, settled=False)
            case 5:
                self._document(index, day, buyer, buffer=True, settled=False)
            case 6:
                self._document(index, day, buyer, edited=True, settled=False)
            case 7:
                self._document(index, day, buyer, company=OTHER_COMPANY)
            case 8:
                self._document(index, day, buyer, type_=_PURCHASE)
            case 9:
                self._document(index, day, buyer, payer=self._rng.choice(self._regular))
            case 10:
                self._document(index, day, buyer, margin=True)
            case 11:
                self._document(index, day, buyer, discount=10)
            case 12:
                self._document(index, day, buyer, from_net=False, paid=30)
            case 13:
                self._opening(day, buyer)
            case 14:
                self._document(index, day, buyer, by_issues=True)
            case _:
                self._document(index, day, buyer, paid=(0, 100, 35)[index % 3])

    def _lines(self, warehouse: int, discount: int = 0, rate: int = 10_000) -> list[Line]:
        products = self._rng.sample(self._by_warehouse[warehouse], self._rng.randrange(1, 5))
        return [
            Line(p, self._rng.randrange(1, 20), share(p.net, 10_000, rate), discount)
            for p in products
        ]

    def _corrected(self, index: int, day: date, buyer: Customer, *, lowers: bool) -> None:
        original, lines = self._document(index, day, buyer, paid=100 if lowers else 0)
        sign = -1 if lowers else 1
        changed = [Line(lines[0].product, sign, lines[0].net)]
        later = min(day + timedelta(days=5), self._today)
        self._document(index, later, buyer, type_=_CORRECTION, corrects=original, lines=changed)

    def _document(
        self,
        index: int,
        day: date,
        buyer: Customer,
        *,
        type_: int = _INVOICE,
        company: int = COMPANY,
        payer: Customer | None = None,
        from_net: bool = True,
        euro: bool = False,
        buffer: bool = False,
        edited: bool = False,
        margin: bool = False,
        discount: int = 0,
        corrects: int = 0,
        lines: list[Line] | None = None,
        paid: int = 0,
        settled: bool = True,
        order_lines: Sequence[int] = (),
        by_issues: bool = False,
    ) -> tuple[int, list[Line]]:
        """`paid`: per cent of the gross sum; `by_issues`: made of stock issues (WZ), which keep the lines. Answers the
        document's id and its lines."""
        number = self._writer.next_id("DOKUMENT_HANDLOWY")
        warehouse = self._cards.warehouses[index % 2]
        rate = EUR_RATE if euro else 10_000
        lines = lines or self._lines(warehouse, discount, rate)
        sums = _by_rate(lines, from_net=from_net)
        net, gross = (sum(s[n] for s in sums.values()) for n in (0, 1))
        remaining = gross - share(gross, paid, 100)
        due = day + timedelta(days=buyer.days)
        in_zloty = {
            "WARTOSC_NETTO": share(net, rate, 10_000),
            "WARTOSC_BRUTTO": share(gross, rate, 10_000),
            "RAZEM_ZAPLACONO": share(gross - remaining, rate, 10_000),
            "POZOSTALO": share(remaining, rate, 10_000),
        }
        foreign = dict(zip(in_zloty, (net, gross, gross - remaining, remaining), strict=True))
        signature = _TYPES[type_][0]
        row: dict[str, object] = {
            "ID_DOKUMENTU_HANDLOWEGO": number,
            "ID_FIRMY": company,
            "ID_MAGAZYNU": warehouse,
            "TYP_DOKUMENTU": _TYPES[type_][1],
            "ID_TYPU": type_,
            "DOK_KOREKTY": "1" if corrects else "0",
            "ID_DOK_KORYGOWANEGO": corrects or number,
            "ID_DOK_ORYGINALNEGO": corrects or number,
            "NUMER": f"{signature} {number:05d}/{day:%y}",
            "FORMA_PLATNOSCI": buyer.form,
            "DATA_WYSTAWIENIA": clarion(day),
            "DATA_SPRZEDAZY": clarion(day),
            "TERMIN_PLAT": clarion(due) if buyer.days else 0,
            "ID_KONTRAHENTA": buyer.id,
            "ID_PLATNIKA": (payer or buyer).id,
            "KONTRAHENT_NAZWA": buyer.name,
            "PLATNIK_NAZWA": (payer or buyer).name,
            "OBLICZANIE_WG_CEN": "Netto" if from_net else "Brutto",
            "DOK_WAL": "1" if euro else "0",
            "SYM_WAL": "EUR" if euro else ("", "PLN")[index % 2],
            "PRZELICZNIK_WAL": rate / 10_000,
            "DATA_KURS_WAL": clarion(day) if euro else 36163,
            "TRYBREJESTRACJI": "10" if buffer else "0",
            "FLAGA_STANU": int(edited),
            "SEMAFOR": 1 if edited else 0,
            "DATA_OST_ROZLICZENIA": clarion(min(day + timedelta(days=9), self._today))
            if paid
            else 0,
            "MARZOWY": "1" if margin else "0",
            "METODA_KASOWA": "0",
            "ODWROTNY": "0",
            "ID_PRACOWNIKA": self._cards.employee if index % 2 else None,
            "UWAGI": "Zażółć gęślą jaźń" if index % 9 == 0 else None,
        }
        row |= {name: money(value) for name, value in in_zloty.items()}
        row |= {f"{name}_WAL": money(value) if euro else 0 for name, value in foreign.items()}
        self._writer.add("DOKUMENT_HANDLOWY", row)
        issues = self._issues(row, len(lines)) if by_issues else []
        self._write_lines(number, lines, issues, euro, bool(corrects), order_lines)
        self._write_rates(number, sums, rate if euro else 0)
        if settled and gross:
            self._settle(row, payer or buyer, gross, remaining, rate if euro else 0, day)
        return number, lines

    def _issues(self, invoice: dict[str, object], count: int) -> list[int]:
        """A stock issue for each line of the invoice, two lines on the last one."""
        numbers = [self._writer.next_id("DOKUMENT_MAGAZYNOWY") for _ in range(max(1, count - 1))]
        same = ("ID_DOKUMENTU_HANDLOWEGO", "ID_KONTRAHENTA", "ID_MAGAZYNU", "KONTRAHENT_NAZWA")
        for number in numbers:
            row = {name: invoice[name] for name in same} | {"RODZAJ_DOKUMENTU": "WZ"}
            row |= {"ID_DOK_MAGAZYNOWEGO": number, "NUMER": f"WZ {number}", "ROZCHOD": "1"}
            self._writer.add("DOKUMENT_MAGAZYNOWY", row | {"DATA": invoice["DATA_WYSTAWIENIA"]})
        return [numbers[min(place, len(numbers) - 1)] for place in range(count)]

    def _write_lines(
        self,
        number: int,
        lines: list[Line],
        issues: Sequence[int],
        euro: bool,
        corrects: bool,
        orders: Sequence[int],
    ) -> None:
        for place, line in enumerate(lines):
            own = self._writer.next_id("POZYCJA_DOKUMENTU_MAGAZYNOWEGO")
            rate = EUR_RATE if euro else 10_000
            self._writer.add(
                "POZYCJA_DOKUMENTU_MAGAZYNOWEGO",
                {
                    "ID_POZ_DOK_MAG": own,
                    "ID_DOK_HANDLOWEGO": 0 if issues else number,
                    "ID_DOK_MAGAZYNOWEGO": issues[place] if issues else 0,
                    "ID_ARTYKULU": line.product.id,
                    "ID_POZ_ORYGINALNEJ": own,
                    "ID_POZ_KORYGOWANEJ": own,
                    "POZ_KOREKTY": "1" if corrects else "0",
                    "KOD_VAT": line.product.vat,
                    "ILOSC": line.quantity,
                    "JEDNOSTKA": line.product.unit,
                    "PRZELICZNIK": 1,
                    "CENA_NETTO": money(share(line.net, rate, 10_000)),
                    "CENA_BRUTTO": money(share(line.gross, rate, 10_000)),
                    "CENA_NETTO_WAL": money(line.net) if euro else 0,
                    "CENA_BRUTTO_WAL": money(line.gross) if euro else 0,
                    "RABAT": -line.discount,
                    "RODZAJ_POZYCJI": "R",
                    "OPIS": "pilne" if own % 7 == 0 else None,
                    "ID_POZ_ZAM": orders[place] if orders else 0,
                    "GUID_POZ_DOK_MAG": f"g{own:031x}",
                },
            )

    def _write_rates(self, number: int, sums: dict[str, tuple[int, int]], rate: int) -> None:
        for code, (net, gross) in sums.items():
            row: dict[str, object] = {"ID_DOKUMENTU_HANDLOWEGO": number, "KOD_VAT": code}
            vat = gross - net
            base = [share(x, rate, 10_000) if rate else x for x in (net, vat)]
            row |= {"NETTO": money(base[0]), "VAT": money(base[1])}
            row |= {"NETTO_WAL": money(net) if rate else 0, "VAT_WAL": money(vat) if rate else 0}
            self._writer.add("INTER_DOKH_VAT", row)

    # Settlements

    def _settle(
        self,
        document: dict[str, object],
        payer: Customer,
        gross: int,
        remaining: int,
        rate: int,
        day: date,
    ) -> None:
        back = gross < 0
        purchase = document["TYP_DOKUMENTU"] == "z"
        side = "MA" if back or purchase else "WN"
        entry = self._entry(payer, side, abs(gross), abs(remaining), rate)
        entry |= {
            "ID_FIRMY": document["ID_FIRMY"],
            "ID_NAG_DOK_M": document["ID_DOKUMENTU_HANDLOWEGO"],
            "TYP_DOK": "h",
            "NR_DOK": document["NUMER"],
            "DATA_DOK": document["DATA_WYSTAWIENIA"],
            "TERMIN_PLATNOSCI": document["TERMIN_PLAT"],
            "RODZAJ": "Z" if purchase else "N",
            "CZY_KOREKTA": int(document["DOK_KOREKTY"] == "1"),
            "DATA_OST_ROZL": 0
            if remaining == gross
            else clarion(min(day + timedelta(days=9), self._today)),
        }
        self._writer.add("ROZRACHUNEK", entry)
        if remaining != gross:
            amount = abs(gross - remaining)
            payment = self._entry(payer, "WN" if back else "MA", amount, 0, rate)
            payment |= {name: entry[name] for name in ("ID_FIRMY", "DATA_DOK", "DATA_OST_ROZL")}
            other = {"ID_NAG_DOK_M": 0, "TYP_DOK": "k", "NR_DOK": "KP", "TERMIN_PLATNOSCI": 0}
            self._writer.add("ROZRACHUNEK", payment | other | {"RODZAJ": "N", "CZY_KOREKTA": 0})

    def _entry(
        self, payer: Customer, side: str, amount: int, remaining: int, rate: int
    ) -> dict[str, object]:
        base = [share(x, rate, 10_000) if rate else x for x in (amount, remaining)]
        return {
            "ID_ROZRACHUNKU": self._writer.next_id("ROZRACHUNEK"),
            "ID_KONTRAHENTA": payer.id,
            "TYP_KARTOTEKI": "K",
            "KWOTA": money(base[0]),
            "POZOSTALO": money(base[1]),
            "KWOTA_W": money(amount) if rate else 0,
            "POZOSTALO_W": money(remaining) if rate else 0,
            "SYM_WALUTY": "EUR" if rate else "PLN",
            "STRONA": side,
            "CZY_BO": 0,
            "CZY_ROZLICZONY": 2 if not remaining else int(remaining != amount),
            "SEMAFOR": 0,
            "FLAGA_STANU": 0,
            "NAZWA_KONTA": "",
        }

    def _opening(self, day: date, customer: Customer) -> None:
        """A debt that no document of Mag made."""
        entry = self._entry(customer, "WN", 12_345, 12_345, 0)
        entry |= {
            "ID_FIRMY": COMPANY,
            "ID_NAG_DOK_M": 0,
            "TYP_DOK": "",
            "NR_DOK": "BO",
            "CZY_BO": 1,
        }
        entry |= {"DATA_DOK": clarion(day), "TERMIN_PLATNOSCI": clarion(day), "RODZAJ": "N"}
        self._writer.add("ROZRACHUNEK", entry | {"CZY_KOREKTA": 0, "DATA_OST_ROZL": 0})

    # Orders

    def _order(self, index: int, day: date) -> None:
        writer, buyer = self._writer, self._rng.choice(self._regular)
        number, warehouse = writer.next_id("ZAMOWIENIE"), self._cards.warehouses[index % 2]
        lines = self._lines(warehouse)
        sums = _by_rate(lines, from_net=True)
        net, gross = (sum(s[n] for s in sums.values()) for n in (0, 1))
        kind = index % 10
        row: dict[str, object] = {
            "ID_ZAMOWIENIA": number,
            "ID_KONTRAHENTA": buyer.id,
            "KONTRAHENT_NAZWA": buyer.name,
            "ID_FIRMY": COMPANY,
            "ID_MAGAZYNU": warehouse,
            "NUMER": f"ZO {number:04d}/{day:%y}",
            "DATA": clarion(day),
            "DATA_REALIZACJI": clarion(day + timedelta(days=3)),
            "NR_ZAMOWIENIA_KLIENTA": f"WEB/{index:05d}" if index % 3 else "",
            "TYP": "2" if kind == 8 else "1",
            "WARTOSC_NETTO": money(net),
            "WARTOSC_BRUTTO": money(gross),
            "STAN_REALIZ": "Z" if kind in {1, 2} else "N",
            "STATUS_ZAM": "A" if kind == 3 else "V" if kind == 4 else "",
            "TRYBREJESTRACJI": 10 if kind == 5 else 0,
            "FLAGA_STANU": "1" if kind == 9 else "0",
            "SEMAFOR": 1 if kind == 9 else 0,
            "DOK_WAL": "0",
            "UWAGI": "Proszę dzwonić" if index % 5 == 0 else None,
            "FORMA_PLATNOSCI": buyer.form,
            "DNI_PLATNOSCI": buyer.days,
            "FAKTURA_DO_ZAMOWIENIA": index % 2,
            "ID_PRACOWNIKA": self._cards.employee,
            "DATA_UTWORZENIA_WIERSZA": f"{day} 10:20:30",
        }
        writer.add("ZAMOWIENIE", row)
        ids = [self._order_line(number, line, kind) for line in lines]
        if kind in {1, 6}:
            self._document(index, day, buyer, lines=lines, order_lines=ids, by_issues=kind == 6)
        if index % 7 == 0:
            delivery = {"ID_DOSTAWY": writer.next_id("DOSTAWA"), "ID_ZAMOWIENIA": number}
            writer.add("DOSTAWA", delivery | {"ID_MIEJSCA_DOSTAWY": 1, "ODEBRANO": "0"})

    def _order_line(self, order: int, line: Line, kind: int) -> int:
        own = self._writer.next_id("POZYCJA_ZAMOWIENIA")
        done = line.quantity if kind in {1, 2} else line.quantity / 2 if kind == 6 else 0
        self._writer.add(
            "POZYCJA_ZAMOWIENIA",
            {
                "ID_POZYCJI_ZAMOWIENIA": own,
                "ID_ZAMOWIENIA": order,
                "ID_ARTYKULU": line.product.id,
                "KOD_VAT": line.product.vat,
                "ZAMOWIONO": line.quantity,
                "ZREALIZOWANO": done,
                "ZAREZERWOWANO": line.quantity if kind == 7 else 0,
                "CENA_NETTO": money(line.net),
                "CENA_BRUTTO": money(line.gross),
                "JEDNOSTKA": line.product.unit,
                "OPIS": None,
            },
        )
        return own


def _by_rate(lines: list[Line], *, from_net: bool) -> dict[str, tuple[int, int]]:
    """Net and gross of each VAT code, from the sums of the lines."""
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for line in lines:
        sums[line.product.vat, line.product.percent] += line.value(from_net=from_net)
    found = {}
    for (code, percent), value in sums.items():
        vat = share(value, percent, 100) if from_net else share(value, percent, 100 + percent)
        found[code] = (value, value + vat) if from_net else (value - vat, value)
    return found
