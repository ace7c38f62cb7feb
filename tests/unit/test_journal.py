"""The journal at work: what an entry tells, when a result may leave, what happens when the disk is full."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import stat
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from mostek.connector.journal import Journal, JournalConfig, SiteKeyError, Trace, verify
from mostek.connector.journal import journal as module
from mostek.connector.journal.files import Segment, entries_of, segments
from mostek.connector.journal.journal import NotJournaled, key_file
from mostek.connector.journal.search import Search
from mostek.connector.journal.tape import Tape
from mostek.connector.journal.values import SiteKey, filters_of
from mostek.connector.link import Session
from mostek.connector.runner import Runner
from mostek.erp.v1.customer_pb2 import GetCustomerRequest, ListCustomersRequest
from mostek.erp.v1.order_pb2 import CreateOrderRequest, OrderDraft, ProductChoice
from mostek.erp.v1.record_pb2 import ListRecordsRequest
from mostek.link.v1.link_pb2 import Command, Hello, HubToConnector, JournalHead, Welcome
from mostek.wire.failures import Denied, Rejected, Violation

DAY = 24 * 3600.0
NOW = 1_795_000_000.0


class Disk:
    """What a test makes of the disk."""

    def __init__(self) -> None:
        self.now = NOW
        self.free = 10**12
        self.fault: OSError | None = None
        self.syncs = 0
        #: Called before each sync.
        self.before_sync: Callable[[], None] = lambda: None

    def sync(self, descriptor: int) -> None:
        self.before_sync()
        self.syncs += 1

    def write(self, descriptor: int, data: bytes) -> int:
        if self.fault is not None:
            # As a disk does that fills up while it writes.
            WRITE(descriptor, data[: len(data) // 2])
            raise self.fault
        return WRITE(descriptor, data)


WRITE = os.write


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk that can be full; the journal looks at it often."""
    disk = Disk()
    monkeypatch.setattr(os, "fsync", disk.sync)
    monkeypatch.setattr(os, "write", disk.write)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    return disk


@asynccontextmanager
async def at_work(
    state: Path, disk: Disk, config: JournalConfig | None = None
) -> AsyncIterator[Journal]:
    journal = Journal(
        state,
        config or JournalConfig(),
        {"software": "1"},
        clock=lambda: disk.now,
        free=lambda folder: disk.free,
    )
    journal.start()
    try:
        yield journal
    finally:
        journal.close()


def trace(
    command_id: str = "c1", request: Message | None = None, end: Any = b"response", **more: Any
) -> Trace:
    command = Command(
        command_id=command_id, operation="ListCustomers", caller="crm", company="main", **more
    )
    return Trace(command, request or ListCustomersRequest(), "main", 2, 0.25, end)


def entries(state: Path) -> list[dict[str, Any]]:
    return [entry for _, entry in entries_of(state / "journal")]


def commands(state: Path) -> list[str]:
    return [entry["command_id"] for entry in entries(state) if "command_id" in entry]


def events(state: Path) -> list[str]:
    return [entry["event"] for entry in entries(state) if "event" in entry]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for is in another thread
            await asyncio.sleep(0.002)


def refuses(journal: Journal) -> bool:
    try:
        journal.check()
    except NotJournaled:
        return True
    return False


async def test_an_entry_tells_who_asked_what_and_how_much_left(tmp_path: Path, disk: Disk) -> None:
    request = ListCustomersRequest(tax_id="526-104-08-28", codes=["A1", "B2"], page_size=5)
    request.read_mask.paths.extend(["name", "tax_id"])
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace("c1", request, denied_fields=["Customer.pesel"]))
    [entry] = [entry for entry in entries(tmp_path) if "command_id" in entry]
    key = SiteKey.load(key_file(tmp_path))
    assert entry.pop("hash")
    assert entry == {
        "number": 3,
        "at": "2026-11-18T11:06:40.000Z",
        "command_id": "c1",
        "caller": "crm",
        "operation": "ListCustomers",
        "company": "main",
        "outcome": "ok",
        "filters": {
            "codes": [key.hash("codes", "A1"), key.hash("codes", "B2")],
            "tax_id": key.hash("tax_id", "5261040828"),
        },
        "fields": ["name", "tax_id"],
        "withheld": ["Customer.pesel"],
        "rows": 2,
        "bytes": 8,
        "seconds": 0.25,
    }


