"""The known part of Sfera nexo's objects, on a sandbox: what `net.load` gives where the program is.

A member that no source tells of, a value of another type, a property that is only read: each is an error here, as
there. Nothing is in the database before `Zapisz`, which answers false where the program's rules forbid something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any, ClassVar

from mostek_subiekt.nexo.sandbox.books import Books

__all__ = ["Objects", "SferaException"]


class SferaException(Exception):
    """As one of the program's own."""


@dataclass(frozen=True)
class _Decimal:
    """System.Decimal: Python's own numbers are no such."""

    value: Exact


@dataclass(frozen=True)
class _DateTime:
    year: int
    month: int
    day: int

    def iso(self) -> str:
        return date(self.year, self.month, self.day).isoformat()


class _Guid(str):
    __slots__ = ()


class _Object:
    """Knows its members: `written` may be set, and are of a type; the rest are attributes and methods of the class."""

    written: ClassVar[Mapping[str, type]] = {}

    def __init__(self, **told: Any) -> None:
        vars(self).update(told)

    def __getattr__(self, name: str) -> Any:
        if name in self.written:
            return None
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.written:
            raise AttributeError(f"'{name}' is no property that can be set")
        if not isinstance(value, self.written[name]):
            raise TypeError(f"{type(value).__name__} value cannot be converted for {name}")
        vars(self)[name] = value


class _Entity(_Object):
    """A row that the program knows."""


class _Table(_Object):
    def Wszystkie(self) -> Iterator[_Entity]:
        return iter(self.rows())

    def WyszukajPoSymbolu(self, symbol: str) -> _Entity | None:
        return self.find(symbol)  # type: ignore[no-any-return]


class _Manager(_Object):
    """`Dane` and what makes new objects."""


class _Orders(_Manager):
    def UtworzZamowienieOdKlienta(self) -> _Order:
        return _Order(self.books)


class _Price(_Object):
    written: ClassVar[Mapping[str, type]] = dict.fromkeys(
        ("NettoPrzedRabatem", "BruttoPrzedRabatem", "RabatProcent"), _Decimal
    )


class _Position(_Object):
    written: ClassVar[Mapping[str, type]] = {"Opis": str}


class _Data(_Object):
    """`Dane` of an order."""

    written: ClassVar[Mapping[str, type]] = {
        "Magazyn": _Entity,
        "OperacjePrzeliczaniaPozycji": _Guid,
        "DataWprowadzenia": _DateTime,
        "DataWydaniaWystawienia": _DateTime,
        "TerminRealizacji": _DateTime,
        "NumerZewnetrzny": str,
        "Uwagi": str,
        "FormaPlatnosciId": int,
    }

    def __init__(self, books: Books) -> None:
        super().__init__(_books=books, Wartosc=_Object(), NumerWewnetrzny=_Object(), Id=0)

    @property
    def FormaPlatnosci(self) -> _Entity | None:
        number = self.FormaPlatnosciId
        return _Entity(Id=number) if number and self._books.has_form(number) else None


