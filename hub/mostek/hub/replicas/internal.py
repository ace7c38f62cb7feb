"""The internal port: answers other replicas from the sessions here. It asks nobody else: no call goes in circles."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import structlog
from grpc.aio import ServicerContext

from mostek.hub.call import Call
from mostek.hub.replica import NotThere
from mostek.hub.replicas.forwarding import (
    ABSENT,
    CALLER,
    CANCEL,
    LOST,
    PROBE,
    SERVICE,
    WHERE,
    caller_of,
)
from mostek.hub.session import SessionLost
from mostek.hub.status import status_of
from mostek.wire.failures import CommandFailure, failure_of
from mostek.wire.names import COMMAND_ID, COMPANY, CONNECTOR, FAILURE, TRACEPARENT
from mostek.wire.operations import OPERATIONS, Operation
from mostek.wire.operations import SERVICE as ERP_SERVICE
from mostek.wire.tracing import traceparent_of

__all__ = ["Inside", "internal_api"]

log = structlog.get_logger()

#: Seconds for a call that states no deadline; replicas state one.
_TIMEOUT = 60.0

_Context = ServicerContext[bytes, bytes]
#: Whether whoever calls is a replica.
Guard = Callable[[_Context], bool]


@dataclass(frozen=True)
class Inside:
    """What this replica does for others.

    `forwarded`: the response from a session here; raises CommandFailure, SessionLost, NotThere, TimeoutError.
    `answers`: whether a session of an id is here and its connector answers; one that does not leaves.
    `cancel`: ask for a write of an id to be cancelled and wait for the answer; whether it is under way here.
    """

    forwarded: Callable[[Call], Awaitable[bytes]]
    answers: Callable[[str], Awaitable[bool]]
    cancel: Callable[[str], Awaitable[bool]]


def internal_api(inside: Inside, guard: Guard) -> tuple[grpc.GenericRpcHandler, ...]:
    """Handlers of all that replicas ask."""

    async def probe(request: bytes, context: _Context) -> bytes:
        return b"alive" if await inside.answers(request.decode()) else b""

    async def cancel(request: bytes, context: _Context) -> bytes:
        return b"asked" if await inside.cancel(request.decode()) else b""

    reads = {
        operation.name: _guarded(guard, _read(inside, operation))
        for operation in OPERATIONS.values()
        if not operation.write
    }
    own = {PROBE: _guarded(guard, probe), CANCEL: _guarded(guard, cancel)}
    return (
        grpc.method_handlers_generic_handler(ERP_SERVICE.full_name, reads),
        grpc.method_handlers_generic_handler(SERVICE, own),
    )


def _guarded(
    guard: Guard, answer: Callable[[bytes, _Context], Awaitable[bytes]]
) -> grpc.RpcMethodHandler[bytes, bytes]:
    async def handle(request: bytes, context: Any) -> bytes:
        if not guard(context):
            log.warning("somebody who is no replica called the internal port", peer=context.peer())
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "This port is for replicas.")
        return await answer(request, context)

    return grpc.unary_unary_rpc_method_handler(handle)


def _read(inside: Inside, operation: Operation) -> Callable[[bytes, _Context], Awaitable[bytes]]:
    async def answer(request: bytes, context: _Context) -> bytes:
        try:
            return await inside.forwarded(_call(operation, request, context))
        except NotThere:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, "", (WHERE, ABSENT))
        except SessionLost as lost:
            await _abort(context, grpc.StatusCode.UNAVAILABLE, lost.message, (WHERE, LOST))
        except TimeoutError:
            await _abort(context, grpc.StatusCode.DEADLINE_EXCEEDED, "")
        except CommandFailure as failure:
            details = failure_of(failure).SerializeToString()
            await _abort(context, status_of(failure).grpc, failure.message, (FAILURE, details))

    return answer


async def _abort(
    context: _Context, code: grpc.StatusCode, message: str, *trailing: tuple[str, str | bytes]
) -> NoReturn:
    await context.abort(code, message, trailing)


def _call(operation: Operation, request: bytes, context: _Context) -> Call:
    metadata = {key: value for key, value in context.invocation_metadata() or ()}
    timeout = context.time_remaining()
    caller = metadata.get(CALLER, b"")
    return Call(
        operation=operation,
        connector=str(metadata.get(CONNECTOR, "")),
        company=str(metadata.get(COMPANY, "")),
        request=request,
        timeout=_TIMEOUT if timeout is None else timeout,
        caller=caller_of(caller if isinstance(caller, bytes) else b""),
        command_id=str(metadata.get(COMMAND_ID, "")),
        traceparent=traceparent_of(metadata.get(TRACEPARENT)),
    )
