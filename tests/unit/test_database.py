"""`Database`: sessions, pool, locks, time-outs, cancellation, errors; over sqlite3, and over ODBC where it is there."""

from __future__ import annotations

import gc
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mostek.plugin.contract_odbc import OdbcOnSqlite, require_odbc
from mostek.plugin.database import Database, Mode, Session, open_database
from mostek.plugin.database_config import DatabaseConfig, SqliteConfig, SqlServerConfig, odbc_string
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.plugin import Context
from mostek.plugin.sandbox import create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_errors import odbc_failure
from mostek.plugin.sql_types import Param, SqlType, check_text, like_contains, sql_value
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


# Errors of SQL Server, as its driver words them.


@pytest.mark.parametrize(
    ("state", "code", "connecting", "kind", "retriable"),
    [
        ("28000", 18456, True, ErpUnavailable, False),
        ("42000", 4060, True, ErpUnavailable, False),
        ("08001", 0, True, ErpUnavailable, True),
        ("HYT00", 0, True, ErpUnavailable, True),
        ("08S01", 10054, False, ErpUnavailable, True),
        ("HYT00", 0, False, ErpUnavailable, True),
        ("42000", 229, False, ErpUnavailable, False),
        ("42000", 1222, False, Locked, True),
        ("40001", 1205, False, Locked, True),
        ("42S22", 207, False, Drift, False),
        ("42S02", 208, False, Drift, False),
        ("22001", 2628, False, Invalid, False),
        ("42000", 8152, False, Invalid, False),
        ("23000", 2627, False, Conflict, False),
        ("23000", 547, False, Rejected, False),
        ("42000", 50000, False, Rejected, False),
        ("42000", 102, False, Internal, False),
    ],
)
def test_errors_of_sql_server_become_failures_by_their_number(
    state: str, code: int, connecting: bool, kind: type[CommandFailure], retriable: bool
) -> None:
    text = (
        f"[{state}] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Kowalski 'dbo.secret'"
        f" ({code}) (SQLExecDirectW)"
    )
    failure = odbc_failure(Exception(state, text), connecting=connecting)
    assert type(failure) is kind
    assert failure.retriable is retriable
    assert "Kowalski" not in failure.message
    assert failure.erp_text == text


def test_a_missing_driver_is_told_with_what_to_install() -> None:
    text = "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 18' : file not found (0)"
    failure = odbc_failure(Exception("01000", text), connecting=True)
    assert "install Microsoft's ODBC Driver 18" in failure.message


# Configuration.


def test_a_configuration_is_read_by_its_kind() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(DatabaseConfig)
    sandbox = adapter.validate_python({"kind": "sqlite", "path": "x.sqlite", "schema": "CDN"})
    assert sandbox.schema_name == "CDN"
    server = adapter.validate_python(
        {
            "kind": "mssql",
            "server": r"SRV\INSERTGT",
            "database": "Firma",
            "login": {"user": "reader", "password": "hu;s}h"},
        }
    )
    assert "hu;s" not in repr(server)
    assert server.connection_string(write=True) == (
        r"DRIVER=ODBC Driver 18 for SQL Server;SERVER=SRV\INSERTGT;DATABASE=Firma;UID=reader;"
        r"PWD={hu;s}}h};Encrypt=yes;APP=Mostek connector;TrustServerCertificate=no"
    )


def test_writes_have_a_login_of_their_own() -> None:
    config = SqlServerConfig.model_validate(
        {
            "server": "s",
            "database": "d",
            "login": {"user": "reader", "password": "r"},
            "write_login": {"user": "writer", "password": "w"},
        }
    )
    assert "UID=reader" in config.connection_string(write=False)
    assert "UID=writer" in config.connection_string(write=True)


@pytest.mark.parametrize("extra", [{"PWD": "x"}, {"A;B": "x"}, {"driver": "x"}])
def test_extra_keywords_cannot_replace_settings(extra: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SqlServerConfig(server="s", database="d", extra=extra)


def parsed(text: str) -> dict[str, str]:
    """An ODBC connection string, read as the standard says."""
    found, rest = {}, text
    while rest:
        key, _, rest = rest.partition("=")
        if rest.startswith("{"):
            value, index = "", 1
            while not (rest[index] == "}" and rest[index + 1 : index + 2] != "}"):
                value += rest[index]
                index += 2 if rest[index] == "}" else 1
            rest = rest[index + 1 :].removeprefix(";")
        else:
            value, _, rest = rest.partition(";")
        found[key] = value
    return found


_VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.dictionaries(st.sampled_from(["UID", "PWD", "SERVER", "X"]), _VALUES))
def test_a_connection_string_says_what_it_was_given(values: dict[str, str]) -> None:
    assert parsed(odbc_string(values)) == values


# Types and values.


@pytest.mark.parametrize("text", ["varchar(20)", "decimal(18,2)", "int", "money", "nvarchar"])
def test_a_type_is_written_as_it_is_read(text: str) -> None:
    assert str(SqlType.parse(text)) == text


