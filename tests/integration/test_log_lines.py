"""What a command is found by in the logs of both sides."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, GetCustomerRequest
from mostek.wire.failures import Internal, NotFound, Rejected

from .conftest import World


def lines(logs: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in logs if line["event"] == event]


async def test_both_sides_name_a_call_by_its_command_its_session_and_its_connector(
    world: World,
) -> None:
    with capture_logs() as logs:
        async with world.connector():
            (session,) = world.acme.sessions
            site = world.client.connector("acme")
            await site.GetCustomer(GetCustomerRequest(id="7"))
            with pytest.raises(NotFound):
                await site.GetCustomer(GetCustomerRequest(id="missing"))
            with pytest.raises(Internal):
                await site.GetCustomer(GetCustomerRequest(id="crash"))
    calls, commands = lines(logs, "call"), lines(logs, "command")
    assert len(calls) == len(commands) == 3
    assert {line["session_id"] for line in calls + commands} == {session.session_id}
    # The connector's own name is in each of its lines: see `configure_logs`.
    assert {line["connector"] for line in calls} == {"acme"}
    assert [line["command_id"] for line in calls] == [line["command_id"] for line in commands]
    (crash,) = lines(logs, "command crashed")
    assert crash["command_id"] == commands[2]["command_id"]
    assert crash["session_id"] == session.session_id


async def test_both_sides_name_a_write_so_too(world: World) -> None:
    with capture_logs() as logs:
        async with world.connector():
            (session,) = world.acme.sessions
            site = world.client.connector("acme")
            for name in ("Anna", "no"):
                request = CreateCustomerRequest(customer=CustomerDraft(name=name))
                with pytest.raises(Rejected) if name == "no" else nullcontext():
                    await site.with_key(name).CreateCustomer(request)
    for event in ("write", "command"):
        assert len(lines(logs, event)) == 2
        assert {line["session_id"] for line in lines(logs, event)} == {session.session_id}
    assert {line["connector"] for line in lines(logs, "write")} == {"acme"}
