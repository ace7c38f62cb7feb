"""A version as one file: a zip of pinned and hashed wheels, installed without a network.

bundle.json         what it is: version, python, platform, plugins
requirements.txt    every package with its version and the hashes of its wheels
wheels/*.whl
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mostek.connector.launcher.installation import (
    Installation,
    InstallationError,
    named_version,
)

__all__ = [
    "ABOUT",
    "ANY",
    "FORMAT",
    "REQUIREMENTS",
    "WHEELS",
    "Bundle",
    "BundleError",
    "closed_to_others",
    "here",
    "install",
    "sha256",
]

ABOUT, REQUIREMENTS, WHEELS = "bundle.json", "requirements.txt", "wheels/"
#: What this code can read; a bundle that needs more is refused.
FORMAT = 1
#: The platform of a bundle whose wheels run anywhere.
ANY = "any"
#: No bundle is larger: a file that says so is no bundle.
MOST_BYTES = 2 * 1024**3
#: Seconds that a step of the installation may take.
STEP_WITHIN = 900.0


class BundleError(Exception):
    """The file can't be installed here; the message says why and what to do. Nothing has changed."""


@dataclass(frozen=True)
class Bundle:
    """What a file says of itself."""

    file: Path
    version: str
    python: str
    platform: str
    plugins: Sequence[str]

    @classmethod
    def of(cls, file: Path) -> Bundle:
        """Raises BundleError: it is none, or none for this machine."""
        with _opened(file) as archive:
            bundle = cls._told(file, archive)
            _checked(archive)
        python, platform = here()
        if bundle.python != python or bundle.platform not in {platform, ANY}:
            raise BundleError(
                f"{file.name} is for Python {bundle.python} on {bundle.platform}, and here is Python {python} on "
                f"{platform}: ask for the bundle that fits"
            )
        return bundle

    @classmethod
    def _told(cls, file: Path, archive: zipfile.ZipFile) -> Bundle:
        try:
            about: dict[str, Any] = json.loads(archive.read(ABOUT))
            if about["format"] > FORMAT:
                raise BundleError(
                    f"{file.name} is of a newer kind: run its own installation program instead"
                )
            plugins = [str(plugin) for plugin in about["plugins"]]
            version = named_version(str(about["version"]))
            return cls(file, version, str(about["python"]), str(about["platform"]), plugins)
        except (KeyError, TypeError, ValueError):
            raise BundleError(
                f"{file} is no bundle of Mostek: {ABOUT} is missing or damaged"
            ) from None
        except InstallationError as error:
            raise BundleError(f"{file} is no bundle of Mostek: {error}") from None


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise BundleError(f"{file} can't be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise BundleError(f"{file} is damaged or no zip file ({error}): copy it again") from None


def _checked(archive: zipfile.ZipFile) -> None:
    """No file but those that a bundle has, none of them somewhere else, all of them whole."""
    if sum(info.file_size for info in archive.infolist()) > MOST_BYTES:
        raise BundleError("the bundle is larger than any can be")
    for name in archive.namelist():
        wheel = name.removeprefix(WHEELS)
        known = name in {ABOUT, REQUIREMENTS, WHEELS} or (
            name == WHEELS + wheel and wheel.endswith(".whl")
        )
        if not known or "/" in wheel or "\\" in wheel or ".." in name or ":" in name:
            raise BundleError(f"the bundle holds {name[:80]!r}, which no bundle has: do not use it")
    if REQUIREMENTS not in archive.namelist():
        raise BundleError(f"the bundle has no {REQUIREMENTS}: do not use it")
    if not any(name.startswith(f"{WHEELS}pip-") for name in archive.namelist()):
        raise BundleError("the bundle has no pip to install it with: do not use it")
    if broken := archive.testzip():
        raise BundleError(f"{broken} in the bundle is damaged: copy the file again")


def here() -> tuple[str, str]:
    """The Python and the platform of this machine, as bundles name them: `3.11`, `win_amd64`."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{sys.version_info.major}.{sys.version_info.minor}", platform


def sha256(file: Path) -> str:
    """Of the whole file, in hex. Raises BundleError."""
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{file} can't be read: {error.strerror}") from None


def install(bundle: Bundle, installation: Installation, say: Callable[[str], None] = print) -> None:
    """Have the version beside the others, complete. What runs is not touched. Raises BundleError."""
    folder = installation.folder(bundle.version)
    if (folder / "complete").exists():
        say(f"Version {bundle.version} is installed already.")
        return
    if sys.platform != "win32" and (closed := closed_to_others(Path(sys.executable).resolve())):
        say(
            f"WARNING: other accounts may not enter {closed}, where this Python is, so that a service with an account "
            "of its own can't start. Make the launcher's environment with a Python for all users: /usr/bin/python3."
        )
    # The service's account must be able to read what an administrator with a strict umask installs.
    before = os.umask(0o022)
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with _opened(bundle.file) as archive:
            archive.extractall(folder)
        _environment(folder, say)
        shutil.rmtree(folder / WHEELS)
        (folder / "complete").touch()
    except OSError as error:
        raise BundleError(f"{error.filename or folder}: {error.strerror}") from None
    finally:
        os.umask(before)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)


def closed_to_others(file: Path) -> Path | None:
    """The first folder on the way to the file that not every account may enter; None: there is none."""
    return next((each for each in reversed(file.parents) if not each.stat().st_mode & 0o001), None)


def _environment(folder: Path, say: Callable[[str], None]) -> None:
    """By the bundle's own pip: that of the machine may be old, or not there."""
    venv = folder / "venv"
    say(f"Making the environment {venv} …")
    _ran([sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)])
    say("Installing the packages …")
    [installer, *_] = (folder / WHEELS).glob("pip-*.whl")
    python = venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    pip = [
        str(python),
        "-I",
        str(installer / "pip"),
        "--disable-pip-version-check",
        "--no-cache-dir",
    ]
    wheels = ["--no-index", "--find-links", str(folder / WHEELS), "--only-binary", ":all:"]
    only = ["--require-hashes", "--no-deps", "-r", str(folder / REQUIREMENTS)]
    _ran([*pip, "install", "--quiet", *wheels, *only])
    _ran([*pip, "check"])


def _ran(command: Sequence[str]) -> None:
    """Raises BundleError with the last lines that it said."""
    # What the machine tells pip, such as an index of packages, is not for this.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    environment["PIP_CONFIG_FILE"] = os.devnull
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=STEP_WITHIN, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BundleError(f"{' '.join(command[:4])}: {error}") from None
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise BundleError(f"the packages of the bundle can't be installed:\n{said}")
