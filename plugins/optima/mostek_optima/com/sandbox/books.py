"""What the double of Optima does to the sandbox: it counts, numbers and writes as the program would."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from mostek.plugin.orders.amounts import Amounts, by_rate, line_amounts, total
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.sandbox_writer import Writer
from mostek_optima.schema import reference_schema

__all__ = ["Books", "Refused"]

T = TypeVar("T")
Values = Mapping[str, Any]

_ORDER, _RESERVATION = 308, 3
_ZERO, _HUNDRED = Decimal(0), Decimal(100)
_NAMES = ("Nazwa1", "Nazwa2", "Nazwa3")
#: Parts of an address that a contractor, PodmiotyView and a document's snapshot have alike.
_PLACE = (
    *("Kraj", "Wojewodztwo", "Powiat", "Gmina", "Ulica", "NrDomu", "NrLokalu", "Miasto"),
    "KodPocztowy",
)


class Refused(Exception):
    """The program does not do it, and says why."""


class Books:
    """The program's side of one login."""

    def __init__(self, path: Path) -> None:
        self._erp = connect_sandbox(path, "CDN")
        self._erp.execute("PRAGMA busy_timeout = 5000")

    def log_in(self, operator: str, password: str, company: str) -> None:
        """Any operator may come in."""

    def find(self, table: str, key: str, column: str, value: int | str) -> int | None:
        """The id of the first row with that value."""
        found = self._one(f"SELECT MIN({key}) FROM CDN.{table} WHERE {column} = ?", value)
        return int(found) if found is not None else None

    def held_by(self, table: str, number: int) -> str:
        """The operator that has the record open, if one has."""
        return ""

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

    # A customer

    def save_customer(self, card: Values, address: Values, tax_id: Sequence[str]) -> int:
        code = card.get("Akronim", "")
        if not code or not card.get("Nazwa1"):
            raise Refused("Kod i nazwa są wymagane.")
        if self._one("SELECT 1 FROM CDN.Kontrahenci WHERE Knt_Kod = ?", code):
            raise Refused(
                "Nie można wstawić wiersza zduplikowanego klucza w obiekcie CDN.Kontrahenci"
                " o unikatowym indeksie KntKod"
            )
        number = self._next("Kontrahenci", "Knt_KntId")
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        country, nip = tax_id if tax_id else ("", "")
        place = {name: address.get(name, "") for name in _PLACE}
        names = {name: card.get(name, "") for name in _NAMES}
        self._add(
            "Kontrahenci",
            "Knt_",
            {"KntId": number, "Kod": code, **names, **place, "KrajISO": "PL", "GlID": number}
            | {"Email": card.get("Email", ""), "Telefon1": card.get("Telefon1", "")}
            | {"NipKraj": "" if country == "PL" else country, "Nip": nip, "NipE": nip}
            | {"Finalny": int(not nip), "Rodzaj": 1, "Rodzaj_Odbiorca": 1, "PodatekVat": 1}
            | {"TS_Zal": now, "TS_Mod": now},
        )
        entity = {"PodmiotTyp": 1, "PodId": number, "Kod": code, "NIP": nip, "Rodzaj": 1}
        self._add("PodmiotyView", "Pod_", {**entity, **names, **place, "RodzajOpis": "Odbiorca"})
        return number

    # An order

    def save_order(
        self,
        document: Values,
        numerator: Values,
        lines: Sequence[Values],
        attributes: Sequence[Values],
    ) -> tuple[int, str]:
        """Its id and number."""
        if document.get("Rodzaj") != _ORDER * 1000 or document.get("TypDokumentu") != _ORDER:
            raise Refused("Nieprawidłowy rodzaj dokumentu.")
        if "Podmiot" not in document or not lines:
            raise Refused("Dokument nie ma kontrahenta albo pozycji.")
        counted = [self._counted(document, line) for line in lines]
        rates = by_rate(
            ((line["rate"], line["percent"], line["amounts"]) for line in counted),
            from_net=document.get("TypNB", 1) == 1,
            from_sums=True,
        )
        number = self._next("TraNag", "TrN_TrNID")
        series, place, name = self._number(document, numerator)
        header = self._header(document, total(rates))
        header |= {"TrNID": number, "NumerString": series, "NumerNr": place, "NumerPelny": name}
        self._add("TraNag", "TrN_", header)
        for row, line in enumerate(counted, 1):
            self._add_line(number, row, document, line)
        for rate, amounts in rates.items():
            self._add_rate(number, str(rate), amounts)
        for attribute in attributes:
            self._add_attribute(number, attribute)
        return number, name

    def _counted(self, document: Values, line: Values) -> dict[str, Any]:
        """What a line comes to: by the value that was set, else by a price and the buyer's discount."""
        if "TowarID" not in line or "Ilosc" not in line:
            raise Refused("Pozycja nie ma towaru albo ilości.")
        product = self._row("Towary", "Twr_TwrId", line["TowarID"])
        percent = _exact(line.get("Stawka", product["Twr_Stawka"]))
        net, quantity = document.get("TypNB", 1) == 1, _exact(line["Ilosc"])
        discount = _exact(self._row("Kontrahenci", "Knt_KntId", document["Podmiot"])["Knt_Upust"])
        if "WartoscNetto" in line:
            value = _exact(line["WartoscNetto"]).quantize(Decimal("0.01"))
            price, discount = (value / quantity).quantize(Decimal("0.0001")), _ZERO
            amounts = Amounts.of(value, percent, from_net=True)
        else:
            price = _exact(line["Cena0"]) if "Cena0" in line else self._listed(product, net)
            amounts = line_amounts(quantity, price, discount, percent, from_net=net)
        flag = int(product["Twr_Flaga"])
        return {
            **line,
            "product": product,
            "percent": percent,
            "rate": f"{flag}:{percent}",
            "flag": flag,
            "price": price,
            "discount": discount,
            "amounts": amounts,
        }

    def _listed(self, product: Values, net: bool) -> Decimal:
        row = self._erp.execute(
            "SELECT TwC_Typ, TwC_Wartosc FROM CDN.TwrCeny WHERE TwC_TwrID = ? AND TwC_TwCNumer = ?",
            (product["Twr_TwrId"], product["Twr_TwCNumer"]),
        ).fetchone()
        if row is None:
            raise Refused("Brak ceny.")
        percent, value = _exact(product["Twr_Stawka"]), _exact(row[1])
        if (row[0] == 1) == net:
            return value
        whole = (_HUNDRED + percent) / _HUNDRED
        return (value / whole if net else value * whole).quantize(Decimal("0.01"))

    def _number(self, document: Values, numerator: Values) -> tuple[str, int, str]:
        definition = numerator.get("DefinicjaDokumentu") or self._one(
            "SELECT MIN(DDf_DDfID) FROM CDN.DokDefinicje WHERE DDf_Klasa = ? AND DDf_Nieaktywna = 0",
            _ORDER,
        )
        row = self._row("DokDefinicje", "DDf_DDfID", definition)
        if row["DDf_Klasa"] != _ORDER or row["DDf_Nieaktywna"]:
            raise Refused("Definicja nie jest definicją rezerwacji odbiorcy.")
        parts = [row["DDf_Symbol"], "@numerS", f"{self._day(document):%Y}"]
        series = "/".join([*parts, *filter(None, [numerator.get("Rejestr")])])
        last = self._one(
            "SELECT MAX(TrN_NumerNr) FROM CDN.TraNag WHERE TrN_NumerString = ?", series
        )
        place = int(last or 0) + 1
        return series, place, series.replace("@numerS", str(place))

    def _header(self, document: Values, whole: Amounts) -> dict[str, Any]:
        buyer = self._row("Kontrahenci", "Knt_KntId", document["Podmiot"])
        other = self._row("Kontrahenci", "Knt_KntId", document.get("Odbiorca", document["Podmiot"]))
        day, buffer = str(self._day(document)), int(document.get("Bufor", 1))
        payment = document.get("FormaPlatnosci") or buyer["Knt_FplID"]
        delivery = document.get("DataTransportu")
        row: dict[str, Any] = {
            "TypDokumentu": _ORDER,
            "Rodzaj": document["Rodzaj"],
            "Bufor": buffer,
            "DataDok": day,
            "DataWys": str(document.get("DataWys", self._day(document))),
            "DataOpe": day,
            "DataKur": day,
            "Termin": day,
            "DataTransportu": str(delivery) if delivery else None,
            "NumerObcy": document.get("NumerObcy", ""),
            "Opis": document.get("Uwagi", ""),
            "FPlId": payment,
            "MagZrdId": document.get("MagazynZrodlowyID"),
            "TypNB": document.get("TypNB", 1),
            "BlokadaPlatnosci": 1,
            "TrSTyp": _RESERVATION,
            "ZwroconoCalaIlosc": None if buffer else 1,
            "KursL": 1,
            "KursM": 1,
            "PlatnikTyp": 1,
            "PlatnikID": buyer["Knt_KntId"],
            "TS_Zal": day,
            "TS_Mod": day,
        }
        for name, value in zip(
            ("Netto", "VAT", "Brutto"), (whole.net, whole.vat, whole.gross), strict=True
        ):
            row |= {f"Razem{name}": float(value), f"Razem{name}Wal": float(value)}
        for prefix, kind, number, card in (
            ("Pod", "PodmiotTyp", "PodID", buyer),
            ("Odb", "OdbiorcaTyp", "OdbID", other),
        ):
            row |= {kind: 1, number: card["Knt_KntId"]}
            row |= {f"{prefix}{name}": card[f"Knt_{name}"] for name in (*_NAMES, *_PLACE)}
            row |= {f"{prefix}NipKraj": card["Knt_NipKraj"], f"{prefix}NipE": card["Knt_NipE"]}
        return row

    def _add_line(self, order: int, place: int, document: Values, line: Values) -> None:
        product, amounts = line["product"], line["amounts"]
        own, day = self._next("TraElem", "TrE_TrEID"), str(self._day(document))
        price = float(line["price"])
        after = float(
            (line["price"] * (_HUNDRED - line["discount"]) / _HUNDRED).quantize(Decimal("0.0001"))
        )
        row: dict[str, Any] = {
            "TrEID": own,
            "TrNId": order,
            "Lp": place,
            "LpPow": place,
            "TypDokumentu": _ORDER,
            "Aktywny": 1,
            "DataDok": day,
            "DataOpe": day,
            "TwrId": product["Twr_TwrId"],
            "MagId": document.get("MagazynZrodlowyID"),
            "TwrKod": product["Twr_Kod"],
            "TwrNazwa": product["Twr_Nazwa"],
            "TwrTyp": product["Twr_Typ"],
            "TwrOpis": line.get("TowarOpis", ""),
            "Stawka": float(line["percent"]),
            "Flaga": line["flag"],
            "TypNB": document.get("TypNB", 1),
            **{"Cena0": price, "Cena0WD": price, "CenaW": after, "CenaWWD": after, "CenaT": after},
            "Rabat": float(line["discount"]),
            "KursL": 1,
            "KursM": 1,
            "Ilosc": line["Ilosc"],
            "IloscJM": line["Ilosc"],
            "Jm": product["Twr_JM"],
            "JMPrzelicznikL": 1,
            "JMPrzelicznikM": 1,
            **{"WartoscNetto": float(amounts.net), "WartoscNettoWal": float(amounts.net)},
            **{"WartoscBrutto": float(amounts.gross), "WartoscBruttoWal": float(amounts.gross)},
        }
        self._add("TraElem", "TrE_", row)
        if product["Twr_Typ"] == 1 and not document.get("Bufor", 1):
            reserved: dict[str, Any] = {"TrEId": own, "Typ": _RESERVATION}
            reserved["TrSID"] = self._next("TraSElem", "TrS_TrSID")
            reserved |= {"TrEIdWydania": 0, "TwrId": product["Twr_TwrId"], "Rodzaj": 308000}
            reserved |= {"MagId": document.get("MagazynZrodlowyID"), "Metoda": 1}
            self._add("TraSElem", "TrS_", reserved | {"DataOpe": day, "Ilosc": line["Ilosc"]})

    def _add_rate(self, order: int, rate: str, amounts: Amounts) -> None:
        flag, _, percent = rate.partition(":")
        row: dict[str, Any] = {"TrVID": self._next("TraVat", "TrV_TrVID"), "TrNID": order}
        row |= {"Flaga": int(flag), "Stawka": float(percent), "Typ": 0}
        for name, value in (("Netto", amounts.net), ("VAT", amounts.vat)):
            row |= {name: float(value), f"{name}Wal": float(value)}
        self._add("TraVat", "TrV_", row)

    def _add_attribute(self, order: int, attribute: Values) -> None:
        found = self._one(
            "SELECT DeA_DeAId FROM CDN.DefAtrybuty WHERE DeA_Typ = 4 AND DeA_Kod = ?",
            attribute.get("Kod", ""),
        )
        if found is None:
            raise Refused("Nieznany atrybut.")
        row = {"DAtId": self._next("DokAtrybuty", "DAt_DAtId"), "Kod": attribute["Kod"]}
        more = {"DeAId": found, "WartoscTxt": attribute.get("Wartosc", ""), "TrNId": order}
        self._add("DokAtrybuty", "DAt_", {**row, **more})

    # Rows

    def _day(self, document: Values) -> datetime:
        day: datetime = document["DataDok"]
        return day

    def _row(self, table: str, key: str, value: Any) -> dict[str, Any]:
        cursor = self._erp.execute(f"SELECT * FROM CDN.{table} WHERE {key} = ?", (value,))
        names = [column[0] for column in cursor.description]
        found = cursor.fetchone()
        if found is None:
            raise Refused(f"Nie znaleziono obiektu {value}.")
        return dict(zip(names, found, strict=True))

    def _one(self, sql: str, *parameters: Any) -> Any:
        found = self._erp.execute(sql, parameters).fetchone()
        return found[0] if found else None

    def _next(self, table: str, key: str) -> int:
        return int(self._one(f"SELECT COALESCE(MAX({key}), 0) FROM CDN.{table}")) + 1

    def _add(self, table: str, prefix: str, row: Values) -> None:
        writer = Writer(self._erp, reference_schema(), "CDN")
        writer.add(table, {f"{prefix}{name}": value for name, value in row.items()})
        writer.flush()


def _exact(value: Any) -> Decimal:
    return Decimal(str(value))
