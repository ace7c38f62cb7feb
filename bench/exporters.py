"""Exports that never end, as one polite process of callers: `python -m bench.exporters API_ADDRESS CONNECTOR EXPORTS`.

Prints the pages it has had, twice a second.
"""

from __future__ import annotations

import asyncio
import os
import sys

import grpc

from mostek.erp.v1.product_pb2 import ListProductsRequest, ListProductsResponse
from mostek.wire.loop import run
from mostek.wire.names import CONNECTOR

PAGE = 1000


async def main(address: str, connector: str, exports: int) -> None:
    """Until killed."""
    # What callers do with their pages is theirs: it must not take the processor from what is measured.
    os.nice(19)
    pages = 0
    options = [("grpc.max_receive_message_length", 8 * 1024 * 1024)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        ask: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
            "/mostek.erp.v1.ErpService/ListProducts"
        )

        async def export() -> None:
            nonlocal pages
            token = ""
            while True:
                request = ListProductsRequest(page_size=PAGE, page_token=token)
                metadata = ((CONNECTOR, connector),)
                page = await ask(request.SerializeToString(), metadata=metadata, timeout=120)
                token = ListProductsResponse.FromString(page).next_page_token
                pages += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(exports):
                group.create_task(export())
            while True:
                print(pages, flush=True)
                await asyncio.sleep(0.5)


if __name__ == "__main__":
    run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
