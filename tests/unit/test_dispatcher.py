"""How durable commands are sent, with a site that answers as it is told and a clock that stands."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from mostek.erp.v1.customer_pb2 import (
    CreateCustomerRequest,
    CreateCustomerResponse,
    CustomerDraft,
    CustomerMatch,
)
from mostek.hub import commands, dispatcher
from mostek.hub.call import Call
from mostek.hub.commands import State
from mostek.hub.dispatcher import Attempt
from mostek.hub.identity import LOCAL, ConnectorId
from mostek.hub.keyring import KeyFileError, Keyring
from mostek.hub.registry import Registry
from mostek.hub.session import LiveSession, SessionLost
from mostek.hub.store import CommandRecord, Lane, Store, StoreError
from mostek.hub.writes import StillRunning, Writes
from mostek.link.v1.link_pb2 import Command, Status
from mostek.wire.failures import (
    CommandFailure,
    ErpUnavailable,
    Expired,
    Locked,
    NotFound,
    Offline,
    Rejected,
    UnknownOutcome,
    Unsupported,
)
from mostek.wire.operations import OPERATIONS
from mostek.wire.session import Noticed

CREATE = OPERATIONS["CreateCustomer"]
Answer = Callable[[Command], bytes]


class Site(Registry):
    """A connector `acme` and its session in one. `answers` are used up in turn; the last one stays."""

    session_id = "s"
    durable = True

    def __init__(self) -> None:
        super().__init__()
        self.commands: list[Command] = []
        self.answers: list[Answer] = [self.written]
        self.refusal: CommandFailure | None = None
        self.begins = True

    def is_here(self, wanted: ConnectorId) -> bool:
        return True

    def company(self, connector: ConnectorId, company: str, operation: str) -> str:
        return "main"

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        if self.refusal is not None:
            raise self.refusal
        return cast(LiveSession, self), "main"

    def acknowledge(self, company: str, idempotency_key: str) -> bool:
        return True

    async def call(self, command: Command, request: bytes, *, watch: Any, **how: Any) -> bytes:
        self.commands.append(command)
        if self.begins:
            watch(Noticed((command.command_id,), begun=True))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(command)

    def written(self, command: Command) -> bytes:
        return CreateCustomerResponse(
            customer=CustomerMatch(id="7", code="A", created=True)
        ).SerializeToString()


def fails(failure: Exception) -> Answer:
    def answer(command: Command) -> bytes:
        raise failure

    return answer


class Scene:
    """A site, and the writes to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.site = Site()
        self.now = 1000.0
        self.writes = Writes(self.site, store, clock=lambda: self.now)

    async def record(
        self, key: str = "k", name: str = "A", expire_after: float = 100, traceparent: str = ""
    ) -> str:
        request = CreateCustomerRequest(customer=CustomerDraft(name=name))
        call = Call(
            operation=CREATE,
            connector="acme",
            company="-",
            request=request.SerializeToString(),
            timeout=0.0,
            caller=LOCAL,
            idempotency_key=key,
            expire_after=expire_after,
            traceparent=traceparent,
        )
        return (await self.writes.record(call)).id

    async def settle(self) -> None:
        """Let the lane work until nothing is due."""
        self.writes.dispatcher.wake(Lane(ConnectorId("default", "acme"), "main"))
        for task in list(self.writes.dispatcher._lanes.values()):
            await task
        while self.writes.dispatcher._chores:
            await asyncio.wait(self.writes.dispatcher._chores)

    async def command(self, command_id: str) -> CommandRecord:
        return await self.writes.get(LOCAL.tenant, command_id)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    store = await Store.open("sqlite://", Keyring({"k": b"1" * 32}))
    yield Scene(store)
    await store.close()


async def test_the_site_is_told_how_long_the_write_may_wait(scene: Scene) -> None:
    await scene.record(expire_after=100)
    scene.now += 40
    await scene.settle()
    [sent] = scene.site.commands
    assert sent.timeout.ToTimedelta().total_seconds() == 60
    assert (sent.company, sent.idempotency_key) == ("main", "k")


async def test_a_lost_session_is_asked_again_at_once_under_the_same_id(scene: Scene) -> None:
    scene.site.answers = [fails(SessionLost("Lost.")), scene.site.written]
    command_id = await scene.record()
    await scene.settle()
    assert [command.command_id for command in scene.site.commands] == [command_id] * 2
    assert (await scene.command(command_id)).state is State.SUCCEEDED


