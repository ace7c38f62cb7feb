"""Hostile input where text becomes something else: tokens, query files, configuration, values of the ERP."""

from __future__ import annotations

import contextlib
import re
import tomllib
from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from mostek.connector import companies as companies_module
from mostek.connector.companies import load
from mostek.connector.config import ConfigError, lines_of
from mostek.erp.v1.customer_pb2 import Customer
from mostek.plugin import paging
from mostek.plugin.conversion import Output, compile_builder
from mostek.plugin.fields import Kind
from mostek.plugin.paging import decode_token, fingerprint
from mostek.plugin.plugin import Plugin
from mostek.plugin.query_file import QueryError, QueryFile
from mostek.plugin.sql_plugin import SqlConfig
from mostek.plugin.sql_subset import tokens
from mostek.plugin.sql_types import SqlType, sql_value
from mostek.wire.failures import Internal, Invalid

FEW = settings(
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
BOUND = fingerprint("ListCustomers", "acme")


# Page tokens. Their check is no secret: whoever can read this file can make one.


def forged(key: bytes) -> str:
    body = paging._VERSION + BOUND + key
    return paging._encoded(paging._check(body) + body)


@FEW
@given(st.binary(max_size=60))
def test_a_forged_token_gives_text_or_is_refused(key: bytes) -> None:
    try:
        assert decode_token(forged(key), BOUND).encode() == key
    except Invalid as refused:
        assert [v.field for v in refused.violations] == ["page_token"]  # noqa: PT017 - both may be


@pytest.mark.parametrize("kind", ["int", "bigint", "varchar(20)", "nvarchar(10)", "datetime"])
@FEW
@given(key=st.text() | st.sampled_from(["1 OR 1=1", "1e5", "\x00", "9" * 40, "-0", " 1", "١"]))
def test_the_key_of_a_token_has_the_keys_type_or_is_refused(kind: str, key: str) -> None:
    sql_type = SqlType.parse(kind)
    with contextlib.suppress(Invalid):
        value = sql_value("page_token", key, sql_type)
        expected = str if sql_type.is_text else datetime if sql_type.is_time else int
        assert isinstance(value, expected)


# Query files, of which a site may have its own.

QUERY = """\
-- key: k.kh_Id int
-- :ids int
-- :text varchar(50) contains
SELECT
    k.kh_Id AS [id],
    COALESCE(a.adr_Nazwa, '') AS [name]
FROM dbo.kh__Kontrahent k
LEFT JOIN dbo.adr__Ewid a ON a.adr_IdObiektu = k.kh_Id AND a.adr_TypAdresu = 1
WHERE k.kh_Jednorazowy = 0
  AND k.kh_Id IN (:ids)  --? ids
  AND a.adr_Nazwa LIKE :text ESCAPE '\\'  --? text
"""
#: What does harm wherever it stands. Where T-SQL needs no semicolon, a parser may take a word for an alias.
HARM = [
    *("; DROP TABLE dbo.x", "DROP TABLE dbo.x", "SHUTDOWN", "CHECKPOINT", "COMMIT", "REVERT"),
    *("RECONFIGURE", "EXEC dbo.p", "EXECUTE ('x')", "INTO dbo.y", "GO", "WAITFOR DELAY '1'"),
    *("DELETE FROM dbo.x", "UPDATE dbo.x SET a = 1", "TRUNCATE TABLE dbo.x", "MERGE dbo.x"),
    *("NEXT VALUE FOR dbo.s", "OPENROWSET('a', 'b', 'c')", "xp_cmdshell('x')", "dbo.f(1)"),
    *("dbo.[f](1)", "[f](1)", "@x = 1", "@@VERSION", "N'x'", '"x"', "#t", "{fn now()}", "$1"),
    *("WITH (TABLOCKX)", "FOR XML AUTO", "OPTION (MAXDOP 1)", "/* */", "k.kh_Id * 1000000"),
    *("USE master", "SET ROWCOUNT 1", "DBCC x", "KILL 5", "BACKUP x", "DISABLE TRIGGER", "１"),
]
#: Where it is tried: before each token whose left neighbour differs. After a dot it would be a column's name.
PLACES = {
    before.text: token
    for before, token in pairwise(tokens(QUERY))
    if before.start >= QUERY.index("SELECT") and before.text != "." and token.kind != "comment"
}.values()


@pytest.mark.parametrize("harm", HARM)
def test_what_does_harm_is_refused_wherever_it_stands(harm: str) -> None:
    for token in PLACES:
        text = f"{QUERY[: token.start]} {harm} {QUERY[token.start :]}"
        with pytest.raises(QueryError):
            QueryFile.parse("customers.sql", text)


@pytest.mark.parametrize(
    "table",
    ["sys.sql_logins", "[sys].objects", "master.dbo.x", "s.d.dbo.x", "x", "[INFORMATION_SCHEMA].y"],
)
def test_a_table_that_is_not_the_erps_is_refused(table: str) -> None:
    with pytest.raises(QueryError):
        QueryFile.parse("customers.sql", QUERY.replace("dbo.adr__Ewid", table))


def is_one_select(text: str) -> bool:
    parsed = sqlglot.parse(re.sub(r":\w+", "?", text), read="tsql")
    return len(parsed) == 1 and isinstance(parsed[0], exp.Select)


@FEW
@given(st.data())
def test_a_mangled_query_is_refused_or_still_one_select(data: st.DataObject) -> None:
    parts = [token.text for token in tokens(QUERY[QUERY.index("SELECT") :])]
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(parts) - 1))
        other = data.draw(st.sampled_from([*parts, "(", ")", "'", "--", ";", "UNION", "OR", "\n"]))
        match data.draw(st.sampled_from(["drop", "swap", "add"])):
            case "drop":
                del parts[place]
            case "swap":
                parts[place] = other
            case _:
                parts.insert(place, other)
    header = QUERY[: QUERY.index("SELECT")]
    body = " ".join(f"{part}\n" if part.startswith("--") else part for part in parts)
    with contextlib.suppress(QueryError):
        file = QueryFile.parse("customers.sql", header + body)
        items = [item.text for item in file.items]
        assert is_one_select(file.text(items, file.filters))
        assert is_one_select(file.text(items, ()))


