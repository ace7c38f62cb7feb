"""Hostile text in every field of every operation: it is data to the ERP's database, wherever it stands, or refused."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from mostek.plugin.contract_filters import FILTERS, FilterCase
from mostek.plugin.plugin import Plugin
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sqlite_database import SqliteDatabase
from mostek.plugin.testing import context, items, recorded
from mostek.wire.failures import CommandFailure, Internal, Invalid, UnknownOutcome, Unsupported
from mostek.wire.operations import OPERATIONS
from mostek.wire.rules import parse

__all__ = ["LITERALS", "PAYLOADS", "HostileContract", "text_places"]

_MARK = "zq7x"
#: Texts that mean something to a database, a template or a terminal. Each holds the mark, by which it is found again.
PAYLOADS = (
    f"{_MARK}' OR '1'='1",
    f"{_MARK}'; DROP TABLE dbo.x; --",
    f"'{_MARK}",
    f"{_MARK}'' UNION SELECT 1 --",
    f'{_MARK}" OR 1=1',
    f"{_MARK}] ; SHUTDOWN --",
    f"{_MARK}/* */;EXEC xp_cmdshell 'x'",
    f"{_MARK}ʼ OR ʼ1ʼ=ʼ1",
    f"{_MARK}’ OR ’1’=’1",
    f"{_MARK}＇； DROP",
    f"%{_MARK}%",
    f"{_MARK}_[a-z]^\\",
    f"{_MARK}? :ids @p1 {{0}} %s",
    f"{_MARK}\r\nGO\r\n",
    f"{_MARK}\0' OR 1=1",
    f"{_MARK}\N{RIGHT-TO-LEFT OVERRIDE}\N{PILE OF POO}",
    f"{_MARK}{chr(39) * 5000}",
)
#: Short texts that a filter must take as they stand.
LITERALS = ("%", "_", "[", "[a-z]", "\\", "'", "''", "--", "*", "^", "%%", "a%b", "_a")
#: Payloads for each field, of operations that have ten times as many fields as the others, or take longer.
_FEW = {"CreateOrder": 2, "ValidateOrder": 1, "CreateCustomer": 4}

_Put = Callable[[Message, str], None]


@dataclass(frozen=True)
class Place:
    """A place in a request that takes text."""

    path: str
    put: _Put


def text_places(request: type[Message]) -> list[Place]:
    """Every string of a request: nested, repeated, key or value of a map, path of a mask."""
    return list(_places(request.DESCRIPTOR, "", lambda message: message, frozenset()))


def _places(
    descriptor: Any, above: str, reach: Callable[[Any], Any], seen: frozenset[str]
) -> Iterator[Place]:
    for field in descriptor.fields:
        path = f"{above}{field.name}"
        if field.type == FieldDescriptor.TYPE_STRING:
            yield Place(path, _put_text(reach, field))
        elif field.message_type and field.message_type.GetOptions().map_entry:
            yield Place(f"{path} (key)", _put_entry(reach, field.name, key=True))
            yield Place(f"{path} (value)", _put_entry(reach, field.name, key=False))
        elif field.message_type and field.message_type.full_name not in seen:
            below = seen | {field.message_type.full_name}
            yield from _places(field.message_type, f"{path}.", _inner(reach, field), below)


def _inner(reach: Callable[[Any], Any], field: FieldDescriptor) -> Callable[[Any], Any]:
    """What gets to the message in a field: the first of a list."""

    def inner(message: Any) -> Any:
        found = getattr(reach(message), field.name)
        if not field.is_repeated:
            # Being there is a choice of its own, also for a message that nothing is set in.
            found.SetInParent()
            return found
        return found[0] if found else found.add()

    return inner


def _put_text(reach: Callable[[Any], Any], field: FieldDescriptor) -> _Put:
    def put(message: Message, text: str) -> None:
        owner = reach(message)
        if field.is_repeated:
            getattr(owner, field.name).append(text)
        else:
            setattr(owner, field.name, text)

    return put


def _put_entry(reach: Callable[[Any], Any], name: str, *, key: bool) -> _Put:
    def put(message: Message, text: str) -> None:
        entries = getattr(reach(message), name)
        if key:
            entries[text] = "x"
        for known in list(entries) if not key else ():
            entries[known] = text
        if not entries:
            entries["region"] = text

    return put


class HostileContract:
    """The rules of hostile text. `plugin`, the fixture, comes from the suite that this is part of."""

    filters: ClassVar[Mapping[str, Mapping[str, FilterCase]]]
    unsupported_filters: ClassVar[frozenset[str]]
    #: Tables in which a write may change rows that are there: counters.
    counters: ClassVar[frozenset[str]] = frozenset()

    def examples(self, plugin: Any, operation: str) -> list[Message]:
        """Requests whose fields are tried, each in its turn; those of a plugin that writes reach as far as they can.

        Asked anew for every try, so that each order can have a number of its own.
        """
        return [OPERATIONS[operation].request()]

    def send(self, plugin: Plugin, operation: str, request: Message) -> bytes:
        """The operation's response. Raises CommandFailure.

        `mostek.connector.testing.ThroughRunner` has it go through the connector.
        """
        asked = parse(OPERATIONS[operation].request, request.SerializeToString())
        key = hashlib.sha256(request.SerializeToString()).hexdigest()
        running = context(operation, idempotency_key=key if OPERATIONS[operation].write else "")
        return plugin.call(operation, asked, running).SerializeToString()

    def test_hostile_text_is_bound_or_refused_and_changes_nothing(
        self, plugin: SqlPlugin, served: str
    ) -> None:
        before = _rows(plugin)
        with recorded(plugin.database) as sent:
            for place, example, payload in self._tries(plugin, served):
                request = type(example)()
                request.CopyFrom(example)
                place.put(request, payload)
                self._try(plugin, served, request, f"{served} {place.path} = {payload[:40]!r}")
        for sql, _ in sent:
            assert _MARK not in sql, f"a caller's text became part of a statement: {sql}"
        if _takes_any_text(served) or any(
            example.ListFields() for example in self.examples(plugin, served)
        ):
            bound = any(_MARK in str(param.value) for _, params in sent for param in params)
            assert bound, "no hostile text reached the database: the test tries nothing"
        _nothing_was_changed(before, _rows(plugin), self.counters if _writes(served) else None)

    def test_a_literal_is_looked_for_as_it_stands(self, plugin: Plugin, list_filter: str) -> None:
        operation, _, name = list_filter.partition(".")
        request = OPERATIONS[operation].request
        field = request.DESCRIPTOR.fields_by_name[name]
        if list_filter in self.unsupported_filters or field.type != FieldDescriptor.TYPE_STRING:
            pytest.skip("takes no text")
        case = {**FILTERS[operation], **self.filters.get(operation, {})}[name]
        whole = items(plugin.call(operation, request(page_size=1000), context(operation)))
        for text in LITERALS:
            asked = request(page_size=1000, **{name: [text] if field.is_repeated else text})
            found = self._found(plugin, operation, asked)
            if found is None:
                continue
            wrong = [item.id for item in found if not case.holds(item, text)]
            assert not wrong, f"{list_filter}={text!r} also finds {wrong[:5]}"
            if name == "text":
                expected = {item.id for item in whole if case.holds(item, text)}
                assert {item.id for item in found} >= expected, text

    def _tries(self, plugin: Plugin, served: str) -> Iterator[tuple[Place, Message, str]]:
        places = text_places(OPERATIONS[served].request)
        each = _FEW.get(served, len(PAYLOADS))
        for which in range(len(self.examples(plugin, served))):
            # Each field has others in the next example; over all the fields, each payload comes many times.
            for number, place in enumerate(places, which * len(places)):
                for step in range(each):
                    payload = PAYLOADS[(number * each + step) % len(PAYLOADS)]
                    yield place, self.examples(plugin, served)[which], payload

    def _try(self, plugin: Plugin, operation: str, request: Message, what: str) -> None:
        failure = self._failure(plugin, operation, request)
        clean = not isinstance(failure, Internal | UnknownOutcome)
        assert clean, f"{what}: {failure} {failure.erp_text if failure else ''}"

    def _failure(self, plugin: Plugin, operation: str, request: Message) -> CommandFailure | None:
        try:
            self.send(plugin, operation, request)
        except CommandFailure as failure:
            return failure
        return None

    def _found(self, plugin: Plugin, operation: str, request: Message) -> list[Any] | None:
        """What a list finds; None if it refuses the request by its fields."""
        try:
            data = self.send(plugin, operation, request)
        except (Invalid, Unsupported):
            return None
        return items(OPERATIONS[operation].response.FromString(data))


def _writes(operation: str) -> bool:
    return OPERATIONS[operation].write


def _takes_any_text(operation: str) -> bool:
    """Whether it has a filter that looks for any text: ids and the like are refused before the database is asked."""
    return "text" in OPERATIONS[operation].request.DESCRIPTOR.fields_by_name


_Rows = dict[str, Counter[int]]


def _rows(plugin: SqlPlugin) -> _Rows:
    """The rows of every table of the sandbox, and the statements that made the tables."""
    assert isinstance(plugin.database, SqliteDatabase)
    schema = plugin.database.config.schema_name
    with closing(plugin.database.connect(write=False)) as connection:
        made = connection.execute(f"SELECT name, sql FROM {schema}.sqlite_master").fetchall()
        found = {"": Counter(map(hash, made))}
        for name, sql in made:
            if sql and sql.upper().startswith("CREATE TABLE"):
                rows = connection.execute(f"SELECT * FROM {schema}.[{name}]")
                found[f"{schema}.{name}"] = Counter(map(hash, rows))
    return found


def _nothing_was_changed(before: _Rows, after: _Rows, counters: frozenset[str] | None) -> None:
    """No table has other rows; after a write (`counters` given), none is gone or changed but in those tables."""
    for table, rows in before.items():
        if counters is None:
            assert after[table] == rows, f"{table or 'the schema'} was changed"
        elif table not in counters:
            assert after[table] >= rows, f"rows of {table or 'the schema'} are gone or changed"
            assert table or after[table] == rows, "the schema was changed"
