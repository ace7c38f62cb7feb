"""An installation on disk: its versions beside each other, which one is current, and an upgrade that is under way.

    ROOT/installation.json      where configuration and control are
    ROOT/versions/V/venv        one version; ROOT/versions/V/complete when it is all there
    CONTROL/current             the version to run
    CONTROL/pending.json        an upgrade that was asked for or is being tried
    CONTROL/outcome.json        what the last one came to

Programs are under ROOT, which the service only reads; what it writes is under CONTROL.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["Installation", "InstallationError", "Outcome", "Pending", "named_version"]

_VERSION = re.compile(r"[0-9][0-9A-Za-z.+!-]{0,63}")
_ABOUT = "installation.json"
_Kind = TypeVar("_Kind")
#: Seconds that a new version has to be ready, and that it must stay so.
WITHIN, STEADY = 120.0, 15.0


#: How often a change is tried again that is refused, and the seconds between.
_TRIES, _TRY_EVERY = 20, 0.05


class InstallationError(Exception):
    """The installation can't be used so; the message says what to do."""


@dataclass(frozen=True)
class Pending:
    """An upgrade: asked for, or, from before anything is touched, being tried."""

    id: str
    before: str
    to: str
    #: Seconds to be ready in, and to stay so.
    within: float = WITHIN
    steady: float = STEADY
    trying: bool = False


@dataclass(frozen=True)
class Outcome:
    """What an upgrade came to. `reason` says why it was taken back; empty: it was not."""

    id: str
    before: str
    to: str
    reason: str
    #: Seconds since 1970.
    at: float


def named_version(text: str) -> str:
    """The text, if it can name a version and a folder. Raises InstallationError."""
    if not _VERSION.fullmatch(text):
        raise InstallationError(f"{text[:80]!r} is no version, such as 0.2.0")
    return text


