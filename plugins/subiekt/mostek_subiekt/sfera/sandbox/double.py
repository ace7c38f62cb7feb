"""The documented part of Sfera GT's COM objects, on a sandbox: what `Com` is on Windows.

A member that the type library does not have, a value of another type, a read-only property that is set: each is an
error here, as there. What a member does is known for the ones that are used; a documented one that is not used says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from os import getpid
from pathlib import Path
from typing import Any, ClassVar

from mostek_subiekt.sfera.sandbox.books import Books

__all__ = ["ComError", "DoubleCom", "Member"]

_TYPE_MISMATCH = -2147352571
_NOT_IMPLEMENTED = -2147467263
_NO_CLASS = -2147221005
_OF_THE_PROGRAM = -2147220504


class ComError(Exception):
    """As pywin32's: code, text, (…, source, text, …, …, code), argument."""

    @classmethod
    def of(cls, text: str, code: int = _OF_THE_PROGRAM) -> ComError:
        return cls(-2147352567, "Wystąpił wyjątek.", (0, "InsERT", text, None, 0, code), None)


Member = tuple[type, ...]
_TEXT: Member = (str,)
_INT: Member = (int,)
_FLAG: Member = (bool,)
_AMOUNT: Member = (float,)
_DAY: Member = (datetime,)


class _ComObject:
    """Knows its members: `written` those that may be set, `read` those that may only be read, by their types."""

    written: ClassVar[Mapping[str, Member]] = {}
    read: ClassVar[Mapping[str, Member]] = {}

    def __init__(self) -> None:
        vars(self).update(_values={}, _closed=False)

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self.written or name in self.read:
            raise ComError(_NOT_IMPLEMENTED, f"the double does not tell {name}", None, None)
        raise AttributeError(f"<unknown>.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.written:
            raise AttributeError(f"Property '<unknown>.{name}' can not be set.")
        _check(value, self.written[name])
        self._values[name] = value

    def tell(self, **values: Any) -> None:
        """What read-only properties hold from now on."""
        for name, value in values.items():
            _check(value, self.read[name])
            self._values[name] = value


def _check(value: Any, kinds: Member) -> None:
    if type(value) not in kinds:
        raise ComError(_TYPE_MISMATCH, "Niezgodność typu.", None, None)


def _names(names: str, kind: Member) -> dict[str, Member]:
    return dict.fromkeys(names.split(), kind)


class DoubleCom:
    """Stands in for `Com`. `books`: the sandbox that the program keeps its books in."""

    error = ComError

    def __init__(self, path: str) -> None:
        self.books = self.open_books(Path(path))

    def open_books(self, path: Path) -> Books:
        return Books(path)

    def dispatch(self, name: str) -> Any:
        known: dict[str, Callable[[], Any]] = {
            "InsERT.GT": lambda: _Gt(self.books),
            "InsERT.Dodatki": _Additions,
        }
        if name not in known:
            raise ComError(_NO_CLASS, "Nieprawidłowy ciąg klasy", None, None)
        return known[name]()

    def day(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day)

    def pump(self) -> None:
        """There are no windows."""


class _Additions(_ComObject):
    def Szyfruj(self, haslo: str) -> str:
        _check(haslo, _TEXT)
        return haslo[::-1]


class _Gt(_ComObject):
    written = _names("Produkt Autentykacja", _INT) | _names(
        "Serwer Baza Uzytkownik UzytkownikHaslo Operator OperatorHaslo", _TEXT
    )

    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self)["_books"] = books

    def Uruchom(self, dopasuj: int, uruchom: int) -> _Subiekt:
        _check(dopasuj, _INT)
        _check(uruchom, _INT)
        if self._values.get("Produkt") != 1 or self._values.get("Autentykacja") not in {0, 1}:
            raise ComError.of("Nieprawidłowe parametry uruchomienia.")
        for needed in ("Serwer", "Baza", "Operator", "OperatorHaslo"):
            if needed not in self._values:
                raise ComError.of(f"Brak parametru {needed}.")
        if self._values["Autentykacja"] == 0 and not self._values.get("Uzytkownik"):
            raise ComError.of("Nie podano użytkownika serwera.")
        self._books.log_in(self._values["Operator"], self._values["OperatorHaslo"])
        return _Subiekt(self._books)


