"""What the commands of `mostek-hub` share: the settings, and a look into the database."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import ValidationError

from mostek.hub.config import HubConfig
from mostek.hub.hub import keyring
from mostek.hub.keyring import KeyFileError
from mostek.hub.store import Store, StoreError
from mostek.wire.failures import CommandFailure
from mostek.wire.loop import run

__all__ = ["settings", "with_store"]

T = TypeVar("T")


def settings() -> HubConfig:
    """The hub's settings; what is wrong with them ends the process."""
    try:
        return HubConfig()
    except ValidationError as error:
        for fault in error.errors():
            message = fault["msg"].removeprefix("Value error, ")
            if fault["loc"]:
                # What is wrong between settings names them itself.
                name = "_".join(str(part) for part in fault["loc"]).upper()
                message = f"MOSTEK_HUB_{name}: {message}"
            print(f"mostek-hub: {message}", file=sys.stderr)
        raise SystemExit(2) from None


def with_store(work: Callable[[Store], Awaitable[T]], *, instead: str = "use `mostek keys`") -> T:
    """What the work came to with the hub's database; a failure is told and ends the process.

    `instead`: what to do while a hub has the database to itself.
    """
    config = settings()
    try:
        return run(_with_store(config, work))
    except CommandFailure as failure:
        raise SystemExit(f"mostek-hub: {failure.message}") from None
    except (OSError, StoreError, KeyFileError) as error:
        hint = ""
        if config.database.startswith("sqlite") and "another process" in str(error):
            hint = f" While the hub runs, {instead} with a key of the scope admin."
        raise SystemExit(f"mostek-hub: {error}{hint}") from None


async def _with_store(config: HubConfig, work: Callable[[Store], Awaitable[T]]) -> T:
    store = await Store.open(config.database, keyring(config), alone=False)
    try:
        return await work(store)
    finally:
        await store.close()
