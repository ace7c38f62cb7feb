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
from mostek.connector.outcomes import StateInUse
from mostek.plugin.secret import to_keyring
from mostek.wire import loop
from mostek.wire.logs import configure_logs

__all__ = ["main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The connector of Mostek.")

secrets = typer.Typer(no_args_is_help=True, help="Secrets in the system's keyring.")
app.add_typer(secrets, name="secret")

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
    except StateInUse as error:
        raise SystemExit(f"mostek-connector: {error}") from None


@app.command()
def check(config: ConfigFile = DEFAULT_FILE) -> None:
    """Check the configuration whole; every mistake is reported at once, with its line."""
    settings, companies = _load(config)
    print(f"{config}: all right. Connector {settings.connector.name} serves:")
    for company in companies:
        print(f"  {company.name}: {company.plugin.erp} ({company.plugin_name})")


@secrets.command("set")
def set_secret(
    entry: Annotated[str, typer.Argument(help="service/user, as the configuration names it.")],
) -> None:
    """Keep a secret in the keyring of this account; it is asked for, or read from standard input."""
    value = (
        typer.prompt("Secret", hide_input=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\r\n")
    )
    try:
        to_keyring(entry, value)
    except ValueError as error:
        raise SystemExit(f"mostek-connector: {error}") from None
    print(f'Kept. Name it in the configuration: {{ keyring = "{entry}" }}')


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
