"""When `make chaos` injects what."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from chaos.faults import Fault, Kind, schedule


async def nothing(seconds: float) -> None:
    """A fault that does nothing."""


KINDS = {f"kind {n}": Kind(1, 60, {"a": nothing, "b": nothing}) for n in range(23)}


def faults(seed: str, seconds: float) -> list[Fault]:
    return list(schedule(KINDS, Random(seed), seconds))


def test_a_seed_is_a_schedule() -> None:
    assert faults("1", 300) == faults("1", 300)
    assert faults("1", 300) != faults("2", 300)


@pytest.mark.parametrize("seconds", [6, 60, 120])
def test_every_class_comes_also_in_a_short_run(seconds: float) -> None:
    for seed in range(50):
        assert {fault.kind for fault in faults(str(seed), seconds)} == KINDS.keys()


def test_a_long_run_has_every_class_about_as_often() -> None:
    counts = Counter(fault.kind for fault in faults("1", 900))
    assert max(counts.values()) - min(counts.values()) <= 1
    assert min(counts.values()) > 10


def test_faults_begin_in_order_and_end_before_the_run_does() -> None:
    for seed in range(50):
        planned = faults(str(seed), 120)
        assert [fault.at for fault in planned] == sorted(fault.at for fault in planned)
        assert all(fault.at + fault.seconds <= 120 for fault in planned)
