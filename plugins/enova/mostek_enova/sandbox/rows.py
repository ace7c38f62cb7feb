"""Doubles of the rows of enova365's business objects: the documented members, and what they depend on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal as Exact
from enum import Enum
from typing import Any, ClassVar, TypeAlias

from mostek_enova.sandbox.books import BookedLine, BookedOrder, Books
from mostek_enova.sandbox.values import (
    Date,
    Decimal,
    DoubleCy,
    Guid,
    MemoText,
    Percent,
    Quantity,
    Struct,
)

__all__ = [
    "AccessWriteDenied",
    "ArgumentException",
    "BusException",
    "ConcurrencyException",
    "CustomerRecord",
    "DaneKontaktowe",
    "Definition",
    "DokumentHandlowy",
    "Form",
    "InvalidOperationException",
    "Kind",
    "Kontrahent",
    "LoginException",
    "PozycjaDokHandlowego",
    "Product",
    "Record",
    "RodzajPodmiotu",
    "RodzajeKontaktow",
    "Row",
    "RowException",
    "SposobLiczeniaVAT",
    "StanDokumentuHandlowego",
    "StatusPodmiotu",
    "Warehouse",
]

Members: TypeAlias = Mapping[str, type]


class BusException(Exception):
    """The program's own errors; `InnerException` is what caused one."""

    InnerException: Exception | None = None


class RowException(BusException):
    """Of a row."""


class DuplicateKeyException(BusException):
    """Of a key that is unique."""


class AccessWriteDenied(RowException):
    """A row was changed outside of a transaction."""


class ConcurrencyException(BusException):
    """Somebody else saved a row."""


class LoginException(Exception):
    """Nobody is let in."""


class StanDokumentuHandlowego(Enum):
    Bufor = 0
    Zatwierdzony = 1
    Zablokowany = 2
    Anulowany = 3


class SposobLiczeniaVAT(Enum):
    OdNetto = 1
    OdBrutto = 2
    OdBruttoMinusNetto = 3
    ZależyOdKontrahenta = 4


class StatusPodmiotu(Enum):
    PodmiotGospodarczy = 0
    Finalny = 1


class RodzajPodmiotu(Enum):
    Krajowy = 0
    Eksportowy = 1
    EksportowyPodróżny = 2
    Unijny = 3
    UnijnyTrójstronny = 4
    BezVAT = 5


class RodzajeKontaktow:
    AdresEmail: ClassVar[Guid] = Guid("11111111-1111-1111-1111-111111111111")


class Record:
    """A row of a dictionary or card index: what it holds is read."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.row = row


class Definition(Record):
    pass


class Warehouse(Record):
    pass


class CustomerRecord(Record):
    pass


class Product(Record):
    pass


class Form(Record):
    pass


class Kind(Record):
    pass


class _Fields:
    """Knows its members, `written` those that may be set, by their types. What is not set is `None`."""

    written: ClassVar[Members] = {}

    def __init__(self, owner: Row | None = None) -> None:
        vars(self).update(_values={}, _owner=owner)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.written:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return self._values.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.written:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        if not isinstance(value, self.written[name]) or (
            isinstance(value, bool) and self.written[name] is int
        ):
            raise TypeError(f"'{type(value).__name__}' value cannot be converted to {name}")
        row = self._owner or self
        row._changed(name)
        self._values[name] = value


class Row(_Fields):
    """A row of the program's: changed within a transaction of the session that it was added to."""

    session: Any = None

    def _changed(self, name: str) -> None:
        if self.session is not None and not self.session._editing:
            raise AccessWriteDenied(f"Nie można zmienić pola {name} poza transakcją.")

    def _save(self, books: Books) -> None:
        """Write it; rows that others write with them write nothing."""


class _Foreign(_Fields):
    written: ClassVar[Members] = {"Numer": str, "DataOtrzymania": Date}


class _Delivery(_Fields):
    written: ClassVar[Members] = {"Termin": Date, "Sposob": str}


class _Features:
    def __init__(self, owner: Row) -> None:
        self._owner, self._all = owner, dict[str, str]()

    def __setitem__(self, name: str, value: str) -> None:
        self._owner._changed("Features")
        if name not in {"Trasa", "Uwagi sklepu"}:
            raise ArgumentException(f"Nie znaleziono definicji cechy {name}.")
        if not isinstance(value, str):
            raise TypeError("the feature is a text")
        self._all[name] = value


