"""What one side of a session has to send, and in which order it may. No I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Outbox", "Payload"]

F = TypeVar("F")


class Payload(Generic[F]):
    """A request or response on its way: cut into parts, the last of which travels in the frame that ends it.

    `part` makes the frame of a piece, `last` the frame of the final piece. `keep`: it is sent to its end even when
    nobody asks for it any more.
    """

    def __init__(
        self,
        command_id: str,
        data: bytes,
        part: Callable[[bytes], F],
        last: Callable[[bytes], F],
        *,
        keep: bool = False,
    ) -> None:
        self.command_id = command_id
        self.keep = keep
        self._data = data
        self._at = 0
        self._part = part
        self._last = last

    @property
    def rest(self) -> int:
        """Bytes that are still to be sent."""
        return len(self._data) - self._at

    def next(self, part_size: int) -> F:
        """The frame of the next piece."""
        begin, self._at = self._at, min(self._at + part_size, len(self._data))
        if self._at < len(self._data):
            return self._part(self._data[begin : self._at])
        return self._last(self._data[begin:])


class Outbox(Generic[F]):
    """Frames that wait to be sent: those without payload first, then payloads that fit in one frame, then one part of
    each larger payload in turn.

    `credit_limit` is the number of payload bytes that may have been sent in all since the session began; None: no
    bound. Larger payloads leave one part's worth of credit for small ones. `wake` is called whenever something may
    have become sendable.
    """

    def __init__(
        self,
        part_size: int,
        credit_limit: int | None = None,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.part_size = part_size
        self.sent_bytes = 0
        self.wake = wake
        self._credit_limit = credit_limit
        # Lists, though they are queues: they are short, and an empty deque takes 760 bytes of every idle session.
        self._frames: list[F] = []
        self._small: list[Payload[F]] = []
        self._large: list[Payload[F]] = []

    def __bool__(self) -> bool:
        """Whether anything waits, sendable or not."""
        return bool(self._frames or self._small or self._large)

    def push(self, frame: F) -> None:
        """A frame without payload: goes before all parts."""
        self._frames.append(frame)
        self.wake()

    def has(self, frame: F) -> bool:
        """Whether this very frame, one without payload, is not sent yet."""
        return any(waiting is frame for waiting in self._frames)

    def push_payload(self, payload: Payload[F]) -> None:
        """A payload: goes before larger ones, or takes turns with them."""
        queue = self._small if payload.rest <= self.part_size else self._large
        queue.append(payload)
        self.wake()

    def allow(self, credit_limit: int | None) -> None:
        """Set the credit limit."""
        self._credit_limit = credit_limit
        self.wake()

    @property
    def credit_limit(self) -> int | None:
        """Payload bytes that may have been sent in all."""
        return self._credit_limit

    @property
    def waiting(self) -> set[str]:
        """Ids of the commands whose payload is not sent to its end."""
        return {payload.command_id for payload in (*self._small, *self._large)}

    def drop(self, command_id: str) -> bool:
        """Forget the rest of a payload that need not be kept; whether there was any."""
        before = len(self._small) + len(self._large)
        self._small = [p for p in self._small if p.keep or p.command_id != command_id]
        self._large = [p for p in self._large if p.keep or p.command_id != command_id]
        return len(self._small) + len(self._large) != before

    def next(self) -> F | None:
        """The frame to send now, or None while there is nothing that may be sent."""
        if self._frames:
            return self._frames.pop(0)
        if self._small and self._has_credit(self._small[0].rest):
            return self._take(self._small)
        if self._large and self._has_credit(2 * self.part_size):
            return self._take(self._large)
        return None

    def _has_credit(self, size: int) -> bool:
        return self._credit_limit is None or self.sent_bytes + size <= self._credit_limit

    def _take(self, queue: list[Payload[F]]) -> F:
        payload = queue.pop(0)
        before = payload.rest
        frame = payload.next(self.part_size)
        after = payload.rest
        self.sent_bytes += before - after
        if after:
            queue.append(payload)
        return frame
