"""The commands of `mostek-hub` that work on stored data."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mostek.hub import commands, store
from mostek.hub.cli import app
from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import load_keys
from mostek.hub.keys import id_of
from mostek.hub.store import CommandRecord, Lane, Store


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path]:
    url, keys = f"sqlite:///{tmp_path}/hub.sqlite", tmp_path / "hub.keys"
    monkeypatch.setenv("MOSTEK_HUB_DATABASE", url)
    monkeypatch.setenv("MOSTEK_HUB_KEY_FILE", str(keys))
    return url, keys


async def add(url: str, keys: Path) -> None:
    opened = await Store.open(url, load_keys(keys))
    record = CommandRecord(
        id="1",
        lane=Lane(ConnectorId("default", "acme"), "main"),
        operation="CreateOrder",
        caller="",
        idempotency_key="k",
        content=b"",
        progress=commands.recorded(0.0, 1.0),
        recorded_at=0.0,
        expire_after=1.0,
    )
    await opened.add(record, b"request", [])
    await opened.close()


async def request(url: str, keys: Path) -> bytes | None:
    opened = await Store.open(url, load_keys(keys))
    try:
        return await opened.request("1")
    finally:
        await opened.close()


def test_the_tables_are_brought_to_this_version(settings: tuple[str, Path]) -> None:
    run = CliRunner().invoke
    assert run(app, ["new-key"]).exit_code == 0
    done = run(app, ["migrate"])
    newest = max((Path(store.__file__).parent / "migrations/versions").glob("[0-9]*.py")).name
    assert done.output == f"The tables are those of revision {newest[:4]}.\n"


def test_a_hub_that_can_not_be_asked_is_told_so() -> None:
    done = CliRunner().invoke(app, ["status", "--port", "127.0.0.1:1"])
    assert done.exit_code == 2
    assert "127.0.0.1:1 does not answer" in done.output
    assert "MOSTEK_HUB_METRICS" in done.output


def test_a_rotated_key_is_not_needed_any_more(settings: tuple[str, Path]) -> None:
    url, keys = settings
    run = CliRunner().invoke
    assert run(app, ["new-key"]).exit_code == 0
    asyncio.run(add(url, keys))
    assert run(app, ["new-key"]).exit_code == 0
    rotated = run(app, ["rotate-key"])
    assert "1 values were encrypted again" in rotated.output
    keys.write_text(keys.read_text().splitlines()[0] + "\n")
    assert asyncio.run(request(url, keys)) == b"request"


def test_a_key_that_is_missing_for_postgresql_is_not_made_up(
    settings: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOSTEK_HUB_DATABASE", "postgresql://127.0.0.1:1/none")
    refused = CliRunner().invoke(app, ["rotate-key"])
    assert refused.exit_code == 1
    assert "mostek-hub new-key" in str(refused.exception)
    assert not settings[1].exists()


def test_a_key_is_made_listed_and_revoked_on_the_hubs_machine(settings: tuple[str, Path]) -> None:
    run = CliRunner().invoke
    assert run(app, ["tenants", "add", "alfa"]).exit_code == 0
    assert [line.split("\t")[0] for line in run(app, ["tenants", "list"]).stdout.split("\n")] == [
        "alfa",
        "default",
        "",
    ]
    made = run(app, ["keys", "add", "crm", "--tenant", "alfa", "--scope", "admin", "--operator"])
    [key] = made.stdout.split()
    key_id = id_of(key)
    listed = run(app, ["keys", "list", "--tenant", "alfa"]).stdout
    assert listed.startswith(f"{key_id}\tcrm\tuntil ")
    assert "\tadmin operator\tnever used" in listed
    assert key[-43:] not in listed
    assert run(app, ["keys", "revoke", key_id]).exit_code == 1
    assert run(app, ["keys", "revoke", key_id, "--tenant", "alfa"]).exit_code == 0
    assert "\trevoked " in run(app, ["keys", "list", "--tenant", "alfa"]).stdout
    exported = run(app, ["audit", "export", "--tenant", "alfa"]).stdout.splitlines()
    told = [(e["caller"], e["operation"]) for e in map(json.loads, exported)]
    assert told == [("mostek-hub", "CreateApiKey"), ("mostek-hub", "RevokeApiKey")]


def test_a_key_that_can_not_be_is_refused_with_all_that_is_wrong(
    settings: tuple[str, Path],
) -> None:
    refused = CliRunner().invoke(
        app, ["keys", "add", "Crm", "--scope", "reed", "--operation", "Nothing"]
    )
    assert refused.exit_code == 1
    for name in ("name:", "scopes: 'reed' is none of read, write, admin", "operations:"):
        assert name in str(refused.exception)
    nobody = CliRunner().invoke(app, ["keys", "add", "crm", "--tenant", "nobody"])
    assert str(nobody.exception) == "mostek-hub: There is no tenant 'nobody'."


def test_while_a_hub_has_its_file_one_is_told_what_to_do(settings: tuple[str, Path]) -> None:
    url, keys = settings
    run = CliRunner().invoke
    assert run(app, ["new-key"]).exit_code == 0

    async def beside() -> None:
        store = await Store.open(url, load_keys(keys))
        try:
            refused = await asyncio.to_thread(run, app, ["keys", "list"])
        finally:
            await store.close()
        assert "used by another process" in str(refused.exception)
        assert "use `mostek keys` with a key of the scope admin" in str(refused.exception)

    asyncio.run(beside())
