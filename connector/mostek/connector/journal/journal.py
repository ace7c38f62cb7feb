"""An entry for each command is on disk before its result leaves, and no command is run while that can't be."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import queue
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import structlog

from mostek.connector.journal.chain import NO_ENTRY
from mostek.connector.journal.config import JournalConfig
from mostek.connector.journal.files import Segment, begins_after, hash_now, journal_folder, segments
from mostek.connector.journal.tape import Tape, Torn
from mostek.connector.journal.trace import Trace
from mostek.connector.journal.values import SiteKey
from mostek.wire.failures import Overloaded

__all__ = ["Journal", "NotJournaled", "key_file", "moment"]

log = structlog.get_logger()

#: Seconds between looks at the disk, and between looks for files that are too old.
LOOK_EVERY = 1.0
RETAIN_EVERY = 3600.0
#: A caller that was refused may ask again after so many seconds.
RETRY_AFTER = 5.0
#: Seconds that the disk has for what waits when the connector stops.
_END_WITHIN = 10.0
#: Entries that one write to the disk has at most.
_GROUP = 256
_MEGABYTE = 1_000_000
_FULL = (errno.ENOSPC, errno.EDQUOT)

Commit = tuple[Trace, "asyncio.Future[None]"]


class NotJournaled(Overloaded):
    """What can't be recorded does not leave the site."""


