"""Whatever the other side sends, the rules take it or call it a breach, and hold nothing afterwards."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mostek.link.v1.failure_pb2 import Failure
from mostek.link.v1.link_pb2 import (
    Command,
    ConnectorToHub,
    Hello,
    HubToConnector,
)
from mostek.wire.failures import failure_of, raised
from mostek.wire.session import (
    DURABLE,
    REQUEST_CREDIT,
    Budget,
    ConnectorSession,
    Finished,
    HubSession,
    ProtocolError,
    SessionSettings,
    Started,
)
from tests.frames import random_frame, random_message

HELLO = Hello(
    revision=1, connector="acme", instance="i", slots=4, capabilities=[DURABLE, REQUEST_CREDIT]
)
draws = st.randoms(use_true_random=False)
many = settings(max_examples=300)


@given(draws, st.integers(1, 12), st.booleans())
@many
def test_a_hub_takes_any_frame_or_calls_it_a_breach(draw: Random, count: int, opened: bool) -> None:
    budget = Budget(10**6)
    session = HubSession("s", SessionSettings(), budget, now=0.0)
    if opened:
        session.receive(ConnectorToHub(hello=HELLO), 0.0)
        session.send(Command(command_id="1", operation="GetCustomer"), b"q", 0.0)
        session.send(Command(command_id="2", idempotency_key="k"), b"q" * 100_000, 0.0)
    try:
        for moment in range(count):
            event = session.receive(random_frame(ConnectorToHub, draw), float(moment))
            if isinstance(event, Finished):
                session.share.give(event.held)
                if event.failure is not None:
                    failure_of(raised(event.failure))
            session.tick(float(moment))
            session.outbox.next()
    except ProtocolError:
        pass
    assert 0 <= budget.used <= budget.total
    session.close()
    assert budget.used == 0
    assert session.outstanding == []


@given(draws, st.integers(1, 12), st.booleans())
@many
def test_a_connector_takes_any_frame_or_calls_it_a_breach(
    draw: Random, count: int, opened: bool
) -> None:
    session = ConnectorSession(HELLO, now=0.0)
    if opened:
        hub = HubSession("s", SessionSettings(), Budget(10**6), now=0.0)
        hub.receive(ConnectorToHub(hello=HELLO), 0.0)
        hub.send(Command(command_id="1", operation="GetCustomer"), b"q", 0.0)
        while (frame := hub.outbox.next()) is not None:
            session.receive(frame, 0.0)
    try:
        for moment in range(count):
            event = session.receive(random_frame(HubToConnector, draw), float(moment))
            if isinstance(event, Started) and draw.random() < 0.5:
                session.finish(event.command.command_id, b"r" * draw.choice((1, 100_000)))
            session.tick(float(moment))
            session.outbox.next()
            assert len(session.running) <= HELLO.slots
    except ProtocolError:
        pass


@given(draws)
@many
def test_any_failure_of_a_connector_can_be_told_to_a_caller(draw: Random) -> None:
    told = raised(failure_of(raised(random_message(Failure, draw))))
    assert told.retry_after is None or 0 <= told.retry_after <= 24 * 3600