async def test_a_refusal_is_an_entry_with_its_reason_and_the_fields_that_were_asked_for(
    tmp_path: Path, disk: Disk
) -> None:
    refusal = Denied.of_all([Violation("tax_id", "is not allowed")])
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace("c1", end=refusal))
        await journal.commit(trace("c2", end=Rejected("The ERP says no.", erp_text="secret")))
    refused, failed = (entry for entry in entries(tmp_path) if "command_id" in entry)
    assert (refused["outcome"], refused["reason"]) == ("refused", "DENIED")
    assert refused["about"] == ["tax_id"]
    assert "rows" not in refused
    assert (failed["outcome"], failed["reason"]) == ("failed", "REJECTED")
    assert "secret" not in json.dumps(failed)


async def test_no_value_of_a_request_is_in_the_journal(tmp_path: Path, disk: Disk) -> None:
    order = OrderDraft(external_number="WWW-7", remarks="Call Jan")
    order.buyer.tax_id = "PL 526-104-08-28"
    order.lines.add(product=ProductChoice(ean="5901234123457"), quantity="3")
    order.lines.add(product=ProductChoice(code="ABC"), quantity="4")
    parameters = {"since": "2026-11-01", "town": "Gdynia"}
    async with at_work(tmp_path, disk) as journal:
        for number, request in enumerate(
            (
                GetCustomerRequest(id="K-1234"),
                CreateOrderRequest(order=order),
                ListRecordsRequest(list="visits", parameters=parameters),
            )
        ):
            await journal.commit(trace(str(number), request))
    text = (tmp_path / "journal" / "journal-000000000001.ndjson").read_text()
    for value in ("K-1234", "WWW-7", "Jan", "5261040828", "526-104", "59012", "ABC", "Gdynia"):
        assert value not in text
    got, ordered, listed = (entry for entry in entries(tmp_path) if "command_id" in entry)
    assert set(got["filters"]) == {"id"}
    assert set(ordered["filters"]) == {
        "order.external_number",
        "order.buyer.tax_id",
        "order.lines.product.ean",
        "order.lines.product.code",
    }
    assert set(listed["filters"]) == {"list", "parameters.since", "parameters.town"}


def test_filters_are_what_the_contract_calls_so() -> None:
    request = ListCustomersRequest(active=True, text="x", page_size=3, page_token="t")
    assert dict(filters_of(request)) == {"active": "true", "text": "x"}


@pytest.mark.parametrize(
    "typed", ["5261040828", "526-104-08-28", "PL5261040828", "pl 526 104 0828"]
)
async def test_a_value_is_found_however_it_is_written(
    tmp_path: Path, disk: Disk, typed: str
) -> None:
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace("c1", ListCustomersRequest(tax_id="PL 526-10-40-828")))
        await journal.commit(trace("c2", ListCustomersRequest(tax_id="7740001454")))
        await journal.commit(trace("c3", ListCustomersRequest(codes=["A", typed, "B"])))
    key = SiteKey.load(key_file(tmp_path))
    found = [entry["command_id"] for _, entry in Search(value=typed, key=key).found(journal.folder)]
    assert found == ["c1", "c3"]


async def test_entries_of_another_key_are_counted_when_a_value_is_looked_up(
    tmp_path: Path, disk: Disk
) -> None:
    for number in range(2):
        async with at_work(tmp_path, disk) as journal:
            await journal.commit(trace(str(number), ListCustomersRequest(codes=["A"])))
        if not number:
            key_file(tmp_path).unlink()
    search = Search(value="A", key=SiteKey.load(key_file(tmp_path)))
    assert [entry["command_id"] for _, entry in search.found(journal.folder)] == ["1"]
    assert search.other_keys == 1
    assert verify(journal.folder).faults == []


