"""For a plugin's tests: its operations through all that the connector does with a command."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message

from mostek.connector.companies import Company
from mostek.connector.config import PolicyConfig
from mostek.connector.journal import Journal, JournalConfig
from mostek.connector.outcomes import OutcomeStore
from mostek.connector.policy import Clock, Policy
from mostek.connector.rows import RowCount
from mostek.connector.runner import Runner
from mostek.link.v1.link_pb2 import Command
from mostek.plugin.plugin import Plugin
from mostek.wire.failures import CommandFailure
from mostek.wire.operations import OPERATIONS

__all__ = ["OPEN", "Commands", "ThroughRunner"]


#: Keeps nothing back.
OPEN = PolicyConfig(writes=True, deny=[], share_error_text=True)


class Commands:
    """Commands to one plugin as company `demo`, on a runner with that policy; `folder` is its state."""

    def __init__(
        self, plugin: Plugin, folder: Path, policy: PolicyConfig = OPEN, clock: Clock = datetime.now
    ) -> None:
        self._loop = asyncio.Runner()
        self._runner = Runner(
            [Company("demo", "test", plugin)],
            Policy(policy, {"demo": plugin.site.zone}, clock),
            OutcomeStore.open(folder / "outcomes.sqlite"),
            RowCount.open(folder / "rows.sqlite"),
            Journal.open(folder, JournalConfig(), {}),
            threads=1,
            write_timeout=30.0,
        )

    def send(self, command: Command, request: bytes) -> bytes:
        """The response. Raises the failure that the hub would be told."""
        ends: list[bytes | CommandFailure] = []

        async def answer(command_id: str, end: bytes | CommandFailure) -> None:
            ends.append(end)

        self._loop.run(self._runner.run(command, request, answer))
        (end,) = ends
        if isinstance(end, CommandFailure):
            raise end
        return end

    def ask(
        self,
        operation: str,
        request: Message,
        *,
        key: str = "",
        caller: str = "test",
        denied: Iterable[str] = (),
    ) -> Any:
        """The response to a command with this request. Raises the failure that the hub would be told."""
        command = Command(
            command_id="test",
            operation=operation,
            company="demo",
            idempotency_key=key,
            caller=caller,
            denied_fields=denied,
        )
        command.timeout.FromSeconds(30)
        response = self.send(command, request.SerializeToString())
        return OPERATIONS[operation].response.FromString(response)

    def close(self) -> None:
        self._runner.close()
        self._loop.close()


class ThroughRunner:
    """Put before a suite of `mostek.plugin.contract`, so that what it sends goes through the runner."""

    _commands: Commands

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _through(cls, plugin: Plugin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        cls._commands = Commands(plugin, tmp_path_factory.mktemp("outcomes"))
        yield
        cls._commands.close()

    def send(self, plugin: Plugin, operation: str, request: Message) -> bytes:
        """The response that the hub would be sent. Raises CommandFailure."""
        data = request.SerializeToString()
        key = hashlib.sha256(data).hexdigest()
        command = Command(
            command_id=key[:32], operation=operation, company="demo", idempotency_key=key
        )
        command.timeout.FromSeconds(30)
        return self._commands.send(command, data)
