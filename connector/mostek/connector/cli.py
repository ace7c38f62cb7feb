"""The `mostek-connector` command."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from mostek.connector.companies import Company, load
from mostek.connector.config import Config, ConfigError
from mostek.connector.connector import Connector
from mostek.connector.hub_api import ApiError
from mostek.connector.identity import IdentityError
from mostek.connector.outcomes import StateInUse
from mostek.connector.proxy import checked_proxy
from mostek.connector.site import SiteError, set_up
from mostek.wire import loop
from mostek.wire.logs import configure_logs
from mostek.wire.trust import EnrolmentToken

__all__ = ["main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The connector of Mostek.")

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="The configuration file.", envvar="MOSTEK_CONNECTOR_CONFIG"
    ),
]
DEFAULT_FILE = Path("connector.toml")


@app.command()
def run(config: ConfigFile = DEFAULT_FILE) -> None:
    """Connect to the hub and serve its commands until SIGTERM or Ctrl-C."""
    settings, companies = _load(config)
    configure_logs(settings.connector.log_level)
    try:
        loop.run(_run(settings, companies))
    except (StateInUse, IdentityError) as error:
        raise SystemExit(f"mostek-connector: {error}") from None


@app.command()
def check(config: ConfigFile = DEFAULT_FILE) -> None:
    """Check the configuration whole; every mistake is reported at once, with its line."""
    settings, companies = _load(config)
    print(f"{config}: all right. Connector {settings.connector.name} serves:")
    for company in companies:
        print(f"  {company.name}: {company.plugin.erp} ({company.plugin_name})")


@app.command()
def enroll(
    token: Annotated[
        str, typer.Argument(help="From the hub's operator; - reads it from standard input.")
    ],
    config: ConfigFile = DEFAULT_FILE,
    proxy: Annotated[
        str, typer.Option(help="HTTP proxy on the way, http://user:password@host:port.")
    ] = "",
    ca_bundle: Annotated[
        Path | None,
        typer.Option(help="PEM file with the hub's authority, where it is not to be asked for it."),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Replace the key and certificate that are here already.")
    ] = False,
) -> None:
    """Make this site's key, get its certificate from the hub and write a configuration to fill in."""
    try:
        given = EnrolmentToken.of(sys.stdin.read() if token == "-" else token)
        proxy = checked_proxy(proxy) if proxy else proxy
        for line in set_up(given, config, proxy=proxy, ca_bundle=ca_bundle, force=force):
            print(line)
    except (ValueError, ApiError, IdentityError, SiteError, ConfigError) as error:
        raise SystemExit(f"mostek-connector: {error}") from None


def _load(file: Path) -> tuple[Config, list[Company]]:
    try:
        return load(file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from None


async def _run(config: Config, companies: Sequence[Company]) -> None:
    stop = asyncio.Event()
    _on_signals(stop)
    async with Connector(config, companies).running():
        await stop.wait()


def _on_signals(stop: asyncio.Event) -> None:
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if sys.platform == "win32":
            signal.signal(number, lambda *_: running.call_soon_threadsafe(stop.set))
        else:
            running.add_signal_handler(number, stop.set)


def main() -> None:
    """Entry point."""
    app()
