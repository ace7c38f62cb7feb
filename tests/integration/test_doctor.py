"""The doctor as it is run at a site: a process, beside a hub that runs."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mostek.connector.doctor import CHECKS, Hub, Subject, examined
from mostek.connector.doctor.examination import Check
from mostek.connector.outcomes import OutcomeStore
from mostek_subiekt.sandbox import create

from ..unit.doctor_servers import Authority, forgetful, over_tls, serving
from .conftest import World

FILE = """\
[hub]
link = "{link}"
insecure = true
proxy = {{ file = "proxy.secret" }}

[connector]
name = "acme"

[companies.sandbox]
plugin = "subiekt-gt"
[companies.sandbox.database]
kind = "sqlite"
path = "{sandbox}"

[companies.office]
plugin = "subiekt-gt"
[companies.office.database]
kind = "mssql"
server = "127.0.0.1"
database = "Acme"
driver = "FreeTDS"
login = {{ user = "mostek_read", password = {{ env = "ERP_PASSWORD" }} }}
write_login = {{ user = "mostek_write", password = "{literal}" }}
extra = {{ PORT = "1", TDS_Version = "7.4" }}
login_timeout = 2
"""


async def run(
    *arguments: str, folder: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`mostek-connector …` in a folder."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "mostek.connector", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "LANG": "C.UTF-8", **(env or {})},
    )


async def test_before_enrolment_the_way_to_a_hub_is_looked_at(world: World, tmp_path: Path) -> None:
    hub = ["--hub", world.addresses.link, "--api", world.addresses.http]
    done = await run("doctor", *hub, "--idle", "0.3", folder=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "connector.toml is not there yet" in done.stdout
    assert "frames come and go; round trip" in done.stdout
    assert "the clock is right within 1 s" in done.stdout
    assert "the hub runs " in done.stdout
    assert "lives for 0.3 s at least" in done.stdout
    assert done.stdout.rstrip().endswith("Failures: 0, warnings: 1.")
    # It was never taken for a connector.
    assert not world.hub.registry.connectors("default")


async def test_a_stream_goes_through_tls_with_the_connectors_certificate(
    world: World, tmp_path: Path
) -> None:
    authority = Authority(tmp_path, "Mostek")
    certificate = authority.certificate("127.0.0.1")
    own = authority.certificate("spiffe://tenant/acme")
    terminating = over_tls(certificate, "h2", serve=forgetful(world.addresses.link, 30.0))
    with serving(terminating) as address:
        hub = Hub(address, tls=True, ca=authority.file, identity=own)
        subject = Subject(tmp_path / "none.toml", hub, idle=[0.05])
        checks = [check for check in CHECKS if check.name in {"route", "tls", "stream", "idle"}]
        plain = [Check(check.name, check.run) for check in checks]
        found = await asyncio.to_thread(lambda: list(examined(subject, plain)))
    keys = [finding.key for finding in found]
    assert keys == ["route.ok", "tls.ok", "alpn.ok", "stream.ok", "idle.ok"]


async def test_beside_a_connector_that_runs_nothing_is_disturbed(
    world: World, tmp_path: Path
) -> None:
    async with world.connector() as connector:
        before = [record.sessions for record in world.hub.registry.connectors("default")]
        await run("doctor", "--hub", world.addresses.link, "--lang", "pl", folder=tmp_path)
        assert [record.sessions for record in world.hub.registry.connectors("default")] == before
        assert connector.status().companies


async def test_a_site_with_a_database_that_is_closed(
    world: World, tmp_path: Path, secret: Callable[[str], str]
) -> None:
    pyodbc = pytest.importorskip("pyodbc", exc_type=ImportError)
    if "FreeTDS" not in pyodbc.drivers():
        pytest.skip("the FreeTDS driver is missing: apt-get install tdsodbc")
    sandbox, literal = tmp_path / "erp.db", secret("literal")
    create(sandbox, customers=40, products=40, invoices=40)
    proxy = secret("proxy")
    (tmp_path / "proxy.secret").write_text(f"http://user:{proxy}@127.0.0.1:9\n")
    text = FILE.format(link=world.addresses.link, sandbox=sandbox, literal=literal)
    (tmp_path / "connector.toml").write_text(text, encoding="utf-8")
    (tmp_path / "state").mkdir()
    outcomes = OutcomeStore.open(tmp_path / "state" / "outcomes.sqlite")
    outcomes.intend("sandbox", "key-of-a-caller", "CreateOrder", b"hash")
    outcomes.close()
    environment = secret("environment")
    log = {"message": "command", "end": "Rejected", "erp_text": "Jan Kowalski", "seconds": 1}
    leak = json.dumps({"message": f"{environment} {proxy}"}, ensure_ascii=False)
    (tmp_path / "log.secret").write_text(f"{json.dumps(log)}\nJan Kowalski\n{leak}\n", "utf-8")
    options = ["--lang", "pl", "--zip", "support.zip", "--log", "log.secret"]
    done = await run("doctor", *options, folder=tmp_path, env={"ERP_PASSWORD": environment})

    assert done.returncode == 2, done.stdout
    assert "serwer bazy danych jest nieosiągalny" in done.stdout
    assert "sandbox: baza ma wszystko, co wymienia" in done.stdout
    with zipfile.ZipFile(tmp_path / "support.zip") as archive:
        held = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted(held) == [
        *("configuration.json", "log.jsonl", "report-en.txt", "report-pl.txt"),
        *("report.json", "state.json", "versions.txt"),
    ]
    for hidden in (literal, environment, proxy, "Jan Kowalski", "key-of-a-caller"):
        for name, content in {**held, "output": done.stdout + done.stderr}.items():
            assert hidden not in content, f"{hidden} in {name}"
    configuration = json.loads(held["configuration.json"])
    login = configuration["companies"]["office"]["database"]["login"]
    assert login == {"user": "mostek_read", "password": "**********"}
    assert configuration["hub"]["proxy"] == "**********"
    assert json.loads(held["state.json"])["outcomes"] == [
        {"operation": "CreateOrder", "finished": 0, "acknowledged": 0, "count": 1}
    ]
    assert json.loads(held["log.jsonl"].splitlines()[0]) == {
        "message": "command",
        "end": "Rejected",
        "seconds": 1,
    }
    assert "mostek " in held["versions.txt"]
    assert "database.unreachable" in {one["key"] for one in json.loads(held["report.json"])}


async def test_a_connector_whose_database_is_closed_tells_no_secret(
    world: World, tmp_path: Path, secret: Callable[[str], str]
) -> None:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    sandbox, literal = tmp_path / "erp.db", secret("literal")
    create(sandbox, customers=40, products=40, invoices=40)
    (tmp_path / "proxy.secret").write_text(f"http://user:{secret('proxy')}@127.0.0.1:9\n")
    text = FILE.format(link=world.addresses.link, sandbox=sandbox, literal=literal)
    text = text.replace("[connector]", '[connector]\nlog_level = "debug"')
    (tmp_path / "connector.toml").write_text(text, encoding="utf-8")
    env = {**os.environ, "ERP_PASSWORD": f"Zażółć;{secret('environment')}"}
    with (tmp_path / "connector.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "mostek.connector", "run"),
            cwd=tmp_path,
            env=env,
            stdout=log,
            stderr=log,
        )
        await world.until(lambda: world.online("acme"), 30.0)
        process.terminate()
        assert await process.wait() == 0
    # That no secret is in it is looked for at the end of the session, with all else that was written.
    assert "company is not available" in (tmp_path / "connector.log").read_text("utf-8")
