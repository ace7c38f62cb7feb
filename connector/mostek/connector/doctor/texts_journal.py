"""What the doctor says about the journal, in English and Polish."""

from __future__ import annotations

from mostek.connector.doctor.text import Level, Text

__all__ = ["JOURNAL_TEXTS"]

_OK, _WARN, _FAIL = Level.OK, Level.WARNING, Level.FAILURE

JOURNAL_TEXTS: dict[str, Text] = {
    "journal.ok": Text(
        _OK,
        "whole: {count} entries, {size} MB, head {head}",
        "nienaruszony: wpisów {count}, {size} MB, ostatni {head}",
    ),
    "journal.none": Text(
        _OK,
        "{folder} has no entry yet",
        "w {folder} nie ma jeszcze wpisów",
    ),
    "journal.unreadable": Text(
        _WARN,
        "{folder} can't be read: {reason}",
        "nie można odczytać {folder}: {reason}",
        "run the doctor as the connector's account or as an administrator",
        "uruchom doctor na koncie konektora albo jako administrator",
    ),
    "journal.fault": Text(
        _FAIL,
        "not as it was written: {fault} (and {more} more)",
        "inny, niż został zapisany: {fault} (i jeszcze {more})",
        "copy the folder as it is, compare it with a backup, and find out who could write there; "
        "`mostek-connector journal verify` names every line",
        "skopiuj folder bez zmian, porównaj z kopią zapasową i ustal, kto mógł tam pisać; "
        "`mostek-connector journal verify` wskaże każdy wiersz",
    ),
    "journal.full": Text(
        _FAIL,
        "only {free} MB are free, so commands are refused (journal.free_megabytes = {floor})",
        "wolne jest tylko {free} MB, więc polecenia są odrzucane (journal.free_megabytes = {floor})",
        "free some space on that disk; commands are run again by themselves then",
        "zwolnij miejsce na tym dysku; polecenia ruszą potem same",
    ),
    "journal.short": Text(
        _WARN,
        "entries up to {until} were deleted for their size before they were old enough",
        "wpisy do {until} usunięto z powodu rozmiaru, zanim minął ich czas",
        "raise journal.most_megabytes, or lower journal.keep_days to what is meant",
        "zwiększ journal.most_megabytes albo zmniejsz journal.keep_days do zamierzonej wartości",
    ),
}
