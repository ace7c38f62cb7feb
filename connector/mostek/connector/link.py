"""The connector's end of the link: dials the hub, keeps a session open, comes back when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc
import structlog

from mostek.connector import metrics
from mostek.connector.journal import Journal
from mostek.connector.probe import why_no_tunnel
from mostek.connector.proxy import channel_options, explained, proxy_for, shown
from mostek.connector.runner import Runner
from mostek.link.v1.link_pb2 import (
    ConnectorToHub,
    Goodbye,
    GoodbyeReason,
    Hello,
    HubToConnector,
    JournalHead,
    Status,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.crash import crash_point
from mostek.wire.failures import CommandFailure
from mostek.wire.session import (
    Acknowledged,
    CancelAsked,
    ConnectorSession,
    Left,
    ProtocolError,
    RoundTrip,
    Started,
    Welcomed,
    reason_of,
)
from mostek.wire.spans import seconds_of

__all__ = ["Backoff", "Link", "Session"]

log = structlog.get_logger()

_OPTIONS = (
    # A channel of its own has a connection of its own, so that a new session does not ride on a dying one.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_receive_message_length", 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 1000),
)

if TYPE_CHECKING:
    Call = grpc.aio.StreamStreamCall[ConnectorToHub, HubToConnector]

#: A session that was not welcomed within this many seconds is given up.
WELCOME_WITHIN = 15.0
#: Seconds that a frame may take to be sent.
SEND_WITHIN = 30.0
#: Seconds that the hub may keep the connector away, and that it has to close a stream on which it broke the protocol.
LONGEST_AWAY = 300.0
CLOSED_WITHIN = 2.0
#: Between looks at liveness and unaccepted commands.
TICK = 0.5


#: Seconds of the window at which a back-off rests, and how often.
RESTS_AT = 4.0
RESTS = 15


def _channel(
    address: str, options: Sequence[tuple[str, Any]], credentials: grpc.ChannelCredentials | None
) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, credentials, options=options)


class Backoff:
    """How long to wait before dialling again: a random moment of a window that doubles from 1 s to 45 s.

    It rests at 4 s for half a minute: a hub that is being restarted is back by then, and its callers wait.
    A hub that comes back has everybody again within a minute: the last of many dials when its window ends, and what is
    left of the minute is for the dialling.
    """

    def __init__(self, *, longest: float = 45.0, draw: Callable[[], float] = random.random) -> None:
        self._longest = longest
        self._draw = draw
        self._window = 1.0
        self._rests = RESTS

    def next(self) -> float:
        """Seconds to wait now; the next window is twice as long, but for the rest."""
        wait = self._window * self._draw()
        if self._window == RESTS_AT and self._rests:
            self._rests -= 1
        else:
            self._window = min(2 * self._window, self._longest)
        return wait

    def reset(self) -> None:
        """A session was welcomed: begin again with the shortest window."""
        self._window = 1.0
        self._rests = RESTS


class Session:
    """One stream: sends what the rules let out, runs the commands that come in."""

    def __init__(
        self,
        address: str,
        proxy: str,
        hello: Hello,
        runner: Runner,
        journal: Journal,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._journal = journal
        self.rules = ConnectorSession(hello, time.monotonic(), self._head)
        self.welcomed = False
        #: One side broke the protocol: coming back at once would only break it again.
        self.broken = False
        #: It is known whether the session was welcomed: it was, or it is over.
        self.answered = asyncio.Event()
        self._credentials = credentials
        #: No new commands will come: said goodbye to, or over.
        self.leaving = asyncio.Event()
        self.reconnect_after: float | None = None
        self._address = address
        self._proxy = proxy
        self._runner = runner
        self._wake = asyncio.Event()
        self._call: Call | None = None
        self._flushing = False
        #: Whoever puts something into the outbox sends it himself.
        self._answering = False
        self._sending_since: float | None = None
        self._commands: set[asyncio.Task[None]] = set()
        self._looking_up: asyncio.Task[None] | None = None
        self.rules.outbox.wake = self._sendable

    async def run(self) -> None:
        """Until the stream ends. Never raises but for cancellation: how it ended is logged."""
        try:
            options = (*_OPTIONS, *channel_options(self._address, self._proxy))
        except ValueError as error:
            log.error("connection to the hub failed", hub=self._address, reason=str(error))
            self.leaving.set()
            self.answered.set()
            return
        channel = _channel(self._address, options, self._credentials)
        try:
            await self._stream(channel)
        except grpc.aio.AioRpcError as error:
            await self._failed(explained(error.details() or error.code().name))
        except ProtocolError as fault:
            log.error("the hub broke the protocol", hub=self._address, fault=str(fault))
        except TimeoutError:
            if self.welcomed:
                log.warning(
                    "the hub does not answer", hub=self._address, session_id=self.rules.session_id
                )
            else:
                await self._failed("The hub does not answer.")
        except Exception:
            log.exception("the session failed", hub=self._address)
        finally:
            metrics.left(self.rules, time.monotonic(), was_welcomed=self.welcomed)
            self.leaving.set()
            self.answered.set()
            for command_id in self.rules.running:
                self._runner.abandon(command_id)
            if self._looking_up is not None:
                # A link that flaps would have more looked up than there is time for.
                self._looking_up.cancel()
            await channel.close()

    async def _failed(self, reason: str) -> None:
        """Tell why: where a proxy stands between and let nothing through, in words about the proxy."""
        proxy = proxy_for(self._address, self._proxy)
        if proxy and not self.welcomed:
            why = await why_no_tunnel(proxy, self._address, self._proxy)
            reason = why or f"{reason} (through the proxy {shown(proxy)})"
        log.warning("connection to the hub failed", hub=self._address, reason=reason)

    async def _stream(self, channel: grpc.aio.Channel) -> None:
        call = LinkServiceStub(channel).Connect()
        reading = asyncio.create_task(self._read(call), name="read link")
        writing = asyncio.create_task(self._write(call), name="write link")
        ticking = asyncio.create_task(self._tick(), name="tick link")
        tasks = (reading, writing, ticking)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if writing in done and not writing.cancelled() and writing.exception() is None:
                # All is said; the hub closes the stream.
                done, _ = await asyncio.wait(
                    (reading, ticking), return_when=asyncio.FIRST_COMPLETED
                )
            for task in done:
                # A stream that the hub cancelled ends the reading task as if it were cancelled.
                if not task.cancelled():
                    task.result()
        finally:
            # The call first, so that its read ends by itself: grpc.aio loses the memory of one whose task is cancelled
            # (ADR 10).
            call.cancel()
            writing.cancel()
            ticking.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, call: Call) -> None:
        try:
            async for frame in call:
                if frame is None:
                    # What gRPC gives for a message that it can't parse.
                    raise ProtocolError("bytes that are no frame")
                self._take(frame)
        except ProtocolError as fault:
            await self._refuse(call, fault)
            raise

    async def _refuse(self, call: Call, fault: ProtocolError) -> None:
        """Tell the hub what it did wrong, and let it close: what a cancelled stream has not sent yet is lost."""
        self.broken = True
        self.rules.goodbye(GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR, str(fault))
        with contextlib.suppress(TimeoutError, grpc.aio.AioRpcError, asyncio.InvalidStateError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await self._flush()
                await call.done_writing()
                async for _ in call:
                    continue

    async def _write(self, call: Call) -> None:
        """Send what nobody else sends, until all is said."""
        self._call = call
        while True:
            self._wake.clear()
            await self._flush()
            if self.rules.said_goodbye and self.rules.idle and not self._flushing:
                break
            await self._wake.wait()
        await call.done_writing()

    def _sendable(self) -> None:
        if not self._answering:
            self._wake.set()

    async def _flush(self) -> None:
        """Send all that is sendable, unless somebody is at it: whoever has an answer sends it without a detour."""
        if self._flushing or self._call is None:
            return
        self._flushing = True
        try:
            while (frame := self.rules.outbox.next()) is not None:
                self._sending_since = time.monotonic()
                await self._call.write(frame)
                if frame.HasField("result"):
                    crash_point("connector-answered")
        except asyncio.InvalidStateError:
            # What comes after the goodbye to a hub that broke the protocol, such as a command's end, is for nobody.
            if not self.broken:
                raise
        finally:
            self._flushing = False
            self._sending_since = None

    async def _tick(self) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(TICK)
            now = time.monotonic()
            self.rules.tick(now)
            if self.welcomed:
                self._runner.tick()
            silent = not self.welcomed and now - began > WELCOME_WITHIN
            sending = self._sending_since
            stuck = sending is not None and now - sending > SEND_WITHIN
            if silent or stuck or self.rules.is_dead(now):
                raise TimeoutError

    def _take(self, frame: HubToConnector) -> None:
        match self.rules.receive(frame, time.monotonic()):
            case Started(command, request):
                begun = partial(self.rules.begin, command.command_id)
                answer = partial(self._answer, time.monotonic())
                fit = partial(self.rules.fitted, command.command_id)
                session = self.rules.session_id
                self._start(self._runner.run(command, request, answer, begun, fit, session))
            case Acknowledged(company, key):
                self._start(self._runner.acknowledge(company, key))
            case CancelAsked(command_id):
                self._runner.cancel(command_id)
            case Welcomed(welcome):
                self.welcomed = True
                metrics.welcomed()
                self.answered.set()
                if welcome.HasField("journal"):
                    self._looking_up = self._start(self._look_up(welcome.journal.number))
                proxy = shown(proxy_for(self._address, self._proxy)) or None
                log.info(
                    "connected",
                    hub=self._address,
                    session_id=welcome.session_id,
                    proxy=proxy,
                )
            case RoundTrip() as round_trip:
                metrics.beaten(round_trip)
            case Left(goodbye):
                self._left(goodbye)

    def _head(self) -> JournalHead:
        head = self._journal.head
        return JournalHead(number=head.number, hash=head.hash)

    async def _look_up(self, number: int) -> None:
        """Tell what the entry that the hub knows is on disk now."""
        self.rules.tell_known(await self._journal.known(number) or b"", time.monotonic())

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)
        return task

    async def _answer(self, started: float, command_id: str, end: bytes | CommandFailure) -> None:
        self._answering = True
        self.rules.finish(command_id, end, time.monotonic() - started)
        self._answering = False
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # That the stream is over is seen by those who read and write it.
            await self._flush()
        if self.rules.said_goodbye:
            # The writer ends the stream when all is sent.
            self._wake.set()

    def _left(self, goodbye: Goodbye) -> None:
        refused = goodbye.reason == GoodbyeReason.GOODBYE_REASON_REFUSED
        (log.error if refused else log.info)(
            "the hub says goodbye", reason=reason_of(goodbye.reason), why=goodbye.message
        )
        self.broken = goodbye.reason == GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR
        if goodbye.HasField("reconnect_after"):
            self.reconnect_after = min(seconds_of(goodbye.reconnect_after), LONGEST_AWAY)
        # Answered in kind: the stream ends when the running commands have.
        self.goodbye()

    def goodbye(self) -> None:
        """Say that no new commands are wanted here: running ones finish, then the stream ends."""
        self.rules.goodbye(
            GoodbyeReason.GOODBYE_REASON_STOPPING, "The connector leaves this session."
        )
        self.leaving.set()

    def status(self, status: Status) -> None:
        """Tell the hub what is served now."""
        if self.welcomed and not self.rules.leaving:
            self.rules.status(status)


class Link:
    """Keeps a session open as long as `run` runs. A new one is opened while an old one still finishes its commands."""

    def __init__(
        self,
        address: str,
        hello: Callable[[], Hello],
        runner: Runner,
        journal: Journal,
        *,
        proxy: str = "",
        backoff: Backoff | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        self._address = address
        self._proxy = proxy
        self._credentials = credentials
        self._current: Session | None = None
        self._moved = asyncio.Event()
        self._hello = hello
        self._runner = runner
        self._journal = journal
        self._backoff = backoff or Backoff()
        self._sessions: dict[asyncio.Task[None], Session] = {}

    async def run(self) -> None:
        """Dial, and dial again whenever a session leaves; until cancelled."""
        self._current = self._open(self._credentials)
        while True:
            session = self._current
            await session.leaving.wait()
            if session.welcomed and not session.broken:
                self._backoff.reset()
            wait = self._backoff.next()
            if session.reconnect_after is not None:
                wait = session.reconnect_after * random.uniform(0.5, 1.5)  # noqa: S311 - spreads reconnections
            await self._rest(session, wait)
            if session is self._current:
                self._current = self._open(self._credentials)

    async def _rest(self, session: Session, wait: float) -> None:
        """Wait, unless another session has taken over or does so meanwhile."""
        self._moved.clear()
        if session is self._current:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._moved.wait()

    async def move(self, credentials: grpc.ChannelCredentials) -> bool:
        """Open a session with other credentials before the one before leaves; whether the hub welcomed it.

        If not, all stays as it was.
        """
        session = self._open(credentials)
        await session.answered.wait()
        if not session.welcomed:
            return False
        before, self._current, self._credentials = self._current, session, credentials
        if before is not None:
            before.goodbye()
        self._moved.set()
        return True

    def _open(self, credentials: grpc.ChannelCredentials | None) -> Session:
        session = Session(
            self._address, self._proxy, self._hello(), self._runner, self._journal, credentials
        )
        task = asyncio.create_task(session.run(), name="session")
        self._sessions[task] = session
        task.add_done_callback(self._sessions.pop)
        return session

    @property
    def connected(self) -> bool:
        """Whether there is a session that the hub has welcomed and that takes commands."""
        return any(one.welcomed and not one.leaving.is_set() for one in self._sessions.values())

    def status(self, status: Status) -> None:
        """Tell the hub what is served now."""
        for session in self._sessions.values():
            session.status(status)

    async def stop(self, grace: float) -> None:
        """Say goodbye, let running commands finish for `grace` seconds, close."""
        for session in self._sessions.values():
            session.goodbye()
        tasks = list(self._sessions)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
