"""What nobody may take from the others: bytes, calls, and the moment to come back."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub import admin as admin_module
from mostek.hub import router as router_module
from mostek.hub.audit import Audit
from mostek.hub.call import Call
from mostek.hub.commands import recorded
from mostek.hub.identity import Caller, ConnectorId, Scope
from mostek.hub.pressure import Pressure
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.store import AuditStore, CommandRecord, Lane, Store
from mostek.hub.writes import Writes
from mostek.wire.failures import Offline, Overloaded
from mostek.wire.operations import operation
from mostek.wire.session import Budget

from .conftest import admin_of


def test_one_connector_leaves_half_of_the_budget_to_the_others() -> None:
    budget = Budget(100)
    greedy, other = budget.share("a", "t"), budget.share("b", "u")
    taken = sum(greedy.take(10) for _ in range(20))
    assert taken == 5
    assert other.take(10)


def test_the_connectors_of_one_tenant_leave_a_third_to_other_tenants() -> None:
    budget = Budget(300)
    shares = [budget.share(name, "t") for name in range(20)]
    taken = sum(share.take(10) for _ in range(20) for share in shares)
    assert taken == 20
    assert budget.share("x", "u").take(10)


def test_sessions_of_one_connector_share_its_share() -> None:
    budget = Budget(100)
    first, second = budget.share("a", "t"), budget.share("a", "t")
    assert first.take(50)
    assert not second.take(10)
    first.give(50)
    assert second.take(10)
    assert budget.used == 10


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(1, 40), st.booleans()),
        max_size=200,
    )
)
def test_there_is_always_room_for_one_more_and_what_was_taken_comes_back(
    moves: list[tuple[int, int, int, bool]],
) -> None:
    budget = Budget(100)
    held: list[tuple[int, int, int]] = []
    for connector, tenant, size, gives in moves:
        if gives and held:
            connector, tenant, size = held.pop()
            budget.share((tenant, connector), tenant).give(size)
        elif budget.share((tenant, connector), tenant).take(size):
            held.append((connector, tenant, size))
        assert budget.used == sum(size for *_, size in held)
        assert 0 <= budget.used < 100


def test_hints_grow_while_the_overload_lasts_and_begin_anew_after_it() -> None:
    pressure = Pressure(draw=lambda: 0.5)
    assert [pressure.refused(now) for now in (0.0, 0.4, 0.5, 1.0, 1.5, 3.5)] == [
        *(0.5, 0.5),
        *(1.0, 1.0),
        *(2.0, 4.0),
    ]
    # However short the pauses: refused again and again is one overload.
    hints = [pressure.refused(3.5 + 0.1 * n) for n in range(2000)]
    assert hints == sorted(hints)
    assert hints[-1] == 30.0
    assert pressure.refused(1e6) == 0.5


@given(st.floats(0, 1))
def test_hints_are_spread_over_as_long_as_they_are(draw: float) -> None:
    assert 0.25 <= Pressure(draw=lambda: draw).refused(0.0) <= 0.75


def _caller(tenant: str) -> Caller:
    return Caller(tenant, "key", frozenset(Scope))


def _audit() -> Audit:
    return Audit(AuditStore(cast(Store, None)))


class _Endless(Router):
    """Its reads last until they are cancelled."""

    async def _read(self, call: Call, ends: float) -> bytes:
        await asyncio.Event().wait()
        return b""


async def test_one_tenant_s_calls_are_bounded_and_another_s_are_not_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_module, "MOST_CALLS", 3)
    router = _Endless(Registry(), cast(Writes, None), _audit())

    def call(tenant: str) -> asyncio.Task[bytes]:
        wanted = Call(operation("GetCustomer"), "acme", "", b"", 9.0, _caller(tenant))
        return asyncio.create_task(router.call(wanted))

    running = [call("t") for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="3 calls run already") as refused:
        await call("t")
    assert refused.value.retriable
    assert refused.value.retry_after
    other = call("u")
    await asyncio.sleep(0)
    assert not other.done()
    running[0].cancel()
    await asyncio.wait(running[:1])
    again = call("t")
    await asyncio.sleep(0)
    assert not again.done()
    for task in (*running, other, again):
        task.cancel()
    await asyncio.wait([*running, other, again])


async def test_those_refused_by_one_event_are_not_told_the_same_moment() -> None:
    class Lost(Router):
        async def _read(self, call: Call, ends: float) -> bytes:
            raise Offline("The connection to the connector was lost.", retry_after=1.0)

    router = Lost(Registry(), cast(Writes, None), _audit())
    hints = set()
    for _ in range(20):
        wanted = Call(operation("GetCustomer"), "acme", "", b"", 9.0, _caller("t"))
        with pytest.raises(Offline) as lost:
            await router.call(wanted)
        hints.add(lost.value.retry_after)
    assert len(hints) > 10
    assert all(hint is not None and 1.0 <= hint <= 1.5 for hint in hints)


class _Patient:
    """Writes whose ends nobody sees."""

    async def get(self, *_: object) -> CommandRecord:
        of = Lane(ConnectorId("t", "acme"), "main")
        now = recorded(0.0, 1.0)
        return CommandRecord("1", of, "CreateOrder", "key", "k", b"", now, 0.0, 1.0)

    async def wait(self, *_: object) -> None:
        await asyncio.Event().wait()


async def test_one_tenant_s_waits_for_commands_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_module, "MOST_WAITS", 2)
    hub = admin_of(Registry(), cast(Writes, _Patient()), _audit())
    wanted = admin.WaitCommandRequest(id="1")

    def wait(tenant: str) -> asyncio.Task[admin.WaitCommandResponse]:
        return asyncio.create_task(hub.wait_command(wanted, _caller(tenant)))

    waiting = [wait("t"), wait("t"), wait("u")]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded, match="2 calls wait for commands already"):
        await wait("t")
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    waiting.append(wait("t"))
    await asyncio.sleep(0)
    assert not waiting[-1].done()
    for task in waiting:
        task.cancel()
    await asyncio.wait(waiting)
