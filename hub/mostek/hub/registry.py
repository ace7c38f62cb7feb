"""Which session holds which connector: at this replica, and as far as is known at others."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from mostek.hub.identity import ConnectorId, no_connector
from mostek.hub.pressure import Pressure
from mostek.hub.session import LiveSession
from mostek.hub.store import SessionRecord, SessionState
from mostek.link.v1.link_pb2 import Company, GoodbyeReason, Status
from mostek.wire.failures import Invalid, NotFound, Offline, Overloaded, Unsupported
from mostek.wire.names import ONLY_COMPANY

__all__ = ["ConnectorRecord", "Refused", "Registry", "Route"]

#: Sessions that a connector has at a time, one for each of its instances.
MOST_SESSIONS = 32
#: Seconds that a call waits, at most, for a connector whose connection was just cut.
REDIALS_WITHIN = 3.0
#: Calls that wait so for one connector.
MOST_WAITING = 64
#: Seconds for which no call is sent to where a session was not found, unless it is told anew that it is there.
_DOUBTED_FOR = 5.0

#: Seconds in which it is likely to become known what a connector serves.
_LEARNT_WITHIN = 1.0

#: Where a call goes: a session here and the company's own name, or a session of another replica.
Route = tuple[LiveSession, str] | SessionRecord


_REPLACED = "A newer session of this instance took over."


class _Returning(Offline):
    """Nobody takes commands now, but a session is about to come."""


@dataclass(frozen=True)
class Refused:
    """A second process of an instance that was refused."""

    instance: str
    at: datetime


@dataclass
class ConnectorRecord:
    """A connector that has been online."""

    id: ConnectorId
    sessions: list[LiveSession] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    refused: Refused | None = None
    #: Until then, on the steady clock, a new session is expected.
    expected_until: float = 0.0
    pressure: Pressure = field(default_factory=Pressure)
    waiting: set[asyncio.Event] = field(default_factory=set)
    #: Sessions of other replicas, by their ids; those that were not found there, until when on the steady clock.
    elsewhere: dict[str, SessionRecord] = field(default_factory=dict)
    doubted: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As its tenant calls it."""
        return self.id.name

    @property
    def online(self) -> bool:
        """Whether any session is open, here or elsewhere."""
        return bool(self.sessions or self.elsewhere)

    @property
    def active_elsewhere(self) -> list[SessionRecord]:
        """Of each instance the newest session, of those that take commands as far as is known."""
        now = time.monotonic()
        newest: dict[str, SessionRecord] = {}
        for each in sorted(self.elsewhere.values(), key=lambda other: other.number):
            if each.state is SessionState.ACTIVE and self.doubted.get(each.id, now) <= now:
                newest[each.instance] = each
        return list(newest.values())

    def company(self, name: str) -> Company:
        """The company of that name, or the only one if the name is empty or `-`. Raises NotFound, Invalid, Offline."""
        companies = self.status.companies
        if not companies:
            # Another replica has or had its session, and was not heard to tell what it serves.
            raise Offline(
                f"It is not known yet what connector {self.name} serves.",
                retry_after=_LEARNT_WITHIN,
            )
        if name and name != ONLY_COMPANY:
            for company in companies:
                if company.name == name:
                    return company
            raise NotFound(f"Connector {self.name} serves no company {name!r}.")
        if len(companies) != 1:
            names = ", ".join(company.name for company in companies)
            raise Invalid(f"Connector {self.name} serves several companies ({names}): name one.")
        return companies[0]

    def serving(self, company: str, operation: str) -> Company:
        """The company, if it serves the operation. Raises NotFound, Invalid, Unsupported, Offline."""
        served = self.company(company)
        if operation not in served.operations:
            raise Unsupported(
                f"{served.erp or served.plugin} at {self.name} does not serve {operation}."
            )
        return served

    def pick(self) -> LiveSession:
        """The session with the most room, of those that are there. Raises Offline, Overloaded."""
        session = max(self.sessions, key=lambda live: live.rules.free_slots)
        if session.rules.free_slots > 0:
            return session
        if all(live.rules.leaving for live in self.sessions):
            raise _Returning(f"Connector {self.name} is restarting.", retry_after=2.0)
        raise Overloaded(
            f"Connector {self.name} has no room for another command.",
            retry_after=self.pressure.refused(time.monotonic()),
        )

    def offline(self) -> Offline:
        """What a call is told while no session is there."""
        if time.monotonic() < self.expected_until or self._draining_elsewhere:
            return _Returning(f"Connector {self.name} is restarting.", retry_after=2.0)
        return Offline(f"Connector {self.name} is offline.", retry_after=5.0)

    @property
    def _draining_elsewhere(self) -> bool:
        return any(each.state is SessionState.DRAINING for each in self.elsewhere.values())

    def awaited_until(self, ends: float) -> float:
        """Until when a call that ends then waits for a session to come, on the steady clock."""
        if self.sessions or self._draining_elsewhere:
            return ends
        return min(ends, self.expected_until)

    async def change(self, until: float) -> bool:
        """Wait until a session has come or gone, or that moment of the steady clock; False if too many wait."""
        if len(self.waiting) >= MOST_WAITING:
            return False
        changed = asyncio.Event()
        self.waiting.add(changed)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(until - time.monotonic(), 0.0)):
                    await changed.wait()
        finally:
            self.waiting.discard(changed)
        return True

    def expect(self, within: float) -> None:
        """A new session is likely to come within so many seconds."""
        self.expected_until = max(self.expected_until, time.monotonic() + within)

    def changed(self) -> None:
        """A session has come or gone."""
        self.changed_at = datetime.now(UTC)
        for changed in self.waiting:
            changed.set()


