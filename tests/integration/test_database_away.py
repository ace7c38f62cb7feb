"""PostgreSQL goes away under load and comes back: reads go on, writes are refused so that they can be repeated."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import make_url, text
from structlog.testing import capture_logs

from chaos.postgresql import PostgreSql
from chaos.proxy import DOWN, UP, Proxy
from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, GetCustomerRequest
from mostek.hub.hub import Hub
from mostek.hub.keyring import add_key, load_keys
from mostek.hub.store import Store, StoreError
from mostek.hub.store import store as store_module
from mostek.wire.failures import CommandFailure, Expired, Internal

from .conftest import World, hub_config
from .databases import started

KEYS = "hub.keys"


@dataclass
class Shaken(World):
    """A world whose database can be ended."""

    database: PostgreSql
    url: str


@pytest.fixture
def database() -> Iterator[PostgreSql]:
    with started(synced=True) as server:
        yield server


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Tracebacks of a database that is away are many."""
    with capture_logs():
        yield


@pytest.fixture
async def shaken(database: PostgreSql, tmp_path: Path) -> AsyncIterator[Shaken]:
    add_key(tmp_path / KEYS)
    url = f"{database.url}/postgres"
    hub = Hub(hub_config(tmp_path, database=url, drain_grace=0.2))
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield Shaken(hub, addresses, client, tmp_path, {}, database, url)


async def create(world: World, name: str) -> str:
    acme = world.client.connector("acme").with_key(name)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=10)).customer.id


async def insist(world: World, name: str) -> str:
    """As a caller does: the same again as long as the failure is said to pass."""
    while True:
        try:
            return await create(world, name)
        except CommandFailure as failure:
            if not failure.retriable and not isinstance(failure, Expired):
                raise
        await asyncio.sleep(0.05)


async def test_reads_go_on_while_the_database_is_away(shaken: Shaken) -> None:
    async with shaken.connector(slots=32):
        shaken.database.kill()
        acme = shaken.client.connector("acme")
        found = await asyncio.gather(
            *(acme.GetCustomer(GetCustomerRequest(id=str(n))) for n in range(20))
        )
        assert [answer.customer.id for answer in found] == [str(n) for n in range(20)]


async def test_a_connector_comes_while_the_database_is_away(shaken: Shaken) -> None:
    shaken.database.kill()
    async with shaken.connector():
        found = await shaken.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
        assert found.customer.id == "7"


async def test_writes_are_refused_so_that_they_can_be_repeated(shaken: Shaken) -> None:
    async with shaken.connector():
        shaken.database.kill()
        with pytest.raises(Internal, match="same idempotency key") as refused:
            await create(shaken, "ada")
        assert refused.value.retriable
        assert refused.value.retry_after
        shaken.database.start()
        assert await insist(shaken, "ada") == "1"


async def test_questions_about_commands_can_be_repeated(shaken: Shaken) -> None:
    shaken.database.kill()
    with pytest.raises(Internal, match="database can't be used") as refused:
        await shaken.client.admin.ListCommands(admin.ListCommandsRequest())
    assert refused.value.retriable
    async with httpx.AsyncClient(base_url=f"http://{shaken.addresses.http}") as http:
        problem = await http.get("/v1/commands")
    assert problem.json()["retriable"]
    assert int(problem.headers["retry-after"]) > 0


async def test_nothing_is_lost_or_doubled_under_load(shaken: Shaken) -> None:
    names = [f"customer {number}" for number in range(60)]
    async with shaken.connector():
        writing = asyncio.gather(*(insist(shaken, name) for name in names))
        await shaken.until(lambda: len(shaken.plugin.created) > 5)
        shaken.database.kill()
        await asyncio.sleep(0.1)
        shaken.database.start()
        ids = await writing
        assert ids == [shaken.plugin.created[name] for name in names]
        assert shaken.plugin.calls >= len(names)
    listed = await shaken.client.admin.ListCommands(admin.ListCommandsRequest(page_size=1000))
    states = {command.idempotency_key: command.state for command in listed.commands}
    assert states == dict.fromkeys(names, admin.COMMAND_STATE_SUCCEEDED)
    assert len(listed.commands) == len(names)


async def test_a_database_that_falls_silent_is_away_and_back_with_its_first_answer(
    database: PostgreSql, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "ANSWERS_WITHIN", 0.5)
    monkeypatch.setattr(store_module, "CLOSES_WITHIN", 0.1)
    add_key(tmp_path / KEYS)
    at = make_url(database.url)
    assert at.host
    assert at.port
    proxy = Proxy(socket.create_server(("127.0.0.1", 0)), [(at.host, at.port)])
    await proxy.start()
    host, _, port = proxy.address.partition(":")
    url = at.set(host=host, port=int(port), database="postgres")
    store = await Store.open(url.render_as_string(), load_keys(tmp_path / KEYS))
    try:
        async with asyncio.timeout(20):
            await asyncio.gather(*(store.get("default", "1") for _ in range(6)))
            # As when its machine is gone: nothing comes back, not even that it is.
            losing = asyncio.ensure_future(proxy.losing(UP, DOWN)(60))
            await asyncio.sleep(0)
            asked = (store.get("default", "1"), store.connect(), store.keep_claim())
            silent = await asyncio.gather(*asked, return_exceptions=True)
            assert [str(error) for error in silent] == [
                "The database can't be used: TimeoutError"
            ] * 3
            losing.cancel()
            await asyncio.wait([losing])
            # Not one silent connection after the other.
            monkeypatch.setattr(store_module, "ANSWERS_WITHIN", 10.0)
            assert await store.get("default", "1") is None
            losing = asyncio.ensure_future(proxy.losing(UP, DOWN)(60))
            await asyncio.sleep(0)
            await store.close()
            losing.cancel()
    finally:
        await proxy.close()


async def test_the_server_looks_whether_a_hub_is_there_still(shaken: Shaken) -> None:
    keys = load_keys(shaken.state / KEYS)
    beside = await Store.open(shaken.url, keys, alone=False)
    for number in range(3):
        assert await beside.do(lambda c: c.scalar(text("SHOW tcp_keepalives_idle"))) == "10"
        with pytest.raises(StoreError):
            await beside.do(lambda c, n=number: c.execute(text(f"SELECT 1 FROM none_{n}")))  # type: ignore[misc]
    await beside.close()


async def test_what_waits_is_executed_when_the_database_is_back(shaken: Shaken) -> None:
    async with shaken.connector():
        pass
    waiting = asyncio.create_task(insist(shaken, "ada"))
    request = admin.ListCommandsRequest(idempotency_key="ada")
    while not (await shaken.client.admin.ListCommands(request)).commands:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    shaken.database.kill()
    async with shaken.connector():
        shaken.database.start()
        assert await waiting == "1"


async def test_a_hub_keeps_others_off_its_database_also_after_that_was_away(
    shaken: Shaken,
) -> None:
    shaken.database.kill()
    shaken.database.start()
    keys = load_keys(shaken.state / KEYS)

    async def refused() -> bool:
        with contextlib.suppress(StoreError):
            await (await Store.open(shaken.url, keys)).close()
            return False
        return True

    async with asyncio.timeout(10):
        # It looks every second.
        while not await refused():  # noqa: ASYNC110
            await asyncio.sleep(0.1)
