"""The states of a durable command."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mostek.hub.commands import (
    FINAL,
    KEEPS_KEY,
    WAITING,
    Progress,
    State,
    cancelled,
    failed,
    lost,
    overtaken,
    recorded,
    resolved,
    retried,
    sent,
    succeeded,
)
from mostek.link.v1.failure_pb2 import FailureKind as Kind
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Conflict,
    Expired,
    Internal,
    Locked,
    NotFound,
    Rejected,
    UnknownOutcome,
)

DAY = 24 * 3600.0
NEW = recorded(100.0, DAY)
SENT = sent(NEW)
DOUBTED = lost(SENT, 101.0)

failures = st.sampled_from(CommandFailure.__subclasses__()).flatmap(
    lambda cls: st.builds(
        cls,
        st.just("It failed."),
        retriable=st.booleans(),
        retry_after=st.none() | st.floats(0, 1000),
    )
)
Step = Callable[[Progress, float], Progress]


def _attempt(end: Step) -> Step:
    def step(progress: Progress, now: float) -> Progress:
        return end(sent(progress), now)

    return step


def _fail(failure: CommandFailure) -> Step:
    return _attempt(lambda progress, now: failed(progress, failure, now))


steps = st.lists(
    st.tuples(
        st.floats(0, 10_000),
        failures.map(_fail) | st.sampled_from([_attempt(lost), overtaken]),
    ),
    max_size=30,
)


def walk(history: list[tuple[float, Step]]) -> tuple[list[Progress], float]:
    """The command's states through a history, until it has ended."""
    now, seen = 100.0, [NEW]
    for wait, step in history:
        now += wait
        if seen[-1].state in FINAL:
            break
        seen.append(step(seen[-1], now))
    return seen, now


@given(steps)
def test_doubt_ends_only_with_proof_or_an_unknown_end(history: list[tuple[float, Step]]) -> None:
    seen, _ = walk(history)
    for before, after in itertools.pairwise(seen):
        if before.state is State.IN_DOUBT:
            assert after.state in (State.IN_DOUBT, State.UNKNOWN, State.FAILED)
            if after.state is State.FAILED:
                assert Kind.Name(after.kind) in {
                    "FAILURE_KIND_INVALID",
                    "FAILURE_KIND_NOT_FOUND",
                    "FAILURE_KIND_CONFLICT",
                    "FAILURE_KIND_REJECTED",
                }


@given(steps)
def test_a_command_that_waits_is_due_before_it_expires_or_in_doubt(
    history: list[tuple[float, Step]],
) -> None:
    seen, _ = walk(history)
    for progress in seen:
        assert (progress.finished_at is None) == (progress.state in WAITING)
        if progress.state is State.RECORDED:
            assert progress.due_at < progress.expires_at


@given(steps)
def test_every_command_ends_when_time_has_passed(history: list[tuple[float, Step]]) -> None:
    seen, now = walk(history)
    assert overtaken(seen[-1], now + 3 * DAY).state in FINAL


@given(steps)
def test_an_operator_can_act_on_every_end_that_is_no_success(
    history: list[tuple[float, Step]],
) -> None:
    seen, now = walk(history)
    end = overtaken(seen[-1], now + 3 * DAY)
    again = retried(end, now, 60.0)
    assert again.expires_at == now + 60.0
    assert again.state is (State.IN_DOUBT if end.state is State.UNKNOWN else State.RECORDED)


def test_a_response_ends_it() -> None:
    assert succeeded(SENT, 102.0).state is State.SUCCEEDED
    assert succeeded(DOUBTED, 102.0).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("failure", "end"),
    [
        (Rejected("No."), State.FAILED),
        (Conflict("No."), State.FAILED),
        (Internal("No."), State.FAILED),
        (Expired("No."), State.EXPIRED),
        (Cancelled("No."), State.CANCELLED),
        (Locked("No."), State.RECORDED),
        (UnknownOutcome("No."), State.IN_DOUBT),
    ],
)
def test_a_failure_of_what_was_sent_once_is_believed(failure: CommandFailure, end: State) -> None:
    assert failed(SENT, failure, 102.0).state is end


@pytest.mark.parametrize(
    "failure", [Expired("No."), Cancelled("No."), Locked("No."), Internal("?")]
)
def test_in_doubt_a_site_that_did_not_look_proves_nothing(failure: CommandFailure) -> None:
    assert failed(DOUBTED, failure, 102.0).state is State.IN_DOUBT
    assert failed(DOUBTED, failure, 100.0 + DAY).state is State.UNKNOWN


def test_in_doubt_only_a_plugin_that_was_asked_can_settle_it() -> None:
    assert failed(DOUBTED, NotFound("No."), 102.0, begun=True).state is State.FAILED
    assert failed(DOUBTED, NotFound("No."), 102.0, begun=False).state is State.IN_DOUBT
    assert failed(DOUBTED, Rejected("No."), 102.0, begun=False).state is State.FAILED


def test_attempts_are_spaced_by_waits_that_double_up_to_a_minute() -> None:
    progress, waits = NEW, []
    for _ in range(9):
        progress = failed(sent(progress), Locked("Busy."), 100.0)
        waits.append(progress.due_at - 100.0)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_the_site_may_ask_for_a_longer_wait() -> None:
    assert failed(SENT, Locked("Busy.", retry_after=90.0), 100.0).due_at == 190.0


def test_a_lost_command_is_asked_for_at_once_and_then_ever_more_rarely() -> None:
    assert DOUBTED.due_at == 101.0
    assert lost(sent(DOUBTED), 102.0).due_at == 104.0


def test_failures_that_might_have_passed_end_as_a_dead_letter() -> None:
    waiting = failed(SENT, Locked("Busy."), 100.0)
    assert overtaken(waiting, 100.0 + DAY).state is State.DEAD
    assert overtaken(NEW, 100.0 + DAY).state is State.EXPIRED
    assert failed(SENT, Locked("Busy."), 100.0 + DAY).state is State.DEAD


def test_only_what_was_not_sent_is_cancelled_here() -> None:
    assert cancelled(NEW, 101.0).state is State.CANCELLED
    with pytest.raises(Rejected, match="is sent; only one that is recorded can be cancelled"):
        cancelled(SENT, 101.0)


def test_a_success_can_be_neither_retried_nor_resolved() -> None:
    done = succeeded(SENT, 102.0)
    with pytest.raises(Rejected):
        retried(done, 103.0, DAY)
    with pytest.raises(Rejected):
        resolved(done, 103.0, written=False)


def test_an_operator_resolves_what_is_unknown() -> None:
    unknown = failed(DOUBTED, UnknownOutcome("?"), 100.0 + DAY)
    assert resolved(unknown, 0.0, written=True).state is State.SUCCEEDED
    assert resolved(unknown, 0.0, written=False).state is State.FAILED


def test_a_key_is_free_again_only_where_nothing_was_written() -> None:
    assert frozenset(State) - KEEPS_KEY == {
        State.FAILED,
        State.CANCELLED,
        State.EXPIRED,
        State.DEAD,
    }
