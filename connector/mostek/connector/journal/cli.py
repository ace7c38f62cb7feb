"""`mostek-connector journal`: to be read by whoever may read the state folder, with the connector running or not."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from mostek.connector.config import ConfigError, ConnectorConfig, read_toml
from mostek.connector.journal.chain import NO_ENTRY, Head
from mostek.connector.journal.files import journal_folder
from mostek.connector.journal.journal import key_file, moment
from mostek.connector.journal.search import Search
from mostek.connector.journal.values import SiteKey, SiteKeyError
from mostek.connector.journal.verify import Verdict, verify

__all__ = ["journal"]

journal = typer.Typer(
    no_args_is_help=True, help="What left this site: the record that the connector keeps."
)

Config = Annotated[
    Path,
    typer.Option(
        "--config", "-c", help="The configuration file.", envvar="MOSTEK_CONNECTOR_CONFIG"
    ),
]
State = Annotated[
    Path | None, typer.Option(help="The state folder, where there is no configuration file.")
]
_FILE = Path("connector.toml")
_TIME = "2026-11-24, 2026-11-24T08:30 or with a zone; without one in the zone of this machine."
Since = Annotated[str, typer.Option(help=f"From this moment on: {_TIME}")]
Until = Annotated[str, typer.Option(help="Before this moment.")]
Caller = Annotated[str, typer.Option(help="Only of this caller, as the hub names it.")]
Operation = Annotated[str, typer.Option(help="Only this operation, e.g. ListCustomers.")]
Value = Annotated[
    str, typer.Option(help="Only what asked for this value, e.g. a NIP; told by its hash.")
]

_COLUMNS = (
    "number", "at", "command_id", "caller", "operation", "company", "outcome", "reason", "about",
    "filters", "fields", "withheld", "rows", "bytes", "seconds", "event", "hash",
)  # fmt: skip


@journal.command("verify")
def verify_journal(
    config: Config = _FILE,
    state: State = None,
    known: Annotated[
        str, typer.Option(help="NUMBER:HASH of an entry, as `mostek connectors show` tells it.")
    ] = "",
) -> None:
    """Look whether every entry is there and as it was written. Exits with 1 if not, 2 if that can't be seen."""
    folder = journal_folder(_state(config, state))
    head = _head(known)
    with _readable():
        verdict = verify(folder, head)
    for line in _told(folder, verdict, head):
        print(line)
    if verdict.faults:
        raise typer.Exit(1)


@journal.command("list")
def list_entries(
    config: Config = _FILE,
    state: State = None,
    since: Since = "",
    until: Until = "",
    caller: Caller = "",
    operation: Operation = "",
    value: Value = "",
    last: Annotated[int, typer.Option(min=0, help="How many of the newest; 0: all.")] = 50,
) -> None:
    """Show entries, the oldest first."""
    of = _state(config, state)
    search = _search(of, since, until, caller, operation, value)
    with _readable():
        found = deque(search.found(journal_folder(of)), maxlen=last or None)
        _print_table(entry for _, entry in found)
    if search.other_keys:
        print(
            f"{search.other_keys} entries have hashes of another key than {key_file(of)}: what they asked for can't be "
            "looked up.",
            file=sys.stderr,
        )


@journal.command("export")
def export_entries(
    config: Config = _FILE,
    state: State = None,
    since: Since = "",
    until: Until = "",
    caller: Caller = "",
    operation: Operation = "",
    value: Value = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; else standard output.")
    ] = None,
    form: Annotated[
        Literal["ndjson", "csv"],
        typer.Option("--format", help="ndjson keeps the lines as they are."),
    ] = "ndjson",
) -> None:
    """Write entries to a file, the oldest first: `mostek audit match` compares it with the hub's audit."""
    of = _state(config, state)
    search = _search(of, since, until, caller, operation, value)
    count = 0
    with _readable(), _opened(output) as out:
        if form == "csv":
            out.write(_csv(_COLUMNS))
        for line, entry in search.found(journal_folder(of)):
            row = _csv(_flat(entry.get(name)) for name in _COLUMNS)
            out.write(row if form == "csv" else line + b"\n")
            count += 1
    print(f"{count} entries", file=sys.stderr)


def _state(config: Path, state: Path | None) -> Path:
    """The state folder, also where the rest of the configuration is wrong."""
    if state is not None:
        return state
    try:
        data, _ = read_toml(config)
    except ConfigError as error:
        _refuse(f"{error}\nName the state folder with --state, or the configuration with --config.")
    table = data.get("connector")
    named = table.get("state") if isinstance(table, dict) else None
    default: Path = ConnectorConfig.model_fields["state"].default
    return config.parent / (named if isinstance(named, str) else default)


