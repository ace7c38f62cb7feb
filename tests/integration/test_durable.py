"""Durable commands: they survive what happens to either side, and people can see and settle them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.connector import runner
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
    GetCustomerRequest,
)
from mostek.hub import commands
from mostek.hub.hub import Hub
from mostek.hub.keyring import add_key, load_keys
from mostek.hub.store import CommandRecord, Store
from mostek.plugin.plugin import Context
from mostek.wire.failures import (
    CommandFailure,
    Conflict,
    Expired,
    NotFound,
    Offline,
    Rejected,
    UnknownOutcome,
)

from .conftest import World, hub_config

State = admin.CommandState


class Hubs:
    """A database, and hubs that work on it one after the other."""

    def __init__(self, database: str, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self.plugins: dict[str, Any] = {}
        add_key(folder / "hub.keys")

    async def forget_acknowledgements(self) -> None:
        """As if the hub had been killed before it told the site."""
        store = await Store.open(self._database, load_keys(self._folder / "hub.keys"))
        async with store._engine.begin() as connection:
            await connection.execute(text("UPDATE command SET acknowledged_at = NULL"))
        await store.close()

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[World]:
        """A hub, as long as the block runs."""
        hub = Hub(hub_config(self._folder, database=self._database, drain_grace=0.2))
        async with hub.running() as addresses, Client(addresses.api) as client:
            yield World(hub, addresses, client, self._folder, self.plugins)


@pytest.fixture
def hubs(database: str, tmp_path: Path) -> Hubs:
    return Hubs(database, tmp_path)


@pytest.fixture
async def kept(hubs: Hubs) -> AsyncIterator[World]:
    """A hub on each kind of database."""
    async with hubs.one() as world:
        yield world


async def seen(world: World) -> None:
    """Let the hub know the connector `acme`, which is offline then."""
    async with world.connector():
        pass
    await world.until(lambda: not world.online("acme"))


async def create(world: World, name: str, key: str = "k", timeout: float = 10.0, **how: Any) -> str:
    acme = world.client.connector("acme").with_key(key, **how)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def left_behind(world: World, name: str, key: str = "k", **how: Any) -> str:
    """The id of a write that is recorded, and whose caller has gone away."""
    calling = asyncio.create_task(create(world, name, key, **how))
    async with asyncio.timeout(5):
        while not (listed := await recorded(world, key)):  # noqa: ASYNC110 - the hub tells nobody
            await asyncio.sleep(0.01)
    calling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await calling
    return listed[0].id


async def recorded(world: World, key: str) -> list[admin.Command]:
    request = admin.ListCommandsRequest(idempotency_key=key)
    return list((await world.client.admin.ListCommands(request)).commands)


async def command(world: World, command_id: str) -> admin.Command:
    return (await world.client.admin.GetCommand(admin.GetCommandRequest(id=command_id))).command


async def ended(world: World, command_id: str) -> admin.Command:
    request = admin.WaitCommandRequest(id=command_id)
    request.timeout.FromSeconds(10)
    return (await world.client.admin.WaitCommand(request)).command


async def test_a_write_to_a_site_that_is_offline_is_executed_when_it_comes(kept: World) -> None:
    await seen(kept)
    command_id = await left_behind(kept, "A")
    assert (await command(kept, command_id)).state == State.COMMAND_STATE_RECORDED
    async with kept.connector():
        done = await ended(kept, command_id)
        response = CreateCustomerResponse()
        assert done.response.Unpack(response)
        assert response.customer.code == "A"
        assert await create(kept, "A") == response.customer.id == done.erp_id
    assert kept.plugin.calls == 1


async def test_a_session_that_ends_while_a_write_is_marked_as_sent_holds_nothing_up(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    move, ends = Store.move, [True, *[False] * 100]

    async def slow(store: Store, *args: Any, **how: Any) -> CommandRecord:
        moved = await move(store, *args, **how)
        if moved.progress.state is commands.State.SENT and ends.pop(0):
            [session] = kept.hub.registry.sessions()
            kept.hub.link._streams[session].cancel()
            await kept.until(lambda: session not in kept.hub.registry.sessions())
        return moved

    monkeypatch.setattr(Store, "move", slow)
    async with kept.connector():
        assert await create(kept, "A") == "1"
    assert kept.plugin.calls == 1


async def test_a_deadline_ends_the_wait_and_names_the_command_that_goes_on(kept: World) -> None:
    await seen(kept)
    with pytest.raises(Expired, match="same idempotency key") as over:
        await create(kept, "A", timeout=1.0)
    assert over.value.command_id == (await recorded(kept, "k"))[0].id


async def test_a_site_that_was_never_seen_is_not_known(kept: World) -> None:
    with pytest.raises(NotFound):
        await create(kept, "A")


async def test_what_was_recorded_is_sent_by_the_next_hub(hubs: Hubs) -> None:
    async with hubs.one() as world:
        await seen(world)
        command_id = await left_behind(world, "A")
    async with hubs.one() as world:
        assert (await command(world, command_id)).state == State.COMMAND_STATE_RECORDED
        async with world.connector():
            assert (await ended(world, command_id)).state == State.COMMAND_STATE_SUCCEEDED
        assert world.plugin.calls == 1


async def test_what_was_sent_is_asked_for_by_the_next_hub(hubs: Hubs) -> None:
    async with hubs.one() as world:
        connector = world.connector()
        await connector.__aenter__()
        command_id = await left_behind(world, "slow")
        await world.until(world.plugin.began.is_set)
        assert (await command(world, command_id)).state == State.COMMAND_STATE_SENT
    # That hub has ended without the result.
    world.plugin.gate.set()
    await connector.__aexit__(None, None, None)
    async with hubs.one() as world:
        async with world.connector():
            assert (await ended(world, command_id)).state == State.COMMAND_STATE_SUCCEEDED
        assert world.plugin.created == {"slow": "1"}


async def test_a_hub_that_stops_lets_nobody_wait_for_what_goes_on(hubs: Hubs) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        async with hubs.one() as world:
            await seen(world)
            where = f"http://{world.addresses.http}/v1/connectors/acme/companies/-/customers"
            post = http.post(
                where, json={"name": "A"}, headers={"Idempotency-Key": "k"}, timeout=30
            )
            waiting = asyncio.create_task(post)
            # Another call of the key waits for the same command.
            await left_behind(world, "A")
        assert (await waiting).status_code == 202


async def test_a_write_that_was_not_begun_in_time_expires_and_frees_its_key(kept: World) -> None:
    await seen(kept)
    command_id = await left_behind(kept, "A", expire_after=1)
    expired = await ended(kept, command_id)
    assert expired.state == State.COMMAND_STATE_EXPIRED
    assert "nothing was written" in expired.failure.message
    async with kept.connector():
        assert await create(kept, "B") == "1"
    assert kept.plugin.created == {"B": "1"}


async def test_a_failure_that_may_pass_is_tried_again(kept: World) -> None:
    async with kept.connector():
        kept.plugin.locked = 1
        assert await create(kept, "A") == "1"
    assert kept.plugin.calls == 2


async def test_a_failure_that_did_not_pass_in_time_is_a_dead_letter_to_retry(kept: World) -> None:
    async with kept.connector():
        kept.plugin.locked = 1
        with pytest.raises(CommandFailure, match="Somebody works on it") as failed:
            await create(kept, "A", expire_after=1)
        listed = await kept.client.admin.ListCommands(
            admin.ListCommandsRequest(states=[State.COMMAND_STATE_DEAD])
        )
        assert [dead.id for dead in listed.commands] == [failed.value.command_id]
        await kept.client.admin.RetryCommand(admin.RetryCommandRequest(id=failed.value.command_id))
        done = await ended(kept, failed.value.command_id)
    assert done.state == State.COMMAND_STATE_SUCCEEDED
    assert kept.plugin.created == {"A": "1"}


async def test_only_writes_of_one_ordering_key_wait_for_each_other(kept: World) -> None:
    async with kept.connector():
        kept.plugin.locked = 1
        first = asyncio.create_task(create(kept, "A", "1", ordering_key="o"))
        await kept.until(lambda: kept.plugin.calls == 1)
        second = asyncio.create_task(create(kept, "B", "2", ordering_key="o"))
        assert await create(kept, "C", "3") == "1"
        assert (await first, await second) == ("2", "3")


async def test_writes_of_a_company_go_one_at_a_time(kept: World) -> None:
    async with kept.connector():
        first = asyncio.create_task(create(kept, "slow", "1"))
        await kept.until(kept.plugin.began.is_set)
        second = asyncio.create_task(create(kept, "B", "2"))
        await asyncio.sleep(0.2)
        assert kept.plugin.calls == 1
        kept.plugin.gate.set()
        assert (await first, await second) == ("1", "2")


async def test_the_same_key_with_other_content_is_a_conflict_before_the_site_is_asked(
    kept: World,
) -> None:
    await seen(kept)
    first = await left_behind(kept, "A")
    with pytest.raises(Conflict, match="other content") as conflict:
        await create(kept, "B")
    assert conflict.value.command_id == first


async def cancel(world: World, command_id: str) -> admin.Command:
    request = admin.CancelCommandRequest(id=command_id)
    return (await world.client.admin.CancelCommand(request)).command


async def test_a_write_that_was_not_sent_is_cancelled(kept: World) -> None:
    await seen(kept)
    command_id = await left_behind(kept, "A")
    cancelled = await cancel(kept, command_id)
    assert cancelled.state == State.COMMAND_STATE_CANCELLED
    assert cancelled.failure.message
    async with kept.connector():
        assert await create(kept, "B") == "1"
    assert kept.plugin.created == {"B": "1"}


async def test_a_write_that_waits_at_the_site_is_cancelled_there(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_site: dict[str, Context] = {}

    class Seen(Context):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            at_site[self.command_id] = self

    monkeypatch.setattr(runner, "Context", Seen)
    async with kept.connector(threads=1):
        acme = kept.client.connector("acme")
        reading = acme.GetCustomer(GetCustomerRequest(id="slow"))
        read = asyncio.ensure_future(_wait(reading))
        await kept.until(kept.plugin.began.is_set)
        command_id = await left_behind(kept, "A")
        await kept.until(lambda: command_id in at_site)
        cancelling = asyncio.create_task(cancel(kept, command_id))
        await kept.until(lambda: at_site[command_id].cancelled)
        kept.plugin.gate.set()
        assert (await cancelling).state == State.COMMAND_STATE_CANCELLED
        await read
    assert kept.plugin.created == {}


async def _wait(call: Any) -> Any:
    return await call


async def test_a_write_that_has_begun_is_finished(kept: World) -> None:
    async with kept.connector():
        writing = asyncio.create_task(create(kept, "slow"))
        await kept.until(kept.plugin.began.is_set)
        [listed] = (await kept.client.admin.ListCommands(admin.ListCommandsRequest())).commands
        await kept.until(lambda: kept.hub.registry.sessions() != [])
        too_late = await cancel(kept, listed.id)
        assert too_late.state == State.COMMAND_STATE_SENT
        kept.plugin.gate.set()
        assert await writing == "1"


async def test_the_timeline_tells_the_whole_way(kept: World) -> None:
    async with kept.connector():
        await create(kept, "A")
        [listed] = (await kept.client.admin.ListCommands(admin.ListCommandsRequest())).commands
        async with asyncio.timeout(10):
            while len((found := await command(kept, listed.id)).timeline) < 7:  # noqa: ASYNC110 - told after the caller
                await asyncio.sleep(0.01)
    assert [event.name for event in found.timeline] == [
        "received",
        "recorded",
        "sent",
        "accepted",
        "started",
        "finished",
        "acknowledged",
    ]
    moments = [event.at.ToMicroseconds() for event in found.timeline]
    assert moments == sorted(moments)
    assert (found.erp_id, found.erp_number, found.attempts) == ("1", "A", 1)


async def test_the_site_is_told_that_the_outcome_is_kept(kept: World) -> None:
    async with kept.connector():
        await create(kept, "A")
        await kept.until(lambda: kept.hub.registry.sessions() != [])
        await asyncio.sleep(0.2)
    assert acknowledged(kept)


def acknowledged(world: World) -> bool:
    """Whether the site was told that the hub has the one outcome."""
    with contextlib.closing(sqlite3.connect(world.state / "acme" / "outcomes.sqlite")) as outcomes:
        [(told,)] = outcomes.execute("SELECT acknowledged_at IS NOT NULL FROM outcome")
    return bool(told)


async def test_the_site_is_told_by_the_next_hub_if_the_first_could_not(hubs: Hubs) -> None:
    async with hubs.one() as world, world.connector():
        await create(world, "A")
        [listed] = (await world.client.admin.ListCommands(admin.ListCommandsRequest())).commands
        await asyncio.sleep(0.2)
    with contextlib.closing(sqlite3.connect(world.state / "acme" / "outcomes.sqlite")) as outcomes:
        outcomes.execute("UPDATE outcome SET acknowledged_at = NULL")
        outcomes.commit()
    await hubs.forget_acknowledgements()
    async with hubs.one() as world, world.connector():
        await asyncio.sleep(0.3)
        assert len((await command(world, listed.id)).timeline) == 8
    assert acknowledged(world)


async def test_a_connector_that_is_not_durable_still_writes_once(
    kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mostek.connector.connector.DURABLE", "something else")
    async with kept.connector():
        assert await create(kept, "A") == await create(kept, "A") == "1"
        [listed] = (await kept.client.admin.ListCommands(admin.ListCommandsRequest())).commands
        found = await command(kept, listed.id)
    assert "acknowledged" not in [event.name for event in found.timeline]
    assert kept.plugin.calls == 1


async def test_an_end_that_stays_unknown_is_for_an_operator_to_resolve(kept: World) -> None:
    async with kept.connector():
        with pytest.raises(UnknownOutcome, match="mostek commands resolve") as unknown:
            await create(kept, "hopeless", expire_after=1)
        command_id = unknown.value.command_id
        with pytest.raises(UnknownOutcome):
            await create(kept, "hopeless")
        assert kept.plugin.calls == 1
        resolve = admin.ResolveCommandRequest(
            id=command_id,
            resolution=admin.COMMAND_RESOLUTION_WRITTEN,
            erp_id="77",
            erp_number="HOPE",
        )
        found = (await kept.client.admin.ResolveCommand(resolve)).command
        assert found.state == State.COMMAND_STATE_SUCCEEDED
        assert await create(kept, "hopeless") == "77"
        with pytest.raises(Rejected, match="only one that is"):
            await kept.client.admin.ResolveCommand(resolve)


async def test_a_read_from_a_site_that_is_offline_still_fails_at_once(kept: World) -> None:
    await seen(kept)
    with pytest.raises(Offline):
        await kept.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))


async def test_over_http_a_write_is_accepted_and_asked_for_later(kept: World) -> None:
    await seen(kept)
    at = "/v1/connectors/acme/companies/-/customers"
    base = f"http://{kept.addresses.http}"
    headers = {"Idempotency-Key": "k", "Prefer": "respond-async", "Mostek-Expire-After": "600"}
    async with httpx.AsyncClient(base_url=base, trust_env=False) as http:
        answer = await http.post(at, json={"name": "A"}, headers=headers)
        assert answer.status_code == 202
        assert answer.json()["command"]["state"] == "COMMAND_STATE_RECORDED"
        where = answer.headers["location"]
        assert where == f"/v1/commands/{answer.headers['mostek-command']}"
        assert (await http.get(f"{where}:wait?timeout=0.1s")).json()["command"]["attempts"] == 0
        async with kept.connector():
            found = (await http.get(f"{where}:wait")).json()["command"]
        assert found["response"]["customer"] == {"id": "1", "code": "A", "created": True}
        headers["Prefer"] = "wait=5"
        again = await http.post(at, json={"name": "A"}, headers=headers)
        assert (again.status_code, again.headers["mostek-command"]) == (200, found["id"])
        assert (await http.post(f"{where}:retry")).status_code == 422
        assert (await http.get("/v1/commands/nothing")).status_code == 404
        assert (await http.get("/v1/commands?page_size=0")).status_code == 400


async def test_commands_are_listed_in_pages(kept: World) -> None:
    async with kept.connector():
        for name in "ABC":
            await create(kept, name, key=name)
        first = await kept.client.admin.ListCommands(admin.ListCommandsRequest(page_size=2))
        rest = await kept.client.admin.ListCommands(
            admin.ListCommandsRequest(page_size=2, page_token=first.next_page_token)
        )
    assert [c.idempotency_key for c in (*first.commands, *rest.commands)] == ["C", "B", "A"]
    assert not rest.next_page_token
