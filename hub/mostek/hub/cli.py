"""The `mostek-hub` command."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import typer
from pydantic import ValidationError

from mostek.hub.config import HubConfig
from mostek.hub.hub import Hub, keyring
from mostek.hub.keyring import KeyFileError, add_key
from mostek.hub.store import Store, StoreError
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
    except (OSError, StoreError, KeyFileError) as error:
        raise SystemExit(f"mostek-hub: {error}") from None


@app.command()
def new_key() -> None:
    """Put a new key in front of those of MOSTEK_HUB_KEY_FILE; running hubs use it when they are restarted."""
    config = _config()
    name = add_key(Path(config.key_file))
    print(
        f"{config.key_file}: new values are encrypted with the key {name} from the next start on."
    )


@app.command()
def rotate_key() -> None:
    """Encrypt all that is stored with the first key of MOSTEK_HUB_KEY_FILE; then the others are not needed any more."""
    config = _config()
    try:
        count, name = run(_rotate(config))
    except (OSError, StoreError, KeyFileError) as error:
        raise SystemExit(f"mostek-hub: {error}") from None
    print(f"{count} values were encrypted again; all have the key {name} now.")


async def _rotate(config: HubConfig) -> tuple[int, str]:
    keys = keyring(config)
    store = await Store.open(config.database, keys, alone=False)
    try:
        return await store.reencrypt(), keys.current
    finally:
        await store.close()


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
