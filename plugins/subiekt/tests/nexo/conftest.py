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
from mostek_subiekt.nexo.config import NexoConfig
from mostek_subiekt.nexo.plugin import SubiektNexo
from mostek_subiekt.nexo.sandbox import create
from mostek_subiekt.nexo.schema import OWNER

TODAY = date(2026, 11, 20)
#: Tables that no filter may read whole.
LARGE_TABLES = frozenset(
    f"{OWNER}.{table}"
    for table in (
        *("Podmioty", "PodmiotHistorie", "PodmiotGrupa", "Firmy", "Osoby", "Adresy"),
        *("Adresy_AdresPodmiotu", "AdresySzczegoly", "AdresSzczegolyHistorie", "Asortymenty"),
        *("JednostkiMiarAsortymentow", "KodyKreskowe", "PozycjeCennika", "StanyMagazynowe"),
        *("Dokumenty", "DokumentDokument", "PozycjeDokumentu", "TabeleVat"),
        *("StanyRealizacjiZamowien", "NumeryKSeFDokumentow", "PlatnosciDokumentow"),
        "Rozrachunki",
    )
)


class Frozen(SubiektNexo):
    """Subiekt nexo on the sandbox's last day."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(self.site.zone)


def opened(path: Path, **config: Any) -> Frozen:
    database = {"kind": "sqlite", "path": str(path), "schema": OWNER}
    site = Site("demo", path.parent, ZoneInfo("Europe/Warsaw"))
    plugin = Frozen(NexoConfig.model_validate({"database": database, **config}), site)
    plugin.open()
    return plugin


@pytest.fixture(scope="session")
def nexo_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nexo") / "nexo.db"
    return create(path, customers=120, products=120, invoices=400, today=TODAY)


@pytest.fixture(scope="session")
def nexo(nexo_path: Path) -> Iterator[Frozen]:
    with closing(opened(nexo_path)) as plugin:
        yield plugin


Rows = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def rows(nexo_path: Path) -> Iterator[Rows]:
    """Ask the sandbox itself; tables are named by `@`."""
    with closing(connect_sandbox(nexo_path, OWNER)) as connection:
        yield lambda sql, *parameters: connection.execute(
            sql.replace("@", f"{OWNER}."), parameters
        ).fetchall()


@pytest.fixture
def changed(nexo_path: Path, tmp_path: Path) -> Iterator[Callable[..., Frozen]]:
    """A plugin on a copy of the sandbox in which some statements were run first."""
    made: list[Frozen] = []

    def change(*statements: str, **config: Any) -> Frozen:
        named = (statement.replace("@", f"{OWNER}.") for statement in statements)
        path = changed_copy(nexo_path, tmp_path / f"{len(made)}.db", *named, schema=OWNER)
        made.append(opened(path, **config))
        return made[-1]

    yield change
    for plugin in made:
        plugin.close()
