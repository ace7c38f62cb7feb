"""Many sessions at one hub: what an idle one costs in memory, and how soon all are back after the hub was away."""

from __future__ import annotations

import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench.crowd import Counts
from bench.figure import Figure
from bench.proc import cpu_seconds, memory, raise_open_files
from bench.processes import process, wait_for_port
from bench.transport import AUTHORITY, make_authority
from chaos.processes import free_ports
from mostek.connector.link import RESTS
from mostek.hub.config import HubConfig

__all__ = ["Crowd", "crowd", "measure_sessions"]

#: Processes that the connectors are spread over.
CROWDS = 2
IDLE = 1000
MEMORY_ROUNDS = 3
WAITING = 5000
#: Seconds within which all must be back.
BACK_WITHIN = 60.0
#: Heartbeats of all follow, to see whether those who are back stay.
STAY = 30.0
#: Failures in a row before the hub comes back: of a short outage, a restart, and of one of hours,
#: after which the back-off rests no more.
OUTAGES = {"short": 2, "long": RESTS + 10}


def measure_sessions(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    """The figures of an idle session's memory and of the return of many."""
    raise_open_files(2 * WAITING)
    hub = HubConfig(database=_database(folder), key_file=str(folder / "sessions.keys"))
    make_authority(folder / "authority.pem", hub)
    return [_memory(folder, say), *(_return(folder, outage, say) for outage in OUTAGES)]


def _memory(folder: Path, say: Callable[[str], None]) -> Figure:
    ratios, ours, bare = [], [], []
    for number in range(1, MEMORY_ROUNDS + 1):
        [port] = free_ports(1)
        with _hub(folder, port) as hub:
            ours.append(_per_session(folder, hub.pid, port, "0"))
        echoing = ("bench.reference", "echo", str(port))
        with process(folder / "echo.log", *echoing, **_authority(folder)) as echo:
            wait_for_port(port)
            bare.append(_per_session(folder, echo.pid, port, "bare"))
        ratios.append(ours[-1] / bare[-1])
        say(f"idle_session_memory: round {number} of {MEMORY_ROUNDS}")
    detail = {"ours_bytes": statistics.median(ours), "bare_bytes": statistics.median(bare)}
    return Figure("idle_session_memory", statistics.median(ratios), 1.4, "lower", detail)


def _per_session(folder: Path, pid: int, port: int, failures: str) -> float:
    # The first few pay for what is made once.
    with crowd(folder, port, "first", IDLE // 10, failures, _authority(folder)) as few:
        few.wait_online()
        time.sleep(3.0)
        before = memory(pid)
        with crowd(folder, port, "more", IDLE, failures, _authority(folder)) as more:
            more.wait_online()
            # Two heartbeats.
            time.sleep(5.0)
            return (memory(pid) - before) / IDLE


def _return(folder: Path, outage: str, say: Callable[[str], None]) -> Figure:
    """From the moment at which all have drawn their wait, and the hub starts."""
    say(f"hub_returns_{outage}: {WAITING} connectors wait")
    [port] = free_ports(1)
    failures = str(OUTAGES[outage])
    with crowd(folder, port, outage, WAITING, failures, _authority(folder)) as waiting:
        waiting.wait_started()
        began = time.monotonic()
        with _hub(folder, port, heartbeat=12.0) as hub:
            waiting.wait_online(2 * BACK_WITHIN)
            seconds = time.monotonic() - began
            busy = cpu_seconds(hub.pid)
            time.sleep(STAY)
            counts = waiting.counts()
            detail = {
                "seconds": seconds,
                "hub_cpu_seconds": busy,
                "hub_mb": memory(hub.pid) / 1e6,
                "late": counts.late,
                "lost": counts.lost,
                "hub_cpu_percent_idle": 100 * (cpu_seconds(hub.pid) - busy) / STAY,
            }
    say(f"hub_returns_{outage}: all are back after {seconds:.1f} s")
    return Figure(f"hub_returns_{outage}_outage", seconds / BACK_WITHIN, 1.0, "lower", detail)


@dataclass(frozen=True)
class Crowd:
    """Light connectors in a few processes."""

    logs: list[Path]
    size: int

    def counts(self) -> Counts:
        """The sum of what the processes told last."""
        total = Counts()
        for log in self.logs:
            lines = [
                line for line in log.read_text(encoding="utf-8").splitlines() if line[:1] == "{"
            ]
            for name, value in json.loads(lines[-1]).items() if lines else ():
                setattr(total, name, getattr(total, name) + value)
        return total

    def wait_started(self) -> None:
        """Until all have been made; some may have dialled already."""
        self._wait(lambda counts: counts.waiting + counts.attempts >= self.size, 30.0)

    def wait_online(self, seconds: float = 60.0) -> None:
        """Until all are. Raises TimeoutError."""
        self._wait(lambda counts: counts.online >= self.size, seconds)

    def _wait(self, enough: Callable[[Counts], bool], seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not enough(counts := self.counts()):
            if time.monotonic() > ends:
                raise TimeoutError(f"not all {self.size} connectors came: {counts}")
            time.sleep(0.1)


@contextlib.contextmanager
def crowd(
    folder: Path, port: int, name: str, size: int, failures: str, authority: dict[str, str]
) -> Iterator[Crowd]:
    """So many connectors, each with so many failures behind it; `authority`: a variable that says of whom they are."""
    logs = [folder / f"crowd-{name}-{number}.log" for number in range(CROWDS)]
    with contextlib.ExitStack() as stack:
        for number, log in enumerate(logs):
            arguments = (f"127.0.0.1:{port}", f"{name}-{number}", str(size // CROWDS), failures)
            stack.enter_context(process(log, "bench.crowd", *arguments, **authority))
        yield Crowd(logs, size)


@contextlib.contextmanager
def _hub(folder: Path, port: int, heartbeat: float = 2.0) -> Iterator[Popen[bytes]]:
    hub = {
        "MOSTEK_HUB_API": "127.0.0.1:0",
        "MOSTEK_HUB_LINK": f"127.0.0.1:{port}",
        "MOSTEK_HUB_HTTP": "127.0.0.1:0",
        "MOSTEK_HUB_DATABASE": _database(folder),
        "MOSTEK_HUB_KEY_FILE": str(folder / "sessions.keys"),
        "MOSTEK_HUB_HEARTBEAT_INTERVAL": str(heartbeat),
    }
    with process(folder / "hub-sessions.log", "mostek.hub", "serve", **hub) as running:
        wait_for_port(port)
        yield running


def _database(folder: Path) -> str:
    return f"sqlite:///{folder}/sessions.sqlite"


def _authority(folder: Path) -> dict[str, str]:
    return {AUTHORITY: str(folder / "authority.pem")}
