"""Whether the journal is whole: every line as it was written, none missing, none more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mostek.connector.journal.chain import NO_ENTRY, BrokenChain, Head, Link, entry_of, link_of
from mostek.connector.journal.files import Segment, begins_after, segments

__all__ = ["Fault", "Verdict", "verify"]

#: More faults are only counted.
MOST_FAULTS = 20


@dataclass(frozen=True)
class Fault:
    """Where the journal is not what was written. `line` counts from 1; 0: the file as a whole."""

    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        where = f", line {self.line}" if self.line else ""
        return f"{self.path}{where}: {self.text}"


@dataclass
class Verdict:
    """What was found. `first` and `head` are the first and the last entry that are there."""

    files: int = 0
    bytes: int = 0
    first: int = 0
    head: Head = NO_ENTRY
    faults: list[Fault] = field(default_factory=list)
    more_faults: int = 0
    #: Bytes of a line that is not finished: just being written, or cut by a crash.
    unfinished: int = 0
    #: The last entry that was deleted on purpose, and why, as the journal says.
    deleted: Head = NO_ENTRY
    deleted_for: str = ""

    @property
    def entries(self) -> int:
        """How many are there."""
        return self.head.number - self.first + 1 if self.first else 0

    def add(self, path: Path, line: int, text: str) -> None:
        """A fault was found."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(Fault(path, line, text))
        else:
            self.more_faults += 1


def verify(folder: Path, known: Head | None = None) -> Verdict:
    """Look at every line. `known`: an entry that somebody else remembers, as the hub does. Raises OSError."""
    verdict, head = Verdict(), None
    files = segments(folder)
    for segment in files:
        head = _file(segment, head, verdict, last=segment is files[-1], known=known)
    if files:
        _check_begin(files[0], verdict)
    if known is not None:
        _check_known(folder, known, verdict)
    return verdict


def _file(
    segment: Segment, before: Head | None, verdict: Verdict, *, last: bool, known: Head | None
) -> Head | None:
    """The chain through one file; after a fault it is followed from where it goes on."""
    verdict.files += 1
    head = before
    for number, (line, whole) in enumerate(segment.lines(), 1):
        verdict.bytes += len(line) + whole
        if not whole and last:
            verdict.unfinished = len(line)
            break
        link = link_of(line) if whole else None
        if link is None or entry_of(line) is None:
            verdict.add(segment.path, number, "is no entry of a journal")
            continue
        for text in _faults(segment, number, line, link, head):
            verdict.add(segment.path, number, text)
        verdict.first = verdict.first or link.number
        head = verdict.head = link.head
        if known is not None and known.number == head.number and known.hash != head.hash:
            verdict.add(segment.path, number, f"entry {head.number} is not the one that is known")
        _note_deletion(line, verdict)
    if not last and not segment.path.stat().st_size:
        verdict.add(segment.path, 0, "the file is empty")
    return head


def _faults(
    segment: Segment, number: int, line: bytes, link: Link, head: Head | None
) -> Iterator[str]:
    """What is wrong with a line that follows that entry; None: it is not known which it follows."""
    if number == 1:
        begins = begins_after(line)
        if begins is None or link.number != segment.number:
            yield "the file does not begin as the journal's files do"
        elif head is not None and head != begins:
            yield f"the file goes on after entry {begins.number}, and the one before ends with {head.number}"
        head = head or begins
    if head is None:
        return
    try:
        link.check(head)
    except BrokenChain as broken:
        yield str(broken)


def _note_deletion(line: bytes, verdict: Verdict) -> None:
    """The newest entry about files that were deleted."""
    if b'"event":"deleted"' not in line:
        return
    entry = entry_of(line) or {}
    if entry.get("event") == "deleted":
        number, digest = entry.get("until"), str(entry.get("until_hash"))
        if isinstance(number, int) and len(digest) == 2 * len(NO_ENTRY.hash):
            verdict.deleted = Head(number, bytes.fromhex(digest))
            verdict.deleted_for = str(entry.get("reason", ""))


def _check_begin(first: Segment, verdict: Verdict) -> None:
    """What is not there any more must have been deleted by the journal itself."""
    begins = begins_after(first.first())
    if begins is None or begins == NO_ENTRY:
        return
    deleted = verdict.deleted
    if deleted.number < begins.number or (
        deleted.number == begins.number and deleted.hash != begins.hash
    ):
        verdict.add(
            first.path,
            1,
            f"entries 1 to {begins.number} are missing, and no entry says that they were deleted",
        )


def _check_known(folder: Path, known: Head, verdict: Verdict) -> None:
    if known.number > verdict.head.number:
        verdict.add(
            folder,
            0,
            f"the end is missing: it ends with entry {verdict.head.number}, and entry {known.number} is known",
        )
