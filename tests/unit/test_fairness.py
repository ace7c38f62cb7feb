"""What nobody may take from the others: bytes, calls, and the moment to come back."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.hub import router as router_module
from mostek.hub.call import Call
from mostek.hub.identity import Caller
from mostek.hub.pressure import Pressure
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.writes import Writes
from mostek.wire.failures import Overloaded
from mostek.wire.operations import operation
from mostek.wire.session import Budget


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
        assert 0 <= budget.used < 100 or not held
        assert budget.used == sum(size for *_, size in held)
        assert budget.share("newcomer", "new tenant").take(1)
        budget.share("newcomer", "new tenant").give(1)


def test_hints_grow_while_the_overload_lasts_and_begin_anew_after_it() -> None:
    pressure = Pressure(draw=lambda: 0.5)
    assert [pressure.refused(now) for now in (0.0, 0.5, 1.0, 3.5, 8.0)] == [1.0, 1.0, 2.0, 4.0, 8.0]
    assert pressure.refused(1e6) == 16.0
    assert [pressure.refused(1e6 + 100 * n) for n in range(1, 4)] == [30.0, 30.0, 30.0]
    pressure.admitted()
    assert pressure.refused(2e6) == 1.0


@given(st.floats(0, 1))
def test_hints_are_spread_over_as_long_as_they_are(draw: float) -> None:
    assert 0.5 <= Pressure(draw=lambda: draw).refused(0.0) <= 1.5


class _Endless(Router):
    """Its reads last until they are cancelled."""

    async def _read(self, call: Call, ends: float) -> bytes:
        await asyncio.Event().wait()
        return b""


async def test_one_tenant_s_calls_are_bounded_and_another_s_are_not_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router_module, "MOST_CALLS", 3)
    router = _Endless(Registry(), cast(Writes, None))

    def call(tenant: str) -> asyncio.Task[bytes]:
        wanted = Call(operation("GetCustomer"), "acme", "", b"", 9.0, Caller(tenant, "key"))
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
