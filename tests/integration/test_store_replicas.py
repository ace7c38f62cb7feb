"""What replicas tell each other through PostgreSQL: nothing is missed, and who is dead is dead for all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import Keyring
from mostek.hub.store import (
    Line,
    ReplicaRecord,
    ReplicaStore,
    SessionRecord,
    SessionState,
    Store,
    StoreError,
)

ACME = ConnectorId("default", "acme")
A, B = ReplicaRecord("a", "127.0.0.1:1", 0), ReplicaRecord("b", "127.0.0.1:2", 0)


def session(name: str, replica: str = "a", process: str = "p", **changes: str) -> SessionRecord:
    record = SessionRecord(name, ACME, "i", process, replica, "0.1", 4, 1000.0)
    return replace(record, **changes)  # type: ignore[arg-type]


@pytest.fixture
async def store(postgresql_database: str) -> AsyncIterator[Store]:
    opened = await Store.open(postgresql_database, Keyring({"k1": b"1" * 32}), several=True)
    yield opened
    await opened.close()


@pytest.fixture
async def replicas(store: Store) -> ReplicaStore:
    return ReplicaStore(store)


@pytest.fixture
async def line(replicas: ReplicaStore) -> AsyncIterator[Line]:
    async with replicas.line(lambda _: None, 5.0) as opened:
        for each in (A, B):
            await opened.beat(each)
        yield opened


async def save(replicas: ReplicaStore, *sessions: SessionRecord, **states: SessionState) -> None:
    await replicas.save(sessions, states, {}, 0.0)


async def test_a_look_tells_what_has_changed_since_the_one_before(
    replicas: ReplicaStore, line: Line
) -> None:
    await save(replicas, session("one"), session("two"))
    first = await line.look(0)
    assert first.whole
    assert [each.id for each in first.sessions] == ["one", "two"]
    assert first.sessions[0].number < first.sessions[1].number
    assert [each.name for each in first.replicas] == ["a", "b"]
    await save(replicas, two=SessionState.ENDED)
    second = await line.look(first.upto)
    assert not second.whole
    changed = {each.id: each.state for each in second.sessions}
    assert changed["two"] is SessionState.ENDED
    third = await line.look((await line.look(second.upto)).upto)
    assert third.sessions == []


async def test_what_ends_after_a_later_transaction_is_not_missed(
    store: Store, replicas: ReplicaStore, line: Line
) -> None:
    insert = text(
        "INSERT INTO session (id, tenant, connector, instance, process, replica, software, slots, connected_at, state) "
        "VALUES ('slow', 'default', 'acme', 'i', 'p', 'a', '', 1, 0, 'active')"
    )
    seen = await line.look(0)
    async with store._engine.connect() as connection:
        await connection.execute(insert)
        await save(replicas, session("fast"))
        seen = await line.look(seen.upto)
        assert [each.id for each in seen.sessions] == ["fast"]
        seen = await line.look(seen.upto)
        await connection.commit()
    seen = await line.look(seen.upto)
    assert "slow" in [each.id for each in seen.sessions]


async def test_numbers_from_another_server_are_no_reason_to_miss_anything(
    replicas: ReplicaStore, line: Line
) -> None:
    await save(replicas, session("one"))
    seen = await line.look(2**60)
    assert seen.whole
    assert [each.id for each in seen.sessions] == ["one"]


async def test_another_process_of_an_instance_elsewhere_is_a_rival(
    replicas: ReplicaStore, line: Line
) -> None:
    await save(replicas, session("one"))
    for other, rivals in (
        (session("same process", "b"), False),
        (session("same replica", "a", "q"), False),
        (session("tells none", "b", ""), False),
        (session("copy", "b", "q"), True),
    ):
        found = await replicas.save([other], {}, {}, 0.0)
        assert (other.id in found) is rivals
        await save(replicas, **{other.id: SessionState.ENDED})
    listed = {each.id for each in (await line.look(0)).sessions}
    assert "copy" not in listed
    await replicas.save([session("copy", "b", "q")], {}, {}, 0.0, admitted=True)
    assert "copy" in {each.id for each in (await line.look(0)).sessions}


async def test_a_replica_that_shows_life_meanwhile_is_not_buried(
    replicas: ReplicaStore, line: Line
) -> None:
    await save(replicas, session("one"), session("two", "b"))
    old = {each.name: each for each in (await line.look(0)).replicas}
    assert (await line.beat(A))[0] is False
    assert not await replicas.bury(old["a"])
    assert await replicas.bury(old["b"])
    seen = await line.look(0)
    assert [each.name for each in seen.replicas] == ["a"]
    assert [each.id for each in seen.sessions] == ["one"]
    # It comes again as another.
    assert (await line.beat(B))[0] is True
    assert {r.name: r for r in (await line.look(0)).replicas}["b"].since != old["b"].since


async def test_sessions_of_the_dead_and_old_ends_are_forgotten(
    store: Store, replicas: ReplicaStore, line: Line
) -> None:
    await save(replicas, session("one"), session("two"), session("three", "nobody"))
    await save(replicas, one=SessionState.ENDED)
    await line.tidy()
    async with store._engine.begin() as connection:
        left = await connection.execute(text("SELECT id FROM session ORDER BY id"))
        assert [row.id for row in left] == ["one", "two"]
        await connection.execute(text("UPDATE session SET told_at = told_at - 601"))
    await line.tidy()
    async with store._engine.begin() as connection:
        left = await connection.execute(text("SELECT id FROM session"))
        assert [row.id for row in left] == ["two"]


async def test_thousands_are_saved_at_once(replicas: ReplicaStore, line: Line) -> None:
    many = [session(str(number), process=f"p{number}") for number in range(1200)]
    await save(replicas, *many)
    await save(replicas, **{each.id: SessionState.DRAINING for each in many})
    states = [each.state for each in (await line.look(0)).sessions]
    assert states == [SessionState.DRAINING] * 1200


async def test_what_is_told_is_heard(store: Store, replicas: ReplicaStore) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with replicas.line(heard.put_nowait, 5.0):
        await replicas.notify(["one", "two"])
        async with asyncio.timeout(5):
            assert {await heard.get(), await heard.get()} == {"one", "two"}


async def test_a_line_that_is_cut_is_told_as_a_failure_of_the_store(
    store: Store, replicas: ReplicaStore
) -> None:
    with contextlib.suppress(StoreError):
        async with replicas.line(lambda _: None, 5.0) as line:
            async with store._engine.begin() as connection:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
                await connection.execute(text(others))
            await line.look(0)
            pytest.fail("the line still works")
