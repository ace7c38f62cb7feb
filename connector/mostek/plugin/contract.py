"""The conformance suite: what every plugin must keep, inherited by its tests.

    class TestSubiekt(PluginContract):
        plugin_type = Subiekt
        large_tables = frozenset({"dbo.kh__Kontrahent"})

        @classmethod
        def make_plugin(cls, folder: Path) -> Plugin:
            create_sandbox(folder / "erp.sqlite", ...)
            return Subiekt(config, Site("demo", folder))

A plugin that writes orders inherits `OrderContract` too. A failing test's name is the rule that is broken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlglot
from google.protobuf.message import Message
from sqlglot import exp

from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.erp.v1.order_pb2 import (
    CreateOrderRequest,
    CreateOrderResponse,
    ListOrdersRequest,
    OrderDraft,
    ValidateOrderRequest,
)
from mostek.plugin.contract_filters import FILTERS, FilterCase
from mostek.plugin.contract_hostile import HostileContract
from mostek.plugin.contract_odbc import OdbcContract
from mostek.plugin.contract_policy import PolicyContract
from mostek.plugin.dialect import SQL_SERVER
from mostek.plugin.plugin import Plugin
from mostek.plugin.query import Query, catalogue_of
from mostek.plugin.schema import ReferenceSchema
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import Sent, context, items, recorded
from mostek.wire.failures import (
    Cancelled,
    CommandFailure,
    Conflict,
    Expired,
    Invalid,
    NotFound,
    Unsupported,
)
from mostek.wire.operations import OPERATIONS, Operation
from mostek.wire.rules import violations_of

__all__ = ["FilterCase", "OrderContract", "PluginContract", "SqlContract", "full_scans"]

_PAGING = frozenset({"page_size", "page_token", "read_mask", "change_token"})
#: Pages read of a large sandbox, at most.
_PAGES = 40


class _Contract:
    """A plugin on a sandbox, and the operations that are tried on it."""

    #: The plugin's class; its operations are tried.
    plugin_type: ClassVar[type[Plugin]]

    @classmethod
    def make_plugin(cls, folder: Path) -> Plugin:
        """A plugin on a sandbox in this empty folder, with at least 20 items of each kind."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def plugin(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugin]:
        plugin = cls.make_plugin(tmp_path_factory.mktemp("plugin"))
        plugin.open()
        yield plugin
        plugin.close()

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Each test that takes an operation is run for every one that the plugin serves."""
        lists = [name for name in cls.plugin_type.serves if name in FILTERS]
        gets = [name for name in cls.plugin_type.serves if name.startswith("Get")]
        gets = [name for name in gets if _list_of(name) in lists]
        if "list_operation" in metafunc.fixturenames:
            metafunc.parametrize("list_operation", lists)
        if "served" in metafunc.fixturenames:
            metafunc.parametrize("served", list(cls.plugin_type.serves))
        if "get_operation" in metafunc.fixturenames:
            metafunc.parametrize("get_operation", gets)
        if "list_filter" in metafunc.fixturenames:
            pairs = [f"{name}.{f}" for name in lists for f in _filters_of(OPERATIONS[name])]
            metafunc.parametrize("list_filter", pairs)


class ReadContract(_Contract):
    """The rules of reads, for any plugin."""

    #: Replaces or adds to how filters are tried: operation → filter → case.
    filters: ClassVar[Mapping[str, Mapping[str, FilterCase]]] = {}
    #: Filters that the ERP can't serve and refuses: `ListCustomers.group_id`.
    unsupported_filters: ClassVar[frozenset[str]] = frozenset()

    def test_every_item_keeps_the_rules_of_the_contract(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        found = sample(plugin, list_operation)
        assert len(found) >= 20, "the sandbox has too few items to try the rules on"
        broken = [str(v) for item in found for v in violations_of(item)]
        assert not broken, broken[:5]

    def test_pages_of_any_size_join_to_the_same_list(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        whole = _ids(plugin, list_operation, size=200)
        assert len(set(whole)) == len(whole), "an item comes twice"
        for size in (7, 1):
            some = _ids(plugin, list_operation, size=size)
            assert some == whole[: len(some)], f"pages of {size} differ"

    def test_a_page_is_the_same_when_asked_again(self, plugin: Plugin, list_operation: str) -> None:
        first, second = (_call(plugin, list_operation, page_size=50) for _ in range(2))
        for page in (first, second):
            # A moment, where the ERP tells changes by time, which page tokens begin with.
            page.ClearField("change_token")
            page.next_page_token = page.next_page_token.partition(".")[2] or page.next_page_token
        assert first == second

    def test_a_token_of_another_query_is_refused(self, plugin: Plugin, list_operation: str) -> None:
        token = _call(plugin, list_operation, page_size=1).next_page_token
        for wrong in (
            {"page_token": token, "read_mask": {"paths": ["id"]}},
            {"page_token": "no token"},
            {"page_token": token[:-3]},
        ):
            with pytest.raises(Invalid, match="page_token"):
                _call(plugin, list_operation, **wrong)

    def test_a_mask_gives_what_it_names_and_nothing_else(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        full = items(_call(plugin, list_operation, page_size=20))
        for name in _present(full):
            masked = items(_call(plugin, list_operation, page_size=20, read_mask={"paths": [name]}))
            assert masked == [_only(item, name) for item in full], name

    def test_a_path_that_does_not_exist_is_refused(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        with pytest.raises(Invalid, match="read_mask"):
            _call(plugin, list_operation, read_mask={"paths": ["no_such_field"]})

    def test_a_denied_field_does_not_come_and_is_told(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        full = items(_call(plugin, list_operation, page_size=20))
        message = full[0].DESCRIPTOR.name
        for name in _present(full):
            denied = frozenset({f"{message}.{name}"})
            response = _call(plugin, list_operation, denied=denied, page_size=20)
            assert name not in _present(items(response)), name
            reasons = {u.path: u.reason for u in response.unavailable_fields}
            assert reasons.get(name) == UnavailableReason.UNAVAILABLE_REASON_DENIED, name

    def test_a_filter_finds_what_it_says(self, plugin: Plugin, list_filter: str) -> None:
        operation, _, name = list_filter.partition(".")
        case, item = self.case(plugin, operation, name)
        value = case.value(item)
        response = self._filtered(plugin, operation, name, value)
        found = items(response)
        assert item.id in {one.id for one in found} or response.next_page_token, "lost the item"
        wrong = [one.id for one in found if not case.holds(one, value)]
        assert not wrong, f"{name}={value} also finds {wrong[:5]}"

    def test_a_filter_that_is_not_served_is_refused(
        self, plugin: Plugin, list_operation: str
    ) -> None:
        for name in _filters_of(OPERATIONS[list_operation]):
            if f"{list_operation}.{name}" in self.unsupported_filters:
                with pytest.raises(Unsupported):
                    self._filtered(
                        plugin, list_operation, name, self._any_value(list_operation, name)
                    )

    def test_an_item_is_the_same_alone_as_in_the_list(
        self, plugin: Plugin, get_operation: str
    ) -> None:
        for item in sample(plugin, _list_of(get_operation))[:5]:
            response = plugin.call(
                get_operation, OPERATIONS[get_operation].request(id=item.id), context(get_operation)
            )
            assert _single(response) == item

    def test_an_unknown_id_is_not_found(self, plugin: Plugin, get_operation: str) -> None:
        for unknown in ("0", "-1", "no-such-id", "9" * 30, "zażółć 😀"):
            request = OPERATIONS[get_operation].request(id=unknown)
            with pytest.raises(NotFound):
                plugin.call(get_operation, request, context(get_operation))

    def test_a_command_that_is_over_does_nothing(self, plugin: Plugin, list_operation: str) -> None:
        request = OPERATIONS[list_operation].request()
        with pytest.raises(Expired):
            plugin.call(list_operation, request, context(list_operation, timeout=0))
        cancelled = context(list_operation)
        cancelled.cancel()
        with pytest.raises(Cancelled):
            plugin.call(list_operation, request, cancelled)

    def case(self, plugin: Plugin, operation: str, name: str) -> tuple[FilterCase, Any]:
        """How a filter is tried, and the item that it is tried with."""
        if f"{operation}.{name}" in self.unsupported_filters:
            pytest.skip("not served by this ERP")
        case = {**FILTERS[operation], **self.filters.get(operation, {})}[name]
        for item in _found_before(plugin, operation):
            if case.value(item) is not None:
                return case, item
        raise AssertionError(f"the sandbox has no item to try {operation}.{name} with")

    def _filtered(self, plugin: Plugin, operation: str, name: str, value: Any) -> Any:
        field = OPERATIONS[operation].request.DESCRIPTOR.fields_by_name[name]
        given: dict[str, Any] = {name: [value] if field.is_repeated else value}
        return _call(plugin, operation, page_size=1000, **given)

    def _any_value(self, operation: str, name: str) -> Any:
        field = OPERATIONS[operation].request.DESCRIPTOR.fields_by_name[name]
        return True if field.cpp_type == field.CPPTYPE_BOOL else 1 if field.enum_type else "1"


class SqlContract(ReadContract):
    """The rules of plugins that read with query files."""

    #: Tables that no filter may read whole.
    large_tables: ClassVar[frozenset[str]] = frozenset()

    def reference_schemas(self) -> Mapping[str, ReferenceSchema]:
        """Versions of the ERP that the plugin serves, the newest first."""
        return {}

    def test_a_denied_field_is_not_selected(self, plugin: SqlPlugin, list_operation: str) -> None:
        full = items(_call(plugin, list_operation, page_size=20))
        message = full[0].DESCRIPTOR.name
        for name in _present(full):
            with recorded(plugin.database) as sent:
                denied = frozenset({f"{message}.{name}"})
                _call(plugin, list_operation, denied=denied, page_size=20)
            main = sent[0][0]
            assert f"[{name}]" not in main, name
            assert f"[{name}." not in main, name

    def test_a_filter_reads_no_large_table_whole(self, plugin: SqlPlugin, list_filter: str) -> None:
        operation, _, name = list_filter.partition(".")
        case, item = self.case(plugin, operation, name)
        with recorded(plugin.database) as sent:
            self._filtered(plugin, operation, name, case.value(item))
        found = full_scans(plugin, sent, self.large_tables, may_walk=case.walks)
        assert not found, found

    def test_every_statement_is_tsql_to_two_grammars(self, plugin: SqlPlugin) -> None:
        sqlfluff = pytest.importorskip("sqlfluff.core", reason="sqlfluff is not installed")
        linter, seen = sqlfluff.Linter(dialect="tsql"), set[str]()
        for text in _texts(plugin):
            assert isinstance(sqlglot.parse_one(text, read="tsql"), exp.Select)
            # This grammar is slow, in Rust too: it gets the texts that have a line which it has not seen.
            if not seen.issuperset(text.splitlines()):
                # sqlfluff knows no ODBC markers.
                parsed = linter.parse_string(text.replace("?", "@p"))
                assert not parsed.violations, f"{parsed.violations[0].desc()}\n{text}"
            seen.update(text.splitlines())

    def test_the_newest_version_has_all_that_the_queries_name(self, plugin: SqlPlugin) -> None:
        for schema in list(self.reference_schemas().values())[:1]:
            problems = [p for query in plugin.queries.values() for p in query.check(schema)]
            assert not problems, problems

    def test_no_query_fails_on_an_older_version(self, plugin: SqlPlugin) -> None:
        for version, schema in self.reference_schemas().items():
            catalogue = catalogue_of(schema)
            notes = [n for q in plugin.queries.values() for n in q.adapt(catalogue).drift]
            failing = [note.message for note in notes if note.fails]
            assert not failing, f"{version}: {failing}"


class PluginContract(SqlContract, PolicyContract, HostileContract, OdbcContract):
    """The rules of a plugin that reads an ERP's database with query files: the usual one to inherit."""


