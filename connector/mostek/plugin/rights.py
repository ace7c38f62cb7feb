"""What the two database logins of a plugin need, and the T-SQL script that makes them with just that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mostek.plugin.database_config import SqlServerConfig

__all__ = ["SEES_SESSIONS", "LoginNames", "Rights", "WriteRights", "by_table", "logins_script"]

#: Whether a login may look at other sessions: 1 if it may.
SEES_SESSIONS = "SELECT HAS_PERMS_BY_NAME(NULL, NULL, 'VIEW SERVER STATE')"


@dataclass(frozen=True)
class WriteRights:
    """What orders and customers need: `dbo.table` each, `executes` procedures.

    `looks_up` is read with both logins: ValidateOrder writes nothing. So are the `columns` of some tables, and nothing
    else of these: they hold what no connector should see. `sessions`: the ERP's own program writes, and the read login
    has to see whether a session of one that hung is left.
    """

    looks_up: frozenset[str]
    columns: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inserts: frozenset[str] = frozenset()
    updates: frozenset[str] = frozenset()
    executes: frozenset[str] = frozenset()
    sessions: bool = False


@dataclass(frozen=True)
class Rights:
    """What a plugin needs of its database. `reads`: `dbo.table` → the columns that the queries name."""

    reads: Mapping[str, frozenset[str]]
    write: WriteRights = field(default_factory=lambda: WriteRights(frozenset()))

    @property
    def read_tables(self) -> frozenset[str]:
        """What the read login selects from."""
        return frozenset(self.reads) | self.write.looks_up

    @property
    def writes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.write.inserts or self.write.updates or self.write.executes)


@dataclass(frozen=True)
class LoginNames:
    """The database and the names of its two logins."""

    database: str = "$(DATABASE)"
    read: str = "mostek_read"
    write: str = "mostek_write"

    @classmethod
    def of(cls, config: object) -> LoginNames:
        """Those that a company's configuration names, where it names some."""
        if not isinstance(config, SqlServerConfig):
            return cls()
        read = config.login.user if config.login else cls.read
        write = config.write_login.user if config.write_login else cls.write
        return cls(config.database, read, write)


def logins_script(rights: Rights, names: LoginNames, *, columns: bool = False) -> str:
    """The script for SQL Server's administrator, for `sqlcmd`; passwords are its variables.

    `columns`: SELECT on just the columns that the queries name, instead of on their tables. ValueError if both logins
    have one name.
    """
    if rights.writes and names.read.lower() == names.write.lower():
        raise ValueError("login and write_login have one user: give writes a login of their own")
    return "\n".join(_script(rights, names, columns)) + "\n"


def _script(rights: Rights, names: LoginNames, columns: bool) -> Iterator[str]:
    variables = ["READ_PASSWORD", *(["WRITE_PASSWORD"] if rights.writes else [])]
    given = " ".join(f'{name}="..."' for name in variables)
    yield "-- Loginy konektora Mostek z tylko tymi prawami, których używa wtyczka."
    yield "-- The logins of the Mostek connector, with just the rights that its plugin uses."
    yield "-- Uruchom jako administrator serwera / run as the server's administrator:"
    yield f"--   sqlcmd -S SERVER -E -i logins.sql -v {given}"
    yield "-- Hasło bez apostrofu i znaku $. / A password without apostrophe and dollar sign."
    yield "-- Można uruchomić ponownie. / May be run again."
    yield f"USE {_name(names.database)};"
    yield "GO"
    yield ""
    yield "-- Odczyt: tylko SELECT, tylko tych tabel. / Reading: SELECT only, of these tables only."
    yield from _login(names.read, "READ_PASSWORD")
    yield from _selects(rights, names.read, columns)
    yield f"DENY INSERT, UPDATE, DELETE, EXECUTE ON SCHEMA::{_schema(rights)} TO {_name(names.read)};"
    yield "GO"
    if rights.writes:
        yield from _writer(rights.write, names.write)
    if rights.write.sessions:
        yield from _sessions(names.read)


def _writer(write: WriteRights, login: str) -> Iterator[str]:
    yield ""
    yield "-- Zapis: wiersze, które wtyczka dopisuje, i to, co przy tym sprawdza."
    yield "-- Writing: the rows that the plugin adds, and what it looks up for that."
    yield "-- Blokada zapisu (sp_getapplock) nie wymaga praw. / The write lock needs no right."
    yield from _login(login, "WRITE_PASSWORD")
    for right, objects in (
        ("SELECT", write.looks_up | write.inserts),
        ("INSERT", write.inserts),
        ("UPDATE", write.updates),
        ("EXECUTE", write.executes),
    ):
        for name in sorted(objects):
            yield _grant(right, name, login)
    for table, columns in sorted(write.columns.items()):
        yield from _column_grants(table, columns, login)
    yield "GO"


def _sessions(login: str) -> Iterator[str]:
    yield ""
    yield "-- Gdy program zawiesi się przy zapisie: czy jego sesja jeszcze trwa. Prawo serwera."
    yield "-- When the program hung while it wrote: whether its session is left. A right of the server."
    yield "USE [master];"
    yield "GO"
    yield f"GRANT VIEW SERVER STATE TO {_name(login)};"
    yield "GO"


def _login(name: str, password: str) -> Iterator[str]:
    yield f"IF SUSER_ID({_text(name)}) IS NULL"
    yield f"    CREATE LOGIN {_name(name)} WITH PASSWORD = N'$({password})', CHECK_POLICY = ON;"
    yield f"IF USER_ID({_text(name)}) IS NULL"
    yield f"    CREATE USER {_name(name)} FOR LOGIN {_name(name)};"
    yield "GO"


def _selects(rights: Rights, login: str, columns: bool) -> Iterator[str]:
    write = rights.write
    for table in sorted(rights.read_tables | write.columns.keys()):
        named = rights.reads.get(table, frozenset()) | write.columns.get(table, frozenset())
        # Look-ups read whole rows: what is copied is every column that there is.
        whole = table in write.looks_up or (table in rights.reads and not columns)
        if whole or not named:
            yield _grant("SELECT", table, login)
        else:
            yield from _column_grants(table, named, login)


def _column_grants(table: str, columns: Iterable[str], login: str) -> Iterator[str]:
    for column in sorted(columns):
        yield (
            f"IF COL_LENGTH({_text(table)}, {_text(column)}) IS NOT NULL"
            f" GRANT SELECT ({_name(column)}) ON {_path(table)} TO {_name(login)};"
        )


def _grant(right: str, name: str, login: str) -> str:
    """Older versions of an ERP lack some objects, and newer ones should not be kept from being upgraded."""
    return (
        f"IF OBJECT_ID({_text(name)}) IS NOT NULL GRANT {right} ON {_path(name)} TO {_name(login)};"
    )


def _schema(rights: Rights) -> str:
    (schema,) = {table.partition(".")[0].lower() for table in rights.read_tables}
    return _name(schema)


def _path(name: str) -> str:
    return ".".join(map(_name, name.split(".")))


def _name(name: str) -> str:
    return "[" + name.replace("]", "]]") + "]"


def _text(text: str) -> str:
    return "N'" + text.replace("'", "''") + "'"


def by_table(columns: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Columns by table; a table is there also if none of its columns is named. Case does not matter."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for table, column in columns:
        _, named = found.setdefault(table.lower(), (table, {}))
        if column:
            named.setdefault(column.lower(), column)
    return {table: frozenset(named.values()) for table, named in found.values()}
