"""The ends of the journals that the sites keep: remembered, so that a journal that was rewritten or cut shows.

Heads come with heartbeats. They are kept in memory, and in the store when they have changed: once a minute for all, at
once for an instance that leaves and for a fault. A hub that dies forgets a minute at most, and asks about an older
entry then.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from mostek.hub import metrics
from mostek.hub.audit import Audit
from mostek.hub.identity import ConnectorId
from mostek.hub.session import LiveSession
from mostek.hub.store import SITE, AuditEntry, AuditKind, JournalRecord, JournalStore, StoreError
from mostek.link.v1.link_pb2 import Hello, JournalHead
from mostek.wire.session import Journaled
from mostek.wire.trust import InstanceId

__all__ = ["SAVE_EVERY", "Journals"]

log = structlog.get_logger()

#: Seconds between savings of what has changed, and between looks for what can't wait.
SAVE_EVERY = 60.0
_LOOK_EVERY = 1.0
#: Rows that are saved at once: while they are made ready nobody else has the loop.
_BATCH = 250
#: Seconds after which a fault of an instance is told again: the same one, and another. Whoever makes faults by the
#: thousand must not fill the audit.
_SAME_AGAIN = 3600.0
_ANOTHER_AGAIN = 60.0


class Journals:
    """What is known of each instance's journal, in this process."""

    def __init__(
        self, store: JournalStore, audit: Audit, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._audit = audit
        self._clock = clock
        self._records: defaultdict[ConnectorId, dict[str, JournalRecord]] = defaultdict(dict)
        self._changed: set[InstanceId] = set()
        self._urgent: set[InstanceId] = set()
        #: What sessions told that are not admitted yet: it may be a copy of the machine that tells it.
        self._early: dict[LiveSession, Journaled] = {}
        self._admitted: set[LiveSession] = set()
        #: The faults that were told last, and when.
        self._told: dict[InstanceId, tuple[str, float]] = {}

    async def load(self) -> None:
        """Take up what an earlier run of the hub knew. Raises StoreError."""
        for record in await self._store.all():
            self._records[_connector(record.of)][record.of.instance] = record

    def last(self, tenant: str, hello: Hello) -> JournalHead | None:
        """The last entry that is known of the instance that says Hello."""
        record = self._known(InstanceId(tenant, hello.connector, hello.instance))
        if record is None or not record.number:
            return None
        return JournalHead(number=record.number, hash=record.hash)

    def known(self, connector: ConnectorId) -> list[JournalRecord]:
        """Of each instance of a connector, by name."""
        records = self._records.get(connector, {})
        return [records[instance] for instance in sorted(records)]

    def learn(self, record: JournalRecord) -> None:
        """What another replica has heard of an instance, unless this one has heard more meanwhile."""
        if record.of not in self._changed:
            self._records[_connector(record.of)][record.of.instance] = record

    def admit(self, session: LiveSession) -> None:
        """The session is the instance's own."""
        self._admitted.add(session)
        if told := self._early.pop(session, None):
            self.hear(session, told)

    def left(self, session: LiveSession) -> None:
        """The session is over."""
        self._early.pop(session, None)
        if session in self._admitted:
            self._admitted.discard(session)
            self._urgent.add(_instance(session))

    def hear(self, session: LiveSession, told: Journaled) -> None:
        """A heartbeat told of the journal."""
        if session not in self._admitted:
            self._early.setdefault(session, told)
            return
        of, now = _instance(session), self._clock()
        known = self._known(of)
        fault = _fault(known, told)
        if fault:
            self._note(of, fault, now)
        record = _moved(known or JournalRecord(of, 0, b"", now), told, fault, now)
        self._records[_connector(of)][of.instance] = record
        if fault or known is None or record.number != known.number:
            self._changed.add(of)

    def _note(self, of: InstanceId, fault: str, now: float) -> None:
        """Tell of a fault, unless it was told just now."""
        self._urgent.add(of)
        before, at = self._told.get(of, ("", -_SAME_AGAIN))
        if now - at < (_SAME_AGAIN if before == fault else _ANOTHER_AGAIN):
            return
        self._told[of] = (fault, now)
        metrics.journal_fault()
        log.warning("a site's journal is not what it was", **of._asdict(), fault=fault)
        self._audit.note(
            AuditEntry(
                at=now,
                tenant=of.tenant,
                kind=AuditKind.JOURNAL,
                caller=SITE,
                operation="Connect",
                outcome="journal fault",
                connector=of.connector,
                detail=f"instance {of.instance}: {fault}",
            )
        )

    def _known(self, of: InstanceId) -> JournalRecord | None:
        return self._records.get(_connector(of), {}).get(of.instance)

    async def run(self) -> None:
        """Save what has changed, for ever."""
        save_at = time.monotonic() + SAVE_EVERY
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if time.monotonic() >= save_at:
                save_at = time.monotonic() + SAVE_EVERY
                await self.flush()
            elif self._urgent:
                await self._save(self._urgent & self._changed)
                self._urgent.clear()

    async def flush(self) -> None:
        """Save what has changed until now."""
        self._urgent.clear()
        await self._save(self._changed)

    async def _save(self, changed: Iterable[InstanceId]) -> None:
        """What can't be saved stays for the next time."""
        rest = list(changed)
        while some := rest[:_BATCH]:
            del rest[:_BATCH]
            records = [record for of in some if (record := self._known(of))]
            self._changed.difference_update(some)
            try:
                await self._store.save(records)
            except StoreError:
                log.warning("the ends of journals can't be saved now", waiting=len(records))
                self._changed.update(some)
                return
            except Exception:
                log.exception("the ends of journals could not be saved")


def _fault(known: JournalRecord | None, told: Journaled) -> str:
    """In what a journal is not the one that was known; empty: in nothing."""
    if told.asked is not None and (fault := _asked_fault(told.asked.number, told)):
        return fault
    head = told.head
    if head is None or not head.number:
        return ""
    if head.number < told.before:
        return f"it ended with entry {told.before} and then with {head.number}: it was cut"
    if known is not None and known.number == head.number and known.hash != head.hash:
        return f"entry {head.number} is another than before: the journal was rewritten"
    return ""


def _asked_fault(number: int, told: Journaled) -> str:
    """In what the entry that was asked for is not the one that was known."""
    if told.answer is None:
        return (
            f"it tells nothing of its journal any more, of which entry {number} was known: an older version of the "
            "connector runs there, or another program"
        )
    if not told.answer.hash:
        return f"entry {number} is gone: the journal was cut or replaced, or deleted by its age or size"
    if told.asked is not None and told.answer.hash != told.asked.hash:
        return f"entry {number} is another, or one before it: the journal was rewritten"
    return ""


def _moved(record: JournalRecord, told: Journaled, fault: str, now: float) -> JournalRecord:
    """What is known now. Of two sessions of an instance the older may be heard later, and tell less."""
    head = told.head
    if head is not None and (fault or head.number >= record.number):
        record = replace(record, number=head.number, hash=head.hash, told_at=now)
    return replace(record, fault=fault, fault_at=now) if fault else record


def _connector(of: InstanceId) -> ConnectorId:
    return ConnectorId(of.tenant, of.connector)


def _instance(session: LiveSession) -> InstanceId:
    return InstanceId(*session.connector, session.instance)
