"""The rules of a session, held by calling them."""

from __future__ import annotations

import pytest

from mostek.link.v1.failure_pb2 import FailureKind
from mostek.link.v1.link_pb2 import (
    Accepted,
    Acknowledge,
    Begun,
    Command,
    ConnectorToHub,
    Credit,
    Goodbye,
    GoodbyeReason,
    Heartbeat,
    Hello,
    HubToConnector,
    Part,
    Result,
    Status,
    Welcome,
)
from mostek.wire.failures import Offline, Overloaded, Rejected, TooLarge
from mostek.wire.session import (
    DURABLE,
    Acknowledged,
    Budget,
    CancelAsked,
    ConnectorSession,
    Finished,
    HubSession,
    Left,
    Noticed,
    Opened,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    Started,
    StatusChanged,
    Welcomed,
)

SETTINGS = SessionSettings()
SMALL = SessionSettings(part_size=10, window=40, max_window=40, payload_size=1000)


def hello(slots: int = 2) -> Hello:
    return Hello(revision=1, connector="acme", instance="i", slots=slots)


def hub(
    slots: int = 2, *, settings: SessionSettings = SETTINGS, budget: Budget | None = None
) -> HubSession:
    session = HubSession("s", settings, budget or Budget(10**9), now=0.0)
    session.receive(ConnectorToHub(hello=hello(slots)), 0.0)
    while session.outbox.next():
        pass
    return session


def connector(slots: int = 2, *, settings: SessionSettings = SETTINGS) -> ConnectorSession:
    session = ConnectorSession(hello(slots), now=0.0)
    session.outbox.next()
    session.receive(welcome(settings), 0.0)
    return session


def welcome(settings: SessionSettings = SETTINGS) -> HubToConnector:
    made = Welcome(
        revision=1,
        session_id="s",
        credit_limit=settings.window,
        part_size=settings.part_size,
        payload_size=settings.payload_size,
    )
    made.heartbeat_interval.FromSeconds(12)
    return HubToConnector(welcome=made)


def command(command_id: str = "1") -> Command:
    return Command(command_id=command_id, operation="ListCustomers")


def result(command_id: str = "1", response: bytes = b"r") -> ConnectorToHub:
    return ConnectorToHub(result=Result(command_id=command_id, response=response))


def exchange(a: HubSession, b: ConnectorSession, now: float = 0.0) -> list[object]:
    """Carry frames both ways until nothing is sendable; the events of both."""
    events: list[object] = []
    moved = True
    while moved:
        moved = False
        while (down := a.outbox.next()) is not None:
            events.append(b.receive(down, now))
            moved = True
        while (up := b.outbox.next()) is not None:
            events.append(a.receive(up, now))
            moved = True
    return [event for event in events if event is not None]


def test_a_session_opens_with_hello_and_welcome() -> None:
    a, b = HubSession("s", SETTINGS, Budget(1), 0.0), ConnectorSession(hello(), 0.0)
    assert [type(event) for event in exchange(a, b)] == [Opened, Welcomed, RoundTrip]
    assert b.session_id == "s"


def test_a_result_tells_how_long_the_way_and_the_work_took() -> None:
    a, b = HubSession("s", SETTINGS, Budget(1000), 0.0), ConnectorSession(hello(), 0.0)
    exchange(a, b)
    for command_id, end in (("1", b"x"), ("2", Rejected("none"))):
        a.send(Command(command_id=command_id), b"", 10.0)
        exchange(a, b, 10.1)
        b.finish(command_id, end, worked=0.25)
        (finished,) = (one for one in exchange(a, b, 10.5) if isinstance(one, Finished))
        assert finished.seconds == pytest.approx(0.5)
        assert finished.worked == 0.25


@pytest.mark.parametrize(
    "frame", [result(), ConnectorToHub(heartbeat=Heartbeat()), ConnectorToHub()]
)
def test_hello_must_come_first(frame: ConnectorToHub) -> None:
    with pytest.raises(ProtocolError, match="Hello must come first"):
        HubSession("s", SETTINGS, Budget(1), 0.0).receive(frame, 0.0)


def test_hello_comes_once() -> None:
    with pytest.raises(ProtocolError, match="once"):
        hub().receive(ConnectorToHub(hello=hello()), 0.0)


