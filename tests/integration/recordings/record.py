"""Records what a connector and a hub say to each other: `python -m tests.integration.recordings.record FILE`.

The connector is the one that is installed, with its capabilities taken away. `connector-1.json` was made so on
2026-11-24 with the connector of the commit "Hold Subiekt GT's orders against the conformance suite for writes": no
capabilities, no credit for requests, no `process`. A recording is never made anew; a newer connector gets one more.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.descriptor import Descriptor

from mostek.client import Client
from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig, PolicyConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    Customer,
    CustomerDraft,
    CustomerMatch,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.hub.config import HubConfig
from mostek.hub.hub import Hub
from mostek.link.v1.link_pb2 import ConnectorToHub, Hello, HubToConnector
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.failures import CommandFailure, NotFound
from mostek.wire.session import SessionSettings

__all__ = ["CONNECT", "known_fields", "scenario"]

if TYPE_CHECKING:
    Connect = grpc.aio.StreamStreamMultiCallable[bytes, bytes]

CONNECT = "/mostek.link.v1.LinkService/Connect"


async def scenario(client: Client) -> list[str]:
    """The calls of a recording, one after the other, and what each came to."""
    old = client.connector("old")
    ends = [(await old.GetCustomer(GetCustomerRequest(id="7"))).customer.id]
    listed = await old.ListCustomers(ListCustomersRequest())
    ends.append(f"{len(listed.customers)} customers")
    try:
        await old.GetCustomer(GetCustomerRequest(id="missing"))
    except CommandFailure as failure:
        ends.append(f"{type(failure).__name__}: {failure.message}")
    with contextlib.suppress(TimeoutError):
        # Long enough for the command to be accepted.
        async with asyncio.timeout(1.2):
            await old.GetCustomer(GetCustomerRequest(id="slow"))
    draft = CustomerDraft(name="Zażółć")
    written = await old.with_key("k").CreateCustomer(CreateCustomerRequest(customer=draft))
    ends.append(f"written as {written.customer.id}")
    ends.append((await old.GetCustomer(GetCustomerRequest(id="8"))).customer.id)
    return ends


class _Book(Plugin):
    """What the scenario needs of an ERP."""

    erp = "Book"

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        if request.id == "missing":
            raise NotFound("No such customer.")
        if request.id == "slow":
            stopped = threading.Event()
            with context.on_cancel(stopped.set):
                stopped.wait(10)
            context.check()
        return GetCustomerResponse(customer=Customer(id=request.id))

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        return ListCustomersResponse(customers=[Customer(id=str(n)) for n in range(50)])

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        return CreateCustomerResponse(customer=CustomerMatch(id="1", created=True))


class _OldConnector(Connector):
    def _hello(self, *arguments: Any) -> Hello:
        hello = super()._hello(*arguments)
        hello.capabilities[:] = []
        return hello


class _Tape:
    """Passes the frames of a stream on, and keeps them."""

    def __init__(self, hub: str) -> None:
        self._hub = hub
        self.frames: list[tuple[str, str, str]] = []

    async def connect(self, said: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
        async def up() -> AsyncIterator[bytes]:
            async for frame in said:
                self._keep("up", ConnectorToHub.FromString(frame), frame)
                yield frame

        async with grpc.aio.insecure_channel(self._hub) as channel:
            call: Connect = channel.stream_stream(CONNECT)
            async for frame in call(up()):
                self._keep("down", HubToConnector.FromString(frame), frame)
                yield frame

    def _keep(self, way: str, parsed: ConnectorToHub | HubToConnector, frame: bytes) -> None:
        kind = parsed.WhichOneof("frame") or ""
        self.frames.append((way, kind, base64.b64encode(frame).decode("ascii")))


def known_fields(message: Descriptor) -> dict[str, list[int]]:
    """The numbers of the fields of a message and of all below it, by the messages' names."""
    known: dict[str, list[int]] = {}
    waiting = [message]
    while waiting:
        one = waiting.pop()
        if one.full_name not in known:
            known[one.full_name] = [field.number for field in one.fields]
            waiting += [field.message_type for field in one.fields if field.message_type]
    return known


async def _record(folder: Path) -> _Tape:
    any_port = "127.0.0.1:0"
    database = f"sqlite:///{folder}/hub.sqlite"
    keys = str(folder / "keys")
    hub = Hub(
        HubConfig(
            api=any_port,
            link=any_port,
            http=any_port,
            database=database,
            key_file=keys,
            insecure=True,
        )
    )
    # Small parts make a small recording.
    hub.link._settings = SessionSettings(part_size=64, window=256, max_window=1024)
    async with hub.running() as addresses, Client(addresses.api) as client:
        tape = _Tape(addresses.link)
        connect: grpc.RpcMethodHandler[bytes, bytes]
        connect = grpc.stream_stream_rpc_method_handler(tape.connect)
        server = grpc.aio.server()
        service = CONNECT.split("/")[1]
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Connect": connect}),)
        )
        port = server.add_insecure_port(any_port)
        await server.start()
        config = Config(
            hub=DialConfig(link=f"127.0.0.1:{port}", insecure=True),
            connector=ConnectorConfig(name="old", state=folder / "state", slots=4),
            policy=PolicyConfig(writes=True),
            companies={"main": CompanyConfig(plugin="book")},
        )
        company = Company("main", "book", _Book(NoConfig(), Site("main", folder)))
        async with _OldConnector(config, [company]).running():
            await _online(client)
            print(await scenario(client))
        await server.stop(1.0)
    return tape


async def _online(client: Client) -> None:
    while not await client.connectors():  # noqa: ASYNC110 - nothing here tells when one comes
        await asyncio.sleep(0.1)


def main(file: Path) -> None:
    """Write a recording."""
    with tempfile.TemporaryDirectory() as folder:
        tape = asyncio.run(_record(Path(folder)))
    lines = ",\n".join("  " + json.dumps(frame) for frame in tape.frames)
    knows = json.dumps(known_fields(HubToConnector.DESCRIPTOR))
    file.write_text(f'{{"knows": {knows},\n"frames": [\n{lines}\n]}}\n', encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
