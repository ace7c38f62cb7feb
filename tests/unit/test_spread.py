"""Connectors are asked to move until replicas have about as many, gently, and never to and fro. In virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mostek.hub.replicas.spread import Spread

#: Where a connector goes that was asked to move: told the replicas' sessions and whose it was.
Balancer = Callable[[list[int], int], int]
#: Seconds for which replicas know each other's numbers from before.
STALE = 2


class Hubs:
    """Replicas with sessions, and a second that passes."""

    def __init__(self, sessions: list[int], balancer: Balancer) -> None:
        self.sessions = sessions
        self.moves: list[list[int]] = []
        self._balancer = balancer
        self._rules = [Spread() for _ in sessions]
        self._told = [list(sessions)]

    def second(self) -> int:
        """How many were asked to move."""
        told = self._told[max(0, len(self._told) - 1 - STALE)]
        now = float(len(self._told))
        asked = []
        for mine, rule in enumerate(self._rules):
            others = [count for other, count in enumerate(told) if other != mine]
            asked.append(rule.due(self.sessions[mine], others, now))
        for mine, count in enumerate(asked):
            assert count <= max(2, self.sessions[mine] * 0.011 + 1)
            for _ in range(count):
                self.sessions[mine] -= 1
                self.sessions[self._balancer(self.sessions, mine)] += 1
        self._told.append(list(self.sessions))
        self.moves.append(asked)
        return sum(asked)

    def run(self, seconds: int) -> int:
        return sum(self.second() for _ in range(seconds))

    @property
    def worst(self) -> float:
        """By what part the fullest is above the mean."""
        return max(self.sessions) / (sum(self.sessions) / len(self.sessions)) - 1


def fewest(sessions: list[int], _: int) -> int:
    return sessions.index(min(sessions))


def anywhere(seed: int) -> Balancer:
    drawn = random.Random(seed)
    return lambda sessions, _: drawn.randrange(len(sessions))


def back(_: list[int], mine: int) -> int:
    return mine


def test_after_a_restart_the_empty_replica_gets_its_part() -> None:
    hubs = Hubs([1500, 1500, 0], anywhere(1))
    # They come by themselves at first.
    assert hubs.run(29) == 0
    hubs.run(600)
    assert hubs.worst < 0.12


def test_so_it_is_with_a_balancer_that_prefers_the_emptiest() -> None:
    hubs = Hubs([3000, 0, 0], fewest)
    assert hubs.run(600) < 2400
    assert hubs.worst < 0.12


@pytest.mark.parametrize("sessions", [[], [100], [100, 100, 100], [110, 90, 100], [12, 0, 3]])
def test_what_is_about_even_moves_nobody(sessions: list[int]) -> None:
    assert Hubs(sessions, back).run(600) == 0


@settings(max_examples=20)
@given(
    sessions=st.lists(st.integers(0, 2000), min_size=2, max_size=6),
    seed=st.integers(0, 1000),
    emptiest=st.booleans(),
)
def test_it_ends_and_stays_ended(sessions: list[int], seed: int, emptiest: bool) -> None:
    hubs = Hubs(sessions, fewest if emptiest else anywhere(seed))
    hubs.run(2400)
    assert max(hubs.sessions) <= sum(sessions) / len(sessions) * 1.2 + 11
    assert hubs.run(1200) == 0


@settings(max_examples=5)
@given(sessions=st.lists(st.integers(0, 2000), min_size=2, max_size=4))
def test_where_moving_does_not_help_it_is_given_up(sessions: list[int]) -> None:
    hubs = Hubs(sessions, back)
    hour = hubs.run(3600)
    assert hubs.run(2 * 3600) <= hour
