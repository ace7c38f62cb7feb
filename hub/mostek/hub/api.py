"""The gRPC API: `ErpService` by its descriptor, bytes in and bytes out, and `AdminService` by its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn
from urllib.parse import unquote

import grpc
import structlog
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc.aio import ServicerContext

from mostek.hub.admin import ADMIN_SERVICE, Admin
from mostek.hub.call import Call, expire_after_of
from mostek.hub.gate import Gate
from mostek.hub.identity import Caller
from mostek.hub.router import Router
from mostek.hub.status import status_of, without_database
from mostek.hub.store import StoreError
from mostek.hub.writes import StillRunning
from mostek.wire.failures import CommandFailure, Internal, Invalid, Offline, failure_of
from mostek.wire.names import (
    AUTHORIZATION,
    COMMAND_ID,
    COMPANY,
    CONNECTOR,
    EXPIRE_AFTER,
    FAILURE,
    IDEMPOTENCY_KEY,
    ORDERING_KEY,
    TRACEPARENT,
)
from mostek.wire.operations import OPERATIONS, SERVICE, Operation
from mostek.wire.tracing import traceparent_of

__all__ = ["admin_api", "erp_api"]

log = structlog.get_logger()

#: Seconds for a call that states no deadline.
DEFAULT_TIMEOUT = 60.0
#: Part of its time, and at most so many seconds, by which a write's answer comes before the caller's deadline: after it
#: the caller would not see what the hub has to say.
_EARLIER = 0.1
_EARLIER_AT_MOST = 1.0

_Context = ServicerContext[bytes, bytes]


def erp_api(router: Router, gate: Gate) -> grpc.GenericRpcHandler:
    """A handler for every operation of the contract."""
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        operation.name: grpc.unary_unary_rpc_method_handler(_handler(router, gate, operation))
        for operation in OPERATIONS.values()
    }
    return grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)


def _handler(
    router: Router, gate: Gate, operation: Operation
) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def handle(request: bytes, context: _Context) -> bytes:
        async def recorded(command_id: str) -> None:
            # A caller whose deadline passes sees no trailing metadata, but it has these.
            await context.send_initial_metadata(((COMMAND_ID, command_id),))

        try:
            metadata = _metadata(context)
            caller = await _admitted(gate, metadata, context, operation.name)
            call = _call(operation, request, context, metadata, caller)
            answer = await router.answer(call, recorded)
            context.set_trailing_metadata(((COMMAND_ID, answer.command_id),))
            return answer.response
        except CommandFailure as failure:
            if router.registry.leaving and isinstance(failure, Offline | StillRunning):
                # Without words of ours it is to a client as if the hub were gone: it asks the one that comes next.
                trailing = ((COMMAND_ID, failure.command_id),)
                await context.abort(grpc.StatusCode.UNAVAILABLE, "The hub is restarting.", trailing)
            await _abort(context, failure)

    return handle


def _metadata(context: ServicerContext[Any, Any]) -> dict[str, str | bytes]:
    return dict(context.invocation_metadata() or ())


async def _admitted(
    gate: Gate,
    metadata: dict[str, str | bytes],
    context: ServicerContext[Any, Any],
    operation: str,
) -> Caller:
    authorization = str(metadata.get(AUTHORIZATION, ""))
    return await gate.admit(authorization, lambda: _address(context.peer()), operation)


def _address(peer: str) -> str:
    """`ipv4:10.0.0.1:5000` → `10.0.0.1`, `ipv6:%5B::1%5D:5000` → `::1`."""
    kind, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if kind in ("ipv4", "ipv6") else peer


def _call(
    operation: Operation,
    request: bytes,
    context: _Context,
    metadata: dict[str, str | bytes],
    caller: Caller,
) -> Call:
    connector = str(metadata.get(CONNECTOR, ""))
    if not connector:
        raise Invalid.of(CONNECTOR, "set this metadata to the connector's name")
    timeout = context.time_remaining()
    if timeout is None:
        timeout = DEFAULT_TIMEOUT
    elif operation.write:
        timeout -= min(timeout * _EARLIER, _EARLIER_AT_MOST)
    return Call(
        operation=operation,
        connector=connector,
        company=str(metadata.get(COMPANY, "")),
        request=request,
        timeout=timeout,
        caller=caller,
        idempotency_key=str(metadata.get(IDEMPOTENCY_KEY, "")),
        expire_after=expire_after_of(str(metadata.get(EXPIRE_AFTER, ""))),
        ordering_key=str(metadata.get(ORDERING_KEY, "")),
        traceparent=traceparent_of(metadata.get(TRACEPARENT)),
    )


async def _abort(context: ServicerContext[Any, Any], failure: CommandFailure) -> NoReturn:
    details = failure_of(failure).SerializeToString()
    trailing = ((FAILURE, details), (COMMAND_ID, failure.command_id))
    await context.abort(status_of(failure).grpc, failure.message, trailing)


def admin_api(admin: Admin, gate: Gate) -> grpc.GenericRpcHandler:
    """A handler for every rpc of `AdminService`."""
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        method.name: _admin_handler(method, admin, gate) for method in ADMIN_SERVICE.methods
    }
    return grpc.method_handlers_generic_handler(ADMIN_SERVICE.full_name, handlers)


def _admin_handler(
    method: MethodDescriptor, admin: Admin, gate: Gate
) -> grpc.RpcMethodHandler[Any, Any]:
    async def handle(request: Message, context: ServicerContext[Any, Any]) -> Any:
        try:
            caller = await _admitted(gate, _metadata(context), context, method.name)
            return await admin.answer(method.name, request, caller)
        except CommandFailure as failure:
            await _abort(context, failure)
        except StoreError as error:
            log.error("the store failed", rpc=method.name, reason=str(error))
            await _abort(context, without_database())
        except Exception:
            log.exception("call failed in the hub", rpc=method.name)
            await _abort(context, Internal("The hub failed; its log says why."))

    return grpc.unary_unary_rpc_method_handler(
        handle,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )
