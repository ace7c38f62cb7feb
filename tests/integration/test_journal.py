"""The journal of a connector that serves commands, and of processes that are killed."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mostek.admin.v1.admin_service_pb2 import AuditKind, ListAuditEntriesRequest
from mostek.client import Client
from mostek.connector.journal import Head, Journal, JournalConfig, verify
from mostek.connector.journal import journal as module
from mostek.connector.journal.files import entries_of, segments
from mostek.connector.journal.tape import Tape
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    GetCustomerRequest,
    ListCustomersRequest,
)
from mostek.hub.hub import Hub
from mostek.wire.failures import CommandFailure, Denied, NotFound, Overloaded, TooLarge

from .conftest import World, hub_config


def entries(state: Path) -> list[dict[str, Any]]:
    """What the journal tells of commands."""
    found = (entry for _, entry in entries_of(state / "journal"))
    return [entry for entry in found if "command_id" in entry]


def told(entry: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(entry.get(name) for name in ("operation", "outcome", "reason", "rows"))


async def test_every_command_has_its_entry_however_it_ends(world: World) -> None:
    async with world.connector(writes=False):
        acme = world.client.connector("acme")
        await acme.ListCustomers(ListCustomersRequest(text="7740001454"))
        with pytest.raises(NotFound):
            await acme.GetCustomer(GetCustomerRequest(id="missing"))
        with pytest.raises(TooLarge):
            await acme.ListCustomers(ListCustomersRequest(text="huge"))
        with pytest.raises(CommandFailure):
            await acme.GetCustomer(GetCustomerRequest(id="crash"))
    state = world.state / "acme"
    assert [told(entry) for entry in entries(state)] == [
        ("ListCustomers", "ok", None, 1),
        ("GetCustomer", "failed", "NOT_FOUND", None),
        ("ListCustomers", "failed", "TOO_LARGE", None),
        ("GetCustomer", "failed", "INTERNAL", None),
    ]
    assert "7740001454" not in json.dumps(entries(state))
    assert verify(state / "journal").faults == []


async def test_what_the_sites_policy_refuses_is_an_entry_that_says_which_field_was_asked_for(
    world: World,
) -> None:
    async with world.connector(deny=("Customer.tax_id",)):
        acme = world.client.connector("acme")
        with pytest.raises(Denied):
            await acme.ListCustomers(ListCustomersRequest(tax_id="7740001454"))
    assert world.plugin.calls == 0
    [entry] = entries(world.state / "acme")
    assert told(entry) == ("ListCustomers", "refused", "DENIED", None)
    assert entry["about"] == ["tax_id"]
    assert set(entry["filters"]) == {"tax_id"}
    [started] = [e for _, e in entries_of(world.state / "acme" / "journal") if e.get("policy")]
    assert started["policy"]["deny"] == ["Customer.tax_id"]


def create(name: str) -> CreateCustomerRequest:
    return CreateCustomerRequest(customer=CustomerDraft(name=name))


async def test_a_write_that_can_not_be_recorded_is_told_when_it_can(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(module, "RETRY_AFTER", 0.05)
    write = os.write
    broken: list[bool] = []

    def fails_once(descriptor: int, data: bytes) -> int:
        if b'"CreateCustomer"' in bytes(data) and not broken:
            broken.append(True)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", fails_once)
    async with world.connector():
        acme = world.client.connector("acme").with_key("k")
        created = await acme.CreateCustomer(create("Nowak"))
    assert broken
    # The second time it was the outcome that the site had kept.
    assert created.customer.created
    assert world.plugin.calls == 1
    assert [told(entry)[:2] for entry in entries(world.state / "acme")] == [
        ("CreateCustomer", "ok")
    ]


async def test_nothing_is_read_or_begun_while_nothing_can_be_recorded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    usage, free = shutil.disk_usage, [10**12]
    monkeypatch.setattr(
        shutil,
        "disk_usage",
        lambda path: usage(path)._replace(free=free[0]),
    )
    async with world.connector() as connector:
        acme = world.client.connector("acme")
        free[0] = 10**6
        await world.until(lambda: not connector.journal.open_for_commands)
        with pytest.raises(Overloaded, match="administrator must free some space"):
            await acme.GetCustomer(GetCustomerRequest(id="1"))
        assert world.plugin.calls == 0
        with pytest.raises(CommandFailure):
            await acme.with_key("k").CreateCustomer(create("Nowak"), timeout=0.5)
        assert world.plugin.calls == 0
        free[0] = 10**12
        await world.until(lambda: connector.journal.open_for_commands)
        await acme.GetCustomer(GetCustomerRequest(id="1"))


async def fault(world: World) -> str:
    """What the hub says of the journal of `acme`."""
    [connector] = await world.client.connectors()
    assert len(connector.journals) <= 1
    return "".join(journal.fault for journal in connector.journals)


async def some_fault(world: World) -> str:
    """Wait until the hub has found one."""
    async with asyncio.timeout(5):
        while not (found := await fault(world)):  # noqa: ASYNC110 - what is waited for is in the hub
            await asyncio.sleep(0.01)
    return found


async def told_head(world: World, number: int) -> None:
    """Wait until the hub knows an entry of `acme`'s journal, or a later one."""

    async with asyncio.timeout(5):
        while True:
            [connector] = await world.client.connectors()
            if any(journal.number >= number for journal in connector.journals):
                return
            await asyncio.sleep(0.01)


