"""Adds entries to a journal and says which is on disk: `python -m tests.integration.journal_writer STATE [torn]`.

With `torn` it dies in the middle of a line, as a process does that is killed while it writes.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mostek.connector.journal import Journal, JournalConfig, Trace
from mostek.link.v1.link_pb2 import Command

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


def die_in_a_line() -> None:
    """From the second line on, write half of what is to be written."""
    write = os.write

    def half(descriptor: int, data: Buffer) -> int:
        whole = bytes(data)
        if b"command_id" in whole:
            write(descriptor, whole[: len(whole) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return write(descriptor, data)

    os.write = half


async def main(state: Path) -> None:
    """Until killed."""
    journal = Journal.open(state, JournalConfig(file_megabytes=1, most_megabytes=100), {})
    number = 0
    while True:
        group = [Command(command_id=f"{number}-{each}" + "x" * 3000) for each in range(7)]
        await asyncio.gather(*(journal.commit(Trace(command)) for command in group))
        print(journal.head, flush=True)
        number += 1


if __name__ == "__main__":
    if "torn" in sys.argv:
        die_in_a_line()
    asyncio.run(main(Path(sys.argv[1])))
