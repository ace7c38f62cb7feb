"""What one replica asks another, and what its answers mean."""

from __future__ import annotations

import contextlib
from typing import Any, Final

import grpc

from mostek.hub.call import Call
from mostek.hub.replica import NotThere
from mostek.hub.replicas.forwarding import (
    ABSENT,
    CALLER,
    CANCEL,
    LOST,
    PROBE,
    SERVICE,
    WHERE,
    told,
)
from mostek.hub.replicas.peers import Peers, Unreachable
from mostek.hub.session import SessionLost
from mostek.hub.store import SessionRecord
from mostek.link.v1.failure_pb2 import Failure
from mostek.wire.failures import raised
from mostek.wire.names import COMMAND_ID, COMPANY, CONNECTOR, FAILURE, TRACEPARENT
from mostek.wire.operations import SERVICE as ERP_SERVICE

__all__ = ["Asking"]

#: Seconds that another replica has for a question that is no call.
_WITHIN: Final = 10.0


class Asking:
    """Asks the replica that has something."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    async def forward(self, call: Call, to: SessionRecord, timeout: float) -> bytes:
        """The response to a read from a session.

        Raises the call's failure, SessionLost, NotThere, Unreachable or TimeoutError.
        """
        metadata: tuple[tuple[str, str | bytes], ...] = (
            (CONNECTOR, call.connector),
            (COMPANY, call.company),
            (COMMAND_ID, call.command_id),
            (CALLER, told(call.caller)),
        )
        if call.traceparent:
            metadata = (*metadata, (TRACEPARENT, call.traceparent))
        path = f"/{ERP_SERVICE.full_name}/{call.operation.name}"
        try:
            return await self._peers.ask(
                to.replica, path, call.request, timeout=timeout, metadata=metadata
            )
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from None

    async def answers(self, session: SessionRecord) -> bool:
        """Whether a session is there and its connector answers."""
        return await self._ask(session.replica, PROBE, session.id)

    async def cancel(self, holder: str, command_id: str) -> bool:
        """Have a write cancelled that the holder has under way, if it has not begun; whether it could be told."""
        return await self._ask(holder, CANCEL, command_id)

    async def _ask(self, replica: str, what: str, about: str) -> bool:
        path = f"/{SERVICE}/{what}"
        with contextlib.suppress(Unreachable, grpc.aio.AioRpcError):
            return bool(await self._peers.ask(replica, path, about.encode(), timeout=_WITHIN))
        return False


def _failure(error: grpc.aio.AioRpcError) -> Exception:
    trailing: dict[str, Any] = {key: value for key, value in error.trailing_metadata() or ()}
    if FAILURE in trailing:
        return raised(Failure.FromString(trailing[FAILURE]))
    where, details = trailing.get(WHERE), error.details() or error.code().name
    if where == ABSENT:
        return NotThere()
    if where == LOST:
        return SessionLost(details, retry_after=1.0)
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return TimeoutError()
    return Unreachable(details)
