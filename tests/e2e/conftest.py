"""The demo as its users start it: real processes, the ports that the documentation names."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def one_at_a_time() -> Iterator[None]:
    """The documented ports are there once, and several processes run the tests."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/demo-serve.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def served(one_at_a_time: None) -> Iterator[str]:
    """`make demo-serve`, running; what it printed before it waits."""
    process = subprocess.Popen(
        [sys.executable, "deploy/demo", "--serve"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "Ctrl-C ends it" in line:
            break
    else:
        pytest.fail(f"the demo ended by itself:\n{''.join(printed)}")
    yield "".join(printed)
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()
    assert process.wait(30) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place to type commands in, which looks like the repository."""
    for name in (".venv", "build"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path
