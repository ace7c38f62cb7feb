"""The `mostek-connector` command."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import structlog
import typer

from mostek.connector.companies import Company, load
from mostek.connector.config import Config, ConfigError
from mostek.connector.connector import Connector
from mostek.connector.outcomes import StateInUse
from mostek.wire import loop
from mostek.wire.logs import configure_logs

__all__ = ["leave_stragglers", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The connector of Mostek.")

ConfigFile = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="The configuration file.", envvar="MOSTEK_CONNECTOR_CONFIG"
    ),
]
DEFAULT_FILE = Path("connector.toml")
#: Seconds that threads have to end when the connector has.
THREADS_END_WITHIN = 2.0
#: Seconds after which a thread that converts rows must let the event loop have the interpreter: at Python's own 5 ms
#: each step of a small command waits so long.
SWITCH_AFTER = 0.0005


@app.command()
def run(config: ConfigFile = DEFAULT_FILE) -> None:
    """Connect to the hub and serve its commands until SIGTERM or Ctrl-C."""
    settings, companies = _load(config)
    configure_logs(settings.connector.log_level)
    sys.setswitchinterval(SWITCH_AFTER)
    try:
        loop.run(_run(settings, companies))
    except StateInUse as error:
        raise SystemExit(f"mostek-connector: {error}") from None
    leave_stragglers()


def leave_stragglers() -> None:
    """End although a plugin's call hangs: Python would wait for its thread for ever."""
    ends = time.monotonic() + THREADS_END_WITHIN
    others = [t for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    for thread in others:
        thread.join(max(0.0, ends - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        structlog.get_logger().warning(
            "commands did not end; the process does", threads=len(others)
        )
        sys.stderr.flush()
        os._exit(0)


@app.command()
def check(config: ConfigFile = DEFAULT_FILE) -> None:
    """Check the configuration whole; every mistake is reported at once, with its line."""
    settings, companies = _load(config)
    print(f"{config}: all right. Connector {settings.connector.name} serves:")
    for company in companies:
        print(f"  {company.name}: {company.plugin.erp} ({company.plugin_name})")


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
