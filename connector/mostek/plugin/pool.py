"""A bounded number of connections, shared by threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
from typing import Any

from mostek.plugin.plugin import Context

__all__ = ["Pool"]

# How often a thread that waits for a connection looks whether its command is still wanted.
_LOOK_SECONDS = 0.2


class Pool:
    """At most `limit` connections; each is given back or, if it may be broken, closed."""

    def __init__(
        self, connect: Callable[[], Any], close: Callable[[Any], None], limit: int
    ) -> None:
        self._connect = connect
        self._close = close
        self._limit = limit
        self._idle: list[Any] = []
        self._used = 0
        self._closed = False
        self._changed = Condition()

    @property
    def used(self) -> int:
        """How many connections are out."""
        return self._used

    def take(self, context: Context) -> tuple[Any, bool]:
        """A connection, and whether it is fresh. Waits for one as long as the command may take.

        Raises Expired or Cancelled while it waits, and what connecting raises.
        """
        with self._changed:
            while self._used >= self._limit:
                context.check()
                self._changed.wait(min(_LOOK_SECONDS, context.remaining()))
            self._used += 1
            if self._idle:
                return self._idle.pop(), False
        try:
            return self._connect(), True
        except BaseException:
            self._free_one()
            raise

    def give(self, connection: Any, *, reusable: bool) -> None:
        """Give a connection back."""
        keep = False
        with self._changed:
            if reusable and not self._closed:
                self._idle.append(connection)
                keep = True
        if not keep:
            self._close(connection)
        self._free_one()

    def forget_idle(self) -> None:
        """Close the connections that nobody uses: the database went away, so they are broken too."""
        with self._changed:
            idle, self._idle = self._idle, []
        for connection in idle:
            self._close(connection)

    def close(self) -> None:
        """Close the idle connections now and the others as they come back."""
        self._closed = True
        self.forget_idle()

    def _free_one(self) -> None:
        with self._changed:
            self._used -= 1
            self._changed.notify()
