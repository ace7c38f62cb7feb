"""An office for the tests of the worker: what is asked decides what happens."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from mostek.plugin.worker.inside import Fault, Office

__all__ = ["Notebook"]


class Notebook(Office):
    """Notes go to a file, so that they are there when the process is not."""

    def open(self) -> None:
        if self.settings.get("licence") == "none":
            raise Fault("licence", "All licence seats are taken.", "Brak licencji")
        self._log("open")

    def close(self) -> None:
        self._log("close")

    def note(self, text: str, then: str = "") -> dict[str, Any]:
        """Write a note and then `hang`, `die`, `raise` or be `locked`, or without `licence`; `vanish` writes none."""
        if then == "licence":
            raise Fault("licence", "The licence seat is gone.", "Utracono licencję")
        if then == "locked":
            raise Fault("locked", "An operator has it open.", "zablokowany przez operatora")
        if then != "vanish":
            self._log(f"note {text}")
        match then:
            case "hang":
                time.sleep(600)
            case "die":
                os._exit(3)
            case "raise":
                raise ArithmeticError("after the commit")
            case "print":
                print("the ERP's own words")
        return {"text": text, "python": sys.executable}

    def hang(self) -> dict[str, Any]:
        """Write nothing, and hang."""
        time.sleep(600)
        return {}

    def break_off(self) -> dict[str, Any]:
        """Write nothing, and fail in a way that nobody foresaw."""
        raise ArithmeticError("before the commit")

    def launch(self) -> dict[str, Any]:
        """Start a process that is not ours to wait for, as COM does, and hang."""
        started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.tell([started.pid])
        self._log(f"pid {started.pid}")
        time.sleep(600)
        return {}

    def _log(self, line: str) -> None:
        with open(self.settings["file"], "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(line + "\n")