class ArgumentException(Exception):
    """.NET's own."""


class InvalidOperationException(Exception):
    """.NET's own."""


class _Sums(Struct):
    names = ("Brutto",)


class DokumentHandlowy(Row):
    written: ClassVar[Members] = {
        "Definicja": Definition,
        "Magazyn": Warehouse,
        "Kontrahent": CustomerRecord,
        "Odbiorca": CustomerRecord,
        "Data": Date,
        "DataOperacji": Date,
        "LiczonaOd": SposobLiczeniaVAT,
        "Opis": MemoText,
        "Stan": StanDokumentuHandlowego,
    }

    def __init__(self) -> None:
        super().__init__()
        vars(self).update(
            _foreign=_Foreign(self), _delivery=_Delivery(self), _features=_Features(self), _lines=[]
        )

    @property
    def Obcy(self) -> _Foreign:
        return self._foreign  # type: ignore[no-any-return]

    @property
    def Dostawa(self) -> _Delivery:
        return self._delivery  # type: ignore[no-any-return]

    @property
    def Features(self) -> _Features:
        return self._features  # type: ignore[no-any-return]

    @property
    def SumaPozycji(self) -> _Sums:
        gross = sum(
            (line._booked().amounts(self._from_net).gross for line in self._lines), Exact(0)
        )
        return _Sums(Brutto=Decimal(gross))

    @property
    def _from_net(self) -> bool:
        return bool(self._values.get("LiczonaOd") != SposobLiczeniaVAT.OdBrutto)

    def _changed(self, name: str) -> None:
        super()._changed(name)
        if self.session is None:
            raise InvalidOperationException("Najpierw AddRow.")
        if name != "Definicja" and not self._values.get("Definicja"):
            raise RowException("Najpierw Definicja.")
        if name == "LiczonaOd" and self._lines:
            raise RowException("Najpierw LiczonaOd, potem pozycje.")

    def _save(self, books: Books) -> None:
        values = self._values
        for name in ("Definicja", "Magazyn", "Kontrahent"):
            if not values.get(name):
                raise RowException(f"Pole {name} jest wymagane.")
        state = values.get("Stan", StanDokumentuHandlowego.Bufor)
        if state not in {StanDokumentuHandlowego.Bufor, StanDokumentuHandlowego.Zatwierdzony}:
            raise RowException("Tego stanu nie ustawia się na nowym dokumencie.")
        buyer = values["Kontrahent"].row
        recipient = values["Odbiorca"].row if values.get("Odbiorca") else buyer
        order = BookedOrder(
            definition=values["Definicja"].row,
            warehouse=values["Magazyn"].row["ID"],
            buyer=buyer["ID"],
            recipient=recipient["ID"],
            day=values["Data"].day if values.get("Data") else date.today(),
            received=_day_of(self._foreign._values.get("DataOtrzymania")),
            delivery=_day_of(self._delivery._values.get("Termin")),
            number=self._foreign._values.get("Numer", ""),
            remarks=values["Opis"].text if values.get("Opis") else "",
            from_net=self._from_net,
            state=state.value,
            features=self._features._all,
            lines=[line._booked() for line in self._lines],
        )
        books.save_order(order)


def _day_of(value: Date | None) -> date | None:
    return value.day if value else None