class Installation:
    """The files of one installation. Each is written whole or not at all, and is on disk when the call returns."""

    def __init__(self, root: Path, control: Path, config: Path) -> None:
        self.root = root
        self.control = control
        self.config = config

    @classmethod
    def at(cls, root: Path) -> Installation:
        """The installation in a folder. Raises InstallationError."""
        file = root / _ABOUT
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
            return cls(root, root / told["control"], root / told["config"])
        except OSError as error:
            raise InstallationError(
                f"{root} holds no installation ({file.name}: {error.strerror}); give the right folder with --root"
            ) from None
        except (ValueError, TypeError, KeyError):
            raise InstallationError(f"{file} is damaged: run the installation again") from None

    def create(self) -> None:
        """Write what `at` reads."""
        about = {"control": str(self.control), "config": str(self.config)}
        self._write(self.root / _ABOUT, json.dumps(about, indent=1))

    @property
    def versions(self) -> list[str]:
        """Those that are complete."""
        return sorted(marker.parent.name for marker in self.root.glob("versions/*/complete"))

    def folder(self, version: str) -> Path:
        """Where a version is, or would be."""
        return self.root / "versions" / named_version(version)

    def command(self, version: str) -> Path:
        """The `mostek-connector` of a version."""
        venv = self.folder(version) / "venv"
        if sys.platform == "win32":
            return venv / "Scripts" / "mostek-connector.exe"
        return venv / "bin" / "mostek-connector"

    @property
    def current(self) -> str:
        """The version to run. Before the first start there is none but the one that is installed.

        Raises InstallationError.
        """
        with contextlib.suppress(OSError, ValueError, InstallationError):
            named = named_version((self.control / "current").read_text(encoding="utf-8").strip())
            if named in self.versions:
                return named
        if len(self.versions) == 1:
            return self.versions[0]
        raise InstallationError(
            f"{self.control / 'current'} does not say which version to run; write one of these into it: "
            + (", ".join(self.versions) or "none is installed")
        )

    @property
    def pending(self) -> Pending | None:
        """The upgrade that is asked for or being tried."""
        return _read(self.control / "pending.json", Pending)

    @property
    def outcome(self) -> Outcome | None:
        """What the last upgrade came to."""
        return _read(self.control / "outcome.json", Outcome)

    def ask(self, to: str, *, within: float = WITHIN, steady: float = STEADY) -> Pending:
        """Ask the launcher for another version. Raises InstallationError."""
        if to not in self.versions:
            raise InstallationError(
                f"version {to} is not installed; there are {', '.join(self.versions) or 'none'}"
            )
        self.require_idle()
        if to == self.current:
            raise InstallationError(f"version {to} is the one that runs already")
        pending = Pending(uuid.uuid4().hex, self.current, to, within, steady)
        self._store("pending.json", pending)
        return pending

    def require_idle(self) -> None:
        """Raises InstallationError: an upgrade is under way."""
        if (found := self.pending) is not None:
            raise InstallationError(
                f"an upgrade to {found.to} is under way: wait for its end; if the service does not run, start it"
            )

    def withdraw(self, asked: Pending) -> bool:
        """Take a request back that the launcher has not begun; whether it had not."""
        if (found := self.pending) is None or found.id != asked.id or found.trying:
            return False
        self._remove(self.control / "pending.json")
        return True

    def run_from_now_on(self, version: str) -> None:
        """Make a version the current one."""
        self._write(self.control / "current", version)

    def trying(self, asked: Pending) -> None:
        """Mark it, before anything is touched: who finds the mark goes back."""
        self._store("pending.json", replace(asked, trying=True))

    def done(self, asked: Pending) -> None:
        """The new version is the one to run."""
        self.run_from_now_on(asked.to)
        self._end(asked, "")

    def taken_back(self, asked: Pending, reason: str) -> None:
        """The version before is the one to run."""
        self._end(asked, reason)

    def settle(self) -> Outcome | None:
        """At a start: what an upgrade came to that was cut short by a power cut or a kill; None: there was none.

        Only one whose version was made the current one has succeeded.
        """
        if (found := self.pending) is None or not found.trying:
            return None
        if self.current == found.to:
            return self._end(found, "")
        return self._end(found, "the machine or the launcher stopped while it was being tried")

    def keep_only(self, versions: Collection[str]) -> None:
        """Remove the other versions, and what is left of those that were never complete."""
        for folder in self.root.glob("versions/*"):
            if folder.name not in versions:
                (folder / "complete").unlink(missing_ok=True)
                shutil.rmtree(folder, ignore_errors=True)

    def _end(self, pending: Pending, reason: str) -> Outcome:
        outcome = Outcome(pending.id, pending.before, pending.to, reason, time.time())
        self._store("outcome.json", outcome)
        self._remove(self.control / "pending.json")
        return outcome

    def _store(self, name: str, value: Pending | Outcome) -> None:
        self._write(self.control / name, json.dumps(asdict(value), indent=1))

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(file.name + ".tmp")
        fresh.unlink(missing_ok=True)
        with fresh.open("w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        # Nothing in it is secret, and an administrator with a strict umask writes what the service reads.
        fresh.chmod(0o644)
        _insist(lambda: fresh.replace(file))
        _sync(file.parent)

    def _remove(self, file: Path) -> None:
        _insist(lambda: file.unlink(missing_ok=True))
        _sync(file.parent)


def _insist(change: Callable[[], object]) -> None:
    """Windows refuses to change a file at the moment that somebody reads it. Raises OSError if that goes on."""
    for _ in range(_TRIES):
        with contextlib.suppress(PermissionError):
            change()
            return
        time.sleep(_TRY_EVERY)
    change()


def _sync(folder: Path) -> None:
    """Have a folder's names on disk; Windows does that by itself."""
    if sys.platform != "win32":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _read(file: Path, kind: type[_Kind]) -> _Kind | None:
    """None: it is not there, or is no such thing."""
    try:
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return kind(**told)
    except (OSError, ValueError, TypeError):
        return None
