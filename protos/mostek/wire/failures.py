"""Why a command failed: one class per `FailureKind` of the link, raised at the site and raised again at the hub.

CommandFailure
├── Invalid            the request breaks the contract or a limit: correct it
├── NotFound           no such object
├── Conflict           the key or the external number is taken by other content
├── Rejected           the ERP's rules refuse it
├── Denied             policy or rights do not allow it
├── Unauthenticated    the caller did not prove who it is
├── Unsupported        the ERP, plugin or configuration does not offer it
├── Drift              the ERP's schema is not what the plugin expects
├── Locked             a lock in the ERP (retriable)
├── ErpUnavailable     the ERP can't be reached or refuses the login
├── Offline            no session with the connector, or it was lost (retriable)
├── Overloaded         no room (retriable)
├── Expired            the deadline passed
├── Cancelled          the caller went away or cancelled
├── UnknownOutcome     a write whose effect is not known
├── TooLarge           over the size that the link carries
└── Internal           a fault of ours
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import ClassVar, Self

from mostek.link.v1 import failure_pb2
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.wire.spans import seconds_of

__all__ = [
    "Cancelled",
    "CommandFailure",
    "Conflict",
    "Denied",
    "Drift",
    "ErpUnavailable",
    "Expired",
    "Internal",
    "Invalid",
    "Locked",
    "NotFound",
    "Offline",
    "Overloaded",
    "Rejected",
    "TooLarge",
    "Unauthenticated",
    "UnknownOutcome",
    "Unsupported",
    "Violation",
    "failure_of",
    "raised",
]

#: Seconds; a failure that names a later moment is taken to mean this one.
LONGEST_RETRY = 24 * 3600.0
#: Characters of a failure's message, of the ERP's text, and of its violations together: what all callers of gRPC take
#: with a status is 8 KiB, and the message is in it twice.
_LONGEST_MESSAGE = 1200
_LONGEST_ERP_TEXT = 1000
_LONGEST_VIOLATIONS = 2000
_LONGEST_FIELD = 200
#: What a violation takes besides its texts.
_FRAMING = 6
_LONGEST_DESCRIPTION = 500


@dataclass(frozen=True)
class Violation:
    """One field of the request that is not as it must be; `field` is a path like `order.lines[2].quantity`."""

    field: str
    description: str


class CommandFailure(Exception):
    """A command failed. `message` is a sentence for people; it holds neither secrets nor ERP data.

    `retry_after` is in seconds. `erp_text` holds the ERP's own words, which leave the site only if its policy says so.
    Whatever it is made of, a caller can be told it: texts are cut, and of many violations the first ones are taken.
    """

    kind: ClassVar[FailureKind.ValueType]
    retriable_by_nature: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        violations: Iterable[Violation] = (),
        retriable: bool | None = None,
        retry_after: float | None = None,
        erp_text: str = "",
        command_id: str = "",
    ) -> None:
        self.message = _cut(message, _LONGEST_MESSAGE)
        super().__init__(self.message)
        self.violations, _ = _first(violations)
        self.retriable = self.retriable_by_nature if retriable is None else retriable
        self.retry_after = retry_after
        self.erp_text = _cut(erp_text, _LONGEST_ERP_TEXT)
        self.command_id = command_id

    @classmethod
    def of(cls, field: str, description: str) -> Self:
        """A failure about one field: `Invalid.of("order.lines[2].quantity", "must be greater than 0")`."""
        return cls(f"{field}: {description}", violations=[Violation(field, description)])

    @classmethod
    def of_all(cls, violations: Iterable[Violation]) -> Self:
        """A failure about several fields, naming each as far as there is room. The rest is not looked at."""
        found, more = _first(violations)
        text = "; ".join(f"{v.field}: {v.description}" for v in found)
        if more or len(text) > _LONGEST_MESSAGE:
            text = f"{_cut(text, _LONGEST_MESSAGE - len(_MORE))}{_MORE}"
        return cls(text, violations=found)

    @classmethod
    def raise_any(cls, violations: Iterable[Violation]) -> None:
        """Raise one about several fields if there are any; of thousands no more are looked for than can be told."""
        rest = iter(violations)
        if first := next(rest, None):
            raise cls.of_all(chain([first], rest))


_MORE = "; and there is more"


def _first(violations: Iterable[Violation]) -> tuple[tuple[Violation, ...], bool]:
    """Those that a failure has room for, and whether there are more."""
    found: list[Violation] = []
    room = _LONGEST_VIOLATIONS
    for each in violations:
        field = _cut(each.field, _LONGEST_FIELD)
        description = _cut(each.description, _LONGEST_DESCRIPTION)
        room -= len(field) + len(description) + _FRAMING
        if room < 0:
            return tuple(found), True
        found.append(Violation(field, description))
    return tuple(found), False


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


class Invalid(CommandFailure):
    """The request breaks the contract or a limit: correct it."""

    kind = FailureKind.FAILURE_KIND_INVALID


class NotFound(CommandFailure):
    """No such object."""

    kind = FailureKind.FAILURE_KIND_NOT_FOUND


class Conflict(CommandFailure):
    """The key or the external number is taken by other content."""

    kind = FailureKind.FAILURE_KIND_CONFLICT


class Rejected(CommandFailure):
    """The ERP understood the request and its rules refuse it. Asking again will not help."""

    kind = FailureKind.FAILURE_KIND_REJECTED


class Denied(CommandFailure):
    """The site's policy or the caller's rights do not allow it."""

    kind = FailureKind.FAILURE_KIND_DENIED


class Unauthenticated(CommandFailure):
    """The caller did not prove who it is."""

    kind = FailureKind.FAILURE_KIND_UNAUTHENTICATED


class Unsupported(CommandFailure):
    """This ERP, plugin or configuration does not offer the operation or option."""

    kind = FailureKind.FAILURE_KIND_UNSUPPORTED


class Drift(CommandFailure):
    """The ERP's schema is not what the plugin expects."""

    kind = FailureKind.FAILURE_KIND_DRIFT


