"""The journal's files, read without disturbing whoever writes them. Methods raise OSError.

A file is named by the number of its first entry, which says of itself that it begins a file, and after which hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mostek.connector.journal.chain import NO_ENTRY, Head, Link, entry_of, link_of

__all__ = ["Segment", "begins_after", "entries_of", "hash_now", "journal_folder", "segments"]

_NAME = re.compile(r"journal-([0-9]{12,19})\.ndjson")


@dataclass(frozen=True, order=True)
class Segment:
    """One file of the journal; `number` is that of its first entry."""

    number: int
    path: Path

    @classmethod
    def named(cls, folder: Path, number: int) -> Segment:
        """The file of a folder that begins with that entry."""
        return cls(number, folder / f"journal-{number:012}.ndjson")

    def first(self) -> bytes:
        """The first line, without its line feed."""
        with self.path.open("rb") as opened:
            return opened.readline().removesuffix(b"\n")

    def begins_at(self) -> str:
        """When it was begun, as `at` says it."""
        return str((entry_of(self.first()) or {}).get("at", ""))

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """Each line without its line feed, and whether it had one: the last may be just being written."""
        with self.path.open("rb") as opened:
            for line in opened:
                whole = line.endswith(b"\n")
                yield (line[:-1] if whole else line), whole


def journal_folder(state: Path) -> Path:
    """Where in a state folder the journal is."""
    return state / "journal"


def segments(folder: Path) -> list[Segment]:
    """The files, the oldest first; none if there is no folder."""
    if not folder.is_dir():
        return []
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted(Segment(int(match[1]), path) for match, path in found if match)


def begins_after(line: bytes) -> Head | None:
    """The entry before a file's first line, as that says; None: it begins no file."""
    link, entry = link_of(line), entry_of(line)
    if link is None or entry is None or entry.get("event") != "file":
        return None
    try:
        before = bytes.fromhex(str(entry.get("previous")))
    except ValueError:
        return None
    return Head(link.number - 1, before) if len(before) == len(NO_ENTRY.hash) else None


def entries_of(folder: Path, since: str = "") -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Lines and what they say, the oldest first; without files that end before a moment, written as in `at`.

    What is no entry is left out: `verify` tells of it.
    """
    files = segments(folder)
    for segment, after in zip_longest(files, files[1:]):
        if since and after is not None and after.begins_at() < since:
            continue
        for line, whole in segment.lines():
            entry = entry_of(line) if whole else None
            if entry is not None:
                yield line, entry


def hash_now(folder: Path, number: int) -> bytes | None:
    """The hash that an entry has now, by all that its file has before it; None: there is no such entry."""
    files = segments(folder)
    # Of files that were deleted, the oldest that is left names the last entry.
    holding = [segment for segment in files if segment.number <= number][-1:] or files[:1]
    for segment in holding:
        head = begins_after(segment.first())
        for line, whole in segment.lines() if head else ():
            if head is None or head.number == number:
                break
            link = link_of(line) if whole else None
            head = _next(link, head) if link else None
        if head is not None and head.number == number:
            return head.hash
    return None


def _next(link: Link, before: Head) -> Head | None:
    return link.after(before) if link.number == before.number + 1 else None
