"""The machine and the configuration: what must be right before anything is connected."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from mostek.connector.doctor.examination import Said, Subject

__all__ = ["configuration", "machine"]

#: Megabytes of disk. Outcomes and logs need little, and a full disk stops writes.
_LOW, _FULL = 1000, 100


def configuration(subject: Subject) -> Said:
    """The file, with every mistake."""
    if not subject.file.exists():
        yield "config.none", {"file": subject.file}
    elif subject.mistakes:
        for mistake in subject.mistakes:
            yield "config.mistake", {"mistake": mistake, "file": subject.file}
    else:
        names = ", ".join(company.name for company in subject.companies)
        yield "config.ok", {"file": subject.file, "companies": names}
    if subject.hub is None:
        yield "hub.unknown", {}


def machine(subject: Subject) -> Said:
    """Versions, disk, and whether the state folder can be written to."""
    yield (
        "machine.version",
        {
            "version": version("mostek"),
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()}",
        },
    )
    folder = _existing(subject.state)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason, account = error.strerror or str(error), _account()
        yield "state.unwritable", {"folder": folder, "reason": reason, "account": account}
    free = shutil.disk_usage(folder).free // 1_000_000
    key = "disk.full" if free < _FULL else "disk.low" if free < _LOW else "disk.ok"
    yield key, {"free": free, "folder": folder}


def _existing(folder: Path) -> Path:
    """The folder, or the one above it in which it will be made."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    return folder


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(getattr(os, "geteuid", lambda: "?")())