@pytest.mark.parametrize(
    "wrong",
    [
        Hello(revision=1, instance="i", slots=1),
        Hello(revision=1, connector="a", slots=1),
        Hello(revision=1, connector="a", instance="i"),
        Hello(connector="a", instance="i", slots=1),
    ],
)
def test_hello_must_be_complete(wrong: Hello) -> None:
    with pytest.raises(ProtocolError, match="Hello"):
        HubSession("s", SETTINGS, Budget(1), 0.0).receive(ConnectorToHub(hello=wrong), 0.0)


def test_welcome_must_come_first() -> None:
    with pytest.raises(ProtocolError, match="Welcome"):
        ConnectorSession(hello(), 0.0).receive(HubToConnector(command=command()), 0.0)


def test_the_hub_may_refuse_instead_of_welcoming() -> None:
    frame = HubToConnector(goodbye=Goodbye(reason=GoodbyeReason.GOODBYE_REASON_REFUSED))
    assert isinstance(ConnectorSession(hello(), 0.0).receive(frame, 0.0), Left)


def test_a_command_takes_a_slot_and_its_result_frees_it() -> None:
    s = hub(slots=1)
    s.send(command(), b"", 0.0)
    assert s.free_slots == 0
    assert s.receive(result(), 0.0) == Finished("1", response=b"r", held=1)
    assert s.free_slots == 1


def test_a_command_without_a_free_slot_is_refused_and_may_be_repeated() -> None:
    s = hub(slots=1)
    s.send(command("1"), b"", 0.0)
    with pytest.raises(Overloaded) as refused:
        s.send(command("2"), b"", 0.0)
    assert refused.value.retriable
    assert refused.value.retry_after


@pytest.mark.parametrize("said_by_hub", [True, False])
def test_after_goodbye_of_either_side_no_command_is_sent(said_by_hub: bool) -> None:
    s = hub()
    if said_by_hub:
        s.goodbye(GoodbyeReason.GOODBYE_REASON_STOPPING, "")
    else:
        s.receive(ConnectorToHub(goodbye=Goodbye()), 0.0)
    with pytest.raises(Offline):
        s.send(command(), b"", 0.0)


def test_commands_that_run_at_goodbye_still_finish() -> None:
    s = hub()
    s.send(command(), b"", 0.0)
    s.receive(ConnectorToHub(goodbye=Goodbye()), 0.0)
    assert isinstance(s.receive(result(), 0.0), Finished)


def test_a_result_for_an_unknown_command_breaks_the_protocol() -> None:
    with pytest.raises(ProtocolError, match="not outstanding"):
        hub().receive(result("9"), 0.0)


def test_a_second_result_breaks_the_protocol() -> None:
    s = hub()
    s.send(command(), b"", 0.0)
    s.receive(result(), 0.0)
    with pytest.raises(ProtocolError, match="not outstanding"):
        s.receive(result(), 0.0)


def test_a_cancelled_command_keeps_its_slot_until_its_result() -> None:
    a, b = hub(slots=1), connector(slots=1)
    a.send(command(), b"", 0.0)
    exchange(a, b)
    a.cancel("1")
    assert exchange(a, b) == [CancelAsked("1")]
    assert a.free_slots == 0
    b.finish("1", b"late")
    assert exchange(a, b) == []
    assert a.free_slots == 1


def test_a_cancel_that_crosses_the_result_does_nothing() -> None:
    b = connector()
    a = hub()
    a.send(command(), b"", 0.0)
    exchange(a, b)
    b.finish("1", b"r")
    a.cancel("1")
    assert exchange(a, b) == []
    assert not b.running


def test_a_command_cancelled_before_its_request_is_complete_ends_as_cancelled() -> None:
    a, b = hub(settings=SMALL), connector(settings=SMALL)
    a.send(command(), b"x" * 35, 0.0)
    first = a.outbox.next()
    assert first is not None
    assert b.receive(first, 0.0) is None
    a.cancel("1")
    assert exchange(a, b) == []
    assert a.free_slots == 2
    assert not b.running


def test_a_large_request_arrives_whole() -> None:
    a, b = hub(settings=SMALL), connector(settings=SMALL)
    a.send(command(), b"0123456789" * 9, 0.0)
    [event] = exchange(a, b)
    assert isinstance(event, Started)
    assert event.request == b"0123456789" * 9


