"""What the double of enova365's objects keeps: rows of the sandbox, written in one transaction by `Save`."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from mostek.plugin.orders.amounts import Amounts, by_rate, line_amounts, total
from mostek.plugin.sandbox import connect_sandbox
from mostek_enova.sandbox.cards import EMPTY

__all__ = ["BookedLine", "BookedOrder", "Books"]

_STAMPED = ("Kontrahenci", "Towary", "DokHandlowe", "PozycjeDokHan")


@dataclass(frozen=True)
class BookedLine:
    """A line as it is written; amounts are exact."""

    product: Mapping[str, Any]
    quantity: Decimal
    price: Decimal
    discount: Decimal
    priced: bool
    discounted: bool

    @property
    def percent(self) -> Decimal:
        return Decimal(str(self.product["percent"])) * 100

    def amounts(self, from_net: bool) -> Amounts:
        return line_amounts(
            self.quantity, self.price, self.discount, self.percent, from_net=from_net
        )


@dataclass(frozen=True)
class BookedOrder:
    definition: Mapping[str, Any]
    warehouse: int
    buyer: int
    recipient: int
    day: date
    received: date | None
    delivery: date | None
    number: str
    remarks: str
    from_net: bool
    state: int
    features: Mapping[str, str]
    lines: Sequence[BookedLine]

    def rates(self) -> dict[int | str, Amounts]:
        lines = [
            (line.product["rate"], line.percent, line.amounts(self.from_net)) for line in self.lines
        ]
        return by_rate(lines, from_net=self.from_net, from_sums=True)


class Books:
    """The sandbox's rows, as the program's objects see and write them."""

    def __init__(self, path: Path) -> None:
        self.erp = connect_sandbox(path)

    # What is looked up

    def row(self, sql: str, *parameters: Any) -> dict[str, Any] | None:
        cursor = self.erp.execute(sql, parameters)
        found = cursor.fetchone()
        return dict(zip((c[0] for c in cursor.description), found, strict=True)) if found else None

    def database(self, name: str) -> bool:
        """Whether the program's list has it."""
        return name == "Sandbox"

    def log_in(self, operator: str, password: str) -> None:
        """Raises what the program raises if it lets nobody in."""

    def definition(self, symbol: str) -> dict[str, Any] | None:
        return self.row("SELECT * FROM dbo.DefDokHandlowych WHERE Symbol = ?", symbol)

    def warehouse(self, symbol: str) -> dict[str, Any] | None:
        return self.row("SELECT * FROM dbo.Magazyny WHERE Symbol = ?", symbol)

    def customer(self, code: str) -> dict[str, Any] | None:
        return self.row("SELECT * FROM dbo.Kontrahenci WHERE Kod = ?", code)

    def product(self, code: str) -> dict[str, Any] | None:
        return self.row(
            "SELECT t.ID, t.Kod, t.Nazwa, t.Blokada, t.DefinicjaStawki AS rate, v.StawkaProcent AS percent,"
            " v.StawkaStatus AS status, j.Kod AS unit FROM dbo.Towary t JOIN dbo.Jednostki j ON j.ID = t.Jednostka"
            " JOIN dbo.DefStawekVat v ON v.ID = t.DefinicjaStawki WHERE t.Kod = ?",
            code,
        )

    def price(self, product: int, definition: Mapping[str, Any], *, from_net: bool) -> Decimal:
        """The program's own price: of the definition's price list."""
        found = self.row(
            "SELECT NettoValue, BruttoValue FROM dbo.Ceny WHERE Towar = ? AND Definicja = ? ORDER BY ID DESC",
            product,
            definition["Cena"],
        )
        value = (found or {}).get("NettoValue" if from_net else "BruttoValue") or 0
        return Decimal(str(value))

    def form(self, guid: str) -> dict[str, Any] | None:
        return self.row("SELECT * FROM dbo.FormyPlatnosci WHERE Guid = ?", guid.upper())

    # What is written

    def transaction(self, write: Callable[[], None]) -> None:
        self.erp.execute("BEGIN IMMEDIATE")
        try:
            write()
        except BaseException:
            self.erp.execute("ROLLBACK")
            raise
        self.erp.execute("COMMIT")

    def save_order(self, order: BookedOrder) -> None:
        number, counter = self._next("DokHandlowe"), self._counter(order.definition["ID"])
        symbol, year = order.definition["Symbol"], f"{order.day:%y}"
        full = f"{symbol}/{counter:06d}/{year}" if order.state else f"BUFOR/{symbol}/{number}"
        amounts, day = total(order.rates()), f"{order.day} 00:00:00"
        row: dict[str, Any] = {
            "ID": number,
            "Guid": str(uuid4()).upper(),
            "Kategoria": order.definition["Kategoria"],
            "Stan": order.state,
            "Definicja": order.definition["ID"],
            "Magazyn": order.warehouse,
            "NumerSymbol": f"{symbol}/*/{year}",
            "NumerNumer": counter if order.state else 0,
            "NumerPelny": full,
            "NumerPelnyZapisany": full,
            "Data": day,
            "DataOperacji": day,
            "Czas": 0,
            "Kontrahent": order.buyer,
            "Odbiorca": order.recipient,
            "ObcyNumer": order.number,
            "ObcyDataOtrzymania": f"{order.received} 00:00:00" if order.received else EMPTY,
            "DostawaTermin": f"{order.delivery} 00:00:00" if order.delivery else EMPTY,
            "LiczonaOd": 1 if order.from_net else 2,
            "Rabat": 0,
            **_sums(amounts),
            "KursWaluty": 1,
            "DataKursu": EMPTY,
            "BruttoCyValue": float(amounts.gross),
            "BruttoCySymbol": "PLN",
            "Opis": order.remarks,
            "MaxIdent": len(order.lines),
            "Korekta": 0,
            "Stamp": self._stamp(),
        }
        self._insert("DokHandlowe", row)
        for place, line in enumerate(order.lines, 1):
            self._save_line(number, place, line, order.from_net)
        for rate, sums in order.rates().items():
            one = next(line.product for line in order.lines if line.product["rate"] == rate)
            self._save_rate(number, one, sums)
        for name, value in order.features.items():
            of = {"Parent": number, "ParentType": "DokHandlowe", "Name": name, "Lp": 0}
            self._insert("Features", of | {"DataKey": value[:30], "Data": value})

    def _save_line(self, document: int, place: int, line: BookedLine, from_net: bool) -> None:
        amounts, unit = line.amounts(from_net), line.product["unit"]
        row: dict[str, Any] = {
            "ID": self._next("PozycjeDokHan"),
            "Dokument": document,
            "Ident": place,
            "Lp": place,
            "Towar": line.product["ID"],
            "Nazwa": line.product["Nazwa"],
            "DefinicjaStawki": line.product["rate"],
            "StawkaStatus": line.product["status"],
            "StawkaProcent": line.product["percent"],
            "CenaValue": float(line.price),
            "CenaSymbol": "PLN",
            "Rabat": float(line.discount / 100),
            "KorektaCeny": int(line.priced),
            "KorektaRabatu": int(line.discounted),
            "IloscValue": float(line.quantity),
            "IloscSymbol": unit,
            "IloscMagazynuValue": float(line.quantity),
            "IloscMagazynuSymbol": unit,
            "IloscRezerwowanaValue": 0,
            "IloscZrealizowanaValue": 0,
            "WartoscCyValue": float(amounts.net if from_net else amounts.gross),
            "WartoscCySymbol": "PLN",
            **_sums(amounts),
            "StatusPozycji": 0,
            "Stamp": self._stamp(),
        }
        self._insert("PozycjeDokHan", row)

    def _save_rate(self, document: int, product: Mapping[str, Any], sums: Amounts) -> None:
        row: dict[str, Any] = {
            "ID": self._next("SumyVAT"),
            "Dokument": document,
            "DefinicjaStawki": product["rate"],
            "StawkaProcent": product["percent"],
            "StawkaStatus": product["status"],
            **_sums(sums),
        }
        for name, value in (("Netto", sums.net), ("VAT", sums.vat), ("Brutto", sums.gross)):
            row |= {f"SumaCy{name}CyValue": float(value), f"SumaCy{name}CySymbol": "PLN"}
        self._insert("SumyVAT", row)

    def save_customer(
        self, columns: Mapping[str, Any], addresses: Mapping[int, Mapping[str, Any]]
    ) -> None:
        number = self._next("Kontrahenci")
        row = {"ID": number, "Guid": str(uuid4()).upper(), "Stamp": self._stamp()}
        self._insert("Kontrahenci", row | dict(columns))
        for kind, parts in addresses.items():
            place = {"Host": number, "HostType": "Kontrahenci", "Typ": kind, "Blokada": 0}
            self._insert("Adresy", {"ID": self._next("Adresy")} | place | dict(parts))

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        known = {c[1] for c in self.erp.execute(f"PRAGMA dbo.table_info([{table}])")}
        given = {name: value for name, value in row.items() if name in known}
        names, marks = ", ".join(given), ", ".join("?" * len(given))
        self.erp.execute(
            f"INSERT INTO dbo.{table} ({names}) VALUES ({marks})", list(given.values())
        )

    def _next(self, table: str) -> int:
        return self._number(f"SELECT MAX(ID) FROM dbo.{table}")

    def _counter(self, definition: int) -> int:
        return self._number(
            "SELECT MAX(NumerNumer) FROM dbo.DokHandlowe WHERE Definicja = ?", definition
        )

    def _stamp(self) -> int:
        parts = " UNION ALL ".join(f"SELECT MAX(Stamp) AS n FROM dbo.{t}" for t in _STAMPED)
        return self._number(f"SELECT MAX(v.n) FROM ({parts}) v")

    def _number(self, sql: str, *parameters: Any) -> int:
        cursor: sqlite3.Cursor = self.erp.execute(sql, parameters)
        return int(cursor.fetchone()[0] or 0) + 1


def _sums(amounts: Amounts) -> dict[str, float]:
    return {
        "SumaNetto": float(amounts.net),
        "SumaVAT": float(amounts.vat),
        "SumaBrutto": float(amounts.gross),
    }
