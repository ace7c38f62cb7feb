"""The ERP companies that this connector serves: plugins found by entry point, each with its configuration."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from pydantic import ValidationError

from mostek.connector import metrics
from mostek.connector.config import (
    CompanyConfig,
    Config,
    ConfigError,
    Mistake,
    Path_,
    mistakes_of,
    read_toml,
)
from mostek.connector.policy import Policy
from mostek.connector.policy_config import CompanyPolicyConfig
from mostek.link.v1.link_pb2 import Company as CompanyStatus
from mostek.plugin.plugin import Plugin, SettingError, Site
from mostek.wire.failures import CommandFailure
from mostek.wire.fields import own_paths
from mostek.wire.operations import OPERATIONS

__all__ = ["Company", "installed_plugins", "load"]

log = structlog.get_logger()

GROUP = "mostek.plugins"


@dataclass
class Company:
    """One company and the plugin that serves it. Writes go one at a time."""

    name: str
    plugin_name: str
    plugin: Plugin
    write_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    #: A write does not end; while that is so, no other is begun.
    stuck: bool = False
    #: The ERP could be looked at when that was tried last.
    up: bool = False
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _opened: bool = False
    _seen: dict[str, Any] = field(default_factory=dict)
    _refusals: list[str] = field(default_factory=list)

    def open(self) -> None:
        """Let the plugin look at the ERP, once. Raises what keeps it from that; the next command tries again."""
        with self._opening:
            if not self._opened:
                self.plugin.open()
                self._opened = True

    def look(self) -> None:
        """See what the ERP is like now. An ERP that is down must not keep the connector offline: it is only logged."""
        try:
            self.open()
            seen: dict[str, Any] = {
                "erp_version": self.plugin.erp_version(),
                "schema": self.plugin.schema(),
                "drift": self.plugin.drift(),
            }
            # What the hub can't be told shows here.
            CompanyStatus(**seen)
            self._seen = seen
            self.up = True
            metrics.seen(self.name, self._seen["drift"])
            self._tell_refusals()
        except CommandFailure as failure:
            self.up = False
            metrics.seen(self.name, None)
            log.warning(
                "company is not available",
                company=self.name,
                reason=failure.message,
                erp_text=failure.erp_text,
            )
        except Exception:
            # The edge to foreign code: one plugin's mistake takes neither the others nor the looks along.
            self.up = False
            metrics.seen(self.name, None)
            log.exception("a company's plugin failed when it was looked at", company=self.name)

    def _tell_refusals(self) -> None:
        """Log what will have writes refused, each once."""
        reasons = self.plugin.refusals()
        for reason in reasons:
            if reason not in self._refusals:
                log.warning("writes will be refused", company=self.name, reason=reason)
        self._refusals = reasons

    def status(self, policy: Policy) -> CompanyStatus:
        """What the hub is told, as last seen."""
        allows = policy.of(self.name).allows
        return CompanyStatus(
            name=self.name,
            plugin=self.plugin_name,
            erp=self.plugin.erp,
            operations=[
                name
                for name, operation in OPERATIONS.items()
                if name in self.plugin.serves and allows(operation)
            ],
            **self._seen,
        )


def installed_plugins() -> dict[str, EntryPoint]:
    """Entry points by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(file: Path) -> tuple[Config, list[Company]]:
    """The configuration and its companies, not yet opened. Raises ConfigError with every mistake of the file."""
    data, lines = read_toml(file)
    mistakes: list[Mistake] = []
    config: Config | None = None
    try:
        config = Config.model_validate(data, context={"folder": file.parent})
        config.relative_to(file.parent)
    except ValidationError as error:
        mistakes += mistakes_of(error, lines)
    state = config.connector.state if config else file.parent
    companies = []
    for name, settings in _companies_of(data).items():
        try:
            companies.append(_company(name, settings, file.parent, state, lines))
        except _Faulty as faulty:
            mistakes += faulty.mistakes
    if config is not None:
        mistakes += _policy_mistakes(config, companies, lines)
    if config is None or mistakes:
        raise ConfigError(file, mistakes)
    for company in config.companies.values():
        company.forget()
    return config, companies


