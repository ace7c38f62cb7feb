"""A connector with an ERP in a file, as a process: `python ledger.py LINK_ADDRESS FOLDER [INSTANCE]`.

The ERP's table lets the same customer in twice, so that a write that happened twice can be seen.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from mostek.connector.cli import leave_stragglers
from mostek.connector.companies import Company
from mostek.connector.config import CompanyConfig, Config, ConnectorConfig, PolicyConfig
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.connector import Connector
from mostek.connector.journal import JournalConfig
from mostek.connector.link import Backoff
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerMatch,
    ListCustomersRequest,
    ListCustomersResponse,
)
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.crash import crash_point
from mostek.wire.logs import configure_logs
from mostek.wire.loop import run


class Ledger(Plugin):
    """Customers in a SQLite file; each write looks for its customer under the file's lock first."""

    erp = "Ledger"

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        """None: what is written is looked for in the file."""
        return ListCustomersResponse()

    def create_customer(
        self, request: CreateCustomerRequest, context: Context
    ) -> CreateCustomerResponse:
        """Found by its name, or written."""
        name = request.customer.name
        if name == os.environ.get("LEDGER_HANGS_AT"):
            (self.site.state / "hangs").touch()
            threading.Event().wait()
        file = self.site.state / "erp.sqlite"
        if name == os.environ.get("LEDGER_COMMITS_LATE"):
            self._die_before_the_erp_commits(file, name)
        with closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as erp:
            erp.execute("PRAGMA synchronous = FULL")
            erp.execute("BEGIN EXCLUSIVE")
            erp.execute("CREATE TABLE IF NOT EXISTS customer (id INTEGER PRIMARY KEY, name TEXT)")
            found = erp.execute("SELECT id FROM customer WHERE name = ?", (name,)).fetchone()
            if found is None:
                erp.execute("INSERT INTO customer (name) VALUES (?)", (name,))
                crash_point("erp-before-commit")
            written = found or erp.execute("SELECT max(id) FROM customer").fetchone()
            erp.execute("COMMIT")
            crash_point("erp-after-commit")
        match = CustomerMatch(id=str(written[0]), code=name, created=found is None)
        return CreateCustomerResponse(customer=match)

    def _die_before_the_erp_commits(self, file: Path, name: str) -> None:
        """The ERP is a process of its own, as a database server is: it has the write, and its caller is killed."""
        erp = subprocess.Popen(
            [sys.executable, "-c", _ERP, str(file), name],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert erp.stdout is not None
        erp.stdout.readline()
        os.kill(os.getpid(), signal.SIGKILL)


#: Writes a customer, says so, and commits when the file `commit` is there.
_ERP = """
import pathlib, sqlite3, sys, time
file, name = sys.argv[1:]
erp = sqlite3.connect(file, isolation_level=None)
erp.execute("BEGIN EXCLUSIVE")
erp.execute("CREATE TABLE IF NOT EXISTS customer (id INTEGER PRIMARY KEY, name TEXT)")
erp.execute("INSERT INTO customer (name) VALUES (?)", (name,))
print("written", flush=True)
ends = time.monotonic() + 20
while not pathlib.Path(file).with_name("commit").exists() and time.monotonic() < ends:
    time.sleep(0.02)
erp.execute("COMMIT")
"""


async def main(address: str, folder: Path, instance: str) -> None:
    """Serve until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    configure_logs("info")
    config = Config(
        hub=DialConfig(link=address, insecure=True),
        connector=ConnectorConfig(
            name=os.environ["LEDGER_NAME"], state=folder / f"connector{instance}", stop_grace=2.0
        ),
        policy=PolicyConfig(writes=True),
        journal=JournalConfig(free_megabytes=int(os.environ.get("LEDGER_FREE_MEGABYTES") or 100)),
        companies={"main": CompanyConfig(plugin="ledger")},
    )
    company = Company("main", "ledger", Ledger(NoConfig(), Site("main", folder)))
    async with Connector(config, [company], Backoff(longest=0.2)).running():
        await stop.wait()


if __name__ == "__main__":
    run(main(sys.argv[1], Path(sys.argv[2]), "".join(sys.argv[3:])))
    leave_stragglers()
