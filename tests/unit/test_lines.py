"""Both sides' rules over a modelled line, in virtual time: what a slow, a long and a fast one make of calls.

The line is the worst there is: it queues without bound and the senders push into it whatever the rules let out, so that
only the rules keep the queue short.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from google.protobuf.message import Message

from mostek.link.v1.link_pb2 import Command, Hello
from mostek.wire.session import (
    REQUEST_CREDIT,
    Budget,
    CancelAsked,
    ConnectorSession,
    Finished,
    HubSession,
    SessionSettings,
    Started,
)

SETTINGS = SessionSettings()
PART = SETTINGS.part_size
PAGE = 1024 * 1024
#: Bytes around a frame: HTTP/2, TLS, TCP, IP.
OVERHEAD = 120


@dataclass
class Way:
    """One direction: bytes leave one after the other at `rate` a second and arrive `delay` seconds later."""

    rate: float
    delay: float
    free_at: float = 0.0

    def arrival(self, frame: Message, now: float) -> float:
        self.free_at = max(self.free_at, now) + (frame.ByteSize() + OVERHEAD) / self.rate
        return self.free_at + self.delay


@dataclass
class Call:
    """A command, its answer's size in bytes, and how long it took."""

    request: bytes
    answer: int
    sent_at: float
    then: Callable[[], None] | None = None
    took: float | None = None


@dataclass
class Site:
    """A hub and a connector, a line of `bits` a second with `round_trip` seconds between them, and a clock."""

    bits: float
    round_trip: float
    settings: SessionSettings = SETTINGS
    thinks: float = 0.01
    now: float = 0.0
    calls: dict[str, Call] = field(default_factory=dict)
    trips: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        hello = Hello(
            revision=1, connector="a", instance="i", slots=64, capabilities=[REQUEST_CREDIT]
        )
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._up = Way(self.bits / 8, self.round_trip / 2)
        self._down = Way(self.bits / 8, self.round_trip / 2)
        self.hub = HubSession("s", self.settings, Budget(10**9), 0.0)
        self.connector = ConnectorSession(hello, 0.0)
        self._carry()
        self._tick()
        self.run(2 * self.round_trip + 0.5)

    def at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._order), event))

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, event = heapq.heappop(self._events)
            event()
            self._carry()
        self.now = end

    def call(
        self, answer: int = 200, request: bytes = b"", then: Callable[[], None] | None = None
    ) -> str:
        """Send a command now; its id."""
        command_id = str(len(self.calls))
        self.calls[command_id] = Call(request, answer, self.now, then)
        command = Command(command_id=command_id, operation="ListCustomers")
        self.hub.send(command, request, self.now)
        self._carry()
        return command_id

    def export(self) -> None:
        """Page after page, for ever."""
        self.call(answer=PAGE, then=self.export)

    def cancel(self, command_id: str) -> None:
        self.hub.cancel(command_id)
        self._carry()

    def took(self, command_id: str) -> float:
        """Seconds that a call took. Fails if it is not over."""
        took = self.calls[command_id].took
        assert took is not None, "the call is not over"
        return took

    def small_calls(self, count: int = 20, *, every: float = 0.77) -> list[float]:
        """How long small calls take that are made one by one."""
        ids = []
        for _ in range(count):
            ids.append(self.call())
            self.run(every)
        self.run(5)
        return [self.took(command_id) for command_id in ids]

    def rate_of(self, seconds: float) -> float:
        """Payload bytes a second that reach the hub meanwhile, as a share of what the line carries."""
        before = self.hub._window.received
        self.run(seconds)
        return (self.hub._window.received - before) / seconds / (self.bits / 8)

    def _carry(self) -> None:
        while (down := self.hub.outbox.next()) is not None:
            arrives = self._down.arrival(down, self.now)
            self.at(arrives, lambda f=down: self._at_connector(f))  # type: ignore[misc]
        while (up := self.connector.outbox.next()) is not None:
            self.at(self._up.arrival(up, self.now), lambda f=up: self._at_hub(f))  # type: ignore[misc]

    def _at_connector(self, frame: object) -> None:
        match self.connector.receive(frame, self.now):  # type: ignore[arg-type]
            case Started(command, request):
                call = self.calls[command.command_id]
                assert request == call.request
                cid, answer = command.command_id, bytes(call.answer)
                self.at(self.now + self.thinks, lambda: self.connector.finish(cid, answer))
            case CancelAsked():
                pass

    def _at_hub(self, frame: object) -> None:
        match self.hub.receive(frame, self.now):  # type: ignore[arg-type]
            case Finished(command_id, held=held):
                self.hub.share.give(held)
                call = self.calls[command_id]
                call.took = self.now - call.sent_at
                if call.then:
                    call.then()

    def _tick(self) -> None:
        self.hub.tick(self.now)
        self.connector.tick(self.now)
        self.trips.append(self.hub.round_trip)
        self.at(self.now + 0.5, self._tick)


