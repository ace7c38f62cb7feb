"""Writes have effect once, whatever the caller repeats."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.wire.failures import Conflict, Expired, Invalid, Rejected

from .conftest import World


async def create(world: World, name: str, key: str = "k", **options: Any) -> str:
    acme = world.client.connector("acme").with_key(key)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, **options)).customer.id


async def test_a_write_without_a_key_is_refused(world: World) -> None:
    async with world.connector():
        request = CreateCustomerRequest(customer=CustomerDraft(name="A"))
        with pytest.raises(Invalid, match="idempotency-key"):
            await world.client.connector("acme").CreateCustomer(request)
    assert world.plugin.calls == 0


async def test_the_same_key_gives_the_first_outcome_without_touching_the_erp(world: World) -> None:
    async with world.connector():
        assert await create(world, "A") == await create(world, "A")
    assert world.plugin.calls == 1


async def test_the_outcome_survives_a_restart_of_the_connector(world: World) -> None:
    async with world.connector():
        first = await create(world, "A")
    async with world.connector():
        await world.until(lambda: any(not s.rules.leaving for s in world.acme.sessions))
        assert await create(world, "A") == first
    assert world.plugin.calls == 1


async def test_the_same_key_with_other_content_is_a_conflict(world: World) -> None:
    async with world.connector():
        await create(world, "A")
        with pytest.raises(Conflict, match="other content"):
            await create(world, "B")
    assert world.plugin.created == {"A": "1"}


async def test_a_refused_write_leaves_its_key_free(world: World) -> None:
    async with world.connector():
        with pytest.raises(Rejected):
            await create(world, "no")
        assert await create(world, "A") == "1"


async def test_a_crash_while_writing_is_settled_by_looking_again(world: World) -> None:
    async with world.connector():
        assert await create(world, "crash") == "1"
    assert world.plugin.calls == 2
    assert world.plugin.created == {"crash": "1"}


async def test_what_was_written_and_can_not_be_read_back_is_not_told_as_failed(
    world: World,
) -> None:
    async with world.connector():
        assert await create(world, "unread") == "1"
    assert world.plugin.calls == 2


async def test_a_deadline_ends_only_the_wait(world: World) -> None:
    async with world.connector():
        with pytest.raises(Expired, match="same idempotency key"):
            await create(world, "slow", timeout=0.2)
        world.plugin.gate.set()
        assert await create(world, "slow") == "1"
    assert world.plugin.calls == 1


async def test_a_caller_that_goes_away_does_not_stop_a_write(world: World) -> None:
    async with world.connector():
        task = asyncio.create_task(create(world, "slow"))
        await world.until(world.plugin.began.is_set)
        task.cancel()
        world.plugin.gate.set()
        assert await create(world, "slow") == "1"
    assert world.plugin.calls == 1


async def test_equal_writes_at_the_same_time_have_effect_once(world: World) -> None:
    async with world.connector():
        ids = await asyncio.gather(*(create(world, "A") for _ in range(8)))
    assert set(ids) == {"1"}
    assert world.plugin.calls == 1


async def test_a_write_whose_session_is_lost_is_asked_for_again(world: World) -> None:
    async with world.connector():
        [first] = world.hub.registry.sessions()
        task = asyncio.create_task(create(world, "slow"))
        await world.until(world.plugin.began.is_set)
        for stream in list(world.hub.link._streams.values()):
            stream.cancel()
        await world.until(lambda: world.hub.registry.sessions() not in ([], [first]))
        world.plugin.gate.set()
        assert await task == "1"
    assert world.plugin.calls == 1
