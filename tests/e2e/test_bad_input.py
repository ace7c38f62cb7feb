"""Bad input and a sick ERP, over HTTP all the way: a clear error of the right kind each, and nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mostek.plugin.sandbox import connect_sandbox

from .test_processes import Site

AT = "http://127.0.0.1:7480/v1/connectors/acme/companies/-"
ROOT = Path(__file__).parents[2]
ERP = ROOT / "build" / "demo-serve" / "erp.sqlite"


@pytest.fixture
def http(served: str) -> Iterator[httpx.Client]:
    """A caller of the demo's hub."""
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


def order(**fields: Any) -> dict[str, Any]:
    line = {"product": {"code": "GNI-000000"}, "quantity": "1"}
    buyer = {"tax_id": "6312023511"}
    return {"external_number": "BAD-1", "buyer": buyer, "lines": [line], **fields}


def line(**fields: Any) -> list[dict[str, Any]]:
    return [{"product": {"code": "GNI-000000"}, "quantity": "1", **fields}]


GETS = [
    ("customers?page_size=0", 400, "page_size", "must be at least 1"),
    ("customers?page_size=10000", 400, "page_size", "must be at most 1000"),
    ("customers?page_token=garbage", 400, "page_token", ""),
    ("customers?tax_id=6312023512", 400, "tax_id", "is no NIP"),
    ("customers?colour=red", 400, "colour", ""),
    ("customers?active=perhaps", 400, "active", "true or false"),
    ("customers?read_mask=name,colour", 400, "read_mask", "colour"),
    ("customers?text=a%00b", 400, "text", "control character"),
    ("invoices?kinds=RED", 400, "kinds", "must be one of"),
    ("invoices?issue_date_from=2026-02-30", 400, "issue_date_from", "must be a day"),
    ("products?change_token=x", 501, "", ""),
    ("customers/99999999", 404, "", "no Customer"),
    ("customers/%F0%9F%99%82", 404, "", "no Customer"),
    ("nonsense", 404, "", ""),
    ("records?list=none", 404, "", "no list of this name"),
]


@pytest.mark.parametrize(("path", "status", "field", "words"), GETS)
def test_a_bad_question_is_refused(
    http: httpx.Client, path: str, status: int, field: str, words: str
) -> None:
    answer = http.get(f"{AT}/{path}")
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), problem
    assert words in problem["detail"], problem
    if field:
        assert field in [violation["field"] for violation in problem["violations"]]


def test_a_token_of_another_query_is_refused(http: httpx.Client) -> None:
    token = http.get(f"{AT}/customers?page_size=1").json()["next_page_token"]
    for other in ("customers?page_size=1&active=true", "products?page_size=1"):
        answer = http.get(f"{AT}/{other}&page_token={token}")
        assert answer.status_code == 400
        assert answer.json()["violations"][0]["field"] == "page_token"


ORDERS = [
    (order(lines=line(product={"code": "NONE-1"})), 400, "order.lines[0].product.code"),
    (order(lines=line(product={"code": "X" * 21})), 400, "order.lines[0].product.code"),
    (order(lines=line(quantity="0")), 400, "order.lines[0].quantity"),
    (order(lines=line(quantity="-2")), 400, "order.lines[0].quantity"),
    (order(lines=line(quantity="1.0123456789")), 400, "order.lines[0].quantity"),
    (order(lines=line(quantity="1.00001")), 400, "order.lines[0].quantity"),
    (order(lines=line(price={"net": "12,50"})), 400, "order.lines[0].price.net"),
    (order(lines=line(unit="wiadro")), 400, "order.lines[0].unit"),
    (order(lines=line(vat_code="99")), 400, "order.lines[0].vat_code"),
    (order(lines=[]), 400, "order.lines"),
    (order(remarks="Dziękuję 🙂"), 400, "order.remarks"),
    (order(remarks="a\0b"), 400, "order.remarks"),
    (order(external_number="N" * 31), 400, "order.external_number"),
    (order(buyer={"tax_id": "5261040828"}), 400, "order.buyer.tax_id"),
    (order(buyer={"code": "K" * 21}), 400, "order.buyer.code"),
    (order(reserve=True), 501, "order.reserve"),
    (order(currency="EUR"), 501, "order.currency"),
    (order(expected_total="0.01"), 422, "order.expected_total"),
    (order(delivery_date="2020-01-01"), 400, "order.delivery_date"),
    (order(colour="red"), 400, "order.colour"),
    (order(lines=line(quantity=2)), 400, "order.lines[0].quantity"),
]


def documents() -> int:
    erp = connect_sandbox(ERP)
    try:
        return int(erp.execute("SELECT COUNT(*) FROM dbo.dok__Dokument").fetchone()[0])
    finally:
        erp.close()


@pytest.mark.parametrize(("body", "status", "field"), ORDERS)
def test_a_bad_order_is_refused_by_its_field_and_nothing_is_written(
    http: httpx.Client, body: dict[str, Any], status: int, field: str
) -> None:
    before = documents()
    answer = http.post(f"{AT}/orders", json=body, headers={"Idempotency-Key": json.dumps(field)})
    problem = answer.json()
    assert answer.status_code == status, problem
    assert field in [violation["field"] for violation in problem["violations"]], problem
    assert documents() == before


