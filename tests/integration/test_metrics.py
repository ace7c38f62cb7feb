"""What the hub's metrics port tells."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
import structlog
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from mostek.client import Client
from mostek.connector import metrics
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, GetCustomerRequest
from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.hub.hub import Hub
from mostek.hub.overview import asked
from mostek.wire.failures import Expired, NotFound
from mostek.wire.logs import GATHER, configure_logs

from .conftest import World, hub_config

T = TypeVar("T")

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running hub with a metrics port and series of connectors."""
    hub = Hub(hub_config(tmp_path, metrics="127.0.0.1:0", metrics_by_connector=True))
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield World(hub, addresses, client, tmp_path, {})


@pytest.fixture
async def port(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{world.addresses.metrics}") as port:
        yield port


async def scraped(port: httpx.AsyncClient) -> dict[str, Metric]:
    response = await port.get("/metrics")
    assert response.status_code == 200
    return {family.name: family for family in text_string_to_metric_families(response.text)}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    """Of the sample of that name whose labels are these; 0 where there is none."""
    found = [
        one.value
        for family in families.values()
        for one in family.samples
        if one.name == sample and one.labels == labels
    ]
    return found[0] if found else 0.0


def documented(side: str) -> dict[str, tuple[str, set[str]]]:
    rows = re.findall(
        rf"^\| `(mostek_{side}_\w+)` \| (\w+) \| (.*?) \|",
        DOCUMENT.read_text("utf-8"),
        re.MULTILINE,
    )
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


async def test_each_metric_of_the_hub_is_a_row_of_the_document_and_each_row_a_metric(
    world: World, port: httpx.AsyncClient
) -> None:
    async with world.connector():
        await world.client.connector("acme").DescribeErp(DescribeErpRequest())
        families = await scraped(port)
    rows = documented("hub")
    only_with_tls = {name for name in rows if "certificate" in name}
    assert len(only_with_tls) == 2
    assert listed(families, rows) == {n: row for n, row in rows.items() if n not in only_with_tls}


async def test_each_metric_of_the_connector_is_a_row_of_the_document_and_each_row_a_metric(
    world: World,
) -> None:
    async with world.connector():
        await world.client.connector("acme").DescribeErp(DescribeErpRequest())
        families = await of_connector()
    assert listed(families, rows := documented("connector")) == rows


def listed(
    families: dict[str, Metric], rows: dict[str, tuple[str, set[str]]]
) -> dict[str, tuple[str, set[str]]]:
    """What is shown, as rows: name, type, labels. A metric of which nothing has happened yet shows no labels."""
    found = {}
    for family in families.values():
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {key for sample in family.samples for key in sample.labels} - {"le"}
        if not family.samples and name in rows:
            labels = rows[name][1]
        found[name] = (family.type, labels)
    return found


async def of_connector() -> dict[str, Metric]:
    with metrics.shown("127.0.0.1", 0) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as connector:
            return await scraped(connector)


async def test_a_connector_counts_its_sessions_and_commands_and_what_they_took(
    world: World,
) -> None:
    before = await of_connector()
    async with world.connector():
        acme = world.client.connector("acme")
        await acme.GetCustomer(GetCustomerRequest(id="1"))
        with pytest.raises(NotFound):
            await acme.GetCustomer(GetCustomerRequest(id="missing"))
        during = await of_connector()
    after = await of_connector()

    def grown(then: dict[str, Metric], sample: str, **labels: str) -> float:
        return value(then, sample, **labels) - value(before, sample, **labels)

    assert grown(during, "mostek_connector_sessions") == 1
    assert grown(after, "mostek_connector_sessions") == 0
    assert grown(during, "mostek_connector_connects_total") == 1
    assert grown(after, "mostek_connector_disconnects_total", reason="left") == 1
    of = {"operation": "GetCustomer"}
    assert grown(during, "mostek_connector_commands_total", **of, outcome="ok") == 1
    assert grown(during, "mostek_connector_commands_total", **of, outcome="not_found") == 1
    assert grown(during, "mostek_connector_command_seconds_count", **of) == 2
    assert grown(during, "mostek_connector_result_bytes_total") > 0
    assert value(during, "mostek_connector_company_up", company="main") == 1
    assert value(during, "mostek_connector_commands_running") == 0


async def test_a_call_counts_by_operation_class_and_outcome_with_its_times_apart(
    world: World, port: httpx.AsyncClient
) -> None:
    before = await scraped(port)
    async with world.connector():
        acme = world.client.connector("acme")
        await acme.GetCustomer(GetCustomerRequest(id="1"))
        with pytest.raises(NotFound):
            await acme.GetCustomer(GetCustomerRequest(id="missing"))
        with pytest.raises(NotFound):
            await world.client.connector("nobody").GetCustomer(GetCustomerRequest(id="1"))
        after = await scraped(port)

    def grown(sample: str, **labels: str) -> float:
        return value(after, sample, **labels) - value(before, sample, **labels)

    of = {"operation": "GetCustomer"}
    assert grown("mostek_hub_calls_total", **of, **{"class": "read"}, outcome="ok") == 1
    assert grown("mostek_hub_calls_total", **of, **{"class": "read"}, outcome="not_found") == 2
    assert grown("mostek_hub_call_seconds_count", **of) == 3
    assert grown("mostek_hub_call_hub_seconds_count") == 3
    # The third never came to a connector.
    assert grown("mostek_hub_call_site_seconds_count", **of) == 2
    assert grown("mostek_hub_call_link_seconds_count") == 2
    whole, site = (
        grown(f"mostek_hub_call_{part}_sum", **of) for part in ("seconds", "site_seconds")
    )
    link, own = (grown(f"mostek_hub_call_{part}_seconds_sum") for part in ("link", "hub"))
    assert 0 < site < whole
    assert 0 < link < whole
    assert site + link + own <= whole * 1.01
    assert grown("mostek_hub_result_bytes_total") > 0


async def test_sessions_are_counted_as_they_come_and_go(
    world: World, port: httpx.AsyncClient
) -> None:
    before = await scraped(port)
    async with world.connector(slots=8):
        during = await scraped(port)
    await world.until(lambda: not world.acme.online)
    after = await scraped(port)
    assert value(during, "mostek_hub_sessions", state="active") == 1
    assert value(during, "mostek_hub_connectors", state="online") == 1
    assert value(during, "mostek_hub_slots", state="free") == 8
    assert value(during, "mostek_hub_companies", schema="as_expected") == 1
    acme = {"tenant": "default", "connector": "acme"}
    assert value(during, "mostek_hub_connector_up", **acme) == 1
    assert value(after, "mostek_hub_connector_up", **acme) == 0
    assert value(after, "mostek_hub_connectors", state="offline") == 1
    for sample, labels in (
        ("mostek_hub_connects_total", {"result": "opened"}),
        ("mostek_hub_disconnects_total", {"reason": "stopping"}),
    ):
        assert value(after, sample, **labels) - value(before, sample, **labels) == 1


async def test_names_of_tenants_and_connectors_are_labels_only_where_that_is_turned_on(
    world: World, port: httpx.AsyncClient
) -> None:
    async with world.connector():
        assert 'connector="acme"' in (await port.get("/metrics")).text
        world.hub.monitor.by_connector = False
        assert "acme" not in (await port.get("/metrics")).text


async def test_commands_that_wait_and_that_need_an_operator_are_counted(
    world: World, port: httpx.AsyncClient
) -> None:
    async with world.connector():
        pass
    draft = CreateCustomerRequest(customer=CustomerDraft(name="A"))
    acme = world.client.connector("acme").with_key("a")
    with pytest.raises(Expired):
        await acme.CreateCustomer(draft, timeout=0.5)
    await world.hub.monitor.look()
    families = await scraped(port)
    assert value(families, "mostek_hub_commands", state="recorded") == 1
    assert value(families, "mostek_hub_commands", state="sent") == 0
    assert value(families, "mostek_hub_commands_to_resolve", state="dead") == 0
    assert value(families, "mostek_hub_command_oldest_seconds") > 0


async def test_status_says_how_the_hub_is_in_a_few_lines(world: World) -> None:
    async with world.connector(slots=8):
        await world.hub.monitor.look()
        told = await asyncio.to_thread(asked, world.addresses.metrics)
    assert told["ready"] == "yes"
    assert told["connectors"] == "1 online, 0 offline"
    assert told["sessions"] == "1 active, 0 suspect, 0 leaving"
    assert told["slots"] == "8 free, 0 taken"
    assert told["writes to look at"] == "0 dead, 0 unknown"
    assert told["database"] == "read 0 s ago"
    assert "certificate" not in told


async def test_a_hub_that_drains_lives_and_takes_no_calls(tmp_path: Path) -> None:
    hub = Hub(hub_config(tmp_path, metrics="127.0.0.1:0", drain_grace=5.0))
    async with contextlib.AsyncExitStack() as stack:
        running = contextlib.AsyncExitStack()
        addresses = await running.enter_async_context(hub.running())
        client = await stack.enter_async_context(Client(addresses.api))
        port = httpx.AsyncClient(base_url=f"http://{addresses.metrics}")
        await stack.enter_async_context(port)
        world = World(hub, addresses, client, tmp_path, {})
        await stack.enter_async_context(world.connector())
        assert (await port.get("/readyz")).status_code == 200
        slow = client.connector("acme").GetCustomer(GetCustomerRequest(id="slow"))
        calling = asyncio.create_task(_awaited(slow))
        await world.until(world.plugin.began.is_set)
        stopping = asyncio.create_task(running.aclose())
        await world.until(lambda: hub.registry.leaving)
        assert (await port.get("/livez")).status_code == 200
        assert (await port.get("/readyz")).status_code == 503
        assert value(await scraped(port), "mostek_hub_ready") == 0
        world.plugin.gate.set()
        await asyncio.gather(calling, stopping)


async def _awaited(call: Awaitable[T]) -> T:
    return await call


async def test_the_level_of_the_log_is_set_while_the_hub_runs(
    port: httpx.AsyncClient,
) -> None:
    out = io.StringIO()
    configure_logs("info", json=True, stream=out)
    log = structlog.get_logger()
    try:
        refused = await port.put("/log-level", content="loud")
        assert (refused.status_code, refused.text) == (
            400,
            "the level is one of debug, info, warning, error\n",
        )
        for level in ("error", "debug"):
            assert (await port.put("/log-level", content=level)).text == f"{level}\n"
            log.warning(f"at {level}")
        await asyncio.sleep(2 * GATHER)
    finally:
        structlog.reset_defaults()
    assert "at error" not in out.getvalue()
    assert "at debug" in out.getvalue()
