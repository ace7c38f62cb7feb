"""Optima as it goes wrong. The file `<sandbox>.fault` says how."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mostek_optima.com.office import ComOffice
from mostek_optima.com.sandbox.books import Books
from mostek_optima.com.sandbox.double import ComError, DoubleCom

__all__ = ["Faulty"]

T = TypeVar("T")
_CALL_FAILED = -2147023170


class _Books(Books):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    @property
    def _fault(self) -> str:
        file = Path(f"{self._path}.fault")
        return file.read_text() if file.exists() else ""

    def log_in(self, operator: str, password: str, company: str) -> None:
        match self._fault:
            case "no licence":
                raise ComError.of("Brak wolnych licencji na moduł Handel.")
            case "not registered":
                raise ComError(-2147221164, "Klasa niezarejestrowana", None, None)
            case "wrong password":
                raise ComError.of("Nieprawidłowe hasło operatora.")

    def held_by(self, table: str, number: int) -> str:
        return "KOWALSKI" if self._fault == "locked" and table == "Kontrahenci" else ""

    def transaction(self, write: Callable[[], T]) -> T:
        match self._fault:
            case "dialog":
                time.sleep(600)
            case "licence lost":
                raise ComError.of("Utracono połączenie z kluczem: brak licencji.")
            case "refuses":
                raise ComError.of("Dokument nie może być zapisany: okres jest zamknięty.")
            case "dies":
                os._exit(3)
            case "vanishes":
                self._erp.execute("BEGIN")
                done = write()
                self._erp.execute("ROLLBACK")
                return done
        done = super().transaction(write)
        match self._fault:
            case "dialog after commit":
                time.sleep(600)
            case "raises after commit":
                raise ComError(_CALL_FAILED, "Wywołanie procedury nie powiodło się.", None, None)
            case "dies after commit":
                os._exit(3)
        return done


class _Com(DoubleCom):
    def open_books(self, path: Path) -> Books:
        return _Books(path)


class Faulty(ComOffice):
    def com(self) -> Any:
        return _Com(self.settings["sandbox"], self.settings["folder"])

    def close(self) -> None:
        super().close()
        with Path(f"{self.settings['sandbox']}.closed").open("a") as file:
            file.write("closed\n")
