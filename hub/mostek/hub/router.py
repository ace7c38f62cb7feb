"""The way of one call: from an API to a session and back."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import structlog
from google.protobuf.duration_pb2 import Duration

from mostek.hub.registry import Registry
from mostek.hub.session import SessionLost
from mostek.link.v1.link_pb2 import Command
from mostek.wire.failures import CommandFailure, Expired, Internal, Invalid, UnknownOutcome
from mostek.wire.names import MAX_KEY
from mostek.wire.operations import Operation
from mostek.wire.rules import parse

__all__ = ["Call", "Router"]

log = structlog.get_logger()


def new_command_id() -> str:
    """Names one call in the logs of both sides."""
    return f"{random.getrandbits(64):016x}"


@dataclass(slots=True)
class Call:
    """What a caller asks: an operation on a company of a connector, its request as bytes.

    `company` may be empty or `-` where the connector serves one. `timeout` in seconds. Writes need an idempotency key.
    """

    operation: Operation
    connector: str
    company: str
    request: bytes
    timeout: float
    caller: str = ""
    idempotency_key: str = ""
    command_id: str = field(default_factory=new_command_id)


class Router:
    """Checks a call, sends it to the session that has room, waits for the response."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    async def call(self, call: Call) -> bytes:
        """The response's bytes. Raises a CommandFailure that carries the command's id."""
        started = time.monotonic()
        try:
            self._check(call)
            response = await self._send(call, started + call.timeout)
        except TimeoutError:
            failure: CommandFailure = self._expired(call)
        except CommandFailure as raised:
            failure = raised
        except asyncio.CancelledError:
            self._log(call, time.monotonic() - started, "abandoned")
            raise
        except Exception:
            log.exception("call failed in the hub", command_id=call.command_id)
            failure = Internal("The hub failed; its log says why.")
        else:
            # Logged when the response is on its way.
            asyncio.get_running_loop().call_soon(self._log, call, time.monotonic() - started, "ok")
            return response
        failure.command_id = call.command_id
        self._log(call, time.monotonic() - started, type(failure).__name__, failure.message)
        raise failure

    def _check(self, call: Call) -> None:
        parse(call.operation.request, call.request)
        key = call.idempotency_key
        if call.operation.write and not key:
            raise Invalid.of(
                "idempotency-key",
                f"{call.operation.name} needs one; repeat it when you repeat the call",
            )
        if len(key) > MAX_KEY or not key.isprintable():
            raise Invalid.of("idempotency-key", f"must be at most {MAX_KEY} printable characters")

    async def _send(self, call: Call, ends: float) -> bytes:
        """Send to a session; a read whose session is lost goes once more to another."""
        try:
            return await self._send_once(call, ends)
        except SessionLost as lost:
            if call.operation.write:
                raise UnknownOutcome(
                    "The connection was lost while the write ran. Repeat it with the same idempotency key "
                    "to learn what became of it."
                ) from lost
        return await self._send_once(call, ends)

    async def _send_once(self, call: Call, ends: float) -> bytes:
        session, company = self.registry.pick(call.connector, call.company, call.operation.name)
        command = Command(
            command_id=call.command_id,
            operation=call.operation.name,
            company=company,
            timeout=_span(ends - time.monotonic()),
            caller=call.caller,
            idempotency_key=call.idempotency_key if call.operation.write else "",
        )
        return await session.call(
            command,
            call.request,
            timeout=ends - time.monotonic(),
            stop_when_abandoned=not call.operation.write,
        )

    def _expired(self, call: Call) -> CommandFailure:
        if call.operation.write:
            return Expired(
                "The deadline passed while the write runs on. "
                "Repeat it with the same idempotency key to learn its outcome."
            )
        return Expired("The deadline passed before the connector answered.")

    def _log(self, call: Call, seconds: float, end: str, reason: str = "") -> None:
        log.info(
            "call",
            command_id=call.command_id,
            connector=call.connector,
            company=call.company,
            operation=call.operation.name,
            caller=call.caller,
            end=end,
            reason=reason,
            seconds=round(seconds, 4),
        )


def _span(seconds: float) -> Duration:
    nanos = int(max(seconds, 0.0) * 1e9)
    return Duration(seconds=nanos // 10**9, nanos=nanos % 10**9)
