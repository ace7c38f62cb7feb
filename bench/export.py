"""A paged export through hub and connector against one local loop that reads, builds and serialises the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from google.protobuf.field_mask_pb2 import FieldMask

from bench.figure import Figure
from bench.processes import process, wait_for_port
from bench.quiet import wait_until_quiet
from chaos.processes import free_ports
from mostek.client import Client, pages
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.plugin.plugin import Context, Site
from mostek.wire.failures import CommandFailure
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create

__all__ = ["measure_export", "world"]

PRODUCTS = 100_000
PAGE = 1000
ROUNDS = 3
#: All fields, and a mask that needs no child queries, so that the link weighs most.
MASKS = {"": [], "_flat": ["id", "code", "name", "unit", "active"]}


def measure_export(folder: Path, say: Callable[[str], None]) -> list[Figure]:
    """Rows per second at the caller, against the loop's, in turns."""
    say(f"export: making {PRODUCTS} products")
    create(folder / "erp.sqlite", customers=100, products=PRODUCTS, invoices=100)
    with world(folder) as api:
        return [
            _compare(folder, api, f"export_{PRODUCTS // 1000}k_products{suffix}", mask, say)
            for suffix, mask in MASKS.items()
        ]


def _compare(
    folder: Path, api: int, name: str, mask: list[str], say: Callable[[str], None]
) -> Figure:
    ratios, ours, locals_ = [], [], []
    for number in range(1, ROUNDS + 1):
        wait_until_quiet()
        locals_.append(_local(folder, mask))
        ours.append(asyncio.run(_remote(api, mask)))
        ratios.append(ours[-1] / locals_[-1])
        say(f"{name}: round {number} of {ROUNDS}")
    detail = {
        "ours_rows_per_s": statistics.median(ours),
        "local_rows_per_s": statistics.median(locals_),
    }
    return Figure(name, statistics.median(ratios), 0.6, "higher", detail)


def _request(mask: list[str], token: str = "") -> ListProductsRequest:
    request = ListProductsRequest(page_size=PAGE, page_token=token)
    if mask:
        request.read_mask.CopyFrom(FieldMask(paths=mask))
    return request


def _local(folder: Path, mask: list[str]) -> float:
    config = SubiektGt.config_type.model_validate({"database": _database(folder)})
    plugin = SubiektGt(config, Site("main", folder, ZoneInfo("Europe/Warsaw")))
    plugin.open()
    rows, token = 0, ""
    began = time.perf_counter()
    while True:
        context = Context(operation="ListProducts", company="main", timeout=600)
        page = plugin.list_products(_request(mask, token), context)
        page.SerializeToString()
        rows += len(page.products)
        token = page.next_page_token
        if not token:
            break
    span = time.perf_counter() - began
    plugin.close()
    _check(rows)
    return rows / span


async def _remote(api: int, mask: list[str]) -> float:
    async with Client(f"127.0.0.1:{api}") as hub:
        acme = hub.connector("acme")
        rows = 0
        began = time.perf_counter()
        async for page in pages(acme.ListProducts, _request(mask)):
            rows += len(page.products)
        span = time.perf_counter() - began
    _check(rows)
    return rows / span


def _check(rows: int) -> None:
    # A few of the sandbox's products are deleted ones.
    if not PRODUCTS * 0.9 < rows <= PRODUCTS:
        raise RuntimeError(f"the export has {rows} rows")


def _database(folder: Path) -> dict[str, str]:
    return {"kind": "sqlite", "path": str(folder / "erp.sqlite"), "schema": "dbo"}


@contextlib.contextmanager
def world(folder: Path) -> Iterator[int]:
    """A hub and the connector of the sandbox that lies in the folder; the port of the hub's API."""
    api, link = free_ports(2)
    config = folder / "connector.toml"
    database = "\n".join(f"{k} = {json.dumps(v)}" for k, v in _database(folder).items())
    config.write_text(
        f'[hub]\nlink = "127.0.0.1:{link}"\ninsecure = true\n[connector]\nname = "acme"\n'
        f'[companies.main]\nplugin = "subiekt-gt"\n[companies.main.database]\n{database}\n',
        encoding="utf-8",
    )
    hub = {
        "MOSTEK_HUB_API": f"127.0.0.1:{api}",
        "MOSTEK_HUB_LINK": f"127.0.0.1:{link}",
        "MOSTEK_HUB_HTTP": "127.0.0.1:0",
        "MOSTEK_HUB_DATABASE": f"sqlite:///{folder}/hub.sqlite",
        "MOSTEK_HUB_KEY_FILE": str(folder / "hub.keys"),
        "MOSTEK_HUB_INSECURE": "true",
    }
    with process(folder / "hub.log", "mostek.hub", "serve", **hub):
        wait_for_port(api)
        with process(folder / "connector.log", "mostek.connector", "run", "-c", str(config)):
            asyncio.run(_online(api))
            yield api


async def _online(api: int) -> None:
    async with Client(f"127.0.0.1:{api}") as hub, asyncio.timeout(30):
        while True:
            with contextlib.suppress(CommandFailure):
                if any(connector.online for connector in await hub.connectors()):
                    return
            await asyncio.sleep(0.05)
