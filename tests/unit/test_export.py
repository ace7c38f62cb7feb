"""`mostek export`, against a hub on loopback."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

from mostek.client.cli import app
from mostek.client.testing import FakeHub
from mostek.erp.v1.common_pb2 import (
    UNAVAILABLE_REASON_DRIFT,
    Reference,
    UnavailableField,
)
from mostek.erp.v1.customer_pb2 import ListCustomersResponse
from mostek.erp.v1.erp_pb2 import DescribeErpResponse, Erp, RecordList
from mostek.erp.v1.product_pb2 import (
    PRODUCT_KIND_GOODS,
    ListProductsRequest,
    ListProductsResponse,
    Price,
    Product,
)
from mostek.erp.v1.record_pb2 import ListRecordsResponse
from mostek.wire.failures import CommandFailure, Internal, Offline

ROWS = 25
PAGE = 10

#: Arguments → exit code, stdout, stderr.
Run = Callable[..., Any]


def product(number: int) -> Product:
    return Product(
        id=str(number),
        name=f'Chleb "żytni", {number}\nkrojony',
        kind=PRODUCT_KIND_GOODS,
        active=number % 2 == 0,
        group=Reference(name="Pieczywo"),
        prices=[Price(net="1.50")],
        attributes={"półka": "A"},
        changed_at=Timestamp(seconds=1_800_000_000),
    )


class Products:
    """Pages of products; the call for a token of `breaks` fails with its failure, so many times."""

    def __init__(self) -> None:
        self.breaks: dict[str, list[CommandFailure]] = {}

    def __call__(self, request: ListProductsRequest) -> ListProductsResponse:
        if broken := self.breaks.get(request.page_token):
            raise broken.pop()
        start = int(request.page_token or 0)
        end = min(start + PAGE, ROWS)
        return ListProductsResponse(
            products=[product(number) for number in range(start, end)],
            next_page_token=str(end) if end < ROWS else None,
        )


@pytest.fixture
def products() -> Products:
    return Products()


@pytest.fixture
def hub(products: Products) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        fake.answers["ListProducts"] = products
        yield fake


@pytest.fixture
def run(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("MOSTEK_HUB", hub.address)
    monkeypatch.chdir(tmp_path)
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: CliRunner().invoke(app, ("export", "acme", *arguments))


def rows(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_csv_has_a_column_for_each_leaf_and_all_rows(run: Run) -> None:
    result = run("products", "-o", "p.csv")
    assert result.exit_code == 0
    assert f"{ROWS} rows in p.csv" in result.stderr
    found = rows("p.csv")
    assert [row["id"] for row in found] == [str(number) for number in range(ROWS)]
    first = found[0]
    assert first["name"] == 'Chleb "żytni", 0\nkrojony'
    assert first["kind"] == "PRODUCT_KIND_GOODS"
    assert first["active"] == "true"
    assert found[1]["active"] == "false"
    assert first["group.name"] == "Pieczywo"
    assert first["group.id"] == ""
    assert json.loads(first["prices"]) == [{"net": "1.50"}]
    assert first["stock"] == ""
    assert json.loads(first["attributes"]) == {"półka": "A"}
    assert first["changed_at"] == "2027-01-15T08:00:00Z"
    assert not Path("p.csv.resume").exists()


def test_ndjson_is_the_items_own_json(run: Run) -> None:
    run("products", "-o", "p.ndjson")
    lines = [json.loads(line) for line in Path("p.ndjson").read_text(encoding="utf-8").splitlines()]
    assert [line["id"] for line in lines] == [str(number) for number in range(ROWS)]
    assert lines[0]["group"] == {"name": "Pieczywo"}


def test_progress_is_shown_on_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    result = run("products", "-o", "p.csv")
    assert result.exit_code == 0
    assert f"{ROWS} rows  " in result.stderr
    assert "rows/s" in result.stderr


def test_the_format_may_be_named(run: Run) -> None:
    assert run("products", "-o", "p.txt", "--format", "ndjson").exit_code == 0
    assert json.loads(Path("p.txt").read_text(encoding="utf-8").splitlines()[0])["id"] == "0"


def test_filters_and_mask_are_sent_and_the_mask_names_the_columns(run: Run, hub: FakeHub) -> None:
    run("products", "-o", "p.csv", "--mask", "name,id", "only_in_stock=true")
    sent = hub.asked[0].request
    assert isinstance(sent, ListProductsRequest)
    assert list(sent.read_mask.paths) == ["name", "id"]
    assert sent.only_in_stock
    assert sent.page_size == 1000
    assert list(rows("p.csv")[0]) == ["name", "id"]


def test_an_empty_list_is_a_file_with_a_heading(run: Run, hub: FakeHub) -> None:
    hub.answers["ListCustomers"] = lambda request: ListCustomersResponse()
    assert run("customers", "-o", "c.csv", "--mask", "id,name").exit_code == 0
    assert Path("c.csv").read_text(encoding="utf-8") == "id,name\n"


def test_fields_that_are_not_there_are_told(run: Run, hub: FakeHub) -> None:
    missing = UnavailableField(path="gtu", reason=UNAVAILABLE_REASON_DRIFT)
    hub.answers["ListProducts"] = lambda r: ListProductsResponse(unavailable_fields=[missing])
    assert "Not available: gtu (drift)" in run("products", "-o", "p.csv").stderr


@pytest.mark.parametrize("output", ["p.csv", "p.ndjson"])
@pytest.mark.parametrize("token", ["10", "20"])
def test_an_export_that_broke_goes_on_and_equals_an_unbroken_one(
    run: Run, hub: FakeHub, products: Products, output: str, token: str
) -> None:
    run("products", "-o", f"whole-{output}")
    products.breaks[token] = [Internal("It broke.")]
    broken = run("products", "-o", output)
    assert broken.exit_code == 1
    assert f"{token} rows are in {output}; the same command goes on from there." in broken.stderr
    assert "INTERNAL: It broke." in broken.stderr
    # What was written after the last safe page, as by a process that was killed in the middle of one.
    with Path(output).open("ab") as file:
        file.write(b"half a li")
    asked = len(hub.asked)
    result = run("products", "-o", output)
    assert result.exit_code == 0
    assert f"Going on after {token} rows." in result.stderr
    assert len(hub.asked) - asked == (ROWS - int(token) + PAGE - 1) // PAGE
    assert Path(output).read_bytes() == Path(f"whole-{output}").read_bytes()
    assert not Path(f"{output}.resume").exists()


def test_a_retriable_failure_is_got_over_by_itself(run: Run, products: Products) -> None:
    products.breaks["10"] = [Offline("Away.", retry_after=0.0) for _ in range(3)]
    result = run("products", "-o", "p.csv")
    assert result.exit_code == 0
    assert result.stderr.count("Away. Trying again in 0.0 s.") == 3
    assert len(rows("p.csv")) == ROWS


def test_a_retriable_failure_that_stays_ends_with_3_and_can_be_gone_on_from(
    run: Run, products: Products
) -> None:
    products.breaks["20"] = [Offline("Away.", retry_after=0.0) for _ in range(6)]
    assert run("products", "-o", "p.csv").exit_code == 3
    assert run("products", "-o", "p.csv").exit_code == 0
    assert len(rows("p.csv")) == ROWS


@pytest.mark.parametrize(
    ("arguments", "differs"),
    [
        (["active=true"], "active"),
        (["--mask", "id"], "read_mask"),
        (["--company", "other"], "company"),
        (["--format", "ndjson"], "format"),
    ],
)
def test_an_export_with_other_arguments_does_not_go_on(
    run: Run, hub: FakeHub, products: Products, arguments: list[str], differs: str
) -> None:
    products.breaks["10"] = [Internal("It broke.")]
    run("products", "-o", "p.csv")
    before = Path("p.csv").read_bytes()
    asked = len(hub.asked)
    result = run("products", "-o", "p.csv", *arguments)
    assert result.exit_code == 2
    assert f"other arguments ({differs})" in result.stderr
    assert len(hub.asked) == asked
    assert Path("p.csv").read_bytes() == before


def test_a_file_that_lost_rows_does_not_go_on(run: Run, products: Products) -> None:
    products.breaks["10"] = [Internal("It broke.")]
    run("products", "-o", "p.csv")
    Path("p.csv").write_bytes(b"id\n")
    result = run("products", "-o", "p.csv")
    assert result.exit_code == 2
    assert "p.csv is shorter than p.csv.resume says" in result.stderr


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"arguments": 1}', '{"arguments": {}, "x": 1}'])
def test_a_side_file_that_cant_be_read_says_so(run: Run, text: str) -> None:
    Path("p.csv.resume").write_text(text, encoding="utf-8")
    result = run("products", "-o", "p.csv")
    assert result.exit_code == 2
    assert "p.csv.resume can't be read: delete it to begin anew." in result.stderr


def test_a_call_that_fails_at_once_leaves_the_file_as_it_was(run: Run, products: Products) -> None:
    Path("p.csv").write_text("of yesterday", encoding="utf-8")
    products.breaks[""] = [Internal("It broke.")]
    assert run("products", "-o", "p.csv").exit_code == 1
    assert Path("p.csv").read_text(encoding="utf-8") == "of yesterday"
    assert not Path("p.csv.resume").exists()


def test_a_finished_export_is_replaced_by_the_next(run: Run) -> None:
    run("products", "-o", "p.csv")
    first = Path("p.csv").read_bytes()
    run("products", "-o", "p.csv")
    assert Path("p.csv").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["product", "-o", "p.csv"], "Did you mean products?"),
        (["xyz", "-o", "p.csv"], "Lists are customers, products, invoices"),
        (["products", "-o", "p.txt"], "does not tell its format"),
        (["products", "-o", "none/p.csv"], "There is no folder none."),
        (["products", "-o", "p.csv", "txt=1"], "Did you mean text?"),
        (["products", "-o", "p.csv", "--mask", "nmae"], "Did you mean name?"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_asked(
    run: Run, hub: FakeHub, arguments: list[str], told: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not hub.asked
    assert not Path("p.csv").exists()


def records(hub: FakeHub) -> None:
    lists = [RecordList(name="vehicles", columns=["plate", "seats", "hired"])]
    hub.answers["DescribeErp"] = lambda request: DescribeErpResponse(erp=Erp(record_lists=lists))
    row = Struct()
    row.update({"plate": "WA 1", "seats": 5, "hired": True})
    bare = Struct()
    bare.update({"plate": "WA 2"})
    hub.answers["ListRecords"] = lambda request: ListRecordsResponse(records=[row, bare])


def test_a_list_of_the_sites_own_has_the_columns_that_the_site_names(
    run: Run, hub: FakeHub
) -> None:
    records(hub)
    assert run("records", "-o", "v.csv", "list=vehicles", "parameters.year=2026").exit_code == 0
    text = Path("v.csv").read_text(encoding="utf-8")
    assert text == "plate,seats,hired\nWA 1,5,true\nWA 2,,\n"


def test_a_list_that_the_site_does_not_have_gets_a_hint(run: Run, hub: FakeHub) -> None:
    records(hub)
    result = run("records", "-o", "v.csv", "list=vehicle")
    assert result.exit_code == 2
    assert "Did you mean vehicles?" in result.stderr