class OrderContract(_Contract):
    """The rules of `CreateOrder`."""

    def order(self, plugin: Plugin, number: str) -> OrderDraft:
        """An order that the sandbox's ERP takes, with this external number and two lines."""
        raise NotImplementedError

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        """See HostileContract."""
        if operation not in {"CreateOrder", "ValidateOrder"}:
            return [OPERATIONS[operation].request()]
        order = self.order(plugin, f"HOSTILE-{next(self._numbers)}")
        return [OPERATIONS[operation].request(order=order)]

    _numbers: ClassVar[Iterator[int]] = count(1)

    def test_an_order_sent_twice_is_written_once(self, plugin: Plugin) -> None:
        order = self.order(plugin, "CONTRACT-1")
        first, second = (_create(plugin, order, key) for key in ("key-1", "key-1b"))
        assert not first.already_existed
        assert second.already_existed
        assert (second.id, second.number) == (first.id, first.number)
        assert [o.id for o in _orders(plugin, "CONTRACT-1")] == [first.id]

    def test_an_order_is_recorded_as_it_was_sent(self, plugin: Plugin) -> None:
        order = self.order(plugin, "CONTRACT-2")
        response = _create(plugin, order, "key-2")
        assert len(response.order.lines) == len(order.lines)
        assert response.order.external_number == "CONTRACT-2"
        (found,) = _orders(plugin, "CONTRACT-2")
        assert found.gross == response.order.gross

    def test_another_order_under_the_same_number_is_a_conflict(self, plugin: Plugin) -> None:
        _create(plugin, self.order(plugin, "CONTRACT-3"), "key-3")
        other = self.order(plugin, "CONTRACT-3")
        other.lines[0].quantity = "77"
        with pytest.raises(Conflict):
            _create(plugin, other, "key-3b")
        assert len(_orders(plugin, "CONTRACT-3")) == 1

    def test_what_is_said_of_an_order_quotes_nothing_of_the_erp(self, plugin: Plugin) -> None:
        """The policy may keep it back."""
        order = self.order(plugin, "CONTRACT-8")
        written = _create(plugin, order, "key-8")
        asked = str(order)
        secrets = {text for text in _texts_in(written.order) if len(text) > 4 and text not in asked}
        assert written.number in secrets
        other, unit = OrderDraft(), OrderDraft()
        other.CopyFrom(order)
        unit.CopyFrom(order)
        other.lines[0].quantity = "78"
        unit.lines[0].unit, unit.external_number = "no unit", "CONTRACT-9"
        for number, draft in enumerate((order, other, unit)):
            said = "\n".join(_said(plugin, draft, f"key-8-{number}"))
            quoted = [text for text in secrets if text in said]
            assert not quoted, f"{quoted} in {said}"

    def test_an_order_that_would_be_written_has_no_problems(self, plugin: Plugin) -> None:
        order = self.order(plugin, "CONTRACT-4")
        response: Any = plugin.call(
            "ValidateOrder", ValidateOrderRequest(order=order), context("ValidateOrder")
        )
        assert not response.problems
        assert response.order.gross
        assert not _orders(plugin, "CONTRACT-4"), "ValidateOrder wrote it"

    def test_a_product_that_does_not_exist_is_a_problem_of_its_line(self, plugin: Plugin) -> None:
        order = self.order(plugin, "CONTRACT-5")
        order.lines[1].product.code = "no such product"
        response: Any = plugin.call(
            "ValidateOrder", ValidateOrderRequest(order=order), context("ValidateOrder")
        )
        assert [problem.line for problem in response.problems] == [1]
        with pytest.raises(Invalid, match=r"lines\[1\]"):
            _create(plugin, order, "key-5")
        assert not _orders(plugin, "CONTRACT-5")

    def test_text_that_the_erp_cannot_hold_is_refused_by_name(self, plugin: Plugin) -> None:
        for field, value in (("external_number", "x" * 65), ("remarks", "x" * 100_000)):
            order = self.order(plugin, "CONTRACT-6")
            setattr(order, field, value)
            with pytest.raises(Invalid, match=field):
                _create(plugin, order, "key-6")


