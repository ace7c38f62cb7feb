"""Several hubs in processes of their own on one PostgreSQL, with what stands before them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.postgresql import CanNotStart, PostgreSql
from chaos.processes import free_ports
from mostek.client import Client
from mostek.hub.keyring import add_key

from .harness import Processes

__all__ = ["LEASE", "Balancer", "Cluster", "Member", "clustered"]

#: Seconds after which a replica is taken for dead.
LEASE = 3.0


class Balancer:
    """Passes each TCP connection to one of some addresses, at random, that takes it."""

    def __init__(self, backends: list[str]) -> None:
        self._backends = backends
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer")
        self.address = ""

    def __enter__(self) -> Balancer:
        self._thread.start()
        serving = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        )
        self._server = serving.result(10)
        self.address = "{}:{}".format(*self._server.sockets[0].getsockname()[:2])
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for one in rest:
            one.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far = await self._connect()
        if far is None:
            writer.close()
            return
        far_reader, far_writer = far
        await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for backend in random.sample(self._backends, len(self._backends)):
            host, port = backend.split(":")
            with contextlib.suppress(OSError):
                return await asyncio.open_connection(host, int(port))
        return None


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass
class Member:
    """One of the hubs."""

    api: str
    link: str
    http: str
    internal: str
    process: subprocess.Popen[bytes]


class Cluster(Processes):
    """Hubs that are started together; `api`, `link` and `http` are the balancers'."""

    def __init__(
        self, folder: Path, stack: contextlib.ExitStack, database: PostgreSql, count: int
    ) -> None:
        super().__init__(folder, stack)
        self.database = database
        add_key(folder / "hub.keys")
        self._ports = [[f"127.0.0.1:{port}" for port in free_ports(4)] for _ in range(count)]
        self.members = [self._member(number) for number in range(count)]
        api, link, http, _ = zip(*self._ports, strict=True)
        self.api, self.link, self.http = (
            stack.enter_context(Balancer(list(backends))).address for backends in (api, link, http)
        )
        for member in self.members:
            _listens(member.http)

    def _member(self, number: int) -> Member:
        api, link, http, internal = self._ports[number]
        process = self._start(
            f"hub-{number}",
            ["-m", "mostek.hub", "serve"],
            MOSTEK_HUB_API=api,
            MOSTEK_HUB_LINK=link,
            MOSTEK_HUB_HTTP=http,
            MOSTEK_HUB_INTERNAL=internal,
            MOSTEK_HUB_DATABASE=f"{self.database.url}/postgres",
            MOSTEK_HUB_KEY_FILE=str(self.folder / "hub.keys"),
            MOSTEK_HUB_LEASE=str(LEASE),
            # On a busy machine a connector takes longer to come back.
            MOSTEK_HUB_RETURN_GRACE="20",
            MOSTEK_HUB_INSECURE="true",
        )
        return Member(api, link, http, internal, process)

    def restart(self, number: int) -> None:
        """Start a hub again that has ended, and wait until it listens."""
        self.members[number] = self._member(number)
        _listens(self.members[number].http)

    async def holder(self, name: str = "acme") -> int:
        """The number of the hub that holds the connector's session, once there is one."""
        async with asyncio.timeout(30):
            while True:
                for number, member in enumerate(self.members):
                    if member.process.poll() is None and await _holds(member, name):
                        return number
                await asyncio.sleep(0.1)


async def _holds(member: Member, name: str) -> bool:
    async with Client(member.api) as client:
        for connector in await client.connectors():
            if connector.name == name:
                sessions = [s for s in connector.sessions if not s.replica and not s.suspect]
                return bool(sessions)
    return False


def _listens(address: str) -> None:
    host, port = address.split(":")
    ends = time.monotonic() + 40
    while time.monotonic() < ends:
        with contextlib.suppress(OSError):
            socket.create_connection((host, int(port))).close()
            return
        time.sleep(0.05)
    raise TimeoutError(address)


@contextlib.contextmanager
def clustered(folder: Path, count: int) -> Iterator[Cluster]:
    """Hubs on a PostgreSQL of their own. Skips where there can be none."""
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(PostgreSql(synced=True))
        except (OSError, subprocess.SubprocessError, CanNotStart) as error:
            pytest.skip(f"several hubs are NOT RUN: PostgreSQL does not start here: {error}")
        yield Cluster(folder, stack, database, count)
