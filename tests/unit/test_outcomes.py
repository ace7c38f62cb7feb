"""The outcome store at the site."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from datetime import date
from pathlib import Path
from random import Random

import pytest

from mostek.connector import outcomes
from mostek.connector.link import Backoff
from mostek.connector.outcomes import Outcome, OutcomeStore, StateInUse
from mostek.connector.rows import RowCount
from mostek.hub.config import HubConfig


def test_an_unknown_key_has_no_outcome(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    assert store.find("main", "k") is None
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="modes of files are POSIX's")
def test_what_the_site_keeps_is_for_its_account_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store, rows = (
            OutcomeStore.open(tmp_path / "o.sqlite"),
            RowCount.open(tmp_path / "rows.sqlite"),
        )
        store.record("main", "k", b"what the ERP has")
        rows.take("main", date(2026, 1, 1), 1, 1)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        store.close()
        rows.close()
    finally:
        os.umask(before)
    assert len(modes) >= 4
    assert set(modes.values()) == {0o600}


def test_an_outcome_survives_reopening(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    store.intend("main", "k", "CreateOrder", b"hash")
    store.record("main", "k", b"response")
    store.close()
    again = OutcomeStore.open(tmp_path / "o.sqlite")
    assert again.find("main", "k") == Outcome(b"hash", b"response")
    again.close()


def test_an_older_connector_works_with_what_a_newer_one_left_which_then_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = list(outcomes._VERSIONS)
    monkeypatch.setattr(outcomes, "_VERSIONS", [*older, "ALTER TABLE outcome ADD COLUMN more TEXT"])
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    store.intend("main", "k", "CreateOrder", b"hash")
    store.close()
    monkeypatch.setattr(outcomes, "_VERSIONS", older)
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    store.record("main", "k", b"response")
    store.close()
    monkeypatch.setattr(outcomes, "_VERSIONS", [*older, "ALTER TABLE outcome ADD COLUMN more TEXT"])
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    assert store.find("main", "k") == Outcome(b"hash", b"response")
    store.close()


def test_an_intent_survives_without_an_outcome(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    store.intend("main", "k", "CreateOrder", b"hash")
    store.close()
    again = OutcomeStore.open(tmp_path / "o.sqlite")
    assert again.find("main", "k") == Outcome(b"hash", None)
    again.close()


def test_keys_of_different_companies_are_apart(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    store.intend("main", "k", "CreateOrder", b"hash")
    assert store.find("other", "k") is None
    store.close()


def test_an_intent_can_be_withdrawn_but_not_an_outcome(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    for key in ("failed", "done"):
        store.intend("main", key, "CreateOrder", b"hash")
    store.record("main", "done", b"r")
    for key in ("failed", "done"):
        store.withdraw("main", key)
    assert store.find("main", "failed") is None
    assert store.find("main", "done") is not None
    store.close()


def test_only_an_acknowledged_response_is_forgotten_and_its_intent_stays(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    for key in ("told", "not told", "running"):
        store.intend("main", key, "CreateOrder", b"hash")
    for key in ("told", "not told"):
        store.record("main", key, b"response", "7", "ZK 1")
    for key in ("told", "running", "unknown"):
        store.acknowledge("main", key)
    assert store.forget_responses(time.time() + 1) == 1
    assert store.find("main", "told") == Outcome(b"hash", None)
    store.withdraw("main", "told")
    assert store.find("main", "told") is not None
    assert store.find("main", "not told") == Outcome(b"hash", b"response")
    row = store._connection.execute("SELECT erp_id, erp_number FROM outcome WHERE key = 'told'")
    assert row.fetchone() == ("7", "ZK 1")
    store.close()


def test_what_an_acknowledgement_costs_does_not_grow_with_what_is_kept(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    rows = [
        ("main", f"k{n}", "CreateOrder", b"hash", 1, 2, b"response", 1000 + n) for n in range(2000)
    ]
    store._connection.execute("BEGIN")
    store._connection.executemany(
        "INSERT INTO outcome (company, key, operation, content, intended_at, finished_at, response, acknowledged_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    store._connection.execute("COMMIT")
    steps: list[int] = []
    store._connection.set_progress_handler(lambda: steps.append(1), 1)
    store.acknowledge("main", "k7")
    assert store.forget_responses(1002) == 2
    assert len(steps) < 500
    steps.clear()
    forgotten = store.forget_responses(5000)
    assert forgotten < 200
    assert len(steps) < 100 * forgotten
    store.close()


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "o.sqlite")
    old.execute(outcomes._VERSIONS[0])
    old.execute("INSERT INTO outcome VALUES ('main', 'k', 'CreateOrder', 'hash', 1, 2, 'response')")
    old.commit()
    old.close()
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    assert store.find("main", "k") is not None
    store.acknowledge("main", "k")
    store.close()


def test_every_commit_is_synced(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    full = 2
    assert store._connection.execute("PRAGMA synchronous").fetchone() == (full,)
    store.close()


def test_a_second_process_is_refused_by_the_folders_name(tmp_path: Path) -> None:
    store = OutcomeStore.open(tmp_path / "o.sqlite")
    with pytest.raises(StateInUse, match="used by another connector process"):
        OutcomeStore.open(tmp_path / "o.sqlite")
    store.close()


def test_reconnecting_waits_within_windows_that_double_up_to_their_bound() -> None:
    backoff = Backoff(longest=8.0, draw=lambda: 1.0)
    rest = [4.0] * 16
    assert [backoff.next() for _ in range(21)] == [1.0, 2.0, *rest, 8.0, 8.0, 8.0]
    backoff.reset()
    assert [backoff.next() for _ in range(19)] == [1.0, 2.0, *rest, 8.0]


def test_a_connector_is_back_before_calls_give_up_a_hub_that_was_away_for_half_a_minute() -> None:
    draw = Random(5)
    patience: float = HubConfig.model_fields["return_grace"].default
    for _ in range(200):
        backoff, away = Backoff(draw=draw.random), 0.0
        while away < 25.0:
            wait = backoff.next()
            away += wait
        assert wait < patience


def test_the_moment_within_the_window_is_drawn() -> None:
    assert Backoff(draw=lambda: 0.25).next() == 0.25


def test_no_wait_is_so_long_that_a_hub_that_returns_lacks_somebody_after_a_minute() -> None:
    backoff = Backoff(draw=lambda: 1.0)
    assert max(backoff.next() for _ in range(40)) == 45.0