async def test_each_attempt_belongs_to_the_trace_of_the_request_that_recorded_the_write(
    scene: Scene,
) -> None:
    scene.site.answers = [fails(SessionLost("Lost.")), scene.site.written]
    await scene.record("1", traceparent="first")
    await scene.record("1", traceparent="came again")
    await scene.settle()
    assert [command.traceparent for command in scene.site.commands] == ["first"] * 2
    await scene.record("2")
    await scene.settle()
    assert scene.site.commands[-1].traceparent == ""
    assert scene.writes.dispatcher._traces == {}


async def test_only_the_newest_traces_are_remembered(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "_MOST_TRACES", 2)
    for name in ("1", "2", "3"):
        scene.writes.dispatcher.remember_trace(name, f"trace {name}")
    assert scene.writes.dispatcher._traces == {"2": "trace 2", "3": "trace 3"}


async def test_what_did_not_leave_the_hub_is_not_in_doubt(scene: Scene) -> None:
    scene.site.answers = [fails(Offline("The connector is leaving.", retry_after=1.0))]
    command_id = await scene.record()
    await scene.settle()
    assert (await scene.command(command_id)).state is State.RECORDED


async def test_in_doubt_an_expiry_at_the_site_proves_nothing(scene: Scene) -> None:
    scene.site.answers = [fails(SessionLost("Lost.")), fails(Expired("Not begun."))]
    command_id = await scene.record()
    await scene.settle()
    scene.now += 200
    await scene.settle()
    unknown = await scene.command(command_id)
    assert unknown.state is State.UNKNOWN
    with pytest.raises(UnknownOutcome, match=f"mostek commands resolve {command_id}"):
        await scene.writes.end_of(unknown)


async def test_in_doubt_a_connector_that_did_not_ask_its_plugin_proves_nothing(
    scene: Scene,
) -> None:
    scene.site.answers = [fails(SessionLost("Lost.")), fails(NotFound("No such company."))]
    command_id = await scene.record()
    scene.site.begins = False
    await scene.settle()
    assert (await scene.command(command_id)).state is State.IN_DOUBT
    scene.site.begins = True
    scene.now += 50
    await scene.settle()
    assert (await scene.command(command_id)).state is State.FAILED


async def test_a_write_that_is_not_served_now_holds_up_no_other(scene: Scene) -> None:
    first = await scene.record("1")
    scene.site.refusal = Unsupported("Not served.")
    await scene.settle()
    scene.site.refusal = None
    second = await scene.record("2", "B")
    await scene.settle()
    assert (await scene.command(first)).state is State.RECORDED
    assert (await scene.command(second)).state is State.SUCCEEDED
    assert "Not served." in [event.detail for event in await scene.writes.timeline(first)]


async def test_a_write_whose_key_was_lost_holds_up_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.site.refusal = Offline("Away.")
    first, second = await scene.record("1"), await scene.record("2", "B")
    await scene.settle()
    scene.site.refusal = None
    read = scene.store.request

    async def request(command_id: str) -> bytes | None:
        if command_id == first:
            raise KeyFileError(
                "A stored value needs the key 'k0'; put it back into the file of keys."
            )
        return await read(command_id)

    monkeypatch.setattr(scene.store, "request", request)
    monkeypatch.setattr(dispatcher, "_PAUSE", 0.0)
    await scene.settle()
    assert (await scene.command(second)).state is State.SUCCEEDED
    assert (await scene.command(first)).state is State.RECORDED
    assert "put it back" in (await scene.writes.timeline(first))[-1].detail
    monkeypatch.setattr(scene.store, "request", read)
    scene.now += 60
    await scene.settle()
    assert (await scene.command(first)).state is State.SUCCEEDED


