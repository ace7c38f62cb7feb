"""The `mostek-hub` command."""

from __future__ import annotations

import asyncio
import signal
import sys

import typer
from pydantic import ValidationError

from mostek.hub.config import HubConfig
from mostek.hub.hub import Hub
from mostek.wire.logs import configure_logs
from mostek.wire.loop import run

__all__ = ["main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The hub of Mostek.")


@app.callback()
def _hub() -> None:
    """The hub of Mostek."""


@app.command()
def serve() -> None:
    """Run the hub until SIGTERM or Ctrl-C; settings come from MOSTEK_HUB_… variables (docs/operations.md)."""
    config = _config()
    configure_logs(config.log_level)
    try:
        run(_serve(config))
    except OSError as error:
        raise SystemExit(f"mostek-hub: {error}") from None


def _config() -> HubConfig:
    try:
        return HubConfig()
    except ValidationError as error:
        for fault in error.errors():
            name = "MOSTEK_HUB_" + "_".join(str(part) for part in fault["loc"]).upper()
            print(
                f"mostek-hub: {name}: {fault['msg'].removeprefix('Value error, ')}", file=sys.stderr
            )
        raise SystemExit(2) from None


async def _serve(config: HubConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Hub(config).running():
        await stop.wait()


def main() -> None:
    """Entry point."""
    app()
