"""When a series of samples is flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

from soak.probe import Sample

__all__ = ["BOUNDS", "Bound", "Verdict", "growth", "judge", "sparkline"]


@dataclass(frozen=True)
class Bound:
    """What the second half of a run may add: so much for each repetition, and so much in all."""

    each: float
    in_all: float
    why: str


#: By field of `Sample`. What is lost once in each repetition shows in one of the first three.
BOUNDS = {
    "malloc": Bound(
        96,
        300_000,
        "bytes; gRPC itself keeps up to 75 of each reconnect and up to 98 of each call whose caller left before its "
        "request was read (ADR 10); a batch that is lost besides has 96 or more",
    ),
    "blocks": Bound(0.5, 500, "an object that is lost has one block or more"),
    "objects": Bound(0.05, 50, "no session, call or channel may stay"),
    "tasks": Bound(0, 3, "all work has ended when a sample is taken"),
    "threads": Bound(0, 3, "gRPC starts and ends some of its own"),
    "fds": Bound(0, 3, "connections are closed when a sample is taken, but for keep-alive ones"),
    "rss": Bound(128, 3_000_000, "bytes; malloc gives nothing back and its heap grows by steps"),
}


@dataclass(frozen=True)
class Verdict:
    """One figure of one process over a run."""

    name: str
    first: int
    middle: int
    last: int
    #: Over the second half, by its straight line.
    grown: float
    allowed: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than is allowed."""
        return self.grown <= self.allowed


def growth(values: Sequence[float]) -> float:
    """How much the values rise from the first to the last, by the median of all slopes between two of them (Theil and
    Sen): a single sample that was taken while a buffer had not been freed yet moves nothing."""
    pairs = combinations(enumerate(values), 2)
    return median((b - a) / (j - i) for (i, a), (j, b) in pairs) * (len(values) - 1)


def judge(samples: Sequence[Sample], repetitions: int) -> list[Verdict]:
    """All figures of a process that was sampled at equal distances during so many repetitions."""
    half = len(samples) // 2
    verdicts = []
    for name, bound in BOUNDS.items():
        values = [getattr(sample, name) for sample in samples]
        allowed = max(bound.in_all, bound.each * repetitions / 2)
        grown = growth(values[half:])
        verdicts.append(Verdict(name, values[0], values[half], values[-1], grown, allowed))
    return verdicts


def sparkline(values: Sequence[float]) -> str:
    """The values as a row of bars, from their least to their most."""
    least, span = min(values), (max(values) - min(values)) or 1
    return "".join("▁▂▃▄▅▆▇█"[int((value - least) / span * 7)] for value in values)
