"""Tenants, keys and the audit in the database: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from mostek.hub import audit as audit_of_hub
from mostek.hub.identity import Reach, Scope
from mostek.hub.keyring import Keyring
from mostek.hub.keys import ApiKey
from mostek.hub.store import (
    AuditEntry,
    AuditFilter,
    AuditKind,
    AuditStore,
    KeyStore,
    NameTaken,
    NoTenant,
    Store,
    StoreError,
)
from mostek.hub.store import audit as audit_module

NOW = time.time()
DAY = 24 * 3600.0
KEY = ApiKey(
    id="0123456789ab",
    tenant="default",
    name="crm",
    scopes=frozenset({Scope.READ, Scope.WRITE}),
    reach=Reach(("warsaw-*",), ("List*",), ("Customer.pesel",)),
    made_at=NOW,
    made_by="tests",
    hash=b"h" * 32,
    expires_at=NOW + DAY,
    rate=2.5,
)


def entry(at: float = NOW, tenant: str = "default", **more: Any) -> AuditEntry:
    return AuditEntry(at, tenant, AuditKind.READ, "crm", "ListCustomers", "ok", **more)


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    opened = await Store.open(database, Keyring({"k1": b"1" * 32}))
    yield opened
    await opened.close()


async def test_a_key_is_kept_as_it_was_made(store: Store) -> None:
    keys = KeyStore(store)
    await keys.add(KEY, entry())
    assert await keys.get(KEY.id) == KEY
    await keys.used({KEY.id: NOW + 1, "unknown": NOW})
    assert await keys.find("default", "", 10) == [replace(KEY, last_used_at=NOW + 1)]
    assert await keys.find("default", KEY.id, 10) == []
    assert await keys.find("other", "", 10) == []
    assert len(await AuditStore(store).find("default", AuditFilter(), 10)) == 1


async def test_a_name_is_of_one_key_that_is_not_revoked(store: Store) -> None:
    keys = KeyStore(store)
    await keys.add(KEY, entry())
    second = replace(KEY, id="ba9876543210")
    with pytest.raises(NameTaken):
        await keys.add(second, entry())
    assert await keys.revoke("other", KEY.id, NOW, entry()) is None
    revoked = await keys.revoke("default", KEY.id, NOW, entry())
    assert revoked == replace(KEY, revoked_at=NOW)
    assert await keys.revoke("default", KEY.id, NOW + 9, entry()) == revoked
    await keys.add(second, entry())
    assert await keys.live([KEY.id, second.id]) == {second.id}


async def test_a_tenant_is_added_once_and_keys_are_of_one_that_is_there(store: Store) -> None:
    keys = KeyStore(store)
    with pytest.raises(NoTenant):
        await keys.add(replace(KEY, tenant="alfa"), entry())
    await keys.add_tenant("alfa", NOW, entry(tenant="-"))
    with pytest.raises(NameTaken):
        await keys.add_tenant("alfa", NOW, entry(tenant="-"))
    assert [tenant.name for tenant in await keys.tenants()] == ["alfa", "default"]
    assert await keys.has_tenant("alfa")
    assert not await keys.has_tenant("beta")
    # What failed has left nothing in the audit.
    assert await AuditStore(store).find("default", AuditFilter(), 10) == []
    assert len(await AuditStore(store).find("-", AuditFilter(), 10)) == 1


async def test_entries_are_found_by_what_they_are_about(store: Store) -> None:
    audit = AuditStore(store)
    first = entry(NOW - 10, connector="acme", command_id="1", detail="d", company="main")
    refusal = entry(NOW)._replace(kind=AuditKind.REFUSAL)
    await audit.add([first, refusal, entry(NOW, "alfa")])
    found = await audit.find("default", AuditFilter(), 10)
    assert [e._replace(number=0) for e in found] == [first, refusal]

    async def numbers(**wanted: Any) -> list[int]:
        found = await audit.find("default", AuditFilter(**wanted), 10)
        return [e.number - 1 for e in found]

    assert await numbers(connector="acme") == [0]
    assert await numbers(kinds=frozenset({AuditKind.REFUSAL})) == [1]
    assert await numbers(since=NOW - 5) == [1]
    assert await numbers(until=NOW) == [0]
    assert await numbers(after=found[0].number) == [1]


async def test_texts_of_callers_fit_the_columns(store: Store) -> None:
    audit = AuditStore(store)
    strange = "a\0b\ud800\n" + "x" * 1000
    await audit.add([entry(connector=strange, company=strange, command_id=strange, detail=strange)])
    [kept] = await audit.find("default", AuditFilter(), 10)
    assert kept.connector.startswith("a?b??xx")
    assert (len(kept.connector), len(kept.command_id), len(kept.detail)) == (63, 32, 500)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET caller = 'nobody'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE caller = 'crm'",
    ],
)
async def test_the_audit_can_not_be_changed_nor_what_is_young_deleted(
    store: Store, change: str
) -> None:
    audit = AuditStore(store)
    await audit.add([entry(NOW - 40 * DAY), entry(NOW - 29 * DAY)])

    async def try_it(connection: Any) -> None:
        await connection.execute(text(change))

    with pytest.raises((StoreError, IntegrityError)) as caught:
        await store.do(try_it)
    assert "only grows" in str(caught.value.__cause__)
    assert len(await audit.find("default", AuditFilter(), 10)) == 2


async def test_what_is_purged_leaves_an_entry_that_says_so(store: Store) -> None:
    audit = AuditStore(store)
    old = NOW - 400 * DAY
    await audit.add([entry(old), entry(old), entry(old, "alfa"), entry(NOW)])
    assert await audit.purge(NOW - 365 * DAY, NOW) == 3
    kept, said = await audit.find("default", AuditFilter(), 10)
    assert kept.kind is AuditKind.READ
    assert (said.kind, said.detail) == (
        AuditKind.LOSS,
        "2 entries had reached the end of their retention",
    )
    assert len(await audit.find("alfa", AuditFilter(), 10)) == 1
    assert await audit.purge(NOW - 365 * DAY, NOW) == 0


async def test_others_get_their_turn_while_much_is_purged(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_module, "_BATCH", 10)
    audit, old = AuditStore(store), NOW - 400 * DAY
    await audit.add([entry(old)] * 200)
    purging = asyncio.create_task(audit.purge(NOW - 365 * DAY, NOW))
    await asyncio.sleep(0)
    await audit.add([entry(NOW)])
    assert not purging.done()
    assert await purging == 200


async def test_reads_are_kept_while_a_purge_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(AuditStore):
        async def purge(self, before: float, now: float) -> int:
            await asyncio.Event().wait()
            return 0

    monkeypatch.setattr(audit_of_hub, "FLUSH_EVERY", 0.01)
    audit = audit_of_hub.Audit(Slow(store))
    running = asyncio.create_task(audit.run())
    await asyncio.sleep(0.05)
    audit.note(entry(NOW))
    async with asyncio.timeout(5):
        while not await AuditStore(store).find("default", AuditFilter(), 10):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


#: As docs/operations.md has it.
RIGHTS = """
    CREATE ROLE hub LOGIN;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO hub;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO hub;
    REVOKE UPDATE, DELETE ON audit FROM hub
