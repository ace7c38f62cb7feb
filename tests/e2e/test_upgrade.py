"""An upgrade as a site's administrator does it: real connectors in environments of their own, a real hub."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mostek.client import Client
from mostek.connector.cli import app
from mostek.connector.launcher.installation import Installation
from mostek.erp.v1.customer_pb2 import ListCustomersRequest
from mostek_subiekt.sandbox import create

from .harness import Processes, online

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="makes environments as on Linux")

SITE_PACKAGES = sysconfig.get_path("purelib")


def version(installation: Installation, name: str, *, breaks: str = "") -> None:
    """An environment that has what this one has, under another version; `breaks`: code that it runs first."""
    venv = installation.folder(name) / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    [packages] = venv.glob("lib/python*/site-packages")
    about = packages / f"mostek-{name}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: mostek\nVersion: {name}\n")
    (packages / "all.pth").write_text(f"import site; site.addsitedir({SITE_PACKAGES!r})\n")
    program = installation.command(name)
    program.write_text(
        f"#!{venv}/bin/python\nfrom mostek.connector.cli import main\n{breaks}\nmain()\n"
    )
    program.chmod(0o755)
    (installation.folder(name) / "complete").touch()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Processes, Installation]]:
    """A hub, and a site whose launcher runs version 0.0.9."""
    create(tmp_path / "erp.sqlite", customers=50, products=50, invoices=50)
    with contextlib.ExitStack() as stack:
        processes = Processes(tmp_path, stack)
        processes.hub()
        installation = Installation(tmp_path / "opt", tmp_path / "control", tmp_path / "c.toml")
        installation.config.write_text(
            f'[hub]\nlink = "{processes.link}"\ninsecure = true\n[connector]\nname = "acme"\n'
            '[companies.main]\nplugin = "subiekt-gt"\n'
            f'[companies.main.database]\nkind = "sqlite"\npath = "{tmp_path}/erp.sqlite"\n'
        )
        installation.create()
        version(installation, "0.0.9")
        with (tmp_path / "launcher.log").open("ab") as log:
            launcher = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "mostek.connector.launcher",
                    "run",
                    "--root",
                    tmp_path / "opt",
                ],
                stderr=log,
            )
        try:
            yield processes, installation
        finally:
            launcher.send_signal(signal.SIGTERM)
            assert launcher.wait(30) == 0
    assert not list(tmp_path.glob("state/*-wal")), "the connector has ended in order"


async def software(client: Client) -> list[tuple[str, bool]]:
    [connector] = await client.connectors()
    return [(session.software, session.outdated) for session in connector.sessions]


async def reads(client: Client) -> None:
    """Call the connector again and again, until cancelled. Raises the failure of a call."""
    while True:
        await client.connector("acme").ListCustomers(ListCustomersRequest(), timeout=60)


async def typed(installation: Installation, *arguments: str) -> Result:
    """`mostek-connector upgrade`."""
    command = ["upgrade", "--root", str(installation.root), *arguments]
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, command))


async def test_a_site_is_upgraded_and_goes_back_when_the_new_version_does_not_serve(
    site: tuple[Processes, Installation],
) -> None:
    processes, installation = site
    async with Client(processes.api) as client:
        await online(client)
        own = (await software(client))[0]
        assert own == ("0.0.9", True)
        version(installation, "9.9.9")
        reading = asyncio.create_task(reads(client))
        done = await typed(installation, "--to", "9.9.9", "--steady", "0.5")
        reading.cancel()
        assert [str(end) for end in await asyncio.gather(reading, return_exceptions=True)] == [""]
        assert done.exit_code == 0, done.output
        assert "Version 9.9.9 runs and serves what 0.0.9 did" in done.output
        await online(client)
        assert await software(client) == [("9.9.9", False)]

        version(
            installation,
            "10.0",
            breaks="from mostek.connector.connector import Connector\nConnector.running = None",
        )
        done = await typed(installation, "--to", "10.0")
        assert done.exit_code == 1
        assert "was taken back, version 9.9.9 runs: version 10.0" in done.output
        assert "ended by itself with status 1" in done.output
        await online(client)
        await client.connector("acme").ListCustomers(ListCustomersRequest())
        assert await software(client) == [("9.9.9", False)]
    lines = (processes.folder / "launcher.log").read_text().splitlines()
    messages = [json.loads(line)["message"] for line in lines if line.startswith("{")]
    assert messages.count("the upgrade is done") == messages.count("the upgrade is taken back") == 1
