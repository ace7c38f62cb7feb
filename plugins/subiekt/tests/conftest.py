from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.plugin.database import open_database
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import changed_copy
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create
from mostek_subiekt.schema import older_schema

TODAY = date(2026, 11, 20)


class Frozen(SubiektGt):
    """Subiekt on the sandbox's last day."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(self.site.zone)


def opened(path: Path, **config: Any) -> Frozen:
    settings = SubiektConfig.model_validate(
        {"database": {"kind": "sqlite", "path": str(path)}, **config}
    )
    plugin = Frozen(settings, Site("demo", path.parent, ZoneInfo("Europe/Warsaw")))
    plugin.open()
    return plugin


def moved(plugin: SubiektGt, path: Path) -> SubiektGt:
    """The same plugin on another database: reading its query files takes most of the time that making one does."""
    other = copy(plugin)
    other.database = open_database(SqliteConfig(path=path))
    other.open()
    return other


@pytest.fixture(scope="session")
def sandbox_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "subiekt.db"
    create(path, customers=160, products=240, invoices=400, today=TODAY)
    return path


@pytest.fixture(scope="session")
def older_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("older") / "subiekt.db"
    create(path, customers=80, products=80, invoices=120, today=TODAY, schema=older_schema())
    return path


@pytest.fixture(scope="session")
def gt(sandbox_path: Path) -> Iterator[SubiektGt]:
    with closing(opened(sandbox_path)) as plugin:
        yield plugin


@pytest.fixture(scope="session")
def older(older_path: Path) -> Iterator[SubiektGt]:
    with closing(opened(older_path)) as plugin:
        yield plugin


Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(sandbox_path: Path) -> Iterator[Rows]:
    """Ask the sandbox itself."""
    with closing(connect_sandbox(sandbox_path)) as connection:
        yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()


@pytest.fixture
def changed(
    gt: SubiektGt, sandbox_path: Path, tmp_path: Path
) -> Iterator[Callable[..., SubiektGt]]:
    """A plugin on a copy of the sandbox in which some statements were run first."""
    made: list[SubiektGt] = []

    def change(*statements: str, **config: Any) -> SubiektGt:
        path = changed_copy(sandbox_path, tmp_path / f"{len(made)}.db", *statements)
        made.append(opened(path, **config) if config else moved(gt, path))
        return made[-1]

    yield change
    for plugin in made:
        plugin.close()
