"""Where a connector takes its proxy from: real processes with real environments."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mostek.connector.identity import Identity, new_key
from mostek.hub.pki.authority import Authority, pem
from mostek.wire.trust import InstanceId
from mostek_subiekt.sandbox import create

from ..integration.proxies import Proxy
from .test_processes import BIN

VARIABLES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
SECRET = "s3cret-pass"


class Connectors:
    """Connectors that run beside one another, each with a setting and an environment of its own.

    Their certificates are of no hub's authority: how far a connector gets is seen from what it dials.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = Authority.made(time.time())
        self._processes: list[subprocess.Popen[bytes]] = []
        create(folder / "erp.sqlite", customers=50, products=50, invoices=50)

    def start(self, name: str, link: str, proxy: str = "", **environment: str) -> None:
        folder = self._folder / name
        self._enrol(folder / "state", name)
        file, erp = folder / "connector.toml", json.dumps(str(self._folder / "erp.sqlite"))
        file.write_text(
            f'[hub]\nlink = "{link}"\napi = "api.test:443"\nproxy = {json.dumps(proxy)}\n'
            f'[connector]\nname = "{name}"\n[companies.main]\nplugin = "subiekt-gt"\n'
            f'[companies.main.database]\nkind = "sqlite"\npath = {erp}\n',
            encoding="utf-8",
        )
        bare = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        with (folder / "log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [str(BIN / "mostek-connector"), "run", "-c", str(file)],
                    stdout=log,
                    stderr=log,
                    env={**bare, **environment},
                )
            )

    def _enrol(self, state: Path, name: str) -> None:
        state.mkdir(parents=True)
        key, of = new_key(), InstanceId("default", name, "i")
        certificate, _ = self._authority.for_connector(
            of, key.public_key(), int(time.time()), 86400
        )
        (state / "identity.pem").write_bytes(Identity(certificate, key).pem)
        (state / "hub-ca.pem").write_text(pem(self._authority.certificate), encoding="ascii")

    def log(self, name: str) -> str:
        return (self._folder / name / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def connectors(tmp_path: Path) -> Iterator[Connectors]:
    made = Connectors(tmp_path)
    yield made
    made.stop()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():  # noqa: ASYNC110 - what is waited for is in other processes
            await asyncio.sleep(0.1)


async def test_a_connector_takes_its_proxy_from_the_setting_and_every_usual_variable(
    connectors: Connectors,
) -> None:
    def hub(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hub, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    proxy = Proxy(f"127.0.0.1:{port}", login=f"user:{SECRET}")
    # This machine, but not by an address of its own: without NO_PROXY the proxy would be asked.
    direct = f"0.0.0.0:{port}"
    async with server, proxy.running() as address:
        url = f"http://user:{SECRET}@{address}"
        for number, variable in enumerate(VARIABLES):
            connectors.start(
                f"env-{number}", f"{variable.lower()}-{number}.test:443", **{variable: url}
            )
        connectors.start("set", "setting.test:443", url)
        connectors.start("no-upper", direct, HTTPS_PROXY=url, NO_PROXY="0.0.0.0")
        connectors.start("no-lower", direct, https_proxy=url, no_proxy="0.0.0.0")
        expected = {f"{v.lower()}-{n}.test:443" for n, v in enumerate(VARIABLES)}
        expected |= {"setting.test:443"}
        failed = "connection to the hub failed"
        await _until(lambda: expected <= set(proxy.asked))
        await _until(lambda: all(failed in connectors.log(n) for n in ("no-upper", "no-lower")))
        assert set(proxy.asked) == expected
        # Before the servers end: nobody would close what is accepted then.
        connectors.stop()
    names = [*(f"env-{number}" for number in range(len(VARIABLES))), "set", "no-upper", "no-lower"]
    assert not any(SECRET in connectors.log(name) for name in names)
    assert not any("proxy" in connectors.log(name) for name in ("no-upper", "no-lower"))


async def test_what_a_proxy_refuses_stands_in_the_connectors_log(connectors: Connectors) -> None:
    ntlm = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n"
    async with Proxy("", answer=ntlm).running() as address:
        connectors.start("acme", "link.mostek.test:443", f"http://user:{SECRET}@{address}")
        await _until(lambda: "takes only NTLM" in connectors.log("acme"))
    assert SECRET not in connectors.log("acme")