def test_a_request_over_the_size_of_the_link_is_refused_before_it_takes_a_slot() -> None:
    s = hub(settings=SMALL)
    with pytest.raises(TooLarge, match="1001 bytes"):
        s.send(command(), b"x" * 1001, 0.0)
    assert s.free_slots == 2


def test_a_response_over_the_size_of_the_link_becomes_a_failure() -> None:
    a, b = hub(settings=SMALL), connector(settings=SMALL)
    a.send(command(), b"", 0.0)
    exchange(a, b)
    b.finish("1", b"x" * 1001)
    [event] = exchange(a, b)
    assert isinstance(event, Finished)
    assert event.failure is not None
    assert event.failure.kind == FailureKind.FAILURE_KIND_TOO_LARGE


def test_a_failure_reaches_the_hub() -> None:
    a, b = hub(), connector()
    a.send(command(), b"", 0.0)
    exchange(a, b)
    b.finish("1", Rejected("No."))
    [event] = exchange(a, b)
    assert isinstance(event, Finished)
    assert event.failure is not None
    assert event.failure.message == "No."


def test_payload_without_credit_breaks_the_protocol() -> None:
    s = hub(settings=SMALL)
    s.send(command(), b"", 0.0)
    s._window.granted = 9
    with pytest.raises(ProtocolError, match="credit"):
        s.receive(ConnectorToHub(part=Part(command_id="1", data=b"x" * 10)), 0.0)


def test_a_part_over_the_part_size_breaks_the_protocol() -> None:
    s = hub(settings=SMALL)
    s.send(command(), b"", 0.0)
    with pytest.raises(ProtocolError, match="more than 10 payload bytes"):
        s.receive(ConnectorToHub(part=Part(command_id="1", data=b"x" * 11)), 0.0)


def test_an_empty_part_breaks_the_protocol() -> None:
    s = hub()
    s.send(command(), b"", 0.0)
    with pytest.raises(ProtocolError, match="empty"):
        s.receive(ConnectorToHub(part=Part(command_id="1")), 0.0)


def test_a_result_without_an_end_breaks_the_protocol() -> None:
    s = hub()
    s.send(command(), b"", 0.0)
    with pytest.raises(ProtocolError, match="without an end"):
        s.receive(ConnectorToHub(result=Result(command_id="1")), 0.0)


def test_more_commands_than_slots_break_the_protocol() -> None:
    s = connector(slots=1)
    s.receive(HubToConnector(command=command("1")), 0.0)
    with pytest.raises(ProtocolError, match="slots"):
        s.receive(HubToConnector(command=command("2")), 0.0)


def test_a_command_id_that_is_outstanding_breaks_the_protocol() -> None:
    s = connector()
    s.receive(HubToConnector(command=command("1")), 0.0)
    with pytest.raises(ProtocolError, match="id that is outstanding"):
        s.receive(HubToConnector(command=command("1")), 0.0)


def test_a_command_after_goodbye_breaks_the_protocol() -> None:
    s = connector()
    s.receive(HubToConnector(goodbye=Goodbye()), 0.0)
    with pytest.raises(ProtocolError, match="after Goodbye"):
        s.receive(HubToConnector(command=command()), 0.0)


def test_credit_only_grows() -> None:
    with pytest.raises(ProtocolError, match="shrinks"):
        connector().receive(HubToConnector(credit=Credit(limit=1)), 0.0)


def test_a_welcome_that_would_never_let_a_large_response_out_is_refused() -> None:
    wrong = HubToConnector(welcome=Welcome(revision=1, part_size=10, credit_limit=19))
    with pytest.raises(ProtocolError, match="credit"):
        ConnectorSession(hello(), 0.0).receive(wrong, 0.0)


def test_a_small_answer_overtakes_a_large_one() -> None:
    a, b = hub(settings=SMALL), connector(settings=SMALL)
    for command_id in ("large", "small"):
        a.send(command(command_id), b"", 0.0)
    exchange(a, b)
    b.finish("large", b"x" * 900)
    b.finish("small", b"y")
    first = b.outbox.next()
    assert first is not None
    assert first.result.command_id == "small"


