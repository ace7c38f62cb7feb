"""The journal of a connector in a process of its own: a disk that is full, and what the hub's audit says of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mostek.client import Client
from mostek.connector.journal import verify
from mostek.connector.journal.files import entries_of
from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, ListCustomersRequest
from mostek.wire.failures import CommandFailure, Expired, Overloaded

from .harness import Processes, online, stopped

BIN = Path(sys.executable).parent


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    with contextlib.ExitStack() as stack:
        yield Processes(tmp_path, stack)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The connector's state folder, on a disk of 8 MB."""
    folder = tmp_path / "connector"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("NOT RUN: a full disk, which needs root on Linux to mount a small one")
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"NOT RUN: a full disk, because none can be mounted here: {done.stderr}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all that is free."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as opened, contextlib.suppress(OSError):
        while True:
            opened.write(bytes(4096))
    return ballast


async def create(client: Client, name: str, timeout: float = 20.0) -> str:
    acme = client.connector("acme").with_key(name)
    request = CreateCustomerRequest(customer=CustomerDraft(name=name))
    return (await acme.CreateCustomer(request, timeout=timeout)).customer.id


async def refused(client: Client) -> str:
    """Ask until it is refused; why."""
    async with asyncio.timeout(10):
        while True:
            try:
                await client.connector("acme").ListCustomers(ListCustomersRequest(), timeout=1.0)
            except Overloaded as failure:
                return failure.message
            await asyncio.sleep(0.1)


async def served(client: Client) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(CommandFailure):
                await client.connector("acme").ListCustomers(ListCustomersRequest(), timeout=1.0)
                return
            await asyncio.sleep(0.1)


async def test_a_full_disk_stops_commands_and_not_the_connector(
    processes: Processes, small_disk: Path
) -> None:
    processes.hub()
    connector = processes.connector(free_megabytes="1")
    async with Client(processes.api) as client:
        await online(client)
        await create(client, "before")
        ballast = fill(small_disk)
        why = await refused(client)
        assert "The site's administrator must" in why
        with pytest.raises((Expired, Overloaded)):
            await create(client, "meanwhile", timeout=1.5)
        assert processes.customers() == ["before"]
        assert connector.poll() is None
        ballast.unlink()
        await served(client)
        # What was asked for meanwhile is done by itself; what asks for it again is told so.
        assert await create(client, "meanwhile", timeout=30.0)
        assert processes.customers() == ["before", "meanwhile"]
    await stopped(connector)
    verdict = verify(small_disk / "journal")
    assert verdict.faults == []
    told = [entry for _, entry in entries_of(small_disk / "journal")]
    assert "resumed" in {entry.get("event") for entry in told}
    written = [e for e in told if e.get("operation") == "CreateCustomer" and e["outcome"] == "ok"]
    assert len(written) == 2


def mostek(command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / command, *arguments], check=False, capture_output=True, text=True, timeout=60
    )


async def test_the_audit_and_the_exported_journal_tell_the_same(
    processes: Processes, tmp_path: Path
) -> None:
    processes.hub()
    processes.connector()
    async with Client(processes.api) as client:
        await online(client)
        await create(client, "once")
        await create(client, "once")
        await served(client)
    exported, state = tmp_path / "journal.ndjson", tmp_path / "connector"
    # Beside the connector that runs.
    assert mostek("mostek-connector", "journal", "verify", "--state", state).returncode == 0
    done = mostek("mostek-connector", "journal", "export", "--state", state, "-o", exported)
    assert done.returncode == 0
    match: list[str | Path] = [
        "audit",
        "match",
        exported,
        "--connector",
        "acme",
        "--hub",
        processes.api,
    ]
    async with asyncio.timeout(10):
        # Reads are in the audit within a second.
        while (same := mostek("mostek", *match)).returncode == 1:  # noqa: ASYNC110 - other processes
            await asyncio.sleep(0.2)
    assert (same.returncode, same.stdout) == (0, "")
    exported.write_text(exported.read_text().replace('"caller":"local"', '"caller":"me"'))
    other = mostek("mostek", *match)
    assert other.returncode == 1
    assert "caller: the journal has me, the hub local" in other.stdout
