"""Which operations exist, read from the contract: an operation is an rpc of `ErpService`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mostek.erp.v1 import erp_service_pb2
from mostek.wire.failures import Unsupported

__all__ = ["OPERATIONS", "SERVICE", "Operation", "operation", "snake"]

SERVICE = erp_service_pb2.DESCRIPTOR.services_by_name["ErpService"]


@dataclass(frozen=True)
class Operation:
    """An rpc of the contract. `write`: it changes the ERP, so it needs an idempotency key and has effect once."""

    name: str
    #: The rpc's name in snake_case: the plugin's method.
    method: str
    request: type[Message]
    response: type[Message]
    write: bool


def snake(name: str) -> str:
    """`ListCustomers` → `list_customers`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _operation(method: MethodDescriptor) -> Operation:
    level = method.GetOptions().idempotency_level
    return Operation(
        name=method.name,
        method=snake(method.name),
        request=GetMessageClass(method.input_type),
        response=GetMessageClass(method.output_type),
        write=level != MethodOptions.NO_SIDE_EFFECTS,
    )


#: rpc name → operation, in the order of the contract.
OPERATIONS = {method.name: _operation(method) for method in SERVICE.methods}


def operation(name: str) -> Operation:
    """The operation of that name. Raises Unsupported."""
    found = OPERATIONS.get(name)
    if found is None:
        raise Unsupported(
            f"{name!r} is no operation of the contract; see ErpService for those it has."
        )
    return found
