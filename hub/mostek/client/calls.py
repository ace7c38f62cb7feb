"""What each call to the hub carries, and the failure that a broken one becomes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import DecodeError
from grpc import StatusCode, aio

from mostek.link.v1.failure_pb2 import Failure
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Expired,
    Internal,
    Offline,
    TooLarge,
    UnknownOutcome,
    Unsupported,
    raised,
)
from mostek.wire.names import COMMAND_ID, FAILURE
from mostek.wire.operations import OPERATIONS

__all__ = ["Addressed", "FailuresRaised"]

#: Seconds.
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0

Request = TypeVar("Request")
Response = TypeVar("Response")


class Addressed:
    """A channel for a generated stub whose every call carries the same metadata and, unless told otherwise, timeout."""

    def __init__(
        self, channel: aio.Channel, metadata: tuple[tuple[str, str], ...], timeout: float
    ) -> None:
        self._channel = channel
        self._metadata = metadata
        self._timeout = timeout

    def unary_unary(self, method: str, **codec: Any) -> Callable[..., Any]:
        """What the stub calls once per rpc."""
        call = self._channel.unary_unary(method, **codec)
        return partial(call, metadata=self._metadata, timeout=self._timeout)

    def also(self, key: str, value: str) -> Addressed:
        """The same with one more entry of metadata."""
        kept = tuple(entry for entry in self._metadata if entry[0] != key)
        return Addressed(self._channel, (*kept, (key, value)), self._timeout)


class FailuresRaised(aio.UnaryUnaryClientInterceptor):
    """Raises the CommandFailure that the hub sent, or that stands for what gRPC says.

    A hub that has answered before and can't be reached now is being restarted, most likely: it is waited for as long as
    the call has time. What is asked twice so is a read, or a write under its idempotency key.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._answered = False

    async def intercept_unary_unary(
        self,
        continuation: Callable[
            [aio.ClientCallDetails, Request], Awaitable[aio.UnaryUnaryCall[Request, Response]]
        ],
        client_call_details: aio.ClientCallDetails,
        request: Request,
    ) -> aio.UnaryUnaryCall[Request, Response]:
        """Wait for the response, so that its failure can be told."""
        details, began = client_call_details, time.monotonic()
        for pause in _pauses():
            call = await continuation(details, request)
            try:
                await call
            except aio.AioRpcError as error:
                left = (client_call_details.timeout or 0.0) - (time.monotonic() - began)
                if not self._answered or not _is_hub_away(error) or left <= pause:
                    await self._raise(call, error, details.method)
            else:
                self._answered = True
                return call
            await asyncio.sleep(pause)
            details = aio.ClientCallDetails(
                details.method,
                left - pause,
                details.metadata,
                details.credentials,
                details.wait_for_ready,
            )
        raise AssertionError("there is always another pause")

    async def _raise(
        self,
        call: aio.UnaryUnaryCall[Request, Response],
        error: aio.AioRpcError,
        method: str | bytes,
    ) -> NoReturn:
        failure = _failure(error, self._address, method)
        self._answered = self._answered or not _is_hub_away(error)
        if not failure.command_id:
            # Of a write the hub tells the id before it waits.
            failure.command_id = str((await call.initial_metadata()).get(COMMAND_ID, ""))
        raise failure from error


def _pauses() -> Iterator[float]:
    """Seconds between attempts to reach a hub."""
    pause = _FIRST_PAUSE
    while True:
        yield pause * random.uniform(0.5, 1.0)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _is_hub_away(error: aio.AioRpcError) -> bool:
    """Whether the connection broke or could not be made, rather than the hub refusing in its own words."""
    spoken = (error.trailing_metadata() or aio.Metadata()).get(FAILURE) is not None
    # CANCELLED: a hub that stops cancels what it has not looked at yet. What we cancel ourselves does not come here.
    return not spoken and error.code() in (StatusCode.UNAVAILABLE, StatusCode.CANCELLED)


def _failure(error: aio.AioRpcError, address: str, method: str | bytes) -> CommandFailure:
    sent = (error.trailing_metadata() or aio.Metadata()).get(FAILURE)
    if isinstance(sent, bytes):
        try:
            return raised(Failure.FromString(sent))
        except DecodeError:
            return Internal(f"The hub at {address} sent a failure that can't be read.")
    name = (method.decode() if isinstance(method, bytes) else method).rpartition("/")[2]
    write = name in OPERATIONS and OPERATIONS[name].write
    return _without_words(error, address, write)


def _without_words(error: aio.AioRpcError, address: str, write: bool) -> CommandFailure:
    """The failure of a call that the hub did not answer in its own words."""
    again = " Repeat it with the same idempotency key to learn what became of it." if write else ""
    match error.code():
        case StatusCode.UNAVAILABLE if write and not _never_sent(error):
            return UnknownOutcome(f"The connection to the hub at {address} broke.{again}")
        case StatusCode.UNAVAILABLE:
            return Offline(
                f"The hub at {address} can't be reached: check the address and that it runs."
            )
        case StatusCode.DEADLINE_EXCEEDED:
            return Expired(f"The hub at {address} did not answer in time.{again}")
        case StatusCode.CANCELLED:
            return Cancelled(f"The call to the hub at {address} was cancelled.{again}")
        case StatusCode.UNIMPLEMENTED:
            return Unsupported(
                f"The hub at {address} does not know the call: is it older than this client?"
            )
        case StatusCode.RESOURCE_EXHAUSTED:
            return TooLarge(
                "The request or the response is over what gRPC carries: ask for smaller pages."
            )
        case code:
            return Internal(f"The hub at {address} answered {code.name}: {error.details()}{again}")


def _never_sent(error: grpc.RpcError) -> bool:
    """Whether gRPC says that it had no connection at all; any doubt means no."""
    details = error.details() if isinstance(error, aio.AioRpcError) else None
    return (details or "").startswith(("failed to connect", "DNS resolution failed"))
