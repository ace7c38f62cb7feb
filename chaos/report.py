"""What is shown while it runs and afterwards, and the file that is left."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.verdict import DOUBLED, LOST, MISREPORTED, UNKNOWN, Finding

__all__ = ["Report", "progress"]

#: Findings that are printed; all are in the file.
_SHOWN = 20
#: Seconds between lines of progress where they can't be written over.
_LINE_EVERY = 10.0


@dataclass
class Report:
    """The figures of a run."""

    seed: str
    seconds: float
    network: str
    hubs: int = 1
    orders: int = 0
    customers: int = 0
    reads: int = 0
    documents: int = 0
    answers: int = 0
    settled_after: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    exits: dict[str, dict[int, int]] = field(default_factory=dict)
    failures: Counter[str] = field(default_factory=Counter)
    reads_answered: int = 0
    reads_wrong: list[str] = field(default_factory=list)

    def count(self, kind: str) -> int:
        """Findings of a kind, reads included."""
        wrong = len(self.reads_wrong) if kind == MISREPORTED else 0
        return wrong + sum(finding.kind == kind for finding in self.findings)

    def reasons(self) -> list[str]:
        """Why it has not passed; empty: it has."""
        reasons = [
            f"{self.count(kind)} {kind}"
            for kind in (LOST, DOUBLED, MISREPORTED, UNKNOWN)
            if self.count(kind)
        ]
        if not self.orders or not self.documents:
            reasons.append("nothing was ordered")
        missing = [kind for kind, count in self.faults.items() if not count]
        if missing:
            reasons.append(f"never happened: {', '.join(missing)}")
        return reasons

    def write(self, file: Path) -> None:
        """The figures as JSON."""
        document: dict[str, Any] = {
            "minutes": round(self.seconds / 60, 2),
            "seed": self.seed,
            "network": self.network,
            "orders": self.orders,
            "customers": self.customers,
            "documents": self.documents,
            "answers": self.answers,
            "reads": self.reads,
            "reads_answered": self.reads_answered,
            **{kind: self.count(kind) for kind in (LOST, DOUBLED, MISREPORTED, UNKNOWN)},
            "faults": dict(self.faults),
            "crashes": dict(self.crashes),
            "exits": self.exits,
            "failures_told": dict(self.failures),
            "settled_after_seconds": round(self.settled_after, 1),
            "findings": [vars(finding) for finding in self.findings],
            "reads_wrong": self.reads_wrong,
            "passed": not self.reasons(),
        }
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def show(self) -> None:
        """The figures as a table."""
        rows: list[tuple[str, object]] = [
            ("seed", self.seed),
            ("network", self.network),
            ("orders asked for", self.orders),
            ("customers asked for", self.customers),
            ("orders in the ERPs", self.documents),
            ("answers to writes", self.answers),
            ("reads, answered", f"{self.reads}, {self.reads_answered}"),
            ("faults", sum(self.faults.values())),
            ("deaths at crash points", sum(self.crashes.values())),
            ("settled after", f"{self.settled_after:.1f} s"),
            *((kind, self.count(kind)) for kind in (LOST, DOUBLED, MISREPORTED, UNKNOWN)),
        ]
        for name, value in rows:
            print(f"{name:24} {value}")
        _show_counts("faults by class", self.faults)
        _show_counts("failures that callers were told", self.failures)
        self._show_findings()

    def _show_findings(self) -> None:
        found = [f"{finding.kind}: {finding.what}: {finding.why}" for finding in self.findings]
        found += [f"misreported: {wrong}" for wrong in self.reads_wrong]
        for line in found[:_SHOWN]:
            print(line)
        if len(found) > _SHOWN:
            print(f"… and {len(found) - _SHOWN} more")


def _show_counts(title: str, counts: Counter[str]) -> None:
    print(f"{title}: " + (", ".join(f"{name} {n}" for name, n in sorted(counts.items())) or "none"))


async def progress(describe: Callable[[], str], active: Callable[[], Sequence[str]]) -> None:
    """One line that says where it is, until cancelled: written over on a terminal, else a line now and then."""
    began, tty = time.monotonic(), sys.stderr.isatty()
    while True:
        await asyncio.sleep(0.5 if tty else _LINE_EVERY)
        line = f"{time.monotonic() - began:5.0f} s  {describe()}  {', '.join(active())}"
        start, end = ("\r\033[K", "") if tty else ("", "\n")
        print(f"{start}{line[:160]}", end=end, file=sys.stderr, flush=True)
