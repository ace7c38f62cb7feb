from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from mostek.plugin import testing
from mostek.plugin.plugin import Site
from mostek.plugin.query import Query
from mostek.plugin.sql_plugin import SqlConfig
from mostek_wapro.config import WaproConfig
from mostek_wapro.mag import WaproMag
from mostek_wapro.sandbox import create
from mostek_wapro.schema import older_schema

TODAY = date(2026, 11, 20)
QUERIES: dict[str, Query] = {}


class Writer(WaproMag):
    """WAPRO Mag on the sandbox's last day. Its queries are read from their files once, not for every test."""

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        if not QUERIES:
            QUERIES.update(super()._load(config))
        return dict(QUERIES)

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=self.site.zone)


class Shop(testing.Shop):
    """A company of WAPRO Mag. `rules`: more of its configuration."""

    plugin: Writer

    def __init__(
        self,
        path: Path,
        orders: dict[str, Any] | None = None,
        lock_timeout: float = 3.0,
        rules: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(path)
        self.orders = orders
        self.lock_timeout = lock_timeout
        self.rules = rules or {}
        self.plugin = self.opened()
        self.buyer = self.value(
            "SELECT MIN(ID_KONTRAHENTA) FROM dbo.KONTRAHENT WHERE ID_FIRMY = 3 AND ODBIORCA = 1 AND ZABLOKOWANY = '0'"
            " AND Incydentalny = 0 AND DOMYSLNY_RABAT = 0 AND NIP > '' AND SYM_KRAJU = 'PL' AND TERMIN_NALEZNOSCI = 14"
        )
        self.goods = self.column(
            "SELECT INDEKS_KATALOGOWY FROM dbo.ARTYKUL WHERE ID_MAGAZYNU = 1 AND ZABLOKOWANY = '0'"
            " AND RODZAJ = 'Towar' AND VAT_SPRZEDAZY = '23' ORDER BY ID_ARTYKULU"
        )

    def opened(self) -> Writer:
        database = {"kind": "sqlite", "path": str(self.path), "lock_timeout": self.lock_timeout}
        settings: dict[str, Any] = {"database": database, "company": "Nasza", "orders": self.orders}
        settings |= self.rules
        site = Site("demo", self.path.parent, ZoneInfo("Europe/Warsaw"))
        plugin = Writer(WaproConfig.model_validate(settings), site)
        plugin.open()
        return plugin

    def problems(self, **changes: Any) -> dict[str, str]:
        """What is wrong, by field."""
        return {one.field: one.message for one in self.check(**changes).problems}

    def counted(self) -> dict[str, int]:
        """How many rows there are of what a write may add to, and the last number drawn."""
        tables = ("ZAMOWIENIE", "POZYCJA_ZAMOWIENIA", "KONTRAHENT", "ADRESY_KONTRAHENTA")
        found = {table: self.value(f"SELECT COUNT(*) FROM dbo.{table}") for table in tables}
        return found | {"": self.value("SELECT SUM(LAST_ID) FROM dbo.NUMERACJA")}


@pytest.fixture(scope="session")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sandbox for each generation of the procedures."""
    folder = tmp_path_factory.mktemp("orders")
    sizes: dict[str, Any] = {"customers": 60, "products": 60, "invoices": 40, "today": TODAY}
    schemas = {"2019": older_schema(), "2022": None, "2026": None}
    return {
        name: create(folder / f"{name}.db", schema=schema, generation=name, **sizes)
        for name, schema in schemas.items()
    }


@pytest.fixture
def company(sandboxes: dict[str, Path], tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes a shop on a copy of a sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(
        *statements: str,
        generation: str = "2026",
        lock_timeout: float = 3.0,
        closed: bool = False,
        **orders: Any,
    ) -> Shop:
        path = tmp_path / f"company{len(made)}.db"
        testing.changed_copy(sandboxes[generation], path, *statements)
        given = None if closed else {"user": "MOSTEK", "warehouse": "MAG"} | orders
        made.append(Shop(path, given, lock_timeout))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(company: Callable[..., Shop]) -> Shop:
    return company()