def _policy_mistakes(
    config: Config, companies: Sequence[Company], lines: dict[Path_, int]
) -> Iterator[Mistake]:
    """What the policy names that the contract does not know but this site would have to have."""
    for name in config.policy.companies.keys() - config.companies.keys():
        known = ", ".join(config.companies)
        message = f"there is no company of this name; there are {known}"
        yield _mistake(("policy", "companies", name), lines, message)
    if len(companies) < len(config.companies):
        return  # Which fields they have is not known.
    own = {company.name: company.plugin.own_fields() for company in companies}
    told = [paths for paths in own.values() if paths is not None]
    if len(told) == len(own):
        everywhere = frozenset(path for paths in told for path in paths)
        yield from _unknown_own(("policy",), config.policy, everywhere, lines)
    for name, policy in config.policy.companies.items():
        if (found := own.get(name)) is not None:
            yield from _unknown_own(("policy", "companies", name), policy, found, lines)


def _unknown_own(
    table: Path_, policy: CompanyPolicyConfig, own: frozenset[str], lines: dict[Path_, int]
) -> Iterator[Mistake]:
    """Fields of the site's own that no query has: a slip of the pen would keep nothing back."""
    for key, paths in (("allow", policy.allow), ("deny", policy.deny)):
        for path in own_paths(paths):
            if path in own or any(one.startswith(f"{path}.") for one in own):
                continue
            known = ", ".join(sorted(own)) or "none"
            message = f"{path}: the site has no field of its own of this name; it has {known}"
            yield _mistake((*table, key), lines, message)


def _companies_of(data: dict[str, Any]) -> dict[str, CompanyConfig]:
    """Those whose own settings are right; what is wrong with the others has been told."""
    found = {}
    tables = data.get("companies")
    for name, table in tables.items() if isinstance(tables, dict) else ():
        with contextlib.suppress(ValidationError):
            found[name] = CompanyConfig.model_validate(table)
    return found


class _Faulty(Exception):
    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__()
        self.mistakes = mistakes


def _company(
    name: str, settings: CompanyConfig, folder: Path, state: Path, lines: dict[Path_, int]
) -> Company:
    table: Path_ = ("companies", name)
    plugin_class = _plugin_class(settings.plugin, (*table, "plugin"), lines)
    zone = _zone(settings.time_zone, (*table, "time_zone"), lines)
    try:
        plugin_config = plugin_class.config_type.model_validate(
            settings.settings, context={"folder": folder}
        )
        plugin = plugin_class(plugin_config, Site(company=name, state=state, zone=zone))
    except ValidationError as error:
        raise _Faulty(mistakes_of(error, lines, table)) from None
    except SettingError as fault:
        raise _Faulty([_mistake((*table, *fault.path), lines, str(fault))]) from None
    except ValueError as fault:
        raise _Faulty([_mistake(table, lines, str(fault))]) from None
    except CommandFailure as failure:
        # What the plugin needs of this machine is not there: the ODBC manager, say.
        raise _Faulty([_mistake(table, lines, failure.message)]) from None
    return Company(name, settings.plugin, plugin)


def _mistake(path: Path_, lines: dict[Path_, int], message: str) -> Mistake:
    line = lines.get(path) or lines.get(path[:2], 0)
    return Mistake(line, ".".join(map(str, path)), message)


def _plugin_class(name: str, path: Path_, lines: dict[Path_, int]) -> type[Plugin]:
    installed = installed_plugins()
    if name not in installed:
        names = ", ".join(sorted(installed)) or "none"
        raise _Faulty(
            [_mistake(path, lines, f"no plugin {name!r} is installed (installed: {names})")]
        )
    found = installed[name].load()
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise _Faulty([_mistake(path, lines, f"{name!r} is no plugin of this version of Mostek")])
    return found


def _zone(name: str, path: Path_, lines: dict[Path_, int]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"{name!r} is no time zone; write e.g. Europe/Warsaw"
        raise _Faulty([_mistake(path, lines, message)]) from None
