"""The record of what left the site: whether it is as it was written, and whether it can go on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

from mostek.connector.doctor.examination import Said, Subject
from mostek.connector.journal import Verdict, journal_folder, verify

__all__ = ["journal"]


def journal(subject: Subject) -> Said:
    """Every entry, the room for more, and how long entries are kept."""
    folder = journal_folder(subject.state)
    try:
        verdict = verify(folder)
    except OSError as error:
        yield (
            "journal.unreadable",
            {"folder": folder, "reason": error.strerror or type(error).__name__},
        )
        return
    yield from _whole(verdict, {"folder": folder})
    if subject.config is not None and folder.is_dir():
        floor = subject.config.journal.free_megabytes
        free = shutil.disk_usage(folder).free // 1_000_000
        if free < floor:
            yield "journal.full", {"free": free, "floor": floor}


def _whole(verdict: Verdict, where: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    if not verdict.entries and not verdict.faults:
        yield "journal.none", where
    for fault in verdict.faults[:1]:
        more = len(verdict.faults) + verdict.more_faults - 1
        yield "journal.fault", {"fault": fault, "more": more}
    if verdict.entries and not verdict.faults:
        size = verdict.bytes // 1_000_000
        yield "journal.ok", {"count": verdict.entries, "head": verdict.head, "size": size}
    if verdict.deleted_for == "size":
        yield "journal.short", {"until": verdict.deleted.number}
