"""What the hub asks its database again and again reads no more rows the longer the hub has worked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event

from mostek.hub.commands import TO_RESOLVE, WAITING, State
from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import Keyring
from mostek.hub.store import AuditFilter, AuditStore, CommandFilter, Lane, Store
from mostek.hub.store.tables import HOLDS_BACK, TO_BE_RESOLVED

ACME = ConnectorId("default", "acme")
#: Indexes of what is open, or of what somebody has to do something about: those may be read whole.
FEW = ("command_waiting", "command_expiring", "command_unacknowledged", "command_to_resolve")

Ask = Callable[[Store], Awaitable[Any]]


def listed(**wanted: Any) -> Ask:
    return lambda store: store.find("default", CommandFilter(**wanted), 100)


def audited(ask: Callable[[AuditStore], Awaitable[Any]]) -> Ask:
    return lambda store: ask(AuditStore(store))


ASKED: dict[str, Ask] = {
    "next due": lambda store: store.next_due(Lane(ACME, "main"), 1.0),
    "due lanes": lambda store: store.due_lanes(1.0),
    "overdue": lambda store: store.overdue(1.0),
    "interrupted": lambda store: store.interrupted("here"),
    "untold": lambda store: store.untold(),
    "unacknowledged": lambda store: store.unacknowledged(ACME),
    "backlog": lambda store: store.backlog(1.0),
    "purge": lambda store: store.purge(1.0),
    "events": lambda store: store.events("1"),
    "list": listed(),
    "list a connector": listed(connector="acme"),
    "list a key": listed(idempotency_key="key"),
    "list dead letters": listed(states=frozenset({State.DEAD})),
    "list what waits": listed(states=frozenset({State.RECORDED, State.IN_DOUBT})),
    "audit": audited(lambda audit: audit.find("default", AuditFilter(), 100)),
    "purge audit": audited(lambda audit: audit.purge(1.0, 2.0)),
}


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    opened = await Store.open("sqlite://", Keyring({"k1": b"1" * 32}))
    yield opened
    await opened.close()


async def plans(store: Store, ask: Ask) -> list[str]:
    """How the database goes about each statement."""
    said: list[tuple[str, Any]] = []

    def hear(_: Connection, cursor: object, statement: str, values: Any, *more: object) -> None:
        said.append((statement, values))

    engine = store._engine.sync_engine
    event.listen(engine, "before_cursor_execute", hear)
    await ask(store)
    event.remove(engine, "before_cursor_execute", hear)
    found: list[str] = []
    async with store._engine.begin() as connection:
        for statement, values in said:
            if not statement.startswith("BEGIN"):
                rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                found += [row.detail for row in rows]
    return found


@pytest.mark.parametrize("name", ASKED)
async def test_no_question_reads_all_that_ever_was(store: Store, name: str) -> None:
    steps = await plans(store, ASKED[name])
    assert steps
    for step in steps:
        assert not step.startswith("SCAN") or step.split()[-1] in FEW, steps
        # All rows up to one.
        assert "(rowid<?)" not in step, steps


@pytest.mark.parametrize(
    ("said", "states"),
    [(HOLDS_BACK, WAITING | {State.UNKNOWN}), (TO_BE_RESOLVED, TO_RESOLVE)],
)
def test_indexes_are_of_the_states_that_the_rules_name(said: str, states: set[State]) -> None:
    assert set(re.findall(r"'(\w+)'", said)) == {state.value for state in states}


async def test_what_is_not_yet_told_to_a_connector_is_found_without_all_that_it_ever_wrote(
    store: Store,
) -> None:
    [step] = await plans(store, ASKED["unacknowledged"])
    assert "command_unacknowledged" in step
