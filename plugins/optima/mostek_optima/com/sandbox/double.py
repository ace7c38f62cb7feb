"""The documented part of Optima's COM objects, on a sandbox: what `Com` is on Windows.

A member that is in no source, a value of another type, a read-only property that is set, a call outside of the
program's folder: each is an error here, as there. What a member does is known for the ones that are used; a documented
one that is not used says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

from mostek.plugin.worker.com_double import (
    AMOUNT,
    DAY,
    INT,
    NO_CLASS,
    OBJECT,
    TEXT,
    ComError,
    ComObject,
    check,
    members,
)
from mostek_optima.com.sandbox.books import Books, Refused

__all__ = ["ComError", "DoubleCom"]

_BAD_COUNT = -2147352562


def _nothing(value: Any) -> None:
    """The argument that callers leave empty."""
    check(value, (type(None),))


class DoubleCom:
    """Stands in for `Com`. The program's folder is the sandbox's, its company the one in `books`."""

    error = ComError

    def __init__(self, path: str, folder: str) -> None:
        self._folder = Path(folder)
        self.books = self.open_books(Path(path))

    def open_books(self, path: Path) -> Books:
        return Books(path)

    def dispatch(self, name: str) -> Any:
        if name != "CDNBase.Application":
            raise ComError(NO_CLASS, "Nieprawidłowy ciąg klasy", None, None)
        return _Application(_books=self.books, _here=self._is_in_folder, _locked=False)

    def _is_in_folder(self) -> None:
        if not Path.cwd().samefile(self._folder):
            raise ComError.of(f"Nie można odnaleźć pliku konfiguracji w katalogu {Path.cwd()}.")

    def day(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day)

    def pump(self) -> None:
        """There are no windows."""


class _Application(ComObject):
    written = members("KonfigConnectStr HASPKeyServer", TEXT)
    read = members("HASPConnection", OBJECT)

    def LockApp(self, flags: int, timeout: int, a: None, b: None, c: None, d: None) -> None:
        self._here()
        check(flags, INT)
        check(timeout, INT)
        for one in (a, b, c, d):
            _nothing(one)
        vars(self)["_locked"] = True

    def Login(self, operator: str, haslo: str, firma: str, *moduly: None) -> _Login:
        self._here()
        if not self._locked:
            raise ComError.of("Aplikacja nie została zablokowana (LockApp).")
        if len(moduly) not in {0, 17, 18}:
            raise ComError(_BAD_COUNT, "Nieprawidłowa liczba parametrów.", None, None)
        for one in (operator, haslo, firma):
            check(one, TEXT)
        for module in moduly:
            _nothing(module)
        self._books.log_in(operator, haslo, firma)
        return _Login(_books=self._books, _here=self._here)

    def UnlockApp(self) -> None:
        vars(self)["_locked"] = False


class _Login(ComObject):
    def CreateSession(self) -> _Session:
        self._here()
        return _Session(_books=self._books, _here=self._here, _new=[])


class _Session(ComObject):
    def CreateObject(self, nazwa: str, nic: None) -> _Collection:
        self._here()
        check(nazwa, TEXT)
        _nothing(nic)
        known: dict[str, Callable[[], _Collection]] = {
            "CDN.DokumentyHaMag": lambda: _Documents(_session=self),
            "CDN.Kontrahenci": lambda: _Customers(_session=self),
            "CDN.FormyPlatnosci": lambda: _Payments(_session=self),
            "CDN.DefinicjeDokumentow": lambda: _Definitions(_session=self),
        }
        if nazwa not in known:
            raise ComError.of(f"Nieznany obiekt {nazwa}.")
        return known[nazwa]()

    def Save(self) -> None:
        """All that was added, or nothing."""
        self._here()
        try:
            self._books.transaction(lambda: [one.save() for one in self._new])
        except Refused as refused:
            raise ComError.of(str(refused)) from None
        self._new.clear()

    def ClearState(self) -> None:
        self._new.clear()


class _Collection(ComObject):
    """Elements of a table, found by a condition of one column."""

    table: ClassVar[str]
    key: ClassVar[str]

    def Item(self, warunek: str) -> _Element:
        check(warunek, TEXT)
        match = re.fullmatch(r"(\w+)=(?:(\d+)|'((?:[^']|'')*)')", warunek)
        if not match:
            raise ComError.of(f"Nieprawidłowy warunek {warunek}.")
        value = int(match[2]) if match[2] else match[3].replace("''", "'")
        found = self._session._books.find(self.table, self.key, match[1], value)
        if found is None:
            raise ComError.of(f"Nie znaleziono obiektu {warunek}.")
        if held := self._session._books.held_by(self.table, found):
            raise ComError.of(f"Obiekt jest zablokowany przez operatora {held}.")
        return self.element(found)

    def element(self, number: int) -> _Element:
        return _Element(_number=number, _table=self.table)


class _Element(ComObject):
    """Something that is there already."""

    read = members("ID", INT)


class _Payments(_Collection):
    table, key = "FormyPlatnosci", "FPl_FPlId"


class _Definitions(_Collection):
    table, key = "DokDefinicje", "DDf_DDfID"


class _Customers(_Collection):
    table, key = "Kontrahenci", "Knt_KntId"

    def AddNew(self, nic: None) -> _Customer:
        _nothing(nic)
        customer = _Customer(
            _books=self._session._books, _address=_Address(), _tax_id=_TaxId(_given=())
        )
        self._session._new.append(customer)
        return customer


class _Documents(_Collection):
    table, key = "TraNag", "TrN_TrNID"

    def AddNew(self, nic: None) -> _Document:
        _nothing(nic)
        document = _Document(
            _books=self._session._books,
            _numerator=_Numerator(),
            _lines=_Added(_kind=_Line, _all=[]),
            _attributes=_Added(_kind=_Attribute, _all=[]),
        )
        self._session._new.append(document)
        return document


class _Address(ComObject):
    written = members(
        "Ulica NrDomu NrLokalu Miasto KodPocztowy Kraj Wojewodztwo Powiat Gmina", TEXT
    )


class _TaxId(ComObject):
    def UstawNIP(self, kraj: str, numer: str, jak: int) -> None:
        check(kraj, TEXT)
        check(numer, TEXT)
        check(jak, INT)
        vars(self)["_given"] = (kraj, numer)


class _Customer(ComObject):
    written = members("Akronim Nazwa1 Nazwa2 Nazwa3 Email Telefon1", TEXT) | members(
        "Medialny", INT
    )
    read = members("ID", INT)

    @property
    def Adres(self) -> _Address:
        return self._address  # type: ignore[no-any-return]

    @property
    def NumerNIP(self) -> _TaxId:
        return self._tax_id  # type: ignore[no-any-return]

    def save(self) -> None:
        saved = self._books.save_customer(self._values, self._address._values, self._tax_id._given)
        self.tell(ID=saved)


class _Numerator(ComObject):
    written = members("DefinicjaDokumentu", OBJECT) | members("Rejestr", TEXT)


class _Line(ComObject):
    written = (
        members("TowarKod TowarOpis", TEXT)
        | members("TowarID", INT)
        | members("Ilosc Cena0 Cena0WD WartoscNetto WartoscNettoWal Stawka", AMOUNT)
    )


class _Attribute(ComObject):
    written = members("Kod Wartosc", TEXT) | members("DeAID", INT)


class _Added(ComObject):
    """The lines or attributes of a document."""

    def AddNew(self, nic: None) -> ComObject:
        _nothing(nic)
        self._all.append(self._kind())
        return self._all[-1]  # type: ignore[no-any-return]


class _Document(ComObject):
    written = (
        members("Rodzaj TypDokumentu Bufor MagazynZrodlowyID TypNB Export", INT)
        | members("Podmiot Odbiorca FormaPlatnosci", OBJECT)
        | members("DataDok DataWys DataTransportu DataKur", DAY)
        | members("NumerObcy Uwagi WalutaSymbol", TEXT)
        | members("KursL KursM", AMOUNT)
    )
    read = members("ID", INT) | members("NumerPelny", TEXT)

    @property
    def Numerator(self) -> _Numerator:
        return self._numerator  # type: ignore[no-any-return]

    @property
    def Elementy(self) -> _Added:
        return self._lines  # type: ignore[no-any-return]

    @property
    def Atrybuty(self) -> _Added:
        return self._attributes  # type: ignore[no-any-return]

    def __setattr__(self, name: str, value: Any) -> None:
        first = {"Rodzaj", "TypDokumentu"}
        if name in self.written and name not in first and not first <= self._values.keys():
            raise ComError.of("Najpierw rodzaj i typ dokumentu.")
        super().__setattr__(name, value)

    def save(self) -> None:
        values = {n: v._number if isinstance(v, _Element) else v for n, v in self._values.items()}
        numerator = {
            n: v._number if isinstance(v, _Element) else v
            for n, v in self._numerator._values.items()
        }
        lines = [line._values for line in self._lines._all]
        attributes = [one._values for one in self._attributes._all]
        number, name = self._books.save_order(values, numerator, lines, attributes)
        self.tell(ID=number, NumerPelny=name)