class Registry:
    """The connectors that this process knows and their sessions.

    `returns_within`: seconds that a call waits for a connector that said goodbye, or that this hub has not seen since
    it started.
    """

    def __init__(self, returns_within: float = 0.0) -> None:
        self._returns_within = returns_within
        self._records: dict[ConnectorId, ConnectorRecord] = {}
        #: This hub stops: what it can't end belongs to the hub that comes after it.
        self.leaving = False
        #: Called when a session was opened, and when it serves something else.
        self.listeners: list[Callable[[LiveSession], None]] = []
        #: Called when a session was opened, begins to leave, and is gone.
        self.watchers: list[Callable[[LiveSession], None]] = []
        #: Whose session each of other replicas is.
        self._places: dict[str, ConnectorId] = {}

    def add(self, session: LiveSession) -> None:
        """A session was opened."""
        of = session.connector
        record = self._records.setdefault(of, ConnectorRecord(of))
        for older in self._older(record, session):
            older.rules.goodbye(
                GoodbyeReason.GOODBYE_REASON_REPLACED,
                _REPLACED,
            )
            self.left(older)
        record.sessions.append(session)
        record.status = session.status
        record.changed()
        self._tell(session)
        self._watch(session)

    def replace(self, session: LiveSession) -> None:
        """A newer session of the instance is with another replica."""
        session.rules.goodbye(GoodbyeReason.GOODBYE_REASON_REPLACED, _REPLACED)
        self.left(session)

    def left(self, session: LiveSession) -> None:
        """A session takes no new commands any more: one side said goodbye."""
        if (record := self._records.get(session.connector)) and session in record.sessions:
            self._watch(session)

    def _watch(self, session: LiveSession) -> None:
        for watcher in self.watchers:
            watcher(session)

    def has_room(self, session: LiveSession) -> bool:
        """Whether the connector may have one session more; those that leave don't count."""
        record = self._records.get(session.connector)
        if record is None:
            return True
        live = [one for one in record.sessions if not one.rules.leaving]
        others = [o for o in record.active_elsewhere if o.instance != session.instance]
        return len(live) + len(others) < MOST_SESSIONS

    def rivals(self, session: LiveSession) -> list[LiveSession]:
        """Sessions of the same instance that another process runs and has not left."""
        record = self._records.get(session.connector)
        return [
            older
            for older in (self._older(record, session) if record else ())
            if session.process
            and older.process not in ("", session.process)
            and not older.rules.leaving
        ]

    def _older(self, record: ConnectorRecord, session: LiveSession) -> list[LiveSession]:
        """An instance that comes again has left its older sessions, also those whose end nobody has noticed yet."""
        return [older for older in record.sessions if older.instance == session.instance]

    def refuse(self, session: LiveSession) -> None:
        """Remember that a second process of an instance was refused."""
        of = session.connector
        record = self._records.setdefault(of, ConnectorRecord(of))
        record.refused = Refused(session.instance, datetime.now(UTC))

    def remember(self, of: ConnectorId, status: Status, changed_at: datetime) -> None:
        """A connector that was online before the hub started, and may be on its way back."""
        record = ConnectorRecord(of, [], status, changed_at)
        record.expected_until = time.monotonic() + self._returns_within
        self._records.setdefault(of, record)

    def learn(self, of: ConnectorId, status: Status, changed_at: datetime) -> None:
        """What a connector serves, as another replica has heard; a session here knows better."""
        record = self._records.setdefault(of, ConnectorRecord(of, changed_at=changed_at))
        if not record.sessions:
            record.status = status

    def place(self, session: SessionRecord) -> None:
        """Another replica has a session, or had it, or it takes no new commands there."""
        of = session.of
        record = self._records.setdefault(of, ConnectorRecord(of))
        known = record.elsewhere.pop(session.id, None)
        if session.state is SessionState.ENDED:
            self._places.pop(session.id, None)
            record.doubted.pop(session.id, None)
            if known is not None:
                draining = known.state is SessionState.DRAINING
                within = self._returns_within
                record.expect(within if draining else min(within, REDIALS_WITHIN))
                record.changed()
            return
        record.elsewhere[session.id] = session
        self._places[session.id] = of
        if known is None or known.state is not session.state:
            record.changed()

    def keep_places(self, replicas: Collection[str], ids: Collection[str] | None = None) -> None:
        """Forget the sessions of all replicas but these, and all sessions but those of these ids, if they are given."""
        for name, of in list(self._places.items()):
            session = self._records[of].elsewhere[name]
            if session.replica not in replicas or (ids is not None and name not in ids):
                self.place(replace(session, state=SessionState.ENDED))

    def doubt(self, session: SessionRecord) -> None:
        """A session was not found where it was said to be: another one is likely to come."""
        record = self._records[session.of]
        now = time.monotonic()
        record.doubted = {name: until for name, until in record.doubted.items() if until > now}
        record.doubted[session.id] = now + _DOUBTED_FOR
        record.expect(min(self._returns_within, REDIALS_WITHIN))

    def _tell(self, session: LiveSession) -> None:
        for listener in self.listeners:
            listener(session)

    def update(self, session: LiveSession) -> None:
        """A session's status changed."""
        record = self._records.get(session.connector)
        if record and session in record.sessions:
            record.status = session.status
            self._tell(session)

    def remove(self, session: LiveSession, *, silent: bool = False) -> None:
        """A session ended; `silent`: the connector had not been heard for long."""
        record = self._records.get(session.connector)
        if record is None or session not in record.sessions:
            return
        record.sessions.remove(session)
        self._watch(session)
        if record.sessions:
            # Not what an instance that has gone served.
            record.status = record.sessions[-1].status
        if not silent:
            within = self._returns_within
            if not session.rules.leaving:
                within = min(within, REDIALS_WITHIN)
            record.expect(within)
        record.changed()

    def leave(self) -> None:
        """This hub stops: nobody waits for connectors here any longer."""
        self.leaving = True
        for record in self._records.values():
            record.changed()

    def records(self) -> list[ConnectorRecord]:
        """All known connectors, of all tenants."""
        return list(self._records.values())

    def connectors(self, tenant: str) -> list[ConnectorRecord]:
        """All known connectors of a tenant, by name."""
        return [self._records[of] for of in sorted(self._records) if of.tenant == tenant]

    def connector(self, wanted: ConnectorId) -> ConnectorRecord:
        """The record of a connector. Raises NotFound."""
        record = self._records.get(wanted)
        if record is None:
            raise no_connector(wanted.name)
        return record

    def known(self, wanted: ConnectorId) -> ConnectorRecord | None:
        """The record of a connector, if there is one."""
        return self._records.get(wanted)

    def here(self, wanted: ConnectorId) -> list[LiveSession]:
        """A connector's sessions with this replica."""
        record = self._records.get(wanted)
        return record.sessions if record else []

    def is_here(self, wanted: ConnectorId) -> bool:
        """Whether the connector has any session with this replica."""
        record = self._records.get(wanted)
        return record is not None and bool(record.sessions)

    def sessions(self) -> list[LiveSession]:
        """All open sessions with this replica."""
        return [session for record in self._records.values() for session in record.sessions]

    def company(self, connector: ConnectorId, company: str, operation: str) -> str:
        """The own name of the company that serves the operation, online or not.

        Raises NotFound, Invalid, Unsupported, Offline.
        """
        return self.connector(connector).serving(company, operation).name

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        """The session here with the most room, and the company's own name.

        Raises NotFound, Invalid (which company?), Unsupported (not served), Offline, Overloaded.
        """
        record = self.connector(connector)
        if not record.sessions:
            raise record.offline()
        served = record.serving(company, operation)
        return record.pick(), served.name

    def _route(self, connector: ConnectorId, company: str, operation: str) -> Route:
        """The same, or where else there is a session, if here is none with room."""
        try:
            return self.pick(connector, company, operation)
        except (Offline, Overloaded):
            others = self.connector(connector).active_elsewhere
            if not others:
                raise
            return random.choice(others)  # noqa: S311 - no secret

    async def await_route(
        self, connector: ConnectorId, company: str, operation: str, ends: float
    ) -> Route:
        """The same; a connector that is about to come back is waited for, until `ends` on the steady clock."""
        while True:
            try:
                return self._route(connector, company, operation)
            except _Returning:
                record = self.connector(connector)
                until = record.awaited_until(ends)
                if self.leaving:
                    raise Offline("The hub is restarting.", retry_after=1.0) from None
                if until <= time.monotonic() or not await record.change(until):
                    raise
