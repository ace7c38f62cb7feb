"""The spans of statements: each has one, with what it did and how many rows it had, and ends whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mostek.plugin.database_config import SqliteConfig
from mostek.plugin.plugin import Context
from mostek.plugin.sandbox import create_sandbox
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context
from mostek.wire.failures import Drift, Internal
from mostek.wire.tracing import QUERY, ROWS, STATEMENT, Tracing

COLUMNS = """\
table,column,type,nullable,default,identity,key,meaning
dbo.item,it_id,int,no,,,PK,
"""
INSERT = "INSERT INTO dbo.item VALUES (4711), (4712)"


class Watched:
    """A database, a command of which the spans are kept, and these."""

    def __init__(self, database: SqliteDatabase) -> None:
        self.database = database
        self._exported = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exported))
        self._command = Tracing(provider).begin("ListItems", "", {})

    def context(self) -> Context:
        found = context("ListItems")
        found.span = self._command
        return found

    def spans(self) -> list[ReadableSpan]:
        return list(self._exported.get_finished_spans())

    def told(self) -> list[tuple[str, object, object, str | None]]:
        """Name, verb, rows and failure of each that ended."""
        return [
            (
                s.name,
                (s.attributes or {})[STATEMENT],
                (s.attributes or {})[ROWS],
                s.status.description,
            )
            for s in self.spans()
        ]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    csv = tmp_path / "schema.csv"
    csv.write_text(COLUMNS, encoding="utf-8")
    path = tmp_path / "erp.sqlite"
    create_sandbox(path, ReferenceSchema.load(csv), fill=lambda connection: None)
    database = SqliteDatabase(SqliteConfig(kind="sqlite", path=path))
    yield Watched(database)
    database.close()


def words(span: ReadableSpan) -> str:
    """All that a span says but its ids and times, which may have any digits."""
    events = [(event.name, dict(event.attributes or {})) for event in span.events]
    return f"{span.name} {dict(span.attributes or {})} {span.status.description} {events}"


def test_each_statement_says_what_it_did_and_its_rows(watched: Watched) -> None:
    with watched.database.writing(watched.context()) as session:
        session.execute(INSERT)
        session.one("SELECT it_id FROM dbo.item")
        list(session.fetch("SELECT it_id FROM dbo.item", (), "items"))
        session.results("select it_id from dbo.item")
    assert watched.told() == [
        ("INSERT", "INSERT", 2, None),
        ("SELECT", "SELECT", 1, None),
        ("items", "SELECT", 2, None),
        ("SELECT", "SELECT", 2, None),
    ]
    assert [QUERY in (span.attributes or {}) for span in watched.spans()] == [0, 0, 1, 0]
    assert "4711" not in "".join(words(span) for span in watched.spans())


def test_a_statement_that_fails_has_the_kind_of_its_failure_and_no_text(watched: Watched) -> None:
    with pytest.raises(Drift), watched.database.reading(watched.context()) as session:
        session.one("SELECT 4711 FROM dbo.item WHERE gone = 'Anna'")
    assert watched.told() == [("SELECT", "SELECT", 0, "Drift")]
    (span,) = watched.spans()
    assert not any(value in words(span) for value in ("gone", "Anna", "4711"))


def test_a_statement_whose_rows_nobody_reads_ends_with_its_session(watched: Watched) -> None:
    with watched.database.reading(watched.context()) as session:
        session.fetch("SELECT it_id FROM dbo.item")
        assert watched.told() == []
    assert watched.told() == [("SELECT", "SELECT", 0, None)]


def test_a_command_that_is_not_traced_has_none(watched: Watched) -> None:
    with watched.database.reading(context()) as session:
        session.one("SELECT it_id FROM dbo.item")
    assert watched.spans() == []


def test_a_batch_that_calls_a_procedure_is_called_so(watched: Watched) -> None:
    batch = "SET NOCOUNT ON; DECLARE @id int; EXEC dbo.procedura ?, @id OUTPUT; SELECT @id"
    with (
        pytest.raises(Internal),
        watched.database.reading(watched.context()) as session,
    ):
        session.one(batch)
    assert [name for name, *_ in watched.told()] == ["EXEC"]
