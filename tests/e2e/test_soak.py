"""The soak, short: it runs whole, and what each reconnect or abandoned call would keep for good is seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc of Linux")
def test_descriptors_tasks_threads_and_objects_stay_level(tmp_path: Path) -> None:
    output = tmp_path / "soak.json"
    arguments = ["--reconnects", "45", "--calls", "600", "--looks", "6", "--warm-up", "0"]
    run = subprocess.run(
        [sys.executable, "-m", "soak", *arguments, "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert output.exists(), run.stderr
    phases = json.loads(output.read_text())
    assert [phase["phase"] for phase in phases] == ["reconnects", "abandoned calls"]
    assert set(phases[0]["ends"]) == {"cut", "left", "replaced"}
    assert {"cancelled", "deadline_exceeded", "disconnected", "reset", "answered"} <= set(
        phases[1]["ends"]
    )
    # Memory says little in so short a time.
    for phase in phases:
        for side in phase["sides"].values():
            for name in ("fds", "tasks", "threads", "objects"):
                assert side[name]["grown"] <= side[name]["allowed"], run.stdout