async def test_what_is_not_kept_any_more_is_never_sent_empty(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def request(command_id: str) -> bytes | None:
        return None

    monkeypatch.setattr(scene.store, "request", request)
    await scene.record()
    await scene.settle()
    assert not scene.site.commands


async def test_one_that_fails_is_tried_later_and_the_next_goes_first(scene: Scene) -> None:
    scene.site.answers = [fails(Locked("Busy.")), scene.site.written]
    first, second = await scene.record("1"), await scene.record("2", "B")
    await scene.settle()
    assert (await scene.command(first)).state is State.RECORDED
    assert (await scene.command(second)).state is State.SUCCEEDED
    scene.now += 1
    await scene.settle()
    assert (await scene.command(first)).state is State.SUCCEEDED


async def test_an_erp_that_is_away_is_not_asked_with_each_write_that_waits(scene: Scene) -> None:
    scene.site.answers = [fails(ErpUnavailable("Gone.", retriable=True))]
    ids = [await scene.record(str(n), f"C{n}", 5000) for n in range(20)]
    await scene.settle()
    assert len(scene.site.commands) == 1
    for _ in range(120):
        scene.now += 5
        await scene.settle()
    # Waits that double up to a minute.
    assert len(scene.site.commands) < 20
    scene.site.answers = [scene.site.written]
    scene.now += 60
    await scene.settle()
    scene.now += 60
    await scene.settle()
    assert {(await scene.command(name)).state for name in ids} == {State.SUCCEEDED}


async def test_a_connector_that_comes_anew_is_asked_at_once(scene: Scene) -> None:
    scene.site.answers = [fails(ErpUnavailable("Gone.", retriable=True)), scene.site.written]
    await scene.record("1")
    second = await scene.record("2", "B")
    await scene.settle()
    assert (await scene.command(second)).state is State.RECORDED
    scene.writes.dispatcher._connector_came(
        cast(LiveSession, _Arrival(ConnectorId("default", "acme"), Status()))
    )
    await scene.settle()
    assert (await scene.command(second)).state is State.SUCCEEDED


async def test_an_end_that_could_not_be_stored_is_asked_for_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mostek.hub.dispatcher._PAUSE", 0.0)
    move, failures = scene.store.move, [StoreError("gone")]

    async def breaks(*args: Any, **how: Any) -> CommandRecord:
        if how.get("outcome") and failures:
            raise failures.pop()
        return await move(*args, **how)

    monkeypatch.setattr(scene.store, "move", breaks)
    command_id = await scene.record()
    await scene.settle()
    assert (await scene.command(command_id)).state is State.SENT
    await scene.writes.dispatcher._take_up()
    await scene.settle()
    assert (await scene.command(command_id)).state is State.SUCCEEDED
    assert len(scene.site.commands) == 2


async def test_a_chore_that_a_stop_catches_before_it_begins_leaves_nothing(scene: Scene) -> None:
    begun: list[str] = []

    async def work(name: str) -> None:
        begun.append(name)

    await scene.writes.dispatcher.start()
    scene.writes.dispatcher._chore(work, "late")
    # What is left is told as an error: a coroutine that nobody awaited.
    await scene.writes.dispatcher.stop()
    gc.collect()
    assert begun == []


async def test_what_moved_on_meanwhile_does_not_keep_others_from_being_taken_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = await scene.record("1")
    await scene.settle()
    scene.site.refusal = Offline("Away.")
    left = await scene.command(await scene.record("2", "B"))
    left = await scene.store.move(left, commands.sent(left.progress), [])
    as_read = await scene.command(ended)
    as_read = as_read.with_progress(replace(as_read.progress, state=State.SENT))

    async def interrupted(here: str) -> list[CommandRecord]:
        return [as_read, left]

    monkeypatch.setattr(scene.store, "interrupted", interrupted)
    await scene.writes.dispatcher._take_up()
    assert (await scene.command(ended)).state is State.SUCCEEDED
    assert (await scene.command(left.id)).state is State.IN_DOUBT


async def test_what_is_under_way_is_not_taken_for_lost(scene: Scene) -> None:
    running, gate = asyncio.Event(), asyncio.Event()

    async def slow(command: Command, request: bytes, **how: Any) -> bytes:
        running.set()
        await gate.wait()
        return scene.site.written(command)

    scene.site.call = slow  # type: ignore[method-assign]
    command_id = await scene.record()
    await running.wait()
    await scene.writes.dispatcher._take_up()
    assert (await scene.command(command_id)).state is State.SENT
    gate.set()
    await scene.settle()
    assert (await scene.command(command_id)).state is State.SUCCEEDED


async def test_a_purged_outcome_still_names_what_was_written(scene: Scene) -> None:
    command_id = await scene.record()
    await scene.settle()
    await scene.store.purge(scene.now + 1)
    written = await scene.writes.end_of(await scene.command(command_id))
    response = CreateCustomerResponse.FromString(written.response)
    assert response == CreateCustomerResponse(customer=CustomerMatch(id="7", code="A"))
    with pytest.raises(Rejected):
        await scene.writes.retry(LOCAL.tenant, command_id)


async def test_a_purge_that_takes_long_keeps_no_command_from_running_out_of_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    purging, over = asyncio.Event(), asyncio.Event()

    async def purge(before: float) -> int:
        purging.set()
        await over.wait()
        return 0

    monkeypatch.setattr(scene.store, "purge", purge)
    monkeypatch.setattr(dispatcher, "LOOK_EVERY", 0.01)
    scene.site.refusal = Offline("Gone.")
    command_id = await scene.record(expire_after=10)
    await scene.settle()
    await scene.writes.dispatcher.start()
    async with asyncio.timeout(5):
        await purging.wait()
        await asyncio.gather(*scene.writes.dispatcher._lanes.values())
        scene.now += 20
        ended = await scene.writes.wait(LOCAL.tenant, command_id, 5)
    assert ended.state is State.EXPIRED
    over.set()
    await scene.writes.dispatcher.stop()


async def test_connectors_that_come_all_the_time_do_not_have_the_database_asked_all_the_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def due_lanes(now: float) -> set[Lane]:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.03)
        return set()

    monkeypatch.setattr(scene.store, "due_lanes", due_lanes)
    began = asyncio.get_running_loop().time()
    await scene.writes.dispatcher.start()
    for _ in range(100):
        scene.writes.dispatcher._came.set()
        await asyncio.sleep(0.005)
    # A fifth of the time.
    assert looks <= 1 + (asyncio.get_running_loop().time() - began) / (5 * 0.03)
    await scene.writes.dispatcher.stop()


