"""What states a durable command goes through, and what moves it: the one place that knows. No I/O, no clock.

    RECORDED ──► SENT ──► SUCCEEDED | FAILED | CANCELLED
        ▲ │        │ │
        │ │        │ └──► RECORDED (a failure that may pass, and that changed nothing) … DEAD when time is up
        │ │        └────► IN_DOUBT (the session was lost, or the site does not know) … UNKNOWN when time is up
        │ └──► CANCELLED | EXPIRED
        └──── an operator retries FAILED, CANCELLED, EXPIRED, DEAD; an UNKNOWN one goes back to IN_DOUBT

Moments are seconds since 1970 by the hub's clock, spans are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from mostek.link.v1.failure_pb2 import FailureKind as Kind
from mostek.wire.failures import CommandFailure, Rejected

__all__ = [
    "FINAL",
    "KEEPS_KEY",
    "LONGEST_WAIT",
    "TIME_LEFT",
    "TO_RESOLVE",
    "WAITING",
    "Progress",
    "State",
    "cancelled",
    "delayed",
    "failed",
    "lost",
    "overtaken",
    "pause",
    "recorded",
    "resolved",
    "retried",
    "sent",
    "succeeded",
]


class State(StrEnum):
    """Where a durable command is."""

    #: Waits to be sent; nothing of it has happened.
    RECORDED = "recorded"
    #: Under way at the site.
    SENT = "sent"
    #: Was under way, and what became of it is not known here: asked for again under the same key.
    IN_DOUBT = "in_doubt"
    SUCCEEDED = "succeeded"
    #: The site or the ERP refuses it; nothing was written.
    FAILED = "failed"
    #: Time ran out in doubt: an operator looks into the ERP and resolves it.
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"
    #: Time ran out before it was begun.
    EXPIRED = "expired"
    #: A dead letter: time ran out over failures that might have passed; nothing was written.
    DEAD = "dead"


#: What the hub still works on.
WAITING = frozenset({State.RECORDED, State.SENT, State.IN_DOUBT})
FINAL = frozenset(State) - WAITING
#: What an operator has to look at.
TO_RESOLVE = frozenset({State.DEAD, State.UNKNOWN})
#: What a key stands for while it is in one of these; in the others nothing was written, and the key is free again.
KEEPS_KEY = WAITING | {State.SUCCEEDED, State.UNKNOWN}

#: A plugin that fails so has looked for its document in the ERP and not found it.
_LOOKED = frozenset(
    {
        Kind.FAILURE_KIND_INVALID,
        Kind.FAILURE_KIND_NOT_FOUND,
        Kind.FAILURE_KIND_CONFLICT,
        Kind.FAILURE_KIND_REJECTED,
    }
)
#: Kinds that come from nobody but a plugin.
_ONLY_PLUGINS = frozenset({Kind.FAILURE_KIND_REJECTED})
#: Before the second attempt; doubles for each further one.
_FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
#: How long after it has expired a command that is not under way is ended. One in doubt is still asked for.
TIME_LEFT = {State.RECORDED: 0.0, State.IN_DOUBT: 24 * 3600.0}


@dataclass(frozen=True)
class Progress:
    """How far a command is. `due_at`: not to be sent before. `kind`: of its last failure.

    `holder`: the replica that has it under way; empty: none has.
    """

    state: State
    due_at: float
    expires_at: float
    attempts: int = 0
    kind: Kind.ValueType = Kind.FAILURE_KIND_UNSPECIFIED
    finished_at: float | None = None
    holder: str = ""


def recorded(now: float, expire_after: float) -> Progress:
    """A new command."""
    return Progress(State.RECORDED, due_at=now, expires_at=now + expire_after)


def sent(progress: Progress, holder: str = "") -> Progress:
    """It is about to be sent by a replica; one in doubt stays so until its end is known."""
    _expect(progress, State.RECORDED, State.IN_DOUBT)
    state = State.SENT if progress.state is State.RECORDED else State.IN_DOUBT
    return replace(progress, state=state, attempts=progress.attempts + 1, holder=holder)


def delayed(progress: Progress, now: float) -> Progress:
    """It can't be sent now, for a reason of its own: others go first."""
    return replace(progress, due_at=now + LONGEST_WAIT)


