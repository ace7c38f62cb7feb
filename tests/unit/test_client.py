"""The caller's client, against a hub on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest

from mostek.admin.v1 import admin_service_pb2
from mostek.client import Client, Connector, idempotency_key, items, pages
from mostek.client.paging import item_field
from mostek.client.testing import FakeHub
from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.order_pb2 import CreateOrderRequest, CreateOrderResponse
from mostek.wire.failures import (
    CommandFailure,
    Expired,
    Internal,
    Invalid,
    Locked,
    NotFound,
    Offline,
    UnknownOutcome,
    Violation,
)
from mostek.wire.names import FAILURE
from mostek.wire.operations import OPERATIONS


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as fake:
        yield fake


@pytest.fixture
async def client(hub: FakeHub) -> AsyncIterator[Client]:
    async with Client(hub.address) as opened:
        yield opened


@pytest.fixture
def acme(client: Client) -> Connector:
    return client.connector("acme")


def numbered(request: ListCustomersRequest) -> ListCustomersResponse:
    """Seven customers in pages of two."""
    start = int(request.page_token or 0)
    found = [Customer(id=str(number)) for number in range(start, min(start + 2, 7))]
    following = str(start + 2) if start + 2 < 7 else None
    return ListCustomersResponse(customers=found, next_page_token=following)


class Breaking:
    """An answer that fails with each failure in turn, then works."""

    def __init__(self, *failures: CommandFailure) -> None:
        self.failures = list(failures)

    def __call__(self, request: ListCustomersRequest) -> ListCustomersResponse:
        if self.failures and request.page_token == "2":
            raise self.failures.pop(0)
        return numbered(request)


async def test_a_call_names_connector_and_company_and_returns_the_typed_response(
    hub: FakeHub, client: Client
) -> None:
    hub.answers["GetCustomer"] = lambda request: GetCustomerResponse(
        customer=Customer(id=request.id, address=Address(city="Łódź"))
    )
    acme = client.connector("acme", company="main")
    response = await acme.GetCustomer(GetCustomerRequest(id="17"))
    assert response.customer.address.city == "Łódź"
    assert hub.asked[0].metadata["mostek-connector"] == "acme"
    assert hub.asked[0].metadata["mostek-company"] == "main"
    assert "idempotency-key" not in hub.asked[0].metadata


async def test_a_connector_has_every_operation_of_the_contract(acme: Connector) -> None:
    assert all(callable(getattr(acme, name)) for name in OPERATIONS)


async def test_a_write_carries_its_key_and_other_calls_do_not(
    hub: FakeHub, acme: Connector
) -> None:
    hub.answers["CreateOrder"] = lambda request: CreateOrderResponse(id="1")
    await acme.with_key("first").with_key("order:7").CreateOrder(CreateOrderRequest())
    await acme.CreateOrder(CreateOrderRequest())
    assert hub.asked[0].metadata["idempotency-key"] == "order:7"
    assert hub.asked[0].metadata["mostek-connector"] == "acme"
    assert "idempotency-key" not in hub.asked[1].metadata


async def test_a_failure_of_the_hub_is_raised_as_its_class_with_all_it_says(
    hub: FakeHub, acme: Connector
) -> None:
    def refuse(request: Any) -> GetCustomerResponse:
        raise Locked(
            "Somebody edits it.",
            retry_after=2.5,
            violations=[Violation("id", "is being edited")],
        )

    hub.answers["GetCustomer"] = refuse
    with pytest.raises(Locked, match="Somebody edits it") as caught:
        await acme.GetCustomer(GetCustomerRequest(id="17"))
    assert caught.value.retriable
    assert caught.value.retry_after == 2.5
    assert caught.value.violations == (Violation("id", "is being edited"),)
    assert caught.value.command_id == "fake-1"


async def test_a_hub_that_is_not_there_is_offline_and_named() -> None:
    async with Client("127.0.0.1:1") as client:
        with pytest.raises(Offline, match=r"127\.0\.0\.1:1 can't be reached"):
            await client.connector("acme").GetCustomer(GetCustomerRequest(id="1"))
        with pytest.raises(Offline, match=r"127\.0\.0\.1:1"):
            await client.connectors()


async def test_a_write_that_was_never_sent_is_offline_too() -> None:
    async with Client("127.0.0.1:1") as client:
        with pytest.raises(Offline):
            await client.connector("acme").with_key("k").CreateOrder(CreateOrderRequest())


class Aborting(grpc.GenericRpcHandler):
    """A hub that answers every call with a bare gRPC status."""

    def __init__(self, code: grpc.StatusCode, trailing: bytes | None = None) -> None:
        self.code = code
        self.trailing = trailing

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        def abort(request: bytes, context: grpc.ServicerContext) -> bytes:
            if self.trailing is not None:
                context.set_trailing_metadata(((FAILURE, self.trailing),))
            context.abort(self.code, "Socket closed")

        return grpc.unary_unary_rpc_method_handler(abort)


async def aborted(code: grpc.StatusCode, trailing: bytes | None = None) -> CommandFailure:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Aborting(code, trailing),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with Client(f"127.0.0.1:{port}") as client:
            with pytest.raises(CommandFailure) as caught:
                await client.connector("acme").with_key("k").CreateOrder(CreateOrderRequest())
    finally:
        await server.stop(None)
    return caught.value


async def test_a_write_whose_connection_broke_has_an_unknown_outcome() -> None:
    failure = await aborted(grpc.StatusCode.UNAVAILABLE)
    assert isinstance(failure, UnknownOutcome)
    assert "same idempotency key" in failure.message


async def test_a_status_without_words_is_an_internal_failure() -> None:
    failure = await aborted(grpc.StatusCode.DATA_LOSS)
    assert isinstance(failure, Internal)
    assert "DATA_LOSS" in failure.message


async def test_a_failure_that_cant_be_read_is_internal() -> None:
    assert isinstance(await aborted(grpc.StatusCode.ABORTED, b"\xff\xff"), Internal)


@pytest.fixture
def gate(hub: FakeHub) -> Iterator[threading.Event]:
    """Until it is set, GetCustomer does not answer."""
    gate = threading.Event()

    def wait(request: Any) -> GetCustomerResponse:
        gate.wait(10)
        return GetCustomerResponse()

    hub.answers["GetCustomer"] = wait
    yield gate
    gate.set()


async def test_a_call_without_an_answer_in_time_is_expired(
    hub: FakeHub, acme: Connector, gate: threading.Event
) -> None:
    with pytest.raises(Expired, match="did not answer in time"):
        await acme.GetCustomer(GetCustomerRequest(id="1"), timeout=0.05)


async def test_the_clients_timeout_holds_for_every_call(
    hub: FakeHub, gate: threading.Event
) -> None:
    async with Client(hub.address, timeout=0.05) as client:
        with pytest.raises(Expired):
            await client.connector("acme").GetCustomer(GetCustomerRequest(id="1"))


async def test_a_cancelled_call_raises_cancelled_error(
    hub: FakeHub, acme: Connector, gate: threading.Event
) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await acme.GetCustomer(GetCustomerRequest(id="1"))


@pytest.mark.parametrize("name", ["", "-", "Acme", "a b", "żółw", "a_b"])
async def test_a_name_that_no_connector_can_have_is_refused_before_the_call(
    client: Client, name: str
) -> None:
    with pytest.raises(Invalid, match="mostek-connector"):
        client.connector(name)


@pytest.mark.parametrize("key", ["", "x" * 129, "klucz-ż", "a\nb", " a"])
async def test_a_key_that_metadata_cant_carry_is_refused(acme: Connector, key: str) -> None:
    with pytest.raises(Invalid, match="idempotency-key"):
        acme.with_key(key)


def test_a_key_of_parts_is_the_same_each_time_and_always_fits() -> None:
    assert idempotency_key("order", "WEB-17") == "order:WEB-17"
    assert idempotency_key("order", "zażółć") == idempotency_key("order", "zażółć")
    assert idempotency_key("order", "x" * 200).isascii()
    assert len(idempotency_key("order", "x" * 200)) <= 128


def test_a_key_without_parts_is_new_each_time() -> None:
    assert idempotency_key() != idempotency_key()


async def test_connectors_are_those_that_the_hub_knows(hub: FakeHub, client: Client) -> None:
    hub.connectors = [admin_service_pb2.Connector(name="acme", online=True)]
    assert [c.name for c in await client.connectors()] == ["acme"]


async def test_pages_come_in_order_to_the_last(hub: FakeHub, acme: Connector) -> None:
    hub.answers["ListCustomers"] = numbered
    found = pages(acme.ListCustomers, ListCustomersRequest(text="a"))
    assert [[c.id for c in page.customers] async for page in found] == [
        ["0", "1"],
        ["2", "3"],
        ["4", "5"],
        ["6"],
    ]
    assert [asked.request for asked in hub.asked] == [
        ListCustomersRequest(text="a", page_token=token) for token in (None, "2", "4", "6")
    ]


async def test_items_are_those_of_all_pages(hub: FakeHub, acme: Connector) -> None:
    hub.answers["ListCustomers"] = numbered
    found = [customer.id async for customer in items(acme.ListCustomers, ListCustomersRequest())]
    assert found == [str(number) for number in range(7)]


async def test_the_next_page_is_fetched_while_one_is_consumed(
    hub: FakeHub, acme: Connector
) -> None:
    second = threading.Event()

    def answer(request: ListCustomersRequest) -> ListCustomersResponse:
        if request.page_token == "2":
            second.set()
        return numbered(request)

    hub.answers["ListCustomers"] = answer
    async for _ in pages(acme.ListCustomers, ListCustomersRequest()):
        assert await asyncio.to_thread(second.wait, 5)
        break


async def test_the_token_is_that_of_the_page_being_consumed(hub: FakeHub, acme: Connector) -> None:
    hub.answers["ListCustomers"] = numbered
    found = pages(acme.ListCustomers, ListCustomersRequest())
    tokens = [found.token async for _ in found]
    assert tokens == ["", "2", "4", "6"]
    assert found.token == ""


async def test_a_list_goes_on_from_a_token(hub: FakeHub, acme: Connector) -> None:
    hub.answers["ListCustomers"] = numbered
    request = ListCustomersRequest(page_token="4")
    assert [c.id async for c in items(acme.ListCustomers, request)] == ["4", "5", "6"]


async def test_a_page_that_fails_in_a_way_that_may_pass_is_asked_for_again(
    hub: FakeHub, acme: Connector
) -> None:
    hub.answers["ListCustomers"] = Breaking(
        Offline("Away.", retry_after=0.0), Locked("Locked.", retry_after=0.0)
    )
    told: list[tuple[str, float]] = []
    found = pages(
        acme.ListCustomers,
        ListCustomersRequest(),
        on_retry=lambda failure, seconds: told.append((failure.message, seconds)),
    )
    assert [page.customers[0].id async for page in found] == ["0", "2", "4", "6"]
    assert told == [("Away.", 0.0), ("Locked.", 0.0)]


async def test_attempts_are_bounded_and_the_token_tells_where_to_go_on(
    hub: FakeHub, acme: Connector
) -> None:
    hub.answers["ListCustomers"] = Breaking(*[Offline("Away.", retry_after=0.0)] * 3)
    found = pages(acme.ListCustomers, ListCustomersRequest(), attempts=3)
    with pytest.raises(Offline):
        _ = [page async for page in found]
    assert len(hub.asked) == 4
    assert found.token == "2"


async def test_a_failure_that_will_not_pass_is_raised_at_once(
    hub: FakeHub, acme: Connector
) -> None:
    hub.answers["ListCustomers"] = Breaking(NotFound("None."))
    with pytest.raises(NotFound):
        _ = [page async for page in pages(acme.ListCustomers, ListCustomersRequest())]
    assert len(hub.asked) == 2


def test_every_list_of_the_contract_has_one_field_of_items() -> None:
    lists = [name for name in OPERATIONS if name.startswith("List")]
    assert [item_field(OPERATIONS[name].response).name for name in lists] == [
        name.removeprefix("List").lower() for name in lists
    ]


def test_a_response_that_is_no_lists_has_no_items() -> None:
    with pytest.raises(LookupError, match="GetCustomerResponse"):
        item_field(GetCustomerResponse)
