"""The hub's composition root: builds everything in the order of need and runs it in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import grpc
import structlog
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mostek.admin.v1 import admin_service_pb2
from mostek.admin.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from mostek.hub.admin import Admin
from mostek.hub.api import AdminApi, erp_api
from mostek.hub.config import HubConfig, split_address
from mostek.hub.http.app import create_app
from mostek.hub.link import Link
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.link.v1.link_pb2_grpc import add_LinkServiceServicer_to_server
from mostek.wire.operations import SERVICE
from mostek.wire.session import Budget, SessionSettings

__all__ = ["Addresses", "Hub"]

log = structlog.get_logger()

#: Largest request that the gRPC API reads.
MAX_REQUEST = 1024 * 1024
#: A connector that is told to move comes back after about this many seconds.
RECONNECT_AFTER = 1.0

_OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.so_reuseport", 0),
)


@dataclass(frozen=True)
class Addresses:
    """Where the hub really listens."""

    api: str
    link: str
    http: str


class _HttpServer(uvicorn.Server):
    """Signals are the hub's own affair."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Hub:
    """The hub as an object: `async with Hub(config).running() as addresses: …`."""

    def __init__(self, config: HubConfig) -> None:
        self.config = config
        self.registry = Registry()
        self.router = Router(self.registry)
        self.admin = Admin(self.registry)
        settings = SessionSettings(heartbeat_interval=config.heartbeat_interval)
        self.link = Link(self.registry, settings, Budget(config.result_budget))
        self._ready = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Addresses]:
        """Listen until the block ends; then let running commands finish and close. Raises OSError: a port is taken."""
        # What is pushed last ends first.
        async with contextlib.AsyncExitStack() as ending:
            link = self._link_server()
            ending.push_async_callback(link.stop, 0)
            api, health_service = self._api_server()
            ending.push_async_callback(api.stop, 1.0)
            link_at = _bind(link, self.config.link)
            api_at = _bind(api, self.config.api)
            http, listener = self._http()
            host, http_port = listener.getsockname()[:2]
            await link.start()
            await api.start()
            ending.callback(asyncio.create_task(self._tick(), name="tick").cancel)
            serving = asyncio.create_task(http.serve([listener]), name="http")
            ending.push_async_callback(_stop_http, http, serving)
            ending.push_async_callback(self._drain, health_service)
            await self._serving(health_service)
            addresses = Addresses(api=api_at, link=link_at, http=f"{host}:{http_port}")
            log.info("listening", api=addresses.api, link=addresses.link, http=addresses.http)
            yield addresses
        log.info("stopped")

    async def _serving(self, health_service: health.aio.HealthServicer) -> None:
        self._ready = True
        for name in ("", SERVICE.full_name):
            await health_service.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _drain(self, health_service: health.aio.HealthServicer) -> None:
        """Say that no new calls are wanted, and let what runs finish."""
        self._ready = False
        await health_service.enter_graceful_shutdown()
        await self.link.drain(RECONNECT_AFTER, self.config.drain_grace)

    def _link_server(self) -> grpc.aio.Server:
        server = grpc.aio.server(options=_OPTIONS)
        add_LinkServiceServicer_to_server(self.link, server)
        return server

    def _api_server(self) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
        server = grpc.aio.server(
            options=(*_OPTIONS, ("grpc.max_receive_message_length", MAX_REQUEST))
        )
        server.add_generic_rpc_handlers((erp_api(self.router),))
        add_AdminServiceServicer_to_server(AdminApi(self.admin), server)
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        names = (
            SERVICE.full_name,
            admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
        )
        reflection.enable_server_reflection(names, server)
        return server, servicer

    def _http(self) -> tuple[_HttpServer, socket.socket]:
        host, port = split_address(self.config.http)
        app = create_app(self.router, self.admin, ready=lambda: self._ready)
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, lifespan="off", ws="none"
        )
        try:
            listener = socket.create_server((host, port), backlog=2048)
        except OSError as error:
            raise _taken(self.config.http) from error
        return _HttpServer(config), listener

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.link.tick()


async def _stop_http(server: _HttpServer, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving


def _bind(server: grpc.aio.Server, address: str) -> str:
    host, _ = split_address(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise _taken(address) from error
    return f"{host}:{port}"


def _taken(address: str) -> OSError:
    return OSError(f"can't listen on {address}: is it taken by another process?")