@pytest.mark.parametrize("text", ["integer", "varchar(x)", "", "int; DROP"])
def test_what_is_no_type_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"type|size"):
        SqlType.parse(text)


def test_a_text_is_refused_by_name_never_cut() -> None:
    assert check_text("name", "Zażółć gęślą", "varchar(12)") == "Zażółć gęślą"
    assert check_text("name", "o\u0301", "varchar(1)") == "ó"
    for value, words in (
        ("x" * 21, "at most 20 characters, has 21"),
        ("a😀", r"no character U\+1F600 \(position 2\)"),
        ("a\0", "NUL"),
        ("Ω", "Windows-1250"),
    ):
        with pytest.raises(Invalid, match=words) as raised:
            check_text("buyer.name", value, "varchar(20)")
        assert raised.value.violations[0].field == "buyer.name"
    assert check_text("name", "Ω", "nvarchar(1)") == "Ω"
    with pytest.raises(Invalid, match="has 2"):
        check_text("name", "😀", "nvarchar(1)")


@given(st.text(max_size=30))
def test_a_text_that_passes_survives_the_code_page(value: str) -> None:
    try:
        text = check_text("x", value, "varchar(20)")
    except Invalid:
        return
    assert text.encode("cp1250").decode("cp1250") == text
    assert len(text) <= 20


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("1,5", "money"),
        ("NaN", "money"),
        ("2026-13-01", "datetime"),
        ("maybe", "bit"),
        ("2147483648", "int"),
        ("256", "tinyint"),
    ],
)
def test_a_value_that_is_not_of_the_type_is_refused_by_name(value: str, kind: str) -> None:
    with pytest.raises(Invalid, match=r"^field: "):
        sql_value("field", value, SqlType.parse(kind))


def test_a_pattern_finds_its_text_literally() -> None:
    assert like_contains(r"50%_[x]\y") == r"%50\%\_\[x]\\y%"


# Over ODBC: the driver is SQLite's, so that pyodbc itself is real; what only SQL Server has is replaced.


@contextmanager
def odbc(path: Path, **extra: Any) -> Iterator[Database]:
    require_odbc()
    database = OdbcOnSqlite(path, connections=2, **extra)
    yield database
    database.close()


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "plain.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE item (it_id int PRIMARY KEY, it_code varchar(5) NOT NULL, it_price money)"
    )
    connection.executemany(
        "INSERT INTO item VALUES (?, ?, ?)", [(i, f"K{i}", i * 1.5) for i in range(1, 601)]
    )
    connection.commit()
    connection.close()
    return path


def test_odbc_reads_rows_with_typed_parameters(plain: Path) -> None:
    with odbc(plain) as database, database.reading(context()) as session:
        rows = session.fetch(
            "SELECT it_id, it_code FROM item WHERE it_code IN (?, ?) AND it_id > ? ORDER BY it_id",
            [Param.of("K7", "varchar(5)"), Param.of("K9", "char(5)"), Param.of(7, "int")],
        )
        assert [tuple(row) for row in rows] == [(9, "K9")]
        assert len(list(session.fetch("SELECT it_id FROM item"))) == 600


def test_odbc_commits_or_rolls_back(plain: Path) -> None:
    sql = "SELECT COUNT(*) FROM item WHERE it_code = 'new'"
    with odbc(plain) as database:
        with database.writing(context()) as session:
            session.execute("INSERT INTO item VALUES (1001, 'new', 0)")
        with pytest.raises(ZeroDivisionError), database.writing(context()) as session:
            break_off(session, "INSERT INTO item VALUES (1002, 'new', 0)")
        with database.reading(context()) as session:
            assert session.one(sql)[0] == 1  # type: ignore[index]


def test_odbc_ends_the_statement_of_a_cancelled_command(plain: Path) -> None:
    command = context()
    with odbc(plain) as database:
        threading.Timer(0.1, command.cancel).start()
        with pytest.raises(Cancelled), database.reading(command) as session:
            session.one(ENDLESS)
        with database.reading(context()) as session:
            assert session.one("SELECT 1")


def test_odbc_connections_come_back(plain: Path) -> None:
    with odbc(plain) as database:
        for _ in range(5):
            with database.reading(context()) as session:
                next(session.fetch("SELECT it_id FROM item"))
        with pytest.raises(CommandFailure), database.reading(context()) as session:
            session.one("SELECT nope FROM item")
        assert database._readers.used == 0
        assert database.catalogue().has("dbo.item", "it_code")


