from __future__ import annotations

from pathlib import Path

import pytest

from mostek.plugin.schema import ReferenceSchema

HEADER = "table,column,type,nullable,default,identity,key,meaning\n"
ROWS = (
    "dbo.thing,t_Id,int,no,,no,PK,id\n"
    "dbo.thing,t_Group,int,yes,,no,FK->dbo.grp.g_Id,group\n"
    'dbo.thing,t_Code,varchar(20),no,(\'\'),no,"UNIQUE(t_Code,t_Group)","code; a=b"\n'
    "dbo.thing,t_Label,varchar(41),,COMPUTED ([t_Code]+' '),no,,\n"
    "dbo.grp,g_Id,int,no,,yes,PK,\n"
    "dbo.grp,g_Name,varchar(max),no,,no,UNIQUE,\n"
)


def load(tmp_path: Path, text: str) -> ReferenceSchema:
    path = tmp_path / "schema.csv"
    path.write_text(text, encoding="utf-8")
    return ReferenceSchema.load(path)


@pytest.fixture
def schema(tmp_path: Path) -> ReferenceSchema:
    return load(tmp_path, HEADER + ROWS)


def test_names_are_found_in_any_case(schema: ReferenceSchema) -> None:
    assert "DBO.Thing" in schema
    assert schema.table("dbo.THING").column("T_CODE").name == "t_Code"
    assert "T_code" in schema.table("dbo.thing")
    assert "dbo.nothing" not in schema


def test_a_name_that_is_not_there_is_named(schema: ReferenceSchema) -> None:
    with pytest.raises(LookupError, match=r"dbo\.nothing"):
        schema.table("dbo.nothing")
    with pytest.raises(LookupError, match=r"dbo\.thing has no column t_Nothing"):
        schema.table("dbo.thing").column("t_Nothing")


def test_keys_are_gathered_from_their_columns(schema: ReferenceSchema) -> None:
    thing, group = schema.table("dbo.thing"), schema.table("dbo.grp")
    assert thing.primary_key == ("t_Id",)
    assert thing.unique == (("t_Code", "t_Group"),)
    assert thing.column("t_Group").references == ("dbo.grp", "g_Id")
    assert group.unique == (("g_Name",),)


def test_a_column_knows_its_type_and_default(schema: ReferenceSchema) -> None:
    thing, group = schema.table("dbo.thing"), schema.table("dbo.grp")
    code, label = thing.column("t_Code"), thing.column("t_Label")
    assert (code.base_type, code.length, code.is_text) == ("varchar", 20, True)
    assert (code.nullable, code.default, code.computed) == (False, "('')", None)
    assert (label.nullable, label.default, label.computed) == (None, "", "([t_Code]+' ')")
    assert group.column("g_Name").length is None
    assert group.column("g_Id").identity


def test_an_older_version_lacks_columns_and_the_keys_that_they_make(
    schema: ReferenceSchema,
) -> None:
    older = schema.without(["dbo.thing.t_Group", "DBO.grp.g_id", "dbo.grp.G_Name"])
    assert "t_Group" not in older.table("dbo.thing")
    assert older.table("dbo.thing").unique == ()
    assert "dbo.grp" not in older
    assert "t_Group" in schema.table("dbo.thing")


def test_an_older_version_can_only_lack_what_is_there(schema: ReferenceSchema) -> None:
    with pytest.raises(LookupError, match="t_Nothing"):
        schema.without(["dbo.thing.t_Nothing"])


def test_tables_are_complete_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    header = HEADER.replace("meaning", "meaning,complete")
    schema = load(tmp_path, header + "dbo.a,x,int,no,,no,,,yes\ndbo.b,y,int,no,,no,,,no\n")
    assert schema.table("dbo.a").complete
    assert not schema.table("dbo.b").complete


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("table,column\n", "header lacks type, nullable"),
        (
            HEADER + "thing,a,int,no,,no,,\n",
            "line 2: the table 'thing' must be named with its schema",
        ),
        (HEADER + "dbo.t,a,int,no,,no,,\ndbo.t,A,int,no,,no,,\n", "line 3: the column 'A'"),
        (HEADER + "dbo.t,a,int,maybe,,no,,\n", "nullable and identity must be yes, no or empty"),
        (HEADER + "dbo.t,a,int,no,,no,KEY,\n", "'KEY' is no key"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load(tmp_path, text)
