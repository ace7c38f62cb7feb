"""What is alive in a process, told by the process itself at a Unix socket, and by Linux from outside.

The socket is opened by `soak.launch` only: the product has no such thing.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import json
import os
import socket
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Sample", "answer_at", "sample"]


@dataclass(frozen=True)
class Sample:
    """A process at rest, after its garbage was collected.

    `rss` and `malloc` in bytes: in RAM, and given out by malloc, which no fragmentation blurs. `blocks`: memory blocks
    of Python objects. `objects`: of the classes of grpc and mostek.
    """

    rss: int
    malloc: int
    blocks: int
    objects: int
    tasks: int
    threads: int
    fds: int


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]


def _malloc() -> int:
    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = _Mallinfo
    info = libc.mallinfo2()
    return int(info.uordblks + info.hblkhd)


def _look() -> Sample:
    gc.collect()
    malloc, blocks = _malloc(), sys.getallocatedblocks()
    tasks = objects = 0
    for found in gc.get_objects():
        kind = type(found)
        if issubclass(kind, asyncio.Task):
            tasks += not found.done()
        elif str(kind.__module__).startswith(("grpc", "mostek")):
            objects += 1
    status = Path("/proc/self/status").read_text(encoding="ascii")
    rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return Sample(
        rss=int(rss) * 1024,
        malloc=malloc,
        blocks=blocks,
        objects=objects,
        tasks=tasks,
        threads=len(os.listdir("/proc/self/task")),  # noqa: PTH208 - only their number
        # Without the one that lists them, and the one that asks.
        fds=len(os.listdir("/proc/self/fd")) - 2,  # noqa: PTH208
    )


def answer_at(path: Path) -> None:
    """Answer each connection to a Unix socket with a Sample, in a thread of its own."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve() -> None:
        while True:
            with listener.accept()[0] as asking:
                asking.sendall(json.dumps(asdict(_look())).encode())

    threading.Thread(target=serve, name="probe", daemon=True).start()


def sample(path: Path) -> Sample:
    """Ask the process that answers at a Unix socket."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(path))
        answer = b"".join(iter(lambda: asking.recv(4096), b""))
    return Sample(**json.loads(answer))
