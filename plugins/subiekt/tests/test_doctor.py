"""The doctor on Subiekt GT: logins, rights, isolation, drift."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from mostek.connector.companies import Company
from mostek.connector.doctor import Finding, Subject, erp
from mostek.plugin.database import open_database
from mostek.plugin.database_config import SqlServerConfig
from mostek.plugin.plugin import Site
from mostek.plugin.sql_errors import LOGIN_REFUSED, NO_DATABASE, UNREACHABLE
from mostek.wire.failures import ErpUnavailable
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt

SERVER = {
    "kind": "mssql",
    "server": "S",
    "database": "Acme",
    "login": {"user": "mostek_read", "password": "x"},
}
WRITER = {"write_login": {"user": "mostek_write", "password": "y"}}


def subject(*plugins: Any) -> Subject:
    companies = [Company(f"c{number}", "subiekt-gt", one) for number, one in enumerate(plugins)]
    return Subject(Path("none.toml"), companies=companies)


def said(run: Callable[[Subject], Any], *plugins: Any) -> dict[str, str]:
    found = [Finding("rights", key, told) for key, told in run(subject(*plugins))]
    return {one.key: f"{one.text('en')} | {one.remedy('en')}" for one in found}


class Server:
    """A database server that answers what a login with these rights is told."""

    def __init__(self, config: Any, plugin: SubiektGt) -> None:
        self.config = config
        self.roles = (0, 0, 0, 0, 0)
        self.executes = True
        self.snapshot = 1
        self.sees_sessions = True
        self.sent: list[str] = []
        rights = plugin.rights()
        reads = {table: {"SELECT"} for table in rights.read_tables}
        writes = {table: {"SELECT"} for table in rights.write.looks_up}
        for table in rights.write.inserts:
            writes.setdefault(table, {"SELECT"}).add("INSERT")
        self.may = {False: reads, True: writes}
        self.writing_now = False

    @contextmanager
    def reading(self, context: Any, *, committed: bool = False) -> Iterator[Any]:
        self.writing_now = False
        yield self

    @contextmanager
    def writing(self, context: Any) -> Iterator[Any]:
        self.writing_now = True
        yield self

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> Iterator[Any]:
        self.sent.append(sql)
        for table, rights in self.may[self.writing_now].items():
            yield (
                table,
                *(int(name in rights) for name in ("SELECT", "INSERT", "UPDATE", "DELETE")),
            )

    def one(self, sql: str, params: Sequence[Any] = ()) -> Any:
        self.sent.append(sql)
        if "IS_SRVROLEMEMBER" in sql:
            return self.roles
        if "VIEW SERVER STATE" in sql:
            return (int(self.sees_sessions),)
        return (self.snapshot,) if "snapshot" in sql else (int(self.executes),)


#: Reading the query files takes most of the time that making a plugin does.
PLUGIN: list[SubiektGt] = []


@pytest.fixture
def served(tmp_path: Path) -> Callable[..., Any]:
    """A plugin whose database server is scripted."""
    pytest.importorskip("pyodbc", exc_type=ImportError)

    def make(orders: Any = None, **database: Any) -> Any:
        config = SubiektConfig.model_validate(
            {"database": SERVER | database, "orders": orders or {"template": "ZK 1/11/2024"}}
        )
        if not PLUGIN:
            PLUGIN.append(SubiektGt(config, Site("c0", tmp_path)))
        plugin: Any = copy(PLUGIN[0])
        plugin.config = config
        plugin.database = Server(config.database, plugin)
        return plugin

    return make


def test_logins_with_just_what_is_needed_are_right(served: Callable[..., Any]) -> None:
    plugin = served(**WRITER)
    assert said(erp.rights, plugin) == {
        "rights.ok": "c0: mostek_write may do what is needed, and no more | "
    }


def test_a_right_that_is_missing_is_named(served: Callable[..., Any]) -> None:
    plugin = served(**WRITER)
    del plugin.database.may[False]["dbo.tw__Towar"]
    plugin.database.may[True]["dbo.dok_Pozycja"].discard("INSERT")
    plugin.database.executes = False
    found = list(erp.rights(subject(plugin)))
    assert [key for key, _ in found] == ["rights.missing", "rights.missing"]
    assert found[0][1]["rights"] == "SELECT dbo.tw__towar"
    assert found[1][1]["rights"] == "EXECUTE dbo.spIdentyfikator, INSERT dbo.dok_pozycja"


def test_a_table_that_an_older_version_lacks_is_no_missing_right(
    served: Callable[..., Any],
) -> None:
    plugin = served(**WRITER)
    del plugin.database.may[False]["dbo.ksef_NumerKSeF"]
    assert set(said(erp.rights, plugin)) == {"rights.ok"}


def test_more_than_is_needed_is_a_warning(served: Callable[..., Any]) -> None:
    plugin = served(**WRITER)
    plugin.database.roles = (1, 1, 0, 0, 1)
    plugin.database.may[False]["dbo.place"] = {"SELECT", "UPDATE"}
    found = said(erp.rights, plugin)
    assert "rights.missing" not in found
    first = next(told for key, told in erp.rights(subject(plugin)) if key == "rights.more")
    assert (
        first["rights"] == "sysadmin, db_owner, ALTER DATABASE, SELECT dbo.place, UPDATE dbo.place"
    )


def test_who_can_not_see_the_sessions_of_a_program_that_writes_lacks_a_right(
    served: Callable[..., Any],
) -> None:
    plugin = served({"mode": "sfera", "operator": "Szef", "password": ""})
    assert set(said(erp.rights, plugin)) == {"rights.ok"}
    plugin.database.sees_sessions = False
    (found,) = erp.rights(subject(plugin))
    assert (found[0], found[1]["rights"]) == ("rights.missing", "VIEW SERVER STATE")


def test_one_login_for_both_is_a_warning(served: Callable[..., Any]) -> None:
    plugin = served()
    plugin.database.may[False] = {
        table: plugin.database.may[False].get(table, set())
        | plugin.database.may[True].get(table, set())
        for table in plugin.database.may[False].keys() | plugin.database.may[True].keys()
    }
    assert set(said(erp.rights, plugin)) == {"rights.shared", "rights.ok"}


def test_isolation_is_told(served: Callable[..., Any]) -> None:
    plugin = served()
    assert set(said(erp.isolation, plugin)) == {"isolation.snapshot"}
    plugin.database.snapshot = 0
    assert "3 s" in said(erp.isolation, plugin)["isolation.committed"]
    assert set(said(erp.isolation, served(isolation="read_uncommitted"))) == {
        "isolation.uncommitted"
    }


@pytest.mark.parametrize("sql", [erp._HAS, erp._ROLES, erp._TABLES, erp._SNAPSHOT])
def test_what_is_asked_is_tsql(sql: str) -> None:
    sqlfluff = pytest.importorskip("sqlfluff.core", reason="sqlfluff is not installed")
    assert isinstance(sqlglot.parse_one(sql, read="tsql"), sqlglot.exp.Select)
    parsed = sqlfluff.Linter(dialect="tsql").parse_string(sql.replace("?", "@p"))
    assert not parsed.violations


@pytest.mark.parametrize(
    ("message", "key"),
    [
        (UNREACHABLE, "database.unreachable"),
        (LOGIN_REFUSED, "database.login"),
        (NO_DATABASE, "database.name"),
        ("Something else.", "database.failed"),
    ],
)
def test_a_login_that_does_not_get_in_is_told_by_what_is_wrong(
    served: Callable[..., Any], message: str, key: str
) -> None:
    plugin = served()

    def refused(*, write: bool) -> Any:
        raise ErpUnavailable(message, retriable=False, erp_text="[HY000] the driver's words")

    plugin.database.connect = refused
    examined = subject(plugin)
    assert [found for found, _ in erp.databases(examined)] == [key]
    assert examined.closed == {"c0"}


def test_a_server_that_is_not_there_is_told(served: Callable[..., Any]) -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    if "FreeTDS" not in pyodbc.drivers():
        pytest.skip("the FreeTDS driver is missing: apt-get install tdsodbc")
    plugin = served()
    plugin.database = open_database(
        SqlServerConfig.model_validate(
            SERVER
            | {"server": "127.0.0.1", "driver": "FreeTDS", "login_timeout": 2}
            | {"extra": {"PORT": "1", "TDS_Version": "7.4"}}
        )
    )
    assert set(said(erp.databases, plugin)) == {"database.unreachable"}


def test_a_sandbox_is_told_as_one(gt: SubiektGt) -> None:
    assert set(said(erp.databases, gt)) == {"database.sandbox"}
    assert set(said(erp.rights, gt)) == {"rights.sandbox"}
    assert set(said(erp.isolation, gt)) == {"isolation.sandbox"}
    assert set(said(erp.schema, gt)) == {"schema.ok"}


def test_drift_is_told_by_query(older: SubiektGt) -> None:
    found = said(erp.schema, older)
    assert "schema.fails" not in found
    assert "unavailable: " in found["schema.fields"]
    assert "balances" in found["schema.ok"]


def test_a_query_that_fails_is_a_failure(changed: Callable[..., SubiektGt]) -> None:
    plugin = changed("DROP TABLE dbo.nz__Finanse")
    assert "fails: the database has no dbo.nz__Finanse" in said(erp.schema, plugin)["schema.fails"]
