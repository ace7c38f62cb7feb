"""`make bench`: measures, prints a table, writes build/bench.json."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import uvloop

from bench.calls import measure_calls
from bench.export import measure_export
from bench.figure import Figure
from bench.plugins import measure_plugins, print_rates
from bench.sessions import measure_sessions
from bench.small import measure_small

SECONDS = 2.0
BUILD = Path(__file__).parents[1] / "build"


def main() -> None:
    """Measure everything."""
    load = os.getloadavg()[0]
    if load > 0.5:
        _say(f"The machine is busy (load {load:.1f}): the figures will say less.")
    with tempfile.TemporaryDirectory() as folder:
        figures = [
            *uvloop.run(measure_calls(_made(folder, "calls"), SECONDS, _say)),
            *measure_export(_made(folder, "export"), _say),
            *measure_small(_made(folder, "small"), _say),
            *measure_sessions(_made(folder, "sessions"), _say),
        ]
        rates = measure_plugins(_made(folder, "plugins"), _say)
    _print(figures)
    print_rates(rates)
    BUILD.mkdir(exist_ok=True)
    results: dict[str, object] = {f.name: {**asdict(f), "reached": f.reached} for f in figures}
    results["rows_per_second"] = rates
    text = json.dumps(results, indent=2) + "\n"
    (BUILD / "bench.json").write_text(text, encoding="utf-8")


def _made(parent: str, name: str) -> Path:
    folder = Path(parent) / name
    folder.mkdir()
    return folder


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _print(figures: list[Figure]) -> None:
    print(f"{'figure':36} {'ratio':>7} {'target':>8}  reached  made of")
    for f in figures:
        sign = "≤" if f.better == "lower" else "≥"
        detail = ", ".join(f"{name} {value:,.0f}" for name, value in f.detail.items())
        reached = "yes" if f.reached else "no"
        print(f"{f.name:36} {f.ratio:7.2f} {sign} {f.target:6.2f}  {reached:7}  {detail}")


if __name__ == "__main__":
    main()
