"""The HTTP API of a running hub, down to a plugin."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from mostek.client import Client
from mostek.hub.hub import Hub

from .conftest import World, hub_config

AT = "/v1/connectors/acme/companies/-"


@pytest.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the HTTP API."""
    base = f"http://{world.addresses.http}"
    async with httpx.AsyncClient(base_url=base, trust_env=False) as opened:
        yield opened


async def test_a_get_reaches_the_plugin(world: World, http: httpx.AsyncClient) -> None:
    async with world.connector():
        answer = await http.get(f"{AT}/customers/7")
    assert answer.json() == {"customer": {"id": "7"}}
    assert answer.headers["mostek-command"]


async def test_a_post_writes_once_under_its_key(world: World, http: httpx.AsyncClient) -> None:
    async with world.connector():
        headers = {"Idempotency-Key": "k"}
        first, again = [
            await http.post(f"{AT}/customers", json={"name": "Łukasz"}, headers=headers)
            for _ in "ab"
        ]
    assert (
        first.json() == again.json() == {"customer": {"id": "1", "code": "Łukasz", "created": True}}
    )
    assert world.plugin.calls == 1


async def test_a_failure_is_a_problem_document_with_the_commands_id(
    world: World, http: httpx.AsyncClient
) -> None:
    async with world.connector():
        answer = await http.get(f"{AT}/customers/missing")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["type"] == "urn:mostek:failure:not-found"
    assert answer.json()["command_id"] == answer.headers["mostek-command"]


async def test_an_offline_connector_is_503_with_retry_after(
    world: World, http: httpx.AsyncClient
) -> None:
    async with world.connector():
        pass
    await world.until(lambda: not world.online("acme"))
    answer = await http.get(f"{AT}/customers/7")
    assert answer.status_code == 503
    # Spread, so that those who were refused together do not come back together.
    assert 5 <= int(answer.headers["retry-after"]) <= 8
    assert answer.json()["retriable"] is True


async def test_a_body_of_10_mb_is_413(world: World, http: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = await http.post(f"{AT}/customers", content=b" " * 10_000_000, headers=headers)
    assert answer.status_code == 413


async def test_a_caller_that_disconnects_cancels_the_read(
    world: World, http: httpx.AsyncClient
) -> None:
    async with world.connector():
        task = asyncio.create_task(http.get(f"{AT}/customers/slow"))
        await world.until(world.plugin.began.is_set)
        task.cancel()
        await world.until(world.plugin.stopped.is_set)


async def test_the_connectors_are_listed(world: World, http: httpx.AsyncClient) -> None:
    async with world.connector():
        listed = (await http.get("/v1/connectors")).json()["connectors"]
        one = (await http.get("/v1/connectors/acme")).json()["connector"]
    assert [connector["name"] for connector in listed] == ["acme"]
    assert one["companies"][0]["erp"] == "Notebook"
    assert (await http.get("/v1/connectors/nobody")).status_code == 404


async def test_an_export_is_streamed_and_says_how_it_ended(
    world: World, http: httpx.AsyncClient
) -> None:
    async with world.connector():
        answer = await http.get(f"{AT}/customers", headers={"Accept": "application/x-ndjson"})
    *rows, end = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["id"] for row in rows] == ["1"]
    assert end["end"]["rows"] == 1


async def test_every_port_may_be_of_ipv6(tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("IPv6 is NOT TRIED: this machine has none")
    ports = dict.fromkeys(("api", "link", "http", "metrics"), "[::1]:0")
    hub = Hub(hub_config(tmp_path, **ports))
    async with hub.running() as addresses, Client(addresses.api) as client:
        assert addresses.link.startswith("[::1]:")
        assert await client.connectors() == []
        async with httpx.AsyncClient(trust_env=False) as http:
            for address in (addresses.http, addresses.metrics):
                assert (await http.get(f"http://{address}/livez")).status_code == 200


async def test_the_hub_is_ready_while_it_runs(world: World, http: httpx.AsyncClient) -> None:
    assert (await http.get("/livez")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200


async def test_the_api_describes_itself(world: World, http: httpx.AsyncClient) -> None:
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/v1/connectors/{connector}/companies/{company}/orders" in document["paths"]
