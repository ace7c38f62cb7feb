"""A connector for the soak: `python -m soak.site LINK_ADDRESS STATE`.

SIGHUP stops it and starts it again, in the same process.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from pathlib import Path

from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.connector.journal.config import JournalConfig
from mostek.connector.link import Backoff
from mostek.erp.v1.customer_pb2 import (
    Customer,
    GetCustomerRequest,
    GetCustomerResponse,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.erp.v1.erp_pb2 import DescribeErpRequest, DescribeErpResponse
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.logs import configure_logs
from mostek.wire.loop import run

#: Characters of a page: several parts, more than the first credit.
LARGE = 400_000


class Slow(Plugin):
    """Takes as long as it is asked to."""

    erp = "Slow"

    async def describe_erp(
        self, request: DescribeErpRequest, context: Context
    ) -> DescribeErpResponse:
        """At once, in the event loop."""
        return DescribeErpResponse()

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        """After as many milliseconds as the id says, or when it is cancelled."""
        cancelled = threading.Event()
        with context.on_cancel(cancelled.set):
            cancelled.wait(int(request.id) / 1000)
        context.check()
        return GetCustomerResponse(customer=Customer(id=request.id))

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        """A large page."""
        return ListCustomersResponse(customers=[Customer(id="1", name="n" * LARGE)])


async def main(address: str, state: Path) -> None:
    """Serve until killed."""
    configure_logs("warning")
    again = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, again.set)
    config = Config(
        hub=DialConfig(link=address, insecure=True),
        connector=ConnectorConfig(name="soak", state=state, slots=64, stop_grace=2.0),
        # Small files: each reconnect reads the last one, and they are begun and deleted many times.
        journal=JournalConfig(file_megabytes=1, most_megabytes=2),
        companies={"main": CompanyConfig(plugin="slow")},
    )
    while True:
        company = Company("main", "slow", Slow(NoConfig(), Site("main", state)))
        async with Connector(config, [company], Backoff(draw=lambda: 0.005)).running():
            await again.wait()
            again.clear()


if __name__ == "__main__":
    run(main(sys.argv[1], Path(sys.argv[2])))