async def test_a_result_leaves_when_its_entry_is_on_disk(tmp_path: Path, disk: Disk) -> None:
    order: list[str] = []
    async with at_work(tmp_path, disk) as journal:
        disk.before_sync = lambda: order.append("synced" if commands(tmp_path) else "empty")
        await journal.commit(trace())
        order.append("told")
    assert order[:2] == ["synced", "told"]


async def test_what_comes_while_the_disk_works_is_one_group(tmp_path: Path, disk: Disk) -> None:
    came = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with at_work(tmp_path, disk) as journal:
        before = disk.syncs

        def first() -> None:
            disk.before_sync = lambda: None
            asyncio.run_coroutine_threadsafe(add(), loop).result()

        more: list[asyncio.Task[None]] = []

        async def add() -> None:
            more.extend(asyncio.create_task(journal.commit(trace(str(i)))) for i in range(50))
            await asyncio.sleep(0)
            came.set()

        disk.before_sync = first
        await journal.commit(trace("first"))
        await asyncio.gather(*more)
        assert disk.syncs - before == 2
    assert len(commands(tmp_path)) == 51
    assert verify(journal.folder, journal.head).faults == []


async def test_the_head_is_what_is_on_disk(tmp_path: Path, disk: Disk) -> None:
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace())
        head = journal.head
        assert await journal.known(head.number) == head.hash
        assert await journal.known(head.number + 1) is None


