"""A peer that breaks the protocol is told so and let go, and nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import TYPE_CHECKING

import grpc
import httpx
import pytest

from mostek.admin.v1.admin_service_pb2 import ListAuditEntriesRequest
from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.link.v1.failure_pb2 import Failure, FailureKind
from mostek.link.v1.link_pb2 import (
    Command,
    Company,
    ConnectorToHub,
    Credit,
    Goodbye,
    GoodbyeReason,
    Hello,
    HubToConnector,
    Result,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.session import Budget, HubSession, SessionSettings
from tests.frames import random_frame

from .conftest import World

if TYPE_CHECKING:
    Connect = grpc.aio.StreamStreamMultiCallable[bytes, bytes]

CONNECT = "/mostek.link.v1.LinkService/Connect"
HELLO = Hello(revision=1, connector="noise", instance="i", slots=4)


def _connect(channel: grpc.aio.Channel) -> Connect:
    """The rpc of the link without its messages: bytes in, bytes out."""
    return channel.stream_stream(CONNECT)


async def _said(world: World, frames: Sequence[bytes]) -> Goodbye:
    """What the hub says at last to a stream that sends these bytes as its frames and nothing more."""
    last = Goodbye()
    async with grpc.aio.insecure_channel(world.addresses.link) as channel:
        call = _connect(channel)(iter(frames))
        with contextlib.suppress(grpc.aio.AioRpcError):
            async for answer in call:
                frame = HubToConnector.FromString(answer)
                if frame.HasField("goodbye"):
                    last = frame.goodbye
    return last


async def _serves(world: World) -> None:
    response = await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
    assert response.customer.id == "7"


def _noise(draw: Random) -> list[bytes]:
    """A stream that begins well or badly, and goes on with whatever is a frame."""
    frames = [random_frame(ConnectorToHub, draw) for _ in range(8)]
    if draw.random() < 0.8:
        frames.insert(0, ConnectorToHub(hello=HELLO))
    for frame in frames:
        if frame.HasField("hello"):
            frame.hello.connector = frame.hello.connector and HELLO.connector
    return [frame.SerializeToString() for frame in frames]


async def test_random_frames_end_their_own_session_only(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    draw = Random(7)
    async with world.connector():
        [session] = world.hub.registry.sessions()
        for _ in range(150):
            goodbye = await _said(world, _noise(draw))
            assert goodbye.reason in (0, GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR)
            assert bool(goodbye.reason) == bool(goodbye.message)
        await _serves(world)
        await world.until(lambda: world.hub.registry.sessions() == [session])
        assert world.hub.budget.used == 0
    assert "reading a session failed" not in capfd.readouterr().out


@pytest.mark.parametrize("first", [b"", b"\xff", b"\x0a\xff\xff\xff\xff\x0f", b"GET / HTTP/1.1"])
async def test_bytes_that_are_no_frame_are_told_as_such(world: World, first: bytes) -> None:
    draw = Random(first)
    async with world.connector():
        for opening in ([], [ConnectorToHub(hello=HELLO).SerializeToString()]):
            goodbye = await _said(world, [*opening, first, draw.randbytes(300)])
            assert goodbye.reason == GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR
            assert goodbye.message
        await _serves(world)
        await world.until(lambda: len(world.hub.registry.sessions()) == 1)


async def test_a_connector_has_a_bounded_number_of_instances(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mostek.hub.registry.MOST_SESSIONS", 2)
    async with world.connector(), world.connector(instance="-two"):
        await world.until(lambda: len(world.acme.sessions) == 2)
        hello = ConnectorToHub(hello=Hello(revision=1, connector="acme", instance="3", slots=1))
        said = await _said(world, [hello.SerializeToString()])
        await _serves(world)
    assert said.reason == GoodbyeReason.GOODBYE_REASON_REFUSED
    assert "stop those that are not needed" in said.message
    assert said.reconnect_after.seconds >= 30


async def test_a_failure_is_of_the_command_that_the_hub_sent_whatever_the_site_says(
    world: World,
) -> None:
    """The id is a header of the answer, and by it the audit is held against the site's journal."""
    forged = Failure(
        kind=FailureKind.FAILURE_KIND_REJECTED,
        message="No.",
        command_id="another\r\nset-cookie: stolen=1",
    )
    async with (
        grpc.aio.insecure_channel(world.addresses.link) as channel,
        httpx.AsyncClient(base_url=f"http://{world.addresses.http}", trust_env=False) as http,
    ):
        stream = LinkServiceStub(channel).Connect()
        company = Company(name="main", operations=["GetCustomer"])
        hello = Hello(revision=1, connector="acme", instance="i", slots=1)
        hello.status.companies.append(company)
        await stream.write(ConnectorToHub(hello=hello))
        await world.until(lambda: bool(world.hub.registry.sessions()))
        asking = asyncio.create_task(http.get("/v1/connectors/acme/companies/-/customers/1"))
        sent = ""
        while not sent:
            frame = await stream.read()
            assert isinstance(frame, HubToConnector)
            sent = frame.command.command_id
        await stream.write(ConnectorToHub(result=Result(command_id=sent, failure=forged)))
        answer = await asking
        stream.cancel()
        await world.hub.audit.flush()
        entries = await world.client.admin.ListAuditEntries(ListAuditEntriesRequest())
    assert answer.status_code == 422
    assert answer.headers["mostek-command"] == answer.json()["command_id"] == sent
    assert "set-cookie" not in answer.headers
    reads = [e for e in entries.audit_entries if e.operation == "GetCustomer"]
    assert [entry.command_id for entry in reads] == [sent]


class NoisyHub:
    """Plays a script to each stream, bytes for frames, and passes those after the last script on to a real hub."""

    def __init__(self, scripts: list[list[bytes]], real: str) -> None:
        self._scripts = iter(scripts)
        self._real = real
        #: What the connector said last, in each stream that it left with a word.
        self.goodbyes: list[Goodbye] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Where it listens."""
        connect: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(
            self._connect
        )
        server = grpc.aio.server()
        service = CONNECT.split("/")[1]
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Connect": connect}),)
        )
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            await server.stop(0)

    async def _connect(self, frames: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
        script = next(self._scripts, None)
        if script is None:
            async with grpc.aio.insecure_channel(self._real) as channel:
                async for answer in _connect(channel)(frames):
                    yield answer
            return
        for sent in script:
            yield sent
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                async for said in frames:
                    if (frame := ConnectorToHub.FromString(said)).HasField("goodbye"):
                        self.goodbyes.append(frame.goodbye)


def _welcome() -> bytes:
    rules = HubSession("s", SessionSettings(), Budget(10**6), now=0.0)
    rules.receive(ConnectorToHub(hello=HELLO), 0.0)
    frame = rules.outbox.next()
    assert frame is not None
    return frame.SerializeToString()


BREACHES = {
    "no Welcome": [HubToConnector(command=Command(command_id="1")).SerializeToString()],
    "a second Welcome": [_welcome(), _welcome()],
    "no frame of this revision": [_welcome(), b"\x9a\x06\x00"],
    "Credit that shrinks": [_welcome(), HubToConnector(credit=Credit(limit=1)).SerializeToString()],
    "no frame at all": [_welcome(), b"\xff\xff"],
}


@contextlib.asynccontextmanager
async def _through(world: World, scripts: list[list[bytes]]) -> AsyncIterator[NoisyHub]:
    """A connector that has come to the world's hub by way of a noisy one."""
    noisy = NoisyHub(scripts, world.addresses.link)
    async with noisy.running() as address, world.connector(link=address, within=30.0):
        yield noisy


@pytest.mark.parametrize("script", BREACHES.values(), ids=BREACHES.keys())
async def test_a_hub_that_breaks_the_protocol_is_told_why(
    world: World, script: list[bytes]
) -> None:
    async with _through(world, [script]) as noisy:
        [said] = noisy.goodbyes
        assert said.reason == GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR
        assert said.message
        await _serves(world)


async def test_a_connector_survives_any_frames_and_serves_the_next_hub(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    draw = Random(11)
    scripts = []
    for _ in range(30):
        frames = [random_frame(HubToConnector, draw) for _ in range(8)]
        for frame in frames:
            # The test does not wait as long as a hub may ask for.
            if frame.HasField("goodbye"):
                frame.goodbye.ClearField("reconnect_after")
        scripts.append([_welcome(), *(frame.SerializeToString() for frame in frames)])
    async with _through(world, scripts):
        await _serves(world)
    assert "Traceback" not in capfd.readouterr().out
