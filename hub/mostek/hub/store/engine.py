"""Opens the database and brings its tables up to date."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

__all__ = ["POOL", "StoreError", "claim", "distrust", "open_engine"]

#: Connections of one process to PostgreSQL. Two are held: by the claim, and by a replica for what it hears of others.
POOL: Final = 12
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
#: Names the lock under which one replica migrates and the others wait.
_MIGRATION_LOCK = 0x6D6F73746B
#: Names the lock of those that send what the database has: of one hub alone, or of several that know of each other.
_HUB_LOCK = _MIGRATION_LOCK + 1


class StoreError(Exception):
    """The database can't be used; the message says why and never shows its password."""


async def open_engine(url: str) -> AsyncEngine:
    """An engine over migrated tables. Raises StoreError."""
    parsed = _parsed(url)
    shown = parsed.render_as_string(hide_password=True)
    engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgresql(parsed)
    try:
        async with engine.begin() as connection:
            newer = await connection.run_sync(_migrate)
    except (DBAPIError, OSError) as error:
        await engine.dispose()
        reason = str(error.orig if isinstance(error, DBAPIError) else error)
        if "database is locked" in reason:
            raise StoreError(
                f"{shown} is used by another process; one hub works on a SQLite file. Use PostgreSQL for several."
            ) from None
        raise StoreError(f"{shown} can't be opened: {reason}") from None
    if newer:
        await engine.dispose()
        raise StoreError(
            f"{shown} has the tables of a newer version ({newer}), which this one does not know: "
            "start that version, or restore the backup from before it."
        )
    return engine


async def claim(engine: AsyncEngine, *, several: bool) -> AsyncConnection:
    """A connection that keeps other hubs off a PostgreSQL database as long as it is open; `several`: only such as are
    no replicas.

    Raises StoreError if another hub has it, and what connecting raises.
    """
    connection = await engine.connect()
    lock = "pg_try_advisory_lock_shared" if several else "pg_try_advisory_lock"
    held = await connection.execute(text(f"SELECT {lock}({_HUB_LOCK})"))
    if held.scalar_one():
        await connection.commit()
        return connection
    await connection.close()
    raise StoreError(
        "The database is used by another hub. Several hubs work on one if each has MOSTEK_HUB_INTERNAL."
    )


def distrust(engine: AsyncEngine) -> None:
    """Have no connection that is open be used again: one was silent, so all may be.

    Where a driver finds a connection broken SQLAlchemy does so itself; silence tells it nothing.
    """
    engine.sync_engine.pool._invalidate_time = time.time()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise StoreError(
            "The database's URL can't be read; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME."
        ) from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise StoreError(
            f"{parsed.drivername!r} is no database that the hub knows; use sqlite or postgresql."
        )
    return parsed.set(drivername=driver)


def _postgresql(url: URL) -> AsyncEngine:
    # Whoever waits behind the others is told before it looks as if the database were silent.
    engine = create_async_engine(
        url, pool_size=POOL, max_overflow=0, pool_timeout=15.0, pool_pre_ping=True
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        # Of a hub that is gone without a word the server ends what it holds, its claim too, within half a minute. Not
        # as parameters of the start, which poolers refuse.
        connection.autocommit = True
        cursor = connection.cursor()
        for name, value in (("idle", 10), ("interval", 5), ("count", 3)):
            cursor.execute(f"SET tcp_keepalives_{name} = {value}")
        cursor.close()
        connection.autocommit = False

    return engine


def _sqlite(url: URL) -> AsyncEngine:
    """One connection, which holds the file as long as it is open: there can't be a second writer to wait for."""
    if url.database:
        file = Path(url.database)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.touch(0o600)
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        connect_args={"timeout": 1.0, "isolation_level": None},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def _set_up(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            # KiB of the file's pages that stay in memory, whatever the library was built with.
            "cache_size = -2000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(connection: Connection) -> str:
    """The revision of a newer version that the tables have, which stay as they are; empty: they are this one's now."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    known = {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}
    found = MigrationContext.configure(connection).get_current_heads()
    if newer := set(found) - known:
        return ", ".join(sorted(newer))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return ""
