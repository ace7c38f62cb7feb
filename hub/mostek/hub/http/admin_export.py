"""A list of the hub's own as newline-delimited JSON, in the form that exports of an ERP's lists have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.responses import StreamingResponse

from mostek.hub.http.export import MEDIA_TYPE
from mostek.hub.http.json import compact, encoded_each
from mostek.hub.http.problems import problem
from mostek.hub.http.routes import Route
from mostek.wire.failures import CommandFailure

__all__ = ["AdminExport"]


class AdminExport(StreamingResponse):
    """Streams a list page by page, from its first page on; `page` answers a request for another."""

    def __init__(
        self, route: Route, request: Any, first: Any, page: Callable[[Any], Awaitable[Any]]
    ) -> None:
        assert route.items is not None
        self._items = route.items.name
        self._request = request
        self._page = page
        super().__init__(
            self._lines(first), media_type=MEDIA_TYPE, headers={"cache-control": "no-store"}
        )

    async def _lines(self, page: Any) -> AsyncIterator[bytes]:
        rows = 0
        while True:
            lines = [line async for line in encoded_each(getattr(page, self._items))]
            rows += len(lines)
            yield b"".join(line + b"\n" for line in lines)
            if not (token := page.next_page_token):
                break
            self._request.page_token = token
            try:
                page = await self._page(self._request)
            except CommandFailure as failure:
                broken = problem(failure) | {"rows": rows, "page_token": token}
                yield compact({"error": broken}) + b"\n"
                return
        yield compact({"end": {"rows": rows}}) + b"\n"
