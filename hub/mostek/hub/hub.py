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
        self.registry = Registry(config.return_grace)
        settings = SessionSettings(heartbeat_interval=config.heartbeat_interval)
        self.budget = Budget(config.result_budget)
        self.link = Link(self.registry, settings, self.budget)
        self._ready = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Addresses]:
        """Listen until the block ends; then let running commands finish and close.

        Raises OSError: a port is taken; StoreError, KeyFileError.
        """
        # What is pushed last ends first.
        async with contextlib.AsyncExitStack() as ending:
            store = await Store.open(self.config.database, keyring(self.config))
            ending.push_async_callback(store.close)
            retention = self.config.retention_days * 24 * 3600.0
            writes = Writes(self.registry, store, retention=retention)
            router, admin = Router(self.registry, writes), Admin(self.registry, writes)
            link = self._link_server()
            ending.push_async_callback(link.stop, 0)
            api, health_service = self._api_server(router, admin)
            ending.push_async_callback(api.stop, 1.0)
            link_at = _bind(link, self.config.link)
            api_at = _bind(api, self.config.api)
            http, listener = self._http(router, admin)
            host, http_port = listener.getsockname()[:2]
            await writes.dispatcher.start()
            # For a start that fails; a running hub stops its writes before the servers, which wait for them.
            ending.push_async_callback(writes.stop)
            await link.start()
            await api.start()
            closing = _Closing(link, api, http, self.config.drain_grace)
            ending.push_async_callback(closing.closed)
            ending.callback(asyncio.create_task(self._tick(), name="tick").cancel)
            serving = asyncio.create_task(http.serve([listener]), name="http")
            ending.push_async_callback(_stop_http, http, serving)
            ending.push_async_callback(writes.stop)
            ending.push_async_callback(self._drain, health_service, closing)
            await self._serving(health_service)
            addresses = Addresses(api=api_at, link=link_at, http=f"{host}:{http_port}")
            log.info("listening", api=addresses.api, link=addresses.link, http=addresses.http)
            yield addresses
        log.info("stopped")

    async def _serving(self, health_service: health.aio.HealthServicer) -> None:
        self._ready = True
        for name in ("", SERVICE.full_name):
            await health_service.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def _drain(self, health_service: health.aio.HealthServicer, closing: _Closing) -> None:
        """Say that no new calls are wanted, stop listening, and let what runs finish."""
        self._ready = False
        await health_service.enter_graceful_shutdown()
        draining = asyncio.create_task(self.link.drain(RECONNECT_AFTER, self.config.drain_grace))
        # Connectors are told first: the new hub is theirs as soon as the ports are free.
        await asyncio.sleep(0)
        closing.start()
        await draining

    def _link_server(self) -> grpc.aio.Server:
        server = grpc.aio.server(options=_OPTIONS)
        add_LinkServiceServicer_to_server(self.link, server)
        return server

    def _api_server(
        self, router: Router, admin: Admin
    ) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
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
        return server, servicer

    def _http(self, router: Router, admin: Admin) -> tuple[_HttpServer, socket.socket]:
        host, port = split_address(self.config.http)
        app = create_app(router, admin, ready=lambda: self._ready)
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            # Whoever does not read its response must not keep the hub from ending.
            timeout_graceful_shutdown=max(1, round(self.config.drain_grace)),
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


class _Closing:
    """The servers' ends: from `start` on they take no new calls, and another process can have their ports."""

    def __init__(
        self, link: grpc.aio.Server, api: grpc.aio.Server, http: _HttpServer, grace: float
    ) -> None:
        self._servers = (link, api)
        self._http = http
        self._grace = grace
        self._stopping: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Stop listening; what runs has its grace."""
        self._http.should_exit = True
        self._stopping += [
            asyncio.create_task(server.stop(self._grace)) for server in self._servers
        ]

    async def closed(self) -> None:
        """Wait until nothing runs any more, or the grace is over."""
        await asyncio.gather(*self._stopping)


async def _stop_http(server: _HttpServer, serving: asyncio.Task[None]) -> None:
    server.should_exit = True
    await serving


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
        raise _taken(address) from error
    return f"{host}:{port}"


def _taken(address: str) -> OSError:
    return OSError(f"can't listen on {address}: is it taken by another process?")
