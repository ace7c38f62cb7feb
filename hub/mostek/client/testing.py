"""A hub without an ERP, for the tests of what calls one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mostek.admin.v1 import admin_service_pb2
from mostek.wire.failures import CommandFailure, Unsupported, failure_of
from mostek.wire.names import COMMAND_ID, FAILURE
from mostek.wire.operations import OPERATIONS, SERVICE, Operation

__all__ = ["Asked", "FakeHub"]

ADMIN = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"]


@dataclass(frozen=True)
class Asked:
    """A call that the hub got."""

    operation: str
    request: Message
    metadata: dict[str, str | bytes]


class FakeHub:
    """A hub on loopback, over real gRPC, that answers as it is told.

        with FakeHub() as hub:
            hub.answers["GetCustomer"] = lambda request: GetCustomerResponse(customer=Customer(id=request.id))
            async with Client(hub.address) as client: ...

    An answer may raise a CommandFailure. `asked` are the calls so far; `connectors` what `Client.connectors` gets. The
    other rpcs of `AdminService` are answered in the same way.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[Any], Message]] = {}
        self.connectors: list[admin_service_pb2.Connector] = []
        self.asked: list[Asked] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((self._operations(), self._admin()))
        port = self._server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(None).wait()

    def _operations(self) -> grpc.GenericRpcHandler:
        methods = {operation.name: self._method(operation) for operation in OPERATIONS.values()}
        return grpc.method_handlers_generic_handler(SERVICE.full_name, methods)

    def _admin(self) -> grpc.GenericRpcHandler:
        methods = {method.name: self._admin_method(method) for method in ADMIN.methods}
        return grpc.method_handlers_generic_handler(ADMIN.full_name, methods)

    def _admin_method(self, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
        def answer(request: Message, context: grpc.ServicerContext) -> Message:
            if method.name == "ListConnectors":
                return admin_service_pb2.ListConnectorsResponse(connectors=self.connectors)
            return self._answer(method.name, request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer,
            GetMessageClass(method.input_type).FromString,
            GetMessageClass(method.output_type).SerializeToString,
        )

    def _method(self, operation: Operation) -> grpc.RpcMethodHandler[Any, Any]:
        def answer(request: Message, context: grpc.ServicerContext) -> Message:
            return self._answer(operation.name, request, context)

        return grpc.unary_unary_rpc_method_handler(
            answer, operation.request.FromString, operation.response.SerializeToString
        )

    def _answer(self, name: str, request: Message, context: grpc.ServicerContext) -> Message:
        self.asked.append(Asked(name, request, dict(context.invocation_metadata())))
        context.set_trailing_metadata(((COMMAND_ID, f"fake-{len(self.asked)}"),))
        try:
            if name not in self.answers:
                raise Unsupported(f"This hub was not told what {name} answers.")
            return self.answers[name](request)
        except CommandFailure as failure:
            failure.command_id = failure.command_id or f"fake-{len(self.asked)}"
            context.set_trailing_metadata(((FAILURE, failure_of(failure).SerializeToString()),))
            context.abort(grpc.StatusCode.ABORTED, failure.message)
