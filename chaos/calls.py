"""Writes as a caller sends them, over gRPC and over HTTP; whatever happens, the answer is something told."""

from __future__ import annotations

from typing import Any

import httpx
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from chaos.asked import Asked, Told
from mostek.client import Client
from mostek.erp.v1.common_pb2 import Address
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    CustomerChoice,
    OrderDraft,
    OrderLineDraft,
    PriceChoice,
    ProductChoice,
)
from mostek.hub.http.problems import kind_of
from mostek.wire.failures import CommandFailure
from mostek.wire.names import COMMAND_ID, IDEMPOTENCY_KEY
from mostek.wire.writes import erp_names

__all__ = ["over_grpc", "over_http", "path_of", "request_of"]


def request_of(asked: Asked) -> CreateOrderRequest | CreateCustomerRequest:
    """The message that asks for it."""
    if not asked.lines:
        return CreateCustomerRequest(customer=_customer(asked.tax_id))
    buyer = CustomerChoice(id=asked.buyer)
    if asked.tax_id:
        buyer = CustomerChoice(draft=_customer(asked.tax_id))
    lines = [
        OrderLineDraft(
            product=ProductChoice(id=line.product),
            quantity=str(line.quantity),
            price=PriceChoice(net=line.price),
        )
        for line in asked.lines
    ]
    draft = OrderDraft(external_number=asked.external_number, buyer=buyer, lines=lines)
    return CreateOrderRequest(order=draft)


def _customer(tax_id: str) -> CustomerDraft:
    address = Address(
        street="Burzowa", house_number="1", postal_code="00-950", city="Warszawa", country="PL"
    )
    return CustomerDraft(name=f"Chaos {tax_id}", tax_id=tax_id, address=address)


async def over_grpc(client: Client, asked: Asked, timeout: float) -> Told:
    """Ask by the client library."""
    request = request_of(asked)
    erp = client.connector(asked.site).with_key(asked.key)
    try:
        response: Any
        if isinstance(request, CreateOrderRequest):
            response = await erp.CreateOrder(request, timeout=timeout)
        else:
            response = await erp.CreateCustomer(request, timeout=timeout)
    except CommandFailure as failure:
        return Told(
            asked.key,
            asked.external_number,
            kind_of(failure.kind),
            command=failure.command_id,
            retriable=failure.retriable,
            message=failure.message,
        )
    return _written(asked, response)


def _written(asked: Asked, response: Message, command: str = "") -> Told:
    number, name = erp_names(response)
    customer = response.customer.id if isinstance(response, CreateOrderResponse) else number
    return Told(asked.key, asked.external_number, "ok", number, name, customer, command)


def path_of(site: str, collection: str) -> str:
    """Of a collection of the site's only company."""
    return f"/v1/connectors/{site}/companies/-/{collection}"


async def over_http(client: httpx.AsyncClient, asked: Asked, prefer: str) -> Told:
    """Ask by JSON; `prefer` as in RFC 7240."""
    request = request_of(asked)
    body, collection = ("order", "orders") if asked.lines else ("customer", "customers")
    try:
        response = await client.post(
            path_of(asked.site, collection),
            json=MessageToDict(getattr(request, body), preserving_proto_field_name=True),
            headers={IDEMPOTENCY_KEY: asked.key, "prefer": prefer},
        )
        return _answered(asked, response)
    except (httpx.HTTPError, ValueError) as error:
        # As the client library tells a broken connection.
        end = "UNKNOWN_OUTCOME"
        return Told(asked.key, asked.external_number, end, message=type(error).__name__)


def _answered(asked: Asked, response: httpx.Response) -> Told:
    command = response.headers.get(COMMAND_ID, "")
    told = (asked.key, asked.external_number)
    document = response.json()
    match response.status_code:
        case 200:
            written = document if asked.lines else document["customer"]
            number = written["number" if asked.lines else "code"]
            customer = document["customer"]["id"]
            return Told(*told, "ok", written["id"], number, customer, command)
        case 202:
            return Told(*told, "accepted", command=command)
        case _:
            return Told(
                *told,
                document["kind"],
                command=command,
                retriable=document["retriable"],
                message=document["detail"],
            )
