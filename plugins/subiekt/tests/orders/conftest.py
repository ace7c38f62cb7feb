from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from mostek.plugin import testing
from mostek.plugin.plugin import Site
from mostek.plugin.query import Query
from mostek.plugin.sql_plugin import SqlConfig
from mostek_subiekt.config import SubiektConfig
from mostek_subiekt.gt import SubiektGt
from mostek_subiekt.sandbox import create
from mostek_subiekt.schema import older_schema

TODAY = date(2026, 11, 20)
TEMPLATE = "ZK 1/11/2024"


QUERIES: dict[str, Query] = {}


class Writer(SubiektGt):
    """Subiekt on the sandbox's last day. Its queries are read from their files once, not for every test."""

    def _load(self, config: SqlConfig) -> dict[str, Query]:
        if not QUERIES:
            QUERIES.update(super()._load(config))
        return dict(QUERIES)

    def now(self) -> datetime:
        return datetime(2026, 11, 20, 12, tzinfo=self.site.zone)


class Shop(testing.Shop):
    """A company of Subiekt GT."""

    plugin: Writer

    def __init__(
        self, path: Path, config: dict[str, Any] | None = None, lock_timeout: float = 3.0
    ) -> None:
        super().__init__(path)
        self.config = config or {}
        self.lock_timeout = lock_timeout
        self.plugin = self.opened()
        self.buyer = self.value(
            "SELECT MIN(kh_Id) FROM dbo.kh__Kontrahent JOIN dbo.adr__Ewid ON adr_IdObiektu = kh_Id"
            " AND adr_TypAdresu = 1 WHERE kh_Zablokowany = 0 AND kh_Jednorazowy = 0 AND kh_IdRabat IS NULL"
            " AND kh_PlatOdroczone = 1 AND kh_DomyslnyTypCeny = 1 AND kh_Cena = 2 AND kh_AdresDostawy = 0"
            " AND kh_CentrumAut = 0 AND kh_InstKredytowa = 0 AND length(adr_NIP) >= 10 AND adr_NIP < 'A'"
        )
        self.goods = self.column(
            "SELECT tw_Symbol FROM dbo.tw__Towar WHERE tw_Rodzaj = 1 AND tw_Usuniety = 0 AND tw_Zablokowany = 0"
            " AND tw_Id NOT IN (SELECT jm_IdTowar FROM dbo.tw_JednMiary) ORDER BY tw_Id"
        )
        self.service = self.value("SELECT MIN(tw_Symbol) FROM dbo.tw__Towar WHERE tw_Rodzaj = 2")

    def opened(self) -> Writer:
        database = {"kind": "sqlite", "path": str(self.path), "lock_timeout": self.lock_timeout}
        settings = SubiektConfig.model_validate({"database": database, **self.config})
        return Writer(settings, Site("demo", self.path.parent))


@pytest.fixture(scope="session")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "subiekt.db"
    create(path, customers=120, products=120, invoices=80, today=TODAY)
    return path


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders") / "older.db"
    create(path, customers=120, products=120, invoices=80, today=TODAY, schema=older_schema())
    return path


@pytest.fixture
def company(current: Path, old: Path, tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Makes a shop on a copy of the sandbox in which some statements were run first."""
    made: list[Shop] = []

    def make(
        *statements: str, older: bool = False, lock_timeout: float = 3.0, **orders: Any
    ) -> Shop:
        path = tmp_path / f"company{len(made)}.db"
        testing.changed_copy(old if older else current, path, *statements)
        template = {} if "mode" in orders else {"template": TEMPLATE}
        made.append(Shop(path, {"orders": template | orders}, lock_timeout))
        return made[-1]

    yield make
    for shop in made:
        shop.close()


@pytest.fixture
def shop(company: Callable[..., Shop]) -> Shop:
    return company()


@pytest.fixture
def closed_shop(current: Path, tmp_path: Path) -> Iterator[Shop]:
    """A company that configured no orders."""
    path = tmp_path / "closed.db"
    shutil.copy(current, path)
    with closing(Shop(path)) as shop:
        yield shop
