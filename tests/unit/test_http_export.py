"""Exports: whole lists as newline-delimited JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from mostek.erp.v1 import common_pb2, product_pb2, record_pb2
from mostek.hub.http import create_app
from mostek.hub.identity import ConnectorId
from mostek.hub.registry import Registry
from mostek.hub.session import LiveSession
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import CommandFailure, Drift, Offline

from .conftest import apis

COMPANY = "/v1/connectors/acme/companies/-/"
PATH = COMPANY + "products"
NDJSON = {"Accept": "application/x-ndjson"}
Asked = product_pb2.ListProductsRequest
Page = product_pb2.ListProductsResponse


class Site(Registry):
    """A connector that lists products in pages; its page tokens are the pages' numbers."""

    session_id = "s"

    def __init__(self, pages: int = 3, rows: int = 2) -> None:
        super().__init__()
        self.pages = pages
        self.rows = rows
        self.asked: list[Asked] = []
        self.commands: list[str] = []
        #: Failures that come once each, by the page's token.
        self.failures: dict[str, list[CommandFailure]] = {}
        self.on_page: Callable[[str], None] = lambda token: None

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        return cast(LiveSession, self), company

    async def call(
        self, command: Command, request: bytes, *, timeout: float, stop_when_abandoned: bool
    ) -> bytes:
        asked = Asked.FromString(request)
        self.asked.append(asked)
        self.commands.append(command.command_id)
        self.on_page(asked.page_token)
        if failures := self.failures.get(asked.page_token):
            raise failures.pop(0)
        return self.page(int(asked.page_token or 0)).SerializeToString()

    def page(self, number: int) -> Page:
        page = Page(change_token="c1")
        for row in range(self.rows):
            page.products.add(id=f"{number}-{row}", name="Śruba")
        if number + 1 < self.pages:
            page.next_page_token = str(number + 1)
        return page


async def export(site: Registry, query: str = "", path: str = "products") -> httpx.Response:
    transport = httpx.ASGITransport(app=create_app(*apis(site)))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        return await client.get(COMPANY + path + query, headers=NDJSON)


def lines(response: httpx.Response) -> list[Any]:
    return [json.loads(line) for line in response.text.splitlines()]


async def test_an_export_is_all_pages_and_an_end() -> None:
    site = Site(pages=3, rows=2)

    got = await export(site)

    assert got.status_code == 200
    assert got.headers["content-type"] == "application/x-ndjson"
    assert got.headers["mostek-command"] == site.commands[0]
    *items, end = lines(got)
    assert [item["id"] for item in items] == ["0-0", "0-1", "1-0", "1-1", "2-0", "2-1"]
    assert end == {"end": {"rows": 6, "change_token": "c1"}}
    assert "Śruba" in got.text
    assert " " not in got.text.splitlines()[0]


async def test_pages_are_of_a_thousand_unless_the_caller_says() -> None:
    site = Site(pages=1)
    await export(site)
    await export(site, "?page_size=7")

    assert [asked.page_size for asked in site.asked] == [1000, 7]


async def test_every_page_keeps_the_filters() -> None:
    site = Site(pages=3)

    await export(site, "?codes=A&codes=B")

    assert [asked.page_token for asked in site.asked] == ["", "1", "2"]
    assert all(list(asked.codes) == ["A", "B"] for asked in site.asked)
    assert len(set(site.commands)) == 3


async def test_an_export_goes_on_from_a_page_token() -> None:
    *items, end = lines(await export(Site(pages=3, rows=1), "?page_token=2"))

    assert [item["id"] for item in items] == ["2-0"]
    assert end["end"]["rows"] == 1


async def test_an_empty_list_is_an_end_only() -> None:
    assert lines(await export(Site(pages=1, rows=0))) == [
        {"end": {"rows": 0, "change_token": "c1"}}
    ]


async def test_the_end_tells_the_fields_that_were_not_available() -> None:
    class Without(Site):
        def page(self, number: int) -> Page:
            page = super().page(number)
            page.unavailable_fields.add(path="stock", reason=common_pb2.UNAVAILABLE_REASON_DRIFT)
            return page

    end = lines(await export(Without()))[-1]["end"]

    assert end["unavailable_fields"] == [{"path": "stock", "reason": "UNAVAILABLE_REASON_DRIFT"}]


async def test_a_break_tells_where_to_go_on() -> None:
    site = Site(pages=3, rows=2)
    site.failures["2"] = [Drift("Column dbo.tw__Towar.tw_Nazwa is missing.")]

    *items, last = lines(await export(site))

    assert len(items) == 4
    error = last["error"]
    assert (error["rows"], error["page_token"]) == (4, "2")
    assert (error["kind"], error["status"]) == ("DRIFT", 502)
    assert error["command_id"] == site.commands[-1]


