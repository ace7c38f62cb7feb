"""This process as one of the hub's replicas. Here is the one that has no others; `replicas` has the other kind."""

from __future__ import annotations

import secrets
import time
from typing import Protocol

from mostek.hub.call import Call
from mostek.hub.session import LiveSession, SessionLost
from mostek.hub.store import Lane, SessionRecord

__all__ = ["Alone", "NotThere", "Replica"]


class NotThere(Exception):
    """The session is not where it was said to be; nothing was sent."""


class Replica(Protocol):
    """What the parts of a hub ask of the others."""

    #: Names this life of this process among all replicas.
    name: str

    @property
    def count(self) -> int:
        """How many replicas are alive, this one too."""

    @property
    def may_write(self) -> bool:
        """Whether it may claim and send writes: no other one takes it for dead."""

    def now(self) -> float:
        """Seconds since 1970, the same for all replicas."""

    def tell_due(self, lane: Lane) -> None:
        """There may be something to send, for the replica that has the connector."""

    def tell_ended(self, command_id: str) -> None:
        """A write has ended, for the replica where somebody waits for it."""

    async def may_enter(self, session: LiveSession) -> bool:
        """Make a session that is about to be opened known; False: another process of its instance is with another
        replica, and answers."""

    def gone(self, session: LiveSession) -> None:
        """The stream of a session has ended, whether it was opened or not."""

    async def forward(self, call: Call, to: SessionRecord, timeout: float) -> bytes:
        """The response to a read by way of the replica that holds a session.

        Raises the call's failure, SessionLost (also if that replica can't be reached), NotThere or TimeoutError.
        """

    async def cancel(self, holder: str, command_id: str) -> bool:
        """Have the replica that has a write under way ask for its cancellation; whether it could be told."""


class Alone:
    """The only replica."""

    count = 1
    may_write = True

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)

    def now(self) -> float:
        """Of the system's clock."""
        return time.time()

    def tell_due(self, lane: Lane) -> None:
        """Nobody else is there."""

    def tell_ended(self, command_id: str) -> None:
        """Nobody else is there."""

    async def may_enter(self, session: LiveSession) -> bool:
        """Nobody else is there."""
        return True

    def gone(self, session: LiveSession) -> None:
        """Nobody else is there."""

    async def forward(self, call: Call, to: SessionRecord, timeout: float) -> bytes:
        """Nobody else is there."""
        raise SessionLost("The connector is with no other replica.")

    async def cancel(self, holder: str, command_id: str) -> bool:
        """Nobody else is there."""
        return False
