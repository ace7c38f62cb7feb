"""Both APIs with keys, and two tenants behind them that have connectors, commands and keys of the same names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import grpc
import httpx
from google.protobuf.message import Message

from mostek.client import Client
from mostek.erp.v1.customer_pb2 import Customer
from mostek.hub.admin import Admin
from mostek.hub.admin_callers import CallersAdmin
from mostek.hub.admin_sites import SitesAdmin
from mostek.hub.api import admin_api, erp_api
from mostek.hub.audit import Audit
from mostek.hub.callers import MACHINE, Callers
from mostek.hub.gate import Keys
from mostek.hub.http.app import create_app
from mostek.hub.identity import ConnectorId, Reach, Scope
from mostek.hub.journals import Journals
from mostek.hub.keyring import Keyring
from mostek.hub.keys import ApiKey
from mostek.hub.oidc import Issuer
from mostek.hub.pages import PageTokens
from mostek.hub.pki.enrolment import Enrolment, PublicAddresses
from mostek.hub.pki.trust import Trust
from mostek.hub.registry import Registry
from mostek.hub.router import Router
from mostek.hub.session import LiveSession
from mostek.hub.store import (
    AuditEntry,
    AuditFilter,
    AuditStore,
    JournalStore,
    KeyStore,
    Store,
    TrustStore,
)
from mostek.hub.writes import Writes
from mostek.link.v1.link_pb2 import Command, Company, Status
from mostek.wire.failures import CommandFailure
from mostek.wire.operations import OPERATIONS

__all__ = ["TENANTS", "Edge", "edge_of"]

TENANTS = ("alfa", "beta")


@dataclass
class FakeSession:
    """A session whose site answers from memory, and says whose it is."""

    of: ConnectorId
    commands: list[Command] = field(default_factory=list)
    session_id: str = "s"
    denies_fields: bool = True
    #: What it answers in place of what it would, by operation.
    responses: dict[str, Message | CommandFailure] = field(default_factory=dict)

    def acknowledge(self, company: str, idempotency_key: str) -> bool:
        """There is nothing to forget."""
        return False

    async def call(self, command: Command, request: bytes, **_: Any) -> bytes:
        """The response of the tenant's own site."""
        self.commands.append(command)
        given = self.responses.get(command.operation)
        if isinstance(given, CommandFailure):
            raise given
        if given is not None:
            return given.SerializeToString()
        response: Any = OPERATIONS[command.operation].response()
        if command.operation == "ListCustomers":
            customer = Customer(id="1", name=f"Klient {self.of.tenant}", pesel="44051401458")
            response.customers.append(customer)
        if command.operation == "CreateCustomer":
            response.customer.id = f"{self.of.tenant}-1"
        return cast(bytes, response.SerializeToString())


class Sites(Registry):
    """Connectors that are always online."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[ConnectorId, FakeSession] = {}

    def connect(self, tenant: str, name: str) -> FakeSession:
        """A connector that serves all operations for its company `main`."""
        of = ConnectorId(tenant, name)
        company = Company(name="main", plugin="fake", erp=f"ERP of {tenant}", operations=OPERATIONS)
        self.remember(of, Status(companies=[company]), datetime.now(UTC))
        self.live[of] = FakeSession(of)
        return self.live[of]

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        """As of a connector that has room."""
        served = self.connector(connector).serving(company, operation)
        return cast(LiveSession, self.live[connector]), served.name

    def is_here(self, wanted: ConnectorId) -> bool:
        """Whether it was connected."""
        return wanted in self.live


@dataclass
class Edge:
    """Both APIs, and what stands behind them."""

    store: Store
    sites: Sites
    keys: Keys
    audit: Audit
    callers: Callers
    api: str
    app: Any
    clock: Callable[[], float]
    parts: tuple[Router, Admin, Keys]
    transactions: int = 0

    async def key(
        self, tenant: str, name: str, *scopes: Scope, rate: float | None = None, **reach: Any
    ) -> str:
        """The text of a new key."""
        wanted = ApiKey(
            "", tenant, name, frozenset(scopes), Reach(**reach), 0.0, "", expires_at=None, rate=rate
        )
        return (await self.callers.add_key(MACHINE, wanted))[1]

    def grpc(self, key: str) -> Client:
        """A caller of the gRPC API."""
        return Client(self.api, key=key)

    def http(self, key: str = "") -> httpx.AsyncClient:
        """A caller of the HTTP API."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers)

    async def entries(self, tenant: str, **wanted: Any) -> list[AuditEntry]:
        """What the audit has of a tenant."""
        await self.audit.flush()
        return await AuditStore(self.store).find(tenant, AuditFilter(**wanted), 1000)


@contextlib.asynccontextmanager
async def edge_of(
    database: str,
    *,
    clock: Callable[[], float],
    steady: Callable[[], float],
    issuer: Issuer | None = None,
    rate: float = 1000.0,
) -> AsyncIterator[Edge]:
    """A running edge over an empty database."""
    keyring = Keyring({"k": b"1" * 32})
    store = await Store.open(database, keyring)
    sites, audit, key_store = Sites(), Audit(AuditStore(store)), KeyStore(store)
    writes = Writes(sites, store)
    keys = Keys(key_store, audit, rate=rate, burst=rate, issuer=issuer, clock=clock, steady=steady)
    callers = Callers(key_store, most_rate=rate, revoked=keys.forget, clock=clock)
    tokens = PageTokens(keyring)
    trust = Trust(TrustStore(store, keyring))
    await trust.start()
    enrolment = Enrolment(trust, keyring, audit, lambda: [trust.signer.certificate])
    enrolment.addresses = PublicAddresses("hub:1", "hub:2")
    parts = CallersAdmin(callers, AuditStore(store), tokens), SitesAdmin(sites, enrolment)
    journals = Journals(JournalStore(store), audit)
    router = Router(sites, writes, audit)
    admin = Admin(sites, journals, writes, audit, tokens, *parts)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((erp_api(router, keys), admin_api(admin, keys)))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    await writes.dispatcher.start()
    app = create_app(router, admin, keys, enrolment=enrolment)
    edge = Edge(
        store, sites, keys, audit, callers, f"127.0.0.1:{port}", app, clock, (router, admin, keys)
    )
    _count(edge)
    try:
        yield edge
    finally:
        await writes.stop()
        await server.stop(None)
        await audit.flush()
        await store.close()


def _count(edge: Edge) -> None:
    """Let the edge know how often its database is asked."""
    do = edge.store.do

    async def counted(work: Any) -> Any:
        # What the hub does by itself now and then is nobody's call.
        task = asyncio.current_task()
        edge.transactions += task is None or task.get_name() != "look for commands"
        return await do(work)

    edge.store.do = counted  # type: ignore[method-assign]
