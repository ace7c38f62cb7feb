"""One live session with a connector: the rules of `mostek.wire.session` with a clock, a stream and those who wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version

import structlog
from google.protobuf.duration_pb2 import Duration

from mostek.hub import metrics
from mostek.hub.identity import ConnectorId
from mostek.hub.store import CertificateRecord
from mostek.link.v1.link_pb2 import Command, ConnectorToHub, GoodbyeReason, HubToConnector, Status
from mostek.wire.failures import Offline, raised
from mostek.wire.session import (
    Finished,
    HubSession,
    Journaled,
    Left,
    Noticed,
    Opened,
    ProtocolError,
    RoundTrip,
    StatusChanged,
)
from mostek.wire.versions import is_older

__all__ = ["LiveSession", "SessionLost", "is_outdated", "span"]

#: Seconds that a frame may take to be sent.
SEND_WITHIN = 30.0

log = structlog.get_logger()


class SessionLost(Offline):
    """The session ended while a command was outstanding: what became of the command is not known here."""


_OWN = version("mostek")


def is_outdated(software: str) -> bool:
    """Whether a connector's version is older than this hub's."""
    return is_older(software, _OWN)


class LiveSession:
    """A session and the calls that wait for its results."""

    def __init__(self, rules: HubSession, held: CertificateRecord | None = None) -> None:
        self.rules = rules
        #: The certificate that the stream has; None in a hub without TLS.
        self.held = held
        #: Why its certificate may not be used at all; it is told once it has said Hello.
        self.unwanted = ""
        #: The connector may not be connected: nothing that it says counts any more.
        self.expelled = False
        #: When a change of what it serves is logged again, on the steady clock.
        self.tell_again_at = float("-inf")
        self.connected_at = datetime.now(UTC)
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[str, asyncio.Future[Finished]] = {}
        self._watching: dict[str, Callable[[Noticed], None]] = {}
        self._wake = asyncio.Event()
        self._ending = False
        self._sending_since: float | None = None
        rules.outbox.wake = self._wake.set

    @property
    def tenant(self) -> str:
        """Whose connector it is."""
        return self.rules.tenant

    @property
    def connector(self) -> ConnectorId:
        """The connector; its name is empty before Hello."""
        return ConnectorId(self.tenant, self.rules.hello.connector if self.rules.hello else "")

    @property
    def software(self) -> str:
        """The connector's version; empty before Hello."""
        return self.rules.hello.software if self.rules.hello else ""

    @property
    def session_id(self) -> str:
        """Names the session in the logs of both sides."""
        return self.rules.session_id

    @property
    def durable(self) -> bool:
        """Whether the connector keeps outcomes until they are acknowledged."""
        return self.rules.durable

    @property
    def denies_fields(self) -> bool:
        """Whether the connector keeps back what a command says."""
        return self.rules.denies_fields

    @property
    def instance(self) -> str:
        """The connector process's identity; empty before Hello."""
        return self.rules.hello.instance if self.rules.hello else ""

    @property
    def process(self) -> str:
        """The process that runs the instance; empty if the connector does not tell."""
        return self.rules.hello.process if self.rules.hello else ""

    @property
    def status(self) -> Status:
        """What the connector serves."""
        return self.rules.status

    async def call(
        self,
        command: Command,
        request: bytes,
        *,
        timeout: float | None,
        stop_when_abandoned: bool,
        watch: Callable[[Noticed], None] | None = None,
    ) -> bytes:
        """Send a command and wait for its response. Raises the command's failure, SessionLost or TimeoutError.

        `timeout` None: as long as the session lives. When the waiting is cancelled or times out the connector is told,
        if `stop_when_abandoned`. `watch` is called when the connector has accepted the command, and when it has begun
        a write.
        """
        future: asyncio.Future[Finished] = self._loop.create_future()
        self.rules.send(command, request, time.monotonic())
        self._waiting[command.command_id] = future
        if watch is not None:
            self._watching[command.command_id] = watch
        timer = None if timeout is None else self._loop.call_later(timeout, _expire, future)
        try:
            finished = await future
        except (asyncio.CancelledError, TimeoutError):
            if stop_when_abandoned:
                self.rules.cancel(command.command_id)
            raise
        finally:
            if timer is not None:
                timer.cancel()
            del self._waiting[command.command_id]
            self._watching.pop(command.command_id, None)
        metrics.answered(command.operation, finished)
        if finished.failure is not None:
            failure = raised(finished.failure)
            # Which command it was is known here, and a site may say anything.
            failure.command_id = ""
            raise failure
        return finished.response or b""

    def ask_cancel(self, command_id: str) -> bool:
        """Ask for a write that runs here to be cancelled, if it has not begun; whether the connector can do that."""
        return self.rules.ask_cancel(command_id)

    def acknowledge(self, company: str, idempotency_key: str) -> bool:
        """Tell that the outcome of a write is kept; whether it can be told."""
        return self.rules.acknowledge(company, idempotency_key)

    async def next_frame(self) -> HubToConnector | None:
        """The next frame to send, once there is one; None when the session is to end. The one before is sent then."""
        self._sending_since = None
        while True:
            frame = self.rules.outbox.next()
            if frame is not None or self._ending:
                self._sending_since = time.monotonic()
                return frame
            self._wake.clear()
            await self._wake.wait()

    def is_stuck(self, now: float) -> bool:
        """Whether a frame could not be sent for too long: the connector does not read."""
        return self._sending_since is not None and now - self._sending_since > SEND_WITHIN

    def receive(
        self, frame: ConnectorToHub
    ) -> Opened | StatusChanged | RoundTrip | Journaled | Left | None:
        """Take a frame; results go to those who wait for them. Raises ProtocolError."""
        event = self.rules.receive(frame, time.monotonic())
        match event:
            case Finished():
                self._finish(event)
            case Noticed(command_ids):
                for command_id in command_ids:
                    if watch := self._watching.get(command_id):
                        watch(event)
            case _:
                return event
        return None

    def _finish(self, event: Finished) -> None:
        self.rules.share.give(event.held)
        future = self._waiting.get(event.command_id)
        if future is not None and not future.done():
            future.set_result(event)

    def end(
        self,
        reason: GoodbyeReason.ValueType,
        message: str,
        reconnect_after: float | None = None,
    ) -> None:
        """Say goodbye and end the stream as soon as that is sent."""
        self.rules.goodbye(reason, message, reconnect_after)
        self.finish()

    def finish(self) -> None:
        """End the stream as soon as what waits is sent."""
        self._ending = True
        self._wake.set()

    def refuse(self, fault: ProtocolError) -> None:
        """The connector broke the protocol."""
        log.warning(
            "connector broke the protocol",
            tenant=self.tenant,
            connector=self.connector.name,
            fault=str(fault),
        )
        self.end(GoodbyeReason.GOODBYE_REASON_PROTOCOL_ERROR, str(fault))

    def close(self) -> None:
        """The stream is gone: nobody waits in vain."""
        self.rules.close()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(
                    SessionLost("The connection to the connector was lost.", retry_after=1.0)
                )


def _expire(future: asyncio.Future[Finished]) -> None:
    if not future.done():
        future.set_exception(TimeoutError())


def span(seconds: float) -> Duration:
    """A span as the link carries it; none is negative."""
    nanos = int(max(seconds, 0.0) * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
