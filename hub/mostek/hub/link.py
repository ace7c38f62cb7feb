"""The link's port: streams of connectors become sessions in the registry."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc.aio import ServicerContext

from mostek.hub import metrics
from mostek.hub.identity import LOCAL
from mostek.hub.journals import Journals
from mostek.hub.pki.tls import Tls
from mostek.hub.pki.trust import Refused, Stale
from mostek.hub.registry import Registry
from mostek.hub.replica import Alone, Replica
from mostek.hub.session import LiveSession
from mostek.hub.store import CertificateRecord
from mostek.link.v1.link_pb2 import ConnectorToHub, GoodbyeReason, Hello, HubToConnector
from mostek.link.v1.link_pb2_grpc import LinkServiceServicer
from mostek.wire.names import NAME
from mostek.wire.session import (
    Budget,
    HubSession,
    Journaled,
    Left,
    Opened,
    ProtocolError,
    RoundTrip,
    SessionSettings,
    StatusChanged,
    reason_of,
)

__all__ = ["Link"]

log = structlog.get_logger()

#: A stream that said no Hello within this many seconds is closed.
HELLO_WITHIN = 10.0
#: Seconds that gRPC has to tell that a connector is gone, once its frames have ended without a goodbye.
CANCELLED_WITHIN = 1.0
#: Seconds that the older one of two processes of an instance has to answer, and between looks whether it did.
PROBE_WITHIN = 3.0
_LOOK_EVERY = 0.05
#: Seconds after which a process that was refused may ask again.
_REFUSED_FOR = 60.0
_STOPPING = "The hub is stopping."
_MOVE = "Other replicas of the hub have fewer connectors: come again."
_CROWDED = (
    "This connector has as many instances as the hub takes: stop those that are not needed, or give this one a name of "
    "its own in `connector.name`."
)
_COPY = (
    "Another process of this instance is connected and answers. Most likely this machine, or the connector's state "
    "folder, is a copy: stop one of the two, or enrol the copy as an instance of its own (without TLS: delete the file "
    "`instance` in its state folder)."
)
#: A session that is younger, in seconds, is not asked to move.
_MOVED_AFTER = 60.0
#: So many seconds are left to a connector that is cut off, to hear why.
EXPELLED_AFTER = 0.25


def _tell_of_change(session: LiveSession) -> None:
    """In the log, though not all that a site may say in a second."""
    now = time.monotonic()
    if now >= session.tell_again_at:
        session.tell_again_at = now + 1.0
        log.info("connector changed", tenant=session.tenant, connector=session.connector.name)


class Link(LinkServiceServicer):
    """Serves `LinkService`. `tick` must be called about once a second."""

    def __init__(
        self,
        registry: Registry,
        settings: SessionSettings,
        budget: Budget,
        journals: Journals,
        tls: Tls | None = None,
        replica: Replica | None = None,
    ) -> None:
        self._registry = registry
        self._journals = journals
        self._tls = tls
        self._replica = replica or Alone()
        self._settings = settings
        self._budget = budget
        self._streams: dict[LiveSession, asyncio.Task[object]] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self._deciding: set[asyncio.Task[None]] = set()
        self._draining: float | None = None

    async def Connect(
        self,
        request_iterator: AsyncIterator[ConnectorToHub],
        context: ServicerContext[ConnectorToHub, HubToConnector],
    ) -> AsyncIterator[HubToConnector]:
        """One session, from Hello to the end of the stream."""
        session = self._session(context)
        stream = asyncio.current_task()
        assert stream is not None
        self._streams[session] = stream
        name = f"read {session.rules.session_id}"
        # Never cancelled: grpc.aio loses the memory of a read whose task is (ADR 10). It ends with the stream.
        reader = asyncio.create_task(self._read(session, request_iterator), name=name)
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        try:
            while (frame := await session.next_frame()) is not None:
                yield frame
        except asyncio.CancelledError:
            if reader.done():
                # The connector is gone: a status would reach nobody, and its memory would be lost too.
                raise
            # Without a status the connector would not learn that the stream is over.
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The session is over.")
        finally:
            del self._streams[session]
            self._ended(session)
        if not session.rules.leaving:
            # Cut: gRPC cancels this call in a moment. A status that is sent before reaches nobody (see above).
            await asyncio.sleep(CANCELLED_WITHIN)

    def _session(self, context: ServicerContext[ConnectorToHub, HubToConnector]) -> LiveSession:
        if self._tls is None:
            return self._made(None)
        try:
            return self._made(self._tls.held(context))
        except Refused as refused:
            session = self._made(None)
            session.unwanted = str(refused)
            return session

    def _made(self, held: CertificateRecord | None) -> LiveSession:
        tenant = held.id.tenant if held else LOCAL.tenant
        name, now = secrets.token_hex(8), time.monotonic()
        known = self._journals.last
        rules = HubSession(name, self._settings, self._budget, now, tenant, known)
        return LiveSession(rules, held)

    def check(self) -> None:
        """End the sessions of those who may not be connected any more."""
        for session in list(self._streams):
            self._check(session)

    def _check(self, session: LiveSession) -> None:
        if self._tls is None or session.held is None:
            return
        try:
            self._tls.trust.check(session.held)
        except Refused as refused:
            self._expel(session, str(refused))
        except Stale:
            message = "The hub can't look up who may connect; come back in a moment."
            self._expel(session, message, GoodbyeReason.GOODBYE_REASON_STOPPING)

    def _expel(
        self,
        session: LiveSession,
        message: str,
        reason: GoodbyeReason.ValueType = GoodbyeReason.GOODBYE_REASON_REFUSED,
    ) -> None:
        """Take nothing more of a session, say why, and cut it if it does not take that."""
        if session.expelled:
            return
        session.expelled = True
        of = session.held.id if session.held else None
        log.warning(
            "connector may not be connected",
            session_id=session.rules.session_id,
            tenant=of.tenant if of else "",
            connector=of.connector if of else "",
            instance=of.instance if of else "",
            reason=message,
        )
        refused = reason == GoodbyeReason.GOODBYE_REASON_REFUSED
        if self._tls is not None and refused:
            self._tls.note_refusal(of, message)
        self._registry.remove(session)
        session.end(reason, message, _REFUSED_FOR if refused else None)
        asyncio.get_running_loop().call_later(EXPELLED_AFTER, self._cut, session)

    def _cut(self, session: LiveSession) -> None:
        if stream := self._streams.get(session):
            stream.cancel()

    def _ended(self, session: LiveSession) -> None:
        now = time.monotonic()
        metrics.closed(session.rules, now)
        self._registry.remove(session, silent=session.rules.is_dead(now))
        self._replica.gone(session)
        self._journals.left(session)
        session.close()
        log.info(
            "session ended",
            session_id=session.rules.session_id,
            tenant=session.tenant,
            connector=session.connector.name,
            instance=session.instance,
            said_goodbye=session.rules.heard_goodbye,
        )

    async def _read(self, session: LiveSession, frames: AsyncIterator[ConnectorToHub]) -> None:
        """Take frames until the stream or the session ends; what comes after a breach is not read."""
        try:
            async for frame in frames:
                if session not in self._streams:
                    return
                self._take(session, frame)
        except ProtocolError as fault:
            session.refuse(fault)
        except DecodeError:
            session.refuse(ProtocolError("bytes that are no frame"))
        except asyncio.CancelledError:
            raise
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            # The hub has ended the session, and said why.
            return
        except Exception:
            log.exception("reading a session failed", session_id=session.rules.session_id)
            session.end(GoodbyeReason.GOODBYE_REASON_STOPPING, "The hub failed to read the stream.")
        else:
            session.finish()

    def _take(self, session: LiveSession, frame: ConnectorToHub) -> None:
        if session.expelled:
            return
        if frame.HasField("hello") and not self._may_enter(session, frame.hello):
            return
        event = session.receive(frame)
        if event is None:
            return
        match event:
            case Opened(hello):
                if not NAME.fullmatch(hello.connector):
                    raise ProtocolError(
                        "the connector's name must be lower-case letters, digits and dashes"
                    )
                self._opened(session)
            case StatusChanged():
                self._registry.update(session)
                _tell_of_change(session)
            case RoundTrip() as round_trip:
                metrics.beaten(round_trip)
            case Journaled() as told:
                self._journals.hear(session, told)
            case Left(goodbye):
                self._registry.left(session)
                log.info(
                    "connector says goodbye",
                    tenant=session.tenant,
                    connector=session.connector.name,
                    reason=reason_of(goodbye.reason),
                )

    def _opened(self, session: LiveSession) -> None:
        rivals = self._registry.rivals(session)
        if isinstance(self._replica, Alone) and not rivals:
            self._enter(session)
            return
        deciding = asyncio.create_task(self._decide(session, rivals), name="decide")
        self._deciding.add(deciding)
        deciding.add_done_callback(self._deciding.discard)

    def _enter(self, session: LiveSession) -> None:
        """Open it, unless something is in its way that came meanwhile."""
        if session not in self._streams or session.expelled:
            return
        if self._draining is not None:
            metrics.opened("leaving")
            session.end(GoodbyeReason.GOODBYE_REASON_STOPPING, _STOPPING, self._draining)
        elif not self._registry.has_room(session):
            metrics.opened("crowded")
            session.end(GoodbyeReason.GOODBYE_REASON_REFUSED, _CROWDED, _REFUSED_FOR)
        elif not session.rules.leaving:
            self._admit(session)

    def _admit(self, session: LiveSession) -> None:
        metrics.opened("opened")
        self._registry.add(session)
        self._journals.admit(session)
        hello = session.rules.hello
        assert hello is not None
        log.info(
            "session opened",
            session_id=session.rules.session_id,
            tenant=session.tenant,
            connector=hello.connector,
            instance=hello.instance,
            software=hello.software,
            slots=hello.slots,
        )

    async def _decide(self, session: LiveSession, rivals: list[LiveSession]) -> None:
        """Two processes say that they are one instance: whoever was there first and answers, stays."""
        if await self._any_answers(rivals, session):
            self.refuse_copy(session)
        elif session not in self._streams or session.expelled:
            return
        elif await self._replica.may_enter(session):
            self._enter(session)
        else:
            self.refuse_copy(session)

    async def _any_answers(self, rivals: list[LiveSession], newer: LiveSession | None) -> bool:
        """Whether one of the sessions answers now, while the newer one is there."""
        asked_at = time.monotonic()
        for rival in rivals:
            rival.rules.ask_life(asked_at)
        while time.monotonic() - asked_at < PROBE_WITHIN:
            left = [rival for rival in rivals if rival in self._streams and not rival.expelled]
            if not left or (newer and (newer not in self._streams or newer.expelled)):
                return False
            if any(rival.rules.heard_at > asked_at for rival in left):
                return True
            await asyncio.sleep(_LOOK_EVERY)
        return False

    async def answers(self, session_id: str) -> bool:
        """Whether a session is here and its connector answers; one that does not leaves: there is a newer process."""
        for session in list(self._streams):
            if session.session_id == session_id and not session.rules.leaving:
                if await self._any_answers([session], None):
                    return True
                self._registry.replace(session)
        return False

    def refuse_copy(self, session: LiveSession) -> None:
        """End a session of a process whose instance another one runs, which answers."""
        if session not in self._streams or session.expelled:
            return
        log.warning(
            "a second process of an instance was refused",
            tenant=session.tenant,
            connector=session.connector.name,
            instance=session.instance,
            process=session.process,
        )
        metrics.opened("copy")
        metrics.conflict()
        self._registry.refuse(session)
        session.end(GoodbyeReason.GOODBYE_REASON_REFUSED, _COPY, _REFUSED_FOR)
        self._registry.left(session)

    def _may_enter(self, session: LiveSession, hello: Hello) -> bool:
        """Whether it may be connected as whom it says that it is. Before its Hello it would not read why not."""
        if session.unwanted:
            self._expel(session, session.unwanted)
        self._check(session)
        return not session.expelled and not self._is_another(session, hello)

    def _is_another(self, session: LiveSession, hello: Hello) -> bool:
        """Whether the connector claims to be another than its certificate says, and so is cut off."""
        if session.held is None or session.held.id[1:] == (hello.connector, hello.instance):
            return False
        _, connector, instance = session.held.id
        self._expel(
            session,
            f"The certificate is of connector {connector}, instance {instance}; the connector says that it is "
            f"{hello.connector}, instance {hello.instance}.",
        )
        return True

    def tick(self) -> None:
        """Send heartbeats, find dead sessions and end them."""
        now = time.monotonic()
        for session, stream in list(self._streams.items()):
            try:
                self._look_after(session, stream, now)
            except Exception:
                # The others need their heartbeats.
                log.exception("looking after a session failed", session_id=session.session_id)

    def _look_after(self, session: LiveSession, stream: asyncio.Task[object], now: float) -> None:
        session.rules.tick(now)
        self._check(session)
        silent = session.rules.hello is None and session.rules.is_older(now, HELLO_WITHIN)
        if silent or session.rules.is_dead(now) or session.is_stuck(now):
            log.warning(
                "connector does not answer",
                session_id=session.rules.session_id,
                tenant=session.tenant,
                connector=session.connector.name,
            )
            stream.cancel()

    def move(self, count: int) -> None:
        """Ask so many connectors to come again, perhaps to another replica; those that do nothing first."""
        now = time.monotonic()
        old = [
            session
            for session in self._registry.sessions()
            if not session.rules.leaving and session.rules.is_older(now, _MOVED_AFTER)
        ]
        old.sort(key=lambda session: len(session.rules.outstanding))
        for session in old[:count]:
            session.rules.goodbye(GoodbyeReason.GOODBYE_REASON_STOPPING, _MOVE, 0.0)
            self._registry.left(session)

    async def drain(self, reconnect_after: float, grace: float) -> None:
        """Say goodbye to all connectors, also to those that come now, and wait up to `grace` seconds for what runs."""
        self._draining = reconnect_after
        self._registry.leave()
        for session in list(self._streams):
            session.rules.goodbye(GoodbyeReason.GOODBYE_REASON_STOPPING, _STOPPING, reconnect_after)
            self._registry.left(session)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._streams:
                    await asyncio.wait(self._streams.values())
