"""A whole list as newline-delimited JSON: a line per item, then one that says how it ended.

    {"end": {"rows": 1234, "change_token": "…", "unavailable_fields": […]}}
    {"error": {…problem document…, "rows": 800, "page_token": "…"}}

`page_token` in the error line is where to go on; it is absent if that is the beginning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mostek.hub.call import Call
from mostek.hub.http.disconnect import unless_gone
from mostek.hub.http.json import compact, encoded_each
from mostek.hub.http.problems import problem
from mostek.hub.http.routes import Route
from mostek.wire.failures import Cancelled, CommandFailure, Internal
from mostek.wire.names import COMMAND_ID

__all__ = ["MEDIA_TYPE", "Export"]

MEDIA_TYPE = "application/x-ndjson"
#: Items of a page, where the caller does not say.
_PAGE_SIZE = 1000
#: Bytes that are sent at once.
_CHUNK = 64 * 1024
#: Seconds before a page is asked for again: where the failure does not say, and at most.
_PAUSE = 1.0
_LONGEST_PAUSE = 10.0

log = structlog.get_logger("mostek.hub.http.export")


class Export(Response):
    """Streams a list page by page. While one page is written the next is read; a slow caller holds back both.

    `send` is the router's `call`, `call_of` makes a call of a request's bytes. A retriable failure of a page is
    tried once more.
    """

    def __init__(
        self,
        route: Route,
        request: Any,
        send: Callable[[Call], Awaitable[bytes]],
        call_of: Callable[[bytes], Call],
    ) -> None:
        super().__init__(media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        assert route.items is not None
        self._items = route.items.name
        self._decode = route.decode
        self._request = request
        if not request.HasField("page_size"):
            request.page_size = _PAGE_SIZE
        self._send_call = send
        self._call_of = call_of
        self._rows = 0
        #: The page that is not yet written as a whole.
        self._token: str = request.page_token
        self._first: Any = None

    async def begin(self) -> None:
        """Read the first page, so that what is wrong with the request is told by the status. Raises CommandFailure."""
        call = self._call(self._token)
        self.headers[COMMAND_ID] = call.command_id
        page = await self._page(call)
        if isinstance(page, CommandFailure):
            raise page
        self._first = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything, or stop when the caller goes away."""
        try:
            await unless_gone(receive, self._stream(send))
        except Cancelled:
            log.info("caller left an export", rows=self._rows)

    async def _stream(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            last = await self._pages(send)
        except Exception:
            log.exception("export failed in the hub", rows=self._rows)
            last = self._broken(Internal("The hub failed; its log says why."))
        await send({"type": "http.response.body", "body": compact(last) + b"\n"})

    async def _pages(self, send: Send) -> dict[str, Any]:
        """Write the pages; the last line."""
        page = self._first
        while True:
            coming = None
            async with asyncio.TaskGroup() as group:
                if page.next_page_token:
                    coming = group.create_task(self._page(self._call(page.next_page_token)))
                await self._write(getattr(page, self._items), send)
            if coming is None:
                return self._ended(page)
            self._token = page.next_page_token
            page = coming.result()
            if isinstance(page, CommandFailure):
                return self._broken(page)

    async def _write(self, items: Any, send: Send) -> None:
        lines: list[bytes] = []
        size = 0
        async for line in encoded_each(items):
            lines.append(line)
            size += len(line)
            if size >= _CHUNK:
                await self._send_lines(lines, send)
                lines, size = [], 0
        if lines:
            await self._send_lines(lines, send)

    async def _send_lines(self, lines: list[bytes], send: Send) -> None:
        body = b"\n".join(lines) + b"\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})
        self._rows += len(lines)

    async def _page(self, call: Call) -> Any:
        """The response, or the failure: a page that can't be had must not end the writing of the one before."""
        try:
            return await self._answer(call)
        except CommandFailure as failure:
            if not failure.retriable:
                return failure
            pause = _PAUSE if failure.retry_after is None else failure.retry_after
        await asyncio.sleep(min(pause, _LONGEST_PAUSE))
        try:
            return await self._answer(self._call_of(call.request))
        except CommandFailure as failure:
            return failure

    async def _answer(self, call: Call) -> Message:
        return self._decode(await self._send_call(call))

    def _call(self, token: str) -> Call:
        if token:
            self._request.page_token = token
        return self._call_of(self._request.SerializeToString())

    def _ended(self, page: Any) -> dict[str, Any]:
        about: dict[str, Any] = {"rows": self._rows}
        if page.change_token:
            about["change_token"] = page.change_token
        if page.unavailable_fields:
            about["unavailable_fields"] = [
                MessageToDict(field, preserving_proto_field_name=True)
                for field in page.unavailable_fields
            ]
        return {"end": about}

    def _broken(self, failure: CommandFailure) -> dict[str, Any]:
        about = problem(failure) | {"rows": self._rows}
        if self._token:
            about["page_token"] = self._token
        return {"error": about}
