"""Whatever stands in a request of the hub's own API is refused or not there, in every database, and never a fault."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message_factory import GetMessageClass

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    ProductChoice,
)
from mostek.hub.admin import ADMIN_SERVICE
from mostek.hub.identity import ConnectorId, Scope
from mostek.hub.store import AuditKind
from mostek.wire.failures import Conflict, Denied, Invalid, NotFound

from .tenants import Edge, edge_of

#: What PostgreSQL refuses, what no column has room for, and what is more than anybody needs to say.
TEXTS = ["a\0b", "x" * 500, "x" * 100_000, "ą" * 70, "'; DROP TABLE audit; --", "a\r\nb: c"]


@pytest.fixture
async def edge(database: str) -> AsyncIterator[Edge]:
    async with edge_of(database, clock=time.time, steady=time.monotonic) as running:
        running.sites.connect("default", "acme")
        yield running


def texts(descriptor: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all texts of a message."""
    found = []
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            found.append((*path, field.name))
        elif field.message_type and field.message_type.file.package == descriptor.file.package:
            found += texts(field.message_type, (*path, field.name))
    return found


def filled(method: Any, path: tuple[str, ...], text: str) -> Any:
    """A request that is right but for one text."""
    request: Any = GetMessageClass(method.input_type)()
    match method.name:
        case "RevokeConnector":
            request.name = "acme"
        case "CreateApiKey":
            request.api_key.name = "new"
            request.api_key.scopes.append("read")
        case "ResolveCommand":
            request.resolution = admin.COMMAND_RESOLUTION_WRITTEN
    place = request
    for name in path[:-1]:
        place = getattr(place, name)
    if place.DESCRIPTOR.fields_by_name[path[-1]].is_repeated:
        getattr(place, path[-1]).append(text)
    else:
        setattr(place, path[-1], text)
    return request


async def test_every_text_of_every_request_is_refused_or_names_nothing(edge: Edge) -> None:
    key = await edge.key("default", "chief", *Scope, rate=1_000_000.0)
    async with edge.grpc(key) as client:
        for method in ADMIN_SERVICE.methods:
            for path in texts(method.input_type):
                for text in TEXTS:
                    try:
                        await getattr(client.admin, method.name)(filled(method, path, text))
                    except (Invalid, NotFound, Denied, Conflict):
                        continue


async def test_numbers_that_are_no_state_and_no_span_are_refused(edge: Edge) -> None:
    key = await edge.key("default", "chief", *Scope)
    endless = Duration(seconds=2**62)
    draft = admin.ConnectorDraft(name="next", token_valid_for=endless)
    states: Any = [77]
    async with edge.grpc(key) as client:
        await client.connector("acme").ListCustomers(ListCustomersRequest())
        for ask in (
            client.admin.ListCommands(admin.ListCommandsRequest(states=states)),
            client.admin.ListAuditEntries(admin.ListAuditEntriesRequest(kinds=states)),
            client.admin.CreateConnector(admin.CreateConnectorRequest(connector=draft)),
        ):
            with pytest.raises(Invalid):
                await ask


async def test_what_the_audit_keeps_of_a_request_is_short_also_while_it_waits(edge: Edge) -> None:
    key = await edge.key("default", "chief", Scope.READ)
    async with edge.grpc(key) as client:
        with pytest.raises(NotFound):
            await client.admin.GetCommand(admin.GetCommandRequest(id="x" * 60_000))
    async with edge.http(key) as http:
        path = f"/v1/connectors/{'y' * 30_000}/companies/{'%00' * 10_000}/customers"
        assert (await http.get(path)).status_code == 404
    waiting = edge.audit.waiting
    assert len(waiting) == 2
    assert all(len(str(entry)) < 1000 for entry in waiting)
    kept = await edge.entries("default", kinds=frozenset({AuditKind.READ}))
    assert [entry.operation for entry in kept] == ["GetCommand", "ListCustomers"]


async def test_a_number_that_no_database_takes_holds_up_no_write(edge: Edge) -> None:
    """The site has written by then: an end that can't be kept would be asked for again and again."""
    site = edge.sites.live[ConnectorId("default", "acme")]
    site.responses["CreateOrder"] = CreateOrderResponse(id="7", number="ZK\0 7/2026")
    line = OrderLineDraft(product=ProductChoice(code="A"), quantity="1")
    order = OrderDraft(external_number="1", buyer=CustomerChoice(id="1"), lines=[line])
    async with edge.grpc(await edge.key("default", "crm", Scope.WRITE)) as client:
        acme = client.connector("acme").with_key("k")
        async with asyncio.timeout(10):
            assert (await acme.CreateOrder(CreateOrderRequest(order=order))).id == "7"
        [command] = (await client.admin.ListCommands(admin.ListCommandsRequest())).commands
    assert command.erp_number.startswith("ZK")
