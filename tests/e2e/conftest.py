"""The demo as its users start it: real processes, the ports that the documentation names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
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
