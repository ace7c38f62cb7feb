"""Durable commands as callers and operators see them: recorded first, then waited for."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from mostek.hub import commands
from mostek.hub.call import Call
from mostek.hub.commands import FINAL, State
from mostek.hub.dispatcher import Dispatcher, response_end
from mostek.hub.registry import Registry
from mostek.hub.replica import Alone, Replica
from mostek.hub.store import (
    CommandFilter,
    CommandRecord,
    Event,
    Full,
    KeyTaken,
    Lane,
    Moved,
    Store,
)
from mostek.link.v1.link_pb2 import Result
from mostek.wire.crash import crash_point
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Conflict,
    Expired,
    Invalid,
    NotFound,
    Overloaded,
    Rejected,
    UnknownOutcome,
    failure_of,
    raised,
)
from mostek.wire.operations import OPERATIONS
from mostek.wire.rules import parse
from mostek.wire.writes import content_of, response_naming

__all__ = ["Recorded", "StillRunning", "Writes", "Written", "no_command"]

Recorded = Callable[[str], Awaitable[None]]

#: Seconds within which a notification may be missed and the store is looked at all the same.
_LOOK_AGAIN = 5.0
#: Seconds that a connector is given to say whether it is too late to cancel.
_CANCEL_WITHIN = 5.0
#: Seconds after which to come back when too many writes wait.
_FULL_FOR = 60.0


class StillRunning(Expired):
    """The caller's wait ended; the command goes on."""


@dataclass(frozen=True)
class Written:
    """What a write came to: its response's bytes, and the id of the command that had it."""

    command_id: str
    response: bytes


