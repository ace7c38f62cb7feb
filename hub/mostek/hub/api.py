"""The gRPC API: `ErpService` by its descriptor, bytes in and bytes out, and `AdminService`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc
from grpc.aio import ServicerContext

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.admin.v1.admin_service_pb2_grpc import AdminServiceServicer
from mostek.hub.admin import Admin
from mostek.hub.identity import LOCAL
from mostek.hub.router import Call, Router
from mostek.hub.status import status_of
from mostek.wire.failures import CommandFailure, Invalid, failure_of
from mostek.wire.names import COMMAND_ID, COMPANY, CONNECTOR, FAILURE, IDEMPOTENCY_KEY
from mostek.wire.operations import OPERATIONS, SERVICE, Operation

__all__ = ["AdminApi", "erp_api"]

#: Seconds for a call that states no deadline.
DEFAULT_TIMEOUT = 60.0

_Context = ServicerContext[bytes, bytes]


def erp_api(router: Router) -> grpc.GenericRpcHandler:
    """A handler for every operation of the contract."""
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        operation.name: grpc.unary_unary_rpc_method_handler(_handler(router, operation))
        for operation in OPERATIONS.values()
    }
    return grpc.method_handlers_generic_handler(SERVICE.full_name, handlers)


def _handler(router: Router, operation: Operation) -> Callable[[bytes, Any], Awaitable[bytes]]:
    async def handle(request: bytes, context: _Context) -> bytes:
        try:
            call = _call(operation, request, context)
            context.set_trailing_metadata(((COMMAND_ID, call.command_id),))
            return await router.call(call)
        except CommandFailure as failure:
            await _abort(context, failure)

    return handle


def _call(operation: Operation, request: bytes, context: _Context) -> Call:
    metadata = {key: value for key, value in context.invocation_metadata() or ()}
    connector = str(metadata.get(CONNECTOR, ""))
    if not connector:
        raise Invalid.of(CONNECTOR, "set this metadata to the connector's name")
    remaining = context.time_remaining()
    return Call(
        operation=operation,
        connector=connector,
        company=str(metadata.get(COMPANY, "")),
        request=request,
        timeout=DEFAULT_TIMEOUT if remaining is None else remaining,
        caller=LOCAL.name,
        idempotency_key=str(metadata.get(IDEMPOTENCY_KEY, "")),
    )


async def _abort(context: ServicerContext[Any, Any], failure: CommandFailure) -> NoReturn:
    details = failure_of(failure).SerializeToString()
    await context.abort(status_of(failure).grpc, failure.message, ((FAILURE, details),))


class AdminApi(AdminServiceServicer):
    """`AdminService` over gRPC."""

    def __init__(self, inner: Admin) -> None:
        self._inner = inner

    async def ListConnectors(
        self,
        request: admin.ListConnectorsRequest,
        context: ServicerContext[admin.ListConnectorsRequest, admin.ListConnectorsResponse],
    ) -> admin.ListConnectorsResponse:
        """All connectors."""
        return self._inner.list_connectors(request)

    async def GetConnector(
        self,
        request: admin.GetConnectorRequest,
        context: ServicerContext[admin.GetConnectorRequest, admin.GetConnectorResponse],
    ) -> admin.GetConnectorResponse:
        """One connector."""
        try:
            return self._inner.get_connector(request)
        except CommandFailure as failure:
            await _abort(context, failure)
