from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.plugin.sandbox import Index, connect_sandbox, create_sandbox
from mostek.plugin.schema import Column, ReferenceSchema, Table

THING = Table(
    "dbo.thing",
    (
        Column("t_Id", "int", nullable=False),
        Column("t_Name", "varchar(10)", nullable=False, default="('')"),
        Column("t_Wide", "nvarchar(10)"),
        Column("t_Mark", "char(3)", nullable=False, default="('')"),
        Column("t_Price", "money", nullable=False, default="((0.00))"),
        Column("t_Day", "datetime", nullable=True, default="('20240229')"),
        Column("t_Stamp", "datetime", default="(getdate())"),
        Column("t_Flag", "bit", default="('')"),
        Column("t_Owner", "int", references=("dbo.owner", "o_Id")),
        Column("t_Label", "varchar(20)", nullable=False, computed="([t_Name]+' '+[t_Mark])"),
        Column("t_Odd", "int", nullable=False, computed="dbo.fn_odd([t_Id])"),
        Column("t_Long", "varchar(max)"),
    ),
    primary_key=("t_Id",),
    unique=(("t_Name",),),
)
OWNER = Table(
    "dbo.owner",
    (Column("o_Id", "int", nullable=False, identity=True), Column("o_Name", "varchar(5)")),
    primary_key=("o_Id",),
)
LOOSE = Table("dbo.loose", (Column("l_Name", "varchar(5)", nullable=False),))
SCHEMA = ReferenceSchema([THING, OWNER, LOOSE])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create_sandbox(tmp_path / "sandbox.db", SCHEMA)
    return tmp_path / "sandbox.db"


@pytest.fixture
def sandbox(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect_sandbox(path)) as connection:
        yield connection


def one(connection: sqlite3.Connection, sql: str, *parameters: object) -> object:
    (value,) = connection.execute(sql, parameters).fetchone()
    return value


def add(connection: sqlite3.Connection, **values: object) -> None:
    names = ", ".join(f"[{name}]" for name in values)
    marks = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO dbo.thing ({names}) VALUES ({marks})", [*values.values()])


@pytest.mark.parametrize(
    ("one_text", "other", "equal"),
    [
        ("Żółć", "ŻÓŁĆ", True),
        ("abc", "ABC  ", True),
        ("", "   ", True),
        ("l", "ł", False),
        ("zolc", "żółć", False),
        (" abc", "abc", False),
        ("é", "e", False),
    ],
)
def test_text_is_compared_as_polish_ci_as(
    sandbox: sqlite3.Connection, one_text: str, other: str, equal: bool
) -> None:
    add(sandbox, t_Id=1, t_Name=one_text)
    found = one(sandbox, "SELECT COUNT(*) FROM dbo.thing t WHERE t.t_Name = ?", other)
    assert found == int(equal)


def test_text_is_ordered_by_the_polish_alphabet(sandbox: sqlite3.Connection) -> None:
    words = ["a", "az", "ą", "b", "cz", "ć", "l", "ł", "m", "zz", "ź", "źz", "ż"]
    sandbox.executemany("INSERT INTO dbo.loose VALUES (?)", [[word] for word in reversed(words)])
    rows = sandbox.execute("SELECT l_Name FROM dbo.loose ORDER BY l_Name").fetchall()
    assert [row[0] for row in rows] == words


def test_a_unique_key_is_unique_in_any_case(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1, t_Name="łoś")
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        add(sandbox, t_Id=2, t_Name="ŁOŚ ")


WORDS = st.text(alphabet="aAąĄłLz -", max_size=6)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("shared") / "sandbox.db"
    create_sandbox(path, SCHEMA)
    with closing(connect_sandbox(path)) as connection:
        yield connection


@given(x=WORDS, y=WORDS, z=WORDS)
def test_the_collation_is_an_order(shared: sqlite3.Connection, x: str, y: str, z: str) -> None:
    def less(a: str, b: str) -> bool:
        return bool(one(shared, "SELECT ? < ? COLLATE Polish_CI_AS", a, b))

    assert not (less(x, y) and less(y, x))
    assert less(x, z) or not (less(x, y) and less(y, z))
    assert not less(x, x.upper() + "  ")


@pytest.mark.parametrize(
    ("value", "pattern", "matches"),
    [
        ("Łódź", "łó%", 1),
        ("Łódź", "Lo%", 0),
        ("abc", "A_C", 1),
        ("abc", "[a-c]b[^d]", 1),
        ("xbc", "[a-c]bc", 0),
        ("abc  ", "abc", 1),
        ("50%", "50[%]", 1),
        ("500", "50[%]", 0),
        ("a.c", "a.c", 1),
        ("abc", "a.c", 0),
        (None, "%", None),
    ],
)
def test_like_is_sql_servers(
    sandbox: sqlite3.Connection, value: str | None, pattern: str, matches: int | None
) -> None:
    assert one(sandbox, "SELECT ? LIKE ?", value, pattern) == matches


