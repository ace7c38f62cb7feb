"""`Client` is a connection to the hub, `Connector` the ERP at its far end."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from grpc import aio

from mostek.admin.v1 import admin_service_pb2
from mostek.client.calls import Addressed, FailuresRaised
from mostek.client.keys import checked_key
from mostek.wire.failures import Invalid
from mostek.wire.names import (
    COMPANY,
    CONNECTOR,
    EXPIRE_AFTER,
    IDEMPOTENCY_KEY,
    NAME,
    ONLY_COMPANY,
    ORDERING_KEY,
)

if TYPE_CHECKING:
    # What the stubs are over an aio channel, names that only type checkers have.
    from mostek.admin.v1.admin_service_pb2_grpc import AdminServiceAsyncStub as AdminStub
    from mostek.erp.v1.erp_service_pb2_grpc import ErpServiceAsyncStub as ErpStub
else:
    from mostek.admin.v1.admin_service_pb2_grpc import AdminServiceStub as AdminStub
    from mostek.erp.v1.erp_service_pb2_grpc import ErpServiceStub as ErpStub

__all__ = ["AdminStub", "Client", "Connector"]


class Connector(ErpStub):
    """The ERP behind a connector: the operations of `ErpService`, under their own names.

        await acme.ListCustomers(ListCustomersRequest(tax_id="526-10-40-828"))
        await acme.GetProduct(GetProductRequest(id="17"), timeout=5)
        await acme.with_key("order:WEB-17").CreateOrder(CreateOrderRequest(order=draft))

    Each raises a `CommandFailure`. A write needs `with_key`; repeated under its key, it has effect once.
    """

    def __init__(self, channel: Addressed) -> None:
        super().__init__(cast(aio.Channel, channel))
        self._addressed = channel

    def with_key(
        self, key: str, *, expire_after: int | None = None, ordering_key: str = ""
    ) -> Connector:
        """The same, for the write of this idempotency key. Raises Invalid.

        A write that the site has not begun after `expire_after` seconds (absent: a day) does not begin any more.
        Writes of a company that share an `ordering_key` are executed in the order in which the hub got them.
        """
        channel = self._addressed.also(IDEMPOTENCY_KEY, checked_key(key))
        if expire_after is not None:
            channel = channel.also(EXPIRE_AFTER, str(expire_after))
        if ordering_key:
            channel = channel.also(ORDERING_KEY, checked_key(ordering_key, ORDERING_KEY))
        return Connector(channel)


class Client:
    """A connection to the hub's API at `address` (host:port), opened by the first call, shared by all.

    `timeout`: seconds that a call may take, unless it names its own.
    """

    def __init__(self, address: str, *, timeout: float = 30.0) -> None:
        self.address = address
        self._timeout = timeout
        self._channel = aio.insecure_channel(
            address, options=_options(address), interceptors=[FailuresRaised(address)]
        )

    def connector(self, name: str, company: str = ONLY_COMPANY) -> Connector:
        """The ERP of a connector; `company` where it serves several. Asks nobody. Raises Invalid."""
        metadata = ((CONNECTOR, _name(CONNECTOR, name)), (COMPANY, _name(COMPANY, company)))
        return Connector(Addressed(self._channel, metadata, self._timeout))

    @property
    def admin(self) -> AdminStub:
        """The hub's own API, under its rpcs' names: `await hub.admin.GetCommand(GetCommandRequest(id=…))`."""
        return AdminStub(cast(aio.Channel, Addressed(self._channel, (), self._timeout)))

    async def connectors(self) -> list[admin_service_pb2.Connector]:
        """The connectors that the hub knows, by name. Raises CommandFailure."""
        request = admin_service_pb2.ListConnectorsRequest()
        return list((await self.admin.ListConnectors(request)).connectors)

    async def close(self) -> None:
        """Close the connection; calls that still run are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def _name(field: str, value: str) -> str:
    if NAME.fullmatch(value) or (field == COMPANY and value == ONLY_COMPANY):
        return value
    raise Invalid.of(field, f"{value!r} can't be a name: lower-case letters, digits and dashes")


#: A hub that is restarted is back in seconds; gRPC's own back-off would keep away for longer.
_RECONNECT = (("grpc.initial_reconnect_backoff_ms", 200), ("grpc.max_reconnect_backoff_ms", 2000))


def _options(address: str) -> list[tuple[str, int]]:
    # Without a pool of its own, a client would share the connection, and its back-off, with every other of the process.
    options = [("grpc.use_local_subchannel_pool", 1), *_RECONNECT]
    if address.rpartition(":")[0] in ("localhost", "127.0.0.1", "[::1]"):
        # A proxy of the environment can't reach this machine's loopback.
        options.append(("grpc.enable_http_proxy", 0))
    return options
