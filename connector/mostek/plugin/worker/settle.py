"""Effect once, by way of an ERP's own objects: whatever became of a call, what the ERP has is looked up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from mostek.plugin.database import Database
from mostek.plugin.plugin import Context
from mostek.plugin.worker.inside import Fault
from mostek.plugin.worker.worker import Worker, WorkerLost
from mostek.wire.failures import (
    CommandFailure,
    ErpUnavailable,
    Locked,
    Rejected,
    UnknownOutcome,
)

__all__ = ["Saving"]

T = TypeVar("T")

#: Seconds that the sessions of ended processes may take to be gone from the database.
_GONE_WITHIN = 30.0
_RETRY_AFTER = 10.0


@dataclass(frozen=True)
class Saving(Generic[T]):
    """Something that a worker's call saves and that `look`, a read of what is committed, finds; None: it is not there.

    The caller holds the company's lock and has looked before.
    """

    worker: Worker
    database: Database
    look: Callable[[], T | None]

    def once(self, context: Context, call: str, **arguments: Any) -> T:
        """Make the call, and see what the ERP has then.

        Raises Rejected (refused, or nothing was saved), Locked, ErpUnavailable: nothing was saved. Raises
        UnknownOutcome when that can't be known.
        """
        failure: CommandFailure
        try:
            self.worker.call(call, **arguments)
        except Fault as fault:
            failure = _failure(fault)
        except WorkerLost as lost:
            failure = _not_answered(lost) if self._is_over(lost) else _unknown()
        else:
            if (found := self.look()) is not None:
                return _seen(found, context)
            failure = _nothing_saved() if self._is_over(self.worker.give_up()) else _unknown()
        if (found := self.look()) is not None:
            return _seen(found, context)
        raise failure

    def _is_over(self, lost: WorkerLost) -> bool:
        """Whether nothing of the worker's can reach the database any more."""
        if not lost.begun:
            return True
        return lost.ended and self.database.wait_until_gone(lost.processes, _GONE_WITHIN)


def _seen(found: T, context: Context) -> T:
    context.written = True
    return found


def _unknown() -> CommandFailure:
    return UnknownOutcome(
        "The program did not answer, and whether it still saves can't be seen from here."
    )


def _nothing_saved() -> CommandFailure:
    return Rejected(
        "The program says that it has saved, but nothing is there: look at its messages and at the document's "
        "definition in the program."
    )


def _failure(fault: Fault) -> CommandFailure:
    match fault.kind:
        case "refused":
            return Rejected(fault.message, erp_text=fault.text)
        case "locked":
            return Locked(fault.message, erp_text=fault.text, retry_after=_RETRY_AFTER)
        case _:
            return ErpUnavailable(
                fault.message, erp_text=fault.text, retriable=True, retry_after=_RETRY_AFTER
            )


def _not_answered(lost: WorkerLost) -> CommandFailure:
    if not lost.hung:
        return ErpUnavailable(
            "The program broke off; nothing was saved.",
            erp_text=lost.text,
            retriable=True,
            retry_after=_RETRY_AFTER,
        )
    return ErpUnavailable(
        "The program did not answer in time and was ended; nothing was saved. Most likely it shows a dialog: log in at "
        "the connector's machine as the program's operator and answer it once.",
        retriable=True,
        retry_after=_RETRY_AFTER,
    )
