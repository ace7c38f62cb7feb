"""The end of the journal on disk, where entries are added. Belongs to one thread; methods raise OSError."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from mostek.connector.journal.chain import NO_ENTRY, Head, link_of, sealed
from mostek.connector.journal.files import Segment, segments

__all__ = ["Tape", "Torn"]

#: How much is read at a time, from the end of a file backwards.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Torn:
    """What a crash left of a line that was being written, and that was taken away."""

    file: str
    bytes: int


class Tape:
    """An open file and the entry that it ends with, all of it on disk."""

    def __init__(self, segment: Segment, descriptor: int, head: Head, size: int) -> None:
        self.segment = segment
        self.head = head
        self.size = size
        self._descriptor = descriptor

    @classmethod
    def open(cls, folder: Path, first: Mapping[str, Any], torn: list[Torn]) -> Self:
        """Go on after the last entry, or begin the first file. `torn` gets what had to be taken away."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        while files := segments(folder):
            last = files[-1]
            head, size = _end(last)
            left = last.path.stat().st_size - size
            if left:
                torn.append(Torn(last.path.name, left))
            if head is not None:
                tape = cls(last, _descriptor(last.path), head, size)
                if left:
                    tape._cut()
                return tape
            _put_aside(last.path)
        return cls.begun(folder, NO_ENTRY, first)

    @classmethod
    def begun(cls, folder: Path, before: Head, first: Mapping[str, Any]) -> Self:
        """A new file that goes on after that entry. `first`: what its first entry says besides."""
        segment = Segment.named(folder, before.number + 1)
        descriptor = _descriptor(segment.path, os.O_EXCL)
        tape = cls(segment, descriptor, before, 0)
        try:
            tape.write([{**first, "event": "file", "previous": before.hash.hex()}])
            _sync_folder(folder)
        except OSError:
            tape.close()
            segment.path.unlink(missing_ok=True)
            raise
        return tape

    def write(self, contents: Iterable[Mapping[str, Any]]) -> None:
        """Add entries: all are on disk when this returns; when it raises the file is as it was, if the disk lets it."""
        head, lines = self.head, []
        for content in contents:
            line, head = sealed(head, content)
            lines.append(line)
        data = b"".join(lines)
        try:
            _write(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError:
            self._cut()
            raise
        self.head = head
        self.size += len(data)

    def _cut(self) -> None:
        """Take away what comes after the last entry."""
        os.ftruncate(self._descriptor, self.size)
        os.fsync(self._descriptor)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def _descriptor(path: Path, flags: int = 0) -> int:
    binary = getattr(os, "O_BINARY", 0)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | binary | flags, 0o600)


def _write(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put_aside(path: Path) -> None:
    """A file without any entry: a crash cut its first line, or it was damaged, and is kept to be looked at."""
    with path.open("rb") as opened:
        cut = not opened.readline().endswith(b"\n")
    if cut:
        path.unlink()
    else:
        path.replace(path.with_name(path.name + ".damaged"))


def _end(segment: Segment) -> tuple[Head | None, int]:
    """The last line that has the form of an entry, and how many bytes the file has up to its end.

    What comes after it was being written when the machine or the process ended: a line is whole, or nobody was told of
    it. What is wrong before it is not for this to repair: `verify` tells.
    """
    with segment.path.open("rb") as opened:
        at = opened.seek(0, os.SEEK_END)
        tail = b""
        while at:
            start = max(0, at - _BLOCK)
            opened.seek(start)
            tail = opened.read(at - start) + tail
            at = start
            if found := _last_line(tail, whole=start == 0):
                head, end = found
                return head, start + end
    return None, 0


def _last_line(data: bytes, *, whole: bool) -> tuple[Head, int] | None:
    """The last entry of the data, and where it ends. `whole`: the data is all of the file."""
    end = data.rfind(b"\n")
    while end >= 0:
        begin = data.rfind(b"\n", 0, end) + 1
        if begin == 0 and not whole:
            return None
        link = link_of(data[begin:end])
        if link is not None:
            return link.head, end + 1
        end = begin - 1
    return None
