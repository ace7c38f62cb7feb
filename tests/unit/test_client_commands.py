"""`mostek commands`, against a hub on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.client.cli import app
from mostek.client.testing import FakeHub
from mostek.erp.v1.order_pb2 import CreateOrderResponse
from mostek.link.v1.failure_pb2 import Failure
from mostek.wire.failures import Rejected


def a_command(state: admin.CommandState.ValueType = admin.COMMAND_STATE_SUCCEEDED) -> admin.Command:
    command = admin.Command(id="c1", connector="acme", operation="CreateOrder", state=state)
    command.recorded_at.FromSeconds(1_700_000_000)
    event = command.timeline.add(name="received", detail="local")
    event.at.FromMilliseconds(1_700_000_000_250)
    return command


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as fake:
        monkeypatch.setenv("MOSTEK_HUB", fake.address)
        yield fake


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["commands", *arguments])


def test_commands_are_listed_by_what_is_asked_for(hub: FakeHub) -> None:
    hub.answers["ListCommands"] = lambda request: admin.ListCommandsResponse(commands=[a_command()])
    found = run(
        "list", "--state", "dead", "--state", "in-doubt", "--key", "k", "--connector", "acme"
    )
    assert [c["id"] for c in json.loads(found.stdout)] == ["c1"]
    [asked] = [call.request for call in hub.asked]
    assert asked == admin.ListCommandsRequest(
        page_size=50,
        connector="acme",
        idempotency_key="k",
        states=[admin.COMMAND_STATE_DEAD, admin.COMMAND_STATE_IN_DOUBT],
    )


def test_a_state_that_does_not_exist_is_refused_with_those_that_do(hub: FakeHub) -> None:
    refused = run("list", "--state", "lost")
    assert refused.exit_code == 2
    assert "recorded, sent, in_doubt" in refused.stderr


def test_one_command_is_shown_with_its_outcome_and_timeline(hub: FakeHub) -> None:
    command = a_command()
    command.response.Pack(CreateOrderResponse(id="7", number="ZK 1"))
    hub.answers["GetCommand"] = lambda request: admin.GetCommandResponse(command=command)
    shown = json.loads(run("show", "c1").stdout)
    assert shown["response"]["number"] == "ZK 1"
    assert shown["timeline"][0] == {
        "at": "2023-11-14T22:13:20.250Z",
        "name": "received",
        "detail": "local",
    }


def test_too_late_to_cancel_is_told_by_the_exit_code(hub: FakeHub) -> None:
    states = iter([admin.COMMAND_STATE_CANCELLED, admin.COMMAND_STATE_SENT])
    hub.answers["CancelCommand"] = lambda request: admin.CancelCommandResponse(
        command=a_command(next(states))
    )
    assert [run("cancel", "c1").exit_code for _ in "ab"] == [0, 1]


def test_a_retry_that_is_not_possible_says_why(hub: FakeHub) -> None:
    def refuse(request: object) -> Any:
        raise Rejected("The command is succeeded.")

    hub.answers["RetryCommand"] = refuse
    failed = run("retry", "c1")
    assert failed.exit_code == 1
    assert "The command is succeeded." in failed.stderr


def test_an_operator_says_what_the_erp_shows(hub: FakeHub) -> None:
    hub.answers["ResolveCommand"] = lambda request: admin.ResolveCommandResponse(
        command=a_command()
    )
    assert run("resolve", "c1").exit_code == 2
    assert run("resolve", "c1", "--written", "--erp-id", "7", "--note", "seen").exit_code == 0
    assert run("resolve", "c1", "--not-written").exit_code == 0
    first, second = (call.request for call in hub.asked)
    assert first == admin.ResolveCommandRequest(
        id="c1", resolution=admin.COMMAND_RESOLUTION_WRITTEN, erp_id="7", note="seen"
    )
    assert second == admin.ResolveCommandRequest(
        id="c1", resolution=admin.COMMAND_RESOLUTION_NOT_WRITTEN
    )


def test_a_terminal_gets_tables(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    command = a_command(admin.COMMAND_STATE_FAILED)
    command.failure.CopyFrom(Failure(message="The ERP refuses it."))
    hub.answers["GetCommand"] = lambda request: admin.GetCommandResponse(command=command)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    shown = run("show", "c1").stdout
    assert "The ERP refuses it." in shown
    assert "2023-11-14 22:13:20.250Z" in shown
