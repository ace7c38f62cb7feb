"""Query files on a tiny invented ERP: what is read, what is refused, what adapts."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.erp.v1.common_pb2 import TaxId, UnavailableReason
from mostek.erp.v1.customer_pb2 import Customer, CustomerKind, ListCustomersResponse
from mostek.plugin.catalogue import Catalogue
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.query import PAGE_BYTES, AdaptedQuery, Query, QueryFolder, catalogue_of
from mostek.plugin.query_file import QueryError, QueryFile
from mostek.plugin.sandbox import create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import Denied, Drift, Invalid, Unsupported

WARSAW = ZoneInfo("Europe/Warsaw")

COLUMNS = """\
table,column,type,nullable,default,identity,key,meaning
dbo.firm,fi_id,int,no,,,PK,
dbo.firm,fi_code,varchar(20),no,,,,
dbo.firm,fi_name,varchar(60),yes,,,,
dbo.firm,fi_nip,varchar(20),yes,,,,
dbo.firm,fi_pesel,char(11),yes,,,,
dbo.firm,fi_limit,money,yes,,,,
dbo.firm,fi_rebate,"decimal(9,2)",yes,,,,
dbo.firm,fi_off,bit,no,,,,
dbo.firm,fi_private,int,no,,,,
dbo.firm,fi_since,datetime,yes,,,,
dbo.firm,fi_group,int,yes,,,FK->dbo.grp.gr_id,
dbo.firm,fi_gln,varchar(13),yes,,,,
dbo.firm,fi_old_mail,varchar(50),yes,,,,
dbo.firm,fi_mail,varchar(50),yes,,,,
dbo.grp,gr_id,int,no,,,PK,
dbo.grp,gr_name,varchar(30),no,,,,
dbo.person,pe_id,int,no,,,PK,
dbo.person,pe_firm,int,no,,,FK->dbo.firm.fi_id,
dbo.person,pe_name,varchar(30),yes,,,,
dbo.person,pe_phone,varchar(20),yes,,,,
"""
CUSTOMERS = r"""
-- Firms of the card index.
-- key: f.fi_id int
-- :ids int
-- :codes varchar(20)
-- :tax_id varchar(20) notations
-- :pesel char(11)
-- :text varchar(60) contains
-- :active bit
-- :created_to datetime next_day
-- filter tax_id reads tax_id.number
-- convert kind: customer_kind
-- convert active: inverse
-- convert discount: percent_of(_limit, discount)
SELECT
    f.fi_id AS [id],
    f.fi_code AS [code],        -- the code
    f.fi_name AS [name],
    f.fi_nip AS [tax_id.number],
    f.fi_pesel AS [pesel],
    f.fi_limit AS [credit_limit],
    f.fi_limit AS [_limit],
    f.fi_rebate AS [discount],
    f.fi_off AS [active],
    f.fi_private AS [kind],
    f.fi_since AS [created_at],
    g.gr_id AS [group.id],
    g.gr_name AS [group.name],
    f.fi_gln AS [gln],
    COALESCE(f.fi_mail, f.fi_old_mail) AS [email],
    f.fi_old_mail AS [email],
    (SELECT COUNT(*) FROM dbo.person p WHERE p.pe_firm = f.fi_id) AS [attributes.people],
    f.fi_limit AS [attributes.limit]
FROM dbo.firm f
LEFT JOIN dbo.grp g ON g.gr_id = f.fi_group
WHERE f.fi_code <> 'hidden'
  AND f.fi_id IN (:ids)                  --? ids
  AND f.fi_code IN (:codes)              --? codes
  AND f.fi_nip IN (:tax_id)              --? tax_id
  AND f.fi_pesel = :pesel                --? pesel
  AND f.fi_name LIKE :text ESCAPE '\'    --? text
  AND f.fi_off <> :active                --? active
  AND f.fi_since < :created_to           --? created_to
  AND f.fi_limit > 0                     --? only_limited
  AND f.fi_code <> 'retail'              --? not include_retail
"""
CONTACTS = """
-- key: p.pe_id int
-- :parents int
-- :phone varchar(20)
SELECT
    p.pe_firm AS [parent_id],
    p.pe_id AS [id],
    p.pe_name AS [last_name],
    p.pe_phone AS [phone]
