"""enova365 as it goes wrong. The file `<sandbox>.fault` says how."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mostek_enova.office import Enova
from mostek_enova.sandbox.books import Books
from mostek_enova.sandbox.objects import Objects
from mostek_enova.sandbox.rows import (
    BusException,
    ConcurrencyException,
    DokumentHandlowy,
    LoginException,
    RowException,
)

__all__ = ["Faulty"]


class _Books(Books):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    @property
    def fault(self) -> str:
        file = Path(f"{self._path}.fault")
        return file.read_text() if file.exists() else ""

    def database(self, name: str) -> bool:
        return self.fault != "no database" and super().database(name)

    def log_in(self, operator: str, password: str) -> None:
        match self.fault:
            case "no licence":
                raise BusException("Brak wolnych licencji na program enova365.")
            case "wrong password":
                raise LoginException("Nieprawidłowe hasło operatora.")

    def transaction(self, write: Callable[[], None]) -> None:
        match self.fault:
            case "dialog":
                time.sleep(600)
            case "licence lost":
                raise BusException("Utracono licencję na program enova365.")
            case "refuses":
                raise RowException("Okres jest zamknięty.")
            case "conflict":
                raise ConcurrencyException("Wiersz zmienił inny operator.")
            case "dies":
                os._exit(3)
            case "vanishes":
                self.erp.execute("BEGIN")
                write()
                self.erp.execute("ROLLBACK")
                return
            case "taken meanwhile":
                self.erp.execute("UPDATE dbo.Kontrahenci SET Kod = 'NOWAFIRMA' WHERE ID = 2")
        super().transaction(write)
        match self.fault:
            case "dialog after commit":
                time.sleep(600)
            case "raises after commit":
                raise RuntimeError("The connection is broken.")
            case "refuses after commit":
                raise RowException("Zdarzenie po zapisie zgłosiło błąd.")
            case "dies after commit":
                os._exit(3)


class _Objects(Objects):
    def open_books(self, path: Path) -> Books:
        return _Books(path)


class Faulty(Enova):
    def net(self) -> Any:
        return _Objects(self.settings["sandbox"])

    def _fill(self, session: Any, document: DokumentHandlowy, header: Any) -> None:
        if Path(f"{self.settings['sandbox']}.fault").read_text() == "misspelt":
            document.Kontrachent = None
        super()._fill(session, document, header)

    def close(self) -> None:
        super().close()
        with Path(f"{self.settings['sandbox']}.closed").open("a") as file:
            file.write("closed\n")
