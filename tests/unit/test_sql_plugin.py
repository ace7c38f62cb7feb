"""`SqlPlugin` on a tiny invented ERP: pages, single items, the site's own settings and lists."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.json_format import MessageToDict
from rich.console import Console

from mostek.connector.companies import Company
from mostek.connector.config import PolicyConfig
from mostek.connector.explain import explained
from mostek.connector.policy import Policy
from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.plugin.contract import PluginContract, full_scans
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Context, Site
from mostek.plugin.query_file import QueryError
from mostek.plugin.records import record_list
from mostek.plugin.sandbox import Index, create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_plugin import SqlConfig, SqlPlugin
from mostek.plugin.testing import context, recorded
from mostek.wire.failures import Denied, Drift, Invalid, NotFound, Unsupported
from mostek.wire.fields import DeniedFields

COLUMNS = """\
table,column,type,nullable,default,identity,key,meaning
dbo.firm,fi_id,int,no,,,PK,
dbo.firm,fi_code,varchar(20),no,,,,
dbo.firm,fi_nip,varchar(20),yes,,,,
dbo.firm,fi_region,varchar(20),yes,,,,
dbo.firm,fi_debt,money,yes,,,,
dbo.firm,fi_since,datetime,yes,,,,
"""
CUSTOMERS = """
-- key: f.fi_id int
-- :ids int
-- :codes varchar(20)
-- :tax_id varchar(20) notations
SELECT f.fi_id AS [id], f.fi_code AS [code], f.fi_nip AS [tax_id.number]
FROM dbo.firm f
WHERE f.fi_code <> ''
  AND f.fi_id IN (:ids)       --? ids
  AND f.fi_code IN (:codes)   --? codes
  AND f.fi_nip IN (:tax_id)   --? tax_id
"""
DEBTORS = """
-- Firms that owe more than so much.
-- key: f.fi_id int
-- :from money
-- :region varchar(20)
SELECT
    f.fi_code AS [firm],
    f.fi_debt AS [debt],
    f.fi_since AS [since],
    f.fi_id AS [number]
FROM dbo.firm f
WHERE f.fi_debt >= :from
  AND f.fi_region = :region   --? region
  AND f.fi_since > '2026'     --? only_new