class _Order(_Object):
    def __init__(self, books: Books) -> None:
        parties, payments, lines = _Parties(books), _Payments(), _Positions()
        super().__init__(_books=books, _open=True, PodmiotyDokumentu=parties)
        vars(self).update(Dane=_Data(books), Pozycje=lines, Platnosci=payments, Bledy=[])

    def Przelicz(self) -> None:
        net, vat, gross = self._books.counted(*self._content())
        vars(self.Dane.Wartosc).update(NettoPoRabacie=_Decimal(net), VatPoRabacie=_Decimal(vat))
        vars(self.Dane.Wartosc).update(BruttoPoRabacie=_Decimal(gross))
        vars(self.Dane).update(KwotaDoZaplaty=_Decimal(gross))

    def Zapisz(self) -> bool:
        if wrong := self._books.wrong(*self._content()):
            self.Bledy.append(_Object(Errors=[wrong]))
            return False
        number, name = self._books.save_order(*self._content())
        vars(self.Dane).update(Id=number)
        vars(self.Dane.NumerWewnetrzny).update(PelnaSygnatura=name)
        return True

    def Dispose(self) -> None:
        vars(self)["_open"] = False

    def _content(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What was set, by the names of the members; amounts and days as Python has them."""
        if not self._open:
            raise SferaException("Obiekt został zwolniony.")
        header = _plain(self.Dane) | _plain(self.PodmiotyDokumentu)
        header["Magazyn"] = self.Dane.Magazyn.Id if self.Dane.Magazyn else None
        lines = [
            _plain(line) | _plain(line.Cena) | {"Dodano": vars(line)["added"]}
            for line in self.Pozycje.all
        ]
        return header, lines


def _plain(part: _Object) -> dict[str, Any]:
    values = {name: vars(part)[name] for name in part.written if name in vars(part)}
    for name, value in values.items():
        if isinstance(value, _Decimal):
            values[name] = value.value
        elif isinstance(value, _DateTime):
            values[name] = value.iso()
    return values


class _Parties(_Object):
    written: ClassVar[Mapping[str, type]] = {"buyer": int, "recipient": int}

    def __init__(self, books: Books) -> None:
        super().__init__(_books=books)

    def UstawZamawiajacegoWedlugSymbolu(self, symbol: str) -> None:
        self.buyer = self._customer(symbol)

    def UstawOdbiorceWedlugSymbolu(self, symbol: str) -> None:
        self.recipient = self._customer(symbol)

    def _customer(self, symbol: str) -> int:
        found: int | None = self._books.customer(symbol)
        if found is None:
            raise SferaException(f"Nie znaleziono podmiotu {symbol}.")
        return found


class _Payments(_Object):
    def DodajPlatnoscOdroczona(self, forma: _Entity, kwota: _Decimal) -> list[_Object]:
        if not isinstance(forma, _Entity) or not isinstance(kwota, _Decimal):
            raise TypeError("No method matches given arguments for DodajPlatnoscOdroczona")
        return [_Object()]


class _Positions(_Object):
    def __init__(self) -> None:
        super().__init__(all=[])

    def Dodaj(self, asortyment: _Entity, ilosc: _Decimal, jednostka: _Entity) -> _Position:
        kinds = (isinstance(asortyment, _Entity), isinstance(ilosc, _Decimal))
        if not all(kinds) or jednostka not in asortyment.JednostkiMiar:
            raise TypeError("No method matches given arguments for Dodaj")
        added = {"product": asortyment.Id, "quantity": ilosc.value, "unit": jednostka.Id}
        position = _Position(Cena=_Price(), added=added)
        self.all.append(position)
        return position


class _Handle(_Object):
    def __init__(self, books: Books) -> None:
        super().__init__(_books=books, _in=False)

    def ZalogujOperatora(self, login: str, haslo: str) -> bool:
        vars(self)["_in"] = self._books.log_in(login, haslo)
        return bool(self._in)

    @property
    def PodajObiektTypu(self) -> Mapping[str, Callable[[], _Manager]]:
        if not self._in:
            raise SferaException("Operator nie jest zalogowany.")
        books = self._books
        return {
            "IZamowieniaOdKlientow": lambda: _Orders(books=books),
            "IMagazyny": lambda: _Manager(Dane=_Table(rows=lambda: _warehouses(books))),
            "IAsortymenty": lambda: _Manager(Dane=_Table(find=lambda s: _product(books, s))),
        }

    def Dispose(self) -> None:
        self._books.close()


def _warehouses(books: Books) -> Iterable[_Entity]:
    return [_Entity(Id=number) for number in books.warehouses()]


def _product(books: Books, symbol: str) -> _Entity | None:
    number = books.product(symbol)
    if number is None:
        return None
    units = [
        _Entity(Id=unit, JednostkaMiary=_Entity(Symbol=name)) for unit, name in books.units(number)
    ]
    return _Entity(Id=number, Symbol=symbol, JednostkiMiar=units)


class _Connections(_Object):
    written: ClassVar[Mapping[str, type]] = {"DostepDoUI": bool}

    def __init__(self, books: Books) -> None:
        super().__init__(_books=books)

    def Polacz(self, dane: tuple[Any, ...], produkt: str) -> _Handle:
        if not isinstance(dane, tuple) or produkt != "Subiekt":
            raise TypeError("No method matches given arguments for Polacz")
        if self.DostepDoUI is not False:
            raise SferaException("Program pyta w oknie, a nie ma kto odpowiedzieć.")
        self._books.connect()
        return _Handle(self._books)


class _Clear:
    """DanePolaczenia."""

    @staticmethod
    def Jawne(serwer: str, baza: str, windows: bool, *uzytkownik: str) -> tuple[Any, ...]:
        if windows is bool(uzytkownik) or len(uzytkownik) not in {0, 2}:
            raise TypeError("No method matches given arguments for Jawne")
        return serwer, baza, *uzytkownik


class Objects:
    """Stands in for what `net.load` gives."""

    IZamowieniaOdKlientow = "IZamowieniaOdKlientow"
    IMagazyny = "IMagazyny"
    IAsortymenty = "IAsortymenty"
    DanePolaczenia = _Clear
    ProductId = _Object(Subiekt="Subiekt")
    OperacjePrzeliczaniaPozycji = _Object(Brutto_ID=_Guid("brutto"))
    day = _DateTime

    def __init__(self, path: str) -> None:
        self.books = self.open_books(Path(path))

    def open_books(self, path: Path) -> Books:
        return Books(path)

    def MenedzerPolaczen(self) -> _Connections:
        return _Connections(self.books)

    def decimal(self, text: str) -> _Decimal:
        return _Decimal(Exact(text))

    def exact(self, value: _Decimal) -> Exact:
        return value.value