def test_like_knows_an_escape_character(sandbox: sqlite3.Connection) -> None:
    assert one(sandbox, "SELECT 'a%b' LIKE 'a\\%b' ESCAPE '\\'") == 1
    assert one(sandbox, "SELECT 'axb' LIKE 'a\\%b' ESCAPE '\\'") == 0
    assert one(sandbox, "SELECT 'a[b' LIKE 'a\\[b' ESCAPE '\\'") == 1


def test_upper_and_lower_know_polish_letters(sandbox: sqlite3.Connection) -> None:
    assert one(sandbox, "SELECT UPPER('żółć')") == "ŻÓŁĆ"
    assert one(sandbox, "SELECT LOWER('ŻÓŁĆ')") == "żółć"


def test_a_text_that_is_too_long_is_refused(sandbox: sqlite3.Connection) -> None:
    message = r"would be truncated in table dbo\.thing, column t_Name varchar\(10\)"
    with pytest.raises(sqlite3.IntegrityError, match=message):
        add(sandbox, t_Id=1, t_Name="12345678901")
    add(sandbox, t_Id=1, t_Name="żółta łódź")
    with pytest.raises(sqlite3.IntegrityError, match=message):
        sandbox.execute("UPDATE dbo.thing SET t_Name = '12345678901'")


def test_trailing_spaces_beyond_the_length_are_cut(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1, t_Name="1234567890   ")
    assert one(sandbox, "SELECT t_Name FROM dbo.thing") == "1234567890"


def test_a_varchar_has_a_question_mark_for_what_windows_1250_lacks(
    sandbox: sqlite3.Connection,
) -> None:
    add(sandbox, t_Id=1, t_Name="ł🙂Ω„”", t_Wide="ł🙂Ω")
    assert sandbox.execute("SELECT t_Name, t_Wide FROM dbo.thing").fetchone() == ("ł??„”", "ł🙂Ω")
    sandbox.execute("UPDATE dbo.thing SET t_Name = 'Ω'")
    assert one(sandbox, "SELECT t_Name FROM dbo.thing") == "?"
    sandbox.execute("INSERT INTO dbo.loose VALUES ('Ω')")
    assert one(sandbox, "SELECT l_Name FROM dbo.loose") == "?"


def test_a_char_is_padded(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1, t_Name="a", t_Mark="X")
    add(sandbox, t_Id=2, t_Name="b")
    rows = sandbox.execute("SELECT t_Mark FROM dbo.thing WHERE t_Mark IN ('x', '')").fetchall()
    assert rows == [("X  ",), ("   ",)]


def test_money_is_real_and_bits_are_ints(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1, t_Name="a", t_Price=10, t_Flag=True)
    price, flag = sandbox.execute("SELECT t_Price, t_Flag FROM dbo.thing").fetchone()
    assert isinstance(price, float)
    assert flag == 1


def test_defaults_are_those_of_the_schema(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1)
    row = sandbox.execute(
        "SELECT t_Name, t_Mark, t_Price, t_Day, t_Flag, t_Owner FROM dbo.thing"
    ).fetchone()
    assert row == ("", "   ", 0.0, "2024-02-29 00:00:00", 0, None)
    assert one(sandbox, "SELECT t_Stamp LIKE '20__-__-__ __:__:__.___' FROM dbo.thing") == 1


def test_a_default_that_cannot_be_expressed_fails_the_creation(tmp_path: Path) -> None:
    table = Table("dbo.odd", (Column("o", "int", default="(dbo.fn_next())"),))
    with pytest.raises(ValueError, match="o: the sandbox can't express the default"):
        create_sandbox(tmp_path / "odd.db", ReferenceSchema([table]))
    assert not any(tmp_path.iterdir())


def test_a_plain_computed_column_is_computed(sandbox: sqlite3.Connection) -> None:
    add(sandbox, t_Id=1, t_Name="Ala", t_Mark="X")
    assert one(sandbox, "SELECT t_Label FROM dbo.thing") == "Ala X  "
    assert one(sandbox, "SELECT t_Odd FROM dbo.thing") is None
    with pytest.raises(sqlite3.OperationalError, match="generated column"):
        sandbox.execute("UPDATE dbo.thing SET t_Label = 'x'")


@pytest.mark.parametrize(
    "values",
    [
        {"t_Id": None, "t_Name": "a"},
        {"t_Id": 1, "t_Name": None},
    ],
)
def test_not_null_holds_for_keys_too(
    sandbox: sqlite3.Connection, values: dict[str, object]
) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="NOT NULL"):
        add(sandbox, **values)


@pytest.mark.parametrize("day", ["2024-02-29", "20240229", "2024-02-29T00:00:00", "29.02.2024"])
def test_a_datetime_has_one_spelling(sandbox: sqlite3.Connection, day: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="column t_Day: no datetime"):
        add(sandbox, t_Id=1, t_Name="a", t_Day=day)


