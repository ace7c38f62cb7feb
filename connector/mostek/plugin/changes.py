"""`change_token` of a list whose rows have a time of their last edit, or a version that every write raises.

The pages after the first carry the token in front of their page tokens, so that all tell the same one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from mostek.wire.failures import Invalid

__all__ = ["Changes", "Versions"]

R = TypeVar("R", bound=Message)

#: How far the clocks of the program's computers may go wrong.
_CLOCKS = timedelta(hours=1)
_BETWEEN = "."


@dataclass(frozen=True)
class _Told:
    """A list request as the SDK pages it, and the change token that its pages end in."""

    request: Any
    token: str

    def finished(self, response: R) -> R:
        """The list's response with the change token, and its page token so that the next page tells the same."""
        filled: Any = response
        filled.change_token = self.token
        if filled.next_page_token:
            filled.next_page_token = f"{self.token}{_BETWEEN}{filled.next_page_token}"
        return response


@dataclass(frozen=True)
class Changes(_Told):
    """What a list request says of changes, where rows have a time of their last edit.

    A change token is the moment before the first page was read, in the site's time. Times of edits may be whole days:
    what is asked for begins with the token's day, so that changes come twice rather than never.
    """

    since: datetime | None

    @classmethod
    def of(cls, request: Any, now: datetime) -> Self:
        """Raises Invalid naming change_token or page_token."""
        token, inner = _split(request)
        if token:
            _moment("page_token", token)
        else:
            token = now.replace(tzinfo=None).isoformat(timespec="seconds")
        return cls(inner, token, _since(request.change_token))


@dataclass(frozen=True)
class Versions(_Told):
    """What a list request says of changes, where every write gives a row a higher version (rowversion).

    A change token is the lowest version that may still be given when the first page is read: what has that one or a
    higher one is asked for with the token.
    """

    since: int | None

    @classmethod
    def of(cls, request: Any, lowest: Callable[[], int]) -> Self:
        """`lowest`: reads that version from the database. Raises Invalid naming change_token or page_token."""
        token, inner = _split(request)
        if token:
            _version("page_token", token)
        else:
            token = str(lowest())
        given = request.change_token
        return cls(inner, token, _version("change_token", given) if given else None)


def _split(request: Any) -> tuple[str, Any]:
    """The token in front of a page token, "" on the first page, and the request with the rest."""
    token, between, rest = request.page_token.partition(_BETWEEN)
    inner = type(request)()
    inner.CopyFrom(request)
    if not between:
        return "", inner
    inner.page_token = rest
    if not token:
        raise _refused("page_token")
    return token, inner


def _since(token: str) -> datetime | None:
    if not token:
        return None
    return datetime.combine(_moment("change_token", token) - _CLOCKS, time())


def _moment(field: str, token: str) -> datetime:
    try:
        return datetime.strptime(token, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise _refused(field) from None


def _version(field: str, token: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", token):
        raise _refused(field)
    return int(token)


def _refused(field: str) -> Invalid:
    return Invalid.of(
        field, f"is no {field.replace('_', ' ')}: pass that of an earlier list unchanged"
    )
