"""The `mostek-hub` command."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer

from mostek.hub.callers_cli import audit, keys, tenants
from mostek.hub.config import HubConfig
from mostek.hub.console import settings, with_store
from mostek.hub.hub import Hub, keyring
from mostek.hub.keyring import KeyFileError, add_key
from mostek.hub.overview import asked
from mostek.hub.pki.cli import ca, connectors
from mostek.hub.pki.server import CertificateFileError
from mostek.hub.store import Store, StoreError, TrustStore
from mostek.wire.logs import configure_logs
from mostek.wire.loop import run
from mostek.wire.tracing import TracingError

__all__ = ["main"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="The hub of Mostek.",
)
app.add_typer(tenants, name="tenants")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(connectors, name="connectors")
app.add_typer(ca, name="ca")


@app.callback()
def _hub() -> None:
    """The hub of Mostek."""


@app.command()
def serve() -> None:
    """Run the hub until SIGTERM or Ctrl-C; settings come from MOSTEK_HUB_… variables (docs/operations.md)."""
    config = settings()
    configure_logs(config.log_level)
    try:
        run(_serve(config))
    except (
        OSError,
        StoreError,
        KeyFileError,
        CertificateFileError,
        TracingError,
    ) as error:
        raise SystemExit(f"mostek-hub: {error}") from None


@app.command()
def new_key() -> None:
    """Put a new key in front of those of MOSTEK_HUB_KEY_FILE; running hubs use it when they are restarted."""
    config = settings()
    name = add_key(Path(config.key_file))
    print(
        f"{config.key_file}: new values are encrypted with the key {name} from the next start on."
    )


@app.command()
def rotate_key() -> None:
    """Encrypt all that is stored with the first key of MOSTEK_HUB_KEY_FILE; then the others are not needed any more."""
    keys = keyring(settings())

    async def rotate(store: Store) -> int:
        return await store.reencrypt() + await TrustStore(store, keys).reencrypt()

    count, name = with_store(rotate), keys.current
    print(f"{count} values were encrypted again; all have the key {name} now.")


@app.command()
def migrate() -> None:
    """Bring the tables of MOSTEK_HUB_DATABASE to this version; a hub does so too when it starts."""

    async def revision(store: Store) -> str:
        return await store.revision()

    print(f"The tables are those of revision {with_store(revision)}.")


@app.command()
def status(
    port: Annotated[
        str, typer.Option(help="host:port of the hub's metrics.", envvar="MOSTEK_HUB_METRICS")
    ] = "127.0.0.1:7490",
) -> None:
    """Say how the hub on this machine is; exits with 1 if it takes no calls, with 2 if it can't be asked."""
    try:
        told = asked(port)
    except OSError as error:
        print(
            f"mostek-hub: {port} does not answer ({error}): is the hub up, with MOSTEK_HUB_METRICS?"
        )
        raise typer.Exit(2) from None
    for name, value in told.items():
        print(f"{name:<22} {value}")
    if told["ready"] != "yes":
        raise typer.Exit(1)


async def _serve(config: HubConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with Hub(config).running():
        await stop.wait()


def main() -> None:
    """Entry point."""
    # What a command prints is its own; `serve` sets up its log by the settings.
    configure_logs("warning")
    app()
