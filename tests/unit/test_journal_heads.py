"""What goes over the link about a journal, and what the hub makes of it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mostek.hub import journals as module
from mostek.hub.audit import Audit
from mostek.hub.identity import ConnectorId
from mostek.hub.journals import Journals
from mostek.hub.session import LiveSession
from mostek.hub.store import AuditEntry, AuditKind, JournalRecord, JournalStore, StoreError
from mostek.link.v1.link_pb2 import ConnectorToHub, GoodbyeReason, Heartbeat, Hello, JournalHead
from mostek.wire.session import (
    REQUEST_CREDIT,
    Budget,
    ConnectorSession,
    HubSession,
    Journaled,
    Left,
    Opened,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    Welcomed,
)
from mostek.wire.trust import InstanceId

OF = InstanceId("default", "acme", "i")
ONE, TWO = b"1" * 32, b"2" * 32


def head(number: int, digest: bytes = ONE) -> JournalHead:
    return JournalHead(number=number, hash=digest)


# Over the link


def pair(
    known: JournalHead | None, told: JournalHead | None, capabilities: tuple[str, ...] = ()
) -> tuple[HubSession, ConnectorSession]:
    hello = Hello(
        revision=1, connector="acme", instance="i", slots=1, capabilities=list(capabilities)
    )
    hub = HubSession("s", SessionSettings(), Budget(1), 0.0, "default", lambda tenant, hello: known)
    return hub, ConnectorSession(hello, 0.0, lambda: told)


def exchange(hub: HubSession, connector: ConnectorSession, now: float = 0.0) -> list[object]:
    events: list[object] = []
    while True:
        up, down = connector.outbox.next(), hub.outbox.next()
        if up is None and down is None:
            return [event for event in events if event and not isinstance(event, RoundTrip)]
        events += [hub.receive(up, now)] if up else []
        events += [connector.receive(down, now)] if down else []


def test_a_heartbeat_tells_the_head_of_the_journal() -> None:
    hub, connector = pair(None, head(7), (REQUEST_CREDIT,))
    opened, welcomed, told = exchange(hub, connector)
    assert isinstance(opened, Opened)
    assert isinstance(welcomed, Welcomed)
    assert told == Journaled(head(7))
    connector.tick(12.0)
    assert exchange(hub, connector, 12.0) == [Journaled(head(7), before=7)]


@pytest.mark.parametrize("capabilities", [(), (REQUEST_CREDIT,)])
def test_the_entry_that_the_hub_knows_is_told_in_the_first_heartbeat(
    capabilities: tuple[str, ...],
) -> None:
    hub, connector = pair(head(5), head(7), capabilities)
    _, welcomed = exchange(hub, connector)
    assert isinstance(welcomed, Welcomed)
    assert welcomed.welcome.journal == head(5)
    # It is looked up first, however long that takes.
    connector.tick(20.0)
    assert exchange(hub, connector, 20.0) == []
    connector.tell_known(TWO, 21.0)
    assert exchange(hub, connector, 21.0) == [Journaled(head(7), 0, head(5), head(5, TWO))]
    connector.tick(40.0)
    assert exchange(hub, connector, 40.0) == [Journaled(head(7), 7)]


def test_an_entry_that_is_not_there_is_told_without_a_hash() -> None:
    hub, connector = pair(head(5), head(2), (REQUEST_CREDIT,))
    exchange(hub, connector)
    connector.tell_known(b"", 1.0)
    [told] = exchange(hub, connector, 1.0)
    assert isinstance(told, Journaled)
    assert told.answer == JournalHead(number=5)


def test_the_head_is_told_before_the_last_word() -> None:
    hub, connector = pair(None, head(7))
    exchange(hub, connector)
    connector.goodbye(GoodbyeReason.GOODBYE_REASON_STOPPING, "Bye.")
    told, left = exchange(hub, connector, 1.0)
    assert told == Journaled(head(7))
    assert isinstance(left, Left)


def test_a_connector_that_knows_no_journal_tells_none() -> None:
    hub, connector = pair(None, None, (REQUEST_CREDIT,))
    assert len(exchange(hub, connector)) == 2


def test_a_connector_that_knows_no_journal_any_more_shows() -> None:
    hub, _ = pair(head(5), None)
    hub.receive(ConnectorToHub(hello=Hello(revision=1, connector="a", instance="i", slots=1)), 0.0)
    answered = hub.receive(ConnectorToHub(heartbeat=Heartbeat(answers=1)), 1.0)
    assert not isinstance(answered, Journaled)
    told = hub.receive(ConnectorToHub(heartbeat=Heartbeat(number=1)), 1.0)
    assert told == Journaled(None, asked=head(5))


@pytest.mark.parametrize(
    "beat",
    [
        Heartbeat(number=1, journal=JournalHead(number=1)),
        Heartbeat(number=1, journal=head(1, b"short")),
        Heartbeat(number=1, journal=head(2**63)),
        Heartbeat(number=1, journal=head(9), journal_known=head(6)),
        Heartbeat(number=1, journal=head(9), journal_known=head(5, b"short")),
    ],
)
def test_a_head_that_is_none_breaks_the_protocol(beat: Heartbeat) -> None:
    hub, _ = pair(head(5), None)
    hub.receive(ConnectorToHub(hello=Hello(revision=1, connector="a", instance="i", slots=1)), 0.0)
    with pytest.raises(ProtocolError, match="journal"):
        hub.receive(ConnectorToHub(heartbeat=beat), 1.0)


def test_an_entry_that_was_not_asked_for_breaks_the_protocol() -> None:
    hub, _ = pair(None, None)
    hub.receive(ConnectorToHub(hello=Hello(revision=1, connector="a", instance="i", slots=1)), 0.0)
    beat = Heartbeat(number=1, journal_known=head(5))
    with pytest.raises(ProtocolError, match="did not name"):
        hub.receive(ConnectorToHub(heartbeat=beat), 1.0)


# At the hub


class Kept:
    """A store in memory that can be away, and an audit that is read at once."""

    def __init__(self) -> None:
        self.rows: dict[InstanceId, JournalRecord] = {}
        self.saves = 0
        self.away = False
        self.entries: list[AuditEntry] = []

    async def all(self) -> list[JournalRecord]:
        return list(self.rows.values())

    async def save(self, records: list[JournalRecord]) -> None:
        if self.away:
            raise StoreError("away")
        self.saves += 1
        self.rows |= {record.of: record for record in records}

    def note(self, entry: AuditEntry) -> None:
        self.entries.append(entry)


class Live:
    """A session as far as journals go."""

    def __init__(self, instance: str = "i") -> None:
        self.connector = ConnectorId("default", "acme")
        self.instance = instance


def journals_of(kept: Kept) -> Journals:
    return Journals(cast(JournalStore, kept), cast(Audit, kept), clock=lambda: 1000.0)


def session(journals: Journals, instance: str = "i") -> LiveSession:
    live = cast(LiveSession, Live(instance))
    journals.admit(live)
    return live


def known(journals: Journals) -> Any:
    return journals.last("default", Hello(connector="acme", instance="i"))


async def test_a_head_is_saved_when_it_has_changed_and_known_to_the_next_hub() -> None:
    kept = Kept()
    journals = journals_of(kept)
    live = session(journals)
    for number in (1, 2, 3):
        journals.hear(live, Journaled(head(number)))
    await journals.flush()
    for _ in range(5):
        journals.hear(live, Journaled(head(3), 3))
        await journals.flush()
    assert kept.saves == 1
    assert kept.entries == []
    later = journals_of(kept)
    assert known(later) is None
    await later.load()
    assert known(later) == head(3)
    assert later.known(ConnectorId("default", "acme"))[0].number == 3
    assert later.last("other", Hello(connector="acme", instance="i")) is None


async def test_many_heads_are_saved_in_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 100)
    kept = Kept()
    journals = journals_of(kept)
    for number in range(1000):
        journals.hear(session(journals, f"i{number}"), Journaled(head(1)))
    await journals.flush()
    assert kept.saves == 10
    assert len(kept.rows) == 1000


async def test_what_can_not_be_saved_is_saved_later() -> None:
    kept = Kept()
    journals = journals_of(kept)
    journals.hear(session(journals), Journaled(head(1)))
    kept.away = True
    await journals.flush()
    kept.away = False
    await journals.flush()
    assert kept.rows[OF].number == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Journaled(head(9), 0, head(5), head(5, TWO)), "entry 5 is another, or one before it"),
        (Journaled(head(2), 0, head(5), JournalHead(number=5)), "entry 5 is gone"),
        (Journaled(None, 0, head(5), None), "it tells nothing of its journal any more"),
        (Journaled(head(4), 5), "it ended with entry 5 and then with 4"),
        (Journaled(head(5, TWO), 5), "entry 5 is another than before"),
    ],
)
async def test_a_journal_that_is_not_what_it_was_is_a_fault(told: Journaled, words: str) -> None:
    kept = Kept()
    journals = journals_of(kept)
    live = session(journals)
    journals.hear(live, Journaled(head(5)))
    journals.hear(live, told)
    [record] = journals.known(ConnectorId("default", "acme"))
    assert words in record.fault
    assert record.fault_at == 1000.0
    [entry] = kept.entries
    assert (entry.kind, entry.connector) == (AuditKind.JOURNAL, "acme")
    assert words in entry.detail
    # From now on the journal is the one that it is; that it was another once stays known.
    if told.head:
        assert known(journals) == told.head
        journals.hear(live, Journaled(head(99), told.head.number))
    assert len(kept.entries) == 1
    [record] = journals.known(ConnectorId("default", "acme"))
    assert words in record.fault


async def test_the_same_fault_is_in_the_audit_once_an_hour() -> None:
    kept = Kept()
    journals = journals_of(kept)
    journals.hear(session(journals), Journaled(head(5)))
    for _ in range(100):
        journals.hear(session(journals), Journaled(None, 0, head(5), None))
    assert len(kept.entries) == 1


async def test_whoever_makes_faults_by_the_thousand_does_not_fill_the_audit() -> None:
    kept = Kept()
    journals = journals_of(kept)
    live = session(journals)
    for number in range(1000, 0, -1):
        journals.hear(live, Journaled(head(number), number + 1))
    assert len(kept.entries) == 1
    [record] = journals.known(ConnectorId("default", "acme"))
    assert "then with 1:" in record.fault


async def test_an_older_session_that_is_heard_late_is_no_fault() -> None:
    kept = Kept()
    journals = journals_of(kept)
    older, newer = session(journals), session(journals)
    journals.hear(newer, Journaled(head(9)))
    journals.hear(older, Journaled(head(8), 7))
    assert known(journals) == head(9)
    assert kept.entries == []


async def test_what_a_copy_of_the_machine_tells_does_not_count() -> None:
    kept = Kept()
    journals = journals_of(kept)
    journals.hear(session(journals), Journaled(head(9)))
    copy = cast(LiveSession, Live())
    journals.hear(copy, Journaled(head(3), 0, head(9), JournalHead(number=9)))
    journals.left(copy)
    assert known(journals) == head(9)
    assert kept.entries == []
    # Of one that turns out to be the instance, it does.
    own = cast(LiveSession, Live())
    journals.hear(own, Journaled(head(3), 0, head(9), JournalHead(number=9)))
    journals.hear(own, Journaled(head(4), 3))
    journals.admit(own)
    assert len(kept.entries) == 1


async def test_a_journal_that_is_empty_is_none() -> None:
    journals = journals_of(Kept())
    journals.hear(session(journals), Journaled(head(0, bytes(32))))
    assert known(journals) is None