def sample(plugin: Plugin, operation: str) -> list[Any]:
    """The first page of a list, with all that comes without being named."""
    return items(_call(plugin, operation, page_size=200))


@lru_cache(maxsize=16)
def _found_before(plugin: Plugin, operation: str) -> list[Any]:
    """A sample that is read once, for what needs no more than an item that is there."""
    return sample(plugin, operation)


def full_scans(
    plugin: SqlPlugin, sent: Sent, tables: frozenset[str], *, may_walk: bool = False
) -> list[str]:
    """The steps of the statements' plans that read one of the tables from end to end.

    `may_walk`: a walk along the key, from where the last page ended until the page is full, is none of them.
    """
    assert isinstance(plugin.database, SqliteDatabase)
    large = {table.lower() for table in tables}
    found = []
    for sql, params in sent:
        if sql.startswith("SELECT"):
            steps = plugin.database.explain(sql, params, context())
            whole = [step for step in steps if _reads_all(step, may_walk)]
            named = _large_aliases(sql, large) if whole else set()
            found += [f"{step}\n{sql}" for step in whole if _source(step) in named]
    return found


def _large_aliases(sql: str, large: set[str]) -> set[str]:
    tree = sqlglot.parse_one(sql.replace("LIMIT ?", ""), read="tsql")
    return {
        table.alias_or_name.lower()
        for table in tree.find_all(exp.Table)
        if f"{table.db}.{table.name}".lower() in large
    }


