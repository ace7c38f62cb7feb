"""`mostek-connector upgrade`: another version beside the one that runs, and the launcher's word on how it went."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mostek.connector.launcher.bundle import Bundle, BundleError, install, sha256
from mostek.connector.launcher.installation import (
    STEADY,
    WITHIN,
    Installation,
    InstallationError,
    Outcome,
    Pending,
)

__all__ = ["upgrade"]

#: Seconds that a launcher that runs needs to begin with what it was asked for, and that the rest may take beyond what
#: the new version has: the goodbye of the old one.
BEGINS_WITHIN, LEAVES_WITHIN = 90.0, 150.0


def upgrade(
    file: Annotated[
        Path | None,
        typer.Argument(help="The bundle, a .zip; none: with --to, a version that is here."),
    ] = None,
    to: Annotated[str, typer.Option(help="Run a version that is installed already.")] = "",
    digest: Annotated[
        str, typer.Option("--sha256", help="What the file must be, as it was told you another way.")
    ] = "",
    within: Annotated[
        float, typer.Option(help="Seconds that the new version has to serve.", min=1)
    ] = WITHIN,
    steady: Annotated[
        float, typer.Option(help="Seconds that it must go on so, before it stays.", min=0)
    ] = STEADY,
    root: Annotated[
        Path | None, typer.Option(help="The installation's folder, if it is not this one's.")
    ] = None,
) -> None:
    """Install another version beside this one and let it take over; if it does not serve, this one goes on."""
    if (file is None) == (not to):
        raise SystemExit("mostek-connector: give either a bundle or --to with a version")
    try:
        installation = Installation.at(root or _own_root())
        installation.require_idle()
        if file is not None:
            to = _installed(file, digest, installation)
        outcome = _awaited(installation, installation.ask(to, within=within, steady=steady))
    except (InstallationError, BundleError) as error:
        raise SystemExit(f"mostek-connector: {error}") from None
    except PermissionError as error:
        raise SystemExit(
            f"mostek-connector: {error.filename} can't be written: run this as an administrator"
        ) from None
    if outcome.reason:
        raise SystemExit(
            f"mostek-connector: the upgrade was taken back, version {outcome.before} runs: {outcome.reason}"
        )
    print(
        f"Version {outcome.to} runs and serves what {outcome.before} did, which stays to go back to."
    )


def _own_root() -> Path:
    """Where this version is installed: ROOT/versions/V/venv."""
    prefix = Path(sys.prefix)
    if prefix.parent.parent.name != "versions":
        raise InstallationError(
            "this connector was not installed with a launcher, which an upgrade needs; if another one was, "
            "give its folder with --root"
        )
    return prefix.parents[2]


def _installed(file: Path, digest: str, installation: Installation) -> str:
    """The version of the bundle, installed and content with the configuration. Raises BundleError."""
    found = sha256(file)
    if digest and digest.lower() != found:
        raise BundleError(f"{file} is not the file that was meant: its SHA-256 is {found}")
    print(f"SHA-256 of {file.name}: {found}")
    bundle = Bundle.of(file)
    missing = sorted(_plugins(installation) - set(bundle.plugins))
    if missing:
        raise BundleError(
            f"{file.name} lacks {', '.join(missing)}, which {installation.config} names: ask for a bundle with it"
        )
    outcome = installation.outcome
    kept = {installation.current, bundle.version} | ({outcome.before} if outcome else set())
    installation.keep_only(kept)
    install(bundle, installation)
    _content(installation, bundle.version)
    return bundle.version


def _plugins(installation: Installation) -> set[str]:
    """Those that the configuration names."""
    try:
        data = tomllib.loads(installation.config.read_text(encoding="utf-8"))
        return {str(company["plugin"]) for company in data.get("companies", {}).values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # What is wrong with it the check will say.
        return set()


def _content(installation: Installation, version: str) -> None:
    """The new version finds nothing wrong with the configuration. Raises BundleError."""
    command = [str(installation.command(version)), "check", "--config", str(installation.config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise BundleError(
            f"version {version} does not take the configuration, and nothing has changed:\n{done.stderr.strip()}"
        )


def _awaited(
    installation: Installation, asked: Pending, sleep: Callable[[float], None] = time.sleep
) -> Outcome:
    """What the launcher makes of it. Raises InstallationError: no launcher runs, or it does not come to an end."""
    print(f"Version {asked.to} is to take over from {asked.before} …")
    begins = time.monotonic() + BEGINS_WITHIN
    ends = begins + 2 * asked.within + asked.steady + LEAVES_WITHIN
    while time.monotonic() < ends:
        outcome = installation.outcome
        if outcome is not None and outcome.id == asked.id and installation.pending is None:
            return outcome
        if time.monotonic() > begins and installation.withdraw(asked):
            raise InstallationError(
                "the service does not run, or is not the launcher of this installation: start it and try again. "
                "Nothing has changed"
            )
        sleep(0.2)
    raise InstallationError(
        f"the launcher did not come to an end; see its log, and {installation.control}"
    )