class Locked(CommandFailure):
    """A lock in the ERP or its database: try again."""

    kind = FailureKind.FAILURE_KIND_LOCKED
    retriable_by_nature = True


class ErpUnavailable(CommandFailure):
    """The ERP or its database can't be reached or refuses the login."""

    kind = FailureKind.FAILURE_KIND_ERP_UNAVAILABLE


class Offline(CommandFailure):
    """No session with the connector, or a read's session was lost."""

    kind = FailureKind.FAILURE_KIND_OFFLINE
    retriable_by_nature = True


class Overloaded(CommandFailure):
    """No room: slots, bytes or rate."""

    kind = FailureKind.FAILURE_KIND_OVERLOADED
    retriable_by_nature = True


class Expired(CommandFailure):
    """The deadline passed."""

    kind = FailureKind.FAILURE_KIND_EXPIRED


class Cancelled(CommandFailure):
    """The caller went away or cancelled."""

    kind = FailureKind.FAILURE_KIND_CANCELLED


class UnknownOutcome(CommandFailure):
    """A write whose effect is not known: repeat it with the same key to learn its outcome, never with another."""

    kind = FailureKind.FAILURE_KIND_UNKNOWN_OUTCOME


class TooLarge(CommandFailure):
    """A request or response over the size that the link carries."""

    kind = FailureKind.FAILURE_KIND_TOO_LARGE


class Internal(CommandFailure):
    """A fault of ours."""

    kind = FailureKind.FAILURE_KIND_INTERNAL


_CLASS_OF = {cls.kind: cls for cls in CommandFailure.__subclasses__()}


def failure_of(failure: CommandFailure) -> failure_pb2.Failure:
    """The message that carries a failure over the link and to the caller."""
    message = failure_pb2.Failure(
        kind=failure.kind,
        message=failure.message,
        retriable=failure.retriable,
        violations=[
            failure_pb2.Violation(field=v.field, description=v.description)
            for v in failure.violations
        ],
        erp_text=failure.erp_text,
        command_id=failure.command_id,
    )
    if failure.retry_after is not None:
        message.retry_after.FromTimedelta(timedelta(seconds=failure.retry_after))
    return message


def raised(message: failure_pb2.Failure) -> CommandFailure:
    """The exception that a failure message stands for; a kind that is not known here becomes Internal."""
    cls = _CLASS_OF.get(message.kind, Internal)
    after = min(max(seconds_of(message.retry_after), 0.0), LONGEST_RETRY)
    return cls(
        message.message,
        violations=[Violation(v.field, v.description) for v in message.violations],
        retriable=message.retriable,
        retry_after=after if message.HasField("retry_after") else None,
        erp_text=message.erp_text,
        command_id=message.command_id,
    )
