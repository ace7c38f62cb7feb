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
from mostek_wapro.config import WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.sandbox import create
from mostek_wapro.schema import older_schema

TODAY = date(2026, 11, 20)
#: Tables that no filter may read whole.
LARGE_TABLES = frozenset(
    f"dbo.{table}"
    for table in (
        *("KONTRAHENT", "ADRESY_KONTRAHENTA", "KONTAKT", "MIEJSCE_DOSTAWY", "ARTYKUL"),
        *("JEDNOSTKA", "KOD_KRESKOWY", "CENA_ARTYKULU", "DOKUMENT_HANDLOWY", "ROZRACHUNEK"),
        *("POZYCJA_DOKUMENTU_MAGAZYNOWEGO", "DOKUMENT_MAGAZYNOWY", "INTER_DOKH_VAT", "ZAMOWIENIE"),
        *("POZYCJA_ZAMOWIENIA", "DOSTAWA"),
    )
)


class Frozen(WaproMag):
    """WAPRO Mag on the sandbox's last day."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(self.site.zone)


def opened(path: Path, **config: Any) -> Frozen:
    settings = {"database": {"kind": "sqlite", "path": str(path)}, "company": "Nasza", **config}
    site = Site("demo", path.parent, ZoneInfo("Europe/Warsaw"))
    plugin = Frozen(WaproConfig.model_validate(settings), site)
    plugin.open()
    return plugin


@pytest.fixture(scope="session")
def sandbox_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "wapro.db"
    return create(path, customers=120, products=120, invoices=400, today=TODAY)


@pytest.fixture(scope="session")
def mag(sandbox_path: Path) -> Iterator[Frozen]:
    with closing(opened(sandbox_path)) as plugin:
        yield plugin


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frozen]:
    path = tmp_path_factory.mktemp("older") / "wapro.db"
    create(path, customers=60, products=60, invoices=100, today=TODAY, schema=older_schema())
    with closing(opened(path)) as plugin:
        yield plugin


Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(sandbox_path: Path) -> Iterator[Rows]:
    """Ask the sandbox itself."""
    with closing(connect_sandbox(sandbox_path)) as connection:
        yield lambda sql, *parameters: connection.execute(sql, parameters).fetchall()


@pytest.fixture
def changed(sandbox_path: Path, tmp_path: Path) -> Iterator[Callable[..., Frozen]]:
    """A plugin on a copy of the sandbox in which some statements were run first."""
    made: list[Frozen] = []

    def change(*statements: str, **config: Any) -> Frozen:
        path = changed_copy(sandbox_path, tmp_path / f"{len(made)}.db", *statements)
        made.append(opened(path, **config))
        return made[-1]

    yield change
    for plugin in made:
        plugin.close()
