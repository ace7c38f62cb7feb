"""The launcher with real processes: versions that are little scripts, killed at every point of an upgrade."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mostek.connector.launcher import launcher as launcher_module
from mostek.connector.launcher.installation import Installation, Outcome, Pending
from mostek.connector.launcher.launcher import Launcher

from .launched import installed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its versions are scripts")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"LOOK_EVERY": 0.02, "FIRST_WAIT": 0.02, "LONGEST_WAIT": 0.1}.items():
        monkeypatch.setattr(launcher_module, name, seconds)


def until(holds: Callable[[], object], within: float = 20.0) -> None:
    ends = time.monotonic() + within
    while not holds():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.01)


def story(installation: Installation) -> list[str]:
    file = installation.root / "story"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@contextlib.contextmanager
def running(
    installation: Installation, *, stop_within: float = 20.0, judge_within: float = 20.0
) -> Iterator[Launcher]:
    """The launcher in a thread."""
    launcher = Launcher(
        installation,
        lambda *_, **__: None,
        stop_within=stop_within,
        judge_within=judge_within,
    )
    thread = threading.Thread(target=launcher.run)
    thread.start()
    try:
        yield launcher
    finally:
        launcher.stopping.set()
        thread.join(20)
        assert not thread.is_alive()


def upgraded(installation: Installation, to: str = "2", within: float = 5.0) -> Outcome:
    """What the upgrade came to."""
    asked = installation.ask(to, within=within, steady=0.2)
    until(lambda: (o := installation.outcome) and o.id == asked.id and installation.pending is None)
    outcome = installation.outcome
    assert outcome is not None
    return outcome


def test_a_new_version_takes_over_when_the_one_before_has_left(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="good", v2="good")
    with running(installation):
        until(lambda: story(installation) == ["1 begins"])
        assert upgraded(installation).reason == ""
        assert story(installation) == ["1 begins", "1 ends", "2 begins"]
        assert installation.current == "2"
        assert upgraded(installation, "1").reason == "", "and back, by hand"
    assert story(installation)[2:] == ["2 begins", "2 ends", "1 begins", "1 ends"]


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        ("config", "version 2 ended by itself with status 2"),
        ("hangs", "version 2 did not load in 0.5 s"),
    ],
)
def test_a_version_that_does_not_load_costs_the_one_before_nothing(
    behave: str, why: str, tmp_path: Path
) -> None:
    installation = installed(tmp_path, v1="good", v2=behave)
    with running(installation):
        assert upgraded(installation, within=0.5).reason == why
        assert [line for line in story(installation) if line[0] == "1"] == ["1 begins"]
        assert installation.current == "1"


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        ("crashes", "version 2 ended by itself with status 3"),
        ("offline", "version 2 was not welcomed by the hub in 0.5 s"),
        ("lacks", "did not reach the ERP of other, which the version before did, in 0.5 s"),
        ("flaps", "was not welcomed by the hub"),
    ],
)
def test_a_version_that_does_not_serve_gives_way_to_the_one_before(
    behave: str, why: str, tmp_path: Path
) -> None:
    installation = installed(tmp_path, v1="good", v2=behave)
    with running(installation):
        assert why in upgraded(installation, within=0.5).reason
        until(lambda: story(installation)[-1] == "1 begins")
        assert installation.current == "1"
        assert story(installation).count("1 begins") == 2
    assert "clash" not in " ".join(story(installation))


def test_one_that_does_not_leave_is_ended(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="stays", v2="good")
    with running(installation, stop_within=0.3):
        until(lambda: story(installation) == ["1 begins"])

        def free_what_the_killed_one_held() -> None:
            until(lambda: "1 stays" in story(installation))
            (tmp_path / "busy").unlink()

        freeing = threading.Thread(target=free_what_the_killed_one_held)
        freeing.start()
        assert upgraded(installation).reason == ""
        freeing.join()


def test_a_version_that_ends_is_started_again(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="crashes")
    with running(installation):
        until(lambda: story(installation).count("1 begins") > 3)


def test_a_version_that_never_serves_can_be_replaced(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="crashes", v2="lacks")
    with running(installation, judge_within=0.1):
        assert upgraded(installation).reason == ""
    assert story(installation)[-2:] == ["2 begins", "2 ends"]


def test_a_launcher_that_is_stopped_in_an_upgrade_goes_back(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="good", v2="offline")
    with running(installation):
        asked = installation.ask("2", within=20)
        until(lambda: "2 begins" in story(installation))
    outcome = installation.outcome
    assert outcome is not None
    assert outcome.id == asked.id
    assert "when the launcher was stopped" in outcome.reason
    assert story(installation)[-1] == "2 ends"
    with running(installation):
        until(lambda: story(installation)[-1] == "1 begins")


def launched(installation: Installation) -> subprocess.Popen[bytes]:
    driver = str(Path(__file__).with_name("launched.py"))
    with (installation.root / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, driver, str(installation.root)],
            stderr=log,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "connector")},
        )


@pytest.mark.parametrize("point", ["start", "loaded", "go", "ready"])
def test_a_launcher_killed_in_an_upgrade_comes_back_with_the_version_before(
    point: str, tmp_path: Path
) -> None:
    installation = installed(tmp_path, v1="good", v2=f"kills-{point}")
    first = launched(installation)
    until(lambda: story(installation) == ["1 begins"])
    asked = installation.ask("2", within=10, steady=5)
    assert first.wait(20) == -signal.SIGKILL
    second = launched(installation)
    try:
        until(lambda: installation.pending is None and (tmp_path / "busy").exists())
        until(lambda: story(installation)[-1] == "1 begins")
        outcome = installation.outcome
        assert outcome is not None
        assert outcome.id == asked.id
        assert "stopped while it was being tried" in outcome.reason
        assert installation.current == "1"
    finally:
        second.send_signal(signal.SIGTERM)
        assert second.wait(20) == 0
    assert story(installation)[-1] == "1 ends", "and what it had started has ended"


def test_a_version_ends_when_its_launcher_is_killed(tmp_path: Path) -> None:
    installation = installed(tmp_path, v1="good")
    process = launched(installation)
    until(lambda: story(installation) == ["1 begins"])
    process.kill()
    process.wait()
    until(lambda: story(installation) == ["1 begins", "1 ends"])


class Power(Exception):
    """It is cut."""


class Cut(Installation):
    """An installation whose machine loses power at the n-th change on disk, before or after it."""

    def __init__(self, of: Installation, changes: int) -> None:
        super().__init__(of.root, of.control, of.config)
        self.left = changes

    def _change(self) -> None:
        if self.left == 0:
            raise Power
        self.left -= 1

    def _write(self, file: Path, text: str) -> None:
        self._change()
        super()._write(file, text)

    def _remove(self, file: Path) -> None:
        self._change()
        super()._remove(file)


@pytest.mark.parametrize("goes_well", [True, False])
@pytest.mark.parametrize("changes", range(6))
def test_whatever_is_on_disk_when_the_power_is_cut_one_version_is_the_one(
    goes_well: bool, changes: int, tmp_path: Path
) -> None:
    installation = installed(tmp_path, v1="good", v2="good")
    cut = Cut(installation, changes)
    asked = Pending("a", "1", "2")
    with contextlib.suppress(Power):
        cut.ask("2")
        asked = installation.pending or asked
        cut.trying(asked)
        if goes_well:
            cut.done(asked)
        else:
            cut.taken_back(asked, "it failed")
    before = installation.current
    trying = installation.pending is not None and installation.pending.trying
    outcome = installation.settle()
    assert installation.current == before, "what was current stays so"
    assert before in ({"1", "2"} if goes_well else {"1"})
    assert (outcome is not None) == trying
    assert installation.pending is None or not installation.pending.trying
    if (found := installation.outcome) is not None:
        assert (found.reason == "") == (installation.current == "2")
    assert installation.settle() is None
