"""What the double of Sfera nexo does to the sandbox: it counts, numbers and writes as the program would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from mostek.plugin.orders.amounts import Amounts, by_rate, line_amounts, other_price, total
from mostek.plugin.sandbox import connect_sandbox
from mostek_subiekt.nexo.schema import OWNER

__all__ = ["Books"]

T = TypeVar("T")
Values = Mapping[str, Any]

_HUNDRED = Decimal(100)
_OPEN = "Niezrealizowane"


class Books:
    """The program's side of one session."""

    def __init__(self, path: Path) -> None:
        self._erp = connect_sandbox(path, OWNER)
        self._erp.execute("PRAGMA busy_timeout = 5000")

    def connect(self) -> None:
        """Any program may connect."""

    def log_in(self, operator: str, password: str) -> bool:
        """Any operator may come in."""
        return True

    def close(self) -> None:
        self._erp.close()

    # Looking

    def warehouses(self) -> list[int]:
        return [row[0] for row in self._all("SELECT Id FROM @Magazyny")]

    def customer(self, symbol: str) -> int | None:
        sql = "SELECT Id FROM @Podmioty WHERE Sygnatura_PelnaSygnatura = ?"
        return self._one(sql, symbol)  # type: ignore[no-any-return]

    def product(self, symbol: str) -> int | None:
        sql = "SELECT Id FROM @Asortymenty WHERE Symbol = ? AND IsInRecycleBin = 0"
        return self._one(sql, symbol)  # type: ignore[no-any-return]

    def units(self, product: int) -> Sequence[tuple[int, str]]:
        found: list[tuple[int, str]] = self._all(
            "SELECT j.Id, u.Symbol FROM @JednostkiMiarAsortymentow j"
            " JOIN @JednostkiMiar u ON u.Id = j.JednostkaMiary_Id WHERE j.Asortyment_Id = ?",
            product,
        )
        return found

    def has_form(self, number: int) -> bool:
        return self._one("SELECT 1 FROM @FormyPlatnosci WHERE Id = ?", number) is not None

    def wrong(self, order: Values, lines: Sequence[Values]) -> str:
        """What keeps the order from being saved."""
        return "" if order.get("buyer") and lines else "Dokument nie ma zamawiającego albo pozycji."

    # Counting

    def counted(self, order: Values, lines: Sequence[Values]) -> tuple[Decimal, Decimal, Decimal]:
        whole = total(self._rates(order, [self._line(order, line) for line in lines]))
        return whole.net, whole.vat, whole.gross

    def _rates(self, order: Values, lines: Sequence[Values]) -> dict[int | str, Amounts]:
        return by_rate(
            ((line["vat"], line["percent"], line["amounts"]) for line in lines),
            from_net=_from_net(order),
            from_sums=True,
        )

    def _line(self, order: Values, line: Values) -> dict[str, Any]:
        from_net, added = _from_net(order), line["Dodano"]
        vat, percent = self._all(
            "SELECT v.Id, v.Stawka FROM @Asortymenty t JOIN @StawkiVat v ON v.Id = t.StawkaVatSprzedaz_Id"
            " WHERE t.Id = ?",
            added["product"],
        )[0]
        percent = Decimal(str(percent)) * _HUNDRED
        price = line.get("NettoPrzedRabatem" if from_net else "BruttoPrzedRabatem")
        if price is None:
            price = self._listed(order, added["product"], from_net=from_net)
        discount = line.get("RabatProcent", Decimal(0)) * _HUNDRED
        other = other_price(price, percent, from_net=from_net)
        return {
            **line,
            **added,
            "vat": vat,
            "percent": percent,
            "discount": discount,
            "net_price": price if from_net else other,
            "gross_price": other if from_net else price,
            "amounts": line_amounts(added["quantity"], price, discount, percent, from_net=from_net),
        }

    def _listed(self, order: Values, product: int, *, from_net: bool) -> Decimal:
        side = "Netto" if from_net else "Brutto"
        found = self._one(
            f"SELECT i.Cena{side} FROM @Podmioty p"
            " JOIN @Cenniki c ON c.PoziomCen_Id = p.Podmiot_PoziomCen_Id AND c.Bazowy = 1"
            " JOIN @PozycjeCennika i ON i.Cennik_Id = c.Id AND i.Glowna = 1"
            " WHERE p.Id = ? AND i.Asortyment_Id = ?",
            order["buyer"],
            product,
        )
        return Decimal(str(found or 0))

    # Writing

    def save_order(self, order: Values, lines: Sequence[Values]) -> tuple[int, str]:
        """The order's id and number."""
        return self.transaction(
            lambda: self._order(order, [self._line(order, line) for line in lines])
        )

    def transaction(self, write: Callable[[], T]) -> T:
        """All of it or nothing."""
        self._erp.execute("BEGIN IMMEDIATE")
        try:
            done = write()
        except BaseException:
            self._erp.execute("ROLLBACK")
            raise
        self._erp.execute("COMMIT")
        return done

    def _order(self, order: Values, lines: Sequence[Values]) -> tuple[int, str]:
        rates = self._rates(order, lines)
        whole = total(rates)
        day = str(order.get("DataWprowadzenia") or date.today())
        number, name = self._next("Dokumenty"), self._next_number(day[:4])
        buyer, recipient = order["buyer"], order.get("recipient", order["buyer"])
        delivery = order.get("TerminRealizacji")
        row = {
            "Id": number,
            "Symbol": "ZK",
            "NumerWewnetrzny_PelnaSygnatura": name,
            "NumerZewnetrzny": order.get("NumerZewnetrzny", ""),
            "DataWprowadzenia": f"{day} 00:00:00",
            "TerminRealizacji": f"{delivery} 00:00:00" if delivery else None,
            "StatusDokumentuId": self._one(
                "SELECT Id FROM @StatusyDokumentow WHERE Nazwa = ?", _OPEN
            ),
            "PodmiotId": buyer,
            "PodmiotWybranyId": self._snapshot(buyer),
            "OdbiorcaId": recipient,
            "OdbiorcaWybranyId": self._snapshot(recipient),
            "Dokument_Platnik_Id": self._snapshot(buyer),
            "MagazynId": order["Magazyn"],
            "FormaPlatnosciId": order.get("FormaPlatnosciId"),
            "Dokument_Waluta_Id": self._one("SELECT Id FROM @Waluty WHERE Symbol = 'PLN'"),
            "Uwagi": order.get("Uwagi", ""),
        }
        self._insert("Dokumenty", row | _sums(whole) | {"KwotaDoZaplaty": float(whole.gross)})
        for place, line in enumerate(lines, 1):
            self._insert("PozycjeDokumentu", self._position(number, place, order, line))
        for rate, amounts in rates.items():
            self._insert("TabeleVat", {"Dokument_Id": number, "StawkaVat_Id": rate} | _vat(amounts))
        return number, name

    def _position(self, number: int, place: int, order: Values, line: Values) -> dict[str, Any]:
        return {
            "Id": self._next("PozycjeDokumentu"),
            "Dokument_Id": number,
            "LP": place,
            "AsortymentAktualnyId": line["product"],
            "Opis": line.get("Opis", ""),
            "Ilosc": float(line["quantity"]),
            "IloscWJednostceBazowej": float(line["quantity"]),
            "JednostkaMiaryAsId": line["unit"],
            "Cena_NettoPrzedRabatem": float(line["net_price"]),
            "Cena_BruttoPrzedRabatem": float(line["gross_price"]),
            "Cena_RabatProcent": float(line["discount"] / _HUNDRED),
            "StawkaVatId": line["vat"],
            "MagazynId": order["Magazyn"],
            "RezerwacjaIlosciowa": 0,
        } | _sums(line["amounts"])

    def _snapshot(self, customer: int) -> Any:
        sql = "SELECT MAX(Id) FROM @PodmiotHistorie WHERE PodmiotDlaKtoregoHistoria_Id = ?"
        return self._one(sql, customer)

    def _next_number(self, year: str) -> str:
        sql = "SELECT COUNT(*) FROM @Dokumenty WHERE Symbol = 'ZK' AND substr(DataWprowadzenia, 1, 4) = ?"
        return f"ZK {self._one(sql, year) + 1}/MAG/{year}"

    def _next(self, table: str) -> int:
        return int(self._one(f"SELECT MAX(Id) FROM @{table}") or 0) + 1

    def _insert(self, table: str, row: Values) -> None:
        """A row with the columns that this version has, and a version newer than all."""
        there = {name for _, name, *_ in self._all(f"PRAGMA {OWNER}.table_info({table})")}
        row = {name: value for name, value in row.items() if name in there}
        if "TimeStamp" in there:
            row["TimeStamp"] = self._one(
                "SELECT MAX(v) + 1 FROM (SELECT MAX(TimeStamp) v FROM @Dokumenty UNION ALL"
                " SELECT MAX(TimeStamp) FROM @PozycjeDokumentu UNION ALL SELECT MAX(TimeStamp) FROM @Podmioty)"
            )
        marks = ", ".join("?" * len(row))
        self._all(f"INSERT INTO @{table} ({', '.join(row)}) VALUES ({marks})", *row.values())

    def _one(self, sql: str, *parameters: Any) -> Any:
        rows = self._all(sql, *parameters)
        return rows[0][0] if rows else None

    def _all(self, sql: str, *parameters: Any) -> Any:
        return self._erp.execute(sql.replace("@", f"{OWNER}."), parameters).fetchall()


def _from_net(order: Values) -> bool:
    return "OperacjePrzeliczaniaPozycji" not in order


def _sums(amounts: Amounts) -> dict[str, float]:
    return {
        "Wartosc_NettoPoRabacie": float(amounts.net),
        "Wartosc_VatPoRabacie": float(amounts.vat),
        "Wartosc_BruttoPoRabacie": float(amounts.gross),
    }


def _vat(amounts: Amounts) -> dict[str, float]:
    pairs = {"Netto": amounts.net, "Vat": amounts.vat, "Brutto": amounts.gross}
    return {
        f"Wartosc{name}{end}": float(value)
        for name, value in pairs.items()
        for end in ("", "Systemowa")
    }
