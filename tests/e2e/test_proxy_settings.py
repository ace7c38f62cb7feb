"""Where a connector takes its proxy from: real processes with real environments."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mostek.wire.failures import CommandFailure

from ..integration.proxies import Proxy
from .test_processes import BIN, Site, site

__all__ = ["site"]

VARIABLES = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"]
SECRET = "s3cret-pass"


class Connectors:
    """Connectors that run beside one another, each with a setting and an environment of its own."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, link: str, proxy: str = "", **environment: str) -> None:
        folder = self._site.folder / name
        folder.mkdir()
        config = (self._site.folder / "connector.toml").read_text(encoding="utf-8")
        config = config.replace(f'"127.0.0.1:{self._site.ports["link"]}"', json.dumps(link))
        config = config.replace('name = "acme"', f'name = "{name}"')
        config = config.replace("[connector]", f"proxy = {json.dumps(proxy)}\n[connector]")
        (folder / "connector.toml").write_text(config, encoding="utf-8")
        bare = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
        with (folder / "log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [str(BIN / "mostek-connector"), "run", "-c", str(folder / "connector.toml")],
                    stdout=log,
                    stderr=log,
                    env={**bare, **environment},
                )
            )

    def log(self, name: str) -> str:
        return (self._site.folder / name / "log").read_text(encoding="utf-8")

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture
def connectors(site: Site) -> Iterator[Connectors]:
    made = Connectors(site)
    yield made
    made.stop()


async def _online(site: Site, names: set[str]) -> None:
    missing = names
    async with asyncio.timeout(40), site.client() as client:
        while missing:
            await asyncio.sleep(0.2)
            with contextlib.suppress(CommandFailure):
                missing = names - {each.name for each in await client.connectors() if each.online}


async def test_a_connector_takes_its_proxy_from_the_setting_and_every_usual_variable(
    site: Site, connectors: Connectors, tmp_path: Path
) -> None:
    site.start_hub()
    proxy = Proxy(f"127.0.0.1:{site.ports['link']}", login=f"user:{SECRET}")
    # This machine, but not by an address of its own: without NO_PROXY the proxy would be asked.
    direct = f"0.0.0.0:{site.ports['link']}"
    async with proxy.running() as address:
        url = f"http://user:{SECRET}@{address}"
        for number, variable in enumerate(VARIABLES):
            connectors.start(
                f"env-{number}", f"{variable.lower()}-{number}.test:443", **{variable: url}
            )
        connectors.start("set", "setting.test:443", url)
        connectors.start("no-upper", direct, HTTPS_PROXY=url, NO_PROXY="0.0.0.0")
        connectors.start("no-lower", direct, https_proxy=url, no_proxy="0.0.0.0")
        names = {*(f"env-{number}" for number in range(len(VARIABLES))), "set"}
        names |= {"no-upper", "no-lower"}
        await _online(site, names)
        asked = {f"{v.lower()}-{n}.test:443" for n, v in enumerate(VARIABLES)}
        assert set(proxy.asked) == asked | {"setting.test:443"}
    assert not any(SECRET in connectors.log(name) for name in names)


async def test_what_a_proxy_refuses_stands_in_the_connectors_log(
    site: Site, connectors: Connectors
) -> None:
    ntlm = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\n\r\n"
    async with Proxy("", answer=ntlm).running() as address:
        connectors.start("acme", "link.mostek.test:443", f"http://user:{SECRET}@{address}")
        async with asyncio.timeout(20):
            while "takes only NTLM" not in connectors.log("acme"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    assert SECRET not in connectors.log("acme")