def _source(step: str) -> str:
    """The alias of what the step reads."""
    return step.split(" ")[1].lower()


def _reads_all(step: str, may_walk: bool) -> bool:
    """A scan, an index made for this statement alone, or a walk along the key where none may be."""
    verb, _, rest = step.partition(" ")
    walks = verb == "SEARCH" and "=" not in rest and "PRIMARY KEY" in rest
    return verb == "SCAN" or "AUTOMATIC" in rest or (walks and not may_walk)


def _texts(plugin: SqlPlugin) -> Iterator[str]:
    """Each file's statement for SQL Server, with all its fields: with every filter, and with none."""
    texts = (text for query in plugin.queries.values() for text in _texts_of(query, plugin))
    # A file without filters has one text, and some parts are the same in two queries: grammars are slow.
    yield from dict.fromkeys(texts)


def _texts_of(query: Query, plugin: SqlPlugin) -> Iterator[str]:
    adapted = query.adapt(plugin.database.catalogue())
    for part in adapted.parts:
        paths = frozenset(part.part.fed) - frozenset(part.lost)
        for active in (part.part.file.filters, frozenset[str]()):
            statement, _ = part.statement(paths, active, SQL_SERVER)
            names = [*part.part.file.parameters, "_after", "_rows"]
            values: dict[str, list[object]] = {name: [1] for name in names}
            yield statement.render(SQL_SERVER, values)[0]


