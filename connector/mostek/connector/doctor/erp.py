"""The ERP's database: ODBC, logins, rights, isolation, and whether it has the tables and columns that are read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mostek.connector.companies import Company
from mostek.connector.doctor.examination import Said, Subject
from mostek.connector.doctor.texts import TEXTS, Level
from mostek.plugin.database import Database, Session
from mostek.plugin.database_config import SqliteConfig, SqlServerConfig
from mostek.plugin.plugin import Context, Plugin
from mostek.plugin.query import DriftNote
from mostek.plugin.rights import SEES_SESSIONS, Rights
from mostek.plugin.sql_errors import LOGIN_REFUSED, NO_DATABASE, UNREACHABLE
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sql_types import Param
from mostek.wire.failures import CommandFailure

__all__ = ["databases", "isolation", "odbc", "rights", "schema"]

_MANAGER = {
    "linux": "apt-get install unixodbc",
    "darwin": "brew install unixodbc",
    "win32": "the manager is part of Windows: reinstall the connector",
}
_DRIVER = {
    "linux": "package msodbcsql18 of Microsoft's repository",
    "darwin": "brew install msodbcsql18",
    "win32": "msodbcsql.msi of Microsoft",
}
_KEYS = {
    UNREACHABLE: "database.unreachable",
    LOGIN_REFUSED: "database.login",
    NO_DATABASE: "database.name",
}
_SECONDS = 30.0
_MOST_NAMED = 10
_SAID_AT_MOST = 300

_HAS = "SELECT HAS_PERMS_BY_NAME(?, 'OBJECT', ?)"
_HAS_COLUMN = "SELECT HAS_PERMS_BY_NAME(?, 'OBJECT', 'SELECT', ?, 'COLUMN')"
_ROLES = """
SELECT IS_SRVROLEMEMBER('sysadmin'), IS_MEMBER('db_owner'), IS_MEMBER('db_datawriter'),
    IS_MEMBER('db_ddladmin'), HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'ALTER')
"""
_ROLE_NAMES = ("sysadmin", "db_owner", "db_datawriter", "db_ddladmin", "ALTER DATABASE")
# What the login may do with the tables that there are.
_TABLES = """
SELECT s.name + '.' + o.name,
    HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'SELECT'),
    HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'INSERT'),
    HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'UPDATE'),
    HAS_PERMS_BY_NAME(QUOTENAME(s.name) + '.' + QUOTENAME(o.name), 'OBJECT', 'DELETE')
