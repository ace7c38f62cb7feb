"""Callers that do not read what they asked for hold up nobody, and what waits for them is let go."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mostek.client import Client
from mostek.client import Connector as Site
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    GetCustomerRequest,
)
from mostek.hub import hub as hub_module
from mostek.hub.config import split_address
from mostek.hub.hub import Hub
from mostek.wire.failures import CommandFailure, UnknownOutcome

from .conftest import World, hub_config

LARGE = "/v1/connectors/acme/companies/-/customers?text=large"

#: A caller over gRPC that asks for large pages without end, until it is stopped.
CALLER = """
import asyncio, sys
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import ListCustomersRequest

async def ask(acme):
    while True:
        await acme.ListCustomers(ListCustomersRequest(text="large"))
        print("read", flush=True)

async def main():
    async with Client(sys.argv[1]) as client, asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(ask(client.connector("acme")))

asyncio.run(main())
"""


async def _serves(world: World) -> None:
    async with asyncio.timeout(5):
        response = await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
    assert response.customer.id == "7"


async def _all_is_free(world: World, slots: int) -> None:
    [session] = world.acme.sessions
    await world.until(lambda: session.rules.free_slots == slots, seconds=10)
    await world.until(lambda: world.hub.budget.used == 0, seconds=10)


@contextlib.asynccontextmanager
async def _unread(address: str, accept: str) -> AsyncIterator[socket.socket]:
    """A caller over HTTP that asks and never reads."""
    with socket.socket() as caller:
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(caller, split_address(address))
        ask = f"GET {LARGE} HTTP/1.1\r\nHost: hub\r\nAccept: {accept}\r\n\r\n"
        await loop.sock_sendall(caller, ask.encode())
        yield caller


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
async def test_callers_over_http_that_do_not_read_hold_up_nobody(world: World, accept: str) -> None:
    async with world.connector(slots=8), contextlib.AsyncExitStack() as stack:
        # More than there are slots: each gives its own back although nobody reads its response.
        for _ in range(10):
            await stack.enter_async_context(_unread(world.addresses.http, accept))
            await _all_is_free(world, slots=8)
            await _serves(world)


async def test_a_caller_over_grpc_that_stands_still_holds_up_nobody(world: World) -> None:
    async with world.connector(slots=8):
        caller = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CALLER, world.addresses.api), stdout=asyncio.subprocess.PIPE
        )
        assert caller.stdout is not None
        try:
            await caller.stdout.readline()
            caller.send_signal(signal.SIGSTOP)
            for _ in range(20):
                await _serves(world)
            await _all_is_free(world, slots=8)
        finally:
            caller.kill()
            await caller.wait()
        await _serves(world)


@pytest.mark.skipif(
    not hasattr(socket, "TCP_USER_TIMEOUT"), reason="needs Linux, whose TCP gives up such a peer"
)
async def test_a_response_that_nobody_reads_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "UNREAD_FOR", 0.5)
    hub = Hub(hub_config(tmp_path))
    async with hub.running() as addresses, Client(addresses.api) as client:
        world = World(hub, addresses, client, tmp_path, {})
        async with world.connector(), _unread(addresses.http, "application/json") as caller:
            # The peer's own kernel answers all the while; only its reader stands still.
            await asyncio.sleep(1.5)
            with pytest.raises(ConnectionError):
                await _read_all(caller)


async def _read_all(caller: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while await loop.sock_recv(caller, 65536):
        continue


async def test_a_hub_ends_within_its_grace_whoever_hangs(tmp_path: Path) -> None:
    hub = Hub(hub_config(tmp_path, drain_grace=0.5))
    async with contextlib.AsyncExitStack() as stack:
        running = contextlib.AsyncExitStack()
        addresses = await running.enter_async_context(hub.running())
        client = await stack.enter_async_context(Client(addresses.api))
        world = World(hub, addresses, client, tmp_path, {})
        await stack.enter_async_context(world.connector(slots=32))
        acme = client.connector("acme")
        for accept in ("application/json", "application/x-ndjson"):
            await stack.enter_async_context(_unread(addresses.http, accept))
        await _serves(world)
        reading = asyncio.create_task(_slow_read(acme))
        writing = asyncio.create_task(_slow_write(acme))
        await world.until(world.plugin.began.is_set)
        began = time.monotonic()
        await running.aclose()
        assert time.monotonic() - began < 0.5 + 2.0
        for caller in (reading, writing):
            with pytest.raises(CommandFailure) as failure:
                await caller
            assert failure.value.retriable or isinstance(failure.value, UnknownOutcome)
        world.plugin.gate.set()


async def _slow_read(acme: Site) -> object:
    return await acme.GetCustomer(GetCustomerRequest(id="slow"), timeout=3.0)


async def _slow_write(acme: Site) -> object:
    request = CreateCustomerRequest(customer=CustomerDraft(name="slow"))
    return await acme.with_key("k").CreateCustomer(request, timeout=3.0)
