"""`make chaos`: faults at random under load, then the count; settings MINUTES, SEED, HUBS and NETWORK.

Exit status 1 if anything was lost, doubled, misreported or left unknown, or if the run proves nothing.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import sys
from pathlib import Path

from chaos.network import Loopback, Network, NotPossible, namespaces
from chaos.report import Report
from chaos.run import run
from mostek.wire.loop import run as run_loop

BUILD = Path(__file__).parents[1] / "build"
_USAGE = "set MINUTES to a number (2), SEED to anything, HUBS to 1 (1) or more, NETWORK to auto, loopback or namespaces"


def main() -> None:
    """Run, show, leave build/chaos.json, or in the folder that is the argument."""
    minutes, seed, hubs, network = _settings()
    print(f"seed {seed}, {minutes:g} minutes", flush=True)
    build = Path(sys.argv[1]) if sys.argv[1:] else BUILD
    build.mkdir(exist_ok=True)
    # Namespaces and processes are cleaned up, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as ending:
        where = _network(network, ending)
        report = Report(seed, minutes * 60, type(where).__name__.lower(), hubs)
        try:
            run_loop(run(report, where, build))
        except KeyboardInterrupt:
            sys.exit("Interrupted: nothing was counted.")
    report.write(build / "chaos.json")
    report.show()
    if reasons := report.reasons():
        sys.exit(f"FAILED: {'; '.join(reasons)}. Repeat the schedule of faults with SEED={seed}.")
    print("Nothing was lost, doubled or reported wrongly.")


def _settings() -> tuple[float, str, int, str]:
    try:
        minutes = float(os.environ.get("MINUTES") or 2)
        hubs = int(os.environ.get("HUBS") or 1)
    except ValueError:
        sys.exit(_USAGE)
    network = os.environ.get("NETWORK") or "auto"
    if (
        not 0 < minutes < 24 * 60
        or not 1 <= hubs <= 9
        or network not in ("auto", "loopback", "namespaces")
    ):
        sys.exit(_USAGE)
    return minutes, os.environ.get("SEED") or secrets.token_hex(4), hubs, network


def _network(wanted: str, ending: contextlib.ExitStack) -> Network:
    if wanted == "loopback":
        return Loopback()
    try:
        made = ending.enter_context(namespaces())
    except NotPossible as reason:
        if wanted == "namespaces":
            sys.exit(f"Network namespaces are not possible: {reason}.")
        print(f"NOT RUN: the customer behind a firewall and NAT of its own, because {reason}.")
        return Loopback()
    if made.reachable():
        sys.exit("The firewall lets the hub's side in: what follows would prove nothing.")
    print("The customer's namespace lets nobody in: a connection from the hub's side to it fails.")
    return made


if __name__ == "__main__":
    main()
