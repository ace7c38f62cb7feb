"""`make soak`: repeats, prints a table, writes build/soak.json; ends with 1 if anything grows."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from mostek.wire.loop import run
from soak.flat import BOUNDS, judge, sparkline
from soak.phases import SIDES, Phase, abandoned, reconnects, world

#: Their entries in the audit fill the page cache of the hub's database (2 MB), which would pass for a leak until then.
WARM_UP = 24_000
OUTPUT = Path(__file__).parents[1] / "build" / "soak.json"


def main() -> int:
    """Run both phases."""
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--reconnects", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--looks", type=int, default=40, help="samples of each phase")
    parser.add_argument("--warm-up", type=int, default=WARM_UP, help="calls before both phases")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        phases = run(_phases(Path(folder), given))
    given.output.parent.mkdir(exist_ok=True)
    text = json.dumps([_result(phase) for phase in phases], indent=1) + "\n"
    given.output.write_text(text, encoding="utf-8")
    return 0 if all([_print(phase) for phase in phases]) else 1


async def _phases(folder: Path, given: argparse.Namespace) -> list[Phase]:
    async with world(folder, given.warm_up) as at:
        _say(f"{given.reconnects} reconnects")
        first = await reconnects(at, given.reconnects, given.looks)
        _say(f"{given.calls} abandoned calls")
        return [first, await abandoned(at, given.calls, given.looks)]


def _say(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def _print(phase: Phase) -> bool:
    """The table; whether all is flat."""
    ends = ", ".join(f"{name} {count}" for name, count in phase.ends.most_common())
    print(f"\n{phase.repetitions} {phase.name}: {ends}")
    print(
        f"{'side':10} {'figure':8} {'start':>12} {'middle':>12} {'end':>12} {'grown':>10}  {'≤':>9}"
    )
    flat = True
    for side in SIDES:
        samples = phase.samples[side]
        for v in judge(samples, phase.repetitions):
            flat &= v.flat
            curve = sparkline([getattr(sample, v.name) for sample in samples])
            print(
                f"{side:10} {v.name:8} {v.first:12,} {v.middle:12,} {v.last:12,} {v.grown:10,.0f} "
                f"{v.allowed:10,.0f}  {'flat ' if v.flat else 'GROWS'}  {curve}"
            )
    return flat


def _result(phase: Phase) -> dict[str, object]:
    sides = {}
    for side in SIDES:
        samples = phase.samples[side]
        verdicts = judge(samples, phase.repetitions)
        sides[side] = {
            v.name: asdict(v)
            | {
                "flat": v.flat,
                "why": BOUNDS[v.name].why,
                "samples": [getattr(sample, v.name) for sample in samples],
            }
            for v in verdicts
        }
    return {
        "phase": phase.name,
        "repetitions": phase.repetitions,
        "ends": dict(phase.ends),
        "sides": sides,
    }


if __name__ == "__main__":
    sys.exit(main())
