"""How much of requests and results is under way: windows, credit, and parts that nobody waits for any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.link.v1.link_pb2 import (
    Command,
    ConnectorToHub,
    Credit,
    HubToConnector,
    Part,
)
from mostek.wire.session import (
    REQUEST_CREDIT,
    Budget,
    ConnectorSession,
    HubSession,
    ProtocolError,
    SessionSettings,
    Started,
)
from mostek.wire.session.window import Window

from .test_session import (
    SETTINGS,
    command,
    connector,
    durable_pair,
    exchange,
    hello,
    hub,
    write,
)


def window(**sizes: int) -> Window:
    return Window(SessionSettings(part_size=10, window=40, max_window=1000, **sizes))


def test_the_window_becomes_what_arrives_in_two_round_trips() -> None:
    w = window()
    for step in range(200):
        w.take("1", 10, last=False, now=step * 0.05, round_trip=1.0)
    # 200 bytes a second, and three parts of slack.
    assert w.size == pytest.approx(430, rel=0.05)


def test_the_window_has_a_bound() -> None:
    w = window()
    for step in range(20_000):
        w.take("1", 10, last=False, now=step * 0.001, round_trip=1.0)
    assert w.size == 1000


def test_the_window_shrinks_on_a_slow_line() -> None:
    w = window()
    for step in range(20):
        w.take("1", 10, last=False, now=float(step), round_trip=0.1)
    assert w.size == 32


def test_a_pause_in_which_the_sender_has_nothing_to_send_does_not_shrink_the_window() -> None:
    w = window()
    for step in range(100):
        w.take("1", 10, last=step % 10 == 9, now=step * 0.05 + step // 10 * 60, round_trip=0.2)
    assert w.size >= 40


def test_before_the_round_trip_is_known_the_window_stays() -> None:
    w = window()
    for step in range(100):
        w.take("1", 10, last=False, now=float(step), round_trip=0.0)
    assert w.size == 40


@given(st.lists(st.tuples(st.integers(0, 10), st.floats(0, 5), st.booleans()), max_size=60))
def test_credit_never_shrinks_and_always_leaves_room_for_two_parts(
    pieces: list[tuple[int, float, bool]],
) -> None:
    w, now, granted = window(), 0.0, 40
    for size, pause, last in pieces:
        now += pause
        limit = w.take("1", size, last=last, now=now, round_trip=0.2)
        assert limit is None or limit > granted
        granted = w.granted
        assert granted - w.received >= 20
        assert 30 <= w.size <= 1000


def credit_pair() -> tuple[HubSession, ConnectorSession]:
    greeting = hello()
    greeting.capabilities.append(REQUEST_CREDIT)
    a, b = HubSession("s", SETTINGS, Budget(10**9), 0.0), ConnectorSession(greeting, 0.0)
    exchange(a, b)
    return a, b


def unread(a: HubSession) -> list[HubToConnector]:
    """What the hub sends while the connector does not read."""
    return list(iter(a.outbox.next, None))


def test_of_a_large_request_no_more_is_sent_than_the_connector_gave_credit_for() -> None:
    a, _ = credit_pair()
    a.send(command(), bytes(10**6), 0.0)
    sent = unread(a)
    assert sent[0].command.request == b""
    assert 0 < sum(len(frame.part.data) for frame in sent) <= SETTINGS.window


def test_a_small_request_needs_no_credit() -> None:
    a, _ = credit_pair()
    a.send(command("1"), bytes(10**6), 0.0)
    unread(a)
    a.send(command("2"), b"small", 0.0)
    assert [frame.command.request for frame in unread(a)] == [b"small"]


def test_a_large_request_arrives_whole_on_credit() -> None:
    a, b = credit_pair()
    a.send(command(), bytes(10**6), 0.0)
    assert [event.request for event in exchange(a, b) if isinstance(event, Started)] == [
        bytes(10**6)
    ]


def test_a_connector_without_request_credit_gets_large_requests_without_it() -> None:
    a, b = hub(), connector()
    a.send(command(), bytes(10**6), 0.0)
    assert sum(len(frame.part.data) for frame in unread(a)) == 10**6
    assert not b.outbox
    with pytest.raises(ProtocolError, match="does not know"):
        a.receive(ConnectorToHub(credit=Credit(limit=1)), 0.0)


def test_more_of_a_request_than_there_was_credit_for_breaks_the_protocol() -> None:
    _, b = credit_pair()
    large = Command(command_id="1", operation="ListCustomers", request_size=10**6)
    b.receive(HubToConnector(command=large), 0.0)
    b._window.granted = 9
    with pytest.raises(ProtocolError, match="credit"):
        b.receive(HubToConnector(part=Part(command_id="1", data=bytes(10))), 0.0)


def test_the_parts_of_a_cancelled_request_leave_no_trace_in_the_measurement() -> None:
    a, b = credit_pair()
    a.send(command(), bytes(10**6), 0.0)
    for frame in unread(a):
        b.receive(frame, 0.0)
    a.cancel("1")
    exchange(a, b)
    assert not b._window._incomplete
    assert a.free_slots == 2


def answered(kind: Command) -> tuple[HubSession, ConnectorSession]:
    """A pair in the middle of a large answer, for which there is no more credit."""
    a, b = durable_pair()
    a.send(kind, b"", 0.0)
    exchange(a, b)
    b.finish("1", bytes(10**6))
    while b.outbox.next():
        pass
    return a, b


def test_of_a_read_that_is_cancelled_no_further_part_is_sent() -> None:
    a, b = answered(command())
    a.cancel("1")
    assert exchange(a, b) == []
    assert a.free_slots == 2
    assert b.idle


def test_the_answer_to_a_write_is_sent_to_its_end() -> None:
    a, b = answered(write())
    a.ask_cancel("1")
    frame = a.outbox.next()
    assert frame is not None
    assert b.receive(frame, 0.0) is None
    assert b.outbox.waiting == {"1"}


def test_a_command_whose_answer_waits_for_its_turn_is_accepted() -> None:
    _, b = answered(command())
    b.tick(0.5)
    frame = b.outbox.next()
    assert frame is not None
    assert frame.accepted.command_ids == ["1"]
    b.tick(1.0)
    assert b.outbox.next() is None