def test_a_large_answer_that_used_its_credit_leaves_some_for_a_small_one() -> None:
    b = connector(settings=SMALL)
    for command_id in ("large", "small"):
        b.receive(HubToConnector(command=command(command_id)), 0.0)
    b.finish("large", b"x" * 900)
    while b.outbox.next() is not None:
        pass
    b.finish("small", b"y" * 10)
    frame = b.outbox.next()
    assert frame is not None
    assert frame.result.command_id == "small"


def test_parts_of_large_answers_take_turns() -> None:
    b = connector(settings=SMALL)
    for command_id in ("1", "2"):
        b.receive(HubToConnector(command=command(command_id)), 0.0)
        b.finish(command_id, b"x" * 100)
    frames = [b.outbox.next() for _ in range(2)]
    assert [frame.part.command_id for frame in frames if frame] == ["1", "2"]


def test_a_heartbeat_overtakes_everything_even_without_credit() -> None:
    b = connector(settings=SMALL)
    b.receive(HubToConnector(command=command()), 0.0)
    b.finish("1", b"x" * 900)
    while b.outbox.next() is not None:
        pass
    b.tick(12.0)
    frame = b.outbox.next()
    assert frame is not None
    assert frame.heartbeat.number == 1


def test_a_heartbeat_is_answered_and_gives_the_round_trip() -> None:
    a, b = hub(), connector()
    a.tick(12.0)
    down = a.outbox.next()
    assert down is not None
    b.receive(down, 12.1)
    up = b.outbox.next()
    assert up is not None
    a.receive(up, 12.25)
    assert a.round_trip == pytest.approx(0.25)


def test_a_side_is_dead_after_three_silent_intervals_and_before_45_seconds() -> None:
    s = hub()
    s.receive(ConnectorToHub(accepted=Accepted()), 100.0)
    assert not s.is_dead(100.0 + 35.9)
    assert s.is_dead(100.0 + 36.0)


def test_a_command_not_accepted_in_five_seconds_makes_the_session_suspect() -> None:
    s = hub()
    s.send(command(), b"", 0.0)
    s.tick(4.9)
    assert s.free_slots == 1
    s.tick(5.1)
    assert s.free_slots == 0
    s.receive(ConnectorToHub(accepted=Accepted(command_ids=["1"])), 5.2)
    s.tick(6.0)
    assert s.free_slots == 1


def test_a_connector_accepts_what_it_runs_once() -> None:
    s = connector()
    s.receive(HubToConnector(command=command()), 0.0)
    s.tick(0.5)
    frame = s.outbox.next()
    assert frame is not None
    assert frame.accepted.command_ids == ["1"]
    s.tick(1.0)
    assert s.outbox.next() is None


def test_a_status_that_changes_is_an_event() -> None:
    assert isinstance(hub().receive(ConnectorToHub(status=Status()), 0.0), StatusChanged)


def test_a_response_without_room_in_the_budget_fails_alone_and_is_cancelled() -> None:
    budget = Budget(15)
    a, b = hub(settings=SMALL, budget=budget), connector(settings=SMALL)
    a.send(command("large"), b"", 0.0)
    a.send(command("small"), b"", 0.0)
    exchange(a, b)
    b.finish("large", b"x" * 100)
    b.finish("small", b"y" * 5)
    finished = {event.command_id: event for event in exchange(a, b) if isinstance(event, Finished)}
    assert finished["small"].response == b"y" * 5
    failure = finished["large"].failure
    assert failure is not None
    assert failure.kind == FailureKind.FAILURE_KIND_OVERLOADED
    assert failure.retriable
    assert budget.used == finished["small"].held
    assert a.free_slots == 2


def test_a_closed_session_gives_its_budget_back() -> None:
    budget = Budget(100)
    s = hub(settings=SMALL, budget=budget)
    s.send(command(), b"", 0.0)
    s.receive(ConnectorToHub(part=Part(command_id="1", data=b"x" * 10)), 0.0)
    assert budget.used == 10
    s.close()
    assert budget.used == 0


def test_a_result_without_an_end_keeps_nothing_of_the_budget() -> None:
    budget = Budget(100)
    s = hub(settings=SMALL, budget=budget)
    s.send(command(), b"", 0.0)
    s.receive(ConnectorToHub(part=Part(command_id="1", data=b"x" * 10)), 0.0)
    with pytest.raises(ProtocolError, match="without an end"):
        s.receive(ConnectorToHub(result=Result(command_id="1")), 0.0)
    s.close()
    assert budget.used == 0


