"""How many payload bytes may be on their way: what the line carries, and little more. No I/O."""

from __future__ import annotations

from mostek.wire.session.common import ProtocolError, SessionSettings

__all__ = ["Window"]

#: Seconds for which bytes may queue on the way, where the round trip is shorter: what a busy process may pause.
QUEUE = 0.1


class Window:
    """A receiver's count of payload bytes, and the credit that it gives for more.

    The window is what arrives in the shortest round trip that was seen, and as much again (or 0.1 s' worth) to wait in
    the queues on the way. Whatever else is sent waits behind at most that. The rate is measured only while the sender
    is known to have more: after a piece that is not its payload's last. `part_size` beyond it is for small payloads.
    """

    def __init__(self, settings: SessionSettings) -> None:
        self.part_size = settings.part_size
        self.size = settings.window
        self.received = 0
        self.granted = settings.window
        self._largest = settings.max_window
        self._incomplete: set[str] = set()
        self._busy_at: float | None = None
        self._busy = 0.0
        self._measured = 0

    def take(
        self, command_id: str, size: int, *, last: bool, now: float, round_trip: float
    ) -> int | None:
        """Count a piece of a payload; the new limit if the sender is to be told one. Raises ProtocolError.

        `round_trip`: the shortest that was seen, seconds; 0 while there is none.
        """
        self.received += size
        if size > self.part_size:
            raise ProtocolError(f"a frame with more than {self.part_size} payload bytes")
        if self.received > self.granted:
            raise ProtocolError("more payload than there was credit for")
        self._measure(size, now, round_trip)
        if last:
            self.forget(command_id)
        else:
            self._incomplete.add(command_id)
        return self._more()

    def forget(self, command_id: str) -> None:
        """No more of this payload will come."""
        self._incomplete.discard(command_id)
        if not self._incomplete:
            # The sender may have nothing to send: what comes next says nothing about the rate.
            self._busy_at = None

    def _measure(self, size: int, now: float, round_trip: float) -> None:
        if self._busy_at is not None:
            self._busy += now - self._busy_at
            self._measured += size
        self._busy_at = now
        if not round_trip or self._busy < round_trip:
            # Bytes that arrive in one burst say nothing about the rate.
            return
        fits = self._measured / self._busy * (round_trip + max(round_trip, QUEUE))
        # One measurement may be off: at most twice as much at a time.
        grown = min(int(fits) + self._slack, 2 * self.size)
        self.size = min(max(grown, self._slack), self._largest)
        self._busy, self._measured = 0.0, 0

    @property
    def _slack(self) -> int:
        # One part is kept for small payloads, one may not fit any more, one has come when only a part of it counts.
        return 3 * self.part_size

    def _more(self) -> int | None:
        """The new limit, once a quarter of the window is used."""
        if self.granted - self.received > self.size - self.size // 4:
            return None
        self.granted = self.received + self.size
        return self.granted
