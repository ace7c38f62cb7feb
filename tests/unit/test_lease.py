"""Who may write and who is dead, by steady clocks alone."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from mostek.hub.replicas.lease import Lease
from mostek.hub.store import ReplicaRecord

SPAN = 10.0


def replica(name: str, beat: int, since: int = 1) -> ReplicaRecord:
    return ReplicaRecord(name, "127.0.0.1:1", 0, beat, since)


def test_a_beat_lets_a_replica_write_for_a_part_of_the_span_from_when_it_was_asked_for() -> None:
    lease = Lease("a", SPAN)
    assert not lease.held(0.0)
    lease.beaten(100.0)
    assert lease.held(105.9)
    assert not lease.held(106.0)
    assert not lease.due(101.9)
    assert lease.due(102.0)


def test_a_replica_is_dead_when_no_new_beat_was_seen_for_the_span() -> None:
    lease, b = Lease("a", SPAN), replica("b", 1)
    for now in range(11):
        lease.beaten(now)
        assert lease.dead([replica("a", now), b], float(now)) == []
    lease.beaten(11.0)
    assert lease.dead([b], 11.0) == [b]


def test_any_other_beat_is_life_also_one_of_another_life() -> None:
    lease = Lease("a", SPAN)
    for now in range(0, 100, 2):
        lease.beaten(now)
        assert lease.dead([replica("b", 1, since=now)], float(now)) == []


def test_whoever_was_blind_takes_nobody_for_dead() -> None:
    lease, b = Lease("a", SPAN), replica("b", 1)
    lease.beaten(0.0)
    lease.dead([b], 0.0)
    # The database was away for a minute: nobody could show life.
    lease.beaten(60.0)
    assert lease.dead([b], 60.0) == []
    lease.beaten(62.0)
    assert lease.dead([replica("b", 2)], 62.0) == []


def test_whoever_may_not_write_takes_nobody_for_dead() -> None:
    lease, b = Lease("a", SPAN), replica("b", 1)
    lease.beaten(0.0)
    for now in range(0, 40, 2):
        assert lease.dead([b], float(now)) == []


@dataclass
class Clocked:
    """A replica with a clock of its own rate, which beats and looks as it comes to it."""

    name: str
    rate: float
    offset: float
    lease: Lease = field(init=False)
    beat: int = 0

    def __post_init__(self) -> None:
        self.lease = Lease(self.name, SPAN)

    def clock(self, now: float) -> float:
        return self.offset + now * self.rate


def deaths(seed: int, drift: float) -> int:
    """How often one was taken for dead. Clocks differ by hours and run at different rates; beats and looks are late or
    missing."""
    drawn = random.Random(seed)
    a, b = Clocked("a", 1.0, 5e4), Clocked("b", drift, -7e3)
    count, now = 0, 0.0
    for _ in range(300):
        now += drawn.uniform(0.1, 3.0)
        for one, other in ((a, b), (b, a)):
            if drawn.random() < 0.4:
                # It was asked for some time ago, and only now it is in the database.
                one.beat += 1
                one.lease.beaten(one.clock(now - drawn.uniform(0.0, 2.0)))
            if drawn.random() < 0.6:
                rows = [replica(each.name, each.beat) for each in (a, b)]
                for found in one.lease.dead(rows, one.clock(now)):
                    assert found.name == other.name
                    assert not other.lease.held(other.clock(now))
                    count += 1
    return count


@given(seed=st.integers(0, 10_000), drift=st.floats(0.98, 1.02))
def test_whoever_is_taken_for_dead_has_stopped_writing_before(seed: int, drift: float) -> None:
    deaths(seed, drift)


def test_the_property_above_is_about_deaths_that_happen() -> None:
    assert sum(deaths(seed, 1.0) for seed in range(20)) > 20