async def audited(world: World) -> list[str]:
    """Faults of journals in the audit."""
    request = ListAuditEntriesRequest(kinds=[AuditKind.AUDIT_KIND_JOURNAL])
    found = await world.client.admin.ListAuditEntries(request)
    return [entry.detail for entry in found.audit_entries]


async def test_a_journal_that_goes_on_is_no_fault(world: World) -> None:
    for _ in range(3):
        async with world.connector() as connector:
            await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="1"))
            await told_head(world, 2)
            assert connector.journal.head.number
        await world.until(lambda: not world.online("acme"))
    assert await fault(world) == ""
    assert await audited(world) == []


@pytest.mark.parametrize(
    ("act", "words"), [("rewritten", "is another"), ("cut", "is gone"), ("replaced", "is gone")]
)
async def test_a_journal_that_was_changed_meanwhile_is_a_fault(
    world: World, act: str, words: str
) -> None:
    state = world.state / "acme"
    async with world.connector():
        for _ in range(3):
            await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="1"))
    await told_head(world, 5)
    await world.until(lambda: not world.online("acme"))
    [segment] = segments(state / "journal")
    lines = segment.path.read_bytes().splitlines(keepends=True)
    if act == "replaced":
        shutil.rmtree(state / "journal")
    elif act == "cut":
        segment.path.write_bytes(lines[0])
    else:
        segment.path.unlink()
        tape = Tape.open(state / "journal", {"at": "2026-11-24T00:00:00.000Z", "key": "k"}, [])
        tape.write([{"at": "x", "event": "started"}] * 9)
        tape.close()
    async with world.connector():
        assert words in await some_fault(world)
    await world.hub.audit.flush()
    [detail] = await audited(world)
    assert words in detail


async def test_the_hub_remembers_a_journal_over_its_own_restart(tmp_path: Path) -> None:
    config = hub_config(tmp_path, drain_grace=1.0)
    for number in range(2):
        hub = Hub(config)
        async with hub.running() as addresses, Client(addresses.api) as client:
            world = World(hub, addresses, client, tmp_path, {})
            async with world.connector():
                await world.client.connector("acme").GetCustomer(GetCustomerRequest(id="1"))
                if number:
                    assert "entry " in await some_fault(world)
            await told_head(world, 3)
            shutil.rmtree(tmp_path / "acme" / "journal")


def run_writer(state: Path, *arguments: str, lines: int) -> list[str]:
    """Let a process write until it has said so many lines, and kill it; what it said."""
    command = [sys.executable, "-m", "tests.integration.journal_writer", str(state), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [line for _, line in zip(range(lines), process.stdout, strict=False)]
        process.kill()
        said += process.stdout.readlines()
    return [line for line in said if line.endswith("\n")]


def test_what_was_told_before_a_kill_is_there_and_whole(tmp_path: Path) -> None:
    for lines in (3, 20, 60):
        said = run_writer(tmp_path, lines=lines)
        number, _, digest = said[-1].strip().partition(":")
        known = Head(int(number), bytes.fromhex(digest))
        assert verify(tmp_path / "journal", known).faults == []


def test_a_line_that_a_kill_cut_is_repaired_and_is_no_fault(tmp_path: Path) -> None:
    assert run_writer(tmp_path, "torn", lines=1) == []
    verdict = verify(tmp_path / "journal")
    assert verdict.unfinished
    assert verdict.faults == []
    Journal.open(tmp_path, JournalConfig(), {}).close()
    told = [entry for _, entry in entries_of(tmp_path / "journal")]
    events = [entry["event"] for entry in told if "event" in entry]
    assert events == ["file", "started", "repaired", "started", "stopped"]
    assert verify(tmp_path / "journal", verdict.head).faults == []