def test_a_closed_session_takes_no_command() -> None:
    s = hub()
    s.close()
    assert s.free_slots == 0
    with pytest.raises(Offline):
        s.send(command(), b"", 0.0)
    assert s.outstanding == []
    assert not s.acknowledge("main", "key")


def durable_pair() -> tuple[HubSession, ConnectorSession]:
    greeting = hello()
    greeting.capabilities.append(DURABLE)
    a, b = HubSession("s", SETTINGS, Budget(10**9), 0.0), ConnectorSession(greeting, 0.0)
    exchange(a, b)
    return a, b


def write(command_id: str = "1") -> Command:
    return Command(command_id=command_id, operation="CreateOrder", idempotency_key="k")


def test_a_durable_connector_tells_that_a_write_has_begun() -> None:
    a, b = durable_pair()
    a.send(write(), b"", 0.0)
    exchange(a, b)
    b.begin("1")
    assert exchange(a, b) == [Noticed(("1",), begun=True)]
    a.tick(100.0)
    assert not a.suspect


def test_the_end_of_a_write_that_is_to_be_cancelled_is_still_wanted() -> None:
    a, b = durable_pair()
    a.send(write(), b"", 0.0)
    exchange(a, b)
    assert a.ask_cancel("1")
    assert exchange(a, b) == [CancelAsked("1")]
    b.finish("1", b"too late")
    assert exchange(a, b) == [Finished("1", response=b"too late", held=8)]
    assert not a.ask_cancel("1")


def test_an_outcome_is_acknowledged_by_company_and_key() -> None:
    a, b = durable_pair()
    assert a.acknowledge("main", "k")
    assert exchange(a, b) == [Acknowledged("main", "k")]
    a.goodbye(GoodbyeReason.GOODBYE_REASON_STOPPING, "")
    assert not a.acknowledge("main", "k")


def test_an_older_connector_is_told_nothing_that_it_does_not_know() -> None:
    a, b = hub(), connector()
    a.send(write(), b"", 0.0)
    exchange(a, b)
    assert not a.acknowledge("main", "k")
    assert not a.ask_cancel("1")
    assert not a.outbox


def test_an_older_hub_is_told_nothing_that_it_does_not_know() -> None:
    b = connector()
    b.receive(HubToConnector(command=write()), 0.0)
    b.begin("1")
    assert not b.outbox


def test_a_write_that_is_not_outstanding_can_not_have_begun() -> None:
    with pytest.raises(ProtocolError, match="Begun for a command that is not outstanding"):
        hub().receive(ConnectorToHub(begun=Begun(command_id="1")), 0.0)


def test_a_write_whose_response_finds_no_room_is_in_doubt_and_not_undone() -> None:
    a = hub(budget=Budget(1))
    a.send(write(), b"", 0.0)
    event = a.receive(result(response=b"xx"), 0.0)
    assert isinstance(event, Finished)
    assert event.failure is not None
    assert event.failure.kind == FailureKind.FAILURE_KIND_UNKNOWN_OUTCOME


def test_welcome_comes_before_an_acknowledgement() -> None:
    session = ConnectorSession(hello(), 0.0)
    with pytest.raises(ProtocolError, match="Welcome must come first"):
        session.receive(HubToConnector(acknowledge=Acknowledge(company="main")), 0.0)


def test_a_response_to_a_write_that_is_too_large_is_no_failure_to_write() -> None:
    b = connector(settings=SMALL)
    b.receive(HubToConnector(command=write()), 0.0)
    b.finish("1", b"x" * 2000)
    sent = b.outbox.next()
    assert sent is not None
    assert sent.result.failure.kind == FailureKind.FAILURE_KIND_UNKNOWN_OUTCOME


def test_a_peer_that_asks_for_life_without_reading_has_one_answer_waiting() -> None:
    session = hub()
    for number in range(1, 1001):
        session.receive(ConnectorToHub(heartbeat=Heartbeat(number=number)), 1.0)
    assert session.outbox.next() == HubToConnector(heartbeat=Heartbeat(answers=1000))
    assert session.outbox.next() is None
    session.receive(ConnectorToHub(heartbeat=Heartbeat(number=1001)), 2.0)
    assert session.outbox.next() == HubToConnector(heartbeat=Heartbeat(answers=1001))
