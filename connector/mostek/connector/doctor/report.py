"""The doctor's report: printed line by line, and the file to send to support."""

from __future__ import annotations

import json
import sqlite3
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from mostek.connector.doctor.examination import Finding, Subject
from mostek.connector.doctor.texts import CHECKS, Lang, Level
from mostek.connector.journal import journal_folder, verify

__all__ = ["lines", "summary", "write_zip"]

_LABELS = {
    "en": {Level.OK: "OK", Level.WARNING: "WARN", Level.FAILURE: "FAIL", Level.SKIPPED: "-"},
    "pl": {Level.OK: "OK", Level.WARNING: "UWAGA", Level.FAILURE: "BŁĄD", Level.SKIPPED: "-"},
}
_LOG_LINES = 500
#: Of a log's line: what may quote the ERP's data stays at the site.
_STAYS = frozenset({"erp_text", "exception", "reason"})


def lines(finding: Finding, lang: Lang) -> Iterator[tuple[Level, str]]:
    """How a finding is printed: the finding and, below it, what to do."""
    label = _LABELS[lang][finding.level]
    name = CHECKS[finding.check][lang == "pl"]
    yield finding.level, f"[{label:^5}] {name}: {finding.text(lang)}"
    if remedy := finding.remedy(lang):
        yield finding.level, f"        → {remedy}"


def summary(findings: Sequence[Finding], lang: Lang) -> str:
    """The last line."""
    bad = sum(finding.level is Level.FAILURE for finding in findings)
    doubtful = sum(finding.level is Level.WARNING for finding in findings)
    if lang == "pl":
        return f"Błędy: {bad}, ostrzeżenia: {doubtful}."
    return f"Failures: {bad}, warnings: {doubtful}."


_LEFT_OUT = "The configuration is wrong, so that its secrets are not known and can't be taken out of the log.\n"


def write_zip(file: Path, subject: Subject, findings: Sequence[Finding], log: Path | None) -> None:
    """The support file: report, configuration without secrets, versions, log, state; no data of the ERP.

    Raises OSError.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for lang in ("en", "pl"):
            text = "\n".join(line for one in findings for _, line in lines(one, lang))
            archive.writestr(
                f"report-{lang}.txt", _without(subject, f"{text}\n{summary(findings, lang)}\n")
            )
        archive.writestr("report.json", _without(subject, _json([_told(one) for one in findings])))
        archive.writestr("configuration.json", _without(subject, _json(_configuration(subject))))
        archive.writestr("versions.txt", "\n".join(_versions()) + "\n")
        archive.writestr("state.json", _json(_state(subject)))
        if log is not None and subject.config is None:
            archive.writestr("log-left-out.txt", _LEFT_OUT)
        elif log is not None:
            archive.writestr("log.jsonl", _without(subject, "\n".join(_log(log)) + "\n"))


def _told(finding: Finding) -> dict[str, Any]:
    parameters = {name: str(value) for name, value in finding.parameters.items()}
    return {
        "check": finding.check,
        "level": finding.level.name,
        "key": finding.key,
        "parameters": parameters,
    }


def _configuration(subject: Subject) -> dict[str, Any]:
    """As it was understood; secrets have a type that dumps as `**********`. Nothing of a file that is wrong."""
    if subject.config is None:
        return {"mistakes": list(subject.mistakes)}
    found = subject.config.model_dump(mode="json", exclude={"companies"})
    found["companies"] = {
        company.name: {
            "plugin": company.plugin_name,
            **company.plugin.config.model_dump(mode="json"),
        }
        for company in subject.companies
    }
    return found


def _versions() -> list[str]:
    return sorted({f"{one.name} {one.version}" for one in distributions()}, key=str.lower)


def _state(subject: Subject) -> dict[str, Any]:
    """What the state folder holds, how many outcomes, the journal's head; no key, no document, no entry."""
    folder = subject.state
    files = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted((*folder.glob("*"), *journal_folder(folder).glob("*")))
        if path.is_file()
    }
    outcomes = _outcomes(folder / "outcomes.sqlite")
    return {"files": files, "outcomes": outcomes, "journal": _journal(folder)}


def _journal(state: Path) -> Any:
    """Its end, and how much of it is not as it was written."""
    try:
        found = verify(journal_folder(state))
    except OSError as error:
        return f"can't be read: {error.strerror}"
    return {
        "first": found.first,
        "number": found.head.number,
        "hash": found.head.hash.hex(),
        "faults": len(found.faults) + found.more_faults,
    }


def _outcomes(file: Path) -> Any:
    if not file.exists():
        return None
    query = (
        "SELECT operation, finished_at IS NOT NULL, acknowledged_at IS NOT NULL, COUNT(*) FROM outcome"
        " GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    )
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as store:
            rows = store.execute(query).fetchall()
    except sqlite3.Error:
        return "in use: the connector runs"
    names = ("operation", "finished", "acknowledged", "count")
    return [dict(zip(names, row, strict=True)) for row in rows]


def _log(file: Path) -> Iterator[str]:
    """The last lines of our own; others may hold anything."""
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:]:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield json.dumps(
                {name: value for name, value in event.items() if name not in _STAYS},
                ensure_ascii=False,
            )


def _without(subject: Subject, text: str) -> str:
    """The text without any secret of the configuration, should something have quoted one."""
    for secret in _secrets(subject):
        for form in {
            secret,
            json.dumps(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        }:
            text = text.replace(form, "**********")
    return text


def _secrets(subject: Subject) -> set[str]:
    models: list[Any] = [subject.config, *(company.plugin.config for company in subject.companies)]
    found = set(_within(models))
    if subject.hub and subject.hub.proxy:
        found |= {subject.hub.proxy, urlsplit(subject.hub.proxy).password or ""}
    return {secret for secret in found if secret}


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        yield from _within([getattr(value, name) for name in type(value).model_fields])
    elif isinstance(value, dict):
        yield from _within(value.values())
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for one in value:
            yield from _within(one)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=str) + "\n"
