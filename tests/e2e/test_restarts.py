"""Restarts under load, in real processes: no call that has time left fails, and no order is doubled."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mostek.client import Client
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft
from mostek_subiekt.sandbox import create as create_sandbox

from .harness import Processes, online, stopped
from .load import Load


@pytest.fixture
def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Processes]:
    # On a busy machine a connector takes more than the default 10 s to start.
    monkeypatch.setenv("MOSTEK_HUB_RETURN_GRACE", "20")
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


@pytest.fixture
def template(tmp_path: Path) -> str:
    sandbox = create_sandbox(tmp_path / "subiekt.sqlite", customers=50, products=50, invoices=50)
    return sandbox.template_order


async def _restarts(
    processes: Processes,
    child: subprocess.Popen[bytes],
    start: Callable[[], subprocess.Popen[bytes]],
) -> None:
    """Under load, stop and start it twice."""
    async with Client(processes.api) as client:
        await online(client)
        load = Load(client)
        async with load.running():
            for _ in range(2):
                await load.more(20)
                await stopped(child)
                child = start()
                await load.more(20)
    load.check_once(processes.folder)


async def test_restarting_the_hub_fails_no_call_that_has_time(
    processes: Processes, template: str
) -> None:
    hub = processes.hub()
    processes.subiekt(template)
    await _restarts(processes, hub, processes.hub)


async def test_restarting_the_only_connector_fails_no_call_that_has_time(
    processes: Processes, template: str
) -> None:
    processes.hub()
    connector = processes.subiekt(template)
    await _restarts(processes, connector, lambda: processes.subiekt(template))


async def test_either_of_two_instances_may_die_at_any_moment(
    processes: Processes, template: str
) -> None:
    processes.hub()
    instances = {name: processes.subiekt(template, instance=name) for name in ("-one", "-two")}
    async with Client(processes.api) as client:
        await online(client, sessions=2)
        load = Load(client)
        async with load.running():
            for name in ("-one", "-two", "-one"):
                await load.more(20)
                instances[name].kill()
                instances[name].wait()
                await load.more(20)
                instances[name] = processes.subiekt(template, instance=name)
                await online(client, sessions=2)
    load.check_once(processes.folder)


async def test_a_connector_ends_although_a_plugin_s_call_hangs(processes: Processes) -> None:
    processes.hub()
    connector = processes.connector(hangs="Hangs")
    async with Client(processes.api) as client:
        await online(client)
        customer = CustomerDraft(name="Hangs")
        site = client.connector("acme").with_key("k")
        hanging = site.CreateCustomer(CreateCustomerRequest(customer=customer), timeout=30)
        async with asyncio.timeout(20):
            while not (processes.folder / "hangs").exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        connector.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            while connector.poll() is None:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        processes.connector()
        # The write is not lost with the process that hung.
        await hanging
    assert processes.customers() == ["Hangs"]
