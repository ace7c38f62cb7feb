"""The documented part of Sfera GT's COM objects, on a sandbox: what `Com` is on Windows.

A member that the type library does not have, a value of another type, a read-only property that is set: each is an
error here, as there. What a member does is known for the ones that are used; a documented one that is not used says so.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from os import getpid
from pathlib import Path
from typing import Any

from mostek.plugin.worker.com_double import (
    AMOUNT,
    DAY,
    FLAG,
    INT,
    NO_CLASS,
    TEXT,
    ComError,
    ComObject,
    check,
    members,
)
from mostek_subiekt.sfera.sandbox.books import Books

__all__ = ["ComError", "DoubleCom"]


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
            raise ComError(NO_CLASS, "Nieprawidłowy ciąg klasy", None, None)
        return known[name]()

    def day(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day)

    def pump(self) -> None:
        """There are no windows."""


class _Additions(ComObject):
    def Szyfruj(self, haslo: str) -> str:
        check(haslo, TEXT)
        return haslo[::-1]


class _Gt(ComObject):
    written = members("Produkt Autentykacja", INT) | members(
        "Serwer Baza Uzytkownik UzytkownikHaslo Operator OperatorHaslo", TEXT
    )

    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self)["_books"] = books

    def Uruchom(self, dopasuj: int, uruchom: int) -> _Subiekt:
        check(dopasuj, INT)
        check(uruchom, INT)
        if self._values.get("Produkt") != 1 or self._values.get("Autentykacja") not in {0, 1}:
            raise ComError.of("Nieprawidłowe parametry uruchomienia.")
        for needed in ("Serwer", "Baza", "Operator", "OperatorHaslo"):
            if needed not in self._values:
                raise ComError.of(f"Brak parametru {needed}.")
        if self._values["Autentykacja"] == 0 and not self._values.get("Uzytkownik"):
            raise ComError.of("Nie podano użytkownika serwera.")
        self._books.log_in(self._values["Operator"], self._values["OperatorHaslo"])
        return _Subiekt(self._books)


class _Subiekt(ComObject):
    written = members("MagazynId", INT)
    read = members("OperatorId IdentyfikatorProcesu", INT) | members("WersjaTekst", TEXT)

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


class _Documents(ComObject):
    def __init__(self, subiekt: _Subiekt, books: Books) -> None:
        super().__init__()
        vars(self).update(_subiekt=subiekt, _books=books)

    def DodajZK(self) -> _Document:
        return _Document(self._books, self._subiekt.MagazynId)


class _Customers(ComObject):
    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books)

    def DodajKontrahenta(self) -> _Customer:
        return _Customer(self._books)


class _Record(ComObject):
    """A document or a card, which is open until it is closed."""

    _closed = False

    def Zamknij(self) -> None:
        vars(self)["_closed"] = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._closed:
            raise ComError.of("Obiekt został zamknięty.")
        super().__setattr__(name, value)


class _Position(ComObject):
    written = (
        members("IloscJm RabatProcent", AMOUNT)
        | members("CenaNettoPrzedRabatem CenaBruttoPrzedRabatem", AMOUNT)
        | members("CenaNettoPoRabacie CenaBruttoPoRabacie", AMOUNT)
        | members("WartoscNettoPrzedRabatem WartoscBruttoPrzedRabatem", AMOUNT)
        | members("WartoscNettoPoRabacie WartoscBruttoPoRabacie", AMOUNT)
        | members("VatId MagazynId KategoriaId", INT)
        | members("Jm Opis UslJednNazwa UslJednPKWiU", TEXT)
        | members("Termin", DAY)
    )
    read = members("Lp Id TowarId", INT) | members("TowarSymbol TowarNazwa", TEXT)

    def __init__(self, books: Books, product: int, place: int) -> None:
        super().__init__()
        self.tell(TowarId=product, Lp=place)
        self.Jm = books.unit_of(product)
        self.IloscJm = 1.0


class _Positions(ComObject):
    def __init__(self, books: Books) -> None:
        super().__init__()
        vars(self).update(_books=books, _all=[])

    def Dodaj(self, towar: int | str) -> _Position:
        check(towar, (int, str))
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
        members("KontrahentId OdbiorcaId KontrahentAdresId OdbiorcaAdresId AdresDostawyId", INT)
        | members("NumerOryginalny Uwagi UwagiExt Tytul Podtytul WalutaSymbol", TEXT)
        | members("DataWystawienia DataMagazynowa TerminRealizacji WalutaDataKursu", DAY)
        | members("LiczonyOdCenBrutto LiczonyOdCenNetto Rezerwacja", FLAG)
        | members("PoziomCenyId WalutaTypKursu KategoriaId StatusDokumentu Numer", INT)
        | members("TransakcjaRodzajOperacjiVat PlatnoscKartaId PlatnoscRatyId", INT)
        | members("PlatnoscKredytId", INT)
        | members("WalutaKurs RabatProcent PlatnoscGotowkaKwota PlatnoscPrzelewKwota", AMOUNT)
        | members("PlatnoscKartaKwota PlatnoscRatyKwota PlatnoscKredytKwota", AMOUNT)
        | members("PlatnoscKredytTermin", DAY)
        | members("Wystawil Odebral FlagaNazwa NumerRozszerzenie", TEXT)
    )
    read = (
        members("Identyfikator Typ FormaDokumentu", INT)
        | members("NumerPelny NumerKSeF SzczegolyOstatniegoBledu", TEXT)
        | members("KwotaDoZaplaty WartoscNetto WartoscVat WartoscBrutto", AMOUNT)
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


class _Phones(ComObject):
    def __init__(self) -> None:
        super().__init__()
        vars(self)["_all"] = []

    def Dodaj(self, numer: str) -> None:
        check(numer, TEXT)
        self._all.append(numer)


class _Customer(_Record):
    written = (
        members("Symbol Nazwa NazwaPelna NIP REGON KRS OsobaImie OsobaNazwisko Ulica NrDomu", TEXT)
        | members("NrLokalu KodPocztowy Miejscowosc Email WWW DomyslnaWaluta Uwagi GLN", TEXT)
        | members(" ".join(f"Pole{number}" for number in range(1, 9)), TEXT)
        | members("Typ Panstwo GrupaId PoziomCenPrzySprzedazyId KredytKupieckiTerminId", INT)
        | members("RabatPrzySprzedazyId", INT)
        | members("Osoba OdbiorcaDetaliczny CzynnyPodatnikVAT PodatnikVatUE KredytKupiecki", FLAG)
        | members("PowielNIPBezUI PowielPESELBezUI Aktywny", FLAG)
        | members("KredytMaksWartosc", AMOUNT)
    )
    read = members("Identyfikator", INT) | members("SzczegolyOstatniegoBledu", TEXT)

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
