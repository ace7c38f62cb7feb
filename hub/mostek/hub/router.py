"""The way of one call: a read from an API to a session and back, a write by way of the store."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

import structlog

from mostek.hub.call import Call
from mostek.hub.pressure import Pressure
from mostek.hub.registry import Registry
from mostek.hub.session import SessionLost, span
from mostek.hub.status import without_database
from mostek.hub.store import StoreError
from mostek.hub.writes import Recorded, Writes, Written
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import CommandFailure, Expired, Internal, Overloaded
from mostek.wire.rules import parse

__all__ = ["Router"]

log = structlog.get_logger()

#: Calls that may run for one tenant at a time.
MOST_CALLS = 1000


class Router:
    """Checks a call, sends it to the session that has room or records it, waits for the response."""

    def __init__(self, registry: Registry, writes: Writes) -> None:
        self.registry = registry
        self.writes = writes
        self._running: Counter[str] = Counter()
        self._pressure = Pressure()

    async def call(self, call: Call) -> bytes:
        """The response's bytes. Raises a CommandFailure that carries the command's id."""
        return (await self.answer(call)).response

    async def answer(self, call: Call, recorded: Recorded | None = None) -> Written:
        """The response, and the id of the command that had it: for a write it may be an earlier one's.

        Raises a CommandFailure that carries that id. `recorded` is told the id of a write before it is waited for.
        """
        started = time.monotonic()
        try:
            call.check()
            with self._admitted(call.caller.tenant):
                if call.operation.write:
                    answer = await self.writes.call(call, recorded)
                else:
                    response = await self._read(call, started + call.timeout)
                    answer = Written(call.command_id, response)
        except CommandFailure as raised:
            failure = raised
        except StoreError as error:
            # Without its traceback: while a database is away there is one for every write.
            log.error("the store failed", command_id=call.command_id, reason=str(error))
            failure = without_database()
        except asyncio.CancelledError:
            self._log(call, call.command_id, time.monotonic() - started, "abandoned")
            raise
        except Exception:
            log.exception("call failed in the hub", command_id=call.command_id)
            failure = Internal("The hub failed; its log says why.")
        else:
            self._log(call, answer.command_id, time.monotonic() - started, "ok")
            return answer
        failure.command_id = failure.command_id or call.command_id
        seconds = time.monotonic() - started
        self._log(call, failure.command_id, seconds, type(failure).__name__, failure.message)
        raise failure

    @contextlib.contextmanager
    def _admitted(self, tenant: str) -> Iterator[None]:
        """Bound what runs for one tenant, so that none takes the hub from the others. Raises Overloaded."""
        if self._running[tenant] >= MOST_CALLS:
            hint = self._pressure.refused(time.monotonic())
            raise Overloaded(f"{MOST_CALLS} calls run already; wait for some.", retry_after=hint)
        self._running[tenant] += 1
        try:
            yield
        finally:
            self._running[tenant] -= 1

    async def _read(self, call: Call, ends: float) -> bytes:
        """Send to a session; if that is lost, once more to another."""
        parse(call.operation.request, call.request)
        try:
            try:
                return await self._send(call, ends)
            except SessionLost:
                return await self._send(call, ends)
        except TimeoutError:
            raise Expired("The deadline passed before the connector answered.") from None

    async def _send(self, call: Call, ends: float) -> bytes:
        session, company = await self.registry.await_pick(
            call.site, call.company, call.operation.name, ends
        )
        timeout = ends - time.monotonic()
        command = Command(
            command_id=call.command_id,
            operation=call.operation.name,
            company=company,
            timeout=span(timeout),
            caller=call.caller.name,
        )
        return await session.call(command, call.request, timeout=timeout, stop_when_abandoned=True)

    def _log(self, call: Call, command_id: str, seconds: float, end: str, reason: str = "") -> None:
        log.info(
            "call",
            command_id=command_id,
            tenant=call.caller.tenant,
            connector=call.connector,
            company=call.company,
            operation=call.operation.name,
            caller=call.caller.name,
            end=end,
            reason=reason,
            seconds=round(seconds, 4),
        )