def test_all_problems_of_an_order_come_at_once(http: httpx.Client) -> None:
    body = order(
        lines=[*line(product={"code": "NONE-1"}), *line(unit="wiadro")],
        remarks="🙂",
        external_number="N" * 31,
    )
    answer = http.post(f"{AT}/orders", json=body, headers={"Idempotency-Key": "all"})
    assert {violation["field"] for violation in answer.json()["violations"]} == {
        "order.lines[0].product.code",
        "order.lines[1].unit",
        "order.remarks",
        "order.external_number",
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no json", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b'{"lines": {}}', "must be a list"),
        (b'{"external_number": "a", "external_number": "b"}', "given twice"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_body_that_is_no_order_is_refused(http: httpx.Client, content: bytes, words: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = http.post(f"{AT}/orders", content=content, headers=headers)
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_an_order_without_a_key_is_refused(http: httpx.Client) -> None:
    answer = http.post(f"{AT}/orders", json=order())
    assert answer.status_code == 400
    assert answer.json()["violations"][0]["field"] == "idempotency-key"


def test_the_same_number_with_another_content_is_a_conflict_that_tells_where_to_look(
    http: httpx.Client,
) -> None:
    first = order(external_number="TWICE-1")
    other = order(external_number="TWICE-1", lines=line(quantity="7"))
    written = http.post(f"{AT}/orders", json=first, headers={"Idempotency-Key": "twice-1"})
    assert written.status_code == 200, written.json()
    answer = http.post(f"{AT}/orders", json=other, headers={"Idempotency-Key": "twice-2"})
    assert answer.status_code == 409
    assert answer.json()["violations"][0]["field"] == "order.lines[0].quantity"
    # The number is the ERP's, which a policy may keep back; it is there for who may see it.
    assert "ListOrders with this external number shows it" in answer.json()["detail"]
    found = http.get(f"{AT}/orders", params={"external_numbers": "TWICE-1"}).json()
    assert [one["number"] for one in found["orders"]] == [written.json()["number"]]
    again = http.post(f"{AT}/orders", json=other, headers={"Idempotency-Key": "twice-1"})
    assert again.status_code == 409


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A hub and a connector with an ERP of their own."""
    made = Site(tmp_path)
    yield made
    for process in made.processes.values():
        process.kill()
        process.wait()


def ask(site: Site, path: str = "customers?page_size=1") -> httpx.Response:
    return told(site, f"/v1/connectors/acme/companies/-/{path}")


def told(site: Site, path: str) -> httpx.Response:
    url = f"http://127.0.0.1:{site.ports['http']}{path}"
    with httpx.Client(trust_env=False, timeout=30) as client:
        return client.get(url)


def place(site: Site, wait: int = 8) -> httpx.Response:
    buyer = ask(site, "customers?page_size=1&active=true").json()["customers"][0]["id"]
    goods = ask(site, "products?page_size=1&active=true&only_in_stock=true").json()["products"][0]
    body = order(
        buyer={"id": buyer},
        lines=[{"product": {"id": goods["id"]}, "quantity": "1", "price": {"net": "10"}}],
    )
    url = f"http://127.0.0.1:{site.ports['http']}/v1/connectors/acme/companies/-/orders"
    with httpx.Client(trust_env=False, timeout=90) as client:
        headers = {"Idempotency-Key": "k", "Prefer": f"wait={wait}"}
        return client.post(url, json=body, headers=headers)


async def test_an_erp_that_is_down_is_told_and_a_connector_finds_it_again(site: Site) -> None:
    erp = site.folder / "erp.sqlite"
    away = erp.rename(site.folder / "away.sqlite")
    site.start_hub()
    site.start_connector()
    await site.online()
    down = ask(site)
    assert down.status_code == 503, down.json()
    assert down.json()["kind"] == "ERP_UNAVAILABLE"
    assert str(site.folder) not in down.text
    away.rename(erp)
    assert ask(site).status_code == 200


async def test_a_missing_table_is_drift_of_those_operations_that_need_it(site: Site) -> None:
    erp = connect_sandbox(site.folder / "erp.sqlite")
    erp.execute("DROP TABLE dbo.nz__Finanse")
    erp.close()
    site.start_hub()
    site.start_connector()
    await site.answers()
    drift = ask(site, "receivables")
    assert (drift.status_code, drift.json()["kind"]) == (502, "DRIFT")
    assert "nz__Finanse" in drift.json()["detail"]
    assert ask(site, "products?page_size=1").status_code == 200


async def test_a_locked_erp_does_not_lose_the_order_which_is_written_once_when_it_is_free(
    site: Site,
) -> None:
    site.start_hub()
    site.start_connector()
    await site.answers()
    blocker = connect_sandbox(site.folder / "erp.sqlite")
    blocker.execute("BEGIN IMMEDIATE")
    try:
        accepted = place(site)
        assert accepted.status_code == 202, accepted.json()
        assert ask(site).status_code == 200, "readers are not in the way of writers"
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()
    again = place(site, wait=60)
    assert again.status_code == 200, again.json()
    assert again.json()["order"]["external_number"] == "BAD-1"
    assert ask(site, "orders?external_numbers=BAD-1").json()["orders"] == [again.json()["order"]]
    command = told(site, accepted.headers["location"]).json()["command"]
    assert command["state"] == "COMMAND_STATE_SUCCEEDED"
    assert command["erp_number"] == again.json()["number"]
