"""One of several replicas: tells the others of its sessions, knows of theirs, and asks them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import structlog

from mostek.hub import metrics
from mostek.hub.call import Call
from mostek.hub.identity import ConnectorId
from mostek.hub.registry import Registry
from mostek.hub.replica import NotThere
from mostek.hub.replicas.asking import Asking
from mostek.hub.replicas.lease import Lease
from mostek.hub.replicas.peers import Peers, Unreachable
from mostek.hub.session import LiveSession, SessionLost
from mostek.hub.store import (
    JournalRecord,
    Lane,
    Line,
    ReplicaRecord,
    ReplicaStore,
    Seen,
    SessionRecord,
    SessionState,
    StoreError,
)
from mostek.link.v1.link_pb2 import Status

__all__ = ["Replicas", "drawn_name"]

log = structlog.get_logger()

#: Seconds between looks at the database, and at least between those that others ask for.
LOOK_EVERY: Final = 1.0
_LOOK_SOON: Final = 0.02
_LOOKS_FOR_AT_MOST: Final = 0.1
#: Seconds that a session which is about to be opened waits for the database.
_ENTERS_WITHIN: Final = 2.0
#: Seconds that a call which came to the wrong replica waits for a look at the database.
_REREAD_WITHIN: Final = 1.0
_TIDY_EVERY: Final = 60.0
_PAUSE: Final = 0.5
#: Sessions that are taken note of before others on the loop get a turn.
_TURN: Final = 500
#: Clocks are compared only by answers that came within so many seconds.
_PROMPT: Final = 0.5
_NO_NAME: Final = re.compile(r"[^a-z0-9]+")


class Replicas:
    """This replica among others; `Replica` of `mostek.hub.replica`. `start`, and `stop` at the end.

    `span`: seconds after which it is taken for dead that shows no life.
    """

    def __init__(
        self, store: ReplicaStore, registry: Registry, peers: Peers, *, name: str, span: float
    ) -> None:
        self.name = name
        #: Called with what others tell: a lane has something to send, a write has ended, what a connector serves.
        self.on_due: Callable[[Lane], None] = _ignore
        self.on_ended: Callable[[str], None] = _ignore
        self.on_status: Callable[[ConnectorId, bytes], None] = _ignore
        #: The same: how far an instance's journal is.
        self.on_journal: Callable[[JournalRecord], None] = _ignore
        #: Called with a session that is a copy of another replica's.
        self.on_copy: Callable[[LiveSession], None] = _ignore
        #: Those that are alive, this one too, by name.
        self.alive: dict[str, ReplicaRecord] = {}
        self._store = store
        self._registry = registry
        self._peers = peers
        self._asking = Asking(peers)
        self._lease = Lease(name, span)
        self._address = ""
        self._offset: float | None = None
        self._upto = 0
        #: Seconds that the last look took.
        self._looked_for = 0.0
        self._connected = False
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()
        self._tidy_at = time.monotonic() + _TIDY_EVERY
        self._arriving: list[tuple[SessionRecord, asyncio.Future[list[SessionRecord]]]] = []
        self._states: dict[str, SessionState] = {}
        self._statuses: dict[ConnectorId, bytes] = {}
        #: Sessions here that the database does not have, perhaps.
        self._incomplete = False
        #: Ids of the sessions here of which the database was told, and their numbers there.
        self._announced: set[str] = set()
        self._numbers: dict[str, int] = {}
        self._bells: dict[str, None] = {}
        self._chores: dict[str, asyncio.Task[None]] = {}

    @property
    def count(self) -> int:
        """How many replicas are alive, this one too."""
        return len(self.others) + 1

    @property
    def may_write(self) -> bool:
        """Whether no other replica takes this one for dead."""
        return self._lease.held(time.monotonic())

    def now(self) -> float:
        """By the database's clock: those of replicas need not agree."""
        return time.time() if self._offset is None else time.monotonic() + self._offset

    async def start(self, address: str) -> None:
        """Show life, as found at an address, and read what there is. Raises StoreError."""
        self._address = address
        self._registry.watchers.append(self._watch)
        looked = self._looked
        self._chore("replicas", self._run)
        try:
            async with asyncio.timeout(30.0):
                await looked.wait()
        except TimeoutError:
            raise StoreError("The database does not answer.") from None
        log.info("replica", name=self.name, address=address, others=len(self.alive) - 1)

    async def stop(self) -> None:
        """Tell the others that this one is gone."""
        self._announced.clear()
        chores = list(self._chores.values())
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        with contextlib.suppress(StoreError, TimeoutError):
            async with asyncio.timeout(_ENTERS_WITHIN):
                await self._store.leave(self.name)
        await self._peers.close()

    # What there is in the database.

    async def _run(self) -> None:
        failing = False
        while True:
            try:
                async with self._store.line(self._heard, max(2 * self._lease.every, 2.0)) as line:
                    if failing:
                        log.info("replicas are known again")
                    failing, self._upto = False, 0
                    while True:
                        await self._turn(line)
                        await self._rest()
            except (StoreError, TimeoutError) as error:
                if not failing:
                    log.error("the other replicas are not known now", reason=str(error))
                failing = True
            except Exception:
                log.exception("looking for replicas failed")
            self._connected = False
            await asyncio.sleep(_PAUSE)

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(LOOK_EVERY, self._lease.every)):
                await self._wake.wait()
        # While sessions come and go all the time, a part of the time goes to looks and not all of it.
        await asyncio.sleep(max(_LOOK_SOON, 4 * self._looked_for))
        self._wake.clear()

    async def _turn(self, line: Line) -> None:
        if self._lease.due(time.monotonic()):
            await self._beat(line)
        if self._incomplete:
            await self._complete()
        elif self._states:
            self._chore("save", self._save)
        began = time.monotonic()
        await self._apply(await line.look(self._upto))
        self._looked_for = min(time.monotonic() - began, _LOOKS_FOR_AT_MOST)
        self._connected = True
        self._looked.set()
        self._looked = asyncio.Event()
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + _TIDY_EVERY
            await line.tidy()

    async def _beat(self, line: Line) -> None:
        asked_at = time.monotonic()
        me = ReplicaRecord(self.name, self._address, self.sessions)
        fresh, now = await line.beat(me)
        answered_at = time.monotonic()
        self._lease.beaten(asked_at)
        if self._offset is None or answered_at - asked_at < _PROMPT:
            self._offset = now - answered_at
        if fresh:
            # Whoever took this replica for dead has removed its sessions.
            self._incomplete = True
            self._ring("registry")

    @property
    def others(self) -> list[ReplicaRecord]:
        """Those that are alive besides this one."""
        return [each for name, each in self.alive.items() if name != self.name]

    @property
    def sessions(self) -> int:
        """Sessions here that take commands."""
        return sum(not live.rules.leaving for live in self._registry.sessions())

    async def _apply(self, seen: Seen) -> None:
        self._upto = seen.upto
        for of, status, changed_at in seen.connectors:
            at = datetime.fromtimestamp(changed_at, UTC)
            self._registry.learn(of, Status.FromString(status), at)
            self.on_status(of, status)
        for record in seen.journals:
            self.on_journal(record)
        self._meet(seen)
        for count, session in enumerate(seen.sessions):
            if not (count + 1) % _TURN:
                # All there is may be much: calls go on meanwhile.
                await asyncio.sleep(0)
            if session.id in self._announced:
                self._numbers[session.id] = session.number
            elif session.replica in self.alive and session.replica != self.name:
                self._registry.place(session)
        for of in {session.of for session in seen.sessions}:
            self._settle(of)

    def _meet(self, seen: Seen) -> None:
        before = self.alive
        for dead in self._lease.dead(seen.replicas, time.monotonic()):
            self._chore(f"bury {dead.name}", partial(self._bury, dead))
        self.alive = {each.name: each for each in seen.replicas}
        others = self.others
        self._peers.meet(others)
        # One that was gone in between has other sessions now; they are read with everything.
        same = {each.name for each in others if before.get(each.name, each).since == each.since}
        if seen.whole:
            self._registry.keep_places(same, {session.id for session in seen.sessions})
        elif before.keys() - {self.name} != same:
            self._registry.keep_places(same)
        if len(same) < len(others):
            self._upto = 0

    async def _bury(self, dead: ReplicaRecord) -> None:
        if await self._store.bury(dead):
            log.warning("a replica shows no life any more: its sessions are void", name=dead.name)
        self._wake.set()

    def _settle(self, of: ConnectorId) -> None:
        """Have sessions leave whose connector has opened a newer one elsewhere. Another process is asked first."""
        record = self._registry.known(of)
        if record is None:
            return
        for live in list(record.sessions):
            number = self._numbers.get(live.session_id)
            if number is None or live.rules.leaving:
                continue
            newer = [
                other
                for other in record.elsewhere.values()
                if other.instance == live.instance
                and other.number > number
                and (not live.process or other.process in ("", live.process))
            ]
            if newer:
                self._registry.replace(live)

    # What this replica tells.

    def _record(self, live: LiveSession) -> SessionRecord:
        hello = live.rules.hello
        assert hello is not None
        return SessionRecord(
            id=live.session_id,
            of=live.connector,
            instance=_text(live.instance, 64),
            process=_text(live.process, 64),
            replica=self.name,
            software=_text(hello.software, 200),
            slots=hello.slots,
            connected_at=live.connected_at.timestamp(),
            state=SessionState.DRAINING if live.rules.leaving else SessionState.ACTIVE,
        )

    async def may_enter(self, session: LiveSession) -> bool:
        """Make a session that is about to be opened known; False: a copy of it is elsewhere, and answers."""
        record = self._record(session)
        self._note_status(session)
        future: asyncio.Future[list[SessionRecord]] = asyncio.get_running_loop().create_future()
        self._arriving.append((record, future))
        self._announced.add(record.id)
        self._chore("save", self._save)
        try:
            async with asyncio.timeout(_ENTERS_WITHIN):
                rivals = await future
        except Exception:
            # Told by who saves it. The stream is the truth: it is served, and made known when that is possible.
            self._incomplete = True
            return True
        if not rivals:
            return True
        if await self._answer(rivals):
            return False
        await self._admitted([record])
        return True

    def gone(self, session: LiveSession) -> None:
        """The stream of a session has ended, whether it was opened or not."""
        if session.session_id in self._announced:
            self._announced.discard(session.session_id)
            self._numbers.pop(session.session_id, None)
            self._states[session.session_id] = SessionState.ENDED
            self._chore("save", self._save)

    async def _answer(self, rivals: list[SessionRecord]) -> bool:
        return any(await asyncio.gather(*map(self._asking.answers, rivals)))

    async def _admitted(self, records: list[SessionRecord]) -> None:
        try:
            await self._tell(records, {}, admitted=True)
        except StoreError:
            self._incomplete = True

    def _watch(self, live: LiveSession) -> None:
        """A session here was opened, leaves, or is gone."""
        if live not in self._registry.here(live.connector):
            self.gone(live)
        elif live.rules.leaving:
            self._states[live.session_id] = SessionState.DRAINING
            self._chore("save", self._save)

    async def _save(self) -> None:
        """All that has changed meanwhile at once."""
        while self._arriving or self._states:
            arriving, self._arriving = self._arriving, []
            states, self._states = self._states, {}
            try:
                rivals = await self._tell([record for record, _ in arriving], states)
            except Exception as error:
                self._states = states | self._states
                for _, future in arriving:
                    if not future.done():
                        future.set_exception(error)
                raise
            for record, future in arriving:
                if not future.done():
                    future.set_result(rivals.get(record.id, []))

    def _note_status(self, live: LiveSession) -> None:
        known = self._registry.known(live.connector)
        if known is None or known.status != live.status:
            status = live.status.SerializeToString(deterministic=True)
            self._statuses[live.connector] = status

    async def _tell(
        self,
        records: list[SessionRecord],
        states: dict[str, SessionState],
        *,
        admitted: bool = False,
    ) -> dict[str, list[SessionRecord]]:
        statuses, self._statuses = self._statuses, {}
        try:
            return await self._store.save(records, states, statuses, self.now(), admitted=admitted)
        except Exception:
            self._statuses = statuses | self._statuses
            raise

    async def _complete(self) -> None:
        """Tell of all sessions here."""
        self._incomplete = False
        lives = {live.session_id: live for live in self._registry.sessions()}
        self._announced |= lives.keys()
        try:
            rivals = await self._tell([self._record(live) for live in lives.values()], {})
        except StoreError:
            self._incomplete = True
            raise
        for name, others in rivals.items():
            live = lives[name]
            self._chore(f"decide {name}", partial(self._decide, live, others))

    async def _decide(self, live: LiveSession, rivals: list[SessionRecord]) -> None:
        """A session was opened while the database was away, and another process of its instance elsewhere."""
        if await self._answer(rivals):
            self.on_copy(live)
        else:
            await self._admitted([self._record(live)])

    def tell_due(self, lane: Lane) -> None:
        """There may be something to send, for the replica that has the connector."""
        self._ring(json.dumps(["due", *lane.connector, lane.company]))

    def tell_ended(self, command_id: str) -> None:
        """A write has ended, for the replica where somebody waits for it."""
        self._ring(json.dumps(["ended", command_id]))

    def _ring(self, payload: str) -> None:
        self._bells[payload] = None
        self._chore("ring", self._ring_all)

    async def _ring_all(self) -> None:
        while self._bells:
            bells, self._bells = list(self._bells), {}
            try:
                await self._store.notify(bells)
            except StoreError:
                # They look by themselves.
                return

    def _heard(self, payload: str) -> None:
        if payload == "registry":
            self._wake.set()
            return
        try:
            match json.loads(payload):
                case ["due", str(tenant), str(name), str(company)]:
                    self.on_due(Lane(ConnectorId(tenant, name), company))
                case ["ended", str(command_id)]:
                    self.on_ended(command_id)
        except Exception:
            log.exception("what another replica told can't be used")

    # What this replica asks others.

    async def forward(self, call: Call, to: SessionRecord, timeout: float) -> bytes:
        """The response to a read by way of the replica that holds a session.

        Raises the call's failure, SessionLost, NotThere or TimeoutError.
        """
        try:
            response = await self._asking.forward(call, to, timeout)
        except NotThere:
            self._registry.doubt(to)
            metrics.forwarded("not_there")
            await self._look_now()
            raise
        except Unreachable as error:
            log.warning("another replica can't be asked", replica=to.replica, reason=str(error))
            self._registry.doubt(to)
            metrics.forwarded("lost")
            raise SessionLost(
                "The connection to the connector was lost.", retry_after=1.0
            ) from None
        except Exception as failure:
            metrics.forwarded("lost" if isinstance(failure, SessionLost) else "failed")
            raise
        metrics.forwarded("answered")
        return response

    async def _look_now(self) -> None:
        """Correct what is known, if the database answers."""
        self._wake.set()
        if self._connected:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_REREAD_WITHIN):
                    await self._looked.wait()

    async def cancel(self, holder: str, command_id: str) -> bool:
        """Have the replica that has a write under way ask for its cancellation; whether it could be told."""
        return await self._asking.cancel(holder, command_id)

    def _chore(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do it, unless it is being done."""
        if name not in self._chores:
            self._chores[name] = asyncio.create_task(self._do(name, work), name=name)

    async def _do(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except StoreError as error:
            # Once that is known it is said once.
            told = log.warning if self._connected else log.debug
            told("the store failed", reason=str(error))
        except Exception:
            log.exception("a chore of a replica failed")
        finally:
            # At once: what comes from now on is for the next one.
            self._chores.pop(name, None)


def _ignore(*_: Any) -> None:
    """Nobody wants to know."""


def _text(text: str, most: int) -> str:
    """What fits the column: a connector may say anything, and PostgreSQL refuses NUL."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])


def drawn_name() -> str:
    """A name for this life of this process, with the machine's name for people; fits a host name's part."""
    machine = _NO_NAME.sub("-", socket.gethostname().lower())[:40].strip("-") or "hub"
    return f"{machine}-{secrets.token_hex(4)}"
