"""Sfera GT as it goes wrong. The file `<sandbox>.fault` says how."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from mostek.plugin.sandbox import connect_sandbox
from mostek_subiekt.sfera.office import Sfera
from mostek_subiekt.sfera.sandbox.books import Books
from mostek_subiekt.sfera.sandbox.double import ComError, DoubleCom

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

    def log_in(self, operator: str, password: str) -> None:
        match self._fault:
            case "no licence":
                raise ComError.of("Brak wolnych licencji na program Subiekt GT.")
            case "not registered":
                raise ComError(-2147221164, "Klasa niezarejestrowana", None, None)
            case "other account":
                raise ComError(-2147417851, "Serwer zgłosił wyjątek.", None, None)
            case "wrong password":
                raise ComError.of("Nieprawidłowe hasło operatora.")

    def counted(self, document: Any, lines: Any) -> tuple[float, float, float]:
        net, vat, gross = super().counted(document, lines)
        return (net, vat, gross + 1) if self._fault == "dearer" else (net, vat, gross)

    def transaction(self, write: Callable[[], T]) -> T:
        match self._fault:
            case "dialog":
                time.sleep(600)
            case "licence lost":
                raise ComError.of("Utracono licencję na program Subiekt GT.")
            case "refuses":
                raise ComError.of("Dokument nie może być zapisany: okres jest zamknięty.")
            case "dies":
                os._exit(3)
            case "vanishes":
                self._erp.execute("BEGIN")
                done = write()
                self._erp.execute("ROLLBACK")
                return done
            case "commits late":
                self._commit_late(write)
        done = super().transaction(write)
        match self._fault:
            case "dialog after commit":
                time.sleep(600)
            case "raises after commit":
                raise ComError(
                    _CALL_FAILED, "Zdalne wywołanie procedury nie powiodło się.", None, None
                )
            case "dies after commit":
                os._exit(3)
        return done

    def _commit_late(self, write: Callable[[], Any]) -> None:
        """As a program does that the worker did not start: it saves when its caller is dead."""
        caller = os.getpid()
        if os.fork() == 0:
            if os.fork() == 0:
                self._erp = connect_sandbox(self._path)
                Path(f"{self._path}.pid").write_text(str(os.getpid()))
                while _is_there(caller):
                    time.sleep(0.01)
                super().transaction(write)
            os._exit(0)
        os.wait()
        time.sleep(600)


def _is_there(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class _Com(DoubleCom):
    def open_books(self, path: Path) -> Books:
        return _Books(path)


class Faulty(Sfera):
    def com(self) -> Any:
        return _Com(self.settings["sandbox"])

    def close(self) -> None:
        super().close()
        if Path(f"{self.settings['sandbox']}.fault").exists():
            return
        with Path(f"{self.settings['sandbox']}.closed").open("a") as file:
            file.write("closed\n")
