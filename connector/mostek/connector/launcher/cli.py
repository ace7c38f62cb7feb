"""`mostek-connector-launcher`: what the service starts, and what a setup program calls."""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mostek.connector.launcher.bundle import Bundle, BundleError, install
from mostek.connector.launcher.installation import Installation, InstallationError
from mostek.connector.launcher.launcher import Launcher
from mostek.connector.launcher.service import commanded

__all__ = ["launcher_of", "main"]

ON_WINDOWS = sys.platform == "win32"
#: Bytes of a log file, and how many are kept.
LOG_BYTES, LOG_FILES = 10_000_000, 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point."""
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except (InstallationError, BundleError) as error:
        raise SystemExit(f"mostek-connector-launcher: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("mostek-connector-launcher", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run", help="run the current version, and upgrades that are asked for"
    )
    run.add_argument("--log", type=Path, help="write the logs to this file instead of stderr")
    run.set_defaults(run=_run)
    setup = commands.add_parser(
        "install", help="install a version from a bundle; the first makes the installation"
    )
    setup.add_argument("bundle", type=Path)
    setup.add_argument("--config", type=Path, help="the connector's configuration")
    setup.add_argument("--control", type=Path, help="a folder that the service may write to")
    setup.set_defaults(run=_install)
    connector = commands.add_parser(
        "connector",
        help="mostek-connector of the current version, with the installation's configuration",
    )
    connector.set_defaults(run=_connector)
    for command in (run, setup, connector):
        command.add_argument(
            "--root",
            type=Path,
            default=Path(sys.prefix).parent,
            help="the installation's folder; else the one that this launcher is in",
        )
    connector.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND …")
    if ON_WINDOWS:
        service = commands.add_parser("service", help="the Windows service: install, remove, host")
        service.add_argument("arguments", nargs=argparse.REMAINDER)
        service.set_defaults(run=_service)
    return parser


def _install(given: argparse.Namespace) -> None:
    bundle = Bundle.of(given.bundle)
    root = given.root.absolute()
    try:
        installation = Installation.at(root)
    except InstallationError:
        if given.config is None:
            raise InstallationError("the first installation needs --config") from None
        control = given.control or root / "control"
        installation = Installation(root, control.absolute(), given.config.absolute())
    if installation.versions:
        raise InstallationError(
            f"{root} has version {', '.join(installation.versions)}: `mostek-connector upgrade {given.bundle}` "
            "brings another one"
        )
    install(bundle, installation)
    installation.create()
    print(
        f"Version {bundle.version} is installed in {root}. It serves: {', '.join(bundle.plugins)}."
    )


def _run(given: argparse.Namespace) -> None:
    launcher = launcher_of(given.root.absolute(), given.log)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: launcher.stopping.set())
    launcher.run()


def _connector(given: argparse.Namespace) -> None:
    installation = Installation.at(given.root.absolute())
    environment = {"MOSTEK_CONNECTOR_CONFIG": str(installation.config), **os.environ}
    command = [str(installation.command(installation.current)), *given.arguments]
    try:
        raise SystemExit(subprocess.run(command, env=environment).returncode)
    except OSError as error:
        raise InstallationError(f"{command[0]} can't be started: {error.strerror}") from None


def _service(given: argparse.Namespace) -> None:
    commanded(given.arguments, launcher_of)


def launcher_of(root: Path, file: Path | None) -> Launcher:
    """The launcher of an installation; `file`: where logs go. Raises InstallationError."""
    log = _log_to(file) if file else None
    return Launcher(Installation.at(root), _say_to(log or _stderr), log)


def _say_to(log: Callable[[bytes], None]) -> Callable[..., None]:
    def say(level: str, message: str, **fields: object) -> None:
        time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {**fields, "message": message, "level": level, "time": time}
        log(json.dumps(line, default=str, ensure_ascii=False).encode() + b"\n")

    return say


def _stderr(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.flush()


def _log_to(file: Path) -> Callable[[bytes], None]:
    """Lines to a file that is turned over when it is large. Raises InstallationError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
        )
    except OSError as error:
        raise InstallationError(f"{file} can't be written: {error.strerror}") from None

    def log(line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        handler.handle(logging.makeLogRecord({"msg": text, "args": None}))

    return log
