"""What the double of Sfera GT does to the sandbox: it counts, numbers and writes as the program would."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from mostek.plugin.orders.amounts import Amounts, by_rate, line_amounts, other_price, total
from mostek.plugin.sandbox import connect_sandbox

__all__ = ["Books"]

T = TypeVar("T")
Values = Mapping[str, Any]

_ORDER, _SERVICE = 16, 2
_FREE, _RESERVED = 6, 7
_ZERO, _HUNDRED = Decimal(0), Decimal(100)
_AS_TEXT = ("char", "text")
#: Columns of an address, by the members of `Kontrahent`.
_ADDRESS = {
    "Nazwa": "Nazwa",
    "NazwaPelna": "NazwaPelna",
    "NIP": "NIP",
    "Ulica": "Ulica",
    "NrDomu": "NrDomu",
    "NrLokalu": "NrLokalu",
    "KodPocztowy": "Kod",
    "Miejscowosc": "Miejscowosc",
    "Panstwo": "IdPanstwo",
    "GLN": "GLN",
}
_CARD = {
    "Symbol": "kh_Symbol",
    "Typ": "kh_Rodzaj",
    "REGON": "kh_REGON",
    "Osoba": "kh_Osoba",
    "OsobaImie": "kh_Imie",
    "OsobaNazwisko": "kh_Nazwisko",
    "Email": "kh_EMail",
    "Uwagi": "kh_Uwagi",
    "OdbiorcaDetaliczny": "kh_OdbDet",
    "CzynnyPodatnikVAT": "kh_CzynnyPodatnikVAT",
    "PodatnikVatUE": "kh_PodVATZarejestrowanyWUE",
    "GrupaId": "kh_IdGrupa",
    "PoziomCenPrzySprzedazyId": "kh_Cena",
    "KredytKupiecki": "kh_PlatOdroczone",
    "KredytKupieckiTerminId": "kh_IdFormaP",
}


class Books:
    """The program's side of one session."""

    def __init__(self, path: Path) -> None:
        self._erp = connect_sandbox(path)
        self._erp.execute("PRAGMA busy_timeout = 5000")

    def log_in(self, operator: str, password: str) -> None:
        """Any operator may come in."""

    def close(self) -> None:
        self._erp.close()

    # Looking

    def main_warehouse(self) -> int:
        return int(self._one("SELECT mag_Id FROM dbo.sl_Magazyn ORDER BY mag_Glowny DESC, mag_Id"))

    def product(self, wanted: int | str) -> int | None:
        column = "tw_Id" if isinstance(wanted, int) else "tw_Symbol"
        found = self._one(f"SELECT tw_Id FROM dbo.tw__Towar WHERE {column} = ?", wanted)
        return int(found) if found else None

    def unit_of(self, product: int) -> str:
        return str(self._one("SELECT tw_JednMiary FROM dbo.tw__Towar WHERE tw_Id = ?", product))

    def held_by(self, customer: int) -> str:
        """The operator that has the record open, if one has."""
        return str(self._one("SELECT username FROM dbo.ins_blokada WHERE obid = ?", customer) or "")

    def missing(self, document: Values, lines: Iterable[Values], warehouse: int) -> str:
        """The first product of which there is not enough to be reserved."""
        for line in lines if document["Rezerwacja"] else ():
            free = self._one(
                "SELECT st_Stan - st_StanRez FROM dbo.tw_Stan WHERE st_TowId = ? AND st_MagId = ?",
                line["TowarId"],
                warehouse,
            )
            if self._kind(line) != _SERVICE and Decimal(str(free or 0)) < self._base(line):
                return str(
                    self._one(
                        "SELECT tw_Symbol FROM dbo.tw__Towar WHERE tw_Id = ?", line["TowarId"]
                    )
                )
        return ""

    # Counting

    def counted(self, document: Values, lines: Iterable[Values]) -> tuple[float, float, float]:
        whole = total(self._rates(document, [self._line(document, line) for line in lines]))
        return float(whole.net), float(whole.vat), float(whole.gross)

    def _rates(self, document: Values, lines: list[dict[str, Any]]) -> dict[int | str, Amounts]:
        by_line = self._one("SELECT dkp_SpLiczVAT FROM dbo.dok_Parametr WHERE dkp_Typ = 16")
        return by_rate(
            ((line["vat"], line["percent"], line["amounts"]) for line in lines),
            from_net=_from_net(document),
            from_sums=not by_line,
        )

    def _line(self, document: Values, line: Values) -> dict[str, Any]:
        """What a position comes to: by the values that were set, else by the price level and the discount."""
        from_net, quantity = _from_net(document), Decimal(str(line["IloscJm"]))
        vat = line.get("VatId") or self._one(
            "SELECT tw_IdVatSp FROM dbo.tw__Towar WHERE tw_Id = ?", line["TowarId"]
        )
        percent = _exact(self._one("SELECT vat_Stawka FROM dbo.sl_StawkaVAT WHERE vat_Id = ?", vat))
        side = "Netto" if from_net else "Brutto"
        before, after = line.get(f"Wartosc{side}PrzedRabatem"), line.get(f"Wartosc{side}PoRabacie")
        if before is not None and after is not None:
            price = (_exact(before) / quantity).quantize(Decimal("0.0001"))
            discount = _HUNDRED - _exact(after) * _HUNDRED / _exact(before) if before else _ZERO
            amounts = Amounts.of(_exact(after), percent, from_net=from_net)
        else:
            price = self._listed(document, line, side)
            discount = _exact(line.get("RabatProcent", self._discount_of(document)))
            amounts = line_amounts(quantity, price, discount, percent, from_net=from_net)
        other = other_price(price, percent, from_net=from_net)
        return {
            **line,
            "vat": vat,
            "percent": percent,
            "amounts": amounts,
            "discount": discount.quantize(Decimal("0.0001")),
            "net_price": price if from_net else other,
            "gross_price": other if from_net else price,
        }

    def _listed(self, document: Values, line: Values, side: str) -> Decimal:
        level = document.get("PoziomCenyId") or self._one(
            "SELECT kh_Cena FROM dbo.kh__Kontrahent WHERE kh_Id = ?", document["KontrahentId"]
        )
        level = level or self._one("SELECT dkp_CenyPoziom FROM dbo.dok_Parametr WHERE dkp_Typ = 16")
        price = self._one(
            f"SELECT tc_Cena{side}{level:d} FROM dbo.tw_Cena WHERE tc_IdTowar = ?", line["TowarId"]
        )
        return _exact(price) * self._factor(line)

    def _discount_of(self, document: Values) -> Any:
        return self._one(
            "SELECT rt_Procent FROM dbo.kh__Kontrahent JOIN dbo.sl_Rabat ON rt_id = kh_IdRabat WHERE kh_Id = ?",
            document["KontrahentId"],
        )

    def _factor(self, line: Values) -> Decimal:
        found = self._one(
            "SELECT jm_Przelicznik FROM dbo.tw_JednMiary WHERE jm_IdTowar = ? AND jm_IdJednMiary = ?",
            line["TowarId"],
            line["Jm"],
        )
        return _exact(found or 1)

    def _base(self, line: Values) -> Decimal:
        return Decimal(str(line["IloscJm"])) * self._factor(line)

    def _kind(self, line: Values) -> int:
        return int(
            self._one("SELECT tw_Rodzaj FROM dbo.tw__Towar WHERE tw_Id = ?", line["TowarId"])
        )

    # Writing

    def save_order(
        self, document: Values, lines: Iterable[Values], warehouse: int
    ) -> tuple[int, str]:
        """The order's id and number."""
        counted = [self._line(document, line) for line in lines]
        return self.transaction(lambda: self._order(document, counted, warehouse))

    def save_customer(self, card: Values, phone: str) -> int:
        return self.transaction(lambda: self._customer(card, phone))

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

    def _order(
        self, document: Values, lines: list[dict[str, Any]], warehouse: int
    ) -> tuple[int, str]:
        number = self._next_id("dok__Dokument")
        day = document.get("DataWystawienia") or datetime.combine(date.today(), datetime.min.time())
        counted, name = self._next_number(day)
        rates = self._rates(document, lines)
        row = self._header(document, warehouse, day) | self._amounts(lines, rates)
        row |= {"dok_Id": number, "dok_Nr": counted, "dok_NrPelny": name}
        self._insert("dok__Dokument", row)
        for place, line in enumerate(lines, 1):
            self._insert_line(number, place, document, line)
            if document["Rezerwacja"] and self._kind(line) != _SERVICE:
                self._erp.execute(
                    "UPDATE dbo.tw_Stan SET st_StanRez = st_StanRez + ? WHERE st_TowId = ? AND st_MagId = ?",
                    (float(self._base(line)), line["TowarId"], warehouse),
                )
        self._insert_rates(number, lines, rates)
        return number, name

    def _header(self, document: Values, warehouse: int, day: datetime) -> dict[str, Any]:
        buyer = document["KontrahentId"]
        recipient = document.get("OdbiorcaId", buyer)
        due = document.get("PlatnoscKredytTermin")
        delivery = document.get("TerminRealizacji")
        return {
            "dok_Typ": _ORDER,
            "dok_Status": _RESERVED if document["Rezerwacja"] else _FREE,
            "dok_MagId": warehouse,
            "dok_NrRoz": "   ",
            "dok_NrPelnyOryg": document.get("NumerOryginalny", ""),
            "dok_DataWyst": str(day),
            "dok_DataMag": str(day),
            "dok_TerminRealizacji": str(delivery or day),
            "dok_PlatnikId": buyer,
            "dok_PlatnikAdreshId": self._version(buyer),
            "dok_OdbiorcaId": recipient,
            "dok_OdbiorcaAdreshId": self._version(recipient),
            "dok_PlatId": document.get("PlatnoscKredytId"),
            "dok_PlatTermin": str(due) if due else None,
            "dok_CenyPoziom": document.get("PoziomCenyId", 1),
            "dok_CenyTyp": int(_from_net(document)),
            "dok_Uwagi": document.get("Uwagi", ""),
            "dok_UwagiExt": document.get("UwagiExt", ""),
            "dok_Waluta": "PLN",
            "dok_WalutaKurs": 1.0,
            "dok_WalutaRodzajKursu": 1,
            "dok_WalutaLiczbaJednostek": 1,
            "dok_JestVatAuto": 1,
            "dok_RolaOdbiorcyKSeF": -1,
            "dok_ObiektGT": -8,
            "dok_PersonelId": self._one("SELECT MIN(uz_Id) FROM dbo.pd_Uzytkownik"),
        }

    def _amounts(
        self, lines: list[dict[str, Any]], rates: Mapping[int | str, Amounts]
    ) -> dict[str, Any]:
        whole = total(rates)
        services = sum(
            (line["amounts"] for line in lines if self._kind(line) == _SERVICE), Amounts()
        )
        return {
            "dok_WartNetto": float(whole.net),
            "dok_WartVat": float(whole.vat),
            "dok_WartBrutto": float(whole.gross),
            "dok_WartUsNetto": float(services.net),
            "dok_WartUsBrutto": float(services.gross),
            "dok_WartTwNetto": float(whole.net - services.net),
            "dok_WartTwBrutto": float(whole.gross - services.gross),
            "dok_KwWartosc": float(whole.gross),
            "dok_KwDoZaplaty": float(whole.gross),
        }

    def _insert_line(self, order: int, place: int, document: Values, line: Values) -> None:
        amounts: Amounts = line["amounts"]
        own = line["net_price"] if _from_net(document) else line["gross_price"]
        self._insert(
            "dok_Pozycja",
            {
                "ob_Id": self._next_id("dok_Pozycja"),
                "ob_DokHanId": order,
                "ob_DokHanLp": place,
                "ob_TowId": line["TowarId"],
                "ob_TowRodzaj": self._kind(line),
                "ob_Opis": line.get("Opis", ""),
                "ob_Ilosc": line["IloscJm"],
                "ob_IloscMag": float(self._base(line)),
                "ob_Jm": line["Jm"],
                "ob_CenaNetto": float(line["net_price"]),
                "ob_CenaBrutto": float(line["gross_price"]),
                "ob_CenaWaluta": float(own),
                "ob_Rabat": float(line["discount"]),
                "ob_WartNetto": float(amounts.net),
                "ob_WartVat": float(amounts.vat),
                "ob_WartBrutto": float(amounts.gross),
                "ob_VatId": line["vat"],
                "ob_VatProc": float(line["percent"]),
                "ob_Znak": 1,
            },
        )

    def _insert_rates(
        self, order: int, lines: list[dict[str, Any]], rates: Mapping[int | str, Amounts]
    ) -> None:
        percents = {line["vat"]: line["percent"] for line in lines}
        for rate, amounts in rates.items():
            row: dict[str, Any] = {
                "vt_Id": self._next_id("dok_Vat"),
                "vt_DokId": order,
                "vt_VatId": rate,
            }
            row["vt_VatProc"] = float(percents[rate])
            for name, value in zip(
                ("Netto", "Vat", "Brutto"), (amounts.net, amounts.vat, amounts.gross), strict=True
            ):
                row[f"vt_Wart{name}"] = float(value)
                row[f"vt_Wart{name}Waluta"] = float(value)
            self._insert("dok_Vat", row)

    def _customer(self, card: Values, phone: str) -> int:
        number, address = self._next_id("kh__Kontrahent"), self._next_id("adr__Ewid")
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        row = {column: card[member] for member, column in _CARD.items() if member in card}
        row["kh_Symbol"] = self._free_symbol(card.get("Symbol") or str(card["Nazwa"])[:16])
        row |= {"kh_Id": number, "kh_DataDodania": now, "kh_DataZmiany": now}
        self._insert("kh__Kontrahent", {"kh_ProcGotowka": 100, "kh_DomyslnyTypCeny": -2} | row)
        parts = {column: card[member] for member, column in _ADDRESS.items() if member in card}
        parts |= {"Telefon": phone, "DataZmiany": now}
        seat = {f"adr_{name}": value for name, value in parts.items()}
        seat |= {"adr_Id": address, "adr_IdObiektu": number, "adr_TypAdresu": 1}
        self._insert("adr__Ewid", seat)
        version = {f"adrh_{name}": value for name, value in parts.items()}
        version |= {"adrh_Id": self._next_id("adr_Historia"), "adrh_IdAdresu": address}
        self._insert("adr_Historia", version)
        return number

    def _free_symbol(self, wanted: str) -> str:
        """The program appends `(n)` to a symbol that is taken."""
        symbol, number = wanted, 1
        while self._one("SELECT 1 FROM dbo.kh__Kontrahent WHERE kh_Symbol = ?", symbol):
            number += 1
            symbol = f"{wanted}({number})"
        return symbol

    def _version(self, customer: int) -> int:
        return int(
            self._one(
                "SELECT MAX(adrh_Id) FROM dbo.adr_Historia JOIN dbo.adr__Ewid ON adr_Id = adrh_IdAdresu"
                " WHERE adr_IdObiektu = ? AND adr_TypAdresu = 1",
                customer,
            )
        )

    def _next_number(self, day: datetime) -> tuple[int, str]:
        counted = self._one(
            "SELECT MAX(dok_Nr) FROM dbo.dok__Dokument WHERE dok_Typ = 16 AND substr(dok_DataWyst, 1, 7) = ?",
            f"{day:%Y-%m}",
        )
        number = int(counted or 0) + 1
        return number, f"ZK {number}/{day:%m/%Y}"

    def _next_id(self, table: str) -> int:
        return int(
            self._one(
                "UPDATE dbo.ins_ident SET ido_wartosc = ido_wartosc + 1 WHERE ido_nazwa = ?"
                " RETURNING ido_wartosc - 1",
                table,
            )
        )

    def _insert(self, table: str, row: Values) -> None:
        """A row with the columns that this version has; those that must be filled and were not given are empty."""
        columns = self._erp.execute(f"PRAGMA dbo.table_info({table})").fetchall()
        filled: dict[str, Any] = {}
        for _, name, kind, needed, default, _ in columns:
            if name in row:
                filled[name] = row[name]
            elif needed and default is None:
                filled[name] = "" if any(part in kind for part in _AS_TEXT) else 0
        marks = ", ".join("?" * len(filled))
        self._erp.execute(
            f"INSERT INTO dbo.{table} ({', '.join(filled)}) VALUES ({marks})", [*filled.values()]
        )

    def _one(self, sql: str, *parameters: Any) -> Any:
        cursor: sqlite3.Cursor = self._erp.execute(sql, parameters)
        rows = cursor.fetchall()
        return rows[0][0] if rows else None


def _from_net(document: Values) -> bool:
    return not document.get("LiczonyOdCenBrutto", False)


def _exact(value: Any) -> Decimal:
    return Decimal(str(value or 0))
