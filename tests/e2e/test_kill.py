"""Kill -9 at every point on the way of a write: the document is there once, and its key has one outcome."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.wire.crash import CRASH_POINTS
from mostek.wire.failures import CommandFailure

LEDGER = Path(__file__).with_name("ledger.py")


class Processes:
    """A hub and a connector, each in a process of its own."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.api, self.link, self.http = (f"127.0.0.1:{port}" for port in _free_ports(3))
        self._stack = stack

    def hub(self, crash_at: str = "") -> subprocess.Popen[bytes]:
        return self._start(
            "hub",
            ["-m", "mostek.hub", "serve"],
            MOSTEK_CRASH_AT=crash_at,
            MOSTEK_HUB_API=self.api,
            MOSTEK_HUB_LINK=self.link,
            MOSTEK_HUB_HTTP=self.http,
            MOSTEK_HUB_DATABASE=f"sqlite:///{self.folder}/hub.sqlite",
            MOSTEK_HUB_KEY_FILE=str(self.folder / "hub.keys"),
        )

    def connector(self, crash_at: str = "", instance: str = "") -> subprocess.Popen[bytes]:
        arguments = [str(LEDGER), self.link, str(self.folder), instance]
        return self._start(f"connector{instance}", arguments, MOSTEK_CRASH_AT=crash_at)

    def _start(
        self, name: str, arguments: list[str], **environment: str
    ) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=log, stderr=log, env=os.environ | environment
        )
        self._stack.callback(child.wait)
        self._stack.callback(child.kill)
        return child

    def customers(self) -> list[str]:
        """What the ERP holds."""
        with contextlib.closing(sqlite3.connect(self.folder / "erp.sqlite")) as erp:
            return [name for (name,) in erp.execute("SELECT name FROM customer ORDER BY id")]


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


async def online(client: Client, sessions: int = 1) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(CommandFailure):
                found = await client.connectors()
                if sum(len(connector.sessions) for connector in found) >= sessions:
                    return
            await asyncio.sleep(0.05)


async def create(client: Client, timeout: float = 20.0) -> str:
    acme = client.connector("acme").with_key("k")
    request = CreateCustomerRequest(customer=CustomerDraft(name="Once"))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def died(child: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20
    while child.poll() is None:
        assert time.monotonic() < ends, "the process did not come to the point"
        await asyncio.sleep(0.02)
    assert child.returncode == -signal.SIGKILL


async def end_of_the_key(client: Client) -> list[admin.Command]:
    """The commands that stand for the key, each when it has ended."""
    listed = await client.admin.ListCommands(admin.ListCommandsRequest(idempotency_key="k"))
    return [
        (await client.admin.WaitCommand(admin.WaitCommandRequest(id=command.id))).command
        for command in listed.commands
    ]


@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_a_process_killed_at_any_point_writes_once(processes: Processes, point: str) -> None:
    hub, connector = processes.hub(point), processes.connector(point)
    async with Client(processes.api) as client:
        await online(client)
        first = asyncio.create_task(create(client))
        await died(hub if point.startswith("hub") else connector)
        restart = processes.hub if point.startswith("hub") else processes.connector
        restart()
        await online(client)
        # What was recorded goes on by itself.
        [command] = await end_of_the_key(client)
        assert command.state == admin.COMMAND_STATE_SUCCEEDED
        assert await create(client) == command.erp_id == "1"
        with contextlib.suppress(CommandFailure):
            # The first caller lost its connection, or has the same answer.
            assert await first == "1"
    assert processes.customers() == ["Once"]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-recorded"])
async def test_a_lost_outcome_store_doubles_nothing(processes: Processes, point: str) -> None:
    processes.hub()
    connector = processes.connector(point)
    async with Client(processes.api) as client:
        await online(client)
        writing = asyncio.create_task(create(client))
        await died(connector)
        for file in (processes.folder / "connector").glob("outcomes.sqlite*"):
            file.unlink()
        processes.connector()
        assert await writing == "1"
    assert processes.customers() == ["Once"]


@pytest.mark.parametrize("point", ["erp-before-commit", "erp-after-commit", "connector-answered"])
async def test_another_instance_ends_what_a_killed_one_began(
    processes: Processes, point: str
) -> None:
    processes.hub()
    # Of two with equal room the first that came is asked; the other has the same ERP, and an outcome store of its own.
    first = processes.connector(point, "-one")
    async with Client(processes.api) as client:
        await online(client)
        processes.connector("", "-two")
        await online(client, sessions=2)
        assert await create(client) == "1"
        await died(first)
    assert processes.customers() == ["Once"]


async def test_a_lost_database_of_the_hub_doubles_nothing(processes: Processes) -> None:
    hub = processes.hub()
    processes.connector()
    async with Client(processes.api) as client:
        await online(client)
        assert await create(client) == "1"
        hub.kill()
        hub.wait()
        for file in processes.folder.glob("hub.sqlite*"):
            file.unlink()
        processes.hub()
        await online(client)
        assert await create(client) == "1"
    assert processes.customers() == ["Once"]
