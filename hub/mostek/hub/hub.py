"""The hub's composition root: builds everything in the order of need and runs it in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import structlog
import uvicorn
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc
from starlette.applications import Starlette

from mostek.hub.admin import ADMIN_SERVICE, Admin
from mostek.hub.admin_callers import CallersAdmin
from mostek.hub.admin_sites import SitesAdmin
from mostek.hub.api import admin_api, erp_api
from mostek.hub.audit import Audit
from mostek.hub.callers import Callers
from mostek.hub.config import HubConfig, joined_address, split_address
from mostek.hub.gate import ANYBODY, Gate, Keys
from mostek.hub.http.app import create_app
from mostek.hub.http.protocol import BoundedHttp
from mostek.hub.journals import Journals
from mostek.hub.keyring import Keyring, add_key, load_keys
from mostek.hub.link import Link
from mostek.hub.monitor import Monitor
from mostek.hub.oidc import Issuer
from mostek.hub.pages import PageTokens
from mostek.hub.pki.enrolment import PublicAddresses
from mostek.hub.pki.tls import Tls
from mostek.hub.registry import Registry
from mostek.hub.replica import Alone, Replica
from mostek.hub.replicas.internal import Inside, internal_api
from mostek.hub.replicas.peers import Peers
from mostek.hub.replicas.replicas import Replicas, drawn_name
from mostek.hub.replicas.spread import Spread
from mostek.hub.router import Router
from mostek.hub.store import AuditStore, JournalStore, KeyStore, ReplicaStore, Store
from mostek.hub.writes import Writes
from mostek.link.v1.link_pb2_grpc import add_LinkServiceServicer_to_server
from mostek.wire.operations import SERVICE
from mostek.wire.session import Budget, SessionSettings
from mostek.wire.tracing import Tracing

__all__ = ["Addresses", "Hub", "keyring"]

log = structlog.get_logger()

#: Largest request that the gRPC API reads.
MAX_REQUEST = 1024 * 1024
#: A connector that is told to move comes back after about this many seconds.
RECONNECT_AFTER = 1.0
#: Seconds that a caller over HTTP may read nothing of its response; on Linux only.
UNREAD_FOR = 60.0

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
    #: Metrics and probes; empty: there are none.
    metrics: str = ""
    #: For other replicas; empty: there are none.
    internal: str = ""


class _Generic:
    """A server that takes what generated code adds, without the registration of each method.

    grpc.aio keeps waiting for every registered method, and waits anew for all of them at each call.
    """

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Serve by name."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: object) -> None:
        """Nothing: they are served by name."""


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
        self.budget = Budget(config.result_budget)
        #: Once it runs.
        self.link: Link
        self.replica: Replica
        self.monitor: Monitor
        self.audit: Audit
        self.journals: Journals
        #: None in an insecure hub; until it runs, too.
        self.tls: Tls | None = None
        self._ready = False

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Addresses]:
        """Listen until the block ends; then let running commands finish and close.

        Raises OSError: a port is taken; StoreError, KeyFileError, CertificateFileError, TracingError.
        """
        # What is pushed last ends first.
        async with contextlib.AsyncExitStack() as ending:
            tracing = self._tracing(ending)
            keys = keyring(self.config)
            several = bool(self.config.internal)
            store = await Store.open(self.config.database, keys, several=several)
            ending.push_async_callback(store.close)
            audit = Audit(AuditStore(store), retention=self.config.audit_days * 24 * 3600.0)
            ending.push_async_callback(audit.flush)
            self.audit = audit
            self.journals = journals = Journals(JournalStore(store), audit)
            await journals.load()
            ending.push_async_callback(journals.flush)
            if not self.config.insecure:
                self.tls = await Tls.opened(self.config, store, keys, audit)
            self.replica = replica = self._replica(store)
            self.link = self._link(replica, journals)
            self.monitor = Monitor(
                self.registry,
                self.budget,
                store,
                self.tls,
                replica,
                ready=lambda: self._ready,
                by_connector=self.config.metrics_by_connector,
            )
            metrics_at = self._monitored(ending)
            gate = self._gate(KeyStore(store), audit, ending)
            retention = self.config.retention_days * 24 * 3600.0
            writes = Writes(self.registry, store, retention=retention, replica=replica)
            router = Router(self.registry, writes, audit, replica, tracing)
            tokens = PageTokens(keys)
            callers = Callers(KeyStore(store), most_rate=self.config.rate, revoked=gate.forget)
            callers_admin = CallersAdmin(callers, AuditStore(store), tokens)
            enrolment = self.tls.enrolment if self.tls else None
            sites = SitesAdmin(self.registry, enrolment)
            admin = Admin(self.registry, journals, writes, audit, tokens, callers_admin, sites)
            link = self._link_server()
            ending.push_async_callback(link.stop, 0)
            api, health_service = self._api_server(router, admin, gate)
            ending.push_async_callback(api.stop, 1.0)
            link_at = _bind(link, self.config.link, self.tls.link if self.tls else None)
            api_at = _bind(api, self.config.api, self.tls.api if self.tls else None)
            http, listener = self._http(router, admin, gate)
            addresses = Addresses(api_at, link_at, _at(listener), metrics_at)
            await writes.dispatcher.start()
            # For a start that fails; a running hub stops its writes before the servers, which wait for them.
            ending.push_async_callback(writes.stop)
            if isinstance(replica, Replicas):
                internal = await self._join(replica, router, writes, ending)
                addresses = replace(addresses, internal=internal)
            await link.start()
            await api.start()
            closing = _Closing(link, api, http, self.config.drain_grace)
            ending.push_async_callback(closing.closed)
            ending.callback(asyncio.create_task(self._tick(), name="tick").cancel)
            ending.callback(asyncio.create_task(audit.run(), name="audit").cancel)
            ending.callback(asyncio.create_task(journals.run(), name="journals").cancel)
            if self.tls is not None:
                self._watch(self.tls, addresses, ending)
            serving = asyncio.create_task(http.serve([listener]), name="http")
            ending.push_async_callback(_stop_http, http, serving)
            ending.push_async_callback(writes.stop)
            ending.push_async_callback(self._drain, health_service, closing)
            await self._serving(health_service)
            log.info("listening", api=addresses.api, link=addresses.link, http=addresses.http)
            yield addresses
        log.info("stopped")

    def _tracing(self, ending: contextlib.AsyncExitStack) -> Tracing | None:
        """What exports spans until all else has ended; None: nothing does."""
        endpoint = self.config.otlp_endpoint
        if not endpoint:
            return None
        tracing = Tracing.opened(endpoint, "mostek-hub", {"service.version": version("mostek")})
        ending.push_async_callback(asyncio.to_thread, tracing.close)
        return tracing

    def _monitored(self, ending: contextlib.AsyncExitStack) -> str:
        """Open the metrics port, until all that ran has ended. Its address; empty: there is none."""
        if not self.config.metrics:
            return ""
        server, listener = _http_server(self.monitor.app(), self.config.metrics)
        ending.callback(asyncio.create_task(self.monitor.run(), name="monitor").cancel)
        serving = asyncio.create_task(server.serve([listener]), name="metrics")
        ending.push_async_callback(_stop_http, server, serving)
        return _at(listener)

    def _link(self, replica: Replica, journals: Journals) -> Link:
        settings = SessionSettings(heartbeat_interval=self.config.heartbeat_interval)
        return Link(self.registry, settings, self.budget, journals, self.tls, replica)

    def _replica(self, store: Store) -> Replica:
        if not self.config.internal:
            return Alone()
        name = drawn_name()
        peers = Peers(self.tls.replica(name) if self.tls else None)
        span = self.config.lease
        return Replicas(ReplicaStore(store), self.registry, peers, name=name, span=span)

    async def _join(
        self, replica: Replicas, router: Router, writes: Writes, ending: contextlib.AsyncExitStack
    ) -> str:
        """Be one of several replicas until the hub ends; where this one listens for the others."""
        replica.on_due = writes.dispatcher.heard
        replica.on_status = writes.dispatcher.saved
        replica.on_ended = writes.ring
        replica.on_journal = self.journals.learn
        replica.on_copy = self.link.refuse_copy
        inside = Inside(router.forwarded, self.link.answers, writes.cancel_here)
        tls = self.tls
        server = grpc.aio.server(
            options=(*_OPTIONS, ("grpc.max_receive_message_length", MAX_REQUEST))
        )
        server.add_generic_rpc_handlers(internal_api(inside, tls.is_replica if tls else _anybody))
        at = _bind(server, self.config.internal, tls.internal if tls else None)
        ending.push_async_callback(server.stop, 1.0)
        await server.start()
        ending.push_async_callback(replica.stop)
        await replica.start(self.config.public_internal or at)
        ending.callback(asyncio.create_task(self._spread(replica), name="spread").cancel)
        return at

    async def _spread(self, replica: Replicas) -> None:
        spread = Spread()
        while True:
            await asyncio.sleep(1.0)
            others = [each.sessions for each in replica.others]
            if replica.may_write and (
                count := spread.due(replica.sessions, others, time.monotonic())
            ):
                log.info("connectors are asked to move", count=count)
                self.link.move(count)

    def _watch(self, tls: Tls, addresses: Addresses, ending: contextlib.AsyncExitStack) -> None:
        """Let certificates and revocations be followed until the hub ends."""
        tls.enrolment.addresses = PublicAddresses(
            http=self.config.public_http or addresses.http,
            link=self.config.public_link or addresses.link,
        )
        tls.trust.listeners.append(self.link.check)
        ending.callback(asyncio.create_task(tls.run(), name="tls").cancel)

    def _gate(self, store: KeyStore, audit: Audit, ending: contextlib.AsyncExitStack) -> Gate:
        """What says who calls, at work until the hub ends."""
        config = self.config
        if config.insecure:
            return ANYBODY
        issuer = Issuer(config) if config.oidc_issuer else None
        keys = Keys(store, audit, rate=config.rate, burst=config.burst, issuer=issuer)
        ending.push_async_callback(keys.stop)
        ending.callback(asyncio.create_task(keys.run(), name="keys").cancel)
        return keys

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
        self, router: Router, admin: Admin, gate: Gate
    ) -> tuple[grpc.aio.Server, health.aio.HealthServicer]:
        server = grpc.aio.server(
            options=(*_OPTIONS, ("grpc.max_receive_message_length", MAX_REQUEST))
        )
        server.add_generic_rpc_handlers((erp_api(router, gate), admin_api(admin, gate)))
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, _Generic(server))
        if self.config.insecure:
            _reflect(_Generic(server))
        return server, servicer

    def _http(self, router: Router, admin: Admin, gate: Gate) -> tuple[_HttpServer, socket.socket]:
        enrolment = self.tls.enrolment if self.tls else None
        app = create_app(router, admin, gate, ready=lambda: self._ready, enrolment=enrolment)
        proxies = [each.strip() for each in self.config.trusted_proxies.split(",") if each]
        return _http_server(
            app,
            self.config.http,
            # A connector's doctor compares it with its own.
            headers=[("server", f"mostek-hub/{version('mostek')}")],
            # Whoever does not read its response must not keep the hub from ending.
            timeout_graceful_shutdown=max(1, round(self.config.drain_grace)),
            proxy_headers=bool(proxies),
            forwarded_allow_ips=proxies,
            ssl_context_factory=_context(self.tls),
        )

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


def _reflect(server: _Generic) -> None:
    """Let tools ask what is served. It asks for no key, so a hub that wants keys does not offer it."""
    names = (
        SERVICE.full_name,
        ADMIN_SERVICE.full_name,
        health.SERVICE_NAME,
        reflection.SERVICE_NAME,
    )
    servicer = reflection.aio.ReflectionServicer(names)
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)


def _http_server(
    app: Starlette, address: str, **settings: Any
) -> tuple[_HttpServer, socket.socket]:
    """A server of an application and the socket that it is to serve. Raises OSError: the port is taken."""
    config = uvicorn.Config(
        app,
        http=BoundedHttp,
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        server_header=False,
        **settings,
    )
    try:
        listener = _listener(*split_address(address))
        _give_up_unread(listener)
    except OSError as error:
        raise _taken(address) from error
    # Its connections inherit it. asyncio's own loop sets it only on sockets made for a named protocol, and else
    # each answer but the first of a connection waits 40 ms for the caller's acknowledgement of its head.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return _HttpServer(config), listener


def _listener(host: str, port: int) -> socket.socket:
    if ":" not in host:
        return socket.create_server((host, port), backlog=2048)
    # As gRPC does it, :: is all addresses of both kinds.
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6
    return socket.create_server((host, port), family=family, backlog=2048, dualstack_ipv6=both)


def _at(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return joined_address(host, port)


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


def _give_up_unread(listener: socket.socket) -> None:
    """Let TCP end connections whose callers stand still: their responses would stay in memory as long as they like."""
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = int(UNREAD_FOR * 1000)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _context(tls: Tls | None) -> Callable[..., ssl.SSLContext] | None:
    if tls is None:
        return None
    context = tls.http
    return lambda *_: context


def _bind(server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None) -> str:
    host, _ = split_address(address)
    try:
        if credentials is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise _taken(address) from error
    return joined_address(host, port)


def _anybody(context: object) -> bool:
    """An insecure hub listens on this machine alone."""
    return True


def _taken(address: str) -> OSError:
    return OSError(f"can't listen on {address}: is it taken by another process?")