"""


class Tiny(SqlPlugin):
    messages: ClassVar[Mapping[str, type[Customer]]] = {"customers": Customer}

    def converters(self) -> Mapping[str, Callable[..., Any]]:
        return {"notations": lambda text: [text, text.replace("-", "")]}

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        return self.page("customers", request, context, ListCustomersResponse())

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        return self.one("customers", request, context, GetCustomerResponse())


def fill(connection: sqlite3.Connection, count: int = 10) -> None:
    connection.executemany(
        "INSERT INTO dbo.firm VALUES (?, ?, ?, ?, ?, ?)",
        [
            (i, f"K{i}", f"{i:010d}", "north" if i % 2 else "south", i * 10, "2026-01-01 00:00:00")
            for i in range(1, count + 1)
        ],
    )


Make = Callable[..., Tiny]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    (tmp_path / "schema.csv").write_text(COLUMNS, encoding="utf-8")
    schema = ReferenceSchema.load(tmp_path / "schema.csv")
    create_sandbox(tmp_path / "erp.sqlite", schema, fill=fill)
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "customers.sql").write_text(CUSTOMERS, encoding="utf-8")
    (tmp_path / "site" / "records").mkdir(parents=True)
    made: list[Tiny] = []

    def make(**config: Any) -> Tiny:
        class Here(Tiny):
            folder = tmp_path / "queries"

        database = {"kind": "sqlite", "path": str(tmp_path / "erp.sqlite")}
        settings = SqlConfig.model_validate({"database": database, **config})
        made.append(Here(settings, Site("acme", tmp_path, ZoneInfo("Europe/Warsaw"))))
        return made[-1]

    yield make
    for plugin in made:
        plugin.close()


def ids(response: ListCustomersResponse) -> list[str]:
    return [customer.id for customer in response.customers]


def test_pages_follow_their_tokens_to_the_end(make: Make) -> None:
    plugin = make()
    request = ListCustomersRequest(page_size=4)
    seen: list[list[str]] = []
    while True:
        response = plugin.list_customers(request, context())
        seen.append(ids(response))
        if not response.next_page_token:
            break
        request.page_token = response.next_page_token
    assert seen == [["1", "2", "3", "4"], ["5", "6", "7", "8"], ["9", "10"]]
    assert not response.HasField("next_page_token")


def test_a_row_inserted_while_paging_shifts_nothing(make: Make) -> None:
    plugin = make()
    first = plugin.list_customers(ListCustomersRequest(page_size=4), context())
    with plugin.database.writing(context()) as session:
        session.execute("INSERT INTO dbo.firm (fi_id, fi_code) VALUES (0, 'new')")
    token = first.next_page_token
    second = plugin.list_customers(ListCustomersRequest(page_size=4, page_token=token), context())
    assert ids(second) == ["5", "6", "7", "8"]


def test_a_token_belongs_to_its_query(make: Make) -> None:
    plugin = make()
    token = plugin.list_customers(ListCustomersRequest(page_size=4), context()).next_page_token
    for other, where in (
        (ListCustomersRequest(page_token=token, codes=["K1"]), context()),
        (ListCustomersRequest(page_token=token), context(company="other")),
    ):
        with pytest.raises(Invalid, match="another query"):
            plugin.list_customers(other, where)
    with pytest.raises(Invalid, match="page_token"):
        plugin.list_customers(ListCustomersRequest(page_token="garbage"), context())


def test_filters_are_the_requests_fields(make: Make) -> None:
    plugin = make()
    assert ids(plugin.list_customers(ListCustomersRequest(codes=["K2", "K3"]), context())) == [
        "2",
        "3",
    ]
    request = ListCustomersRequest(tax_id="000-000-0004")
    assert ids(plugin.list_customers(request, context())) == ["4"]
    assert ids(plugin.list_customers(ListCustomersRequest(ids=["x"]), context())) == []


def test_a_filter_that_the_plugin_does_not_serve_is_refused(make: Make) -> None:
    with pytest.raises(Unsupported, match="text"):
        make().list_customers(ListCustomersRequest(text="a"), context())


def test_a_plugin_may_replace_a_filter_of_the_request(make: Make) -> None:
    plugin = make()
    request = ListCustomersRequest(text="K2")
    response = plugin.page(
        "customers", request, context(), ListCustomersResponse(), text=None, codes=[request.text]
    )
    assert ids(response) == ["2"]
    nothing = plugin.page(
        "customers", request, context(), ListCustomersResponse(), text=None, codes=[]
    )
    assert ids(nothing) == []


def test_one_item_is_found_by_its_id(make: Make) -> None:
    plugin = make()
    request = GetCustomerRequest(id="7", read_mask={"paths": ["code"]})  # type: ignore[arg-type]
    assert plugin.get_customer(request, context()).customer == Customer(code="K7")
    for unknown in ("77", "seven", "7.0", "99999999999"):
        with pytest.raises(NotFound, match="no Customer with this id"):
            plugin.get_customer(GetCustomerRequest(id=unknown), context())


def test_denied_fields_are_reported_by_list_and_get(make: Make) -> None:
    plugin = make()
    denied = context(denied=frozenset({"Customer.tax_id"}))
    for unavailable in (
        plugin.list_customers(ListCustomersRequest(), denied).unavailable_fields,
        plugin.get_customer(GetCustomerRequest(id="1"), denied).unavailable_fields,
    ):
        reasons = {u.path: u.reason for u in unavailable}
        assert reasons["tax_id"] == UnavailableReason.UNAVAILABLE_REASON_DENIED


def test_the_site_adds_attributes_and_limits_rows(make: Make) -> None:
    plugin = make(
        attributes={"customers": {"region": "f.fi_region"}}, rows={"customers": "f.fi_id > 8"}
    )
    response = plugin.list_customers(ListCustomersRequest(), context())
    assert ids(response) == ["9", "10"]
    assert response.customers[0].attributes["region"] == "north"
    with pytest.raises(NotFound):
        plugin.get_customer(GetCustomerRequest(id="1"), context())


def test_settings_for_a_query_that_does_not_exist_are_refused(make: Make) -> None:
    with pytest.raises(ValueError, match="there is no query custmers; there are customers"):
        make(rows={"custmers": "1 = 1"})


def test_a_file_of_the_site_is_checked_like_ours(make: Make, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "customers.sql").write_text(
        CUSTOMERS.replace("SELECT", "SELECT TOP 1"), encoding="utf-8"
    )
    with pytest.raises(QueryError, match=r"site/customers\.sql, line 6: TOP"):
        make(queries=str(site))


def test_a_column_that_went_away_is_found_by_the_next_call(make: Make) -> None:
    plugin = make()
    assert plugin.list_customers(ListCustomersRequest(), context()).customers
    before = plugin.schema()
    with plugin.database.writing(context()) as session:
        session.execute("ALTER TABLE dbo.firm RENAME COLUMN fi_nip TO fi_vat")
    with pytest.raises(Drift, match="fi_nip"):
        plugin.list_customers(ListCustomersRequest(), context())
    response = plugin.list_customers(ListCustomersRequest(), context())
    assert len(response.customers) == 10
    assert {u.path: u.reason for u in response.unavailable_fields}["tax_id.number"] == (
        UnavailableReason.UNAVAILABLE_REASON_DRIFT
    )
    assert plugin.schema() != before
    assert [d for d in plugin.drift() if "Customer.tax_id.number is unavailable" in d]


def with_list(make: Make, tmp_path: Path, text: str = DEBTORS) -> Tiny:
    (tmp_path / "site" / "records" / "debtors.sql").write_text(text, encoding="utf-8")
    return make(queries=str(tmp_path / "site"))


def test_a_list_of_the_site_is_read_as_objects(make: Make, tmp_path: Path) -> None:
    plugin = with_list(make, tmp_path)
    request = ListRecordsRequest(list="debtors", parameters={"from": "80", "region": "north"})
    (record,) = plugin.list_records(request, context("ListRecords")).records
    assert MessageToDict(record) == {
        "firm": "K9",
        "debt": "90.0000",
        "since": "2026-01-01",
        "number": 9.0,
    }


def test_a_list_has_pages_masks_and_policy(make: Make, tmp_path: Path) -> None:
    plugin = with_list(make, tmp_path)
    request = ListRecordsRequest(list="debtors", parameters={"from": "0"}, page_size=9)
    request.read_mask.paths.extend(["firm", "since"])
    denied = context("ListRecords", denied=frozenset({"Records.debtors.since"}))
    first = plugin.list_records(request, denied)
    assert [MessageToDict(r) for r in first.records] == [{"firm": f"K{i}"} for i in range(1, 10)]
    assert [(u.path, u.reason) for u in first.unavailable_fields] == [
        ("since", UnavailableReason.UNAVAILABLE_REASON_DENIED)
    ]
    request.page_token = first.next_page_token
    assert [r["firm"] for r in plugin.list_records(request, denied).records] == ["K10"]


def listed(plugin: Tiny, denied: str, **parameters: str) -> list[dict[str, Any]]:
    request = ListRecordsRequest(list="debtors", parameters=parameters)
    response = plugin.list_records(request, context("ListRecords", denied=[denied]))
    return [MessageToDict(record) for record in response.records]


def test_a_column_that_shows_a_denied_field_is_denied_under_its_own_name(
    make: Make, tmp_path: Path
) -> None:
    plugin = with_list(make, tmp_path)
    with recorded(plugin.database) as sent:
        (record,) = listed(plugin, "Customer.code", **{"from": "100"})
    assert record == {"debt": "100.0000", "since": "2026-01-01", "number": 10.0}
    assert "fi_code" not in sent[0][0]


@pytest.mark.parametrize("name", ["from", "region", "only_new"])
def test_a_list_is_not_asked_by_what_it_may_not_show(make: Make, tmp_path: Path, name: str) -> None:
    plugin = with_list(make, tmp_path)
    denied = {"from": "debt", "region": "region", "only_new": "since"}[name]
    text = DEBTORS.replace("f.fi_id AS [number]", "f.fi_id AS [number], f.fi_region AS [region]")
    (tmp_path / "site" / "records" / "debtors.sql").write_text(text, encoding="utf-8")
    plugin = make(queries=str(tmp_path / "site"))
    given = {"from": "0", "region": "north", "only_new": "true"}
    with pytest.raises(Denied, match=rf"{name}: is not allowed .* Records\.debtors\.{denied} back"):
        listed(plugin, f"Records.debtors.{denied}", **{"from": "0"} | {name: given[name]})


def test_a_list_is_not_ordered_by_what_it_may_not_show(make: Make, tmp_path: Path) -> None:
    plugin = with_list(
        make, tmp_path, DEBTORS.replace("key: f.fi_id int", "key: f.fi_nip varchar(20)")
    )
    with pytest.raises(
        Denied, match=r"keeps Customer\.tax_id\.number back, by which .* is ordered"
    ):
        listed(plugin, "TaxId.number", **{"from": "0"})
    plugin = with_list(
        make, tmp_path, DEBTORS.replace("key: f.fi_id int", "key: f.fi_code varchar(20)")
    )
    with pytest.raises(Denied, match=r"keeps Records\.debtors\.firm back, by which"):
        listed(plugin, "Records.debtors.firm", **{"from": "0"})


DERIVED = """
-- key: f.fi_id int
-- :nip varchar(20)
SELECT d.nip AS [hidden], f.fi_id AS [number]
FROM dbo.firm f
JOIN (SELECT x.fi_id AS id, x.fi_nip AS nip FROM dbo.firm x
      UNION ALL SELECT y.fi_id, y.fi_region FROM dbo.firm y WHERE y.fi_id < 0) d ON d.id = f.fi_id
