"""Both ends of a session under every order of events, and bytes that are no frames."""

from __future__ import annotations

import contextlib
from collections import deque

from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mostek.link.v1.link_pb2 import (
    ConnectorToHub,
    HubToConnector,
)
from mostek.wire.session import (
    Budget,
    ConnectorSession,
    Finished,
    HubSession,
    ProtocolError,
    Started,
)

from .test_session import (
    SMALL,
    command,
    hello,
    hub,
)


class Link(RuleBasedStateMachine):
    """A hub and a connector over a lossless link with frames in flight, under every order of events."""

    @initialize(slots=st.integers(1, 4), budget=st.sampled_from([30, 10_000]))
    def open(self, slots: int, budget: int) -> None:
        self.budget = Budget(budget)
        self.hub = HubSession("s", SMALL, self.budget, 0.0)
        self.connector = ConnectorSession(hello(slots), 0.0)
        self.down: deque[HubToConnector] = deque()
        self.up: deque[ConnectorToHub] = deque()
        self.requests: dict[str, bytes] = {}
        self.responses: dict[str, bytes] = {}
        self.cancelled: set[str] = set()
        self.ended: set[str] = set()
        self.held = 0
        self.carry()

    def carry(self) -> None:
        while (down := self.hub.outbox.next()) is not None:
            self.down.append(down)
        while (up := self.connector.outbox.next()) is not None:
            self.up.append(up)

    @precondition(lambda self: self.hub.hello is not None)
    @rule(request=st.binary(max_size=35))
    def send(self, request: bytes) -> None:
        command_id = str(len(self.requests))
        if self.hub.free_slots <= 0:
            return
        self.hub.send(command(command_id), request, 0.0)
        self.requests[command_id] = request
        self.carry()

    @rule(data=st.data(), response=st.binary(max_size=95))
    def finish(self, data: st.DataObject, response: bytes) -> None:
        startable = [cid for cid in self.connector.running if cid in self.responses]
        if startable:
            command_id = data.draw(st.sampled_from(startable))
            self.responses[command_id] = response
            self.connector.finish(command_id, response)
            self.carry()

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if self.hub.outstanding:
            command_id = data.draw(st.sampled_from(self.hub.outstanding))
            self.hub.cancel(command_id)
            self.cancelled.add(command_id)
            self.carry()

    @rule()
    def tick(self) -> None:
        self.hub.tick(0.0)
        self.connector.tick(0.0)
        self.carry()

    @precondition(lambda self: self.down)
    @rule()
    def deliver_down(self) -> None:
        event = self.connector.receive(self.down.popleft(), 0.0)
        if isinstance(event, Started):
            assert event.request == self.requests[event.command.command_id]
            self.responses[event.command.command_id] = b""
        self.carry()

    @precondition(lambda self: self.up)
    @rule()
    def deliver_up(self) -> None:
        event = self.hub.receive(self.up.popleft(), 0.0)
        if isinstance(event, Finished):
            assert event.command_id not in self.ended
            assert event.command_id not in self.cancelled
            self.ended.add(event.command_id)
            if event.failure is None:
                assert event.response == self.responses[event.command_id]
            self.hub.share.give(event.held)
        self.carry()

    @invariant()
    def no_more_is_outstanding_than_there_are_slots(self) -> None:
        assert len(self.hub.outstanding) <= max(self.hub.slots, 0)

    @invariant()
    def the_budget_is_kept(self) -> None:
        assert 0 <= self.budget.used <= self.budget.total

    def teardown(self) -> None:
        """Whatever happened, everything ends once both sides do their part."""
        if not hasattr(self, "hub"):
            return
        while self.down or self.up or self.connector.running:
            while self.down:
                self.deliver_down()
            while self.up:
                self.deliver_up()
            for command_id in self.connector.running:
                if command_id in self.responses:
                    self.responses[command_id] = b"end"
                    self.connector.finish(command_id, b"end")
            self.carry()
        assert self.hub.outstanding == []
        assert self.budget.used == 0


Link.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestLink = Link.TestCase


@given(st.binary(max_size=200))
def test_no_bytes_from_outside_do_more_than_break_the_protocol(data: bytes) -> None:
    frame = ConnectorToHub()
    with contextlib.suppress(DecodeError, ProtocolError):
        frame.ParseFromString(data)
        session = hub()
        session.send(command(), b"", 0.0)
        session.receive(frame, 1.0)