def _head(known: str) -> Head | None:
    if not known:
        return None
    number, _, digest = known.partition(":")
    try:
        head = Head(int(number), bytes.fromhex(digest))
    except ValueError:
        head = NO_ENTRY
    if head.number < 1 or len(head.hash) != len(NO_ENTRY.hash):
        _refuse("--known must be NUMBER:HASH, with a hash of 64 hexadecimal digits.")
    return head


def _told(folder: Path, verdict: Verdict, known: Head | None) -> Iterator[str]:
    if not verdict.entries and not verdict.faults:
        yield f"{folder} has no entry yet."
        return
    for fault in verdict.faults:
        yield str(fault)
    if verdict.more_faults:
        yield f"… and {verdict.more_faults} more"
    if verdict.deleted.number:
        why = {"size": "they were too large (journal.most_megabytes)"}
        yield (
            f"Entries up to {verdict.deleted.number} were deleted by the connector because "
            f"{why.get(verdict.deleted_for, 'they were too old (journal.keep_days)')}."
        )
    if verdict.unfinished:
        yield "The last line is being written, or a crash cut it: the connector removes it when it starts."
    if verdict.faults:
        yield (
            "The journal is not as it was written. Copy the folder as it is; compare it with a backup and with the "
            "hub's audit (`mostek audit match`), and find out who could write here."
        )
        return
    size = verdict.bytes / 1_000_000
    yield (
        f"Whole: entries {verdict.first} to {verdict.head.number} in {verdict.files} files, {size:.1f} MB."
    )
    if known is not None and known.number < verdict.first:
        yield f"Entry {known.number} was deleted, so it was not compared."
    yield f"Head: {verdict.head}"


def _search(state: Path, since: str, until: str, caller: str, operation: str, value: str) -> Search:
    key = None
    if value:
        try:
            key = SiteKey.load(key_file(state))
        except (OSError, SiteKeyError) as error:
            text = (
                str(error)
                if isinstance(error, SiteKeyError)
                else f"{error.filename}: {error.strerror}"
            )
            _refuse(f"{text}\nWithout the key no value can be looked up.")
    return Search(_moment(since), _moment(until), caller, operation, value, key)


def _moment(text: str) -> str:
    if not text:
        return ""
    try:
        return moment(datetime.fromisoformat(text).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        _refuse(f"{text!r} is no time; write {_TIME}")


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    """An entry as people read it."""
    words = (entry.get("outcome"), entry.get("reason"))
    return (
        str(entry.get("number", "")),
        _local(str(entry.get("at", ""))),
        str(entry.get("caller", "")),
        str(entry.get("operation") or entry.get("event", "")),
        ", ".join(entry.get("filters") or ()),
        " ".join(str(word) for word in words if word),
        str(entry.get("rows", "")),
        str(entry.get("bytes", "")),
        str(entry.get("command_id", "")),
    )


def _print_table(entries: Iterable[dict[str, Any]]) -> None:
    made = Table(box=None, header_style="bold")
    for name in ("number", "time", "caller", "operation", "asked by", "outcome"):
        made.add_column(name)
    for name in ("rows", "bytes"):
        made.add_column(name, justify="right")
    made.add_column("command")
    for entry in entries:
        made.add_row(*(_printable(cell) for cell in _cells(entry)))
    if made.row_count:
        Console(width=None if sys.stdout.isatty() else 200, markup=False, highlight=False).print(
            made
        )
    else:
        print("None found.")


def _local(at: str) -> str:
    try:
        return datetime.fromisoformat(at).astimezone().isoformat(" ", timespec="seconds")
    except ValueError:
        return at


def _printable(text: str) -> str:
    """Callers wrote some of it: no escapes to the terminal."""
    return "".join(c if c.isprintable() else " " for c in text)


def _flat(value: Any) -> str:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    text = "" if value is None else str(value)
    # Callers chose some of it, and a spreadsheet takes these for the begin of a formula.
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _csv(cells: Any) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerow(list(cells))
    return out.getvalue().encode()


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with output.open("wb") as opened:
        yield opened


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _refuse(
            f"{error.filename}: {error.strerror}. Run it as an account that may read the state folder."
        )


def _refuse(text: str) -> NoReturn:
    print(f"mostek-connector: {text}", file=sys.stderr)
    raise typer.Exit(2)
