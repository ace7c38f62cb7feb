from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.plugin.plugin import Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import changed_copy
from mostek_optima.config import OptimaConfig
from mostek_optima.optima import Optima
from mostek_optima.sandbox import Sandbox, create

TODAY = date(2026, 11, 20)
#: Tables that no filter may read whole.
LARGE_TABLES = frozenset(
    f"CDN.{table}"
    for table in (
        *("Kontrahenci", "KntOsoby", "PodmiotyView", "Towary", "TwrCeny", "TwrIlosci", "TwrEan"),
        *("TwrJMZ", "TwrGrupy", "TraNag", "TraElem", "TraSElem", "TraVat", "TraNagRelacje"),
        "BnkZdarzenia",
    )
)


class Frozen(Optima):
    """Optima on the sandbox's last day."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(self.site.zone)


def settings(path: Path, **config: Any) -> OptimaConfig:
    database = {"kind": "sqlite", "path": str(path), "schema": "CDN"}
    return OptimaConfig.model_validate({"database": database, **config})


def opened(path: Path, **config: Any) -> Frozen:
    plugin = Frozen(settings(path, **config), Site("demo", path.parent, ZoneInfo("Europe/Warsaw")))
    plugin.open()
    return plugin


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    path = tmp_path_factory.mktemp("erp") / "optima.db"
    return create(path, customers=120, products=120, invoices=400, today=TODAY)


@pytest.fixture(scope="session")
def optima(sandbox: Sandbox) -> Iterator[Frozen]:
    with closing(opened(sandbox.path)) as plugin:
        yield plugin


Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(sandbox: Sandbox) -> Iterator[Rows]:
    """Ask the sandbox itself."""
    with closing(connect_sandbox(sandbox.path, "CDN")) as connection:
        yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()


@pytest.fixture
def changed(sandbox: Sandbox, tmp_path: Path) -> Iterator[Callable[..., Frozen]]:
    """A plugin on a copy of the sandbox in which some statements were run first."""
    made: list[Frozen] = []

    def change(*statements: str, **config: Any) -> Frozen:
        path = changed_copy(sandbox.path, tmp_path / f"{len(made)}.db", *statements, schema="CDN")
        made.append(opened(path, **config))
        return made[-1]

    yield change
    for plugin in made:
        plugin.close()