"""


async def test_a_hub_that_owns_no_tables_works_and_can_not_touch_the_audit(
    postgresql_database: str,
) -> None:
    owner = await Store.open(postgresql_database, Keyring({"k1": b"1" * 32}), alone=False)

    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert RIGHTS in page

    async def grant(connection: Any) -> None:
        for statement in RIGHTS.split(";"):
            await connection.execute(text(statement))

    await owner.do(grant)
    await owner.close()
    as_hub = postgresql_database.replace("//mostek@", "//hub@")
    store = await Store.open(as_hub, Keyring({"k1": b"1" * 32}))
    audit = AuditStore(store)
    await KeyStore(store).add(KEY, entry(NOW - 99 * DAY))
    for statement in (
        "UPDATE audit SET caller = 'nobody'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TRIGGER audit_rows ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
    ):

        async def try_it(connection: Any, statement: str = statement) -> None:
            await connection.execute(text(statement))

        with pytest.raises(StoreError) as caught:
            await store.do(try_it)
        assert "permission denied" in str(caught.value.__cause__) or "must be owner" in str(
            caught.value.__cause__
        )
    assert len(await audit.find("default", AuditFilter(), 10)) == 1
    await store.close()


async def test_not_even_the_owner_empties_the_audit_as_a_whole(postgresql_database: str) -> None:
    store = await Store.open(postgresql_database, Keyring({"k1": b"1" * 32}))

    async def truncate(connection: Any) -> None:
        await connection.execute(text("TRUNCATE audit"))

    with pytest.raises(StoreError) as caught:
        await store.do(truncate)
    assert "only grows" in str(caught.value.__cause__)
    await store.close()
