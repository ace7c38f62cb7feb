"""Three hubs in real processes on one PostgreSQL: what one loses the others have, and no order is lost or doubled.

With `MINUTES=1` the database is away for so long.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.erp.v1.order_pb2 import CreateOrderRequest
from mostek.wire.failures import Internal
from mostek_subiekt.sandbox import create as create_sandbox

from .cluster import LEASE, Cluster, clustered
from .harness import online, stopped
from .load import TIMEOUT, Load, insist

#: Seconds that the database is away; longer than a lease.
AWAY = 60 * float(os.environ.get("MINUTES", "0")) or LEASE + 1.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hubs, and a connector that is with one of them. Each test leaves it whole."""
    folder = tmp_path_factory.mktemp("cluster")
    sandbox = create_sandbox(folder / "subiekt.sqlite", customers=50, products=50, invoices=50)
    with clustered(folder, 3) as hubs:
        hubs.subiekt(sandbox.template_order)
        yield hubs


async def test_any_replica_answers_over_grpc_and_http(cluster: Cluster) -> None:
    await cluster.holder()
    for member in cluster.members:
        async with Client(member.api) as client, httpx.AsyncClient() as http:
            await online(client)
            load = Load(client, f"ANY{cluster.members.index(member)}")
            async with load.running():
                await load.more(5)
            load.check_once(cluster.folder)
            got = await http.get(
                f"http://{member.http}/v1/connectors/acme/companies/-/customers?page_size=3"
            )
            assert len(got.json()["customers"]) == 3


async def test_reads_go_on_without_the_database_and_nothing_recorded_is_lost(
    cluster: Cluster,
) -> None:
    holder = await cluster.holder()
    async with Client(cluster.members[holder - 1].api) as client:
        await online(client)
        load = Load(client, "AWAY")
        async with load.running():
            await load.more(10)
        before = load.calls["order"]
        acme = client.connector("acme").with_key("AWAY-late")
        draft = load.draft("AWAY-late")
        cluster.database.kill()
        began = time.monotonic()
        while time.monotonic() - began < AWAY:
            for member in cluster.members:
                async with Client(member.api) as other:
                    request = ListCustomersRequest(page_size=5)
                    page = await other.connector("acme").ListCustomers(request, timeout=5)
                    assert len(page.customers) == 5
            with pytest.raises(Internal, match="same idempotency key") as refused:
                await acme.CreateOrder(CreateOrderRequest(order=draft), timeout=5)
            assert refused.value.retriable
            await asyncio.sleep(0.2)
        cluster.database.start()
        await insist(partial(acme.CreateOrder, CreateOrderRequest(order=draft), timeout=TIMEOUT))
        load.calls["order"] += 1
        load.check_once(cluster.folder)
        listed = await client.admin.ListCommands(admin.ListCommandsRequest(page_size=1000))
        of_these = [c for c in listed.commands if c.idempotency_key.startswith("AWAY-")]
        assert {c.state for c in of_these} == {admin.COMMAND_STATE_SUCCEEDED}
        assert len(of_these) == before + 1


async def test_a_rolling_restart_fails_no_call(cluster: Cluster) -> None:
    async with Client(cluster.api) as client:
        await online(client)
        load = Load(client, "ROLL")
        async with load.running():
            for number, member in enumerate(list(cluster.members)):
                await load.more(10)
                await stopped(member.process)
                cluster.restart(number)
                await load.more(10)
    load.check_once(cluster.folder)


async def test_the_replica_that_holds_the_session_may_be_killed_at_any_moment(
    cluster: Cluster,
) -> None:
    holder = await cluster.holder()
    async with Client(cluster.members[holder - 1].api) as client:
        await online(client)
        load = Load(client, "KILL")
        async with load.running():
            await load.more(10)
            cluster.members[holder].process.kill()
            cluster.members[holder].process.wait()
            await load.more(30)
            cluster.restart(holder)
            await load.more(10)
    load.check_once(cluster.folder)


async def test_a_replica_that_stood_still_writes_nothing_that_others_took_over(
    cluster: Cluster,
) -> None:
    holder = await cluster.holder()
    async with Client(cluster.members[holder - 1].api) as client:
        await online(client)
        load = Load(client, "STILL", patient=True)
        async with load.running():
            await load.more(10)
            still = cluster.members[holder].process
            still.send_signal(signal.SIGSTOP)
            await asyncio.sleep(LEASE + 2.0)
            still.send_signal(signal.SIGCONT)
            await load.more(30)
    load.check_once(cluster.folder)
