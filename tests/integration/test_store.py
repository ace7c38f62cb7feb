"""The hub's store: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from mostek.hub import commands
from mostek.hub.commands import State
from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import Keyring, add_key
from mostek.hub.store import (
    CommandFilter,
    CommandRecord,
    Event,
    Full,
    KeyTaken,
    Lane,
    Moved,
    Store,
    StoreError,
    engine,
)
from mostek.hub.store.tables import metadata
from mostek.wire.failures import Rejected

MIGRATIONS = Path(engine.__file__).parent / "migrations"
NOW = 1000.0
ACME = ConnectorId("default", "acme")
LANE = Lane(ACME, "main")


def record(name: str = "1", **changes: Any) -> CommandRecord:
    values: dict[str, Any] = {
        "id": name,
        "lane": LANE,
        "operation": "CreateOrder",
        "caller": "tests",
        "idempotency_key": f"key {name}",
        "content": b"hash",
        "progress": commands.recorded(NOW, 60.0),
        "recorded_at": NOW,
        "expire_after": 60.0,
    }
    return CommandRecord(**values | changes)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="modes of files are POSIX's")
async def test_a_file_of_the_hubs_own_is_for_its_account_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        file = tmp_path / "state" / "hub.sqlite"
        await (await Store.open(f"sqlite:///{file}", Keyring({"k": b"1" * 32}))).close()
        add_key(tmp_path / "keys" / "hub.keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for folder in ("state", "keys"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await Store.open(database, Keyring({"k1": b"1" * 32}))
    yield opened
    await opened.close()


async def add(store: Store, *names: str, **changes: Any) -> list[CommandRecord]:
    for name in names:
        await store.add(record(name, **changes), b"request", [])
    found = [await store.get("default", name) for name in names]
    return [command for command in found if command]


async def test_the_migrations_make_the_tables(store: Store) -> None:
    def differences(connection: Connection) -> Any:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with store._engine.begin() as connection:
        assert await connection.run_sync(differences) == []


async def test_what_is_recorded_is_there_after_a_restart(database: str) -> None:
    keyring = Keyring({"k1": b"1" * 32})
    first = await Store.open(database, keyring)
    events = [Event("received", 999.5), Event("recorded", NOW, "detail")]
    kept = await first.add(record(ordering_key="o"), b"request", events)
    await first.close()
    again = await Store.open(database, keyring)
    found = await again.get("default", "1")
    assert found is not None
    assert found == record(ordering_key="o", number=found.number)
    assert kept.id == "1"
    assert await again.request("1") == b"request"
    assert await again.events("1") == events
    await again.close()


async def test_a_key_stands_for_one_command_until_that_wrote_nothing(store: Store) -> None:
    await add(store, "1", idempotency_key="k")
    other = record("2", idempotency_key="k", content=b"other")
    holder = await store.add(other, b"", [])
    assert (holder.id, holder.content) == ("1", b"hash")
    assert await store.get("default", "2") is None
    elsewhere = record("3", idempotency_key="k", lane=Lane(ACME, "second"))
    assert (await store.add(elsewhere, b"", [])).id == "3"
    await store.move(holder, commands.cancelled(holder.progress, NOW), [])
    assert (await store.add(other, b"", [])).id == "2"


async def test_equal_keys_at_the_same_time_yield_one_command(store: Store) -> None:
    added = await asyncio.gather(
        *(store.add(record(str(n), idempotency_key="k"), b"", []) for n in range(8))
    )
    assert len({command.id for command in added}) == 1


async def test_a_command_that_has_moved_on_is_not_moved_from_where_it_was(store: Store) -> None:
    [first] = await add(store, "1")
    under_way = await store.move(first, commands.sent(first.progress), [Event("sent", NOW)])
    with pytest.raises(Moved):
        await store.move(first, commands.cancelled(first.progress, NOW), [Event("cancelled", NOW)])
    assert [event.name for event in await store.events("1")] == ["sent"]
    assert (await store.get("default", "1")) == under_way


async def test_an_outcome_is_kept_with_the_ids_of_the_erp(store: Store) -> None:
    [first] = await add(store, "1")
    under_way = await store.move(first, commands.sent(first.progress), [])
    done = commands.succeeded(under_way.progress, NOW)
    await store.move(under_way, done, [], outcome=b"outcome", erp=("7", "ZK 1"))
    found = await store.get("default", "1")
    assert found is not None
    assert (found.state, found.erp_id, found.erp_number) == (State.SUCCEEDED, "7", "ZK 1")
    assert await store.outcome("1") == b"outcome"


async def test_payloads_are_not_in_the_database_as_they_are(store: Store) -> None:
    await store.add(record(), b"Jan Kowalski, PESEL 44051401458", [])
    async with store._engine.begin() as connection:
        row = (await connection.execute(text("SELECT request FROM command"))).one()
    assert b"Kowalski" not in row[0]


async def test_a_retry_of_a_command_whose_key_was_taken_is_refused(store: Store) -> None:
    [first] = await add(store, "1", idempotency_key="k")
    gone = await store.move(first, commands.cancelled(first.progress, NOW), [])
    await add(store, "2", idempotency_key="k")
    with pytest.raises(KeyTaken):
        await store.move(gone, commands.retried(gone.progress, NOW, 60.0), [])


async def test_the_oldest_that_is_due_is_next(store: Store) -> None:
    first, second = await add(store, "1", "2")
    found = await store.next_due(LANE, NOW)
    assert found is not None
    assert found.id == "1"
    await store.move(first, commands.delayed(first.progress, NOW), [])
    found = await store.next_due(LANE, NOW)
    assert found is not None
    assert found.id == "2"
    assert await store.next_due(Lane(ACME, "other"), NOW) is None
    assert await store.due_lanes(NOW) == {LANE}
    await store.move(second, commands.sent(second.progress), [])
    assert await store.due_lanes(NOW) == set()


async def test_only_commands_of_one_ordering_key_wait_for_each_other(store: Store) -> None:
    first, _ = await add(store, "1", "2", ordering_key="o")
    await add(store, "3")
    waiting = commands.failed(commands.sent(first.progress), _busy(), NOW)
    under_way = await store.move(first, commands.sent(first.progress), [])
    await store.move(under_way, waiting, [])
    found = await store.next_due(LANE, NOW)
    assert found is not None
    assert found.id == "3"


def _busy() -> Rejected:
    return Rejected("Busy.", retriable=True)


async def test_what_ran_out_of_time_and_what_was_interrupted_is_found(store: Store) -> None:
    first, _ = await add(store, "1", "2")
    await store.move(first, commands.sent(first.progress), [])
    assert [c.id for c in await store.overdue(NOW + 60)] == ["2"]
    assert await store.overdue(NOW + 59) == []
    assert [c.id for c in await store.interrupted()] == ["1"]


async def test_commands_in_doubt_do_not_keep_others_from_running_out_of_time(store: Store) -> None:
    for first in await add(store, "1", "2", "3"):
        under_way = await store.move(first, commands.sent(first.progress), [])
        await store.move(under_way, commands.lost(under_way.progress, NOW), [])
    await add(store, "4", progress=commands.recorded(NOW, 70.0))
    assert [c.id for c in await store.overdue(NOW + 70, 2)] == ["4"]
    long_after = await store.overdue(NOW + 60 + 24 * 3600, 9)
    assert [c.id for c in long_after] == ["1", "2", "3", "4"]


async def test_of_a_command_that_was_tried_for_weeks_the_beginning_and_the_end_are_told(
    store: Store,
) -> None:
    await add(store, "1")
    await store.note("1", [Event("postponed", NOW + n, str(n)) for n in range(3000)])
    told = [int(event.detail) for event in await store.events("1")]
    assert len(told) == 1000
    assert told[:10] == list(range(10))
    assert told[10:] == list(range(2010, 3000))


async def test_an_outcome_is_acknowledged_once(store: Store) -> None:
    [first] = await add(store, "1")
    under_way = await store.move(first, commands.sent(first.progress), [])
    await store.move(under_way, commands.succeeded(under_way.progress, NOW), [], outcome=b"r")
    assert await store.untold() == {ACME}
    assert [c.id for c in await store.unacknowledged(ACME)] == ["1"]
    await store.acknowledge("1", NOW)
    assert await store.unacknowledged(ACME) == []
    assert await store.untold() == set()
    assert await store.events("1") == [Event("acknowledged", NOW)]


async def test_commands_are_listed_by_pages_the_newest_first(store: Store) -> None:
    await add(store, "1", "2", "3")
    page = await store.find("default", CommandFilter(connector="acme"), 2)
    assert [c.id for c in page] == ["3", "2"]
    rest = await store.find("default", CommandFilter(before=page[-1].number), 2)
    assert [c.id for c in rest] == ["1"]
    assert await store.find("default", CommandFilter(states=frozenset({State.DEAD})), 2) == []
    assert [
        c.id for c in await store.find("default", CommandFilter(idempotency_key="key 2"), 9)
    ] == ["2"]


async def test_rotation_encrypts_everything_with_the_new_key(database: str) -> None:
    old = await Store.open(database, Keyring({"old": b"o" * 32}))
    await add(old, "1", "2")
    await old.close()
    both = await Store.open(database, Keyring({"new": b"n" * 32, "old": b"o" * 32}))
    assert await both.reencrypt() == 2
    assert await both.reencrypt() == 0
    await both.close()
    new = await Store.open(database, Keyring({"new": b"n" * 32}))
    assert await new.request("1") == b"request"
    await new.close()


async def test_what_is_purged_keeps_key_hash_and_ids(store: Store) -> None:
    [first, _] = await add(store, "1", "2")
    under_way = await store.move(first, commands.sent(first.progress), [])
    done = commands.succeeded(under_way.progress, NOW)
    await store.move(under_way, done, [], outcome=b"r", erp=("7", "ZK 1"))
    assert await store.purge(NOW + 1) == 1
    assert await store.purge(NOW + 1) == 0
    found = await store.get("default", "1")
    assert found is not None
    assert (found.content, found.erp_id) == (b"hash", "7")
    assert await store.outcome("1") is None
    assert await store.request("2") == b"request"


async def test_a_connector_is_remembered(store: Store) -> None:
    await store.save_connectors({ACME: b"old"}, 1.0)
    await store.save_connectors({ACME: b"new"}, 2.0)
    assert await store.connectors() == [(ACME, b"new", 2.0)]


async def test_a_transaction_is_finished_when_nobody_waits_for_it(store: Store) -> None:
    adding = asyncio.create_task(store.add(record(), b"", []))
    await asyncio.sleep(0)
    adding.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await adding
    while store._running:
        await asyncio.wait(store._running)
    assert await store.get("default", "1") is not None


async def test_a_lane_holds_so_many_waiting_commands(store: Store) -> None:
    await add(store, "1", "2")
    with pytest.raises(Full):
        await store.add(record("3"), b"", [], most=2)
    assert (await store.add(record("1"), b"", [], most=2)).id == "1"
    elsewhere = record("4", lane=Lane(ACME, "second"))
    assert (await store.add(elsewhere, b"", [], most=2)).id == "4"


async def test_a_second_hub_is_refused_until_the_first_has_ended(database: str) -> None:
    first = await Store.open(database, Keyring({"k": b"1" * 32}))
    with pytest.raises(StoreError, match="used by another"):
        await Store.open(database, Keyring({"k": b"1" * 32}))
    await first.close()
    second = await Store.open(database, Keyring({"k": b"1" * 32}))
    await second.close()


async def test_replicas_share_a_database_and_a_hub_alone_shares_none(
    postgresql_database: str,
) -> None:
    keys = Keyring({"k": b"1" * 32})
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(2):
            store = await Store.open(postgresql_database, keys, several=True)
            stack.push_async_callback(store.close)
        with pytest.raises(StoreError, match="if each has MOSTEK_HUB_INTERNAL"):
            await Store.open(postgresql_database, keys)
    alone = await Store.open(postgresql_database, keys)
    with pytest.raises(StoreError, match="if each has MOSTEK_HUB_INTERNAL"):
        await Store.open(postgresql_database, keys, several=True)
    await alone.close()


async def test_a_company_has_one_command_under_way(store: Store) -> None:
    first, second = await add(store, "1", "2")
    [elsewhere] = await add(store, "3", lane=Lane(ACME, "second"))
    held = await store.claim(first, commands.sent(first.progress, "a"), [])
    with pytest.raises(Moved):
        await store.claim(second, commands.sent(second.progress, "b"), [])
    await store.claim(elsewhere, commands.sent(elsewhere.progress, "b"), [])
    with pytest.raises(Moved):
        await store.claim(first, commands.sent(first.progress, "b"), [])
    await store.move(held, commands.lost(held.progress, NOW), [])
    await store.claim(second, commands.sent(second.progress, "b"), [])


async def test_keys_are_rotated_while_a_hub_works_on_postgresql(postgresql_database: str) -> None:
    hub = await Store.open(postgresql_database, Keyring({"k": b"1" * 32}))
    other = await Store.open(postgresql_database, Keyring({"k": b"1" * 32}), alone=False)
    await other.close()
    await hub.close()


async def test_a_database_that_went_away_is_told_as_such(store: Store) -> None:
    async with store._engine.begin() as connection:
        for table in ("event", "command"):
            await connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(StoreError):
        await store.get("default", "1")


async def test_a_database_that_does_not_answer_is_told_as_such_also_to_those_who_wait_behind_it(
    store: Store,
) -> None:
    pool: Any = store._engine.pool
    pool._timeout = 0.05
    async with contextlib.AsyncExitStack() as held:
        while pool.checkedout() < pool.size():
            await held.enter_async_context(store._engine.connect())
        with pytest.raises(StoreError):
            await store.get("default", "1")


async def test_a_transaction_that_fails_when_nobody_waits_any_more_is_no_error_of_the_loop(
    store: Store,
) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
    pool: Any = store._engine.pool
    pool._timeout = 0.05
    async with contextlib.AsyncExitStack() as held:
        while pool.checkedout() < pool.size():
            await held.enter_async_context(store._engine.connect())
        waiting = asyncio.create_task(store.get("default", "1"))
        while not store._running:  # noqa: ASYNC110
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait(store._running | {waiting})
    # Only when nothing refers to it any more the loop would be told.
    del waiting
    gc.collect()
    assert told == []


async def test_every_commit_to_sqlite_is_synced(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path}/hub.sqlite", Keyring({"k": b"1" * 32}))
    async with store._engine.begin() as connection:
        for pragma, value in (("synchronous", 2), ("journal_mode", "wal")):
            assert (await connection.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value
    await store.close()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://host/name", "postgresql://u:secret@[::1]:1/n"]
)
async def test_a_database_that_can_not_be_used_says_why_without_its_password(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        await Store.open(url, Keyring({"k": b"1" * 32}))
    assert "secret" not in str(refused.value)


async def _at(database: str, revision: str, *statements: str) -> None:
    """A database as a hub of another version has left it."""

    def migrate(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    url = database.replace("postgresql:", "postgresql+asyncpg:").replace(
        "sqlite:", "sqlite+aiosqlite:"
    )
    older = create_async_engine(url)
    async with older.begin() as connection:
        await connection.run_sync(migrate)
        for statement in statements:
            await connection.execute(text(statement))
    await older.dispose()


async def test_a_database_of_the_first_version_keeps_all_that_it_has(database: str) -> None:
    keyring = Keyring({"k1": b"1" * 32})
    await _at(
        database,
        "0001",
        "INSERT INTO command (id, tenant, connector, company, operation, caller, idempotency_key, content, "
        "ordering_key, state, keeps_key, attempts, kind, recorded_at, due_at, expire_after, expires_at) VALUES "
        "('1', 'default', 'acme', 'main', 'CreateOrder', 'tests', 'key 1', CAST('hash' AS "
        f"{'BYTEA' if 'postgresql' in database else 'BLOB'}), '', 'sent', TRUE, 1, 0, 1000, 1000, 60, 1060)",
        "INSERT INTO event (command, at, name, detail) VALUES ('1', 1000, 'sent', '')",
    )
    opened = await Store.open(database, keyring)
    [interrupted] = await opened.interrupted("this one")
    assert interrupted.idempotency_key == "key 1"
    assert [event.name for event in await opened.events("1")] == ["sent"]
    await add(opened, "2")
    assert await opened.request("2") == b"request"
    await opened.close()


async def test_a_database_of_a_newer_version_is_told_as_such(database: str) -> None:
    await _at(database, "head", "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"has the tables of a newer version \(9999\)") as told:
        await Store.open(database, Keyring({"k1": b"1" * 32}))
    assert "start that version" in str(told.value)
