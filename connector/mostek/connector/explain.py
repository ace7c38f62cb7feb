"""`mostek-connector policy explain`: what would leave this site, by which line, on a record of the ERP's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mostek.connector.companies import Company
from mostek.connector.policy import CompanyPolicy, is_list
from mostek.erp.v1 import options_pb2
from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.plugin.plugin import Context
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.wire.fields import RECORDS
from mostek.wire.operations import OPERATIONS, Operation

__all__ = ["FieldLine", "call", "explained", "field_lines", "items"]

#: Most characters of a value.
_WIDEST = 60
_REASONS = {
    UnavailableReason.UNAVAILABLE_REASON_DRIFT: "the ERP's database lacks it",
    UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED: "not served by this plugin",
}


@dataclass(frozen=True)
class FieldLine:
    """What becomes of a field. `value`: what the record has there, if it leaves; `why`: which line keeps it."""

    path: str
    leaves: bool
    value: str = ""
    why: str = ""


def explained(
    company: Company, policy: CompanyPolicy, operation: str = ""
) -> Iterator[RenderableType]:
    """What to show, part by part; `operation`: only what that one answers. Raises CommandFailure."""
    if not operation:
        yield _limits(company, policy)
        yield _operations(company, policy)
    for name in [operation] if operation else _first_list(company, policy):
        yield from _answer(company, policy, OPERATIONS[name])
    if own := _own_lines(company, policy, OPERATIONS[operation] if operation else None):
        yield _table("Fields of the site's own", own)


def _limits(company: Company, policy: CompanyPolicy) -> Table:
    config = policy.config
    callers = "whoever the hub lets in" if config.callers is None else ", ".join(config.callers)
    found = Table(
        "setting", "value", title=f"Policy of {company.name}", title_justify="left", box=None
    )
    for name, value in (
        ("preset", config.preset),
        ("writes", "allowed" if config.writes else "not allowed"),
        ("callers", callers or "nobody"),
        ("page_rows", str(config.page_rows or "no limit")),
        ("day_rows", str(config.day_rows or "no limit")),
        ("export_hours", config.export_hours or "any time"),
    ):
        found.add_row(name, Text(value))
    return found


def _operations(company: Company, policy: CompanyPolicy) -> Table:
    found = Table("operation", "allowed", "why not", title="Operations", title_justify="left")
    for name, operation in OPERATIONS.items():
        why = policy.why_not(operation)
        if not why and name not in company.plugin.serves:
            why = "not served by this plugin"
        found.add_row(
            name, _yes_or_no(not why), Text(why), style="" if not why else "dim", end_section=False
        )
    return found


def _first_list(company: Company, policy: CompanyPolicy) -> list[str]:
    """The first list that is answered and takes nothing to be asked."""
    names = (n for n, o in OPERATIONS.items() if is_list(o) and n != "ListRecords")
    found = [n for n in names if n in company.plugin.serves and policy.allows(OPERATIONS[n])]
    return found[:1]


def _answer(
    company: Company, policy: CompanyPolicy, operation: Operation
) -> Iterator[RenderableType]:
    if why := policy.why_not(operation):
        yield Text(f"{operation.name} does not run here: {why}.")
        return
    if operation.name != "ListRecords":
        response = _asked(company, policy, operation)
        on = f", on one record of {company.name}" if response.ByteSize() else ""
        yield _table(f"What leaves with {operation.name}{on}", field_lines(policy, response))
    yield _questions(company, policy, operation)


def _asked(company: Company, policy: CompanyPolicy, operation: Operation) -> Any:
    """What the hub would be sent of one record; an empty response where none can be asked for."""
    if operation.name not in company.plugin.serves:
        return operation.response()
    request: Any = operation.request()
    if is_list(operation):
        request.page_size = 1
    elif "id" in operation.request.DESCRIPTOR.fields_by_name:
        request.id = _first_id(company, policy, operation)
    elif operation.name != "DescribeErp":
        return operation.response()
    response = call(company, policy, operation, request)
    policy.prune(response, policy.denied, request)
    return response


def _first_id(company: Company, policy: CompanyPolicy, operation: Operation) -> str:
    """The id of a record that `Get…` can be asked for."""
    name = f"List{operation.name.removeprefix('Get').removesuffix('Balance')}s"
    listing = OPERATIONS[name]
    request: Any = listing.request()
    request.page_size = 1
    request.read_mask.paths.append("id")
    found = items(call(company, policy, listing, request))
    return str(found[0].id) if found else "0"


def call(company: Company, policy: CompanyPolicy, operation: Operation, request: Message) -> Any:
    """What the plugin answers, here and now; not pruned yet. Raises CommandFailure."""
    company.open()
    context = Context(
        operation=operation.name,
        company=company.name,
        command_id="policy explain",
        denied=policy.denied,
    )
    method = getattr(company.plugin, operation.method)
    if inspect.iscoroutinefunction(method):
        return asyncio.run(method(request, context))
    return company.plugin.call(operation.name, request, context)


def items(response: Message) -> list[Any]:
    """What a response holds: a list's items, or the one."""
    field = _item_field(response)
    found = getattr(response, field.name)
    return list(found) if field.is_repeated else [found] if response.HasField(field.name) else []