FROM dbo.person p
WHERE p.pe_firm IN (:parents)
  AND p.pe_phone = :phone   --? phone
"""


def customer_kind(value: int) -> CustomerKind.ValueType | None:
    return {0: CustomerKind.CUSTOMER_KIND_COMPANY, 1: CustomerKind.CUSTOMER_KIND_CONSUMER}.get(
        value
    )


CONVERTERS: dict[str, Callable[..., Any]] = {
    "notations": lambda text: [text, text.replace("-", ""), f"PL{text}"],
    "customer_kind": customer_kind,
    "inverse": lambda value: not value,
    "percent_of": lambda limit, rebate: None if limit is None else rebate,
}


@pytest.fixture
def schema(tmp_path: Path) -> ReferenceSchema:
    path = tmp_path / "schema.csv"
    path.write_text(COLUMNS, encoding="utf-8")
    return ReferenceSchema.load(path)


def fill(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO dbo.grp VALUES (1, 'Hurt')")
    for i in range(1, 31):
        connection.execute(
            "INSERT INTO dbo.firm (fi_id, fi_code, fi_name, fi_nip, fi_pesel, fi_limit, fi_rebate, fi_off,"
            " fi_private, fi_since, fi_group, fi_mail) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            [
                *(i, f"K{i}", f"Żółw {i}", f"{i:010d}", "", i * 0.5 if i % 2 else 0.0, 2.5),
                *(i % 3 == 0, i % 2, "2026-07-01 12:30:00", 1 if i < 5 else None, f"k{i}@x.pl"),
            ],
        )
    connection.execute("INSERT INTO dbo.person VALUES (1, 1, 'Ala', '111')")
    connection.execute("INSERT INTO dbo.person VALUES (2, 1, 'Ola', '222')")
    connection.execute("INSERT INTO dbo.person VALUES (3, 4, 'Ela', NULL)")


@pytest.fixture
def database(tmp_path: Path, schema: ReferenceSchema) -> Iterator[SqliteDatabase]:
    path = tmp_path / "erp.sqlite"
    create_sandbox(path, schema, index_foreign_keys=True, fill=fill)
    database = SqliteDatabase(SqliteConfig(path=path))
    yield database
    database.close()


def load(
    tmp_path: Path, customers: str = CUSTOMERS, contacts: str = CONTACTS, **extra: Any
) -> Query:
    folder = tmp_path / "queries"
    folder.mkdir(exist_ok=True)
    (folder / "customers.sql").write_text(customers, encoding="utf-8")
    (folder / "customers.contacts.sql").write_text(contacts, encoding="utf-8")
    return Query.load(
        QueryFolder(folder), "customers", Customer, zone=WARSAW, converters=CONVERTERS, **extra
    )


@pytest.fixture
def query(tmp_path: Path, database: SqliteDatabase) -> AdaptedQuery:
    return load(tmp_path).adapt(database.catalogue())


def read(
    query: AdaptedQuery,
    database: SqliteDatabase,
    *,
    denied: Iterable[str] = (),
    **wanted: Any,
) -> tuple[list[Customer], str | None, dict[str, UnavailableReason.ValueType]]:
    response = ListCustomersResponse()
    last, unavailable = query.page(
        database,
        context(denied=denied),
        into=response.customers,
        size=wanted.pop("size", 100),
        **wanted,
    )
    return list(response.customers), last, {u.path: u.reason for u in unavailable}


def test_a_row_becomes_a_message(query: AdaptedQuery, database: SqliteDatabase) -> None:
    (found,), _, _ = read(query, database, filters={"ids": ["1"]})
    assert found.id == "1"
    assert found.code == "K1"
    assert found.name == "Żółw 1"
    assert found.tax_id.number == "0000000001"
    assert found.credit_limit == "0.5000"
    assert found.discount == "2.50"
    assert found.active is True
    assert found.kind == CustomerKind.CUSTOMER_KIND_CONSUMER
    assert found.created_at.ToJsonString() == "2026-07-01T10:30:00Z"
    assert found.group.name == "Hurt"
    assert dict(found.attributes) == {"people": "2", "limit": "0.5000"}
    assert [c.last_name for c in found.contacts] == ["Ala", "Ola"]


def test_an_empty_text_is_absent_and_padding_is_stripped(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    (found,), _, _ = read(query, database, filters={"ids": ["6"]})
    assert not found.HasField("pesel")
    assert not found.HasField("group")


def test_pages_join_to_the_whole_without_gap_or_repetition(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    for size in (1, 7, 30, 200):
        ids: list[str] = []
        after: str | None = None
        while True:
            page, after, _ = read(query, database, size=size, after=after)
            ids += [c.id for c in page]
            if after is None:
                break
        assert ids == [str(i) for i in range(1, 31)], size


def test_a_mask_selects_only_its_columns(query: AdaptedQuery, database: SqliteDatabase) -> None:
    with recorded(database) as sent:
        found, _, unavailable = read(
            query, database, mask=["name", "tax_id"], filters={"ids": ["2"]}
        )
    assert found == [Customer(name="Żółw 2", tax_id=TaxId(number="0000000002"))]
    assert len(sent) == 1
    assert "fi_code AS" not in sent[0][0]
    assert set(unavailable) == {"tax_id.country", "tax_id.kind"}


def test_a_path_of_the_mask_that_does_not_exist_is_refused(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    with pytest.raises(Invalid, match=r"read_mask: Customer has no field nmae"):
        read(query, database, mask=["nmae"])


def test_a_denied_field_is_not_selected_and_reported(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    denied = frozenset({"Customer.pesel", "Customer.tax_id", "Customer.contacts.phone"})
    with recorded(database) as sent:
        found, _, unavailable = read(query, database, denied=denied, filters={"ids": ["1"]})
    text = "\n".join(sql for sql, _ in sent)
    assert "fi_pesel" not in text
    assert "fi_nip" not in text
    assert "pe_phone" not in text
    assert not found[0].HasField("tax_id")
    reason = UnavailableReason.UNAVAILABLE_REASON_DENIED
    assert {path for path, why in unavailable.items() if why == reason} == {
        "pesel",
        "tax_id",
        "contacts.phone",
    }


def test_a_field_whose_converter_reads_a_denied_one_is_denied_too(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    text = CUSTOMERS.replace("percent_of(_limit,", "percent_of(credit_limit,")
    adapted = load(tmp_path, text).adapt(database.catalogue())
    _, _, unavailable = read(adapted, database, denied=frozenset({"Customer.credit_limit"}))
    assert unavailable["discount"] == UnavailableReason.UNAVAILABLE_REASON_DENIED


@pytest.mark.parametrize("name", ["tax_id", "pesel"])
def test_nothing_is_filtered_by_a_denied_field(
    query: AdaptedQuery, database: SqliteDatabase, name: str
) -> None:
    denied = frozenset({"Customer.pesel", "Customer.tax_id"})
    with pytest.raises(Denied, match=name):
        read(query, database, denied=denied, filters={name: "1"})


def test_fields_that_no_file_feeds_are_named_once_per_message(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    _, _, unavailable = read(query, database)
    assert unavailable["address"] == UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED
    assert unavailable["delivery_addresses"] == UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED
    assert unavailable["group.code"] == UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED
    assert not [path for path in unavailable if path.startswith("address.")]


def test_filters_narrow(query: AdaptedQuery, database: SqliteDatabase) -> None:
    def ids(**filters: Any) -> list[str]:
        return [c.id for c in read(query, database, filters=filters)[0]]

    assert ids(codes=["k3", "K7", "nobody"]) == ["3", "7"]
    assert ids(tax_id="000-000-0005") == ["5"]
    assert ids(text="żółw 2") == ["2", *(str(i) for i in range(20, 30))]
    assert ids(text="%") == []
    assert ids(active=False, ids=["3", "4"]) == ["3"]
    assert ids(active=True, ids=["3", "4"]) == ["4"]
    assert ids(created_to="2026-07-01", ids=["1"]) == ["1"]
    assert ids(created_to="2026-06-30", ids=["1"]) == []
    assert ids(only_limited=True, ids=["1", "2"]) == ["1"]
    assert ids(only_limited=False, ids=["1", "2"]) == ["1", "2"]
    assert ids(ids=[]) == []


def test_a_filter_of_a_child_file_narrows_only_its_rows(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    found, _, _ = read(query, database, filters={"phone": "222", "ids": ["1", "2"]})
    assert [[c.id for c in one.contacts] for one in found] == [["2"], []]


def test_a_negated_line_is_there_unless_the_filter_is_on(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    with recorded(database) as sent:
        read(query, database, filters={"include_retail": True}, mask=["id"])
        read(query, database, mask=["id"])
    assert ["'retail'" in sql for sql, _ in sent] == [False, True]


def test_a_filter_that_no_file_knows_is_refused_not_passed_over(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    with pytest.raises(Unsupported, match="salesperson_id"):
        read(query, database, filters={"salesperson_id": "1"})


def test_a_value_that_the_column_cannot_hold_is_refused_by_name(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    with pytest.raises(Invalid, match=r"codes: must have at most 20 characters, has 21"):
        read(query, database, filters={"codes": ["x" * 21]})
    with pytest.raises(Invalid, match=r"codes: .*Windows-1250.*U\+1F600"):
        read(query, database, filters={"codes": ["😀"]})


@pytest.mark.parametrize("value", ["abc", "1e3", "99999999999999999999", "-", "１"])
def test_an_id_that_cannot_be_one_is_just_not_found(
    query: AdaptedQuery, database: SqliteDatabase, value: str
) -> None:
    assert read(query, database, filters={"ids": [value]}, ids=frozenset({"ids"}))[0] == []
    found, _, _ = read(query, database, filters={"ids": [value, "2"]}, ids=frozenset({"ids"}))
    assert [c.id for c in found] == ["2"]


def test_parameters_are_bound_as_the_columns_type_and_lists_are_padded(
    query: AdaptedQuery, database: SqliteDatabase
) -> None:
    with recorded(database) as sent:
        read(query, database, mask=["id"], filters={"codes": ["K1", "K2", "K3"]})
    sql, params = sent[0]
    assert "fi_code IN (?, ?, ?, ?)" in sql
    assert [str(p.type) for p in params] == ["varchar(20)"] * 4 + ["int", "int"]
    assert [p.value for p in params[:4]] == ["K1", "K2", "K3", "K3"]
    assert sql.count("?") == len(params)


def test_a_page_ends_early_at_its_size_in_bytes(tmp_path: Path, database: SqliteDatabase) -> None:
    text = CUSTOMERS.replace(
        "-- convert kind:", "-- convert remarks: large(code)\n-- convert kind:"
    )
    CONVERTERS["large"] = lambda code: "x" * (PAGE_BYTES // 3 - 1000)
    adapted = load(tmp_path, text).adapt(database.catalogue())
    found, last, _ = read(adapted, database)
    assert [c.id for c in found] == ["1", "2", "3"]
    assert last == "3"
    found, last, _ = read(adapted, database, after="28")
    assert [c.id for c in found] == ["29", "30"]
    assert last is None


def test_a_message_larger_than_a_page_still_comes(tmp_path: Path, database: SqliteDatabase) -> None:
    text = CUSTOMERS.replace(
        "-- convert kind:", "-- convert remarks: large(code)\n-- convert kind:"
    )
    CONVERTERS["large"] = lambda code: "x" * (PAGE_BYTES * 2)
    adapted = load(tmp_path, text).adapt(database.catalogue())
    found, last, _ = read(adapted, database)
    assert ([c.id for c in found], last) == (["1"], "1")


def without(schema: ReferenceSchema, *columns: str) -> Catalogue:
    return catalogue_of(schema.without(columns))


def test_a_missing_column_takes_only_its_field_along(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    adapted = load(tmp_path).adapt(without(schema, "dbo.firm.fi_gln"))
    with recorded(database) as sent:
        _, _, unavailable = read(adapted, database)
    assert unavailable["gln"] == UnavailableReason.UNAVAILABLE_REASON_DRIFT
    assert "fi_gln" not in sent[0][0]
    assert [(n.name, n.fields) for n in adapted.drift] == [("dbo.firm.fi_gln", ("Customer.gln",))]


def test_of_two_items_with_one_alias_the_first_that_exists_is_used(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    older = load(tmp_path).adapt(without(schema, "dbo.firm.fi_mail"))
    with recorded(database) as sent:
        read(older, database, mask=["email"])
    assert "f.fi_old_mail AS [email]" in sent[0][0]
    assert older.drift == []


def test_a_missing_column_of_a_join_fails_the_query_as_drift(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    adapted = load(tmp_path).adapt(without(schema, "dbo.firm.fi_group"))
    with pytest.raises(Drift, match=r"dbo\.firm\.fi_group"):
        read(adapted, database)
    assert adapted.drift[0].fails


def test_a_missing_column_of_a_filter_fails_that_filter_only(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    adapted = load(tmp_path).adapt(without(schema, "dbo.firm.fi_nip"))
    assert len(read(adapted, database)[0]) == 30
    with pytest.raises(Drift, match=r"dbo\.firm\.fi_nip"):
        read(adapted, database, filters={"tax_id": "1"})


def test_a_child_file_whose_table_is_missing_makes_its_field_unavailable(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    text = CUSTOMERS.replace(
        "(SELECT COUNT(*) FROM dbo.person p WHERE p.pe_firm = f.fi_id)", "f.fi_id"
    )
    gone = [f"dbo.person.{name}" for name in ("pe_id", "pe_firm", "pe_name", "pe_phone")]
    adapted = load(tmp_path, text).adapt(without(schema, *gone))
    _, _, unavailable = read(adapted, database)
    reason = UnavailableReason.UNAVAILABLE_REASON_DRIFT
    assert {path for path, why in unavailable.items() if why == reason} == {
        "contacts.id",
        "contacts.last_name",
        "contacts.phone",
    }


def test_a_missing_column_of_a_child_files_filter_fails_that_filter(
    tmp_path: Path, schema: ReferenceSchema, database: SqliteDatabase
) -> None:
    text = CONTACTS.replace("p.pe_phone AS", "COALESCE(p.pe_name, '') AS")
    adapted = load(tmp_path, contacts=text).adapt(without(schema, "dbo.person.pe_phone"))
    assert read(adapted, database)[0]
    with pytest.raises(Drift, match=r"dbo\.person\.pe_phone"):
        read(adapted, database, filters={"phone": "1"})


def test_child_rows_are_read_for_many_parents_in_parts(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    branches = " UNION ALL ".join(
        f"SELECT p.pe_firm AS firm, p.pe_id AS id, {i} AS n FROM dbo.person p"
        " WHERE p.pe_firm IN (:parents)"
        for i in range(100)
    )
    text = (
        "-- key: x.n int\n-- :parents int\nSELECT x.firm AS [parent_id], x.n AS [id]\n"
        f"FROM ({branches}) x\nWHERE 1 = 1\n"
    )
    adapted = load(tmp_path, contacts=text).adapt(database.catalogue())
    with recorded(database) as sent:
        found, _, _ = read(adapted, database)
    assert [c.id for c in found[3].contacts] == [str(i) for i in range(100)]
    assert len(found[0].contacts) == 200
    assert max(len(params) for _, params in sent) <= 2090
    assert len(sent) == 3


def test_check_names_what_the_reference_schema_lacks(
    tmp_path: Path, schema: ReferenceSchema
) -> None:
    query = load(tmp_path)
    assert query.check(schema) == []
    (problem,) = query.check(schema.without(["dbo.firm.fi_gln"]))
    assert problem == "customers.sql: dbo.firm.fi_gln is not in the reference schema"


def test_check_finds_texts_that_are_added(tmp_path: Path, schema: ReferenceSchema) -> None:
    text = CUSTOMERS.replace("f.fi_name AS [name]", "f.fi_code + f.fi_name AS [name]")
    (problem,) = load(tmp_path, text).check(schema)
    assert "joins no texts" in problem


def test_the_sites_attributes_and_rows_are_part_of_the_query(
    tmp_path: Path, database: SqliteDatabase
) -> None:
    query = load(
        tmp_path,
        attributes={"gln": "f.fi_gln", "rebate": "f.fi_rebate"},
        rows="f.fi_id < 3 OR f.fi_id = 9",
    )
    found, _, _ = read(query.adapt(database.catalogue()), database)
    assert [c.id for c in found] == ["1", "2", "9"]
    assert found[0].attributes["rebate"] == "2.50"


def test_a_mistake_in_the_sites_attributes_is_named_as_such(tmp_path: Path) -> None:
    with pytest.raises(
        QueryError, match=r"customers\.sql, line \d+: with the configuration's .*GETDATE"
    ):
        load(tmp_path, attributes={"now": "GETDATE()"})


def test_a_file_of_the_site_replaces_ours(tmp_path: Path, database: SqliteDatabase) -> None:
    load(tmp_path)
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "customers.sql").write_text(
        CUSTOMERS.replace("<> 'hidden'", "<> 'K1'"), encoding="utf-8"
    )
    folder = QueryFolder(tmp_path / "queries", theirs)
    query = Query.load(folder, "customers", Customer, zone=WARSAW, converters=CONVERTERS)
    found, _, _ = read(query.adapt(database.catalogue()), database)
    assert found[0].id == "2"
    (theirs / "customers.sql").write_text(
        CUSTOMERS.replace("f.fi_gln AS", "fi_gln AS"), encoding="utf-8"
    )
    with pytest.raises(
        QueryError, match=r"theirs/customers\.sql, line \d+: write fi_gln with its table"
    ):
        Query.load(folder, "customers", Customer, zone=WARSAW, converters=CONVERTERS)


GOOD = """-- key: f.fi_id int
-- :ids int
SELECT
    f.fi_id AS [id]