FROM sys.objects o
JOIN sys.schemas s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V')
"""
_TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_SNAPSHOT = "SELECT snapshot_isolation_state FROM sys.databases WHERE database_id = DB_ID()"


def odbc(subject: Subject) -> Said:
    """The ODBC manager, and the drivers that the configuration names."""
    if not subject.drivers:
        yield "odbc.not-needed", {}
        return
    try:
        import pyodbc
    except ImportError as error:
        reason = str(error).partition(":")[0]
        yield "odbc.no-manager", {"reason": reason, "how": _MANAGER.get(sys.platform, "unixODBC")}
        return
    there = pyodbc.drivers()
    for driver in dict.fromkeys(subject.drivers.values()):
        # A driver may be named by its library.
        if driver in there or Path(driver).is_file():
            yield "odbc.ok", {"driver": driver}
            continue
        how = _DRIVER.get(sys.platform, "msodbcsql18")
        yield "odbc.no-driver", {"driver": driver, "drivers": ", ".join(there) or "-", "how": how}


def databases(subject: Subject) -> Said:
    """Whether each login gets in."""
    for company in subject.companies:
        plugin = company.plugin
        if not isinstance(plugin, SqlPlugin):
            yield "database.none", {"company": company.name}
            continue
        for write, login in _logins(plugin):
            key, said = _logged_in(company, plugin, write=write, login=login)
            if TEXTS[key].level is Level.FAILURE:
                subject.closed.add(company.name)
            yield key, said


def _logins(plugin: SqlPlugin) -> Iterator[tuple[bool, str]]:
    """(whether for writes, the login's name) of each login that differs."""
    config = plugin.database.config
    if isinstance(config, SqliteConfig):
        yield False, ""
        return
    yield False, config.login.user if config.login else "Windows"
    if config.write_login and plugin.rights().writes:
        yield True, config.write_login.user


def _logged_in(
    company: Company, plugin: SqlPlugin, *, write: bool, login: str
) -> tuple[str, dict[str, Any]]:
    said = {"company": company.name, "login": login}
    config = plugin.database.config
    try:
        connection = plugin.database.connect(write=write)
    except CommandFailure as failure:
        reason = {"reason": failure.message, "erp_text": _short(failure.erp_text)}
        return _KEYS.get(failure.message, "database.failed"), said | reason
    plugin.database.discard(connection)
    if isinstance(config, SqliteConfig):
        return "database.sandbox", said | {"path": config.path}
    return "database.ok", said


def rights(subject: Subject) -> Said:
    """Whether each login may do what is needed, and nothing else."""
    for company, plugin in _sql(subject):
        config = plugin.database.config
        if not isinstance(config, SqlServerConfig):
            yield "rights.sandbox", {"company": company.name}
            continue
        needed = plugin.rights()
        if needed.writes and config.write_login is None:
            login = config.login.user if config.login else "Windows"
            yield "rights.shared", {"company": company.name, "login": login}
        for write, login in _logins(plugin):
            said = {"company": company.name, "login": login}
            try:
                found = list(_compared(plugin, write=write))
            except CommandFailure as failure:
                yield "rights.unknown", said | {"erp_text": _short(failure.erp_text)}
                continue
            for key, names in found:
                yield key, said | {"rights": _some(names)}
            if not found:
                yield "rights.ok", said


@contextlib.contextmanager
def _session(database: Database, *, write: bool) -> Iterator[Session]:
    """A session with a login, in which nothing is written."""
    context = Context(operation="doctor", timeout=_SECONDS)
    if write:
        with database.writing(context) as session:
            yield session
    else:
        with database.reading(context, committed=True) as session:
            yield session


def _compared(plugin: SqlPlugin, *, write: bool) -> Iterator[tuple[str, list[str]]]:
    needed, config = plugin.rights(), plugin.database.config
    shared = isinstance(config, SqlServerConfig) and config.write_login is None
    wanted = _wanted(needed, write=write, shared=shared)
    with _session(plugin.database, write=write) as session:
        has = _has(session)
        missing = {right for right in wanted - has if right[1] in _required(plugin)}
        missing |= {("SELECT", column) for column in _not_readable(session, needed)}
        if write or shared:
            missing |= {("EXECUTE", name) for name in _not_executable(session, needed)}
        roles = session.one(_ROLES) or ()
        blind = needed.write.sessions and not write and session.one(SEES_SESSIONS) != (1,)
    lacking = sorted(f"{right} {name}" for right, name in missing)
    if lacking or blind:
        yield "rights.missing", [*lacking, *(["VIEW SERVER STATE"] if blind else [])]
    more = [name for name, member in zip(_ROLE_NAMES, roles, strict=True) if member]
    more += sorted(f"{right} {table}" for right, table in has - wanted)
    if more:
        yield "rights.more", more


def _required(plugin: SqlPlugin) -> set[str]:
    """Tables without which something fails: what a query can do without may be absent in an older version, and a
    login does not see what it has no right to."""
    files = [query.parts[0].file for query in plugin.queries.values()]
    write = plugin.rights().write
    named = {table for file in files for table, _ in file.columns}
    return {table.lower() for table in named | write.looks_up | write.inserts | write.updates}


def _not_executable(session: Session, needed: Rights) -> Iterator[str]:
    """What is not there (NULL) belongs to another version: the plugin tells of what it misses."""
    for name in sorted(needed.write.executes):
        asked = [Param.of(name, "nvarchar(400)"), Param.of("EXECUTE", "nvarchar(20)")]
        found = session.one(_HAS, asked)
        if not found or found[0] == 0:
            yield name


def _not_readable(session: Session, needed: Rights) -> Iterator[str]:
    """Single columns of tables that no login reads whole."""
    for table, columns in sorted(needed.write.columns.items()):
        for column in sorted(columns):
            asked = [Param.of(table, "nvarchar(400)"), Param.of(column, "nvarchar(128)")]
            found = session.one(_HAS_COLUMN, asked)
            if not found or found[0] == 0:
                yield f"{table}.{column}"


def _wanted(needed: Rights, *, write: bool, shared: bool) -> set[tuple[str, str]]:
    """(right, table in lower case) that the login needs."""
    wanted: set[tuple[str, str]] = set()
    if not write:
        wanted |= {("SELECT", table) for table in needed.read_tables}
    if write or shared:
        rights = needed.write
        wanted |= {("SELECT", table) for table in rights.looks_up | rights.inserts}
        wanted |= {("INSERT", table) for table in rights.inserts}
        wanted |= {("UPDATE", table) for table in rights.updates}
    return {(right, table.lower()) for right, table in wanted}


def _has(session: Session) -> set[tuple[str, str]]:
    """What the login may do with the tables that it sees."""
    return {
        (right, str(table).lower())
        for table, *may in session.fetch(_TABLES)
        for right, yes in zip(_TABLE_RIGHTS, may, strict=True)
        if yes
    }


def isolation(subject: Subject) -> Said:
    """How reads stand to what others write at the same time."""
    for company, plugin in _sql(subject):
        config = plugin.database.config
        said = {"company": company.name}
        if not isinstance(config, SqlServerConfig):
            yield "isolation.sandbox", said
        elif config.isolation == "read_uncommitted":
            yield "isolation.uncommitted", said
        elif config.isolation == "auto" and _snapshot(plugin.database):
            yield "isolation.snapshot", said
        else:
            yield "isolation.committed", said | {"seconds": f"{config.lock_timeout:g}"}


def _snapshot(database: Database) -> bool:
    with _session(database, write=False) as session:
        found = session.one(_SNAPSHOT)
    return bool(found and found[0] == 1)


def schema(subject: Subject) -> Said:
    """Drift, query by query."""
    for company in _open(subject):
        try:
            company.plugin.open()
        except CommandFailure as failure:
            erp_text = _short(failure.erp_text)
            said = {"company": company.name, "reason": failure.message, "erp_text": erp_text}
            yield "schema.failed", said
            continue
        if isinstance(company.plugin, SqlPlugin):
            yield from _drift(company.name, company.plugin)
        else:
            for note in company.plugin.drift():
                yield "schema.other", {"company": company.name, "note": note}
        yield from _refusals(company.name, company.plugin)


def _drift(company: str, plugin: SqlPlugin) -> Said:
    notes = plugin.drift_notes()
    for note in notes:
        yield (
            _drift_key(note),
            {
                "company": company,
                "query": note.query,
                "name": note.name,
                "fields": _some(list(note.fields)),
            },
        )
    fine = [name for name in plugin.queries if name not in {note.query for note in notes}]
    if fine:
        yield "schema.ok", {"company": company, "query": ", ".join(fine)}


def _refusals(company: str, plugin: Plugin) -> Said:
    """What keeps writes that are configured from being done."""
    try:
        found = plugin.refusals()
    except CommandFailure as failure:
        found = [failure.message]
    for note in found:
        yield "schema.writes", {"company": company, "note": note}


def _drift_key(note: DriftNote) -> str:
    if note.fails:
        return "schema.fails"
    return "schema.fields" if note.fields else "schema.filter"


def _open(subject: Subject) -> list[Company]:
    """The companies whose logins get in: one that is closed hides nothing of the others."""
    return [company for company in subject.companies if company.name not in subject.closed]


def _sql(subject: Subject) -> Iterator[tuple[Company, SqlPlugin]]:
    for company in _open(subject):
        if isinstance(company.plugin, SqlPlugin):
            yield company, company.plugin


def _some(names: list[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" … (+{rest})" if rest > 0 else "")


def _short(text: str) -> str:
    return " ".join(text.split())[:_SAID_AT_MOST] or "-"
