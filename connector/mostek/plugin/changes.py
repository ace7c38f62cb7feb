"""`change_token` of a list whose rows have a time of their last edit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Self, TypeVar

from google.protobuf.message import Message

from mostek.wire.failures import Invalid

__all__ = ["Changes"]

R = TypeVar("R", bound=Message)

#: How far the clocks of the program's computers may go wrong.
_CLOCKS = timedelta(hours=1)
_BETWEEN = "."


@dataclass(frozen=True)
class Changes:
    """What a list request says of changes, and the request as the SDK pages it.

    A change token is the moment before the first page was read, in the site's time. The pages after the first carry it
    in front of their page tokens, so that all tell the same one. Times of edits may be whole days: what is asked for
    begins with the token's day, so that changes come twice rather than never.
    """

    request: Any
    since: datetime | None
    #: The change token that this list's pages end in.
    token: str

    @classmethod
    def of(cls, request: Any, now: datetime) -> Self:
        """Raises Invalid naming change_token or page_token."""
        token, between, rest = request.page_token.partition(_BETWEEN)
        inner = type(request)()
        inner.CopyFrom(request)
        if between:
            inner.page_token = rest
            _moment("page_token", token)
        else:
            token = now.replace(tzinfo=None).isoformat(timespec="seconds")
        return cls(inner, _since(request.change_token), token)

    def finished(self, response: R) -> R:
        """The list's response with the change token, and its page token so that the next page tells the same."""
        filled: Any = response
        filled.change_token = self.token
        if filled.next_page_token:
            filled.next_page_token = f"{self.token}{_BETWEEN}{filled.next_page_token}"
        return response


def _since(token: str) -> datetime | None:
    if not token:
        return None
    return datetime.combine(_moment("change_token", token) - _CLOCKS, time())


def _moment(field: str, token: str) -> datetime:
    try:
        moment = datetime.strptime(token, "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        what = "pass that of an earlier list unchanged"
        raise Invalid.of(field, f"is no {field.replace('_', ' ')}: {what}") from None
    return moment