FROM dbo.firm f
WHERE f.fi_off = 0
  AND f.fi_id IN (:ids)  --? ids
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("SELECT\n", "SELECT TOP 5\n", 3, "the SDK does the paging"),
        ("-- key: f.fi_id int\n", "-- convrt x: y\n-- key: f.fi_id\n", 2, "not understood"),
        ("-- key: f.fi_id int", "-- key: f.fi_id", 1, "not understood"),
        ("-- key: f.fi_id int", "-- key: x.fi_id int", 1, "no table x"),
        ("-- :ids int", "-- :ids integer", 2, "no type of SQL Server"),
        ("-- :ids int", "-- :other int", 7, ":ids is not declared"),
        ("-- :ids int", "-- :ids int\n-- :more int", 1, ":more is declared but not used"),
        ("-- :ids int", "-- :ids int\n-- convert code: x", 1, r"there is no item AS \[code\]"),
        ("f.fi_id AS [id]", "f.fi_id AS id", 4, r"must end in AS \[field.path\]"),
        ("f.fi_id AS [id]", "f.fi_id [id]", 4, r"must end in AS \[field.path\]"),
        ("f.fi_id AS [id]", "fi_id AS [id]", 5, "with its table's alias"),
        ("f.fi_id AS [id]", "'a' + f.fi_code AS [id]", 4, "joins no texts"),
        ("f.fi_id AS [id]", "f.fi_id * 2 AS [id]", 4, "COUNT"),
        ("f.fi_id AS [id]", "f.fi_id / 2 AS [id]", 4, "not in the subset"),
        ("f.fi_id AS [id]", "ISNULL(f.fi_id, 1) AS [id]", 4, "SQLite has none"),
        ("f.fi_id AS [id]", "LEFT(f.fi_code, 2) AS [id]", 4, "SUBSTRING"),
        ("f.fi_id AS [id]", "dbo.fnSecret(f.fi_code) AS [id]", 4, r"fnSecret\(\): not in"),
        ("f.fi_id AS [id]", "COALESCE(f.fi_code, N'x') AS [id]", 4, "N'…'"),
        ("f.fi_id AS [id]", "DATEADD(day, 1, f.fi_since) AS [id]", 4, "not in the subset"),
        ("f.fi_id AS [id]", "f.fi_id AS [id] --? ids", 4, "can't depend on a filter"),
        ("FROM dbo.firm f", "FROM firm f", 5, "with its schema"),
        ("FROM dbo.firm f", "FROM sys.sql_logins f", 5, "no table of the ERP"),
        ("FROM dbo.firm f", "FROM other.dbo.firm f", 5, "with its schema, and only that"),
        ("FROM dbo.firm f", "FROM dbo.firm f WITH (NOLOCK)", 5, "hints are forbidden"),
        ("FROM dbo.firm f", "FROM dbo.firm f SHUTDOWN", 5, "one SELECT"),
        ("FROM dbo.firm f", "FROM dbo.firm f; DELETE FROM dbo.firm", 5, "';'"),
        ("WHERE f.fi_off = 0\n", "WHERE f.fi_off = 0 --? off\n", 5, "can't depend on a filter"),
        ("WHERE f.fi_off = 0\n", "WHERE f.fi_off = 0 OR 1 = 1\n", 5, "put the OR in brackets"),
        ("WHERE f.fi_off = 0\n  AND", "", 6, "needs a WHERE"),
        ("WHERE f.fi_off = 0\n", "WHERE f.fi_off = 0 GROUP BY f.fi_id\n", 5, "no query|derived"),
        ("WHERE f.fi_off = 0\n", "WHERE f.fi_off = @x\n", 6, "'@'"),
        ("WHERE f.fi_off = 0\n", "WHERE f.fi_off = ?\n", 6, r"'\?'"),
        ("--? ids", "--? i d s", 7, "write --\\? name"),
        (
            "  AND f.fi_id IN (:ids)  --? ids",
            "  --? ids\n  AND f.fi_id IN (:ids)",
            7,
            "nothing on the line",
        ),
    ],
)
def test_what_is_outside_the_subset_is_refused_with_its_line(
    old: str, new: str, line: int, message: str
) -> None:
    assert old in GOOD
    with pytest.raises(QueryError, match=message) as raised:
        QueryFile.parse("x.sql", GOOD.replace(old, new))
    assert raised.value.line == line