def lost(progress: Progress, now: float) -> Progress:
    """Its session was lost, or the hub restarted. The first time it is sent again at once."""
    _expect(progress, State.SENT, State.IN_DOUBT)
    wait = pause(progress.attempts) if progress.attempts > 1 else 0.0
    return replace(progress, state=State.IN_DOUBT, due_at=now + wait, holder="")


def succeeded(progress: Progress, now: float) -> Progress:
    """The site answered with a response."""
    _expect(progress, State.SENT, State.IN_DOUBT)
    return _ended(replace(progress, kind=Kind.FAILURE_KIND_UNSPECIFIED), State.SUCCEEDED, now)


def _ended(progress: Progress, state: State, now: float) -> Progress:
    return replace(progress, state=state, finished_at=now, holder="")


def failed(
    progress: Progress, failure: CommandFailure, now: float, *, begun: bool = True
) -> Progress:
    """The site answered with a failure. `begun`: it was the plugin's; else the connector did not come to ask that."""
    _expect(progress, State.SENT, State.IN_DOUBT)
    kind = failure.kind
    progress = replace(progress, kind=kind)
    proven = kind in (_LOOKED if begun else _ONLY_PLUGINS) and not failure.retriable
    if kind == Kind.FAILURE_KIND_UNKNOWN_OUTCOME or (
        progress.state is State.IN_DOUBT and not proven
    ):
        return _again(progress, failure, now, State.IN_DOUBT, State.UNKNOWN)
    if failure.retriable:
        return _again(progress, failure, now, State.RECORDED, State.DEAD)
    return _ended(progress, _ENDS.get(kind, State.FAILED), now)


_ENDS = {
    Kind.FAILURE_KIND_EXPIRED: State.EXPIRED,
    Kind.FAILURE_KIND_CANCELLED: State.CANCELLED,
}


def _again(
    progress: Progress, failure: CommandFailure, now: float, waiting: State, end: State
) -> Progress:
    """Waits for another attempt, if there is time for one."""
    due = now + max(pause(progress.attempts), failure.retry_after or 0.0)
    if due < progress.expires_at:
        return replace(progress, state=waiting, due_at=due, holder="")
    return _ended(progress, end, now)


def pause(failures: int) -> float:
    """Seconds to wait after so many failures."""
    # Powers of numbers that only grow would overflow one day.
    return float(min(_FIRST_WAIT * 2.0 ** min(failures - 1, 10), LONGEST_WAIT))


def overtaken(progress: Progress, now: float) -> Progress:
    """What the time that passed did to a command that is not under way; itself if nothing."""
    left = TIME_LEFT.get(progress.state)
    if left is None or now < progress.expires_at + left:
        return progress
    if progress.state is State.IN_DOUBT:
        return _ended(progress, State.UNKNOWN, now)
    return _ended(progress, State.DEAD if progress.kind else State.EXPIRED, now)


def cancelled(progress: Progress, now: float) -> Progress:
    """Nobody wants it any more. Raises Rejected when it is too late for the hub alone to say so."""
    _allow(progress, "cancelled", State.RECORDED)
    return _ended(progress, State.CANCELLED, now)


def retried(progress: Progress, now: float, expire_after: float) -> Progress:
    """An operator wants another attempt. Raises Rejected."""
    _allow(progress, "retried", *(FINAL - {State.SUCCEEDED}))
    again = State.IN_DOUBT if progress.state is State.UNKNOWN else State.RECORDED
    return Progress(again, now, now + expire_after, attempts=progress.attempts)


def resolved(progress: Progress, now: float, *, written: bool) -> Progress:
    """An operator has looked into the ERP. Raises Rejected."""
    _allow(progress, "resolved", State.UNKNOWN, State.IN_DOUBT)
    return _ended(progress, State.SUCCEEDED if written else State.FAILED, now)


def _expect(progress: Progress, *states: State) -> None:
    if progress.state not in states:
        raise ValueError(f"a command that is {progress.state} can't come here")


def _allow(progress: Progress, what: str, *states: State) -> None:
    if progress.state not in states:
        raise Rejected(
            f"The command is {progress.state}; only one that is {_either(states)} can be {what}."
        )


def _either(states: Iterable[State]) -> str:
    return " or ".join(sorted(states))
