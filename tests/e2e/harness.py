"""A hub and connectors in processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from chaos.processes import free_ports
from mostek.client import Client
from mostek.wire.failures import CommandFailure

__all__ = ["Processes", "online", "stopped"]

LEDGER = Path(__file__).with_name("ledger.py")


class Processes:
    """A hub and a connector, each in a process of its own."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack, name: str = "acme") -> None:
        self.folder = folder
        #: The connector's.
        self.name = name
        self.api, self.link, self.http, self.hub_metrics, self.metrics = (
            f"127.0.0.1:{port}" for port in free_ports(5)
        )
        self._stack = stack

    def beside(self, folder: Path, stack: contextlib.ExitStack, name: str) -> Processes:
        """Another connector of the same hub, with an ERP of its own."""
        other = Processes(folder, stack, name)
        other.api, other.link, other.http = self.api, self.link, self.http
        return other

    def hub(self, crash_at: str = "") -> subprocess.Popen[bytes]:
        return self._start(
            "hub",
            ["-m", "mostek.hub", "serve"],
            MOSTEK_CRASH_AT=crash_at,
            MOSTEK_HUB_API=self.api,
            MOSTEK_HUB_LINK=self.link,
            MOSTEK_HUB_HTTP=self.http,
            MOSTEK_HUB_METRICS=self.hub_metrics,
            MOSTEK_HUB_METRICS_BY_CONNECTOR="true",
            MOSTEK_HUB_DATABASE=f"sqlite:///{self.folder}/hub.sqlite",
            MOSTEK_HUB_KEY_FILE=str(self.folder / "hub.keys"),
            MOSTEK_HUB_INSECURE="true",
        )

    def connector(
        self,
        crash_at: str = "",
        instance: str = "",
        *,
        hangs: str = "",
        late: str = "",
        free_megabytes: str = "",
    ) -> subprocess.Popen[bytes]:
        """A connector with the ERP of `ledger.py`.

        `hangs`: the customer at which it hangs for ever; `late`: the one that the ERP commits after its caller is dead;
        `free_megabytes`: below which its journal refuses commands.
        """
        arguments = [str(LEDGER), self.link, str(self.folder), instance]
        environment = {
            "LEDGER_HANGS_AT": hangs,
            "LEDGER_COMMITS_LATE": late,
            "LEDGER_FREE_MEGABYTES": free_megabytes,
            "LEDGER_NAME": self.name,
        }
        return self._start(
            f"connector{instance}", arguments, MOSTEK_CRASH_AT=crash_at, **environment
        )

    def subiekt(
        self,
        template: str,
        crash_at: str = "",
        instance: str = "",
        customers: str = "",
        *,
        metrics: bool = False,
    ) -> subprocess.Popen[bytes]:
        """A connector with the plugin of Subiekt GT on the sandbox in the folder.

        `customers`: that new ones copy; `metrics`: whether Prometheus may read it.
        """
        shown = f'[metrics]\nlisten = "{self.metrics}"\n' if metrics else ""
        erp = json.dumps(str(self.folder / "subiekt.sqlite"))
        config = self.folder / f"connector{instance}.toml"
        creating = f"customers = true\ncompany_template = {customers}\n" if customers else ""
        config.write_text(
            f'[hub]\nlink = "{self.link}"\ninsecure = true\n'
            f'[connector]\nname = "{self.name}"\nstate = "state{instance}"\n'
            "[policy]\nwrites = true\n"
            '[companies.main]\nplugin = "subiekt-gt"\n'
            f'[companies.main.database]\nkind = "sqlite"\npath = {erp}\n'
            f"[companies.main.orders]\ntemplate = {json.dumps(template)}\n" + creating + shown,
            encoding="utf-8",
        )
        arguments = ["-m", "mostek.connector", "run", "-c", str(config)]
        return self._start("connector", arguments, MOSTEK_CRASH_AT=crash_at)

    def wapro(self, crash_at: str = "") -> subprocess.Popen[bytes]:
        """A connector with the plugin of WAPRO Mag on the sandbox in the folder."""
        erp = json.dumps(str(self.folder / "wapro.sqlite"))
        config = self.folder / "connector.toml"
        config.write_text(
            f'[hub]\nlink = "{self.link}"\ninsecure = true\n[connector]\nname = "{self.name}"\nstate = "state"\n'
            "[policy]\nwrites = true\n"
            '[companies.main]\nplugin = "wapro-mag"\ncompany = "Nasza"\n'
            f'[companies.main.database]\nkind = "sqlite"\npath = {erp}\n'
            '[companies.main.orders]\nuser = "MOSTEK"\nwarehouse = "MAG"\n',
            encoding="utf-8",
        )
        arguments = ["-m", "mostek.connector", "run", "-c", str(config)]
        return self._start("connector", arguments, MOSTEK_CRASH_AT=crash_at)

    def _start(
        self, name: str, arguments: list[str], **environment: str
    ) -> subprocess.Popen[bytes]:
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        child = subprocess.Popen(
            [sys.executable, *arguments], stdout=log, stderr=log, env=os.environ | environment
        )
        self._stack.callback(child.wait)
        self._stack.callback(child.kill)
        return child

    def customers(self) -> list[str]:
        """What the ERP holds."""
        with contextlib.closing(sqlite3.connect(self.folder / "erp.sqlite")) as erp:
            return [name for (name,) in erp.execute("SELECT name FROM customer ORDER BY id")]


async def online(client: Client, sessions: int = 1, name: str = "acme") -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(CommandFailure):
                found = [one for one in await client.connectors() if one.name == name]
                if sum(len(connector.sessions) for connector in found) >= sessions:
                    return
            await asyncio.sleep(0.05)


async def stopped(child: subprocess.Popen[bytes], within: float = 40.0) -> None:
    """Ask it to stop, as an operator does, and wait until it has."""
    child.send_signal(signal.SIGTERM)
    async with asyncio.timeout(within):
        while child.poll() is None:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    assert child.returncode == 0
