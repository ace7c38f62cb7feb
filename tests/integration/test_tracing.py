"""One trace of a call: from its caller through hub and connector to the SQL statement."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from mostek.client import Client
from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig, TelemetryConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.connector.link import Backoff
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.erp.v1.erp_service_pb2_grpc import ErpServiceStub
from mostek.erp.v1.product_pb2 import ListProductsRequest, ListProductsResponse
from mostek.hub.hub import Hub
from mostek.plugin.plugin import Site
from mostek.wire.tracing import (
    COMMAND,
    COMPANY,
    CONNECTOR,
    OPERATION,
    OUTCOME,
    QUERY,
    ROWS,
    SESSION,
    STATEMENT,
)
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create

from .collector import Collector, Seen, collector
from .conftest import World, hub_config
from .test_replicas import Several, several

__all__ = ["several"]

HUB, SITE = "mostek-hub", "mostek-connector"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLERS = f"00-{TRACE}-{SPAN}-01"
AT = "/v1/connectors/acme/companies/-"


@pytest.fixture
def collected() -> Iterator[Collector]:
    with collector() as found:
        yield found


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "subiekt.db"
    create(path, customers=40, products=40, invoices=40)
    return path


@contextlib.asynccontextmanager
async def traced(folder: Path, endpoint: str) -> AsyncIterator[World]:
    """A hub, which exports to the collector if there is one. Its spans are there when the block has ended."""
    hub = Hub(hub_config(folder, drain_grace=2.0, otlp_endpoint=endpoint))
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield World(hub, addresses, client, folder, {})


@contextlib.asynccontextmanager
async def subiekt(world: World, erp: Path, endpoint: str) -> AsyncIterator[None]:
    """A connector with a sandbox of Subiekt GT."""
    settings = SubiektConfig.model_validate({"database": {"kind": "sqlite", "path": str(erp)}})
    config = Config(
        hub=DialConfig(link=world.addresses.link, insecure=True),
        connector=ConnectorConfig(name="acme", state=world.state / "acme", stop_grace=2.0),
        telemetry=TelemetryConfig(otlp=endpoint),
        companies={"main": CompanyConfig(plugin="subiekt-gt")},
    )
    plugin = SubiektGt(settings, Site("main", world.state))
    connector = Connector(config, [Company("main", "subiekt-gt", plugin)], Backoff(longest=0.1))
    async with connector.running():
        await world.until(lambda: world.online("acme"))
        yield


async def products(world: World, *metadata: tuple[str, str]) -> ListProductsResponse:
    async with grpc.aio.insecure_channel(world.addresses.api) as channel:
        about = (("mostek-connector", "acme"), *metadata)
        request = ListProductsRequest(page_size=7)
        response: ListProductsResponse = await ErpServiceStub(channel).ListProducts(
            request, metadata=about, timeout=10
        )
        return response


def one(spans: list[Seen]) -> Seen:
    (span,) = spans
    return span


async def test_a_call_is_one_trace_from_its_caller_to_the_statements(
    tmp_path: Path, erp: Path, collected: Collector
) -> None:
    async with traced(tmp_path, collected.address) as world, subiekt(world, erp, collected.address):
        response = await products(world, ("traceparent", CALLERS))
    assert {span.trace for span in collected.spans} == {TRACE}
    assert collected.paths == {"/v1/traces"}
    hub = one(collected.of(HUB))
    site = one(collected.of(SITE, "ListProducts"))
    statements = [span for span in collected.of(SITE) if span.id != site.id]
    assert hub.parent == SPAN
    assert site.parent == hub.id
    assert {span.parent for span in statements} == {site.id}
    assert hub.attributes[CONNECTOR] == "acme"
    assert hub.attributes[OUTCOME] == site.attributes[OUTCOME] == "ok"
    assert hub.attributes[COMMAND] == site.attributes[COMMAND] != ""
    assert hub.attributes[SESSION] == site.attributes[SESSION] != ""
    assert site.attributes[ROWS] == len(response.products) == 7
    by_query = {span.attributes.get(QUERY): span for span in statements}
    assert {"products", "products.prices"} <= by_query.keys()
    # One more than the page tells whether there is another.
    assert by_query["products"].name == "products"
    assert by_query["products"].attributes[ROWS] == 8
    for span in statements:
        assert span.attributes[STATEMENT] == "SELECT"
        assert span.attributes[COMPANY] == "main"
        assert span.attributes[OPERATION] == "ListProducts"


async def test_spans_hold_nothing_of_requests_or_of_the_erp(
    tmp_path: Path, erp: Path, collected: Collector
) -> None:
    async with traced(tmp_path, collected.address) as world, subiekt(world, erp, collected.address):
        listed = await products(world)
        site = world.client.connector("acme")
        customers = (await site.ListCustomers(ListCustomersRequest(page_size=5))).customers
        async with httpx.AsyncClient(base_url=f"http://{world.addresses.http}") as http:
            await http.get(f"{AT}/customers", params={"text": "Łódzka-nikt-taki"})
            missing = await http.get(f"{AT}/customers/987654321")
    assert missing.status_code == 404
    assert len(collected.spans) > 8
    assert one([s for s in collected.of(SITE, "GetCustomer")]).failure == "NotFound"
    sent = b"".join(collected.bodies)
    values = {"Łódzka-nikt-taki", "987654321", "No customer", "dbo.", "tw__Towar", "WHERE"}
    values |= {value for p in listed.products for value in (p.name, p.code) if len(value) > 3}
    values |= {value for c in customers for value in (c.name, c.code) if len(value) > 3}
    assert len(values) > 15
    assert [value for value in values if value.encode() in sent] == []


async def test_over_http_it_is_the_same_and_what_is_not_sampled_is_not_exported(
    tmp_path: Path, collected: Collector
) -> None:
    async with (
        traced(tmp_path, collected.address) as world,
        world.connector(otlp=collected.address),
        httpx.AsyncClient(base_url=f"http://{world.addresses.http}") as http,
    ):
        await http.get(f"{AT}/customers/7", headers={"traceparent": CALLERS})
        await http.get(f"{AT}/customers/8", headers={"traceparent": CALLERS[:-1] + "0"})
    assert one(collected.of(HUB)).parent == SPAN
    assert one(collected.of(SITE)).parent == one(collected.of(HUB)).id
    assert one(collected.of(SITE)).trace == TRACE


async def test_a_traceparent_that_is_none_begins_a_trace_of_the_hubs(
    tmp_path: Path, erp: Path, collected: Collector
) -> None:
    async with traced(tmp_path, collected.address) as world, subiekt(world, erp, collected.address):
        await products(world, ("traceparent", "00-" + "0" * 32 + f"-{SPAN}-01"))
    assert one(collected.of(HUB)).parent == ""
    (trace,) = {span.trace for span in collected.spans}
    assert trace not in (TRACE, "0" * 32)


async def test_a_write_belongs_to_the_trace_of_the_request_that_recorded_it(
    tmp_path: Path, collected: Collector
) -> None:
    headers = {"traceparent": CALLERS, "idempotency-key": "once", "prefer": "respond-async"}
    anna = {"name": "Anna"}
    async with (
        traced(tmp_path, collected.address) as world,
        world.connector(otlp=collected.address),
        httpx.AsyncClient(base_url=f"http://{world.addresses.http}") as http,
    ):
        accepted = await http.post(f"{AT}/customers", json=anna, headers=headers)
        assert accepted.status_code == 202
        # The same write, waited for in a trace of its own.
        done = await http.post(f"{AT}/customers", json=anna, headers={"idempotency-key": "once"})
        assert done.status_code == 200
    recorded = one([span for span in collected.of(HUB) if span.trace == TRACE])
    written = one(collected.of(SITE))
    assert recorded.parent == SPAN
    assert (recorded.attributes[OUTCOME], recorded.failure) == ("StillRunning", "")
    assert (written.trace, written.parent) == (TRACE, recorded.id)


async def test_a_trace_goes_from_one_replica_to_another_and_through_hubs_that_export_nothing(
    several: Several, collected: Collector
) -> None:
    first, second = several[0], several[1]
    async with second.connector(otlp=collected.address):
        await first.until(lambda: first.online_elsewhere("acme"))
        async with grpc.aio.insecure_channel(first.addresses.api) as channel:
            about = (("mostek-connector", "acme"), ("traceparent", CALLERS))
            await ErpServiceStub(channel).GetCustomer(GetCustomerRequest(id="7"), metadata=about)
    span = one(collected.of(SITE))
    assert (span.trace, span.parent) == (TRACE, SPAN)


RUNNING = """
import asyncio, sys
from pathlib import Path
import mostek.connector.cli
from mostek.hub.config import HubConfig
from mostek.hub.hub import Hub
from mostek_subiekt.gt import SubiektGt

async def main(folder):
    ports = dict.fromkeys(("api", "link", "http"), "127.0.0.1:0")
    files = {"database": f"sqlite:///{folder}/hub.sqlite", "key_file": f"{folder}/hub.keys"}
    async with Hub(HubConfig(**ports, **files, insecure=True)).running():
        print("runs", [name for name in sys.modules if name.startswith("opentelemetry")])

asyncio.run(main(sys.argv[1]))
"""


def test_nothing_of_opentelemetry_is_imported_where_nothing_is_exported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUNNING, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert "runs []" in done.stdout, done.stderr
