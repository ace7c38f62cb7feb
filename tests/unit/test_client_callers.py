"""`mostek keys` and `mostek audit`, and how the key is shown to the hub and to nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client import Client
from mostek.client.audit import NotMatchable, compare, read_lines
from mostek.client.cli import app
from mostek.client.testing import FakeHub
from mostek.wire.failures import Invalid, Unauthenticated

SECRET = "mostek_0123456789ab_" + "s" * 43


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        monkeypatch.setenv("MOSTEK_HUB", fake.address)
        yield fake


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_the_key_comes_from_the_environment_or_a_file(hub: FakeHub, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    hub.answers["ListCommands"] = lambda request: admin.ListCommandsResponse()
    lists = ("commands", "list")
    assert run(*lists).exit_code == 0
    assert run(*lists, MOSTEK_KEY="k1").exit_code == 0
    assert run("--key-file", str(file), *lists, MOSTEK_KEY="k1").exit_code == 0
    assert run(*lists, MOSTEK_KEY_FILE=str(file)).exit_code == 0
    shown = [call.metadata.get("authorization") for call in hub.asked]
    assert shown == [None, "Bearer k1", f"Bearer {SECRET}", f"Bearer {SECRET}"]


def test_the_key_goes_with_every_call_and_nowhere_else(hub: FakeHub) -> None:
    def refused(request: Any) -> Any:
        raise Unauthenticated("No valid API key came with the call.")

    hub.answers["GetCommand"] = refused
    hub.answers["DescribeErp"] = refused
    for arguments in (("commands", "show", "1"), ("call", "acme", "DescribeErp")):
        ended = run(*arguments, MOSTEK_KEY=SECRET)
        assert ended.exit_code == 1
        assert "UNAUTHENTICATED: No valid API key" in ended.stderr
        assert SECRET[-43:] not in ended.output + repr(ended.exception)
    assert {call.metadata["authorization"] for call in hub.asked} == {f"Bearer {SECRET}"}


async def test_a_client_does_not_show_its_key(hub: FakeHub) -> None:
    async with Client(hub.address, key=SECRET) as client:
        acme = client.connector("acme")
        seen = "".join(
            map(repr, (client, acme, acme._addressed, client.admin, vars(client).keys()))
        )
    assert SECRET[-43:] not in seen
    with pytest.raises(Invalid, match="one word of ASCII") as caught:
        Client(hub.address, key=f"{SECRET}\n")
    assert SECRET[-43:] not in str(caught.value)


def test_files_that_can_not_be_read_are_named(hub: FakeHub, tmp_path: Path) -> None:
    missing = str(tmp_path / "none")
    refused = run("--key-file", missing, "connectors")
    assert (refused.exit_code, missing in refused.stderr) == (2, True)
    refused = run("--ca", missing, "connectors")
    assert (refused.exit_code, f"ca: {missing} can't be read" in refused.stderr) == (2, True)


def test_a_hub_elsewhere_is_not_called_without_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(
        "mostek.client.client.aio.secure_channel", lambda address, *_, **__: opened.append(address)
    )
    Client("hub.example.com:443", key=SECRET)
    assert opened == ["hub.example.com:443"]


def test_a_new_key_is_alone_on_standard_output(hub: FakeHub) -> None:
    hub.answers["CreateApiKey"] = lambda request: admin.CreateApiKeyResponse(
        api_key=admin.ApiKey(id="1"), key=SECRET
    )
    made = run("keys", "add", "crm", "--connector", "acme", "--deny-field", "Customer.pesel")
    assert made.stdout == f"{SECRET}\n"
    assert "not shown again" in made.stderr
    request: Any = hub.asked[0].request
    wanted = request.api_key
    assert (wanted.name, wanted.scopes, wanted.connectors) == ("crm", ["read"], ["acme"])
    assert wanted.denied_fields == ["Customer.pesel"]
    assert wanted.HasField("expires_at")


def test_keys_are_listed_to_the_last_page_and_revoked(hub: FakeHub) -> None:
    def page(request: admin.ListApiKeysRequest) -> admin.ListApiKeysResponse:
        token = "" if request.page_token else "more"
        key = admin.ApiKey(id=request.page_token or "first")
        return admin.ListApiKeysResponse(api_keys=[key], next_page_token=token)

    hub.answers["ListApiKeys"] = page
    hub.answers["RevokeApiKey"] = lambda request: admin.RevokeApiKeyResponse()
    assert [k["id"] for k in json.loads(run("keys", "list").stdout)] == ["first", "more"]
    assert run("keys", "revoke", "first").exit_code == 0
    assert hub.asked[-1].request == admin.RevokeApiKeyRequest(id="first")


def test_the_audit_is_exported_a_line_each(hub: FakeHub) -> None:
    entry = admin.AuditEntry(kind=admin.AUDIT_KIND_READ, caller="Łukasz")
    hub.answers["ListAuditEntries"] = lambda request: admin.ListAuditEntriesResponse(
        audit_entries=[entry, entry]
    )
    found = run("audit", "export", "--kind", "read", "--since", "2026-01-02", "--connector", "acme")
    assert [json.loads(line)["caller"] for line in found.stdout.splitlines()] == ["Łukasz"] * 2
    request: Any = hub.asked[0].request
    assert (request.connector, request.kinds) == ("acme", [admin.AUDIT_KIND_READ])
    assert request.since.ToJsonString() == "2026-01-02T00:00:00Z"
    refused = run("audit", "export", "--kind", "gossip")
    assert (refused.exit_code, "admin, enrolment, refusal" in refused.stderr) == (2, True)


def told(command_id: str, minute: int, **more: Any) -> dict[str, Any]:
    return {
        "command_id": command_id,
        "at": f"2026-11-24T10:{minute:02}:00Z",
        "caller": "crm",
        "operation": "ListCustomers",
        "outcome": "ok",
        "kind": "AUDIT_KIND_READ",
    } | more


BEFORE, AFTER = told("before", 0), told("after", 59)


def differences(journal: list[Any], audit: list[Any]) -> dict[str, str]:
    found = compare([BEFORE, *journal, AFTER], [BEFORE, *audit, AFTER])
    return {difference.command_id: difference.text for difference in found}


def test_what_both_tell_alike_is_no_difference() -> None:
    twice = [told("1", 10), told("1", 11)]
    write = [
        told("2", 10, kind="AUDIT_KIND_WRITE", outcome="recorded", caller="crm"),
        told("2", 11, kind="AUDIT_KIND_WRITE", outcome="repeated", caller="shop"),
        told("2", 12, kind="AUDIT_KIND_WRITE", outcome="succeeded"),
    ]
    assert differences([*twice, told("2", 12, outcome="succeeded")], [told("1", 10), *write]) == {}


@pytest.mark.parametrize("outcome", ["Offline", "Expired", "recorded", "failed"])
def test_what_the_hub_got_no_answer_to_may_be_missing(outcome: str) -> None:
    assert differences([], [told("1", 10, outcome=outcome)]) == {}


def test_what_left_the_site_unknown_to_the_hub_is_told() -> None:
    assert "the hub knows nothing of it" in differences([told("1", 10)], [])["1"]
    # Neither the first nor the last moment excuses it.
    [found] = compare([told("1", 10)], [])
    assert found.command_id == "1"


def test_what_was_answered_and_is_not_in_the_journal_is_told() -> None:
    assert "the journal has nothing" in differences([], [told("1", 10)])["1"]
    assert differences([], [told("early", 1), told("late", 58)]) == {}


def test_another_caller_or_operation_is_told() -> None:
    audit = [told("1", 10), told("2", 10)]
    journal = [told("1", 10, caller="mallory"), told("2", 10, operation="ListInvoices")]
    assert differences(journal, audit) == {
        "1": "caller: the journal has mallory, the hub crm",
        "2": "operation: the journal has ListInvoices, the hub ListCustomers",
    }


@pytest.mark.parametrize("line", ["{", "[]", "1"])
def test_a_line_that_is_no_entry_is_named(line: str) -> None:
    with pytest.raises(NotMatchable, match="journal, line 2: is no JSON"):
        list(read_lines(["{}", line], "journal"))


def test_a_time_without_its_zone_matches_nothing() -> None:
    with pytest.raises(NotMatchable, match="no time with its zone"):
        compare([told("1", 10, at="2026-11-24T10:00:00")], [])
    with pytest.raises(NotMatchable, match="no entry with a command_id"):
        compare([{}], [])


def test_the_command_ends_with_1_where_they_differ(hub: FakeHub, tmp_path: Path) -> None:
    journal, audit = tmp_path / "journal.ndjson", tmp_path / "audit.ndjson"
    journal.write_text(json.dumps(told("1", 10)))
    audit.write_text(json.dumps(told("1", 10)))
    same = run("audit", "match", str(journal), "--audit", str(audit))
    assert (same.exit_code, same.stdout) == (0, "")
    hub.answers["ListAuditEntries"] = lambda request: admin.ListAuditEntriesResponse()
    other = run("audit", "match", str(journal), "--connector", "acme")
    assert (other.exit_code, other.stdout[:2]) == (1, "1\t")
    assert run("audit", "match", str(journal)).exit_code == 2
    assert run("audit", "match", str(tmp_path / "none"), "--connector", "acme").exit_code == 2