def test_odbc_says_that_the_server_cannot_be_reached(secret: Callable[[str], str]) -> None:
    password = f"hu;s}}{secret('database password')}"
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    if "FreeTDS" not in pyodbc.drivers():
        pytest.skip("the FreeTDS driver is missing: apt-get install tdsodbc")
    database = open_database(
        SqlServerConfig.model_validate(
            {
                "server": "127.0.0.1",
                "database": "d",
                "driver": "FreeTDS",
                "login": {"user": "u", "password": password},
                "extra": {"PORT": "1", "TDS_Version": "7.4"},
                "login_timeout": 2,
            }
        )
    )
    with pytest.raises(ErpUnavailable, match="can't be reached") as raised:
        price(database)
    assert raised.value.retriable
    assert password not in raised.value.erp_text
    assert database._readers.used == 0


def test_odbc_says_that_the_driver_is_not_installed() -> None:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    database = open_database(SqlServerConfig(server="s", database="d", driver="No Such Driver"))
    with pytest.raises(ErpUnavailable, match="driver is not installed"):
        price(database)


class _Server:
    """A connection to a server that answers everything with one number, and what it was asked."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []
        self.timeout = 0
        self.autocommit = True
        self.answers: list[int] = []

    def cursor(self) -> _Server:
        return self

    def execute(self, *asked: Any) -> _Server:
        self.asked.append(asked)
        return self

    def fetchval(self) -> int:
        return self.answer

    description = ()

    def setinputsizes(self, sizes: Any) -> None: ...

    def fetchone(self) -> tuple[int]:
        return (self.answers.pop(0),)

    def cancel(self) -> None: ...

    def close(self) -> None: ...


def server(answer: int, isolation: str = "auto") -> tuple[Any, _Server]:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    from mostek.plugin.odbc_database import OdbcDatabase

    fake = _Server(answer)

    class Faked(OdbcDatabase):
        def connect(self, *, write: bool) -> _Server:
            return fake

    config = {"server": "s", "database": "d", "isolation": isolation}
    return Faked(SqlServerConfig.model_validate(config)), fake


@pytest.mark.parametrize(("answer", "failure"), [(-1, Locked), (-3, Locked), (-999, Internal)])
def test_the_answer_of_sp_getapplock_is_looked_at(answer: int, failure: type[Exception]) -> None:
    database, _ = server(answer)
    with pytest.raises(failure), database.exclusive("acme", context()):
        pass


def test_the_write_lock_belongs_to_its_session() -> None:
    database, fake = server(0)
    with database.exclusive("acme", context()):
        (sql, name, timeout), *_ = fake.asked
    assert "@LockOwner = 'Session'" in sql
    assert (name, timeout) == ("mostek:acme", 10_000)
    assert "sp_releaseapplock" in fake.asked[-1][0]


@pytest.mark.parametrize(
    ("state", "isolation", "mode", "level"),
    [
        (1, "auto", Mode.READ, "SNAPSHOT"),
        (0, "auto", Mode.READ, "READ COMMITTED"),
        (1, "read_committed", Mode.READ, "READ COMMITTED"),
        (1, "read_uncommitted", Mode.READ, "READ UNCOMMITTED"),
        (1, "read_uncommitted", Mode.READ_COMMITTED, "READ COMMITTED"),
        (1, "auto", Mode.WRITE, "READ COMMITTED"),
    ],
)
def test_isolation_follows_database_configuration_and_purpose(
    state: int, isolation: str, mode: Mode, level: str
) -> None:
    database, fake = server(state, isolation)
    database.begin(fake, context(), mode)
    (sql,) = fake.asked[-1]
    assert sql.startswith(f"SET TRANSACTION ISOLATION LEVEL {level}; SET LOCK_TIMEOUT 3000;")
    assert fake.autocommit is (level != "SNAPSHOT" and mode is not Mode.WRITE)


@pytest.mark.parametrize(
    ("answers", "gone"),
    [
        pytest.param([1, 1, 0], True, id="the session ends"),
        pytest.param([1, 1, 1, 1, 1, 1], False, id="it does not end"),
        pytest.param([0], False, id="the login may not see it"),
    ],
)
def test_the_sessions_of_ended_processes_are_waited_for(
    answers: list[int], gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, fake = server(0)
    monkeypatch.setattr("mostek.plugin.odbc_database._LOOK_EVERY", 0.0)
    fake.answers = answers
    assert database.wait_until_gone([7, 8], 0.0 if answers[-1] else 5.0) is gone
    if len(fake.asked) > 2:
        assert "host_process_id IN (?, ?)" in fake.asked[-1][0]


def test_without_an_odbc_manager_it_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pyodbc", None)
    with pytest.raises(ErpUnavailable, match="install the ODBC manager"):
        open_database(SqlServerConfig(server="s", database="d"))


def test_sql_server_gets_its_own_paging_and_casts() -> None:
    assert SQL_SERVER.page_clause == "OFFSET 0 ROWS FETCH NEXT ? ROWS ONLY"
    assert SQL_SERVER.placeholder(SqlType.parse("datetime")) == "CAST(? AS datetime)"
    assert SQL_SERVER.placeholder(SqlType.parse("varchar(20)")) == "?"