class Writes:
    """Accepts writes, and answers for those that were accepted."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        *,
        retention: float = 30 * 24 * 3600.0,
        replica: Replica | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._replica = replica or Alone()
        self._clock = clock or self._replica.now
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._stopping = False
        self.dispatcher = Dispatcher(
            registry,
            store,
            self._ended,
            retention=retention,
            replica=self._replica,
            clock=self._clock,
        )

    async def stop(self) -> None:
        """Stop sending, and let nobody wait any longer: what is recorded goes on with the next run. Once is enough."""
        if self._stopping:
            return
        self._stopping = True
        for command_id in list(self._waiting):
            self.ring(command_id)
        await self.dispatcher.stop()

    async def call(self, call: Call, recorded: Recorded | None = None) -> Written:
        """Record a write, and wait for its end for `call.timeout` seconds. Raises what it came to, or StillRunning.

        `recorded` is told the command's id before the wait.
        """
        record = await self.record(call)
        if recorded is not None:
            await recorded(record.id)
        return await self.end_of(await self.wait(call.caller.tenant, record.id, call.timeout))

    async def record(self, call: Call) -> CommandRecord:
        """The command that stands for the call's key: recorded now, or by an earlier call. Raises CommandFailure."""
        received = self._clock()
        name = call.operation.name
        company = self._registry.company(call.site, call.company, name)
        request = parse(call.operation.request, call.request)
        call.caller.check_request(call.operation, request)
        content = content_of(name, company, request)
        now = self._clock()
        record = CommandRecord(
            id=call.command_id,
            lane=Lane(call.site, company),
            operation=name,
            caller=call.caller.name,
            idempotency_key=call.idempotency_key,
            content=content,
            progress=commands.recorded(now, call.expire_after),
            recorded_at=now,
            expire_after=call.expire_after,
            ordering_key=call.ordering_key,
        )
        events = [Event("received", received, call.caller.name), Event("recorded", now)]
        try:
            held = await self._store.add(record, call.request, events)
        except Full:
            raise Overloaded(
                f"Too many writes wait for {call.connector} already.", retry_after=_FULL_FOR
            ) from None
        if held.content != content:
            raise _other_content(held)
        if held.id == record.id:
            crash_point("hub-recorded")
            if call.traceparent:
                self.dispatcher.remember_trace(held.id, call.traceparent)
            self._wake(record.lane)
        return held

    def _wake(self, lane: Lane) -> None:
        if not self._registry.is_here(lane.connector):
            self._replica.tell_due(lane)
        self.dispatcher.wake(lane)

    async def wait(self, tenant: str, command_id: str, seconds: float) -> CommandRecord:
        """The command as it is when it has ended, or after so many seconds, or when the hub stops. Raises NotFound."""
        ends = time.monotonic() + seconds
        rung = asyncio.Event()
        self._waiting.setdefault(command_id, set()).add(rung)
        try:
            while True:
                rung.clear()
                record = await self.get(tenant, command_id)
                left = ends - time.monotonic()
                if record.state in FINAL or left <= 0 or self._stopping:
                    return record
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _LOOK_AGAIN)):
                        await rung.wait()
        finally:
            self._waiting[command_id].discard(rung)
            if not self._waiting[command_id]:
                del self._waiting[command_id]

    def _ended(self, command_id: str) -> None:
        self.ring(command_id)
        self._replica.tell_ended(command_id)

    def ring(self, command_id: str) -> None:
        """Have those who wait for a command here look at it."""
        for rung in self._waiting.get(command_id, ()):
            rung.set()

    async def end_of(self, record: CommandRecord) -> Written:
        """The response of a command. Raises its failure, or StillRunning."""
        response, failure = b"", _still_running(record)
        if record.state in FINAL:
            response, failure = await self.outcome(record)
        if failure is None:
            return Written(record.id, response)
        failure.command_id = record.id
        raise failure

    async def outcome(self, record: CommandRecord) -> tuple[bytes, CommandFailure | None]:
        """The response of a command that has ended, or why it has none; of what is kept no longer, the rest."""
        kept = Result.FromString(await self._store.outcome(record.id) or b"")
        if record.state is State.SUCCEEDED:
            if kept.HasField("response"):
                return kept.response, None
            operation = OPERATIONS[record.operation]
            named = response_naming(operation, record.erp_id, record.erp_number)
            return named.SerializeToString(), None
        if kept.HasField("failure") and record.state in (State.FAILED, State.DEAD):
            return b"", raised(kept.failure)
        return b"", _failure(record)

    async def request(self, record: CommandRecord) -> Message | None:
        """What a command asks; None if that is no longer kept."""
        kept = await self._store.request(record.id)
        return None if kept is None else OPERATIONS[record.operation].request.FromString(kept)

    async def get(self, tenant: str, command_id: str) -> CommandRecord:
        """The tenant's command. Raises NotFound."""
        record = await self._store.get(tenant, command_id)
        if record is None:
            raise no_command(command_id)
        return record

    async def find(self, tenant: str, wanted: CommandFilter, limit: int) -> list[CommandRecord]:
        """The tenant's commands, the newest first."""
        return await self._store.find(tenant, wanted, limit)

    async def timeline(self, command_id: str) -> list[Event]:
        """What happened to a command, with what is not stored yet."""
        attempt = self.dispatcher.attempts.get(command_id)
        live = list(attempt.events) if attempt else []
        return [*await self._store.events(command_id), *live]

    async def cancel(self, tenant: str, command_id: str) -> CommandRecord:
        """Cancel a command if it has not begun at the site; the command as it is then. Raises NotFound."""
        record = await self.get(tenant, command_id)
        if record.state is State.RECORDED:
            try:
                return await self._cancel_here(record)
            except Moved:
                record = await self.get(tenant, command_id)
        if not await self.cancel_here(command_id) and record.progress.holder:
            await self._replica.cancel(record.progress.holder, command_id)
        return await self.get(tenant, command_id)

    async def cancel_here(self, command_id: str) -> bool:
        """Ask for a write that is under way here to be cancelled, and wait for the answer; whether it is here."""
        attempt = self.dispatcher.attempts.get(command_id)
        if attempt and not attempt.begun and attempt.session.ask_cancel(command_id):
            await self._store.note(command_id, [Event("cancel asked", self._clock())])
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CANCEL_WITHIN):
                    await attempt.settled.wait()
        return attempt is not None

    async def _cancel_here(self, record: CommandRecord) -> CommandRecord:
        now = self._clock()
        event = Event("finished", now, State.CANCELLED)
        moved = await self._store.move(record, commands.cancelled(record.progress, now), [event])
        self._ended(record.id)
        return moved

    async def retry(self, tenant: str, command_id: str) -> CommandRecord:
        """Try a command again that has ended without success. Raises NotFound, Rejected, Conflict."""
        record = await self.get(tenant, command_id)
        now = self._clock()
        progress = commands.retried(record.progress, now, record.expire_after)
        if await self._store.request(command_id) is None:
            raise Rejected("The command's request is no longer kept: send it anew.")
        try:
            moved = await self._store.move(record, progress, [Event("retried", now)])
        except KeyTaken:
            raise Conflict("Another command stands for the idempotency key by now.") from None
        except Moved:
            raise _moved() from None
        self._wake(record.lane)
        return moved

    async def resolve(
        self,
        tenant: str,
        command_id: str,
        *,
        written: bool,
        erp_id: str,
        erp_number: str,
        note: str,
    ) -> CommandRecord:
        """Say what became of a command whose end is not known. Raises NotFound, Invalid, Rejected."""
        record = await self.get(tenant, command_id)
        now = self._clock()
        progress = commands.resolved(record.progress, now, written=written)
        event = Event("resolved", now, note or ("written" if written else "not written"))
        if written:
            if not erp_id:
                raise Invalid.of("erp_id", "is required: the id that the document has in the ERP")
            response = response_naming(OPERATIONS[record.operation], erp_id, erp_number)
            end = response_end(record, response.SerializeToString(), progress, event)
            outcome, erp = end.outcome, end.erp
        else:
            refused = Rejected("An operator has looked into the ERP: nothing was written.")
            outcome, erp = Result(failure=failure_of(refused)).SerializeToString(), ("", "")
        try:
            moved = await self._store.move(record, progress, [event], outcome=outcome, erp=erp)
        except Moved:
            raise _moved() from None
        self._ended(command_id)
        return moved


def no_command(command_id: str) -> NotFound:
    """The one way to say that a command is not there, or not for the caller."""
    return NotFound(f"No command {command_id!r} is known to this hub.")


def _other_content(held: CommandRecord) -> Conflict:
    conflict = Conflict(
        "The idempotency key was used for other content. "
        "Use a key of its own for each write, and repeat a write unchanged."
    )
    conflict.command_id = held.id
    return conflict


def _still_running(record: CommandRecord) -> CommandFailure | None:
    return StillRunning(
        f"The wait is over while the write goes on as command {record.id}. Repeat it with the same "
        "idempotency key to learn its outcome."
    )


def _moved() -> Conflict:
    return Conflict("The command has just moved on: look at it again.", retriable=True)


def _failure(record: CommandRecord) -> CommandFailure:
    match record.state:
        case State.CANCELLED:
            return Cancelled("The command was cancelled before it was begun; nothing was written.")
        case State.UNKNOWN:
            return UnknownOutcome(
                "Whether the write had its effect could not be found out in time. An operator has to look into the "
                f"ERP and then run `mostek commands resolve {record.id}`."
            )
        case State.EXPIRED:
            return Expired("The command expired before it was begun; nothing was written.")
        case _:
            return Rejected("The command failed; why is no longer kept. Nothing was written.")
