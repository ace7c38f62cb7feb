"""The hub's composition root: builds everything in the order of need and runs it in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from mostek.hub.admin import Admin
from mostek.hub.api import ADMIN_SERVICE, admin_api, erp_api
from mostek.hub.config import HubConfig, split_address
from mostek.hub.http.app import create_app
from mostek.hub.keyring import Keyring, add_key, load_keys
from mostek.hub.link import Link
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.store import Store
from mostek.hub.writes import Writes
from mostek.link.v1.link_pb2_grpc import add_LinkServiceServicer_to_server
from mostek.wire.operations import SERVICE
from mostek.wire.session import Budget, SessionSettings

__all__ = ["Addresses", "Hub", "keyring"]

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
        settings = SessionSettings(heartbeat_interval=config.heartbeat_interval)
        self.link = Link(self.registry, settings, Budget(config.result_budget))
        self._ready = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Addresses]:
        """Listen until the block ends; then let running commands finish and close. Raises StoreError, KeyFileError."""
        store = await Store.open(self.config.database, keyring(self.config))
        try:
            async with self._serving(store) as addresses:
                yield addresses
        finally:
            await store.close()

    @contextlib.asynccontextmanager
    async def _serving(self, store: Store) -> AsyncIterator[Addresses]:
        retention = self.config.retention_days * 24 * 3600.0
        writes = Writes(self.registry, store, retention=retention)
        router, admin = Router(self.registry, writes), Admin(self.registry, writes)
        await writes.dispatcher.start()
        try:
            link, link_port = await self._start_link()
            api, api_port = await self._start_api(router, admin)
            http, listener = self._http(router, admin)
        except OSError:
            await writes.stop()
            raise
        ticking = asyncio.create_task(self._tick(), name="tick")
        serving = asyncio.create_task(http.serve([listener]), name="http")
        self._ready = True
        host, http_port = listener.getsockname()[:2]
        addresses = Addresses(api=api_port, link=link_port, http=f"{host}:{http_port}")
        log.info("listening", api=addresses.api, link=addresses.link, http=addresses.http)
        try:
            yield addresses
        finally:
            self._ready = False
            await self.link.drain(RECONNECT_AFTER, self.config.drain_grace)
            await writes.stop()
            await api.stop(1.0)
            http.should_exit = True
            await serving
            ticking.cancel()
            await link.stop(0)
            log.info("stopped")

    async def _start_link(self) -> tuple[grpc.aio.Server, str]:
        server = grpc.aio.server(options=_OPTIONS)
        add_LinkServiceServicer_to_server(self.link, server)
        address = _bind(server, self.config.link)
        await server.start()
        return server, address

    async def _start_api(self, router: Router, admin: Admin) -> tuple[grpc.aio.Server, str]:
        server = grpc.aio.server(
            options=(*_OPTIONS, ("grpc.max_receive_message_length", MAX_REQUEST))
        )
        server.add_generic_rpc_handlers((erp_api(router), admin_api(admin)))
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        names = (
            SERVICE.full_name,
            ADMIN_SERVICE.full_name,
            health.SERVICE_NAME,
            reflection.SERVICE_NAME,
        )
        reflection.enable_server_reflection(names, server)
        for name in ("", SERVICE.full_name):
            await servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        address = _bind(server, self.config.api)
        await server.start()
        return server, address

    def _http(self, router: Router, admin: Admin) -> tuple[_HttpServer, socket.socket]:
        host, port = split_address(self.config.http)
        app = create_app(router, admin, ready=lambda: self._ready)
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, lifespan="off", ws="none"
        )
        listener = socket.create_server((host, port), backlog=2048)
        return _HttpServer(config), listener

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.link.tick()


def keyring(config: HubConfig) -> Keyring:
    """The keys of the configuration. Raises KeyFileError."""
    file = Path(config.key_file)
    if config.database.startswith("sqlite") and not file.exists():
        # One replica has its file to itself; several would each make a key of its own.
        log.warning("a key was made: keep a copy of it", file=str(file), key=add_key(file))
    return load_keys(file)


def _bind(server: grpc.aio.Server, address: str) -> str:
    host, _ = split_address(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise OSError(f"can't listen on {address}: is it taken by another process?") from error
    return f"{host}:{port}"