async def test_one_look_at_a_file_at_a_time_however_often_a_link_comes_back(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    first, go = threading.Event(), threading.Event()

    def look(folder: Path, number: int) -> bytes:
        looks.append(number)
        first.set()
        assert go.wait(10)
        return b"hash"

    monkeypatch.setattr("mostek.connector.journal.journal.hash_now", look)
    async with at_work(tmp_path, disk) as journal:
        asked = [asyncio.create_task(journal.known(number)) for number in range(1, 20)]
        assert await asyncio.to_thread(first.wait, 10)
        for task in asked[1:]:
            task.cancel()
        await asyncio.wait(asked[1:])
        go.set()
        assert await asked[0] == b"hash"
    assert looks == [1]


async def test_what_a_session_that_is_over_asked_of_the_journal_is_not_looked_up(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, over = asyncio.Event(), asyncio.Event()

    async def known(number: int) -> bytes:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()
        return b""

    async def stream(channel: object) -> None:
        welcome = Welcome(part_size=1024, credit_limit=4096, journal=JournalHead(number=7))
        welcome.heartbeat_interval.FromSeconds(1)
        session._take(HubToConnector(welcome=welcome))
        await asked.wait()

    async with at_work(tmp_path, disk) as journal, asyncio.timeout(5):
        monkeypatch.setattr(journal, "known", known)
        session = Session("127.0.0.1:9", "", Hello(), cast(Runner, None), journal)
        monkeypatch.setattr(session, "_stream", stream)
        await session.run()
        await over.wait()


async def test_an_entry_that_can_not_be_made_is_there_all_the_same(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def content(self: Trace, key: SiteKey) -> dict[str, Any]:
        raise ZeroDivisionError

    monkeypatch.setattr(Trace, "content", content)
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace())
    [entry] = [entry for entry in entries(tmp_path) if "command_id" in entry]
    assert entry["incomplete"] is True
    assert entry["outcome"] == "ok"


async def test_nobody_else_may_read_the_files(tmp_path: Path, disk: Disk) -> None:
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace())
    for file in (key_file(tmp_path), *(one.path for one in segments(journal.folder))):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_damaged_key_is_told_before_anything_is_written(tmp_path: Path) -> None:
    key_file(tmp_path).write_text("oops")
    with pytest.raises(SiteKeyError, match=r"journal.key is damaged.*Restore it from a backup"):
        Journal.open(tmp_path, JournalConfig(), {})
    assert not (tmp_path / "journal").exists()


async def test_each_process_says_what_could_leave(tmp_path: Path, disk: Disk) -> None:
    for _ in range(2):
        async with at_work(tmp_path, disk):
            pass
    assert events(tmp_path) == ["file", "started", "stopped", "started", "stopped"]
    assert entries(tmp_path)[1]["software"] == "1"


async def test_files_are_begun_anew_when_they_are_large(tmp_path: Path, disk: Disk) -> None:
    many = ListCustomersRequest(codes=[str(number) for number in range(500)])
    async with at_work(tmp_path, disk, JournalConfig(file_megabytes=1)) as journal:
        for number in range(250):
            await journal.commit(trace(str(number), many))
    files = segments(journal.folder)
    assert len(files) == 3
    assert all(one.path.stat().st_size < 1_020_000 for one in files)
    assert verify(journal.folder, journal.head).faults == []
    assert len(commands(tmp_path)) == 250


def begin_files(state: Path, count: int, at: str, size: int = 0) -> list[Segment]:
    """A journal of so many files that were begun at a time, each of a size."""
    first = {"at": at, "key": "k"}
    tape = Tape.open(state / "journal", first, [])
    for _ in range(count - 1):
        tape.write([{"at": at, "filler": "x" * size}])
        tape.close()
        tape = Tape.begun(state / "journal", tape.head, first)
    tape.close()
    return segments(state / "journal")


async def test_files_go_when_they_are_old_and_an_entry_says_so(tmp_path: Path, disk: Disk) -> None:
    begin_files(tmp_path, 4, "2026-11-01T00:00:00.000Z")
    disk.now = NOW - 10 * DAY
    async with at_work(tmp_path, disk, JournalConfig(keep_days=15)) as journal:
        assert len(segments(journal.folder)) == 4
    disk.now = NOW
    async with at_work(tmp_path, disk, JournalConfig(keep_days=15)) as journal:
        pass
    # The last one is kept, however old: it is still written to.
    assert [one.number for one in segments(journal.folder)] == [7]
    verdict = verify(journal.folder, journal.head)
    assert verdict.faults == []
    assert (verdict.first, verdict.deleted.number, verdict.deleted_for) == (7, 6, "age")


async def test_the_oldest_files_go_when_all_are_too_large(tmp_path: Path, disk: Disk) -> None:
    begin_files(tmp_path, 5, "2026-11-18T00:00:00.000Z", size=1_100_000)
    config = JournalConfig(file_megabytes=2, most_megabytes=4)
    async with at_work(tmp_path, disk, config) as journal:
        pass
    # 2 MB are kept free for the file that grows, so that only one of the full ones fits.
    assert [one.number for one in segments(journal.folder)] == [7, 9]
    verdict = verify(journal.folder, journal.head)
    assert verdict.faults == []
    assert (verdict.deleted.number, verdict.deleted_for) == (6, "size")


async def test_commands_are_refused_while_the_disk_is_nearly_full(
    tmp_path: Path, disk: Disk
) -> None:
    async with at_work(tmp_path, disk) as journal:
        journal.check()
        disk.free = 99_000_000
        await until(lambda: refuses(journal))
        with pytest.raises(NotJournaled, match="Only 99 MB are free") as refused:
            journal.check()
        assert "administrator must free some space (journal.free_megabytes = 100)" in str(
            refused.value
        )
        assert refused.value.retriable
        assert refused.value.retry_after == 5.0
        # What was begun before is recorded, and may leave.
        await journal.commit(trace())
        disk.now += 60
        disk.free = 200_000_000
        await until(lambda: not refuses(journal))
        await journal.commit(trace("c2"))
    resumed = next(entry for entry in entries(tmp_path) if entry.get("event") == "resumed")
    assert resumed["refused"] >= 2
    assert resumed["refused_since"] < resumed["at"]
    assert commands(tmp_path) == ["c1", "c2"]
    assert verify(journal.folder, journal.head).faults == []


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "The disk is full"), (errno.EIO, "can't be written")]
)
async def test_what_can_not_be_recorded_does_not_leave_until_the_disk_is_back(
    tmp_path: Path, disk: Disk, number: int, words: str
) -> None:
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace("c1"))
        disk.fault = OSError(number, os.strerror(number))
        with pytest.raises(NotJournaled, match=words):
            await journal.commit(trace("c2"))
        assert refuses(journal)
        with pytest.raises(NotJournaled):
            await journal.commit(trace("c3"))
        disk.fault = None
        await until(lambda: not refuses(journal))
        await journal.commit(trace("c4"))
    assert commands(tmp_path) == ["c1", "c4"]
    assert "resumed" in events(tmp_path)
    assert verify(journal.folder, journal.head).faults == []


