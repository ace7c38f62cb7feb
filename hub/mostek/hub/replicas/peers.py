"""Connections to the other replicas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

import grpc

from mostek.hub.store import ReplicaRecord

__all__ = ["PeerTls", "Peers", "Unreachable"]

_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", 8 * 1024 * 1024),
    # Of a replica whose machine is gone nobody says so.
    ("grpc.keepalive_time_ms", 15_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
#: Seconds that calls which run have when a connection is replaced by another.
_GRACE: Final = 60.0

if TYPE_CHECKING:
    Method = grpc.aio.UnaryStreamMultiCallable[bytes, bytes]
    Call = grpc.aio.UnaryStreamCall[bytes, bytes]


class Unreachable(Exception):
    """The other replica can't be asked, or went away while it was."""


class PeerTls(Protocol):
    """With what a replica shows who it is."""

    @property
    def stamp(self) -> object:
        """Another one when new connections have to be made."""

    def credentials(self) -> grpc.ChannelCredentials:
        """As of now."""

    def host(self, replica: str) -> str:
        """The name that a replica's certificate has."""


@dataclass
class _Peer:
    """One other replica's channel, as of a stamp."""

    channel: grpc.aio.Channel
    stamp: object
    methods: dict[str, Method] = field(default_factory=dict)

    def method(self, path: str) -> Method:
        if (known := self.methods.get(path)) is None:
            known = self.methods[path] = self.channel.unary_stream(path)
        return known


class Peers:
    """Asks other replicas. `tls` None: without, on this machine."""

    def __init__(self, tls: PeerTls | None) -> None:
        self._tls = tls
        self._addresses: Mapping[str, str] = {}
        self._peers: dict[str, _Peer] = {}
        self._running: set[asyncio.Future[Any]] = set()

    def meet(self, replicas: Iterable[ReplicaRecord]) -> None:
        """These are alive; calls to others end."""
        self._addresses = {each.name: each.address for each in replicas}
        for name in self._peers.keys() - self._addresses.keys():
            self._close(self._peers.pop(name), 0.0)

    async def ask(
        self,
        replica: str,
        path: str,
        request: bytes,
        *,
        timeout: float,
        metadata: tuple[tuple[str, str | bytes], ...] = (),
    ) -> bytes:
        """The response. Raises Unreachable, and AioRpcError if the other one answers so. `timeout` in seconds.

        A call that nobody waits for any more ends as a stream: grpc.aio loses the memory of a cancelled unary one
        (ADR 10). On the wire there is no difference.
        """
        call = self._peer(replica).method(path)(request, timeout=timeout, metadata=metadata)
        reading = asyncio.ensure_future(_only(call))
        self._running.add(reading)
        reading.add_done_callback(self._finished)
        try:
            await asyncio.wait((reading,))
        except asyncio.CancelledError:
            call.cancel()
            raise
        if reading.cancelled():
            raise Unreachable(f"The connection to replica {replica} was closed.")
        return reading.result()

    def _finished(self, reading: asyncio.Future[Any]) -> None:
        self._running.discard(reading)
        if not reading.cancelled():
            # Who waits for it gets it; if nobody does any more, it is no error of the loop.
            reading.exception()

    def _peer(self, replica: str) -> _Peer:
        stamp = self._tls.stamp if self._tls else None
        peer = self._peers.get(replica)
        if peer is None or peer.stamp != stamp:
            if peer is not None:
                self._close(peer, _GRACE)
            peer = self._peers[replica] = _Peer(self._channel(replica), stamp)
        return peer

    def _channel(self, replica: str) -> grpc.aio.Channel:
        address = self._addresses.get(replica)
        if address is None:
            raise Unreachable(f"No replica {replica} is alive.")
        if self._tls is None:
            return grpc.aio.insecure_channel(address, options=_OPTIONS)
        name = ("grpc.ssl_target_name_override", self._tls.host(replica))
        return grpc.aio.secure_channel(address, self._tls.credentials(), options=(*_OPTIONS, name))

    def _close(self, peer: _Peer, grace: float) -> None:
        closing = asyncio.ensure_future(peer.channel.close(grace))
        self._running.add(closing)
        closing.add_done_callback(self._finished)

    async def close(self) -> None:
        """End all."""
        self.meet(())
        while self._running:
            await asyncio.wait(self._running)


async def _only(call: Call) -> bytes:
    """The one response of a call, when that has ended."""
    response: Any = await call.read()
    if not isinstance(response, bytes):
        raise Unreachable("The other replica answered nothing.")
    await call.code()
    return response
