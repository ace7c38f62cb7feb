"""A real Prometheus reads a running hub and connector, and its alert fires when the connector is gone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from chaos.processes import free_ports
from mostek.client import Client
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek_subiekt.sandbox import create

from .harness import Processes, online

RULES = Path(__file__).parents[2] / "deploy/prometheus/rules.yaml"
#: Spans of the real rules, made short.
SHORT = {"for: 5m": "for: 1s", "for: 1m": "for: 1s"}


@pytest.fixture
async def prometheus(tmp_path: Path, processes: Processes) -> AsyncIterator[httpx.AsyncClient]:
    """Scrapes hub and connector each half second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed")
    rules = RULES.read_text(encoding="utf-8")
    for span, short in SHORT.items():
        assert span in rules
        rules = rules.replace(span, short)
    (tmp_path / "rules.yaml").write_text(rules, encoding="utf-8")
    jobs = "".join(
        f"  - job_name: {name}\n    static_configs: [{{targets: ['{address}']}}]\n"
        for name, address in (
            ("mostek-hub", processes.hub_metrics),
            ("mostek-connector", processes.metrics),
        )
    )
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}\n"
        f"rule_files: [rules.yaml]\nscrape_configs:\n{jobs}",
        encoding="utf-8",
    )
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with started(program, tmp_path, address):
        async with httpx.AsyncClient(base_url=f"http://{address}/api/v1") as api:
            yield api


@contextlib.contextmanager
def started(program: str, folder: Path, address: str) -> Iterator[None]:
    arguments = [
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address={address}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        child = subprocess.Popen([program, *arguments], stdout=log, stderr=log)
        try:
            yield
        finally:
            child.kill()
            child.wait()


@pytest.fixture
def processes(tmp_path: Path) -> Any:
    """Not started yet."""
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


async def until(ask: httpx.AsyncClient, path: str, found: Callable[[Any], Any]) -> Any:
    """What Prometheus answers, once it is what is waited for."""
    async with asyncio.timeout(40):
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await ask.get(path)
                if answer.status_code == 200 and (of := found(answer.json()["data"])):
                    return of
            await asyncio.sleep(0.2)


async def holds(ask: httpx.AsyncClient, query: str) -> None:
    """Wait until a query gives one series: a scrape may have come before what it tells of."""
    await until(ask, f"/query?{urlencode({'query': query})}", lambda data: len(data["result"]) == 1)


async def test_prometheus_reads_both_ends_and_tells_of_a_connector_that_is_gone(
    tmp_path: Path, processes: Processes, prometheus: httpx.AsyncClient
) -> None:
    sandbox = create(tmp_path / "subiekt.sqlite", customers=40, products=40, invoices=40)
    processes.hub()
    connector = processes.subiekt(sandbox.template_order, metrics=True)
    async with Client(processes.api) as hub:
        await online(hub)
        await hub.connector("acme").ListProducts(ListProductsRequest())
    await holds(prometheus, 'up{job="mostek-hub"} == 1')
    await holds(prometheus, 'mostek_hub_connector_up{connector="acme"} == 1')
    await holds(prometheus, "mostek_connector_sessions == 1")
    await holds(prometheus, "sum(mostek_connector_erp_query_seconds_count) > 0")
    read = 'mostek_hub_calls_total{operation="ListProducts",outcome="ok"}'
    await holds(prometheus, f"{read} == 1")
    connector.kill()

    def fires(data: Any) -> Any:
        return [
            alert["labels"]
            for alert in data["alerts"]
            if alert["labels"]["alertname"] == "MostekConnectorDown" and alert["state"] == "firing"
        ]

    [labels] = await until(prometheus, "/alerts", fires)
    assert (labels["tenant"], labels["connector"]) == ("default", "acme")
