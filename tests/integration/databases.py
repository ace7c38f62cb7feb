"""The databases that the hub's tests run on."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from chaos.postgresql import CanNotStart, PostgreSql

__all__ = ["database", "postgresql", "postgresql_database", "started"]

_NOT_RUN = "the PostgreSQL tests are NOT RUN"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own, `postgresql://…:port`, without a database's name."""
    with started(synced=False) as server:
        yield server.url


@contextlib.contextmanager
def started(*, synced: bool) -> Iterator[PostgreSql]:
    """A PostgreSQL server that may be ended and started again. Skips the test where there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(PostgreSql(synced=synced))
        except (OSError, subprocess.SubprocessError, CanNotStart) as error:
            pytest.skip(f"{_NOT_RUN}: its server does not start here: {error}")
        yield server


def _fresh_database(server: str) -> str:
    name = f"mostek_{uuid.uuid4().hex[:12]}"

    async def create() -> None:
        url = server.replace("postgresql:", "postgresql+asyncpg:") + "/postgres"
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    # The test's own loop may be running here.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, create()).result()
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once of each kind that the hub supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/hub.sqlite"
    return _fresh_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def postgresql_database(postgresql: str) -> str:
    """The URL of an empty PostgreSQL database."""
    return _fresh_database(postgresql)
