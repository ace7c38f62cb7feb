"""Hub and connector as processes: how they start, stop and come back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chaos.processes import free_ports
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.wire.failures import CommandFailure
from mostek_subiekt.sandbox import create

BIN = Path(sys.executable).parent


class Site:
    """A hub and a connector that can be started and stopped."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = dict(zip(("api", "link", "http"), free_ports(3), strict=True))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        made = create(folder / "erp.sqlite", customers=50, products=50, invoices=50)
        (folder / "connector.toml").write_text(
            f'[hub]\nlink = "127.0.0.1:{self.ports["link"]}"\ninsecure = true\n[connector]\nname = "acme"\n'
            "[policy]\nwrites = true\n"
            '[companies.main]\nplugin = "subiekt-gt"\n'
            f"[companies.main.orders]\ntemplate = {json.dumps(made.template_order)}\n"
            f'[companies.main.database]\nkind = "sqlite"\npath = {json.dumps(str(folder / "erp.sqlite"))}\n',
            encoding="utf-8",
        )

    def start(self, command: str, *arguments: str) -> subprocess.Popen[bytes]:
        settings = {f"MOSTEK_HUB_{n.upper()}": f"127.0.0.1:{p}" for n, p in self.ports.items()}
        settings["MOSTEK_HUB_DATABASE"] = f"sqlite:///{self.folder}/hub.sqlite"
        settings["MOSTEK_HUB_KEY_FILE"] = str(self.folder / "hub.keys")
        settings["MOSTEK_HUB_INSECURE"] = "true"
        log = (self.folder / f"{command}.log").open("ab")
        with log:
            process = subprocess.Popen(
                [str(BIN / command), *arguments],
                stdout=log,
                stderr=log,
                env={**os.environ, **settings},
            )
        self.processes[command] = process
        return process

    def start_hub(self) -> subprocess.Popen[bytes]:
        return self.start("mostek-hub", "serve")

    def start_connector(self) -> subprocess.Popen[bytes]:
        return self.start("mostek-connector", "run", "-c", str(self.folder / "connector.toml"))

    def lines(self, command: str) -> list[dict[str, object]]:
        text = (self.folder / f"{command}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with Client(f"127.0.0.1:{self.ports['api']}") as client:
            yield client

    async def online(self) -> None:
        """Until the hub has a session with the connector."""
        async with asyncio.timeout(30), self.client() as client:
            while True:
                with contextlib.suppress(CommandFailure):
                    if any(connector.online for connector in await client.connectors()):
                        return
                await asyncio.sleep(0.1)

    async def answers(self) -> None:
        """Until a call goes all the way."""
        async with asyncio.timeout(30):
            while True:
                async with self.client() as client:
                    with contextlib.suppress(CommandFailure):
                        await client.connector("acme").ListCustomers(ListCustomersRequest())
                        return
                await asyncio.sleep(0.1)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Nothing runs yet; all that was started is ended."""
    made = Site(tmp_path)
    yield made
    for process in made.processes.values():
        process.kill()
        process.wait()


async def test_a_connector_comes_back_to_a_hub_that_was_restarted(site: Site) -> None:
    hub = site.start_hub()
    site.start_connector()
    await site.answers()
    hub.send_signal(signal.SIGTERM)
    assert hub.wait(20) == 0
    site.start_hub()
    await site.answers()


async def test_a_connector_comes_back_to_a_hub_that_was_killed(site: Site) -> None:
    hub = site.start_hub()
    site.start_connector()
    await site.answers()
    hub.kill()
    hub.wait()
    site.start_hub()
    await site.answers()


async def test_a_connector_that_starts_before_the_hub_finds_it(site: Site) -> None:
    site.start_connector()
    await asyncio.sleep(0.5)
    site.start_hub()
    await site.answers()


async def test_a_connector_stops_at_sigterm_and_says_goodbye(site: Site) -> None:
    site.start_hub()
    connector = site.start_connector()
    await site.answers()
    connector.send_signal(signal.SIGTERM)
    assert connector.wait(20) == 0
    async with site.client() as client:
        async with asyncio.timeout(10):
            while (await client.connectors())[0].online:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    [ended] = [line for line in site.lines("mostek-hub") if line["message"] == "session ended"]
    assert ended["said_goodbye"] is True


async def test_one_command_can_be_followed_by_its_id_on_both_sides(site: Site) -> None:
    site.start_hub()
    site.start_connector()
    await site.answers()
    await asyncio.sleep(0.3)
    calls = {line["command_id"] for line in site.lines("mostek-hub") if line["message"] == "call"}
    commands = {
        line["command_id"]
        for line in site.lines("mostek-connector")
        if line["message"] == "command"
    }
    assert commands
    assert commands <= calls


def test_a_second_connector_on_the_same_state_is_refused(site: Site) -> None:
    site.start_hub()
    site.start_connector()
    asyncio.run(site.answers())
    second = subprocess.run(
        [str(BIN / "mostek-connector"), "run", "-c", str(site.folder / "connector.toml")],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert "is used by another connector process" in second.stderr


def test_a_hub_without_tls_that_is_to_listen_on_all_addresses_refuses_by_the_variables_name() -> (
    None
):
    done = subprocess.run(
        [str(BIN / "mostek-hub"), "serve"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "MOSTEK_HUB_HTTP": "0.0.0.0:80", "MOSTEK_HUB_INSECURE": "true"},
    )
    assert done.returncode == 2
    assert done.stderr.startswith("mostek-hub: MOSTEK_HUB_INSECURE means no TLS and no API keys")
    assert "0.0.0.0 in MOSTEK_HUB_HTTP is not" in done.stderr


def test_a_port_that_is_taken_is_named(site: Site) -> None:
    with socket.create_server(("127.0.0.1", site.ports["api"])):
        done = site.start_hub()
        assert done.wait(20) == 1
    assert f"can't listen on 127.0.0.1:{site.ports['api']}" in (
        site.folder / "mostek-hub.log"
    ).read_text(encoding="utf-8")


def test_check_reports_every_mistake_with_its_line_and_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "connector.toml"
    file.write_text('[hub]\nlink = "x"\n[connector]\nname = "A"\n[companies.m]\nplugin = "p"\n')
    done = subprocess.run(
        [str(BIN / "mostek-connector"), "check", "-c", str(file)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "line 2: hub.link" in done.stderr
    assert "line 4: connector.name" in done.stderr