def _call(plugin: Plugin, operation: str, *, denied: Iterable[str] = (), **fields: Any) -> Any:
    request = OPERATIONS[operation].request(**fields)
    return plugin.call(operation, request, context(operation, denied=denied))


def _ids(plugin: Plugin, operation: str, *, size: int) -> list[str]:
    found: list[str] = []
    token = ""
    for _ in range(_PAGES):
        response = _call(plugin, operation, page_size=size, page_token=token)
        assert len(items(response)) <= size
        found += [item.id for item in items(response)]
        token = response.next_page_token
        if not token:
            break
    return found


def _list_of(get_operation: str) -> str:
    return f"List{get_operation.removeprefix('Get')}s"


def _filters_of(operation: Operation) -> list[str]:
    return [f.name for f in operation.request.DESCRIPTOR.fields if f.name not in _PAGING]


def _present(found: list[Any]) -> list[str]:
    """Fields that one of the items has."""
    return sorted({field.name for item in found for field, _ in item.ListFields()})


def _only(item: Any, name: str) -> Any:
    kept = type(item)()
    kept.CopyFrom(item)
    for field, _ in item.ListFields():
        if field.name != name:
            kept.ClearField(field.name)
    return kept


def _single(response: Message) -> Any:
    field = next(f for f in response.DESCRIPTOR.fields if f.message_type and not f.is_repeated)
    return getattr(response, field.name)


def _texts_in(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if isinstance(one, Message):
                yield from _texts_in(one)
            elif isinstance(one, str):
                yield one


def _said(plugin: Plugin, order: OrderDraft, key: str) -> Iterator[str]:
    """All that people are told of an order by ValidateOrder and CreateOrder."""
    request = ValidateOrderRequest(order=order)
    response: Any = plugin.call("ValidateOrder", request, context("ValidateOrder"))
    yield from (one.message for one in (*response.problems, *response.warnings))
    try:
        yield from (warning.message for warning in _create(plugin, order, key).warnings)
    except CommandFailure as failure:
        yield failure.message
        yield from (violation.description for violation in failure.violations)


def _create(plugin: Plugin, order: OrderDraft, key: str) -> CreateOrderResponse:
    response = plugin.call(
        "CreateOrder", CreateOrderRequest(order=order), context("CreateOrder", idempotency_key=key)
    )
    assert isinstance(response, CreateOrderResponse)
    return response


def _orders(plugin: Plugin, number: str) -> list[Any]:
    request = ListOrdersRequest(external_numbers=[number])
    return items(plugin.call("ListOrders", request, context("ListOrders")))