async def test_a_retriable_failure_is_tried_once_more() -> None:
    site = Site(pages=3, rows=1)
    site.failures = {token: [Offline("Gone.", retry_after=0.0)] for token in ("", "1", "2")}

    *items, end = lines(await export(site))

    assert [item["id"] for item in items] == ["0-0", "1-0", "2-0"]
    assert end["end"]["rows"] == 3


async def test_a_second_failure_of_a_page_ends_the_export() -> None:
    site = Site(pages=2, rows=1)
    site.failures["1"] = [Offline("Gone.", retry_after=0.0), Offline("Gone.", retry_after=0.0)]

    assert lines(await export(site))[-1]["error"]["page_token"] == "1"


async def test_a_failure_of_the_first_page_is_told_by_the_status() -> None:
    site = Site()
    site.failures[""] = [Drift("Table dbo.tw__Towar is missing.")]

    got = await export(site)

    assert got.status_code == 502
    assert got.headers["content-type"] == "application/problem+json"
    assert (await export(site, "?page_size=0")).status_code == 400


async def test_a_page_that_is_no_page_is_where_to_go_on() -> None:
    class Garbled(Site):
        async def call(
            self, command: Command, request: bytes, *, timeout: float, stop_when_abandoned: bool
        ) -> bytes:
            data = await super().call(
                command, request, timeout=timeout, stop_when_abandoned=stop_when_abandoned
            )
            return b"\xff" if self.asked[-1].page_token == "1" else data

    last = lines(await export(Garbled(rows=2)))[-1]["error"]

    assert (last["kind"], last["rows"], last["page_token"]) == ("INTERNAL", 2, "1")


async def test_a_fault_while_a_page_is_written_repeats_that_page() -> None:
    class NoNumber(Site):
        async def call(
            self, command: Command, request: bytes, *, timeout: float, stop_when_abandoned: bool
        ) -> bytes:
            page = record_pb2.ListRecordsResponse(next_page_token="1")
            page.records.add()["n"] = 1.0
            if record_pb2.ListRecordsRequest.FromString(request).page_token == "1":
                page.records.add()["n"] = float("nan")
                page.next_page_token = "2"
            return page.SerializeToString()

    *rows, last = lines(await export(NoNumber(), path="records?list=x"))

    assert rows == [{"n": 1.0}]
    assert last["error"]["rows"] == 1
    assert last["error"]["page_token"] == "1"
    assert last["error"]["kind"] == "INTERNAL"
    assert "NaN" not in json.dumps(last)


class Caller:
    """An ASGI caller that reads only when told, and can go away."""

    def __init__(self) -> None:
        self.reads = asyncio.Semaphore(0)
        self.gone = asyncio.Event()
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.reads.acquire()
        self.sent.append(message)

    def ask(self, site: Registry) -> asyncio.Task[None]:
        scope = {
            "type": "http",
            "method": "GET",
            "path": PATH,
            "query_string": b"",
            "headers": [(b"accept", b"application/x-ndjson")],
        }
        app = create_app(*apis(site))
        return asyncio.create_task(app(scope, self.receive, self.send))


async def settled() -> None:
    """Let everything run that can run."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_a_caller_that_does_not_read_holds_back_the_pages() -> None:
    site, caller = Site(pages=100), Caller()
    exporting = caller.ask(site)

    caller.reads.release()
    await settled()
    assert len(site.asked) == 2  # the page that waits to be written, and the next

    for _ in range(200):
        caller.reads.release()
    await exporting
    assert len(site.asked) == 100
    assert not caller.sent[-1].get("more_body", False)


async def test_a_caller_that_goes_away_ends_the_export() -> None:
    cancelled = asyncio.Event()

    class Slow(Site):
        async def call(
            self, command: Command, request: bytes, *, timeout: float, stop_when_abandoned: bool
        ) -> bytes:
            data = await super().call(
                command, request, timeout=timeout, stop_when_abandoned=stop_when_abandoned
            )
            if self.asked[-1].page_token == "1":
                try:
                    await asyncio.Event().wait()
                finally:
                    cancelled.set()
            return data

    site, caller = Slow(), Caller()
    exporting = caller.ask(site)
    for _ in range(10):
        caller.reads.release()
    await settled()
    assert not exporting.done()

    caller.gone.set()
    await exporting

    assert cancelled.is_set()
    assert len(site.asked) == 2


async def test_a_caller_that_goes_away_while_a_line_is_sent_ends_the_export() -> None:
    site, caller = Site(pages=100), Caller()
    exporting = caller.ask(site)
    caller.reads.release()
    await settled()

    caller.gone.set()
    await exporting

    assert len(site.asked) == 2


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html"])
async def test_other_types_get_one_page(accept: str) -> None:
    site = Site()
    transport = httpx.ASGITransport(app=create_app(*apis(site)))
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as client:
        got = await client.get(PATH, headers={"Accept": accept})

    assert got.json()["next_page_token"] == "1"
    assert len(site.asked) == 1
