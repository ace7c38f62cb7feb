"""A hub and connectors in one event loop, over real sockets on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from pydantic import SecretStr

from mostek.client import Client
from mostek.connector.companies import Company
from mostek.connector.config import (
    CompanyConfig,
    Config,
    ConnectorConfig,
    PolicyConfig,
    TelemetryConfig,
)
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.connector.link import Backoff
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    Customer,
    CustomerMatch,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse, Erp
from mostek.hub.config import HubConfig
from mostek.hub.hub import Addresses, Hub
from mostek.hub.identity import LOCAL, ConnectorId
from mostek.hub.registry import ConnectorRecord
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.failures import ErpUnavailable, Locked, NotFound, Rejected

from .databases import database, postgresql, postgresql_database

__all__ = ["Notebook", "World", "database", "hub_config", "postgresql", "postgresql_database"]


class Notebook(Plugin):
    """An ERP in memory: what it is asked for decides what it does."""

    erp = "Notebook"

    def __init__(self, config: NoConfig, site: Site) -> None:
        super().__init__(config, site)
        self.created: dict[str, str] = {}
        self.calls = 0
        #: So many writes from now on find the ERP locked.
        self.locked = 0
        self.gate = threading.Event()
        self.stopped = threading.Event()
        self.began = threading.Event()

    async def describe_erp(
        self, request: DescribeErpRequest, context: Context
    ) -> DescribeErpResponse:
        """Answers in the event loop."""
        return DescribeErpResponse(erp=Erp(program="Notebook", company_name=self.site.company))

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        """`text`: `large` for a page of 3 MB, `huge` for more than the link carries."""
        size = {"large": 3_000_000, "huge": 5_000_000}.get(request.text, 10)
        customer = Customer(id="1", name="n" * size, pesel="44051401458")
        return ListCustomersResponse(customers=[customer])

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        """`slow` waits for the gate or the cancellation; `crash` raises what no plugin should."""
        self.calls += 1
        if request.id == "crash":
            raise ZeroDivisionError("secret of the plugin")
        if request.id == "missing":
            raise NotFound("No such customer.", erp_text="Msg 1 secret")
        if request.id.startswith("slow"):
            self._wait(context)
        return GetCustomerResponse(customer=Customer(id=request.id))

    def _wait(self, context: Context) -> None:
        with context.on_cancel(self.stopped.set), context.on_cancel(self.gate.set):
            self.began.set()
            self.gate.wait(10)
        context.check()

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        """Found by its name; `no` is refused, `crash` crashes after it was written, `hopeless` always, `slow` waits for
        the gate, `unread` can't be read back after it was written."""
        self.calls += 1
        name = request.customer.name
        if self.locked:
            self.locked -= 1
            raise Locked("Somebody works on it.")
        if name == "hopeless":
            raise ZeroDivisionError
        if name == "no":
            raise Rejected("The ERP does not like this name.")
        if name == "slow":
            self.began.set()
            self.gate.wait(10)
        created = name not in self.created
        self.created.setdefault(name, str(len(self.created) + 1))
        if name == "crash" and created:
            raise ZeroDivisionError
        if name == "unread" and created:
            context.written = True
            raise ErpUnavailable("The database went away.")
        return CreateCustomerResponse(
            customer=CustomerMatch(id=self.created[name], code=name, created=created)
        )


@dataclass
class World:
    """What a test works with."""

    hub: Hub
    addresses: Addresses
    client: Client
    state: Path
    plugins: dict[str, Notebook]

    @contextlib.asynccontextmanager
    async def connector(
        self,
        name: str = "acme",
        *,
        companies: tuple[str, ...] = ("main",),
        slots: int = 8,
        threads: int = 4,
        writes: bool = True,
        deny: tuple[str, ...] = ("Customer.pesel",),
        instance: str = "",
        write_timeout: float = 120.0,
        link: str = "",
        proxy: str = "",
        within: float = 5.0,
        dial: DialConfig | None = None,
        otlp: str | None = None,
    ) -> AsyncIterator[Connector]:
        """A connector that is online. `link`: what it dials, if not the hub's own address; `dial`: how, if not without
        TLS; `otlp`: where its spans go."""
        without_tls = DialConfig(
            link=link or self.addresses.link, proxy=SecretStr(proxy), insecure=True
        )
        config = Config(
            hub=dial or without_tls,
            connector=ConnectorConfig(
                name=name,
                state=self.state / (name + instance),
                slots=slots,
                threads=threads,
                stop_grace=2.0,
                write_timeout=write_timeout,
            ),
            policy=PolicyConfig(writes=writes, deny=list(deny)),
            telemetry=TelemetryConfig(otlp=otlp),
            companies={company: CompanyConfig(plugin="notebook") for company in companies},
        )
        served = []
        for company in companies:
            plugin = self.plugins.setdefault(
                f"{name}{instance}/{company}", Notebook(NoConfig(), Site(company, self.state))
            )
            served.append(Company(company, "notebook", plugin))
        connector = Connector(config, served, Backoff(longest=0.1, draw=lambda: 0.05))
        async with connector.running():
            await self.until(lambda: self.online(name), within)
            yield connector

    def online(self, name: str) -> bool:
        """Whether the hub has a session with the connector."""
        return self.hub.registry.is_here(ConnectorId(LOCAL.tenant, name))

    def online_elsewhere(self, name: str) -> bool:
        """Whether the hub knows that another replica has a session with the connector."""
        record = self.hub.registry.known(ConnectorId(LOCAL.tenant, name))
        return record is not None and bool(record.active_elsewhere)

    @property
    def acme(self) -> ConnectorRecord:
        """What the hub knows of the connector `acme`."""
        return self.hub.registry.connector(ConnectorId(LOCAL.tenant, "acme"))

    async def until(self, condition: Callable[[], bool], seconds: float = 5.0) -> None:
        """Wait for something that happens elsewhere."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for is in other threads and processes
                await asyncio.sleep(0.005)

    @property
    def plugin(self) -> Notebook:
        """The plugin of `acme`'s company `main`."""
        return self.plugins["acme/main"]


def hub_config(folder: Path, **settings: Any) -> HubConfig:
    """A hub on free ports, with its state in a folder."""
    given: dict[str, Any] = {
        "api": "127.0.0.1:0",
        "link": "127.0.0.1:0",
        "http": "127.0.0.1:0",
        "database": f"sqlite:///{folder}/hub.sqlite",
        "key_file": str(folder / "hub.keys"),
        "return_grace": 0.0,
        "insecure": True,
    }
    return HubConfig(**given | settings)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A running hub without connectors."""
    config = hub_config(tmp_path, drain_grace=2.0)
    hub = Hub(config)
    async with hub.running() as addresses, Client(addresses.api) as client:
        yield World(hub, addresses, client, tmp_path, {})


@pytest.fixture
async def channel(world: World) -> AsyncIterator[grpc.aio.Channel]:
    """A bare channel to the gRPC API."""
    async with grpc.aio.insecure_channel(world.addresses.api) as open_channel:
        yield open_channel
