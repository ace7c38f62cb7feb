"""The way of a call through hub and connector, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import grpc
import pytest

from mostek.erp.v1.customer_pb2 import (
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest
from mostek.erp.v1.erp_service_pb2_grpc import ErpServiceStub
from mostek.erp.v1.product_pb2 import ListProductsRequest
from mostek.link.v1.link_pb2 import (
    ConnectorToHub,
    GoodbyeReason,
    Hello,
    HubToConnector,
    Part,
    Status,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.plugin.plugin import Context, NoConfig, Site
from mostek.wire.failures import (
    Denied,
    Expired,
    Internal,
    Invalid,
    NotFound,
    Offline,
    Overloaded,
    TooLarge,
    Unsupported,
)

from .conftest import Notebook, World


def background(call: Awaitable[Any]) -> asyncio.Task[Any]:
    async def wait() -> Any:
        return await call

    return asyncio.create_task(wait())


async def test_a_call_reaches_the_plugin_and_comes_back(world: World) -> None:
    async with world.connector():
        response = await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
    assert response.customer.id == "7"


async def test_a_plugin_may_answer_in_the_event_loop(world: World) -> None:
    async with world.connector():
        response = await world.client.connector("acme").DescribeErp(DescribeErpRequest())
    assert response.erp.program == "Notebook"


async def test_a_response_of_many_parts_arrives_whole(world: World) -> None:
    async with world.connector():
        response = await world.client.connector("acme").ListCustomers(
            ListCustomersRequest(text="large")
        )
    assert len(response.customers[0].name) == 3_000_000


async def test_a_response_over_the_size_of_the_link_says_so(world: World) -> None:
    async with world.connector():
        with pytest.raises(TooLarge, match="Ask for fewer rows or fields"):
            await world.client.connector("acme").ListCustomers(ListCustomersRequest(text="huge"))


async def test_a_denied_field_does_not_leave_the_site(world: World) -> None:
    async with world.connector():
        response = await world.client.connector("acme").ListCustomers(ListCustomersRequest())
    assert not response.customers[0].HasField("pesel")


async def test_an_unknown_connector_is_not_found(world: World) -> None:
    with pytest.raises(NotFound, match="No connector 'nobody' is known"):
        await world.client.connector("nobody").GetCustomer(GetCustomerRequest(id="7"))


async def test_an_offline_connector_fails_at_once_and_says_when_to_come_back(world: World) -> None:
    async with world.connector():
        pass
    await world.until(lambda: not world.online("acme"))
    with pytest.raises(Offline, match="acme is offline") as offline:
        await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
    assert offline.value.retriable
    assert offline.value.retry_after


async def test_an_operation_that_the_plugin_lacks_is_unsupported(world: World) -> None:
    async with world.connector():
        with pytest.raises(Unsupported, match="Notebook at acme does not serve ListProducts"):
            await world.client.connector("acme").ListProducts(ListProductsRequest())


async def test_an_operation_that_the_contract_lacks_is_unimplemented(
    world: World, channel: grpc.aio.Channel
) -> None:
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
    method = channel.unary_unary("/mostek.erp.v1.ErpService/DropTables")
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await method(b"")
    assert error.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_call_that_names_no_connector_is_told_how(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await ErpServiceStub(channel).GetCustomer(GetCustomerRequest(id="7"))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details() == "mostek-connector: set this metadata to the connector's name"


async def test_several_companies_must_be_named_and_are_kept_apart(world: World) -> None:
    async with world.connector(companies=("north", "south")):
        with pytest.raises(Invalid, match=r"several companies \(north, south\): name one"):
            await world.client.connector("acme").DescribeErp(DescribeErpRequest())
        south = world.client.connector("acme", "south")
        assert (await south.DescribeErp(DescribeErpRequest())).erp.company_name == "south"
        with pytest.raises(NotFound, match="serves no company 'west'"):
            await world.client.connector("acme", "west").DescribeErp(DescribeErpRequest())


async def test_a_bad_request_is_refused_before_it_reaches_the_site(world: World) -> None:
    async with world.connector():
        with pytest.raises(Invalid, match="page_size: must be at least 1"):
            await world.client.connector("acme").ListCustomers(ListCustomersRequest(page_size=0))


async def test_a_crash_in_a_plugin_tells_nothing_of_its_inside(world: World) -> None:
    async with world.connector():
        with pytest.raises(Internal) as crash:
            await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="crash"))
    assert "secret" not in str(crash.value)
    assert crash.value.command_id


async def test_the_erps_own_words_stay_at_the_site(world: World) -> None:
    async with world.connector():
        with pytest.raises(NotFound) as missing:
            await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="missing"))
    assert missing.value.erp_text == ""


async def test_an_abandoned_read_is_cancelled_down_to_the_plugin(world: World) -> None:
    async with world.connector() as connector:
        acme = world.client.connector("acme")
        task = background(acme.GetCustomer(GetCustomerRequest(id="slow")))
        await world.until(world.plugin.began.is_set)
        task.cancel()
        await world.until(world.plugin.stopped.is_set)
        session = world.acme.sessions[0]
        await world.until(lambda: session.rules.free_slots == 8)
    assert connector.config.connector.slots == 8


async def test_a_deadline_that_passes_stops_the_read_at_the_site(world: World) -> None:
    async with world.connector():
        with pytest.raises(Expired):
            await world.client.connector("acme").GetCustomer(
                GetCustomerRequest(id="slow"), timeout=0.2
            )
        await world.until(world.plugin.stopped.is_set)


async def test_more_calls_than_slots_are_refused_with_a_hint(world: World) -> None:
    async with world.connector(slots=2):
        acme = world.client.connector("acme")
        running = [background(acme.GetCustomer(GetCustomerRequest(id="slow"))) for _ in range(2)]
        await world.until(lambda: world.acme.sessions[0].rules.free_slots == 0)
        with pytest.raises(Overloaded, match="no room") as full:
            await acme.GetCustomer(GetCustomerRequest(id="7"))
        assert full.value.retry_after
        world.plugin.gate.set()
        await asyncio.gather(*running)
        assert (await acme.GetCustomer(GetCustomerRequest(id="7"))).customer.id == "7"


async def test_commands_beyond_the_threads_wait_for_one(world: World) -> None:
    async with world.connector(slots=8, threads=1):
        acme = world.client.connector("acme")
        slow = background(acme.GetCustomer(GetCustomerRequest(id="slow")))
        await world.until(world.plugin.began.is_set)
        waiting = background(acme.GetCustomer(GetCustomerRequest(id="7")))
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        world.plugin.gate.set()
        await slow
        assert (await waiting).customer.id == "7"


async def test_a_small_call_passes_large_ones(world: World) -> None:
    async with world.connector():
        acme = world.client.connector("acme")
        large = [
            background(acme.ListCustomers(ListCustomersRequest(text="large"))) for _ in range(4)
        ]
        small = await acme.GetCustomer(GetCustomerRequest(id="7"))
        assert small.customer.id == "7"
        for response in await asyncio.gather(*large):
            assert len(response.customers[0].name) == 3_000_000


async def test_a_lost_session_fails_its_reads_as_retriable(world: World) -> None:
    async with world.connector():
        acme = world.client.connector("acme")
        task = background(acme.GetCustomer(GetCustomerRequest(id="slow")))
        await world.until(world.plugin.began.is_set)
        for stream in list(world.hub.link._streams.values()):
            stream.cancel()
        with pytest.raises(Offline) as lost:
            await task
        assert lost.value.retriable


async def test_a_read_whose_session_is_lost_is_sent_once_more_to_the_other_instance(
    world: World,
) -> None:
    async with world.connector(), world.connector(instance="-two"):
        record = world.acme
        await world.until(lambda: len(record.sessions) == 2)
        acme = world.client.connector("acme")
        task = background(acme.GetCustomer(GetCustomerRequest(id="slow")))
        plugins = list(world.plugins.values())
        await world.until(lambda: any(plugin.began.is_set() for plugin in plugins))
        [other] = [plugin for plugin in plugins if not plugin.began.is_set()]
        other.gate.set()
        [busy] = [session for session in record.sessions if session.rules.outstanding]
        world.hub.link._streams[busy].cancel()
        assert (await task).customer.id == "slow"
        assert [plugin.calls for plugin in plugins] == [1, 1]


async def test_calls_go_to_the_instance_with_more_room(world: World) -> None:
    async with world.connector(slots=2), world.connector(instance="-two", slots=8):
        record = world.acme
        await world.until(lambda: len(record.sessions) == 2)
        acme = world.client.connector("acme")
        for _ in range(4):
            await acme.GetCustomer(GetCustomerRequest(id="7"))
        assert world.plugins["acme-two/main"].calls == 4


async def test_an_instance_that_comes_again_takes_over_from_its_older_session(world: World) -> None:
    hello = Hello(revision=1, connector="acme", instance="i", slots=1, status=Status())
    first = background(connect(world, ConnectorToHub(hello=hello)))
    await world.until(lambda: world.online("acme"))
    second = background(connect(world, ConnectorToHub(hello=hello)))
    record = world.acme
    await world.until(lambda: len(record.sessions) == 2)
    assert [session.rules.leaving for session in record.sessions] == [True, False]
    for task in (first, second):
        task.cancel()
    await asyncio.wait((first, second))


async def test_a_connector_comes_back_after_its_session_is_lost(world: World) -> None:
    async with world.connector():
        first = world.acme.sessions[0]
        # A stream that is cancelled while it sends a frame ends without a status: the first frames have to be through.
        await world.until(lambda: first.rules.round_trip > 0 and first._sending_since is None)
        for stream in list(world.hub.link._streams.values()):
            stream.cancel()
        await world.until(lambda: world.acme.sessions not in ([], [first]))
        response = await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="7"))
        assert response.customer.id == "7"


async def test_a_connector_that_stops_finishes_what_runs(world: World) -> None:
    acme = world.client.connector("acme")
    async with world.connector():
        task: asyncio.Task[GetCustomerResponse] = background(
            acme.GetCustomer(GetCustomerRequest(id="slow"))
        )
        await world.until(world.plugin.began.is_set)
        asyncio.get_running_loop().call_later(0.1, world.plugin.gate.set)
    assert (await task).customer.id == "slow"


async def test_the_hub_is_told_what_the_connector_serves(world: World) -> None:
    async with world.connector(writes=False):
        [connector] = await world.client.connectors()
        assert connector.online
        assert [company.name for company in connector.companies] == ["main"]
        assert connector.companies[0].operations == [
            "DescribeErp",
            "ListCustomers",
            "GetCustomer",
        ]
        assert connector.sessions[0].slots == 8


async def connect(world: World, *frames: ConnectorToHub) -> list[HubToConnector]:
    """Say these frames to the hub; all that it answers until it ends the stream."""

    async def said() -> Any:
        for frame in frames:
            yield frame
        await asyncio.sleep(5)

    async with grpc.aio.insecure_channel(world.addresses.link) as channel:
        call = LinkServiceStub(channel).Connect(said())
        async with asyncio.timeout(5):
            return [frame async for frame in call]


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (ConnectorToHub(part=Part(command_id="1", data=b"x")), "Hello must come first"),
        (ConnectorToHub(hello=Hello(revision=1, connector="a", instance="i")), "no slots"),
        (
            ConnectorToHub(hello=Hello(revision=1, connector="A B", instance="i", slots=1)),
            "name must be",
        ),
    ],
)
async def test_a_breach_of_the_protocol_ends_the_session_with_its_reason(
    world: World, frame: ConnectorToHub, fault: str
) -> None:
    *_, last = await connect(world, frame)
    assert last.goodbye.reason == GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR
    assert fault in last.goodbye.message


async def test_a_breach_in_an_open_session_takes_the_connector_offline(world: World) -> None:
    hello = Hello(revision=1, connector="acme", instance="i", slots=1, status=Status())
    bad = ConnectorToHub(part=Part(command_id="nothing", data=b"x"))
    *_, last = await connect(world, ConnectorToHub(hello=hello), bad)
    assert last.goodbye.reason == GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR
    await world.until(lambda: not world.online("acme"))


async def test_a_write_is_denied_at_a_site_that_allows_none(world: World) -> None:
    from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft

    async with world.connector(writes=False):
        create = world.client.connector("acme").with_key("k").CreateCustomer
        with pytest.raises((Denied, Unsupported)):
            await create(CreateCustomerRequest(customer=CustomerDraft(name="A")))


class _Pages(Notebook):
    """Large pages wait for the gate."""

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        if request.page_size > 200:
            self._wait(context)
        return super().list_customers(request, context)


async def test_more_exports_than_threads_leave_a_thread_to_a_small_call(world: World) -> None:
    world.plugins["acme/main"] = _Pages(NoConfig(), Site("main", world.state))
    async with world.connector(threads=2, slots=16):
        acme = world.client.connector("acme")
        exports = [
            background(acme.ListCustomers(ListCustomersRequest(page_size=1000))) for _ in range(8)
        ]
        await world.until(world.plugin.began.is_set)
        assert (await acme.GetCustomer(GetCustomerRequest(id="7"))).customer.id == "7"
        assert not any(export.done() for export in exports)
        world.plugin.gate.set()
        await asyncio.gather(*exports)