def _item_field(response: Any) -> FieldDescriptor:
    """The field that holds what is answered."""
    fields: list[FieldDescriptor] = [f for f in response.DESCRIPTOR.fields if f.message_type]
    named = (f for f in fields if f.message_type and "id" in f.message_type.fields_by_name)
    return next(named, fields[0])


def field_lines(policy: CompanyPolicy, response: Any) -> Iterator[FieldLine]:
    """What becomes of each field of what a response is about, with the values of its first item."""
    found = items(response)
    descriptor = _item_field(response).message_type
    assert descriptor is not None
    lacking = getattr(response, "unavailable_fields", ())
    missing = {one.path: _REASONS.get(one.reason, "") for one in lacking}
    item = found[0] if found else None
    yield from _Walk(policy, missing).lines(descriptor, descriptor.name, item)


@dataclass(frozen=True)
class _Walk:
    policy: CompanyPolicy
    missing: Mapping[str, str]

    def lines(self, descriptor: Descriptor, path: str, message: Any) -> Iterator[FieldLine]:
        for field in descriptor.fields:
            yield from self._field(field, f"{path}.{field.name}", message)

    def _field(self, field: FieldDescriptor, here: str, message: Any) -> Iterator[FieldLine]:
        value = getattr(message, field.name) if _is_there(message, field) else None
        below = field.message_type
        if why := self._why_kept(field, here):
            yield FieldLine(here, False, why=why)
        elif below is None or below.full_name == "google.protobuf.Timestamp":
            yield FieldLine(here, True, _written(field, value), self._why_absent(here))
        elif below.GetOptions().map_entry:
            for key, one in sorted((value or {}).items()):
                yield FieldLine(f"{here}.{key}", True, _cut(one))
        else:
            yield from self._below(below, field, here, value)

    def _why_kept(self, field: FieldDescriptor, here: str) -> str:
        """By which line a field stays: its own, or that of a field whose value it repeats; empty if it leaves."""
        if self.policy.denied.hides(here):
            return self.policy.rule(here)
        repeated = field.GetOptions().Extensions[options_pb2.reads].fields
        return _shows(self.policy, repeated)

    def _below(
        self, below: Descriptor, field: FieldDescriptor, here: str, value: Any
    ) -> Iterator[FieldLine]:
        one = value[0] if value and field.is_repeated else value
        lines = list(self.lines(below, here, one))
        if one is None and all(line.leaves for line in lines):
            yield FieldLine(here, True, "", self._why_absent(here))
        else:
            yield from lines

    def _why_absent(self, path: str) -> str:
        while "." in path:
            name = path.partition(".")[2]
            if name in self.missing:
                return self.missing[name]
            path = path.rpartition(".")[0]
        return ""


def _is_there(message: Any, field: FieldDescriptor) -> bool:
    if message is None:
        return False
    return bool(getattr(message, field.name)) if field.is_repeated else message.HasField(field.name)


