"""The worker process of an ERP's own objects: real processes, ended in the middle of what they do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mostek.plugin.database import open_database
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Context
from mostek.plugin.worker.config import WorkerConfig
from mostek.plugin.worker.inside import Fault, licence_lost
from mostek.plugin.worker.settle import Saving
from mostek.plugin.worker.worker import Worker, WorkerLost
from mostek.wire.failures import CommandFailure, ErpUnavailable, Locked, Rejected, UnknownOutcome

from . import office

OFFICE = f"{office.__name__}:Notebook"


class Desk:
    """A worker and the file in which its office leaves its notes."""

    def __init__(self, file: Path, **settings: Any) -> None:
        self.file = file
        self._settings = {"file": str(file)} | settings
        self.workers: list[Worker] = []

    def worker(self, **config: Any) -> Worker:
        settings = {"start_timeout": 20.0, "call_timeout": 20.0} | config
        worker = Worker(OFFICE, self._settings, WorkerConfig(**settings))
        self.workers.append(worker)
        return worker

    def lines(self) -> list[str]:
        return self.file.read_text(encoding="utf-8").splitlines() if self.file.exists() else []

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < ends
            time.sleep(0.01)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "notes")
    yield desk
    for worker in desk.workers:
        worker.close()


def test_the_erp_is_opened_by_the_first_call_and_closed_at_the_end(desk: Desk) -> None:
    worker = desk.worker()
    assert desk.lines() == []
    assert worker.call("note", text="zażółć")["text"] == "zażółć"
    worker.call("note", text="2")
    worker.close()
    assert desk.lines() == ["open", "note zażółć", "note 2", "close"]


def test_an_idle_erp_gives_its_seat_back_and_is_opened_again(desk: Desk) -> None:
    worker = desk.worker(idle_minutes=0.005)
    worker.call("note", text="1")
    desk.until(lambda: desk.lines()[-1] == "close")
    worker.call("note", text="2")
    assert desk.lines()[2:4] == ["close", "open"]


def test_what_the_erp_prints_does_not_come_between_the_answers(desk: Desk) -> None:
    assert desk.worker().call("note", text="1", then="print")["text"] == "1"


def test_a_refusal_leaves_the_worker_as_it_is(desk: Desk) -> None:
    worker = desk.worker()
    with pytest.raises(Fault, match="An operator has it open") as raised:
        worker.call("note", text="1", then="locked")
    assert (raised.value.kind, raised.value.text) == ("locked", "zablokowany przez operatora")
    worker.call("note", text="2")
    assert desk.lines() == ["open", "note 2"]


def test_who_lost_the_licence_logs_in_anew(desk: Desk) -> None:
    worker = desk.worker()
    worker.call("note", text="1")
    with pytest.raises(Fault, match="licence seat is gone"):
        worker.call("note", text="2", then="licence")
    worker.call("note", text="3")
    assert desk.lines() == ["open", "note 1", "close", "open", "note 3"]


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("Brak wolnych licencji na moduł Handel.", True),
        ("Utracono licencję na Sferę.", True),
        ("Licencja na program wygasła.", True),
        ("Przekroczono liczbę licencji.", True),
        ("Brak towaru 'Licencja Office' w magazynie.", False),
        ("Towar Licencja roczna: brak ceny.", False),
    ],
)
def test_a_product_that_is_a_licence_is_no_lost_licence(text: str, lost: bool) -> None:
    assert licence_lost(text) is lost


def test_a_call_that_hangs_is_ended_and_the_next_one_has_a_fresh_erp(desk: Desk) -> None:
    worker = desk.worker(call_timeout=0.3)
    with pytest.raises(WorkerLost) as lost:
        worker.call("note", text="1", then="hang")
    assert (lost.value.hung, lost.value.begun, lost.value.ended) == (True, True, True)
    assert not any(psutil.pid_exists(pid) for pid in lost.value.processes)
    worker.call("note", text="2")
    assert desk.lines() == ["open", "note 1", "open", "note 2"]


def test_a_worker_that_dies_is_replaced(desk: Desk) -> None:
    worker = desk.worker()
    with pytest.raises(WorkerLost) as lost:
        worker.call("note", text="1", then="die")
    assert (lost.value.hung, lost.value.begun) == (False, True)
    assert worker.call("note", text="2")["text"] == "2"


def test_a_worker_that_died_between_calls_is_replaced_without_doubt(desk: Desk) -> None:
    # Servers that other tests share are children of this process, too.
    others = psutil.Process().children()
    worker = desk.worker()
    worker.call("note", text="1")
    [child] = set(psutil.Process().children()) - set(others)
    child.kill()
    child.wait(10)
    with pytest.raises(WorkerLost) as lost:
        worker.call("note", text="2")
    assert not lost.value.begun
    worker.call("note", text="3")
    assert desk.lines() == ["open", "note 1", "open", "note 3"]


def test_an_erp_that_can_not_be_opened_has_begun_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "notes", licence="none")
    worker = desk.worker()
    with pytest.raises(Fault, match="All licence seats are taken") as raised:
        worker.call("note", text="1")
    assert raised.value.kind == "licence"
    worker.close()


def test_an_error_that_nobody_foresaw_ends_the_worker(desk: Desk) -> None:
    worker = desk.worker()
    with pytest.raises(WorkerLost) as lost:
        worker.call("note", text="1", then="raise")
    assert lost.value.begun
    assert not lost.value.hung
    worker.call("note", text="2")
    assert desk.lines() == ["open", "note 1", "open", "note 2"]


def test_what_the_erp_started_ends_with_the_worker(desk: Desk) -> None:
    worker = desk.worker(call_timeout=1.0)
    with pytest.raises(WorkerLost) as lost:
        worker.call("launch")
    pid = int(desk.lines()[-1].split()[1])
    assert pid in lost.value.processes
    assert not psutil.pid_exists(pid)


def test_an_office_needs_nothing_but_the_standard_library() -> None:
    roots = [str(Path(__file__).parents[2] / "connector"), str(Path(__file__).parents[2])]
    script = f"import sys; sys.path += {roots!r}; import tests.integration.office; print('ok')"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert done.stdout.strip() == "ok", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="NOT RUN: sends SIGKILL")
def test_a_worker_ends_when_its_connector_is_killed(tmp_path: Path) -> None:
    script = (
        "from tests.integration.test_worker import Desk; from pathlib import Path; import time;"
        f"Desk(Path({str(tmp_path / 'notes')!r})).worker().call('note', text='1'); print('up', flush=True);"
        "time.sleep(600)"
    )
    connector = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert connector.stdout is not None
    assert connector.stdout.readline().strip() == b"up"
    [child] = psutil.Process(connector.pid).children()
    os.kill(connector.pid, signal.SIGKILL)
    connector.wait(10)
    connector.stdout.close()
    assert psutil.wait_procs([child], timeout=10)[1] == []
    assert (tmp_path / "notes").read_text().split("\n")[-2] == "close"


# Effect once


class Ledger:
    """Looks for a note in the file; `database` says whether the sessions of ended processes are gone."""

    def __init__(self, desk: Desk, tmp_path: Path, *, gone: bool = True) -> None:
        self._desk = desk
        self.database = open_database(SqliteConfig(path=tmp_path / "none.sqlite"))
        self.database.wait_until_gone = lambda processes, timeout: gone  # type: ignore[method-assign]

    def save(self, then: str = "", **config: Any) -> str:
        saving = Saving(self._desk.worker(**config), self.database, self._look)
        return saving.once(Context(operation="CreateOrder"), "note", text="1", then=then)

    def _look(self) -> str | None:
        return "found" if "note 1" in self._desk.lines() else None


@pytest.mark.parametrize(
    ("then", "config"), [("", {}), ("raise", {}), ("die", {}), ("hang", {"call_timeout": 0.3})]
)
def test_what_was_saved_is_found_whatever_became_of_the_call(
    desk: Desk, tmp_path: Path, then: str, config: dict[str, float]
) -> None:
    assert Ledger(desk, tmp_path).save(then, **config) == "found"


def test_a_record_that_an_operator_holds_is_told_as_locked(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Locked, match="An operator has it open") as raised:
        Ledger(desk, tmp_path).save("locked")
    assert raised.value.retriable


def test_saved_that_saved_nothing_is_told(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(Rejected, match="says that it has saved, but nothing is there"):
        Ledger(desk, tmp_path).save("vanish")


def test_what_the_program_said_when_it_broke_off_is_kept(desk: Desk, tmp_path: Path) -> None:
    failure = _saving(desk, tmp_path, "break_off", gone=True)
    assert isinstance(failure, ErpUnavailable)
    assert failure.message == "The program broke off; nothing was saved."
    assert failure.erp_text == "ArithmeticError in the worker. before the commit"


def _saving(desk: Desk, tmp_path: Path, call: str, *, gone: bool) -> CommandFailure:
    ledger = Ledger(desk, tmp_path, gone=gone)
    saving = Saving(desk.worker(call_timeout=0.3), ledger.database, ledger._look)
    with pytest.raises(CommandFailure) as raised:
        saving.once(Context(operation="CreateOrder"), call)
    return raised.value


def test_a_hang_that_saved_nothing_names_the_dialog_as_its_likely_cause(
    desk: Desk, tmp_path: Path
) -> None:
    failure = _saving(desk, tmp_path, "hang", gone=True)
    assert isinstance(failure, ErpUnavailable)
    assert "nothing was saved. Most likely it shows a dialog" in failure.message
    assert failure.retriable


def test_while_a_session_of_an_ended_program_is_left_the_end_is_not_known(
    desk: Desk, tmp_path: Path
) -> None:
    assert isinstance(_saving(desk, tmp_path, "hang", gone=False), UnknownOutcome)
