"""Callers that leave: before, while and after the response comes, each in one of the ways that a caller can."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter

import grpc

from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.wire.names import CONNECTOR

__all__ = ["Callers"]

#: Milliseconds that a call takes at the site, and seconds after which its caller leaves: shorter and longer ones.
TAKES = (0, 1, 3, 8)
PATIENCE = 0.006
_GET = "/mostek.erp.v1.ErpService/GetCustomer"
_LIST = "/mostek.erp.v1.ErpService/ListCustomers"


class Callers:
    """Calls of one hub; `ends` counts what became of them."""

    def __init__(self, channel: grpc.aio.Channel, http: int) -> None:
        self.ends: Counter[str] = Counter()
        self._get: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_GET)
        self._list: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(_LIST)
        self._http = http
        self._ways = (self._cancel, self._deadline, self._disconnect, self._reset)
        self._random = random.Random(1)

    async def one(self, number: int) -> None:
        """One call; every tenth is let finish."""
        if number % 10 == 0:
            await self._finish()
        else:
            await self._ways[number % len(self._ways)]()

    def _call(self, timeout: float | None) -> grpc.aio.UnaryUnaryCall[bytes, bytes]:
        metadata = ((CONNECTOR, "soak"),)
        if self._random.random() < 0.2:
            return self._list(b"", metadata=metadata, timeout=timeout)
        request = GetCustomerRequest(id=str(self._random.choice(TAKES))).SerializeToString()
        return self._get(request, metadata=metadata, timeout=timeout)

    def _leaves_after(self) -> float:
        return self._random.uniform(0.0005, PATIENCE)

    async def _finish(self) -> None:
        with contextlib.suppress(grpc.aio.AioRpcError):
            await self._call(30.0)
            self.ends["answered"] += 1

    async def _cancel(self) -> None:
        call = self._call(None)
        await asyncio.sleep(self._leaves_after())
        self.ends["cancelled" if call.cancel() else "answered first"] += 1

    async def _deadline(self) -> None:
        try:
            await self._call(self._leaves_after())
            self.ends["answered first"] += 1
        except grpc.aio.AioRpcError as error:
            self.ends[error.code().name.lower()] += 1

    async def _disconnect(self) -> None:
        await self._leave(reset=False)

    async def _reset(self) -> None:
        await self._leave(reset=True)

    async def _leave(self, *, reset: bool) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._http)
        what = (
            f"customers/{self._random.choice(TAKES)}"
            if self._random.random() < 0.8
            else "customers"
        )
        path = f"/v1/connectors/soak/companies/-/{what}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        await asyncio.sleep(self._leaves_after())
        if reset:
            writer.transport.abort()
        else:
            writer.close()
        self.ends["reset" if reset else "disconnected"] += 1
