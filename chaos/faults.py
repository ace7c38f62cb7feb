"""The faults: which there are, when each comes (by the seed), and the counting of those that came."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chaos.network import Namespaces
from chaos.processes import Supervised
from chaos.proxy import DOWN, UP
from chaos.world import World
from mostek.wire.crash import CRASH_POINTS

__all__ = ["Fault", "Injector", "Kind", "kinds_of", "schedule"]

#: Seconds between faults, on average; a short run has them closer, so that it has one of each class.
_GAP = 2.5
#: Part of the run in which faults begin; the rest is for those that last.
_BEGIN_WITHIN = 0.75
#: Times the average, the longest that may pass between two.
_LATEST = 1.5
#: Part of the run that one fault may last.
_LASTS_AT_MOST = 0.25

#: Does it for so many seconds; it is over when this returns.
Inject = Callable[[float], Awaitable[None]]


@dataclass(frozen=True)
class Kind:
    """A class of faults: how many seconds they last, and what does it to each target."""

    least: float
    most: float
    targets: Mapping[str, Inject]


@dataclass(frozen=True)
class Fault:
    """One fault; `at` counts from the beginning of the run, in seconds."""

    at: float
    kind: str
    target: str
    seconds: float


def schedule(kinds: Mapping[str, Kind], rng: random.Random, length: float) -> Iterator[Fault]:
    """The faults of a run of so many seconds: decks of all kinds, each shuffled, so that none is rare.

    A run that is too short for the usual gaps has one deck.
    """
    gap = min(_GAP, length * _BEGIN_WITHIN / (_LATEST * len(kinds) + 1))
    at = 0.0
    while True:
        for name in rng.sample(sorted(kinds), len(kinds)):
            at += gap * rng.uniform(2 - _LATEST, _LATEST)
            if at > length * _BEGIN_WITHIN:
                return
            yield _fault(at, name, kinds[name], rng, length * _LASTS_AT_MOST)
        if gap < _GAP:
            return


def _fault(at: float, name: str, kind: Kind, rng: random.Random, longest: float) -> Fault:
    # Most are short; a few are as long as may be.
    seconds = kind.least + (kind.most - kind.least) * rng.random() ** 3
    return Fault(at, name, rng.choice(sorted(kind.targets)), min(seconds, longest))


class Injector:
    """Injects what is due, and counts what it did."""

    def __init__(self, kinds: Mapping[str, Kind], log: Path) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(kinds, 0))
        self.active: list[str] = []
        self._kinds = kinds
        self._log = log.open("w", encoding="utf-8")
        self.began = time.monotonic()

    async def run(self, faults: Iterator[Fault]) -> None:
        """All of them, each at its time; returns when the last is over."""
        self.began = time.monotonic()
        async with asyncio.TaskGroup() as running:
            for fault in faults:
                await asyncio.sleep(max(0.0, self.began + fault.at - time.monotonic()))
                running.create_task(self._inject(fault), name=fault.kind)

    async def _inject(self, fault: Fault) -> None:
        name = f"{fault.kind} ({fault.target})"
        self.active.append(name)
        lasts = f" for {fault.seconds:.1f} s" if fault.seconds else ""
        self.say(f"{name}{lasts}")
        try:
            await self._kinds[fault.kind].targets[fault.target](fault.seconds)
        finally:
            self.active.remove(name)
        self.counts[fault.kind] += 1
        if fault.seconds:
            self.say(f"{name} over")

    def say(self, what: str) -> None:
        """A line of the timeline."""
        self._log.write(f"{time.monotonic() - self.began:8.2f} s  {what}\n")
        self._log.flush()

    def close(self) -> None:
        """End the timeline."""
        self._log.close()


def kinds_of(world: World) -> dict[str, Kind]:
    """All that can be done to a world."""
    erps = world.erps.items()
    return {
        **_links(world),
        **_processes("hub", world.hubs),
        **_processes("connector", world.connectors),
        "database killed": Kind(0.5, 6, {"postgresql": world.kill_database}),
        "database restarted": Kind(0.5, 6, {"postgresql": world.stop_database}),
        "database paused": Kind(0.5, 6, {"postgresql": world.pause_database}),
        "erp gone": Kind(1, 12, {name: erp.go for name, erp in erps}),
        "erp locked": Kind(1, 8, {name: erp.lock for name, erp in erps}),
        **_firewall(world),
    }


def _links(world: World) -> dict[str, Kind]:
    proxies = world.proxies.items()
    return {
        "link cut": Kind(0, 0, {name: proxy.cut for name, proxy in proxies}),
        "link closed": Kind(0, 0, {name: proxy.shut for name, proxy in proxies}),
        "link stalled": Kind(1, 60, {name: proxy.stall for name, proxy in proxies}),
        "link lost": Kind(1, 15, {name: proxy.losing(UP, DOWN) for name, proxy in proxies}),
        "link lost upwards": Kind(1, 15, {name: proxy.losing(UP) for name, proxy in proxies}),
        "link lost downwards": Kind(1, 15, {name: proxy.losing(DOWN) for name, proxy in proxies}),
        "link delayed": Kind(2, 15, {name: proxy.delay for name, proxy in proxies}),
        "link limited": Kind(2, 15, {name: proxy.limit for name, proxy in proxies}),
    }


def _processes(side: str, processes: Mapping[str, Supervised]) -> dict[str, Kind]:
    each = processes.items()
    # What the ERP's plugin passes lies in the connector's process.
    points = [point for point in CRASH_POINTS if point.startswith("hub") == (side == "hub")]
    crashes = {
        f"{name} at {point}": process.crashing_at(point)
        for name, process in each
        for point in points
    }
    return {
        f"{side} killed": Kind(0, 0, {name: process.kill for name, process in each}),
        f"{side} stopped": Kind(0, 0, {name: process.stop for name, process in each}),
        f"{side} paused": Kind(0.5, 20, {name: process.pause for name, process in each}),
        f"{side} crashes": Kind(0, 0, crashes),
    }


def _firewall(world: World) -> dict[str, Kind]:
    network = world.network
    if not isinstance(network, Namespaces):
        return {}
    return {
        "firewall drops": Kind(1, 15, {"router": network.drop}),
        "nat forgets": Kind(0, 0, {"router": network.forget}),
    }
