"""What somebody without a key can make the HTTP port hold is bounded, in bytes and in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mostek.hub.config import split_address
from mostek.hub.http import app as app_module
from mostek.hub.http.protocol import MAX_HEAD, BoundedHttp

from .conftest import World

ASKS = b"GET /livez HTTP/1.1\r\nhost: hub\r\n"
POSTS = b"POST /v1/connectors/acme/companies/-/customers HTTP/1.1\r\nhost: hub\r\ncontent-type: application/json\r\n"


class Raw:
    """A connection whose bytes the test writes itself."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Write; a connection that is closed takes no more."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answers(self) -> bytes:
        """All that comes until the hub closes the connection, which it must."""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def status(self) -> bytes:
        """The first line of an answer, which is read whole."""
        async with asyncio.timeout(10):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await self.reader.readexactly(size)
        return head.split(b"\r\n")[0]


@contextlib.asynccontextmanager
async def raw(world: World) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(*split_address(world.addresses.http))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


@pytest.mark.parametrize(
    "begins",
    [
        pytest.param(ASKS + b"x: ", id="one header"),
        pytest.param(b"GET /", id="a path"),
        pytest.param(
            POSTS + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: ", id="a trailer"
        ),
        pytest.param(ASKS + b"\r\n" + ASKS + b"x: ", id="the second request"),
    ],
)
async def test_a_head_without_end_is_cut_off(world: World, begins: bytes) -> None:
    async with raw(world) as caller:
        await caller.send(begins)
        # What the sockets between may hold comes on top.
        for _ in range(8 * 1024 * 1024 // MAX_HEAD + 4):
            await caller.send(b"a" * MAX_HEAD)
        await caller.answers()


async def test_many_headers_are_one_head_that_is_told_to_be_too_large(world: World) -> None:
    async with raw(world) as caller:
        for _ in range(MAX_HEAD // 60_000 + 2):
            await caller.send((b"" if _ else ASKS) + b"x: y\r\n" * 10_000)
            await asyncio.sleep(0.01)
        assert (await caller.answers()).startswith(b"HTTP/1.1 431 ")


async def test_a_long_query_is_taken(world: World) -> None:
    async with raw(world) as caller:
        query = b"&ids=" + b"1" * 60
        await caller.send(b"GET /livez?" + query * 1000 + b" HTTP/1.1\r\nhost: hub\r\n\r\n")
        assert await caller.status() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("chunk", [b"2\r\n  \r\n", b"400\r\n" + b" " * 1024 + b"\r\n"])
async def test_a_body_in_small_chunks_is_no_head(world: World, chunk: bytes) -> None:
    async with raw(world) as caller:
        await caller.send(POSTS + b"transfer-encoding: chunked\r\n\r\n")
        await caller.send(chunk * (2 * MAX_HEAD // len(chunk)) + b"2\r\n{}\r\n0\r\n\r\n")
        # It was read: the call has no key.
        assert await caller.status() == b"HTTP/1.1 400 Bad Request"
        await caller.send(ASKS + b"\r\n")
        assert await caller.status() == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(ASKS, b"x: y\r\n", id="header by header"),
        pytest.param(b"", b"\r\n", id="empty lines"),
    ],
)
async def test_a_head_that_does_not_come_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch, begins: bytes, goes_on: bytes
) -> None:
    monkeypatch.setattr(BoundedHttp, "head_within", 0.2)
    async with raw(world) as caller, asyncio.timeout(5):
        await caller.send(begins)
        answers = asyncio.create_task(caller.answers())
        while not answers.done():
            # It is never silent for long.
            await caller.send(goes_on)
            await asyncio.wait({answers}, timeout=0.02)


async def test_the_next_head_of_a_connection_is_not_waited_for_either(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedHttp, "head_within", 0.3)
    async with raw(world) as caller:
        await caller.send(ASKS + b"\r\n")
        assert await caller.status() == b"HTTP/1.1 200 OK"
        await caller.send(b"GET /li")
        await caller.answers()


async def test_a_body_that_does_not_come_ends_the_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "BODY_WITHIN", 0.1)
    async with raw(world) as caller:
        await caller.send(POSTS + b"content-length: 100\r\n\r\n{")
        assert await caller.status() == b"HTTP/1.1 408 Request Timeout"
        assert await caller.answers() == b""


async def test_what_is_no_http_has_no_line_of_the_log_each(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever scans the internet is nobody's affair, and could fill the disk."""
    for noise in (
        b"\x16\x03\x01 hello\r\n\r\n",
        ASKS + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n",
    ):
        async with raw(world) as caller:
            await caller.send(noise)
            assert await caller.reader.read(8) == b"HTTP/1.1"
    assert not [record for record in caplog.records if record.name.startswith("uvicorn")]


async def test_what_two_servers_would_read_differently_is_refused_and_the_connection_closed(
    world: World,
) -> None:
    """What stands before the hub may take the rest for somebody else's request."""
    rest = b"0\r\n\r\n" + ASKS + b"\r\n"
    for strange in (
        POSTS + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
        POSTS + b"content-length: 2\r\ncontent-length: 3\r\n\r\n",
        POSTS + b"content-length: -1\r\n\r\n",
        POSTS + b"transfer-encoding: xchunked\r\n\r\n",
        POSTS + b"transfer-encoding: chunked, identity\r\n\r\n",
        POSTS + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        ASKS + b"a: b\r\n c\r\n\r\n",
        ASKS + b"content-length : 5\r\n\r\n",
        ASKS.replace(b"\r\n", b"\n") + b"\n",
    ):
        async with raw(world) as caller:
            await caller.send(strange + rest)
            answers = await caller.answers()
        assert answers.startswith(b"HTTP/1.1 400 "), strange
        assert answers.count(b"HTTP/1.1 ") == 1, strange
