"""What the connector does with a command."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from structlog.testing import capture_logs

from mostek.connector.companies import Company
from mostek.connector.journal import Journal, JournalConfig
from mostek.connector.outcomes import OutcomeStore
from mostek.connector.policy import Policy
from mostek.connector.rows import RowCount
from mostek.connector.runner import Runner
from mostek.connector.testing import OPEN
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, GetCustomerResponse
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.failures import CommandFailure, Expired


class Endless(Plugin):
    """Reads until it is stopped."""

    def get_customer(self, request: GetCustomerRequest, context: Context) -> GetCustomerResponse:
        stopped = threading.Event()
        with context.on_cancel(stopped.set):
            assert stopped.wait(10)
        context.check()
        return GetCustomerResponse()


class Faulty(Plugin):
    """Can't be looked at: a programmer's mistake."""

    told: ClassVar[Any] = None

    def erp_version(self) -> str:
        if self.told is None:
            raise ZeroDivisionError
        return cast(str, self.told)


@pytest.mark.parametrize("told", [None, 7, ["2024"]])
def test_a_plugin_that_breaks_when_it_is_looked_at_takes_nobody_else_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: object
) -> None:
    company = Company("main", "faulty", Faulty(NoConfig(), Site("main", tmp_path)))
    monkeypatch.setattr(Faulty, "told", told)
    with capture_logs() as logs:
        company.look()
    assert [(line["event"], line["log_level"]) for line in logs] == [
        ("a company's plugin failed when it was looked at", "error")
    ]
    assert not company.up
    assert company.status(Policy(OPEN, {"main": company.plugin.site.zone})).name == "main"
    monkeypatch.setattr(Faulty, "told", "2024")
    company.look()
    assert company.up


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    plugin = Endless(NoConfig(), Site("main", tmp_path))
    made = Runner(
        [Company("main", "endless", plugin)],
        Policy(OPEN, {"main": plugin.site.zone}),
        OutcomeStore.open(tmp_path / "outcomes.sqlite"),
        RowCount.open(tmp_path / "rows.sqlite"),
        Journal.open(tmp_path, JournalConfig(), {}),
        threads=1,
        write_timeout=30.0,
    )
    yield made
    made.close()


async def test_a_read_whose_time_is_up_is_stopped_though_the_hub_does_not_ask(
    runner: Runner,
) -> None:
    command = Command(command_id="1", operation="GetCustomer", company="main")
    command.timeout.FromMilliseconds(20)
    ends: list[bytes | CommandFailure] = []

    async def answer(command_id: str, end: bytes | CommandFailure) -> None:
        ends.append(end)

    request = GetCustomerRequest(id="1").SerializeToString()
    running = asyncio.create_task(runner.run(command, request, answer))
    while not running.done():
        await asyncio.wait((running,), timeout=0.01)
        runner.tick()
    assert isinstance(ends[0], Expired)
