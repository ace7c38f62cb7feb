"""Which rpc answers at which path, by the rules of the AIPs. No operation is named here.

    List<Plural>              GET   …/<plural>                 AIP-132
    Get<Singular>             GET   …/<plural>/{id}            AIP-131
    Get<Singular><Rest>       GET   …/<plural>/{id}/<rest>     AIP-156
    Create<Singular>          POST  …/<plural>                 AIP-133
    <Verb><Singular>          POST  …/<plural>:<verb>          AIP-136
                              …/<plural>/{id}:<verb> for one that has an id, GET for a read
    <Verb><Other>             …:<verb> on the company itself, GET for a read without a body

A singular is the message that a `List<Plural>` returns. The body of a POST is the request's one message field; all
other fields of a request are query parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from mostek.admin.v1 import admin_service_pb2
from mostek.hub.http.descriptors import message_of
from mostek.wire.failures import Internal
from mostek.wire.operations import SERVICE, snake

__all__ = ["ADMIN_ROUTES", "ERP_ROUTES", "Route"]


@dataclass(frozen=True)
class Route:
    """One rpc as HTTP."""

    method: str
    #: With names in braces.
    path: str
    rpc: MethodDescriptor
    request: type[Message]
    response: type[Message]
    #: The request's field that the path gives, if it gives one.
    key: str = ""
    #: The request's field that the body is.
    body: FieldDescriptor | None = None
    #: The response's repeated field, if the rpc is a list.
    items: FieldDescriptor | None = None

    @property
    def write(self) -> bool:
        """Whether the rpc changes the ERP."""
        return _writes(self.rpc)

    @property
    def paged(self) -> bool:
        """Whether the rpc is a list of pages, which can be had as one export."""
        return "next_page_token" in self.rpc.output_type.fields_by_name

    def decode(self, data: bytes) -> Message:
        """The response that the bytes hold. Raises Internal."""
        try:
            return self.response.FromString(data)
        except DecodeError:
            raise Internal(f"The connector's response is no {self.rpc.output_type.name}.") from None

    @property
    def given_elsewhere(self) -> frozenset[str]:
        """The request's fields that path and body give, and so the query does not."""
        return frozenset(name for name in (self.key, self.body.name if self.body else "") if name)


def _routes(service: ServiceDescriptor, parent: str) -> tuple[Route, ...]:
    lists = [method for method in service.methods if method.name.startswith("List")]
    plural_of = {message_of(item).name: item.name for item in map(_items, lists)}
    return tuple(_route(method, parent, plural_of) for method in service.methods)


def _route(method: MethodDescriptor, parent: str, plural_of: Mapping[str, str]) -> Route:
    name = method.name
    if name.startswith("List"):
        items = _items(method)
        return _made(method, "GET", f"{parent}/{items.name}", items=items)
    if name.startswith("Get"):
        return _get(method, parent, plural_of)
    for singular, plural in plural_of.items():
        if name.endswith(singular):
            verb = snake(name.removesuffix(singular))
            if key := _key(method):
                path = f"{parent}/{plural}/{{{key}}}:{verb}"
                return _made(method, "POST" if _writes(method) else "GET", path, key=key)
            path = f"{parent}/{plural}" + ("" if verb == "create" else f":{verb}")
            return _made(method, "POST", path, body=_body(method))
    verb = snake(name).partition("_")[0]
    return _made(method, "POST" if _writes(method) else "GET", f"{parent}:{verb}")


def _writes(method: MethodDescriptor) -> bool:
    return bool(method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS)


def _get(method: MethodDescriptor, parent: str, plural_of: Mapping[str, str]) -> Route:
    noun = method.name.removeprefix("Get")
    singular = max((s for s in plural_of if noun.startswith(s)), key=len)
    key = _key(method)
    rest = snake(noun.removeprefix(singular))
    path = f"{parent}/{plural_of[singular]}/{{{key}}}" + (f"/{rest}" if rest else "")
    return _made(method, "GET", path, key=key)


def _key(method: MethodDescriptor) -> str:
    """The request's field that names one object; empty if it has none."""
    fields = method.input_type.fields_by_name
    return next((name for name in ("id", "name") if name in fields), "")


def _made(
    method: MethodDescriptor,
    verb: str,
    path: str,
    *,
    key: str = "",
    body: FieldDescriptor | None = None,
    items: FieldDescriptor | None = None,
) -> Route:
    request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    return Route(verb, path, method, request, response, key, body, items)


def _items(method: MethodDescriptor) -> FieldDescriptor:
    return method.output_type.fields_by_name[snake(method.name.removeprefix("List"))]


def _body(method: MethodDescriptor) -> FieldDescriptor:
    (field,) = (f for f in method.input_type.fields if f.message_type and not f.is_repeated)
    return field


#: The operations on a company of a connector.
ERP_ROUTES = _routes(SERVICE, "/v1/connectors/{connector}/companies/{company}")
#: What the hub itself answers.
ADMIN_ROUTES = _routes(admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"], "/v1")
