"""Sfera nexo as it goes wrong. The file `<sandbox>.fault` says how."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from mostek_subiekt.nexo.office import Nexo
from mostek_subiekt.nexo.sandbox.books import Books
from mostek_subiekt.nexo.sandbox.objects import Objects, SferaException

__all__ = ["Faulty"]

T = TypeVar("T")


class SqlException(Exception):
    """As the driver's."""


class _Books(Books):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._fault = Path(f"{path}.fault").read_text()

    def connect(self) -> None:
        match self._fault:
            case "no licence":
                raise SferaException("Brak licencji na Sferę.")
            case "other version":
                raise SferaException("Wersja bazy danych jest inna niż wersja bibliotek.")

    def log_in(self, operator: str, password: str) -> bool:
        return self._fault != "wrong password"

    def customer(self, symbol: str) -> int | None:
        if self._fault == "open":
            raise SferaException("Podmiot jest zablokowany przez użytkownika Anna.")
        if self._fault == "no database":
            raise SqlException("Upłynął limit czasu połączenia.")
        if self._fault == "no member":
            raise AttributeError("UstawZamawiajacegoWedlugSymbolu")
        if self._fault == "raises":
            raise SferaException("Użytkownik nie ma uprawnień.")
        return super().customer(symbol)

    def counted(self, order: Any, lines: Any) -> tuple[Decimal, Decimal, Decimal]:
        net, vat, gross = super().counted(order, lines)
        return (net, vat, gross + 1) if self._fault == "dearer" else (net, vat, gross)

    def wrong(self, order: Any, lines: Any) -> str:
        said = {
            "refuses": "Okres jest zamknięty.",
            "locked": "Podmiot jest zablokowany.",
            "licence lost": "Utracono licencję na Sferę.",
        }
        return said.get(self._fault) or super().wrong(order, lines)

    def transaction(self, write: Callable[[], T]) -> T:
        match self._fault:
            case "dialog":
                time.sleep(600)
            case "dies":
                os._exit(3)
            case "vanishes":
                self._erp.execute("BEGIN")
                done = write()
                self._erp.execute("ROLLBACK")
                return done
        done = super().transaction(write)
        match self._fault:
            case "raises after commit":
                raise SferaException("Połączenie zostało przerwane.")
            case "dies after commit":
                os._exit(3)
        return done


class _Objects(Objects):
    def open_books(self, path: Path) -> Books:
        return _Books(path)


class Faulty(Nexo):
    def net(self) -> Any:
        return _Objects(self.settings["sandbox"])
