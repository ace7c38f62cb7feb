"""A connector with a plugin that does nothing: `python -m bench.noop LINK_ADDRESS STATE`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig, PolicyConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerMatch,
    GetCustomerRequest,
    GetCustomerResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.logs import configure_logs
from mostek.wire.loop import run


class Noop(Plugin):
    """Two ways to do nothing: in the event loop, and in a thread like every blocking plugin."""

    erp = "Nothing"

    async def describe_erp(
        self, request: DescribeErpRequest, context: Context
    ) -> DescribeErpResponse:
        """In the event loop."""
        return DescribeErpResponse()

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        """In a thread."""
        return GetCustomerResponse()

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        """As if it had been written."""
        return CreateCustomerResponse(customer=CustomerMatch(id="1", code="N", created=True))


async def main(address: str, state: Path) -> None:
    """Serve until killed."""
    configure_logs("info")
    config = Config(
        hub=DialConfig(link=address, insecure=True),
        connector=ConnectorConfig(name="noop", state=state, slots=256),
        policy=PolicyConfig(writes=True),
        companies={"main": CompanyConfig(plugin="noop")},
    )
    company = Company("main", "noop", Noop(NoConfig(), Site("main", state)))
    async with Connector(config, [company]).running():
        await asyncio.Event().wait()


if __name__ == "__main__":
    run(main(sys.argv[1], Path(sys.argv[2])))
