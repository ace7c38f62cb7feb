"""How both ends of a measurement are connected: the one place that says whether with TLS."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

__all__ = ["channel", "listen"]

Options = Sequence[tuple[str, int]]


def channel(address: str, options: Options = ()) -> grpc.aio.Channel:
    """A channel of a connector to the hub, or of a bare client to a bare server."""
    return grpc.aio.insecure_channel(address, options=list(options))


def listen(server: grpc.aio.Server, address: str) -> int:
    """Let a bare server listen the way the hub's link does; its port."""
    return server.add_insecure_port(address)
