"""What is examined, and how: checks in the order of their layers, each skipped when what it needs has failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mostek.connector.companies import Company
from mostek.connector.config import Config
from mostek.connector.doctor.texts import CHECKS, TEXTS, Lang, Level

__all__ = ["Check", "Finding", "Hub", "Subject", "examined", "worst"]


@dataclass(frozen=True)
class Finding:
    """One line of the report: a key of `TEXTS` and its parameters, none of which is secret."""

    check: str
    key: str
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        return TEXTS[self.key].level

    def text(self, lang: Lang) -> str:
        return TEXTS[self.key].said(lang).format(**self._named(lang))

    def _named(self, lang: Lang) -> dict[str, Any]:
        """The parameters; names of checks in the language."""
        because = self.parameters.get("because")
        if because is None:
            return self.parameters
        return {"because": ", ".join(CHECKS[name][lang == "pl"] for name in because)}

    def remedy(self, lang: Lang) -> str:
        return TEXTS[self.key].remedy(lang).format(**self.parameters)


@dataclass(frozen=True)
class Hub:
    """Where the hub is and how it is reached. `proxy` may hold a password."""

    link: str
    api: str = ""
    proxy: str = field(default="", repr=False)
    #: Whether the link is encrypted; `ca`: whom to trust then, the system's authorities if None.
    tls: bool = False
    ca: Path | None = None
    #: The connector's certificate: a PEM file, with its key or without.
    identity: Path | None = None

    @property
    def host(self) -> str:
        return self.link.rpartition(":")[0].strip("[]")

    @property
    def enrolled(self) -> bool:
        """Whether there is a certificate of the connector's own."""
        return self.identity is not None and self.identity.exists()

    @property
    def port(self) -> int:
        return int(self.link.rpartition(":")[2])


@dataclass
class Subject:
    """What is known of the site before the checks, and what they learn for each other."""

    file: Path
    hub: Hub | None = None
    config: Config | None = None
    companies: Sequence[Company] = ()
    #: Every mistake of the configuration.
    mistakes: Sequence[str] = ()
    #: ODBC drivers that the configuration names, by company.
    drivers: dict[str, str] = field(default_factory=dict)
    #: Seconds of silence to try, the shortest first; empty: not measured.
    idle: Sequence[float] = ()
    #: Companies whose database lets no login in.
    closed: set[str] = field(default_factory=set)
    #: Seconds that anything on the network may take.
    patience: float = 10.0

    @property
    def state(self) -> Path:
        return self.config.connector.state if self.config else self.file.parent / "state"


Said = Iterable[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Check:
    """`run` yields keys of `TEXTS` with their parameters; it is not run when a check that it `needs` has failed."""

    name: str
    run: Callable[[Subject], Said]
    needs: tuple[str, ...] = ()
    #: Its failures concern one company each: it has failed when all are closed.
    apart: bool = False


def examined(subject: Subject, checks: Sequence[Check]) -> Iterator[Finding]:
    """The findings of all checks, as they come."""
    bad = set() if subject.hub else {"hub"}
    bad |= set() if subject.companies else {"companies"}
    for check in checks:
        broken = [name for name in check.needs if name in bad]
        if broken:
            bad.add(check.name)
            yield Finding(check.name, "skipped", {"because": broken})
            continue
        for finding in _findings(check, subject):
            if finding.level is Level.FAILURE and not check.apart:
                bad.add(check.name)
            yield finding
        if check.apart and subject.closed == {company.name for company in subject.companies}:
            bad.add(check.name)


def _findings(check: Check, subject: Subject) -> Iterator[Finding]:
    try:
        for key, parameters in check.run(subject):
            yield Finding(check.name, key, parameters)
    except Exception as error:
        # A doctor that falls over is of no use: its own fault is a finding too. The error's text may quote anything.
        yield Finding(check.name, "crashed", {"reason": type(error).__name__})


def worst(findings: Iterable[Finding]) -> int:
    """The exit code: 0 all is well, 1 warnings, 2 failures."""
    return max((max(finding.level, 0) for finding in findings), default=0)
