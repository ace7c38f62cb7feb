"""The link's port: streams of connectors become sessions in the registry."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator

import grpc
import structlog
from grpc.aio import ServicerContext

from mostek.hub.pki.tls import Tls
from mostek.hub.pki.trust import Refused, Stale
from mostek.hub.registry import Registry
from mostek.hub.session import LiveSession
from mostek.link.v1.link_pb2 import ConnectorToHub, GoodbyeReason, Hello, HubToConnector
from mostek.link.v1.link_pb2_grpc import LinkServiceServicer
from mostek.wire.names import NAME
from mostek.wire.session import (
    Budget,
    HubSession,
    Left,
    Opened,
    ProtocolError,
    SessionSettings,
    StatusChanged,
)

__all__ = ["Link"]

log = structlog.get_logger()

#: A stream that said no Hello within this many seconds is closed.
HELLO_WITHIN = 10.0
#: So many seconds are left to a connector that is cut off, to hear why.
EXPELLED_AFTER = 0.25


class Link(LinkServiceServicer):
    """Serves `LinkService`. `tick` must be called about once a second."""

    def __init__(
        self,
        registry: Registry,
        settings: SessionSettings,
        budget: Budget,
        tls: Tls | None = None,
    ) -> None:
        self._registry = registry
        self._tls = tls
        self._settings = settings
        self._budget = budget
        self._streams: dict[LiveSession, asyncio.Task[object]] = {}

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
        reader = asyncio.create_task(self._read(session, request_iterator), name=name)
        try:
            while (frame := await session.next_frame()) is not None:
                yield frame
        except asyncio.CancelledError:
            # Without a status the connector would not learn that the stream is over.
            await context.abort(grpc.StatusCode.UNAVAILABLE, "The session is over.")
        finally:
            del self._streams[session]
            reader.cancel()
            self._ended(session)

    def _session(self, context: ServicerContext[ConnectorToHub, HubToConnector]) -> LiveSession:
        rules = HubSession(secrets.token_hex(8), self._settings, self._budget, time.monotonic())
        if self._tls is None:
            return LiveSession(rules, self._budget)
        try:
            session = LiveSession(rules, self._budget, self._tls.held(context))
        except Refused as refused:
            session = LiveSession(rules, self._budget)
            self._expel(session, str(refused))
        else:
            self._check(session)
        return session

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
        if self._tls is not None and reason == GoodbyeReason.GOODBYE_REASON_REFUSED:
            self._tls.note_refusal(of, message)
        self._registry.remove(session)
        session.end(reason, message)
        asyncio.get_running_loop().call_later(EXPELLED_AFTER, self._cut, session)

    def _cut(self, session: LiveSession) -> None:
        if stream := self._streams.get(session):
            stream.cancel()

    def _ended(self, session: LiveSession) -> None:
        self._registry.remove(session)
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
                self._take(session, frame)
        except ProtocolError as fault:
            session.refuse(fault)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("reading a session failed", session_id=session.rules.session_id)
            session.end(GoodbyeReason.GOODBYE_REASON_STOPPING, "The hub failed to read the stream.")
        else:
            session.finish()

    def _take(self, session: LiveSession, frame: ConnectorToHub) -> None:
        if session.expelled:
            return
        if frame.HasField("hello") and self._is_another(session, frame.hello):
            return
        match session.receive(frame):
            case Opened(hello):
                if not NAME.fullmatch(hello.connector):
                    raise ProtocolError(
                        "the connector's name must be lower-case letters, digits and dashes"
                    )
                self._registry.add(session)
                log.info(
                    "session opened",
                    session_id=session.rules.session_id,
                    tenant=session.tenant,
                    connector=hello.connector,
                    instance=hello.instance,
                    software=hello.software,
                    slots=hello.slots,
                )
            case StatusChanged():
                self._registry.update(session)
                log.info(
                    "connector changed", tenant=session.tenant, connector=session.connector.name
                )
            case Left(goodbye):
                log.info(
                    "connector says goodbye",
                    tenant=session.tenant,
                    connector=session.connector.name,
                    reason=GoodbyeReason.Name(goodbye.reason),
                )

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

    async def drain(self, reconnect_after: float, grace: float) -> None:
        """Say goodbye to all connectors and wait up to `grace` seconds for their commands."""
        for session in list(self._streams):
            session.rules.goodbye(
                GoodbyeReason.GOODBYE_REASON_STOPPING, "The hub is stopping.", reconnect_after
            )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while self._streams:
                    await asyncio.wait(self._streams.values())
