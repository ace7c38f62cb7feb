"""The documented part of Optima's COM objects, on a sandbox: what `Com` is on Windows.

A member that is in no source, a value of another type, a read-only property that is set, a call outside of the
program's folder: each is an error here, as there. What a member does is known for the ones that are used; a documented
one that is not used says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

from mostek_optima.com.sandbox.books import Books, Refused

__all__ = ["ComError", "DoubleCom", "Member"]

_TYPE_MISMATCH, _NOT_IMPLEMENTED = -2147352571, -2147467263
_NO_CLASS, _BAD_COUNT = -2147221005, -2147352562
_RAISED = -2147352567


class ComError(Exception):
    """As pywin32's: code, text, (…, source, text, …, …, code), argument."""

    @classmethod
    def of(cls, text: str) -> ComError:
        """The object's own refusal."""
        return cls(_RAISED, "Wystąpił wyjątek.", (0, "CDNBase", text, None, 0, -2147220991), None)


Member = tuple[type, ...]
_TEXT: Member = (str,)
_INT: Member = (int,)
_AMOUNT: Member = (float,)
_DAY: Member = (datetime,)
_OBJECT: Member = (object,)


def _names(names: str, kind: Member) -> dict[str, Member]:
    return dict.fromkeys(names.split(), kind)


class _ComObject:
    """Knows its members: `written` those that may be set, `read` those that may only be read, by their types."""

    written: ClassVar[Mapping[str, Member]] = {}
    read: ClassVar[Mapping[str, Member]] = {}

    def __init__(self, **own: Any) -> None:
        vars(self).update(_values={}, **own)

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
    fits = isinstance(value, _ComObject) if kinds is _OBJECT else type(value) in kinds
    if not fits:
        raise ComError(_TYPE_MISMATCH, "Niezgodność typu.", None, None)


def _nothing(value: Any) -> None:
    """The argument that callers leave empty."""
    if value is not None:
        raise ComError(_TYPE_MISMATCH, "Niezgodność typu.", None, None)


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
            raise ComError(_NO_CLASS, "Nieprawidłowy ciąg klasy", None, None)
        return _Application(_books=self.books, _here=self._is_in_folder, _locked=False)

    def _is_in_folder(self) -> None:
        if not Path.cwd().samefile(self._folder):
            raise ComError.of(f"Nie można odnaleźć pliku konfiguracji w katalogu {Path.cwd()}.")

    def day(self, day: date) -> datetime:
        return datetime(day.year, day.month, day.day)

    def pump(self) -> None:
        """There are no windows."""


class _Application(_ComObject):
    written = _names("KonfigConnectStr HASPKeyServer", _TEXT)
    read = _names("HASPConnection", _OBJECT)

    def LockApp(self, flags: int, timeout: int, a: None, b: None, c: None, d: None) -> None:
        self._here()
        _check(flags, _INT)
        _check(timeout, _INT)
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
            _check(one, _TEXT)
        for module in moduly:
            _nothing(module)
        self._books.log_in(operator, haslo, firma)
        return _Login(_books=self._books, _here=self._here)

    def UnlockApp(self) -> None:
        vars(self)["_locked"] = False


class _Login(_ComObject):
    def CreateSession(self) -> _Session:
        self._here()
        return _Session(_books=self._books, _here=self._here, _new=[])


class _Session(_ComObject):
    def CreateObject(self, nazwa: str, nic: None) -> _Collection:
        self._here()
        _check(nazwa, _TEXT)
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


class _Collection(_ComObject):
    """Elements of a table, found by a condition of one column."""

    table: ClassVar[str]
    key: ClassVar[str]

    def Item(self, warunek: str) -> _Element:
        _check(warunek, _TEXT)
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


class _Element(_ComObject):
    """Something that is there already."""

    read = _names("ID", _INT)


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


class _Address(_ComObject):
    written = _names(
        "Ulica NrDomu NrLokalu Miasto KodPocztowy Kraj Wojewodztwo Powiat Gmina", _TEXT
    )


class _TaxId(_ComObject):
    def UstawNIP(self, kraj: str, numer: str, jak: int) -> None:
        _check(kraj, _TEXT)
        _check(numer, _TEXT)
        _check(jak, _INT)
        vars(self)["_given"] = (kraj, numer)


class _Customer(_ComObject):
    written = _names("Akronim Nazwa1 Nazwa2 Nazwa3 Email Telefon1", _TEXT) | _names(
        "Medialny", _INT
    )
    read = _names("ID", _INT)

    @property
    def Adres(self) -> _Address:
        return self._address  # type: ignore[no-any-return]

    @property
    def NumerNIP(self) -> _TaxId:
        return self._tax_id  # type: ignore[no-any-return]

    def save(self) -> None:
        saved = self._books.save_customer(self._values, self._address._values, self._tax_id._given)
        self.tell(ID=saved)


class _Numerator(_ComObject):
    written = _names("DefinicjaDokumentu", _OBJECT) | _names("Rejestr", _TEXT)


class _Line(_ComObject):
    written = (
        _names("TowarKod TowarOpis", _TEXT)
        | _names("TowarID", _INT)
        | _names("Ilosc Cena0 Cena0WD WartoscNetto WartoscNettoWal Stawka", _AMOUNT)
    )


class _Attribute(_ComObject):
    written = _names("Kod Wartosc", _TEXT) | _names("DeAID", _INT)


class _Added(_ComObject):
    """The lines or attributes of a document."""

    def AddNew(self, nic: None) -> _ComObject:
        _nothing(nic)
        self._all.append(self._kind())
        return self._all[-1]  # type: ignore[no-any-return]


class _Document(_ComObject):
    written = (
        _names("Rodzaj TypDokumentu Bufor MagazynZrodlowyID TypNB Export", _INT)
        | _names("Podmiot Odbiorca FormaPlatnosci", _OBJECT)
        | _names("DataDok DataWys DataTransportu DataKur", _DAY)
        | _names("NumerObcy Uwagi WalutaSymbol", _TEXT)
        | _names("KursL KursM", _AMOUNT)
    )
    read = _names("ID", _INT) | _names("NumerPelny", _TEXT)

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