class _Subiekt(_ComObject):
    written = _names("MagazynId", _INT)
    read = _names("OperatorId IdentyfikatorProcesu", _INT) | _names("WersjaTekst", _TEXT)

    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books)
        self.tell(IdentyfikatorProcesu=getpid(), WersjaTekst="1.88")
        self.MagazynId = books.main_warehouse()

    @property
    def SuDokumentyManager(self) -> _Documents:
        return _Documents(self, self._books)

    @property
    def KontrahenciManager(self) -> _Customers:
        return _Customers(self._books)

    def Zakoncz(self) -> None:
        self._books.close()


class _Documents(_ComObject):
    def __init__(self, subiekt: _Subiekt, books: Books) -> None:
        super().__init__()
        vars(self).update(_subiekt=subiekt, _books=books)

    def DodajZK(self) -> _Document:
        return _Document(self._books, self._subiekt.MagazynId)


class _Customers(_ComObject):
    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books)

    def DodajKontrahenta(self) -> _Customer:
        return _Customer(self._books)


class _Record(_ComObject):
    """A document or a card, which is open until it is closed."""

    def Zamknij(self) -> None:
        vars(self)["_closed"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._closed:
            raise ComError.of("Obiekt został zamknięty.")
        super().__setattr__(name, value)


class _Position(_ComObject):
    written = (
        _names("IloscJm RabatProcent", _AMOUNT)
        | _names("CenaNettoPrzedRabatem CenaBruttoPrzedRabatem", _AMOUNT)
        | _names("CenaNettoPoRabacie CenaBruttoPoRabacie", _AMOUNT)
        | _names("WartoscNettoPrzedRabatem WartoscBruttoPrzedRabatem", _AMOUNT)
        | _names("WartoscNettoPoRabacie WartoscBruttoPoRabacie", _AMOUNT)
        | _names("VatId MagazynId KategoriaId", _INT)
        | _names("Jm Opis UslJednNazwa UslJednPKWiU", _TEXT)
        | _names("Termin", _DAY)
    )
    read = _names("Lp Id TowarId", _INT) | _names("TowarSymbol TowarNazwa", _TEXT)

    def __init__(self, books: Books, product: int, place: int) -> None:
        super().__init__()
        self.tell(TowarId=product, Lp=place)
        self.Jm = books.unit_of(product)
        self.IloscJm = 1.0


class _Positions(_ComObject):
    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books, _all=[])

    def Dodaj(self, towar: int | str) -> _Position:
        _check(towar, (int, str))
        product = self._books.product(towar)
        if product is None:
            raise ComError.of("Nie znaleziono towaru.")
        position = _Position(self._books, product, len(self._all) + 1)
        self._all.append(position)
        return position

    @property
    def Liczba(self) -> int:
        return len(self._all)