def test_the_text_is_the_files_own_cut_and_joined() -> None:
    file = QueryFile.parse("x.sql", GOOD)
    assert file.text(["f.fi_id AS [id]"], []) == (
        "SELECT\n    f.fi_id AS [id]\nFROM dbo.firm f\nWHERE f.fi_off = 0"
    )
    assert file.text(["f.fi_id AS [id]"], ["ids"]).endswith("\n  AND f.fi_id IN (:ids)")


def test_an_alias_must_be_a_field_of_the_message(tmp_path: Path) -> None:
    for alias, message in (
        ("nmae", "no field nmae"),
        ("address", "no single value"),
        ("attributes", "no single value"),
        ("contacts.id", "child file"),
        ("kind.x", "no field"),
    ):
        text = CUSTOMERS.replace("f.fi_name AS [name]", f"f.fi_name AS [{alias}]")
        with pytest.raises(QueryError, match=message):
            load(tmp_path, text)


def test_an_enum_needs_a_converter(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="kind is an enum"):
        load(tmp_path, CUSTOMERS.replace("-- convert kind: customer_kind\n", ""))


def test_columns_are_found_in_subqueries_and_derived_tables() -> None:
    file = QueryFile.parse(
        "x.sql",
        """-- key: x.id int
-- :ids int
SELECT
    x.id AS [id],
    (SELECT MAX(p.pe_name) FROM dbo.person p WHERE p.pe_firm = g.gr_id) AS [name]
FROM (SELECT f.fi_id AS id FROM dbo.firm f WHERE f.fi_id IN (:ids)
      UNION ALL SELECT p.pe_id AS id FROM dbo.person p) x
LEFT JOIN dbo.grp g ON g.gr_id = x.id
WHERE 1 = 1
""",
    )
    assert file.items[1].columns == {
        ("dbo.person", ""),
        ("dbo.person", "pe_name"),
        ("dbo.person", "pe_firm"),
        ("dbo.grp", "gr_id"),
    }
    assert file.columns == {
        ("dbo.firm", ""),
        ("dbo.firm", "fi_id"),
        ("dbo.person", ""),
        ("dbo.person", "pe_id"),
        ("dbo.grp", ""),
        ("dbo.grp", "gr_id"),
    }