class PozycjaDokHandlowego(Row):
    written: ClassVar[Members] = {
        "Towar": Product,
        "Ilosc": Quantity,
        "Cena": DoubleCy,
        "Rabat": Percent,
    }

    def __init__(self, dokument: DokumentHandlowy) -> None:
        super().__init__()
        if not isinstance(dokument, DokumentHandlowy):
            raise TypeError("a line needs its document")
        vars(self).update(_document=dokument, _fixed=set())

    def _changed(self, name: str) -> None:
        super()._changed(name)
        if self.session is None:
            raise InvalidOperationException("Najpierw AddRow.")
        if name != "Towar" and not self._values.get("Towar"):
            raise RowException("Najpierw Towar.")
        self._fixed.add(name)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "Towar":
            self._propose(value.row)
        if name == "Ilosc" and value.symbol != self._values["Towar"].row["unit"]:
            raise RowException(f"Brak przelicznika jednostki {value.symbol}.")

    def _propose(self, product: Mapping[str, Any]) -> None:
        """What the product brings: unit, price, the buyer's discount."""
        document, books = self._document, self.session._books
        price = books.price(
            product["ID"], document._values["Definicja"].row, from_net=document._from_net
        )
        buyer = document._values.get("Kontrahent")
        discount = Exact(str(buyer.row["Rabat"] or 0)) if buyer else Exact(0)
        self._values["Ilosc"] = Quantity(1.0, product["unit"])
        self._values["Cena"] = DoubleCy(Decimal(price), "PLN")
        self._values["Rabat"] = Percent(Decimal(discount))

    def _booked(self) -> BookedLine:
        values = self._values
        return BookedLine(
            product=values["Towar"].row,
            quantity=Exact(str(values["Ilosc"].value)),
            price=values["Cena"].value.exact,
            discount=values["Rabat"].value.exact * 100,
            priced="Cena" in self._fixed,
            discounted="Rabat" in self._fixed,
        )


class _Address(_Fields):
    written: ClassVar[Members] = {
        **dict.fromkeys(("Ulica", "NrDomu", "NrLokalu", "KodPocztowyS", "Poczta"), str),
        **dict.fromkeys(("Miejscowosc", "Gmina", "Powiat", "Kraj", "KodKraju", "GLN"), str),
        **dict.fromkeys(("Telefon", "Faks", "ZagranicznyKodPocztowy"), str),
        "KodPocztowy": int,
    }

    def _columns(self) -> dict[str, Any]:
        values = dict(self._values)
        code = values.pop("KodPocztowyS", "")
        columns = {f"Adres{name}": value for name, value in values.items()}
        columns["AdresKodPocztowy"] = int(code.replace("-", "") or 0)
        return {"AdresKodKraju": "PL"} | columns


class Kontrahent(Row):
    written: ClassVar[Members] = {
        **dict.fromkeys(("Kod", "Nazwa", "NIP", "EuVAT", "REGON", "PESEL", "KRS"), str),
        "StatusPodmiotu": StatusPodmiotu,
        "RodzajPodmiotu": RodzajPodmiotu,
        "SposobZaplaty": Form,
        **dict.fromkeys(("PodatnikVAT", "Blokada", "BlokadaSprzedazy"), bool),
        "Termin": int,
    }

    def __init__(self) -> None:
        super().__init__()
        vars(self).update(_seat=_Address(self), _post=_Address(self), _email="")

    @property
    def Adres(self) -> _Address:
        return self._seat  # type: ignore[no-any-return]

    @property
    def AdresDoKorespondencji(self) -> _Address:
        return self._post  # type: ignore[no-any-return]

    def _changed(self, name: str) -> None:
        super()._changed(name)
        if self.session is None:
            raise InvalidOperationException("Najpierw AddRow.")

    def _save(self, books: Books) -> None:
        values = self._values
        if not values.get("Kod") or not values.get("Nazwa"):
            raise RowException("Pola Kod i Nazwa są wymagane.")
        if books.customer(values["Kod"]):
            twice = RowException("Kontrahent o tym kodzie już istnieje.")
            twice.InnerException = DuplicateKeyException("WgKodu")
            raise twice
        columns = {name: _column(value) for name, value in values.items()}
        if values.get("NIP"):
            columns["EuVAT"] = f"PL{values['NIP']}"
        columns |= {"KontaktEMAIL": self._email, "Rabat": 0, "VATLiczonyOd": 1}
        addresses = {1: self._seat._columns()}
        if self._post._values:
            addresses[2] = self._post._columns()
        books.save_customer(columns, addresses)


def _column(value: Any) -> Any:
    if isinstance(value, Record):
        return value.row["ID"]
    return value.value if isinstance(value, Enum) else value


class DaneKontaktowe(Row):
    written: ClassVar[Members] = {
        "Host": Kontrahent,
        "Rodzaj": Kind,
        "Kontakt": str,
        "Domyslny": bool,
    }

    def _save(self, books: Books) -> None:
        for name in self.written:
            if not self._values.get(name):
                raise RowException(f"Pole {name} jest wymagane.")
