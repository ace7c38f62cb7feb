"""When a series of samples is flat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    "malloc": Bound(64, 65536, "bytes; the smallest thing that grpc.aio can lose is a chunk of 96"),
    "blocks": Bound(0.5, 500, "an object that is lost has one block or more"),
    "objects": Bound(0.1, 50, "no session, call or channel may stay"),
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
    """How much the straight line through the values (least squares) rises from the first to the last."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = sum((at - middle) ** 2 for at in range(count))
    rise = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    return rise / spread * (count - 1) if spread else 0.0


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