async def test_a_disk_that_takes_a_line_and_does_not_keep_it_is_no_success(
    tmp_path: Path, disk: Disk
) -> None:
    async with at_work(tmp_path, disk) as journal:

        def fails() -> None:
            raise OSError(errno.EIO, "Input/output error")

        disk.before_sync = fails
        with pytest.raises(NotJournaled, match="Input/output error"):
            await journal.commit(trace("c1"))
        disk.before_sync = lambda: None
        await until(lambda: not refuses(journal))
        await journal.commit(trace("c2"))
    assert commands(tmp_path)[-1] == "c2"
    assert verify(journal.folder, journal.head).faults == []


async def test_a_disk_that_tells_of_its_fault_when_the_file_is_closed_too_leaves_nobody_waiting(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def close(tape: Tape) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async with at_work(tmp_path, disk) as journal, asyncio.timeout(5):
        disk.fault = OSError(errno.EIO, "Input/output error")
        with monkeypatch.context() as broken:
            broken.setattr(Tape, "close", close)
            with pytest.raises(NotJournaled, match="Input/output error"):
                await journal.commit(trace("c1"))
        disk.fault = None
        await until(lambda: not refuses(journal))
        await journal.commit(trace("c2"))
    assert commands(tmp_path) == ["c2"]


async def test_a_disk_that_is_full_at_the_start_refuses_commands_and_no_more(
    tmp_path: Path, disk: Disk
) -> None:
    disk.fault = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    async with at_work(tmp_path, disk) as journal:
        with pytest.raises(NotJournaled, match="The disk is full"):
            journal.check()
        disk.fault = None
        await until(lambda: not refuses(journal))
        await journal.commit(trace())
    assert events(tmp_path) == ["file", "started", "resumed", "stopped"]
    assert verify(journal.folder, journal.head).faults == []


async def test_what_a_crash_left_is_told_in_the_journal(tmp_path: Path, disk: Disk) -> None:
    async with at_work(tmp_path, disk) as journal:
        await journal.commit(trace())
    [segment] = segments(journal.folder)
    with segment.path.open("ab") as opened:
        opened.write(b'{"number":5,"at":"2026')
    async with at_work(tmp_path, disk) as journal:
        pass
    repaired = next(entry for entry in entries(tmp_path) if entry.get("event") == "repaired")
    assert repaired["bytes"] == 22
    assert verify(journal.folder, journal.head).faults == []


async def test_a_fault_of_the_journal_itself_refuses_commands_and_passes(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_work(tmp_path, disk) as journal:
        with monkeypatch.context() as broken:
            broken.setattr(module, "moment", lambda seconds: 1 / 0)
            with pytest.raises(NotJournaled, match="log says why"):
                await journal.commit(trace("c1"))
            assert refuses(journal)
        await until(lambda: not refuses(journal))
        await journal.commit(trace("c2"))
    assert commands(tmp_path) == ["c2"]
