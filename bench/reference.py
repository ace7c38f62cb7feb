"""The bare things that Mostek is measured against: an echo, a ping-pong on one stream, a minimal relay; raw bytes.

`python -m bench.reference echo PORT` answers unary calls and streams by what they sent;
`… relay PORT` takes unary calls and passes them to whoever holds its stream; `… far PORT` dials that stream and echoes.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import grpc
import uvloop

from bench.transport import listen

_NEXT = b"\0" * 8


def _handlers(**methods: grpc.RpcMethodHandler[bytes, bytes]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler("bare", methods)


async def _serve(port: int, handler: grpc.GenericRpcHandler) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    listen(server, f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


async def echo(port: int) -> None:
    """Unary and stream, both echoing."""

    async def unary(request: bytes, context: object) -> bytes:
        return request

    async def stream(requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    await _serve(
        port,
        _handlers(
            Unary=grpc.unary_unary_rpc_method_handler(unary),
            Stream=grpc.stream_stream_rpc_method_handler(stream),
        ),
    )


async def relay(port: int) -> None:
    """Unary in, stream out, stream back, nothing else; an 8-byte number pairs question and answer."""
    waiting: dict[bytes, asyncio.Future[bytes]] = {}
    outgoing: asyncio.Queue[bytes] = asyncio.Queue()
    count = 0

    async def unary(request: bytes, context: object) -> bytes:
        nonlocal count
        count += 1
        key = count.to_bytes(8, "big")
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        waiting[key] = future
        outgoing.put_nowait(key + request)
        return await future

    async def stream(requests: AsyncIterator[bytes], context: object) -> AsyncIterator[bytes]:
        reading = asyncio.create_task(_read(requests))
        try:
            while True:
                yield await outgoing.get()
        finally:
            reading.cancel()

    async def _read(requests: AsyncIterator[bytes]) -> None:
        async for answer in requests:
            waiting.pop(answer[:8]).set_result(answer[8:])

    await _serve(
        port,
        _handlers(
            Unary=grpc.unary_unary_rpc_method_handler(unary),
            Stream=grpc.stream_stream_rpc_method_handler(stream),
        ),
    )


async def far(port: int) -> None:
    """The relay's far end."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
        method: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            "/bare/Stream"
        )
        call = method()
        async for request in call:
            await call.write(request)


if __name__ == "__main__":
    uvloop.run({"echo": echo, "relay": relay, "far": far}[sys.argv[1]](int(sys.argv[2])))
