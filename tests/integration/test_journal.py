"""The journal of a connector that serves commands, and of processes that are killed."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mostek.connector.journal import Head, Journal, JournalConfig, verify
from mostek.connector.journal import journal as module
from mostek.connector.journal.files import entries_of
from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CustomerDraft,
    GetCustomerRequest,
    ListCustomersRequest,
)
from mostek.wire.failures import CommandFailure, NotFound, Overloaded, TooLarge

from .conftest import World


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
        with pytest.raises(CommandFailure):
            await acme.GetCustomer(GetCustomerRequest(id="crash"))
        with pytest.raises(TooLarge):
            await acme.ListCustomers(ListCustomersRequest(text="huge"))
    state = world.state / "acme"
    assert [told(entry) for entry in entries(state)] == [
        ("ListCustomers", "ok", None, 1),
        ("GetCustomer", "failed", "NOT_FOUND", None),
        ("GetCustomer", "failed", "INTERNAL", None),
        ("ListCustomers", "failed", "TOO_LARGE", None),
    ]
    assert "7740001454" not in json.dumps(entries(state))
    assert verify(state / "journal").faults == []


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
