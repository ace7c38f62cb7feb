from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.erp.v1.order_pb2 import (
    OrderDraft,
)
from mostek.plugin import testing
from mostek.plugin.plugin import Site
from mostek.plugin.sandbox import connect_sandbox
from mostek.plugin.testing import changed_copy
from mostek_enova.config import EnovaConfig
from mostek_enova.enova import Enova365
from mostek_enova.orders.writer import EnovaWriter
from mostek_enova.sandbox import create
from mostek_enova.schema import older_schema

from . import faulty

TODAY = date(2026, 11, 20)
#: Tables that no filter may read whole.
LARGE_TABLES = frozenset(
    f"dbo.{table}"
    for table in (
        *("Kontrahenci", "Adresy", "Towary", "KodyKreskowe", "Ceny", "Zasoby", "DokHandlowe"),
        *("PozycjeDokHan", "SumyVAT", "RelacjeHandlowe", "Platnosci", "RozrachunkiIdx"),
        *("KSeFKomunikaty", "Features"),
    )
)


#: How orders are written on the sandbox.
ORDERS: dict[str, Any] = {
    "definition": "ZO",
    "warehouse": "F",
    "database": "Sandbox",
    "operator": "Szef",
    "password": "tajne-hasło",
    "customers": True,
    "worker": {"start_timeout": 20.0, "call_timeout": 20.0},
}


class Frozen(Enova365):
    """enova365 on the sandbox's last day."""

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=UTC).astimezone(self.site.zone)


def opened(path: Path, **config: Any) -> Frozen:
    settings = {"database": {"kind": "sqlite", "path": str(path)}, **config}
    site = Site("demo", path.parent, ZoneInfo("Europe/Warsaw"))
    plugin = Frozen(EnovaConfig.model_validate(settings), site)
    plugin.open()
    return plugin


@pytest.fixture(scope="session")
def sandbox_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("erp") / "enova.db"
    return create(path, customers=120, products=120, invoices=400, today=TODAY)


@pytest.fixture(scope="session")
def enova(sandbox_path: Path) -> Iterator[Frozen]:
    with closing(opened(sandbox_path)) as plugin:
        yield plugin


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frozen]:
    path = tmp_path_factory.mktemp("older") / "enova.db"
    create(path, customers=60, products=60, invoices=120, today=TODAY, schema=older_schema())
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


class Shop(testing.Shop):
    """A company of enova365."""

    plugin: Frozen

    def __init__(self, path: Path, plugin: Frozen) -> None:
        super().__init__(path)
        self.plugin = plugin
        self.goods = self.column(
            "SELECT t.Kod FROM dbo.Towary t WHERE t.Typ = 1 AND t.Blokada = 0 AND t.DefinicjaStawki = 4 ORDER BY t.ID"
        )
        self.buyer = self.value(
            "SELECT MIN(ID) FROM dbo.Kontrahenci WHERE Blokada = 0 AND BlokadaSprzedazy = 0 AND Rabat = 0"
            " AND length(NIP) >= 10"
        )

    def draft(self, **changes: Any) -> OrderDraft:
        return super().draft(**{"lines": [self.line(net="10.50")]} | changes)

    def line(self, number: int = 0, **price: str) -> dict[str, Any]:
        line: dict[str, Any] = {"product": {"code": self.goods[number]}, "quantity": "3"}
        if "discount" in price:
            line["discount"] = price.pop("discount")
        return line | ({"price": price} if price else {})

    def problems(self, **changes: Any) -> dict[str, int]:
        return {one.field: one.code for one in self.check(**changes).problems}

    def where(self, table: str, condition: str, *parameters: Any) -> dict[str, Any]:
        cursor = self.connection.execute(f"SELECT * FROM dbo.{table} WHERE {condition}", parameters)
        return dict(zip((c[0] for c in cursor.description), cursor.fetchone(), strict=True))

    def orders(self) -> list[Any]:
        return self.column("SELECT ID FROM dbo.DokHandlowe WHERE ObcyNumer = 'WEB-1'")


Company = Callable[..., Shop]


@pytest.fixture
def company(sandbox_path: Path, tmp_path: Path) -> Iterator[Company]:
    """Makes a shop on a copy of the sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(*statements: str, fault: str = "", worker: Any = None, **orders: Any) -> Shop:
        path = testing.changed_copy(sandbox_path, tmp_path / f"company{len(made)}.db", *statements)
        plugin = opened(
            path, orders=ORDERS | orders | {"worker": ORDERS["worker"] | (worker or {})}
        )
        if fault:
            Path(f"{path}.fault").write_text(fault)
            office = f"{faulty.__name__}:Faulty"
            plugin.writer = EnovaWriter(plugin, plugin.settings, office)
        made.append(Shop(path, plugin))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture(scope="module")
def shop(sandbox_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One whose worker is started once; what a test writes is there for those after it."""
    path = Path(copyfile(sandbox_path, tmp_path_factory.mktemp("shop") / "enova.db"))
    with closing(Shop(path, opened(path, orders=ORDERS))) as made:
        yield made