def bound(site: Site) -> float:
    """Seconds that a small frame may take there and back whatever else is under way: its round trip, the window that
    queues before it at worst (two round trips, or one and 0.1 s) and four parts. On average it is a round trip less."""
    trip = site.round_trip
    return trip + max(2 * trip, trip + 0.1) + 4 * (PART + OVERHEAD) / (site.bits / 8)


SLOW = [(1e6, 0.3), (1e6, 0.02), (256e3, 0.3), (10e6, 0.3), (2e6, 0.6)]


@pytest.mark.parametrize("exports", [1, 8])
@pytest.mark.parametrize(("bits", "round_trip"), SLOW)
def test_a_small_call_is_quick_beside_exports(bits: float, round_trip: float, exports: int) -> None:
    site = Site(bits, round_trip)
    for _ in range(exports):
        site.export()
    site.run(3)
    assert max(site.small_calls()) < bound(site)


@pytest.mark.parametrize("exports", [1, 8])
@pytest.mark.parametrize(("bits", "round_trip"), SLOW)
def test_a_heartbeat_is_quick_beside_exports(bits: float, round_trip: float, exports: int) -> None:
    site = Site(bits, round_trip)
    for _ in range(exports):
        site.export()
    site.run(100)
    assert len(set(site.trips)) > 5
    assert max(site.trips) < bound(site)


@pytest.mark.parametrize(("bits", "round_trip"), SLOW)
def test_a_cancelled_export_gives_its_slot_back_soon_and_stops_sending(
    bits: float, round_trip: float
) -> None:
    site = Site(bits, round_trip)
    page = site.call(answer=PAGE)
    site.run(1.5)
    assert site.hub.outstanding == [page]
    site.cancel(page)
    received = site.hub._window.received
    site.run(bound(site))
    assert site.hub.outstanding == []
    site.run(30)
    assert site.hub._window.received - received < bound(site) * bits / 8


@pytest.mark.parametrize(("bits", "round_trip"), SLOW)
def test_a_small_call_is_quick_beside_large_requests(bits: float, round_trip: float) -> None:
    site = Site(bits, round_trip)

    def upload() -> None:
        site.call(request=bytes(PAGE), then=upload)

    for _ in range(8):
        upload()
    site.run(3)
    assert max(site.small_calls()) < bound(site)
    assert not site.hub.suspect


@pytest.mark.parametrize(
    ("bits", "round_trip", "share"),
    [
        (1e6, 0.3, 0.9),
        (1e6, 0.02, 0.9),
        (256e3, 0.3, 0.9),
        (10e6, 0.3, 0.9),
        (100e6, 0.3, 0.8),
        (100e6, 0.02, 0.9),
        (1e9, 0.001, 0.9),
    ],
)
def test_exports_fill_the_line(bits: float, round_trip: float, share: float) -> None:
    site = Site(bits, round_trip)
    for _ in range(32):
        site.export()
    site.run(8)
    assert site.rate_of(min(20.0, 3e8 / bits)) > share


def test_one_export_on_a_fast_long_line_waits_for_nothing_but_the_round_trips() -> None:
    site = Site(100e6, 0.3)
    site.export()
    site.run(10)
    # A page, and the way there and back until the next one is asked for.
    alone = PAGE / (PAGE / (100e6 / 8) + 0.3 + site.thinks) / (100e6 / 8)
    assert site.rate_of(20) > 0.9 * alone
