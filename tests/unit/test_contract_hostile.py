"""The suite's rules of hostile text fail a plugin that breaks them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mostek.erp.v1.customer_pb2 import ListCustomersRequest, ListCustomersResponse
from mostek.erp.v1.order_pb2 import CreateOrderRequest
from mostek.plugin.contract_hostile import HostileContract, text_places
from mostek.plugin.database import Database, open_database
from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.plugin.sandbox import create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Internal

SCHEMA = """\
table,column,type,nullable,default,identity,key,meaning
dbo.customer,id,int,no,,,PK,
dbo.customer,name,varchar(50),no,,,,
"""


class Careful(Plugin):
    """Binds what it is given."""

    database: Database

    def list_customers(
        self, request: ListCustomersRequest, context: Context
    ) -> ListCustomersResponse:
        with self.database.writing(context) as session:
            self.look(session, request.text)
        return ListCustomersResponse()

    def look(self, session: Any, text: str) -> None:
        wanted = Param.of(text, "varchar(8000)")
        session.one("SELECT id FROM dbo.customer WHERE name = ?", [wanted])


class Careless(Careful):
    def look(self, session: Any, text: str) -> None:
        quoted = text.replace("'", "''").replace("\0", "")
        session.one(f"SELECT id FROM dbo.customer WHERE name = '{quoted}'")


class Writing(Careful):
    def look(self, session: Any, text: str) -> None:
        super().look(session, text)
        session.execute("UPDATE dbo.customer SET name = 'other'")


class Deaf(Careful):
    def look(self, session: Any, text: str) -> None:
        session.one("SELECT id FROM dbo.customer")


class Crashing(Careful):
    def look(self, session: Any, text: str) -> None:
        super().look(session, text)
        raise Internal("crashed")


class Suite(HostileContract):
    filters: ClassVar[Any] = {}
    unsupported_filters: ClassVar[Any] = frozenset()


def _fill(erp: sqlite3.Connection) -> None:
    erp.execute("INSERT INTO dbo.customer VALUES (1, 'Ala')")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    (tmp_path / "schema.csv").write_text(SCHEMA)
    create_sandbox(
        tmp_path / "erp.db",
        ReferenceSchema.load(tmp_path / "schema.csv"),
        fill=_fill,
    )
    database = open_database(SqliteConfig(path=tmp_path / "erp.db"))
    yield database
    database.close()


@pytest.mark.parametrize(
    ("plugin_type", "complaint"),
    [
        (Careful, ""),
        (Careless, "became part of a statement"),
        (Writing, r"dbo\.customer was changed"),
        (Deaf, "no hostile text reached"),
        (Crashing, "ListCustomers .*crashed"),
    ],
)
def test_a_plugin_that_breaks_a_rule_fails(
    database: Database, tmp_path: Path, plugin_type: type[Careful], complaint: str
) -> None:
    plugin: Any = plugin_type(NoConfig(), Site("demo", tmp_path))
    plugin.database = database
    suite = Suite()
    if not complaint:
        suite.test_hostile_text_is_bound_or_refused_and_changes_nothing(plugin, "ListCustomers")
        return
    with pytest.raises(AssertionError, match=complaint):
        suite.test_hostile_text_is_bound_or_refused_and_changes_nothing(plugin, "ListCustomers")


def test_every_string_of_a_request_is_a_place() -> None:
    places = {place.path: place for place in text_places(CreateOrderRequest)}
    for path in (
        "order.external_number",
        "order.buyer.draft.tax_id",
        "order.buyer.draft.address.city",
        "order.lines.product.ean",
        "order.attributes (key)",
        "order.attributes (value)",
    ):
        request = CreateOrderRequest()
        places[path].put(request, "zq7x")
        assert b"zq7x" in request.SerializeToString(), path
