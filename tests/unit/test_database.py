"""`Database`: sessions, pool, locks, time-outs, cancellation, errors; over sqlite3."""

from __future__ import annotations

import gc
import sqlite3
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mostek.plugin.database import Database, Mode, Session
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Context
from mostek.plugin.sandbox import create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_types import Param, SqlType
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Conflict,
    Drift,
    ErpUnavailable,
    Expired,
    Internal,
    Invalid,
    Locked,
    Rejected,
    UnknownOutcome,
)

COLUMNS = """\
table,column,type,nullable,default,identity,key,meaning
dbo.item,it_id,int,no,,,PK,
dbo.item,it_code,varchar(5),no,,,UNIQUE,
dbo.item,it_price,money,yes,,,,
"""
#: Counts to a hundred million: never ends within a test.
ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)"
    " SELECT COUNT(*) FROM n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    csv = tmp_path / "schema.csv"
    csv.write_text(COLUMNS, encoding="utf-8")
    path = tmp_path / "erp.sqlite"
    create_sandbox(path, ReferenceSchema.load(csv), fill=_fill)
    return path


def _fill(connection: sqlite3.Connection) -> None:
    connection.executemany(
        "INSERT INTO dbo.item VALUES (?, ?, ?)", [(i, f"K{i}", i * 1.5) for i in range(1, 601)]
    )


@pytest.fixture
def database(path: Path) -> Iterator[SqliteDatabase]:
    database = SqliteDatabase(SqliteConfig(path=path, connections=2, lock_timeout=0.05))
    yield database
    database.close()


def break_off(session: Session, sql: str) -> None:
    session.execute(sql)
    raise ZeroDivisionError


def price(database: Database, number: int = 1) -> Any:
    with database.reading(context()) as session:
        row = session.one(
            "SELECT it_price FROM dbo.item WHERE it_id = ?", [Param.of(number, "int")]
        )
    return row and row[0]


def test_rows_are_read_in_order_and_typed_parameters_are_bound(database: SqliteDatabase) -> None:
    with database.reading(context()) as session:
        rows = session.fetch(
            "SELECT it_id FROM dbo.item WHERE it_price > ? ORDER BY it_id",
            [Param.of(Decimal("890.0"), "money")],
        )
        assert [row[0] for row in rows] == [594, 595, 596, 597, 598, 599, 600]


def test_a_connection_comes_back_even_when_its_rows_were_not_read(database: SqliteDatabase) -> None:
    for _ in range(5):
        with database.reading(context()) as session:
            next(session.fetch("SELECT it_id FROM dbo.item"))
    assert database._readers.used == 0

    def abandoned() -> Iterator[Any]:
        with database.reading(context()) as session:
            yield from session.fetch("SELECT it_id FROM dbo.item")

    rows = abandoned()
    next(rows)
    assert database._readers.used == 1
    del rows
    gc.collect()
    assert database._readers.used == 0


def test_who_finds_the_pool_empty_waits_only_as_long_as_its_command_may(
    database: SqliteDatabase,
) -> None:
    with (
        database.reading(context()),
        database.reading(context()),
        pytest.raises(Expired),
        database.reading(context(timeout=0.05)),
    ):
        pass
    assert price(database) == 1.5


def test_a_context_knows_that_something_was_committed(database: SqliteDatabase) -> None:
    committed, failed = context(), context()
    with database.writing(committed) as session:
        session.execute("UPDATE dbo.item SET it_price = 2 WHERE it_id = 1")
        assert not committed.written
    with pytest.raises(ZeroDivisionError), database.writing(failed):
        raise ZeroDivisionError
    assert (committed.written, failed.written) == (True, False)


def test_a_transaction_is_committed_or_rolled_back_as_a_whole(database: SqliteDatabase) -> None:
    with database.writing(context()) as session:
        assert session.execute("UPDATE dbo.item SET it_price = 7 WHERE it_id = 1") == 1
    assert price(database) == 7
    with pytest.raises(ZeroDivisionError), database.writing(context()) as session:
        break_off(session, "UPDATE dbo.item SET it_price = 8 WHERE it_id = 1")
    assert price(database) == 7


def test_a_session_reads_one_state_from_beginning_to_end(database: SqliteDatabase) -> None:
    sql = "SELECT it_price FROM dbo.item WHERE it_id = 1"
    with database.reading(context()) as session:
        before = session.one(sql)
        with database.writing(context()) as other:
            other.execute("UPDATE dbo.item SET it_price = 9 WHERE it_id = 1")
        assert session.one(sql) == before
    assert price(database) == 9


def test_a_cancelled_command_ends_its_statement(database: SqliteDatabase) -> None:
    command = context()
    threading.Timer(0.05, command.cancel).start()
    with pytest.raises(Cancelled), database.reading(command) as session:
        session.one(ENDLESS)
    assert price(database) == 1.5


def test_a_deadline_ends_the_statement(database: SqliteDatabase) -> None:
    with pytest.raises(Expired), database.reading(context(timeout=0.05)) as session:
        session.one(ENDLESS)
    assert price(database) == 1.5


def test_a_statement_ends_at_the_configured_timeout(path: Path) -> None:
    database = SqliteDatabase(SqliteConfig(path=path, statement_timeout=0.05))
    with (
        pytest.raises(ErpUnavailable, match="statement_timeout") as raised,
        database.reading(context()) as session,
    ):
        session.one(ENDLESS)
    assert raised.value.retriable
    database.close()


def test_a_command_that_has_expired_sends_nothing(database: SqliteDatabase) -> None:
    with (
        recorded(database) as sent,
        pytest.raises(Expired),
        database.reading(context(timeout=0)) as session,
    ):
        session.one("SELECT 1")
    assert sent == []