class _Document(_Record):
    written = (
        _names("KontrahentId OdbiorcaId KontrahentAdresId OdbiorcaAdresId AdresDostawyId", _INT)
        | _names("NumerOryginalny Uwagi UwagiExt Tytul Podtytul WalutaSymbol", _TEXT)
        | _names("DataWystawienia DataMagazynowa TerminRealizacji WalutaDataKursu", _DAY)
        | _names("LiczonyOdCenBrutto LiczonyOdCenNetto Rezerwacja", _FLAG)
        | _names("PoziomCenyId WalutaTypKursu KategoriaId StatusDokumentu Numer", _INT)
        | _names("TransakcjaRodzajOperacjiVat PlatnoscKartaId PlatnoscRatyId", _INT)
        | _names("PlatnoscKredytId", _INT)
        | _names("WalutaKurs RabatProcent PlatnoscGotowkaKwota PlatnoscPrzelewKwota", _AMOUNT)
        | _names("PlatnoscKartaKwota PlatnoscRatyKwota PlatnoscKredytKwota", _AMOUNT)
        | _names("PlatnoscKredytTermin", _DAY)
        | _names("Wystawil Odebral FlagaNazwa NumerRozszerzenie", _TEXT)
    )
    read = (
        _names("Identyfikator Typ FormaDokumentu", _INT)
        | _names("NumerPelny NumerKSeF SzczegolyOstatniegoBledu", _TEXT)
        | _names("KwotaDoZaplaty WartoscNetto WartoscVat WartoscBrutto", _AMOUNT)
    )

    def __init__(self, books: Books, warehouse: int) -> None:
        super().__init__()
        vars(self).update(_books=books, _warehouse=warehouse, _positions=_Positions(books))
        self.tell(Typ=16)

    @property
    def Pozycje(self) -> _Positions:
        return self._positions  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "KontrahentId" and (held := self._books.held_by(value)):
            raise ComError.of(f"Kontrahent został zablokowany przez operatora {held}.")

    def Przelicz(self) -> None:
        net, vat, gross = self._books.counted(self._values, self._lines())
        self.tell(WartoscNetto=net, WartoscVat=vat, WartoscBrutto=gross, KwotaDoZaplaty=gross)

    def Zapisz(self) -> None:
        if "Rezerwacja" not in self._values:
            raise ComError.of("Program pyta, czy zarezerwować towar, a nie ma kto odpowiedzieć.")
        if "KontrahentId" not in self._values or not self._positions.Liczba:
            raise ComError.of("Dokument nie ma kontrahenta albo pozycji.")
        if missing := self._books.missing(self._values, self._lines(), self._warehouse):
            raise ComError.of(f"Brak towaru w magazynie: {missing}.", -2147217568)
        number, name = self._books.save_order(self._values, self._lines(), self._warehouse)
        self.tell(Identyfikator=number, NumerPelny=name)

    def _lines(self) -> list[dict[str, Any]]:
        return [position._values for position in self._positions._all]


class _Phones(_ComObject):
    def __init__(self) -> None:
        super().__init__()
        vars(self)["_all"] = []

    def Dodaj(self, numer: str) -> None:
        _check(numer, _TEXT)
        self._all.append(numer)


class _Customer(_Record):
    written = (
        _names("Symbol Nazwa NazwaPelna NIP REGON KRS OsobaImie OsobaNazwisko Ulica NrDomu", _TEXT)
        | _names("NrLokalu KodPocztowy Miejscowosc Email WWW DomyslnaWaluta Uwagi GLN", _TEXT)
        | _names(" ".join(f"Pole{number}" for number in range(1, 9)), _TEXT)
        | _names("Typ Panstwo GrupaId PoziomCenPrzySprzedazyId KredytKupieckiTerminId", _INT)
        | _names("RabatPrzySprzedazyId", _INT)
        | _names("Osoba OdbiorcaDetaliczny CzynnyPodatnikVAT PodatnikVatUE KredytKupiecki", _FLAG)
        | _names("PowielNIPBezUI PowielPESELBezUI Aktywny", _FLAG)
        | _names("KredytMaksWartosc", _AMOUNT)
    )
    read = _names("Identyfikator", _INT) | _names("SzczegolyOstatniegoBledu", _TEXT)

    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books, _phones=_Phones())

    @property
    def Telefony(self) -> _Phones:
        return self._phones  # type: ignore[no-any-return]

    def Zapisz(self) -> None:
        if not self._values.get("Nazwa"):
            raise ComError.of("Brak wymaganej nazwy.")
        phone = self._phones._all[0] if self._phones._all else ""
        self.tell(Identyfikator=self._books.save_customer(self._values, phone))
