"""All that a run consists of: PostgreSQL, hubs, ERPs, connectors, and a proxy on the way of each connector."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import httpx

from chaos.erp import Erp
from chaos.network import Network
from chaos.postgresql import PostgreSql
from chaos.processes import Supervised, free_ports, python
from chaos.proxy import Proxy
from mostek.client import Client
from mostek.connector.enrolment import enroll
from mostek.hub.keyring import add_key
from mostek.wire.failures import CommandFailure
from mostek.wire.trust import EnrolmentToken

__all__ = ["SITES", "World", "running"]

#: The sites, and how many instances of its connector each has.
SITES = {"north": 2, "south": 1}


class World:
    """The parts; `running` starts those that are processes. Connectors come to any of the hubs, by chance."""

    def __init__(
        self, folder: Path, database: PostgreSql, network: Network, heartbeat: float, hubs: int = 1
    ) -> None:
        self.folder = folder
        self.database = database
        self.network = network
        self._database_busy = asyncio.Lock()
        ports = [free_ports(4) for _ in range(hubs)]
        # Callers over gRPC ask one, those over HTTP another.
        self.api, self.http = f"127.0.0.1:{ports[0][0]}", f"https://127.0.0.1:{ports[-1][2]}"
        self._links = [("127.0.0.1", link) for _, link, _, _ in ports]
        self.erps = {name: Erp(name, folder) for name in SITES}
        add_key(self.folder / "hub.keys")
        names = ["hub"] if hubs == 1 else [f"hub-{number + 1}" for number in range(hubs)]
        self.hubs = {
            name: self._hub(name, free, heartbeat, several=hubs > 1)
            for name, free in zip(names, ports, strict=True)
        }
        self.proxies: dict[str, Proxy] = {}
        self.connectors: dict[str, Supervised] = {}
        for site, count in SITES.items():
            for number in range(1, count + 1):
                self._add_connector(site, f"{site}-{number}")

    def _hub(
        self, name: str, ports: Sequence[int], heartbeat: float, *, several: bool
    ) -> Supervised:
        api, link, http, internal = ports
        environment = {
            "MOSTEK_HUB_API": f"127.0.0.1:{api}",
            "MOSTEK_HUB_LINK": f"127.0.0.1:{link}",
            "MOSTEK_HUB_HTTP": f"127.0.0.1:{http}",
            "MOSTEK_HUB_DATABASE": f"{self.database.url}/postgres",
            "MOSTEK_HUB_KEY_FILE": str(self.folder / "hub.keys"),
            "MOSTEK_HUB_HEARTBEAT_INTERVAL": str(heartbeat),
            "MOSTEK_HUB_DRAIN_GRACE": "5",
            # Where connectors find it: behind their proxies.
            "MOSTEK_HUB_NAMES": self.network.hub,
            "MOSTEK_HUB_RATE": "10000",
            "MOSTEK_HUB_BURST": "10000",
        }
        if several:
            environment |= {"MOSTEK_HUB_INTERNAL": f"127.0.0.1:{internal}", "MOSTEK_HUB_LEASE": "4"}
        self._hub_environment = environment
        command = python("-m", "mostek.hub", "serve")
        return Supervised(name, command, environment, self.folder / f"{name}.log")

    def _add_connector(self, site: str, name: str) -> None:
        listener = socket.create_server((self.network.hub, 0))
        proxy = Proxy(listener, self._links)
        config = self.folder / f"{name}.toml"
        config.write_text(_config(site, name, proxy.address, self.erps[site]), encoding="utf-8")
        command = self.network.inside(python("-m", "mostek.connector", "run", "-c", str(config)))
        log = self.folder / f"{name}.log"
        self.proxies[name] = proxy
        self.connectors[name] = Supervised(name, command, {}, log)

    def typed(self, *arguments: str) -> str:
        """What `mostek-hub` prints, as an operator types it."""
        done = subprocess.run(
            python("-m", "mostek.hub", *arguments),
            env={**os.environ, **self._hub_environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def admit(self) -> None:
        """Let callers in: their key, and whom they trust."""
        scopes = [part for scope in ("read", "write", "admin") for part in ("--scope", scope)]
        self.key = self.typed("keys", "add", "chaos", *scopes, "--rate", "10000").split()[-1]
        self.ca = self.folder / "ca.pem"
        self.ca.write_text(self.typed("ca", "show") + "\n", encoding="ascii")

    def enrol(self) -> None:
        """Give every instance its certificate; the hub runs."""
        for name in self.connectors:
            site = name.rpartition("-")[0]
            token = EnrolmentToken.of(self.typed("connectors", "add", site).split()[-1])
            enrolled = enroll(token)
            state = self.states[name]
            state.mkdir()
            (state / "identity.pem").write_bytes(enrolled.identity.pem)
            (state / "hub-ca.pem").write_bytes(enrolled.authorities)

    @property
    def states(self) -> Mapping[str, Path]:
        """The state folder of each instance."""
        return {name: self.folder / f"state-{name}" for name in self.connectors}

    @property
    def processes(self) -> Sequence[Supervised]:
        """The hubs and all connectors."""
        return [*self.hubs.values(), *self.connectors.values()]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything runs, until the block ends."""
        async with contextlib.AsyncExitStack() as ending:
            for proxy in self.proxies.values():
                await proxy.start()
                ending.push_async_callback(proxy.close)
            tasks = [asyncio.create_task(hub.run()) for hub in self.hubs.values()]
            ending.push_async_callback(_end, tasks)
            await self._listening()
            await asyncio.to_thread(self.enrol)
            tasks += [asyncio.create_task(one.run()) for one in self.connectors.values()]
            yield

    async def _listening(self, within: float = 30.0) -> None:
        """Until the hub takes connections. Raises TimeoutError."""
        host, port = self.api.split(":")
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(OSError):
                    (await asyncio.open_connection(host, int(port)))[1].close()
                    return
                await asyncio.sleep(0.1)

    async def online(self, client: Client, within: float = 60.0) -> None:
        """Until all connectors are there. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while True:
                with contextlib.suppress(CommandFailure):
                    found = await client.connectors()
                    if sum(len(connector.sessions) for connector in found) >= len(self.connectors):
                        return
                await asyncio.sleep(0.1)

    # Faults of the hub's database; each is over when its method returns.

    async def kill_database(self, seconds: float) -> None:
        """It ends as by a power cut, and comes back."""
        await self._away(self.database.kill, seconds)

    async def stop_database(self, seconds: float) -> None:
        """It is restarted in order."""
        await self._away(self.database.stop, seconds)

    async def _away(self, end: Callable[[], None], seconds: float) -> None:
        async with self._database_busy:
            await asyncio.to_thread(end)
            try:
                await asyncio.sleep(seconds)
            finally:
                await asyncio.to_thread(self.database.start)

    async def pause_database(self, seconds: float) -> None:
        """It neither answers nor breaks."""
        async with self._database_busy:
            self.database.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.database.pause(over=True)


@contextlib.asynccontextmanager
async def running(
    folder: Path, network: Network, heartbeat: float, hubs: int
) -> AsyncIterator[tuple[World, Client, httpx.AsyncClient]]:
    """A world in a folder, and a client of each kind of its hubs. Three missed heartbeats end a session."""
    with PostgreSql(synced=True) as database:
        world = World(folder, database, network, heartbeat, hubs)
        await asyncio.to_thread(world.admit)
        bearer = {"authorization": f"Bearer {world.key}"}
        trusted = ssl.create_default_context(cafile=str(world.ca))
        async with (
            world.running(),
            Client(world.api, timeout=20, ca=world.ca, key=world.key) as client,
            httpx.AsyncClient(
                base_url=world.http, timeout=20, trust_env=False, verify=trusted, headers=bearer
            ) as http,
        ):
            await world.online(client)
            yield world, client, http


def _config(site: str, name: str, hub: str, erp: Erp) -> str:
    file, template, company = map(json.dumps, (str(erp.file), erp.template, erp.company_template))
    return (
        # Certificates live longer than any run: nobody asks there.
        f'[hub]\nlink = "{hub}"\napi = "127.0.0.1:9"\n'
        f'[connector]\nname = "{site}"\nstate = "state-{name}"\nstop_grace = 5\n'
        "[policy]\nwrites = true\n"
        '[companies.main]\nplugin = "subiekt-gt"\n'
        f'[companies.main.database]\nkind = "sqlite"\npath = {file}\n'
        f"[companies.main.orders]\ntemplate = {template}\n"
        f"customers = true\ncompany_template = {company}\n"
    )


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
