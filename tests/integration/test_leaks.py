"""What grpc.aio loses when its calls are ended in the wrong order (docs/adr/0010-leaks-of-grpc-aio.md)."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import Awaitable, Callable

import grpc
import pytest

from mostek.link.v1.link_pb2 import ConnectorToHub, Hello
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.session import REVISION

from .conftest import World

#: A batch that grpc.aio loses is a chunk of 96 bytes or more.
LOST = 96
COUNT = 200


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _in_use() -> int:
    """Bytes that malloc has given out, exact whatever the heap's fragmentation."""
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Mallinfo
    return int(libc.mallinfo2().uordblks)


async def _settled() -> int:
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0.05)
    return _in_use()


async def lost_per(once: Callable[[], Awaitable[None]], count: int = COUNT) -> float:
    """Bytes that one repetition leaves behind: the least of three rounds, since other memory comes and goes."""
    least = float("inf")
    before = 0
    for number in range(4):
        for _ in range(count):
            await once()
        after = await _settled()
        if number:
            least = min(least, (after - before) / count)
        before = after
    return least


pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallinfo2"),
    reason="needs mallinfo2 of glibc 2.33 or newer",
)


async def test_a_session_that_is_cut_leaves_nothing_at_the_hub(world: World) -> None:
    hello = ConnectorToHub(
        hello=Hello(revision=REVISION, connector="acme", instance="one", slots=1)
    )
    async with grpc.aio.insecure_channel(world.addresses.link) as channel:

        async def session() -> None:
            call = LinkServiceStub(channel).Connect()
            await call.write(hello)
            await call.read()
            call.cancel()

        lost = await lost_per(session)
        assert lost < LOST / 2
    await world.until(lambda: not world.online("acme"))
