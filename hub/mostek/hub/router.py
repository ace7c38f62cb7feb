"""The way of one call: a read from an API to a session and back, a write by way of the store."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field

import structlog

from mostek.hub import metrics
from mostek.hub.audit import Audit
from mostek.hub.call import Call
from mostek.hub.pressure import Pressure
from mostek.hub.registry import Registry
from mostek.hub.replica import Alone, NotThere, Replica
from mostek.hub.session import LiveSession, SessionLost, span
from mostek.hub.status import without_database
from mostek.hub.store import AuditEntry, AuditKind, StoreError
from mostek.hub.writes import Recorded, StillRunning, Writes, Written
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import (
    CommandFailure,
    Expired,
    Internal,
    Offline,
    Overloaded,
    Unsupported,
)
from mostek.wire.rules import parse
from mostek.wire.tracing import (
    CALLER,
    COMMAND,
    COMPANY,
    CONNECTOR,
    OPERATION,
    OUTCOME,
    SESSION,
    TENANT,
    Tracing,
)

__all__ = ["Router"]

log = structlog.get_logger()

#: Calls that may run for one tenant at a time.
MOST_CALLS = 1000
#: How often a read is sent, in all, to where its session is said to be with another replica.
_MOST_WRONG_WAYS = 2


@dataclass
class _Load:
    """What runs for one tenant: within a `with` one call more, which raises Overloaded where that is too much."""

    running: int = 0
    pressure: Pressure = field(default_factory=Pressure)

    def __enter__(self) -> None:
        if self.running >= MOST_CALLS:
            hint = self.pressure.refused(time.monotonic())
            raise Overloaded(f"{MOST_CALLS} calls run already; wait for some.", retry_after=hint)
        self.running += 1

    def __exit__(self, *raised: object) -> None:
        self.running -= 1


class Router:
    """Checks a call, sends it to the session that has room or records it, waits for the response."""

    def __init__(
        self,
        registry: Registry,
        writes: Writes,
        audit: Audit,
        replica: Replica | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.registry = registry
        self.writes = writes
        self._replica = replica or Alone()
        #: By tenant; who is no tenant does not come this far.
        self._loads: defaultdict[str, _Load] = defaultdict(_Load)
        self._audit = audit
        self._tracing = tracing

    async def call(self, call: Call) -> bytes:
        """The response's bytes. Raises a CommandFailure that carries the command's id."""
        return (await self.answer(call)).response

    async def answer(self, call: Call, recorded: Recorded | None = None) -> Written:
        """The response, and the id of the command that had it: for a write it may be an earlier one's.

        Raises a CommandFailure that carries that id. `recorded` is told the id of a write before it is waited for.
        """
        started = time.monotonic()
        await self._check(call)
        if self._tracing is not None:
            _begin_span(self._tracing, call)
        try:
            call.check()
            # None takes the hub from the other tenants.
            with self._loads[call.caller.tenant]:
                if call.operation.write:
                    answer = await self.writes.call(call, recorded)
                else:
                    response = await self._read(call, started + call.timeout)
                    answer = Written(call.command_id, response)
        except CommandFailure as raised:
            failure = raised
        except StoreError as error:
            # Without its traceback: while a database is away there is one for every write.
            log.error("the store failed", reason=str(error), **_names(call))
            failure = without_database()
        except asyncio.CancelledError:
            self._ended(call, call.command_id, time.monotonic() - started, "abandoned")
            raise
        except Exception:
            log.exception("call failed in the hub", **_names(call))
            failure = Internal("The hub failed; its log says why.")
        else:
            self._ended(call, answer.command_id, time.monotonic() - started, "ok")
            return _pruned(call, answer)
        if call.operation.write and not failure.command_id:
            self._note(call, AuditKind.WRITE, call.command_id, type(failure).__name__)
        failure.command_id = failure.command_id or call.command_id
        if failure.retry_after is not None:
            # Those that one event refused, such as a lost session, must not all come back at once.
            failure.retry_after = round(failure.retry_after * _spread(), 2)
        seconds = time.monotonic() - started
        self._ended(call, failure.command_id, seconds, failure)
        raise failure

    async def _check(self, call: Call) -> None:
        """Raise Denied or NotFound for a call that is not the caller's, and keep that."""
        try:
            call.caller.check(call.operation, call.connector)
        except CommandFailure as failure:
            failure.command_id = call.command_id
            name, end = call.operation.name, type(failure).__name__
            await self._audit.refuse(
                call.caller, name, end, connector=call.connector, detail=failure.message
            )
            raise

    async def _read(self, call: Call, ends: float) -> bytes:
        """Send to a session; if that is lost, once more to another."""
        call.caller.check_request(call.operation, parse(call.operation.request, call.request))
        try:
            try:
                return await self._send(call, ends)
            except SessionLost:
                return await self._send(call, ends)
        except TimeoutError:
            raise Expired("The deadline passed before the connector answered.") from None

    async def _send(self, call: Call, ends: float) -> bytes:
        for _ in range(_MOST_WRONG_WAYS):
            route = await self.registry.await_route(
                call.site, call.company, call.operation.name, ends
            )
            if isinstance(route, tuple):
                return await self._send_here(call, *route, ends)
            call.session_id = route.id
            sent = time.monotonic()
            try:
                return await self._replica.forward(call, route, ends - sent)
            except NotThere:
                # What is known was corrected.
                continue
            finally:
                call.away += time.monotonic() - sent
        raise Offline(f"Connector {call.connector} is moving.", retry_after=1.0)

    async def forwarded(self, call: Call) -> bytes:
        """The response to a read that came to another replica, which knows the caller, from a session here.

        Raises the call's failure, SessionLost, NotThere or TimeoutError.
        """
        ends = time.monotonic() + call.timeout
        if not self.registry.is_here(call.site):
            raise NotThere
        try:
            session, company = self.registry.pick(call.site, call.company, call.operation.name)
        except Offline:
            raise NotThere from None
        log.debug("forwarded call", **_names(call) | {"session_id": session.session_id})
        return await self._send_here(call, session, company, ends)

    async def _send_here(
        self, call: Call, session: LiveSession, company: str, ends: float
    ) -> bytes:
        timeout = ends - time.monotonic()
        command = Command(
            command_id=call.command_id,
            operation=call.operation.name,
            company=company,
            timeout=span(timeout),
            caller=call.caller.name,
        )
        call.session_id = session.session_id
        if call.traceparent:
            command.traceparent = call.traceparent
        if denied := call.caller.reach.denied_fields:
            if not session.denies_fields:
                raise Unsupported(
                    f"Connector {call.connector} is too old for a key that may not see some fields: upgrade it."
                )
            command.denied_fields.extend(denied)
        sent = time.monotonic()
        try:
            return await session.call(
                command, call.request, timeout=timeout, stop_when_abandoned=True
            )
        finally:
            call.away += time.monotonic() - sent

    def _note(self, call: Call, kind: AuditKind, command_id: str, outcome: str) -> None:
        caller = call.caller
        self._audit.note(
            AuditEntry(
                time.time(),
                caller.tenant,
                kind,
                caller.name,
                call.operation.name,
                outcome,
                call.connector,
                call.company,
                command_id,
            )
        )

    def _ended(
        self, call: Call, command_id: str, seconds: float, how: str | CommandFailure
    ) -> None:
        """Tell the audit, the metrics and the log. `how`: `ok`, `abandoned` or the failure."""
        end, reason = (how, "") if isinstance(how, str) else (type(how).__name__, how.message)
        metrics.ended(call.operation, how, seconds, call.away)
        if call.span is not None:
            ended = isinstance(how, str | StillRunning)
            call.span.end(
                {COMMAND: command_id, SESSION: call.session_id, OUTCOME: end}, "" if ended else end
            )
        if not call.operation.write:
            self._note(call, AuditKind.READ, command_id, end)
        log.info(
            "call",
            command_id=command_id,
            session_id=call.session_id,
            tenant=call.caller.tenant,
            connector=call.connector,
            company=call.company,
            operation=call.operation.name,
            caller=call.caller.name,
            end=end,
            reason=reason,
            seconds=round(seconds, 4),
        )


def _names(call: Call) -> dict[str, str]:
    """What a line of the log is found by."""
    return {
        "command_id": call.command_id,
        "session_id": call.session_id,
        "connector": call.connector,
    }


def _begin_span(tracing: Tracing, call: Call) -> None:
    """From here on the connector's part of the trace belongs below the hub's."""
    about: dict[str, str | int] = {
        TENANT: call.caller.tenant,
        CALLER: call.caller.name,
        CONNECTOR: call.connector,
        COMPANY: call.company,
        OPERATION: call.operation.name,
    }
    call.span = tracing.begin(call.operation.name, call.traceparent, about)
    call.traceparent = call.span.traceparent


def _pruned(call: Call, answer: Written) -> Written:
    """The answer without what the caller may not see: also of a write, which may have had it for another caller."""
    if not call.caller.reach.denied_fields:
        return answer
    response = call.caller.pruned(call.operation, answer.response)
    return Written(answer.command_id, response.SerializeToString())


def _spread() -> float:
    return random.uniform(1.0, 1.5)  # noqa: S311 - no secret
