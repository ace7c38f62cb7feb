"""The documented part of enova365's business objects, on a sandbox: what `net.load` gives where the program is.

A member that the vendor does not document, a value of another type, a row that is changed outside of a transaction, a
field that is set before what it depends on: each is an error here, as there. What is set in a session is in memory
until `Commit`, and in the database after `Save`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any

from mostek_enova.sandbox.books import Books
from mostek_enova.sandbox.rows import (
    AccessWriteDenied,
    CustomerRecord,
    DaneKontaktowe,
    Definition,
    DokumentHandlowy,
    Form,
    InvalidOperationException,
    Kind,
    Kontrahent,
    PozycjaDokHandlowego,
    Product,
    Record,
    RodzajeKontaktow,
    RodzajPodmiotu,
    Row,
    SposobLiczeniaVAT,
    StanDokumentuHandlowego,
    StatusPodmiotu,
    Warehouse,
)
from mostek_enova.sandbox.values import Date, Decimal, DoubleCy, Guid, MemoText, Percent, Quantity

__all__ = ["Objects", "Session"]


class _Transaction:
    def __init__(self, session: Session) -> None:
        self._session, self._done = session, False
        session._editing = True

    def Commit(self) -> None:
        self._done = True

    def Dispose(self) -> None:
        self._session._editing = False
        if self._done:
            self._session._committed += self._session._added
        self._session._added = []


class Session:
    def __init__(self, books: Books) -> None:
        self._books, self._editing, self._open = books, False, True
        self._added: list[Row] = []
        self._committed: list[Row] = []

    def Logout(self, editMode: bool) -> _Transaction:
        if editMode is not True or not self._open:
            raise InvalidOperationException("Sesja jest zamknięta albo transakcja nie edycyjna.")
        return _Transaction(self)

    def AddRow(self, row: Row) -> None:
        if not isinstance(row, Row):
            raise TypeError("only rows are added")
        if not self._editing:
            raise AccessWriteDenied("Nie można dodać wiersza poza transakcją.")
        vars(row)["session"] = self
        self._added.append(row)
        if isinstance(row, PozycjaDokHandlowego):
            row._document._lines.append(row)

    def Save(self) -> None:
        rows, self._committed = self._committed, []
        for row in rows:
            if isinstance(row, DaneKontaktowe):
                vars(row._values["Host"])["_email"] = row._values["Kontakt"]

        def write() -> None:
            for row in rows:
                row._save(self._books)

        self._books.transaction(write)

    def Dispose(self) -> None:
        self._open = False


class _Key:
    """A unique key: one row, or None."""

    def __init__(self, find: Callable[[Any], Mapping[str, Any] | None], kind: type[Record]) -> None:
        self._find, self._kind = find, kind

    def __getitem__(self, key: Any) -> Any:
        row = self._find(key)
        return self._kind(row) if row else None


class _Table:
    """A table by the names of its keys, or by Guid."""

    def __init__(self, by_guid: _Key | None = None, **keys: _Key) -> None:
        self._by_guid = by_guid
        vars(self).update(keys)

    def __getitem__(self, guid: Guid) -> Any:
        if not isinstance(guid, Guid) or self._by_guid is None:
            raise TypeError("a table is looked up by a Guid")
        return self._by_guid[guid.text]


class _Module:
    def __init__(self, **tables: Callable[[Books], _Table]) -> None:
        self._tables = tables

    def GetInstance(self, session: Session) -> _Tables:
        if not isinstance(session, Session):
            raise TypeError("a module is one of a session")
        return _Tables(**{name: make(session._books) for name, make in self._tables.items()})


class _Tables:
    def __init__(self, **tables: _Table) -> None:
        vars(self).update(tables)


class _Login:
    def __init__(self, books: Books) -> None:
        self._books = books

    def CreateSession(self, readOnly: bool, config: bool, name: str) -> Session:
        if readOnly is not False or config is not False or not isinstance(name, str):
            raise TypeError("a session that writes operational data")
        return Session(self._books)

    def Dispose(self) -> None:
        """The seat is free."""


class _Database:
    def __init__(self, books: Books) -> None:
        self._books = books

    def Login(self, web: bool, user: str, password: str) -> _Login:
        if web is not False:
            raise TypeError("an operator logs in")
        self._books.log_in(user, password)
        return _Login(self._books)


class _Databases:
    def __init__(self, books: Books) -> None:
        self._books = books

    def __getitem__(self, name: str) -> _Database | None:
        return _Database(self._books) if self._books.database(name) else None


class _Application:
    def __init__(self, books: Books) -> None:
        self.Instance = _Databases(books)


class Objects:
    """The program's classes on the sandbox at `path`, by the names that `net.CLASSES` has."""

    Date, DoubleCy, Guid, Percent, Quantity = Date, DoubleCy, Guid, Percent, Quantity
    DokumentHandlowy, PozycjaDokHandlowego = DokumentHandlowy, PozycjaDokHandlowego
    Kontrahent, DaneKontaktowe, RodzajeKontaktow = Kontrahent, DaneKontaktowe, RodzajeKontaktow
    StanDokumentuHandlowego, SposobLiczeniaVAT = StanDokumentuHandlowego, SposobLiczeniaVAT
    StatusPodmiotu, RodzajPodmiotu, MemoText = StatusPodmiotu, RodzajPodmiotu, MemoText
    HandelModule = _Module(
        DefDokHandlowych=lambda books: _Table(WgSymbolu=_Key(books.definition, Definition))
    )
    MagazynyModule = _Module(
        Magazyny=lambda books: _Table(WgSymbol=_Key(books.warehouse, Warehouse))
    )
    CRMModule = _Module(
        Kontrahenci=lambda books: _Table(WgKodu=_Key(books.customer, CustomerRecord))
    )
    TowaryModule = _Module(Towary=lambda books: _Table(WgKodu=_Key(books.product, Product)))
    KasaModule = _Module(FormyPlatnosci=lambda books: _Table(_Key(books.form, Form)))
    CoreModule = _Module(RodzajeKontaktow=lambda _: _Table(_Key(lambda guid: {"Guid": guid}, Kind)))

    def __init__(self, path: str) -> None:
        self.BusApplication = _Application(self.open_books(Path(path)))

    def open_books(self, path: Path) -> Books:
        return Books(path)

    def decimal(self, text: str) -> Decimal:
        return Decimal(Exact(text))

    def exact(self, value: Decimal) -> Exact:
        return value.exact

    def memo(self, text: str) -> Any:
        return MemoText.op_Implicit(text)
