"""Lists as one stream: pages in order, the next one fetched while the last is consumed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from mostek.erp.v1.common_pb2 import UnavailableField
from mostek.wire.failures import CommandFailure

__all__ = ["Pages", "item_field", "items", "pages"]

#: Longest wait before a call is repeated, in seconds, unless the failure names its own.
MAX_WAIT = 30.0


class Page(Protocol):
    """What every response of a list has."""

    next_page_token: str


Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Page)


class Pages(Generic[Request, Response]):
    """The pages of a list, each a response of the operation.

    `token` is where to go on: that of the page being consumed until the next one is asked for, so it is right
    whatever breaks in between. Set it as `page_token` of a request with the same filters and mask.
    """

    def __init__(
        self,
        call: Callable[[Request], Awaitable[Response]],
        request: Request,
        attempts: int,
        on_retry: Callable[[CommandFailure, float], None] | None,
    ) -> None:
        self._call = call
        self._request = request
        self._attempts = attempts
        self._on_retry = on_retry
        self.token: str = _page_token(request)

    async def __aiter__(self) -> AsyncIterator[Response]:
        upcoming = asyncio.create_task(self._fetch(self.token), name="next page")
        try:
            while True:
                page = await upcoming
                if following := page.next_page_token:
                    upcoming = asyncio.create_task(self._fetch(following), name="next page")
                yield page
                self.token = following
                if not following:
                    return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)

    async def _fetch(self, token: str) -> Response:
        """The page, asked for again while it fails in a way that may pass."""
        request = _at(self._request, token)
        for attempt in range(self._attempts - 1):
            try:
                return await self._call(request)
            except CommandFailure as failure:
                if not failure.retriable:
                    raise
                seconds = _wait(failure, attempt)
                if self._on_retry:
                    self._on_retry(failure, seconds)
                await asyncio.sleep(seconds)
        return await self._call(request)


def pages(
    call: Callable[[Request], Awaitable[Response]],
    request: Request,
    *,
    attempts: int = 6,
    on_retry: Callable[[CommandFailure, float], None] | None = None,
) -> Pages[Request, Response]:
    """The pages of a list: `async for page in pages(acme.ListCustomers, ListCustomersRequest(active=True))`.

    A page that fails with a retriable failure is asked for up to `attempts` times, after the failure's `retry_after`
    or 1, 2, 4, … seconds, which `on_retry` is told. Raises the CommandFailure that remains.
    """
    return Pages(call, request, attempts, on_retry)


async def items(
    call: Callable[[Request], Awaitable[Response]], request: Request, *, attempts: int = 6
) -> AsyncIterator[Any]:
    """The items of a list, one by one: `async for customer in items(acme.ListCustomers, request)`.

    As `pages`, which keeps the item's type and tells where to go on.
    """
    async for page in pages(call, request, attempts=attempts):
        for item in getattr(page, item_field(page).name):
            yield item


def item_field(response: Any) -> FieldDescriptor:
    """The field of a list's response, or of its class, that holds the items. Raises LookupError if it is no list's."""
    descriptor: Descriptor = response.DESCRIPTOR
    if "next_page_token" in descriptor.fields_by_name:
        for field in descriptor.fields:
            item = field.message_type
            if field.is_repeated and item and item is not UnavailableField.DESCRIPTOR:
                return field
    raise LookupError(f"{descriptor.name} holds no list")


def _page_token(request: Any) -> str:
    token: str = request.page_token
    return token


def _at(request: Request, token: str) -> Request:
    copy: Any = type(request)()
    copy.CopyFrom(request)
    if token:
        copy.page_token = token
    at: Request = copy
    return at


def _wait(failure: CommandFailure, attempt: int) -> float:
    """Seconds until the next attempt: the failure's own, else doubling, shortened at random so that callers spread."""
    if failure.retry_after is not None:
        return failure.retry_after
    return min(2.0**attempt, MAX_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311 - spreads repetitions
