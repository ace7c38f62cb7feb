"""Sends durable commands: one at a time per company, again when an attempt came to nothing, until each has an end.

The store says what there is to do. Being woken makes it fast; looking every second makes it sure.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ParamSpec

import structlog
from google.protobuf.message import DecodeError

from mostek.hub import commands
from mostek.hub.commands import FINAL, Progress, State
from mostek.hub.identity import ConnectorId
from mostek.hub.keyring import KeyFileError
from mostek.hub.registry import Registry
from mostek.hub.replica import Alone, Replica
from mostek.hub.session import LiveSession, SessionLost, span
from mostek.hub.store import CommandRecord, Event, Lane, Moved, Store, StoreError
from mostek.link.v1.failure_pb2 import FailureKind
from mostek.link.v1.link_pb2 import Command, Result, Status
from mostek.wire.crash import crash_point
from mostek.wire.failures import CommandFailure, Offline, Overloaded, Rejected, failure_of
from mostek.wire.operations import OPERATIONS
from mostek.wire.session import Noticed
from mostek.wire.writes import erp_names

__all__ = ["Attempt", "Dispatcher", "End", "response_end"]

P = ParamSpec("P")

log = structlog.get_logger()

#: Seconds between looks at what is due, and after a connector came: others may come with it.
LOOK_EVERY = 1.0
_LOOK_SOON = 0.02
_LOOKS_FOR_AT_MOST = 0.5
#: Seconds between looks, and between savings of what a connector serves, however often it says something.
_LOOKS_APART = 0.25
_SAVINGS_APART = 1.0
#: Seconds between looks at what need not be kept any longer.
PURGE_EVERY = 3600.0
#: After a failure of the store.
_PAUSE = 2.0
#: Commands whose traces are remembered, the newest.
_MOST_TRACES = 10_000


@dataclass(frozen=True)
class End:
    """What an attempt came to."""

    progress: Progress
    event: Event
    outcome: bytes | None = None
    erp: tuple[str, str] = ("", "")


@dataclass
class Attempt:
    """A command that is under way. `events` are not stored yet."""

    record: CommandRecord
    session: LiveSession
    events: list[Event] = field(default_factory=list)
    begun: bool = False
    #: Set when it has begun, and when it has ended: it can't be cancelled any more, or need not.
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def notice(self, noticed: Noticed, now: float) -> None:
        """The connector has accepted or begun it."""
        if not self.events:
            self.events.append(Event("accepted", now))
        if noticed.begun and not self.begun:
            self.begun = True
            self.events.append(Event("started", now))
            self.settled.set()


class Dispatcher:
    """Works on the store's commands while `running`. `ended` is called with the id of each that has an end."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        ended: Callable[[str], None],
        *,
        retention: float,
        replica: Replica | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        #: Commands that are under way, by id.
        self.attempts: dict[str, Attempt] = {}
        # `traceparent` of the requests that recorded commands here, in memory only: another replica that sends one, or
        # this one after a restart, sends it without.
        self._traces: dict[str, str] = {}
        self._registry = registry
        self._store = store
        self._ended = ended
        self._retention = retention
        self._replica = replica or Alone()
        self._clock = clock
        self._lanes: dict[Lane, asyncio.Task[None]] = {}
        self._wanted: set[Lane] = set()
        # Whose ERP is away: how often in a row that was found, and until when nothing more is sent there.
        self._resting: dict[Lane, tuple[int, float]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._came = asyncio.Event()
        # What the store has, so that thousands that come back at once need not ask it.
        self._saved: dict[ConnectorId, bytes] = {}
        self._unsaved: dict[ConnectorId, bytes] = {}
        self._saving: asyncio.Task[None] | None = None
        self._saved_at: dict[ConnectorId, float] = {}
        self._untold: set[ConnectorId] = set()

    async def start(self) -> None:
        """Take up what an earlier run of the hub left, and begin."""
        await self._take_up()
        for of, status, changed_at in await self._store.connectors():
            self._saved[of] = status
            seen = datetime.fromtimestamp(changed_at, UTC)
            self._registry.remember(of, Status.FromString(status), seen)
        self._untold = await self._store.untold()
        self._registry.listeners.append(self._connector_came)
        self._looking = asyncio.create_task(self._look(), name="look for commands")

    async def stop(self) -> None:
        """Stop sending; what is under way is asked for again by the next run."""
        self._registry.listeners.remove(self._connector_came)
        tasks = [*self._lanes.values(), *self._chores]
        if self._looking is not None:
            tasks.append(self._looking)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._unsaved:
            with contextlib.suppress(StoreError):
                await self._store.save_connectors(self._unsaved, self._clock())

    def wake(self, lane: Lane) -> None:
        """There may be something to send."""
        self._wanted.add(lane)
        if lane not in self._lanes:
            name = f"writes of {lane.connector.name}/{lane.company}"
            self._lanes[lane] = asyncio.create_task(self._work(lane), name=name)

    def remember_trace(self, command_id: str, traceparent: str) -> None:
        """Send a command, once it is its turn, as part of the trace of the request that recorded it."""
        if len(self._traces) >= _MOST_TRACES:
            del self._traces[next(iter(self._traces))]
        self._traces[command_id] = traceparent

    def heard(self, lane: Lane) -> None:
        """Another replica has recorded something."""
        if self._registry.is_here(lane.connector):
            self.wake(lane)

    def saved(self, of: ConnectorId, status: bytes) -> None:
        """What a connector serves, as any replica has stored it."""
        if of not in self._unsaved:
            self._saved[of] = status

    def _connector_came(self, session: LiveSession) -> None:
        self._came.set()
        for lane in [lane for lane in self._resting if lane.connector == session.connector]:
            del self._resting[lane]
        status = session.status.SerializeToString(deterministic=True)
        if self._saved.get(session.connector) != status:
            self._saved[session.connector] = status
            self._unsaved[session.connector] = status
            if self._saving is None:
                self._saving = self._chore(self._save)
        if session.durable and session.connector in self._untold:
            self._untold.discard(session.connector)
            self._chore(self._tell, session)

    def _to_save(self, now: float) -> dict[ConnectorId, bytes]:
        """What is to be saved now: at once of who comes for the first time, the next hub must know it."""
        last = now - _SAVINGS_APART
        statuses = {
            of: status
            for of, status in self._unsaved.items()
            if self._saved_at.get(of, last) <= last
        }
        for of in statuses:
            del self._unsaved[of]
            self._saved_at[of] = now
        return statuses

    async def _save(self) -> None:
        """All that have come meanwhile at once: thousands of transactions side by side would cost memory and time."""
        statuses: dict[ConnectorId, bytes] = {}
        try:
            while self._unsaved:
                if statuses := self._to_save(time.monotonic()):
                    await self._store.save_connectors(statuses, self._clock())
                else:
                    await asyncio.sleep(_LOOKS_APART)
        except StoreError:
            # They are saved when they come again.
            for of in statuses:
                self._saved.pop(of, None)
            raise
        finally:
            self._saving = None

    def _chore(
        self, work: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Task[None]:
        # Not a coroutine: of a task that is cancelled before it began nobody would await it.
        task = asyncio.create_task(_logged(work, *args, **kwargs))
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task

    async def _tell(self, session: LiveSession) -> None:
        for record in await self._store.unacknowledged(session.connector):
            await self._acknowledge(record, session)

    async def _take_up(self) -> None:
        """Ask again for what is stored as sent and has no attempt: its replica ended, or could not store an end."""
        if not self._replica.may_write:
            return
        for record in await self._store.interrupted(self._replica.name):
            if record.id not in self.attempts:
                now = self._clock()
                event = Event("lost", now, "the hub did not see its end")
                with contextlib.suppress(Moved):
                    await self._store.move(record, commands.lost(record.progress, now), [event])

    async def _look(self) -> None:
        purge_at = 0.0
        while True:
            began = time.monotonic()
            try:
                await self._store.keep_claim()
                await self._take_up()
                await self._end_overdue()
                for lane in await self._store.due_lanes(self._clock()):
                    # Those of others are sent by them.
                    if self._registry.is_here(lane.connector):
                        self.wake(lane)
                if self._clock() >= purge_at:
                    purge_at = self._clock() + PURGE_EVERY
                    # Beside it: where much is old it takes its time.
                    self._chore(self._purge)
            except Exception:
                log.exception("looking for commands failed")
                await asyncio.sleep(_PAUSE)
            looked_for = min(time.monotonic() - began, _LOOKS_FOR_AT_MOST)
            with contextlib.suppress(TimeoutError):
                # Unlike wait_for, which may swallow a cancellation that comes together with the event.
                async with asyncio.timeout(LOOK_EVERY):
                    await self._came.wait()
            self._came.clear()
            # While connectors come all the time, a part of the time goes to looks and not all of it.
            apart = began + _LOOKS_APART - time.monotonic()
            await asyncio.sleep(max(_LOOK_SOON, 4 * looked_for, apart))

    async def _purge(self) -> None:
        await self._store.purge(self._clock() - self._retention)
        self._untold |= await self._store.untold()

    async def _end_overdue(self) -> None:
        for record in await self._store.overdue(self._clock()):
            if record.id not in self.attempts:
                await self._overtake(record)

    async def _overtake(self, record: CommandRecord) -> bool:
        """Whether the time that passed has ended the command."""
        now = self._clock()
        progress = commands.overtaken(record.progress, now)
        if progress == record.progress:
            return False
        with contextlib.suppress(Moved):
            await self._store.move(record, progress, [Event("finished", now, progress.state)])
        self._ended(record.id)
        return True

    async def _work(self, lane: Lane) -> None:
        """Send what the lane has, one after the other, until nothing is due or nobody is there."""
        try:
            while lane in self._wanted:
                self._wanted.discard(lane)
                with contextlib.suppress(Moved):
                    while self._may_send(lane) and (
                        record := await self._store.next_due(lane, self._clock())
                    ):
                        if not await self._attempt(record):
                            break
        except Exception:
            # The command stays as the store has it; the next look takes it up again.
            log.exception(
                "sending writes failed",
                tenant=lane.connector.tenant,
                connector=lane.connector.name,
                company=lane.company,
            )
            await asyncio.sleep(_PAUSE)
        finally:
            del self._lanes[lane]

    def _may_send(self, lane: Lane) -> bool:
        _, until = self._resting.get(lane, (0, 0.0))
        # A clock that was set back must not make it longer.
        resting = 0 < until - self._clock() <= commands.LONGEST_WAIT
        return not resting and self._replica.may_write and self._registry.is_here(lane.connector)

    def _rest(self, lane: Lane, progress: Progress) -> None:
        """Have those that wait for an ERP that is away not all find that out, again and again."""
        away = progress.kind == FailureKind.FAILURE_KIND_ERP_UNAVAILABLE
        if away and progress.state is State.RECORDED:
            failures = self._resting.get(lane, (0, 0.0))[0] + 1
            self._resting[lane] = failures, self._clock() + commands.pause(failures)
        else:
            self._resting.pop(lane, None)

    async def _attempt(self, record: CommandRecord) -> bool:
        """Send a command and wait for its end; False if there is nobody to send to now."""
        if await self._overtake(record):
            return True
        lane = record.lane
        try:
            session, _ = self._registry.pick(lane.connector, lane.company, record.operation)
            request = await self._request(record)
        except (Offline, Overloaded):
            return False
        except (CommandFailure, KeyFileError) as failure:
            now = self._clock()
            event = Event("delayed", now, str(failure))
            await self._store.move(record, commands.delayed(record.progress, now), [event])
            return True
        await self._run(Attempt(record, session), request)
        return True

    async def _request(self, record: CommandRecord) -> bytes:
        request = await self._store.request(record.id)
        if request is None:
            raise Rejected("The command's request is no longer kept.")
        return request

    async def _run(self, attempt: Attempt, request: bytes) -> None:
        """Send it, wait for its end, record that; it is never without an attempt while it is stored as sent."""
        record = attempt.record
        self.attempts[record.id] = attempt
        try:
            event = Event("sent", self._clock(), f"session {attempt.session.session_id}")
            progress = commands.sent(record.progress, self._replica.name)
            attempt.record = await self._store.claim(record, progress, [event])
            crash_point("hub-sending")
            if not self._replica.may_write:
                # That took so long that another one may have it by now. Nothing was sent.
                raise Moved(record.id)
            end = await self._end_of(attempt, request)
            crash_point("hub-answered")
            self._rest(record.lane, end.progress)
            ended = await self._record(attempt, end)
            crash_point("hub-finished")
        finally:
            del self.attempts[record.id]
            attempt.settled.set()
        if ended.state in FINAL:
            self._traces.pop(record.id, None)
            self._ended(record.id)
        if ended.state is State.SUCCEEDED:
            self._chore(self._acknowledge, ended, attempt.session)

    async def _record(self, attempt: Attempt, end: End) -> CommandRecord:
        events = [*attempt.events, end.event]
        ended = await self._store.move(
            attempt.record, end.progress, events, outcome=end.outcome, erp=end.erp
        )
        log.info(
            "write",
            command_id=ended.id,
            session_id=attempt.session.session_id,
            tenant=ended.lane.connector.tenant,
            connector=ended.lane.connector.name,
            company=ended.lane.company,
            operation=ended.operation,
            caller=ended.caller,
            state=ended.state,
            reason=end.event.detail,
            attempts=ended.progress.attempts,
        )
        return ended

    async def _end_of(self, attempt: Attempt, request: bytes) -> End:
        progress = attempt.record.progress
        try:
            response = await self._send(attempt, request)
        except SessionLost as failure:
            now = self._clock()
            return End(commands.lost(progress, now), Event("lost", now, failure.message))
        except CommandFailure as failure:
            failure.command_id = attempt.record.id
            now = self._clock()
            after = commands.failed(progress, failure, now, begun=attempt.begun)
            outcome = Result(command_id=attempt.record.id, failure=failure_of(failure))
            name = "finished" if after.state in FINAL else "postponed"
            event = Event(name, now, _kind(failure.kind))
            return End(after, event, outcome.SerializeToString())
        now = self._clock()
        event = Event("finished", now, State.SUCCEEDED)
        return response_end(attempt.record, response, commands.succeeded(progress, now), event)

    async def _send(self, attempt: Attempt, request: bytes) -> bytes:
        record = attempt.record
        command = Command(
            command_id=record.id,
            operation=record.operation,
            company=record.lane.company,
            timeout=span(record.progress.expires_at - self._clock()),
            caller=record.caller,
            idempotency_key=record.idempotency_key,
            traceparent=self._traces.get(record.id, ""),
        )
        return await attempt.session.call(
            command,
            request,
            timeout=None,
            stop_when_abandoned=False,
            watch=lambda noticed: attempt.notice(noticed, self._clock()),
        )

    async def _acknowledge(self, record: CommandRecord, session: LiveSession) -> None:
        if not session.acknowledge(record.lane.company, record.idempotency_key):
            self._untold.add(record.lane.connector)
            return
        await self._store.acknowledge(record.id, self._clock())
        crash_point("hub-acknowledged")


def response_end(record: CommandRecord, response: bytes, progress: Progress, event: Event) -> End:
    """The end of a command that has a response."""
    outcome = Result(command_id=record.id, response=response).SerializeToString()
    try:
        names = erp_names(OPERATIONS[record.operation].response.FromString(response))
    except DecodeError:
        names = ("", "")
    return End(progress, event, outcome, names)


async def _logged(work: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        await work(*args, **kwargs)
    except Exception:
        log.exception("a chore of the store failed")


def _kind(kind: FailureKind.ValueType) -> str:
    return FailureKind.Name(kind).removeprefix("FAILURE_KIND_")
