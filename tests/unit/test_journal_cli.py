"""`mostek-connector journal`: what people at the site read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mostek.connector.cli import app
from mostek.connector.journal import Journal, JournalConfig, Trace
from mostek.connector.journal.files import segments
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import Denied


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    """A state folder with a journal of four commands, a minute after the other."""
    now = [1_795_000_000.0]
    journal = Journal(tmp_path, JournalConfig(), {}, clock=lambda: now[0])
    journal.start()
    for number, (operation, caller) in enumerate(
        [
            ("ListCustomers", "crm"),
            ("ListCustomers", "shop"),
            ("GetInvoice", "crm"),
            ("CreateOrder", "\x1b[2Jshop"),
        ],
        1,
    ):
        now[0] += 60
        command = Command(command_id=f"c{number}", operation=operation, caller=caller)
        request = ListCustomersRequest(tax_id=f"774000145{number}")
        end = Denied("No writes.") if operation == "CreateOrder" else b"12345"
        await journal.commit(Trace(command, request, "main", 7, 0.01, end))
    journal.close()
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["journal", *arguments])


def on(state: Path, *arguments: str) -> Result:
    return run(*arguments, "--state", str(state))


def test_a_whole_journal_is_said_to_be_and_its_head_is_told(state: Path) -> None:
    done = on(state, "verify")
    assert done.exit_code == 0
    assert "Whole: entries 1 to 7 in 1 files" in done.stdout
    head = done.stdout.split("Head: ")[1].strip()
    assert on(state, "verify", "--known", head).exit_code == 0


def test_a_changed_line_is_named_with_what_to_do(state: Path) -> None:
    [segment] = segments(state / "journal")
    segment.path.write_bytes(segment.path.read_bytes().replace(b'"shop"', b'"crm2"', 1))
    done = on(state, "verify")
    assert done.exit_code == 1
    assert "journal-000000000001.ndjson, line 4: entry 4 is not what its hash says" in done.stdout
    assert "Copy the folder as it is" in done.stdout
    assert "Head:" not in done.stdout


def test_a_cut_end_shows_against_the_head_that_the_hub_knows(state: Path) -> None:
    head = on(state, "verify").stdout.split("Head: ")[1].strip()
    [segment] = segments(state / "journal")
    segment.path.write_bytes(b"".join(segment.path.read_bytes().splitlines(keepends=True)[:-2]))
    assert on(state, "verify").exit_code == 0
    done = on(state, "verify", "--known", head)
    assert done.exit_code == 1
    assert "the end is missing: it ends with entry 5, and entry 7 is known" in done.stdout


@pytest.mark.parametrize("known", ["7", "7:zz", "0:" + "0" * 64, "x:" + "0" * 64, "7:00"])
def test_a_head_that_is_none_is_refused(state: Path, known: str) -> None:
    done = on(state, "verify", "--known", known)
    assert done.exit_code == 2
    assert "NUMBER:HASH" in done.stderr


def test_a_line_that_is_being_written_is_no_fault(state: Path) -> None:
    [segment] = segments(state / "journal")
    with segment.path.open("ab") as opened:
        opened.write(b'{"number":8,"at"')
    done = on(state, "verify")
    assert done.exit_code == 0
    assert "The last line is being written, or a crash cut it" in done.stdout


def test_a_site_without_a_journal_is_told_so(tmp_path: Path) -> None:
    done = on(tmp_path, "verify")
    assert done.exit_code == 0
    assert "has no entry yet" in done.stdout
    assert "None found." in on(tmp_path, "list").stdout


def test_the_state_folder_is_that_of_the_configuration_however_wrong_the_rest_is(
    state: Path, tmp_path: Path
) -> None:
    config = tmp_path / "connector.toml"
    config.write_text('nonsense = 1\n[connector]\nstate = "."\n')
    assert "Whole" in run("verify", "--config", str(config)).stdout
    missing = run("verify", "--config", str(tmp_path / "none.toml"))
    assert missing.exit_code == 2
    assert "--state" in missing.stderr


def test_entries_are_listed_for_people(state: Path) -> None:
    lines = on(state, "list").stdout.splitlines()
    assert lines[0].split() == [
        *("number", "time", "caller", "operation", "asked", "by"),
        *("outcome", "rows", "bytes", "command"),
    ]
    assert "file" in lines[1]
    [refused] = [line for line in lines if "CreateOrder" in line]
    assert "refused DENIED" in refused
    assert "\x1b" not in refused
    [got] = [line for line in lines if "GetInvoice" in line]
    assert got.split()[-3:] == ["7", "5", "c3"]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--caller", "crm"), ["c1", "c3"]),
        (("--operation", "ListCustomers"), ["c1", "c2"]),
        (("--value", "774-000-14-52"), ["c2"]),
        (("--value", "nobody"), []),
        (("--since", "2026-11-18T11:09:00+00:00"), ["c3", "c4"]),
        (("--until", "2026-11-18T12:09:00+01:00"), ["c1", "c2"]),
        (("--last", "2"), ["c4"]),
    ],
)
def test_entries_are_found_by_time_caller_operation_and_value(
    state: Path, arguments: tuple[str, ...], found: list[str]
) -> None:
    done = on(state, "list", *arguments)
    assert done.exit_code == 0
    assert [name for name in ("c1", "c2", "c3", "c4") if f" {name}" in done.stdout] == found


def test_a_time_that_is_none_is_refused_with_how_to_write_it(state: Path) -> None:
    done = on(state, "list", "--since", "yesterday")
    assert done.exit_code == 2
    assert "write 2026-11-24" in done.stderr


def test_no_value_is_looked_up_without_the_key(state: Path) -> None:
    (state / "journal.key").unlink()
    done = on(state, "list", "--value", "1")
    assert done.exit_code == 2
    assert "Without the key no value can be looked up" in done.stderr


def test_an_export_has_the_lines_as_they_are(state: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.ndjson"
    done = on(state, "export", "-o", str(output))
    assert done.exit_code == 0
    assert "7 entries" in done.stderr
    [segment] = segments(state / "journal")
    assert output.read_bytes() == segment.path.read_bytes()
    assert on(state, "export", "--caller", "shop").stdout.count("\n") == 1


def test_a_spreadsheet_can_read_it(state: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    on(state, "export", "--format", "csv", "--operation", "GetInvoice", "-o", str(output))
    with output.open(encoding="utf-8", newline="") as opened:
        [row] = csv.DictReader(opened)
    assert (row["command_id"], row["rows"], row["bytes"]) == ("c3", "7", "5")
    assert set(json.loads(row["filters"])) == {"tax_id"}


async def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, JournalConfig(), {})
    command = Command(command_id="c1", operation="GetErp", caller="=cmd()")
    await journal.commit(Trace(command, ListCustomersRequest()))
    journal.close()
    [line] = on(tmp_path, "export", "--format", "csv", "--caller", "=cmd()").stdout.splitlines()[1:]
    assert ",'=cmd()," in line


def test_a_folder_that_can_not_be_written_to_is_told(state: Path) -> None:
    done = on(state, "export", "-o", str(state / "none" / "out"))
    assert done.exit_code == 2
    assert "No such file" in done.stderr