def test_a_writer_that_finds_the_database_locked_says_so(database: SqliteDatabase) -> None:
    with database.writing(context()), pytest.raises(Locked) as raised, database.writing(context()):
        pass
    assert raised.value.retriable
    with database.writing(context()):
        pass


def test_the_write_lock_of_a_database_that_went_away_says_so(tmp_path: Path) -> None:
    gone = SqliteDatabase(SqliteConfig(path=tmp_path / "away" / "erp.sqlite"))
    with pytest.raises(ErpUnavailable), gone.exclusive("acme", context()):
        pass


def test_the_write_lock_is_held_by_one(database: SqliteDatabase, path: Path) -> None:
    other = SqliteDatabase(SqliteConfig(path=path))
    with database.exclusive("acme", context()):
        assert price(database) == 1.5
        with pytest.raises(Locked, match="acme"), other.exclusive("acme", context(), timeout=0.15):
            pass
        with pytest.raises(Expired), other.exclusive("acme", context(timeout=0.15)):
            pass
    with other.exclusive("acme", context()):
        pass


def test_the_catalogue_has_the_columns_of_every_table(database: SqliteDatabase) -> None:
    catalogue = database.catalogue()
    assert catalogue.has("DBO.Item", "IT_PRICE")
    assert not catalogue.has("dbo.item", "it_nope")
    assert catalogue.type_of("dbo.item", "it_price") == SqlType.parse("money")
    assert catalogue.type_of("dbo.item", "it_code") == SqlType("varchar", 5)


def test_the_catalogue_is_read_again_only_when_asked(database: SqliteDatabase) -> None:
    before = database.catalogue()
    fingerprint = before.fingerprint(["dbo.item"])
    with database.writing(context()) as session:
        session.execute("ALTER TABLE dbo.item ADD COLUMN it_new int")
    assert database.catalogue() is before
    after = database.catalogue(refresh=True)
    assert after.has("dbo.item", "it_new")
    assert after.fingerprint(["dbo.item"]) != fingerprint


@pytest.mark.parametrize(
    ("sql", "kind", "words"),
    [
        ("SELECT it_nope FROM dbo.item", Drift, "it_nope"),
        ("SELECT 1 FROM dbo.nope", Drift, "dbo.nope"),
        ("INSERT INTO dbo.item VALUES (1, 'X', 0)", Conflict, "key"),
        ("INSERT INTO dbo.item VALUES (1001, 'K1', 0)", Conflict, "key"),
        ("INSERT INTO dbo.item VALUES (1001, NULL, 0)", Rejected, "rule"),
        ("INSERT INTO dbo.item VALUES (1001, 'ABCDEF', 0)", Invalid, "longer"),
        ("SELEC", Internal, "refused"),
    ],
)
def test_errors_of_sqlite_become_failures_without_its_text(
    database: SqliteDatabase, sql: str, kind: type[CommandFailure], words: str
) -> None:
    with pytest.raises(kind, match=words) as raised, database.writing(context()) as session:
        session.execute(sql)
    assert raised.value.erp_text
    assert raised.value.erp_text not in raised.value.message


def test_a_sandbox_that_is_not_there_or_is_no_database_is_named(tmp_path: Path) -> None:
    with pytest.raises(ErpUnavailable, match="There is no sandbox"):
        price(SqliteDatabase(SqliteConfig(path=tmp_path / "none.sqlite")))
    (tmp_path / "text.sqlite").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(ErpUnavailable, match="can't be opened"):
        price(SqliteDatabase(SqliteConfig(path=tmp_path / "text.sqlite")))


# A driver that breaks, to see what becomes of the connections.


class Breaking(SqliteDatabase):
    """Breaks when it is told to, as a server does that was restarted."""

    broken = False
    breaks_on_commit = False
    made = 0

    def connect(self, *, write: bool) -> sqlite3.Connection:
        self.made += 1
        self.broken = False
        return super().connect(write=write)

    def begin(self, connection: sqlite3.Connection, context: Context, mode: Mode) -> None:
        if self.broken:
            raise sqlite3.OperationalError("gone")
        super().begin(connection, context, mode)

    def end(self, connection: sqlite3.Connection, mode: Mode, *, commit: bool) -> None:
        super().end(connection, mode, commit=commit)
        if commit and self.breaks_on_commit:
            raise sqlite3.OperationalError("gone")


def test_a_connection_that_broke_while_idle_is_made_anew(path: Path) -> None:
    database = Breaking(SqliteConfig(path=path))
    assert price(database) == 1.5
    database.broken = True
    assert price(database) == 1.5
    assert database.made == 2
    database.close()


def test_a_connection_lost_during_the_commit_leaves_the_outcome_unknown(path: Path) -> None:
    database = Breaking(SqliteConfig(path=path))
    database.breaks_on_commit = True
    with pytest.raises(UnknownOutcome), database.writing(context()) as session:
        session.execute("UPDATE dbo.item SET it_price = 3 WHERE it_id = 1")
    database.close()


class Deadlocked(SqliteDatabase):
    """Fails so many statements as the victim of a deadlock."""

    times = 0

    def send(self, cursor: sqlite3.Cursor, sql: str, params: Any) -> None:
        if self.times:
            self.times -= 1
            raise _busy()
        super().send(cursor, sql, params)


def _busy() -> sqlite3.Error:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorname = "SQLITE_BUSY"
    return error


def test_a_read_that_meets_a_lock_is_tried_once_more_a_write_is_not(path: Path) -> None:
    database = Deadlocked(SqliteConfig(path=path))
    database.times = 1
    assert price(database) == 1.5
    database.times = 2
    with pytest.raises(Locked):
        price(database)
    database.times = 1
    with pytest.raises(Locked), database.writing(context()) as session:
        session.execute("UPDATE dbo.item SET it_price = 3")
    database.close()