async def test_a_caller_that_can_not_wait_is_told_which_command_goes_on(scene: Scene) -> None:
    scene.site.refusal = Offline("Away.")
    command_id = await scene.record()
    with pytest.raises(StillRunning) as running:
        await scene.writes.end_of(await scene.writes.wait(LOCAL.tenant, command_id, 0.0))
    assert running.value.command_id == command_id


@dataclass
class _Arrival:
    """A session that was just opened."""

    connector: ConnectorId
    status: Status
    durable: bool = True


async def test_what_a_crowd_serves_is_saved_together(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = scene.store.save_connectors

    async def counted(statuses: Mapping[ConnectorId, bytes], at: float) -> None:
        saved.append(len(statuses))
        await save(statuses, at)

    monkeypatch.setattr(scene.store, "save_connectors", counted)
    await scene.writes.dispatcher.start()
    try:
        for number in range(100):
            arrival = _Arrival(ConnectorId("default", f"c{number}"), Status(configuration="1"))
            for listener in scene.site.listeners:
                listener(cast(LiveSession, arrival))
        while scene.writes.dispatcher._chores:
            await asyncio.wait(scene.writes.dispatcher._chores)
    finally:
        await scene.writes.dispatcher.stop()
    assert saved == [100]
    assert len(await scene.store.connectors()) == 100


async def test_a_site_that_says_without_end_what_it_serves_keeps_the_database_from_nobody(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: Counter[str] = Counter()
    for name in ("save_connectors", "due_lanes"):
        real = getattr(scene.store, name)

        async def counted(*args: Any, name: str = name, real: Any = real) -> Any:
            asked[name] += 1
            return await real(*args)

        monkeypatch.setattr(scene.store, name, counted)
    await scene.writes.dispatcher.start()
    try:
        for number in range(200):
            arrival = _Arrival(ConnectorId("default", "c"), Status(configuration=str(number)))
            for listener in scene.site.listeners:
                listener(cast(LiveSession, arrival))
            await asyncio.sleep(0.002)
    finally:
        await scene.writes.dispatcher.stop()
    assert asked["save_connectors"] <= 2
    assert asked["due_lanes"] <= 8
    [(_, status, _)] = await scene.store.connectors()
    # The last one is kept all the same.
    assert Status.FromString(status).configuration == "199"


async def test_what_a_connector_serves_is_saved_at_once_when_it_comes_for_the_first_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub may be killed in the next moment, and its successor is asked for writes to it."""
    monkeypatch.setattr("mostek.hub.dispatcher._SAVINGS_APART", 60.0)
    await scene.writes.dispatcher.start()
    try:
        for number in range(3):
            arrival = _Arrival(ConnectorId("default", f"c{number}"), Status(configuration="1"))
            for listener in scene.site.listeners:
                listener(cast(LiveSession, arrival))
            async with asyncio.timeout(10):
                while len(await scene.store.connectors()) <= number:  # noqa: ASYNC110 - the store tells nobody
                    await asyncio.sleep(0.005)
    finally:
        await scene.writes.dispatcher.stop()


def test_a_connector_that_begins_a_write_again_and_again_fills_no_timeline() -> None:
    attempt = Attempt(cast(CommandRecord, None), cast(LiveSession, None))
    for _ in range(100):
        attempt.notice(Noticed(("1",), begun=True), now=1.0)
    assert [event.name for event in attempt.events] == ["accepted", "started"]