def test_an_identity_column_numbers_itself(sandbox: sqlite3.Connection) -> None:
    sandbox.execute("INSERT INTO dbo.owner (o_Name) VALUES ('a'), ('b')")
    assert sandbox.execute("SELECT o_Id FROM dbo.owner").fetchall() == [(1,), (2,)]


def test_only_keys_are_indexed_unless_more_is_asked_for(tmp_path: Path, path: Path) -> None:
    asked = Index("dbo.thing", ("t_Day", "t_Price"), "for the test")
    more = tmp_path / "more.db"
    create_sandbox(more, SCHEMA, indexes=[asked], index_foreign_keys=True)
    assert _indexed(path) == {("t_Id",), ("t_Name",)}
    assert _indexed(more) == {("t_Id",), ("t_Name",), ("t_Day", "t_Price"), ("t_Owner",)}


def _indexed(path: Path) -> set[tuple[str, ...]]:
    with closing(connect_sandbox(path)) as connection:
        names = connection.execute("SELECT name FROM pragma_index_list('thing', 'dbo')").fetchall()
        sql = "SELECT name FROM pragma_index_info(?, 'dbo') ORDER BY seqno"
        return {tuple(row[0] for row in connection.execute(sql, name)) for name in names}


def test_a_search_by_an_indexed_text_uses_the_index(sandbox: sqlite3.Connection) -> None:
    sql = "EXPLAIN QUERY PLAN SELECT t.t_Id FROM dbo.thing t WHERE t.t_Name IN (?, ?)"
    (plan,) = sandbox.execute(sql, ("a", "b")).fetchall()
    assert plan[3].startswith("SEARCH")


def test_the_filling_is_one_transaction_and_is_padded(tmp_path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        assert connection.in_transaction
        connection.execute("INSERT INTO dbo.thing (t_Id, t_Mark) VALUES (1, 'X')")

    create_sandbox(tmp_path / "filled.db", SCHEMA, fill=fill)
    with closing(connect_sandbox(tmp_path / "filled.db")) as connection:
        assert one(connection, "SELECT t_Mark FROM dbo.thing") == "X  "


def test_a_filling_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        raise RuntimeError("no rows today")

    with pytest.raises(RuntimeError, match="no rows today"):
        create_sandbox(tmp_path / "sandbox.db", SCHEMA, fill=fill)
    assert not any(tmp_path.iterdir())


def test_a_sandbox_is_never_overwritten(path: Path) -> None:
    with pytest.raises(FileExistsError, match="remove it"):
        create_sandbox(path, SCHEMA)


def test_a_sandbox_that_is_not_there_is_not_made_by_opening_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="create it first"):
        connect_sandbox(tmp_path / "nothing.db")
    assert not any(tmp_path.iterdir())


def test_a_reader_sees_the_last_commit_while_a_writer_works(path: Path) -> None:
    with closing(connect_sandbox(path)) as writer, closing(connect_sandbox(path)) as reader:
        writer.execute("BEGIN IMMEDIATE")
        add(writer, t_Id=1, t_Name="a")
        assert one(reader, "SELECT COUNT(*) FROM dbo.thing") == 0
        writer.execute("COMMIT")
        assert one(reader, "SELECT COUNT(*) FROM dbo.thing") == 1


def test_the_tables_are_there_under_the_schema_that_is_asked_for(tmp_path: Path) -> None:
    table = Table("CDN.Towary", (Column("Twr_Kod", "varchar(5)"),))
    create_sandbox(tmp_path / "optima.db", ReferenceSchema([table]))
    with closing(connect_sandbox(tmp_path / "optima.db", "CDN")) as connection:
        connection.execute("INSERT INTO [CDN].[Towary] VALUES ('a')")
        assert one(connection, "SELECT COUNT(*) FROM CDN.Towary") == 1


def test_a_sandbox_holds_one_schema(tmp_path: Path) -> None:
    tables = [Table("CDN.a", (Column("x", "int"),)), Table("dbo.b", (Column("x", "int"),))]
    with pytest.raises(ValueError, match="one schema"):
        create_sandbox(tmp_path / "two.db", ReferenceSchema(tables))


def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    path = tmp_path / "Łódź 100% #1?.db"
    create_sandbox(path, SCHEMA)
    assert path.is_file()
    connect_sandbox(path).close()


def test_a_decimal_without_digits_after_the_point_is_a_whole_number(tmp_path: Path) -> None:
    ids = Table("dbo.ids", (Column("i_Id", "decimal(18,0)"), Column("i_Sum", "decimal(14, 4)")))
    create_sandbox(tmp_path / "ids.db", ReferenceSchema([ids]))
    with closing(connect_sandbox(tmp_path / "ids.db")) as connection:
        connection.execute("INSERT INTO dbo.ids VALUES (3000000001.0, 7)")
        (row,) = connection.execute("SELECT i_Id, i_Sum FROM dbo.ids").fetchall()
    assert [*map(repr, row)] == ["3000000001", "7.0"]
