"""`OdbcDatabase`: its configuration, SQL Server's errors, and reads and writes where the system has ODBC."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mostek.plugin.contract_odbc import OdbcOnSqlite, require_odbc
from mostek.plugin.database import Database, Mode, open_database
from mostek.plugin.database_config import DatabaseConfig, SqlServerConfig, odbc_string
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.sql_errors import odbc_failure
from mostek.plugin.sql_types import Param, SqlType
from mostek.plugin.testing import context
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Conflict,
    Drift,
    ErpUnavailable,
    Internal,
    Invalid,
    Locked,
    Rejected,
)

from .test_database import ENDLESS, break_off, price

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
