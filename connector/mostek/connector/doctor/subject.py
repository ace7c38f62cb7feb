"""What there is to examine: as much as the configuration tells, also where it is wrong or not written yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mostek.connector.companies import load
from mostek.connector.config import ConfigError, ConnectorConfig, HubConfig, read_toml
from mostek.connector.doctor.examination import Hub, Subject
from mostek.plugin.database_config import SqlServerConfig

__all__ = ["idle_spans", "subject_of"]

_SPANS = (15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)


def subject_of(file: Path, given: Hub | None = None, idle: Sequence[float] = ()) -> Subject:
    """The site of a configuration file. What is `given` of the hub goes before what the file says."""
    subject = Subject(file, idle=idle)
    if file.exists():
        try:
            subject.config, subject.companies = load(file)
        except ConfigError as error:
            subject.mistakes = [str(mistake) for mistake in error.mistakes]
    data: dict[str, Any] = {}
    with contextlib.suppress(ConfigError):
        data, _ = read_toml(file)
    subject.hub = _hub(data, file.parent, given)
    subject.drivers = dict(_drivers(data))
    return subject


def _hub(data: dict[str, Any], folder: Path, given: Hub | None) -> Hub | None:
    found: Hub | None = None
    with contextlib.suppress(ValidationError):
        config = HubConfig.model_validate(data.get("hub"), context={"folder": folder})
        config.relative_to(folder, folder / _state(data))
        found = Hub(
            config.link,
            api=config.api or "",
            proxy=config.proxy.get_secret_value(),
            tls=not config.insecure,
            ca=config.ca if config.ca and config.ca.exists() else None,
            identity=config.identity,
        )
    if given is None or found is None:
        return given if given and given.link else found
    told = {name: value for name, value in vars(given).items() if value}
    return replace(found, **told)


def _state(data: dict[str, Any]) -> Path:
    table = data.get("connector")
    named = table.get("state") if isinstance(table, dict) else None
    return Path(named) if isinstance(named, str) else ConnectorConfig.model_fields["state"].default


def _drivers(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The ODBC driver of each company on SQL Server, whatever else of it is wrong."""
    companies = data.get("companies")
    for name, table in companies.items() if isinstance(companies, dict) else ():
        database = table.get("database") if isinstance(table, dict) else None
        if isinstance(database, dict) and database.get("kind") == "mssql":
            yield name, str(database.get("driver", SqlServerConfig.model_fields["driver"].default))


def idle_spans(longest: float) -> list[float]:
    """The spans of silence to try: some usual limits, and the longest."""
    return [span for span in _SPANS if span < longest] + ([longest] if longest else [])