def _written(field: FieldDescriptor, value: Any) -> str:
    if value is None:
        return ""
    if field.enum_type is not None:
        names = field.enum_type.values_by_number
        found = value if field.is_repeated else [value]
        return ", ".join(names[one].name for one in found)
    if field.message_type is not None:
        return str(value.ToJsonString())
    return _cut(", ".join(map(str, value)) if field.is_repeated else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _questions(company: Company, policy: CompanyPolicy, operation: Operation) -> RenderableType:
    """By what the operation may not be asked."""
    refused = list(_refused(policy, operation, operation.request.DESCRIPTOR, ""))
    if operation.name == "ListRecords":
        refused += _refused_of_lists(company, policy)
    if not refused:
        return Text(f"{operation.name} may be asked by everything that it can be asked by.")
    found = Table(
        "asked by", "is refused, because it tells of", title=f"Refused in {operation.name}"
    )
    found.title_justify = "left"
    for name, path in refused:
        found.add_row(Text(name), Text(f"{path} ({policy.rule(path)})"))
    return found


def _refused_of_lists(company: Company, policy: CompanyPolicy) -> Iterator[tuple[str, str]]:
    """Lists of the site's own that are refused, and of the others the parameters that are."""
    plugin = company.plugin
    for name, query in plugin.records.items() if isinstance(plugin, SqlPlugin) else ():
        whole = [query.message] if policy.denied.hides(query.message) else query.site.ordered_by
        if told := sorted(filter(policy.denied.covers, whole)):
            yield name, told[0]
            continue
        for parameter, fields in sorted(query.site.asks.items()):
            if told := sorted(filter(policy.denied.covers, fields)):
                yield f"{name}: {parameter}", told[0]


def _refused(
    policy: CompanyPolicy, operation: Operation, descriptor: Any, prefix: str
) -> Iterator[tuple[str, str]]:
    for field in descriptor.fields:
        reads = field.GetOptions().Extensions[options_pb2.reads]
        hidden = next((path for path in reads.fields if policy.denied.hides(path)), "")
        if hidden and hidden != RECORDS and not (operation.write and reads.written):
            yield f"{prefix}{field.name}", hidden
        elif field.message_type and field.message_type.file.package == descriptor.file.package:
            below = f"{prefix}{field.name}."
            yield from _refused(policy, operation, field.message_type, below)


def _own_lines(
    company: Company, policy: CompanyPolicy, operation: Operation | None
) -> list[FieldLine]:
    """Columns of the site's lists and entries of attributes, with what of the contract they show."""
    return [
        _own_line(policy, path, shown)
        for path, shown in sorted(_shown(company).items())
        if operation is None or path.startswith(f"{_message_of(operation)}.")
    ]


def _message_of(operation: Operation) -> str:
    """The message that an operation answers, as the policy names it."""
    if operation.name == "ListRecords":
        return RECORDS
    descriptor = _item_field(operation.response).message_type
    assert descriptor is not None
    return descriptor.name


def _own_line(policy: CompanyPolicy, path: str, shown: frozenset[str]) -> FieldLine:
    if why := policy.rule(path):
        return FieldLine(path, False, why=why)
    why = _shows(policy, sorted(shown))
    return FieldLine(path, not why, why=why)


def _shows(policy: CompanyPolicy, fields: Iterable[str]) -> str:
    """Which of the fields that something shows is kept back, and by which line; empty if none is."""
    found = ((field, policy.rule(field)) for field in fields)
    return next((f"shows {field} ({why})" for field, why in found if why), "")


def _shown(company: Company) -> dict[str, frozenset[str]]:
    plugin = company.plugin
    own = plugin.own_fields() or frozenset()
    if not isinstance(plugin, SqlPlugin):
        return dict.fromkeys(own, frozenset())
    queries = [*plugin.queries.values(), *plugin.records.values()]
    shows = {f"{q.message}.{path}": told for q in queries for path, told in q.site.shows.items()}
    return {path: shows.get(path, frozenset()) for path in {*own, *shows}}


def _table(title: str, lines: Iterator[FieldLine] | list[FieldLine]) -> Table:
    found = Table("field", "leaves", "value", "why", title=title, title_justify="left")
    found.columns[0].overflow = "fold"
    for line in lines:
        found.add_row(
            Text(line.path),
            _yes_or_no(line.leaves),
            Text(line.value),
            Text(line.why),
            style="" if line.leaves else "dim",
        )
    return found


def _yes_or_no(yes: bool) -> Text:
    return Text("yes", style="green") if yes else Text("no", style="red")