WHERE f.fi_code <> ''
  AND d.nip = :nip   --? nip
"""


def test_a_derived_table_hides_nothing_from_the_policy(make: Make, tmp_path: Path) -> None:
    plugin = with_list(make, tmp_path, DERIVED)
    assert len(listed(plugin, "Customer.code")) == 10
    assert listed(plugin, "Customer.tax_id")[0] == {"number": 1.0}
    with pytest.raises(Denied, match=r"nip: is not allowed .* Customer\.tax_id\.number back"):
        listed(plugin, "Customer.tax_id", nip="0000000001")


def test_a_file_can_say_what_its_columns_show(make: Make, tmp_path: Path) -> None:
    said = "-- feeds firm: nothing\n-- feeds debt: Customer.credit_used\n-- :from money"
    plugin = with_list(make, tmp_path, DEBTORS.replace("-- :from money", said))
    assert "firm" in listed(plugin, "Customer.code", **{"from": "100"})[0]
    assert "debt" not in listed(plugin, "Customer.credit_used", **{"from": "100"})[0]


def test_an_attribute_that_shows_a_denied_field_is_denied(make: Make) -> None:
    plugin = make(attributes={"customers": {"number": "f.fi_nip", "region": "f.fi_region"}})
    with recorded(plugin.database) as sent:
        response = plugin.list_customers(
            ListCustomersRequest(page_size=1), context(denied=["Customer.tax_id"])
        )
    assert dict(response.customers[0].attributes) == {"region": "north"}
    assert "fi_nip" not in sent[0][0]


def test_a_query_of_the_site_shows_no_denied_field_under_another_name(
    make: Make, tmp_path: Path
) -> None:
    text = CUSTOMERS.replace("f.fi_code AS [code]", "f.fi_nip AS [code]")
    (tmp_path / "site" / "customers.sql").write_text(text, encoding="utf-8")
    plugin = make(queries=str(tmp_path / "site"))
    response = plugin.list_customers(
        ListCustomersRequest(page_size=1), context(denied=["Customer.tax_id"])
    )
    assert response.customers[0] == Customer(id="1")


def test_a_query_of_the_site_is_not_asked_by_another_column_than_it_says(
    make: Make, tmp_path: Path
) -> None:
    text = CUSTOMERS.replace("f.fi_code IN (:codes) ", "f.fi_nip IN (:codes)")
    assert text != CUSTOMERS
    (tmp_path / "site" / "customers.sql").write_text(text, encoding="utf-8")
    plugin = make(queries=str(tmp_path / "site"))
    denied = context(denied=["Customer.tax_id"])
    assert ids(plugin.list_customers(ListCustomersRequest(ids=["7"]), denied)) == ["7"]
    with pytest.raises(Denied, match=r"codes: is not allowed .* Customer\.tax_id\.number back"):
        plugin.list_customers(ListCustomersRequest(codes=["0000000001"]), denied)


def test_attributes_that_a_plugin_adds_for_the_site_are_held_to_the_policy_too(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = Tiny._load
    added = {"customers": {"number": "f.fi_nip", "region": "f.fi_region"}}
    monkeypatch.setattr(
        Tiny, "_load", lambda self, config: load(self, config.with_attributes(added, "own"))
    )
    (first, *_) = (
        make()
        .list_customers(ListCustomersRequest(page_size=1), context(denied=["Customer.tax_id"]))
        .customers
    )
    assert dict(first.attributes) == {"region": "north"}


def explanation(plugin: Tiny, *deny: str) -> str:
    policy = Policy(PolicyConfig(deny=list(deny))).of("main")
    console = Console(width=200, file=StringIO(), record=True)
    for part in explained(Company("main", "tiny", plugin), policy, "ListRecords"):
        console.print(part)
    return " ".join(console.export_text().replace("│", " ").split())


def test_what_a_list_does_not_show_and_is_not_asked_is_explained(
    make: Make, tmp_path: Path
) -> None:
    plugin = with_list(make, tmp_path)
    said = explanation(plugin, "Records.debtors.debt", "Customer.code")
    for line in (
        "debtors: from Records.debtors.debt (deny: Records.debtors.debt)",
        "Records.debtors.debt no deny: Records.debtors.debt",
        "Records.debtors.firm no shows Customer.code (deny: Customer.code)",
        "Records.debtors.since yes",
    ):
        assert line in said, said
    said = explanation(plugin, "Records.debtors")
    assert "debtors Records.debtors (deny: Records.debtors)" in said


def test_what_the_site_has_of_its_own_is_told(make: Make, tmp_path: Path) -> None:
    with_list(make, tmp_path)
    plugin = make(
        queries=str(tmp_path / "site"), attributes={"customers": {"region": "f.fi_region"}}
    )
    columns = {f"Records.debtors.{name}" for name in ("firm", "debt", "since", "number")}
    assert plugin.own_fields() == columns | {"Customer.attributes.region"}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "parameters.from: is required"),
        ({"from": "1,5"}, "parameters.from: must be a decimal"),
        ({"from": "1", "regon": "x"}, "parameters.regon: the list has no such parameter"),
        ({"from": "1", "region": "x" * 21}, "parameters.region: must have at most 20"),
        ({"from": "1", "only_new": "perhaps"}, "parameters.only_new: must be true or false"),
    ],
)
def test_parameters_of_a_list_are_checked_by_name(
    make: Make, tmp_path: Path, parameters: dict[str, str], message: str
) -> None:
    plugin = with_list(make, tmp_path)
    with pytest.raises(Invalid, match=message):
        plugin.list_records(ListRecordsRequest(list="debtors", parameters=parameters), context())


def test_an_unknown_list_is_not_found(make: Make, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="it has debtors"):
        with_list(make, tmp_path).list_records(ListRecordsRequest(list="nope"), context())


def test_lists_and_columns_that_are_denied_are_not_named(make: Make, tmp_path: Path) -> None:
    plugin = with_list(make, tmp_path)
    denied = DeniedFields(["Records.debtors.debt"])
    assert list(record_list(plugin.records["debtors"], denied).columns) == [
        "firm",
        "number",
        "since",
    ]
    request = ListRecordsRequest(list="nope")
    with pytest.raises(NotFound, match="it has none"):
        plugin.list_records(request, context("ListRecords", denied=["Records.debtors"]))


def test_a_list_is_described(make: Make, tmp_path: Path) -> None:
    described = record_list(with_list(make, tmp_path).records["debtors"], DeniedFields())
    assert described.description == "Firms that owe more than so much."
    assert list(described.columns) == ["debt", "firm", "number", "since"]
    assert [(p.name, p.type, p.required) for p in described.parameters] == [
        ("from", "money", True),
        ("only_new", "bit", False),
        ("region", "varchar(20)", False),
    ]


class TestTheConformanceSuite(PluginContract):
    """The suite itself, on the tiny ERP."""

    plugin_type = Tiny
    large_tables = frozenset({"dbo.firm"})
    unsupported_filters = frozenset(
        {"ListCustomers.text", "ListCustomers.group_id", "ListCustomers.active"}
    )

    @classmethod
    def make_plugin(cls, folder: Path) -> Tiny:
        (folder / "schema.csv").write_text(COLUMNS, encoding="utf-8")
        create_sandbox(
            folder / "erp.sqlite",
            ReferenceSchema.load(folder / "schema.csv"),
            fill=lambda connection: fill(connection, 50),
            indexes=[Index("dbo.firm", (name,), "a test") for name in ("fi_code", "fi_nip")],
        )
        (folder / "customers.sql").write_text(CUSTOMERS, encoding="utf-8")

        class Here(Tiny):
            pass

        Here.folder = folder
        config = SqlConfig(database=SqliteConfig(path=folder / "erp.sqlite"))
        return Here(config, Site("acme", folder, ZoneInfo("Europe/Warsaw")))


def test_a_filter_without_an_index_is_seen_as_a_scan(make: Make) -> None:
    plugin = make()
    with recorded(plugin.database) as sent:
        plugin.list_customers(ListCustomersRequest(codes=["K1"]), context())
    assert full_scans(plugin, sent, frozenset({"dbo.firm"}))
    with recorded(plugin.database) as sent:
        plugin.list_customers(ListCustomersRequest(ids=["1"]), context())
    assert not full_scans(plugin, sent, frozenset({"dbo.firm"}))
