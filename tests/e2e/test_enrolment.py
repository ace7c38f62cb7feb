"""From nothing to a call over mTLS and to a revocation, with the commands that operator and site type."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.processes import free_ports
from mostek.admin.v1.admin_service_pb2 import RevokeConnectorRequest
from mostek.client import Client
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek.hub.keyring import load_keys
from mostek.hub.store import Store
from mostek.wire.failures import CommandFailure
from mostek_subiekt.sandbox import create

from ..integration.secure import api_key

BIN = Path(sys.executable).parent


class Installation:
    """A hub with TLS and a connector, each with its own folder and commands."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.ports = dict(zip(("api", "link", "http"), free_ports(3), strict=True))
        given = {f"MOSTEK_HUB_{n.upper()}": f"127.0.0.1:{p}" for n, p in self.ports.items()}
        given["MOSTEK_HUB_DATABASE"] = f"sqlite:///{folder}/hub.sqlite"
        given["MOSTEK_HUB_KEY_FILE"] = str(folder / "hub.keys")
        self.environment = {**os.environ, **given, **settings}
        self.processes: list[subprocess.Popen[bytes]] = []

    def typed(self, command: str, *arguments: str) -> str:
        """What a command prints that succeeds."""
        done = subprocess.run(
            [str(BIN / command), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=self.environment,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, command: str, *arguments: str) -> None:
        with (self.folder / f"{command}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(BIN / command), *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment,
            )
        self.processes.append(process)

    async def api_key(self) -> str:
        """A key for callers; the hub does not run yet."""
        url, keys = (self.environment[f"MOSTEK_HUB_{name}"] for name in ("DATABASE", "KEY_FILE"))
        store = await Store.open(url, load_keys(Path(keys)))
        try:
            return await api_key(store)
        finally:
            await store.close()

    def start_hub(self) -> None:
        """Until it listens."""
        self.start("mostek-hub", "serve")
        ends = time.monotonic() + 20
        while time.monotonic() < ends:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ports["http"]), 1).close()
                return
            time.sleep(0.05)
        pytest.fail((self.folder / "mostek-hub.log").read_text(encoding="utf-8"))

    def log(self, command: str) -> list[dict[str, object]]:
        text = (self.folder / f"{command}.log").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Nothing runs yet; all that was started is ended."""
    made = Installation(tmp_path)
    yield made
    made.end()


async def test_a_site_enrols_is_called_and_is_cut_off(installation: Installation) -> None:
    folder = installation.folder
    create(folder / "erp.sqlite", customers=50, products=50, invoices=50)
    token = installation.typed("mostek-hub", "connectors", "add", "acme").strip()
    authorities = folder / "ca.pem"
    authorities.write_text(installation.typed("mostek-hub", "ca", "show"))
    key = await installation.api_key()
    installation.start_hub()
    assert "Enrolled as connector acme" in installation.typed("mostek-connector", "enroll", token)
    with (folder / "connector.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[companies.main]\nplugin = "subiekt-gt"\n'
            '[companies.main.database]\nkind = "sqlite"\npath = "erp.sqlite"\n'
        )
    assert "all right" in installation.typed("mostek-connector", "check")
    installation.start("mostek-connector", "run")
    async with Client(f"127.0.0.1:{installation.ports['api']}", ca=authorities, key=key) as client:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(CommandFailure):
                    await client.connector("acme").ListCustomers(ListCustomersRequest())
                    break
                await asyncio.sleep(0.1)
        revoked = await client.admin.RevokeConnector(RevokeConnectorRequest(name="acme"))
        assert revoked.certificates == 1
        async with asyncio.timeout(10):
            while not any(  # noqa: ASYNC110 - what is waited for is in another process
                "was revoked" in str(line.get("why"))
                for line in installation.log("mostek-connector")
            ):
                await asyncio.sleep(0.1)
        assert [connector.online for connector in await client.connectors()] == [False]


def handshake(port: int, newest: ssl.TLSVersion, protocol: str) -> str:
    """The version that a client gets that speaks nothing newer; empty: it is turned away."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    # What this machine's policy does not allow must not be what the test sees.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
        context.maximum_version = newest
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        try:
            with context.wrap_socket(connection) as shaken:
                return shaken.version() or ""
        except OSError:
            return ""


PORTS = {"api": "h2", "link": "h2", "http": "http/1.1"}


def test_every_port_speaks_tls_1_3_and_nothing_older(installation: Installation) -> None:
    installation.start_hub()
    for name, protocol in PORTS.items():
        port = installation.ports[name]
        assert handshake(port, ssl.TLSVersion.TLSv1_3, protocol) == "TLSv1.3", name
        assert handshake(port, ssl.TLSVersion.TLSv1_2, protocol) == "", name
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.sendall(b"GET /v1/connectors HTTP/1.1\r\nHost: hub\r\n\r\n")
            plain.settimeout(10)
            with contextlib.suppress(ConnectionError):
                assert b"connectors" not in plain.recv(1000)


def test_an_operator_may_allow_tls_1_2_and_nothing_older(tmp_path: Path) -> None:
    installation = Installation(tmp_path, MOSTEK_HUB_TLS_MINIMUM="1.2")
    try:
        installation.start_hub()
        for name, protocol in PORTS.items():
            port = installation.ports[name]
            if name != "link":
                # There a handshake of 1.2 ends when the client shows no certificate.
                assert handshake(port, ssl.TLSVersion.TLSv1_2, protocol) == "TLSv1.2", name
            assert handshake(port, ssl.TLSVersion.TLSv1_1, protocol) == "", name
    finally:
        installation.end()
