"""When the soak calls a figure flat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from soak.flat import growth, judge, sparkline
from soak.probe import Sample

REST = Sample(rss=10**8, malloc=10**7, blocks=10**5, objects=100, tasks=10, threads=10, fds=20)


def samples(name: str, each: float, count: int = 40, repetitions: int = 10_000) -> list[Sample]:
    """A figure that grows by so much in each repetition."""
    at = [round(each * repetitions * step / (count - 1)) for step in range(count)]
    return [replace(REST, **{name: getattr(REST, name) + more}) for more in at]


def flat(found: list[Sample], repetitions: int = 10_000) -> dict[str, bool]:
    return {verdict.name: verdict.flat for verdict in judge(found, repetitions)}


def test_what_does_not_grow_is_flat() -> None:
    assert all(flat([REST] * 40).values())


@pytest.mark.parametrize(
    ("name", "each"),
    [
        ("malloc", 64 + 96),
        ("blocks", 1),
        ("objects", 1),
        ("tasks", 0.01),
        ("fds", 0.01),
        ("rss", 1000),
    ],
)
def test_what_each_repetition_loses_is_seen(name: str, each: float) -> None:
    assert not flat(samples(name, each))[name]


def test_what_grew_only_while_it_warmed_up_is_flat() -> None:
    warm = [replace(REST, rss=REST.rss + min(step, 15) * 10**6) for step in range(40)]
    assert flat(warm)["rss"]


def test_a_single_sample_that_stands_out_does_not_count() -> None:
    assert growth([0.0] * 10 + [1e9] + [0.0] * 9) == 0.0


def test_a_straight_line_grows_by_what_it_rises() -> None:
    assert growth([float(3 * at) for at in range(20)]) == pytest.approx(57.0)


def test_a_sparkline_has_a_bar_for_each_sample() -> None:
    assert sparkline([0, 1, 2, 7]) == "▁▂▃█"