class Journal:
    """Written by a thread of its own: what comes while it writes is its next group.

    `about`: what the first entry of this process says of it. `free`: the free bytes where a folder is.
    """

    def __init__(
        self,
        state: Path,
        config: JournalConfig,
        about: Mapping[str, Any],
        *,
        clock: Callable[[], float] = time.time,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self.folder = journal_folder(state)
        #: The last entry that is on disk.
        self.head = NO_ENTRY
        self._config = config
        self._key_file = key_file(state)
        self._key: SiteKey | None = None
        self._about = about
        self._clock = clock
        self._free = free
        self._tape: Tape | None = None
        self._started = False
        self._torn: list[Torn] = []
        self._queue: queue.SimpleQueue[Commit | None] = queue.SimpleQueue()
        self._refusal = "The site's journal is not open yet."
        self._refused_since = 0.0
        self._refused = 0
        self._retain_at = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        # One at a time: each reads a file whole, and a link that flaps asks again before it is done.
        self._reader = ThreadPoolExecutor(1, "journal-reader")

    @classmethod
    def open(cls, state: Path, config: JournalConfig, about: Mapping[str, Any]) -> Self:
        """The journal of a state folder, at work. A disk that is full does not keep it from opening, but commands from
        being run.

        Raises SiteKeyError.
        """
        journal = cls(state, config, about)
        journal.start()
        return journal

    def start(self) -> None:
        """Open the files and let the thread write. Raises SiteKeyError."""
        if self._key_file.exists():
            self._key = SiteKey.load(self._key_file)
        self.look()
        self._thread.start()

    @property
    def open_for_commands(self) -> bool:
        """Whether what a command does can be recorded, as far as is known."""
        return not self._refusal

    def check(self) -> None:
        """Raise NotJournaled if what a command does could not be recorded."""
        if self._refusal:
            self._refused += 1
            raise _not_journaled(self._refusal)

    async def commit(self, trace: Trace) -> None:
        """Record what a command did: it is on disk when this returns. Raises NotJournaled: the result may not leave."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put((trace, future))
        await future

    async def known(self, number: int) -> bytes | None:
        """The hash that an entry has on disk now; None: it is not there."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._hash, number)

    def close(self) -> None:
        """Write what waits, and end."""
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._queue.put(None)
        self._thread.join(_END_WITHIN)

    def _hash(self, number: int) -> bytes | None:
        try:
            return hash_now(self.folder, number)
        except OSError as error:
            log.error("the journal can't be read", reason=error.strerror)
            return None

    def _run(self) -> None:
        look_at = time.monotonic() + LOOK_EVERY
        going = True
        while going:
            group, going = self._group(max(look_at - time.monotonic(), 0.0))
            if group:
                self._commit(group)
            if time.monotonic() >= look_at:
                self.look()
                look_at = time.monotonic() + LOOK_EVERY
        self._end()

    def _group(self, seconds: float) -> tuple[list[Commit], bool]:
        """What waits by now, or comes within that time; and whether to go on."""
        group: list[Commit] = []
        try:
            item = self._queue.get(timeout=seconds)
            while item is not None:
                group.append(item)
                if len(group) >= _GROUP:
                    return group, True
                item = self._queue.get_nowait()
        except queue.Empty:
            return group, True
        return group, False

    def _commit(self, group: list[Commit]) -> None:
        try:
            written = self._tape is not None and self._write(group, self._tape)
        except OSError as error:
            written = self._lost(error)
        except Exception:
            # Those that wait must not wait for ever, nor get what is not recorded.
            written = self._failed()
        if not written:
            self._refused += len(group)
        _tell(group, "" if written else self._refusal)

    def _write(self, group: list[Commit], tape: Tape) -> bool:
        if tape.size >= self._config.file_megabytes * _MEGABYTE:
            tape = self._next_file(tape)
        now = moment(self._clock())
        tape.write([{"at": now} | self._content(trace) for trace, _ in group])
        self.head = tape.head
        return True

    def _content(self, trace: Trace) -> dict[str, Any]:
        assert self._key is not None
        try:
            return trace.content(self._key)
        except Exception:
            log.exception("an entry is incomplete", command_id=trace.command.command_id)
            return trace.basics() | {"incomplete": True}

    def _next_file(self, tape: Tape) -> Tape:
        fresh = Tape.begun(self.folder, tape.head, self._file_head())
        self._tape = fresh
        self.head = fresh.head
        tape.close()
        self._retain_at = 0.0
        return fresh

    def look(self) -> None:
        """See whether there is room, and go on if there is again; delete what is too old."""
        try:
            self._look()
        except OSError as error:
            self._lost(error)
        except Exception:
            self._failed()

    def _look(self) -> None:
        tape = self._tape or self._opened()
        floor = self._config.free_megabytes
        free = self._free(self.folder) // _MEGABYTE
        if free < floor:
            self._refuse(
                f"Only {free} MB are free on the disk of the site's journal, so no command is run. The site's "
                f"administrator must free some space (journal.free_megabytes = {floor})."
            )
        elif self._refusal:
            self._resume(tape)
        if time.monotonic() >= self._retain_at:
            self._retain_at = time.monotonic() + RETAIN_EVERY
            self._retain(tape)

    def _opened(self) -> Tape:
        """Go on where the files end. The tape is kept once it has taken the first entries."""
        self.folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = self._key or SiteKey.made(self._key_file)
        tape = Tape.open(self.folder, self._file_head(), self._torn)
        try:
            tape.write(self._first_entries(self._key))
        except OSError:
            tape.close()
            raise
        self._torn.clear()
        self._started = True
        self._tape = tape
        self.head = tape.head
        return tape

    def _file_head(self) -> dict[str, Any]:
        """What the first entry of a file says; readers of a part of the journal need the key."""
        assert self._key is not None
        return {"at": moment(self._clock()), "key": self._key.id}

    def _first_entries(self, key: SiteKey) -> list[dict[str, Any]]:
        now = moment(self._clock())
        entries: list[dict[str, Any]] = [
            {"at": now, "event": "repaired", "file": one.file, "bytes": one.bytes}
            for one in self._torn
        ]
        if not self._started:
            entries.append({"at": now, "event": "started", "key": key.id, **self._about})
        return entries

    def _resume(self, tape: Tape) -> None:
        """Commands are run again, and the journal says that and since when they were not."""
        if self._refused_since:
            entry = {
                "at": moment(self._clock()),
                "event": "resumed",
                "refused_since": moment(self._refused_since),
                "refused": self._refused,
            }
            tape.write([entry])
            self.head = tape.head
            log.info("the journal is written again", refused=self._refused)
        self._refusal, self._refused_since, self._refused = "", 0.0, 0

    def _failed(self) -> bool:
        """The journal does not do what it should, whoever is at fault."""
        log.exception("the journal failed")
        self._refuse("The site's journal failed; the connector's log says why.")
        self._let_go()
        return False

    def _let_go(self) -> None:
        tape, self._tape = self._tape, None
        if tape is not None:
            # A disk may tell only now that it lost something: nothing in it was told to anybody.
            with contextlib.suppress(OSError):
                tape.close()

    def _lost(self, error: OSError) -> bool:
        """The disk does not take or give what it should: nothing is run until it does."""
        self._let_go()
        reason = error.strerror or type(error).__name__
        full = "The disk is full" if error.errno in _FULL else f"It can't be written ({reason})"
        self._refuse(
            f"The site's journal can't be kept, so no command is run. {full}: {self.folder}. The site's administrator "
            "must see to it; commands are run again by themselves then."
        )
        return False

    def _refuse(self, text: str) -> None:
        if not self._refused_since:
            self._refused_since = self._clock()
            log.error("commands are refused", reason=text)
        self._refusal = text

    def _retain(self, tape: Tape) -> None:
        """Delete the oldest files, the last one never; an entry says so before they go."""
        files = segments(self.folder)
        for reason, count in (("age", self._aged(files)), ("size", self._too_many(files))):
            gone = [one for one in files[:count] if one.path.exists()]
            if not gone:
                continue
            until = begins_after(files[count].first())
            entry = {
                "at": moment(self._clock()),
                "event": "deleted",
                "reason": reason,
                "from": gone[0].number,
                "until": files[count].number - 1,
                "until_hash": until.hash.hex() if until else "",
            }
            tape.write([entry])
            self.head = tape.head
            self._delete(gone, reason)

    def _aged(self, files: list[Segment]) -> int:
        """How many files end before what is to be kept begins: the next file tells when one ended."""
        oldest = moment(self._clock() - self._config.keep_days * 24 * 3600.0)
        return sum(1 for _ in takewhile(lambda after: after.begins_at() < oldest, files[1:]))

    def _too_many(self, files: list[Segment]) -> int:
        """How many of the oldest files are over the size of all, with room for the one that grows."""
        room = (self._config.most_megabytes - self._config.file_megabytes) * _MEGABYTE
        count = len(files) - 1
        for segment in reversed(files[:-1]):
            room -= segment.path.stat().st_size if segment.path.exists() else 0
            if room < 0:
                return count
            count -= 1
        return 0

    def _delete(self, files: Iterable[Segment], reason: str) -> None:
        for segment in files:
            try:
                segment.path.unlink(missing_ok=True)
            except OSError as error:
                # On Windows somebody may be reading it; the next look tries again.
                log.warning(
                    "a file can't be deleted", file=str(segment.path), reason=error.strerror
                )
            else:
                log.info("a file of the journal was deleted", file=str(segment.path), reason=reason)

    def _end(self) -> None:
        if self._tape is not None:
            try:
                self._tape.write([{"at": moment(self._clock()), "event": "stopped"}])
                self.head = self._tape.head
            except OSError as error:
                log.error("the journal's last entry could not be written", reason=error.strerror)
            self._tape.close()


def key_file(state: Path) -> Path:
    """Where in a state folder the key of the hashes is."""
    return state / "journal.key"


def moment(seconds: float) -> str:
    """A moment as the journal has it: UTC, to the millisecond."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def _not_journaled(refusal: str) -> NotJournaled:
    return NotJournaled(refusal, retry_after=RETRY_AFTER)


def _tell(group: Iterable[Commit], refusal: str) -> None:
    """Let those who wait go on, each in its own loop; `refusal`: why nothing was written."""
    loops: defaultdict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = defaultdict(list)
    for _, future in group:
        loops[future.get_loop()].append(future)
    for loop, futures in loops.items():
        # A loop that is closed has nobody who waits.
        if not loop.is_closed():
            loop.call_soon_threadsafe(_finish, futures, refusal)


def _finish(futures: Iterable[asyncio.Future[None]], refusal: str) -> None:
    for future in futures:
        if future.done():
            continue
        if refusal:
            future.set_exception(_not_journaled(refusal))
        else:
            future.set_result(None)