@FEW
@given(st.text(max_size=200) | st.text(alphabet="SELECTFROMWHERE ()[]'.,:-?\n*=k", max_size=120))
def test_any_text_is_a_query_or_refused_as_one(text: str) -> None:
    for whole in (text, QUERY + text, QUERY.replace("k.kh_Jednorazowy = 0", text)):
        with contextlib.suppress(QueryError):
            QueryFile.parse("customers.sql", whole)


# The configuration.

CONFIG = """\
[hub]
link = "127.0.0.1:7444"
[connector]
name = "acme"
[policy]
deny = ["Customer.pesel"]
[companies.main]
plugin = "erp"
[companies.main.database]
kind = "sqlite"
path = "erp.db"
"""


class Erp(Plugin):
    config_type = SqlConfig


class Point:
    def load(self) -> type[Plugin]:
        return Erp


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(companies_module, "installed_plugins", lambda: {"erp": Point()})


VALUES = [
    "-1",
    "1e400",
    "nan",
    "''",
    '"\\u0000"',
    "[]",
    "{}",
    "[[1]]",
    "{ a.b = 1 }",
    "1979-05-27",
    "true",
]


def loads_or_complains(folder: Path, data: bytes) -> None:
    file = folder / "connector.toml"
    file.write_bytes(data)
    try:
        load(file)
    except ConfigError as error:
        for mistake in error.mistakes:
            assert mistake.message
            assert mistake.line <= data.count(b"\n") + 1


@pytest.mark.usefixtures("_installed")
@FEW
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_file_is_a_configuration_or_refused_as_one(tmp_path: Path, data: bytes) -> None:
    loads_or_complains(tmp_path, data)


@pytest.mark.usefixtures("_installed")
def test_any_value_of_any_setting_is_taken_or_refused(tmp_path: Path) -> None:
    lines = CONFIG.splitlines()
    for number, line in enumerate(lines):
        for value in VALUES if "=" in line else ():
            changed = [*lines]
            changed[number] = f"{line.partition('=')[0]}= {value}"
            loads_or_complains(tmp_path, "\n".join(changed).encode())


@pytest.mark.usefixtures("_installed")
@FEW
@given(data=st.data())
def test_a_configuration_that_is_cut_and_joined_anew_is_taken_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    lines = data.draw(st.lists(st.sampled_from(CONFIG.splitlines()), max_size=14))
    loads_or_complains(tmp_path, "\n".join(lines).encode())


@FEW
@given(st.text(alphabet="ab.[]={}\"'\n# ,1", max_size=60))
def test_the_lines_of_any_toml_are_lines_that_it_has(text: str) -> None:
    with contextlib.suppress(tomllib.TOMLDecodeError):
        tomllib.loads(text)
        assert all(1 <= line <= text.count("\n") + 1 for _, line in lines_of(text))


# Values that an ERP has, whatever its columns say.

HOSTILE_VALUES = [
    *("", " ", "\0", "\x1b[31m", "x" * 100_000, "\ud800", "NaN", "Infinity", "1e999", "0x10"),
    *("2026-02-30", "0000-00-00", "99999-01-01", "1,5", "١٢", b"", b"\xff\xfe", 0, -1, 2**70),
    *(1e308, float("nan"), float("inf"), Decimal("NaN"), Decimal("1E+50"), Decimal("-0.00001")),
    *(True, date.min, date.max, datetime.min, datetime.max, datetime(2026, 1, 1, tzinfo=UTC)),
    *(time(1), [], ["a", 1], {}, object(), None),
]
PATHS = {
    "name": Kind.TEXT,
    "discount": Kind.DECIMAL,
    "active": Kind.BOOL,
    "payment_days": Kind.INT,
    "kind": Kind.ENUM,
    "created_at": Kind.INSTANT,
    "attributes.x": Kind.MAP,
}


@pytest.mark.parametrize(
    "path", [p for p in PATHS if p.partition(".")[0] in Customer.DESCRIPTOR.fields_by_name]
)
@pytest.mark.parametrize("sql_type", [None, "money", "varchar(50)", "datetime", "bit", "int"])
def test_a_value_that_is_not_the_fields_is_told_by_the_fields_name(
    path: str, sql_type: str | None
) -> None:
    kind = SqlType.parse(sql_type) if sql_type else None
    build = compile_builder([Output(path, PATHS[path], (0,), sql_type=kind)], UTC)
    for value in HOSTILE_VALUES:
        message = Customer()
        try:
            build((value,), message)
        except Internal as failure:
            assert path in failure.message  # noqa: PT017 - both may be
            assert str(value)[:20] not in failure.message or len(str(value)) < 5  # noqa: PT017
        else:
            message.SerializeToString()
