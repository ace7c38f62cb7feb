"""`mostek-connector try`: rows of a list as a caller would get them, and what the database was asked for that."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import Message

from mostek.connector.companies import Company
from mostek.connector.explain import call, items
from mostek.connector.policy import CompanyPolicy, is_list
from mostek.erp.v1.common_pb2 import UnavailableReason
from mostek.plugin.plugin import Plugin
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.sql_types import Param
from mostek.wire.failures import Invalid, NotFound
from mostek.wire.operations import OPERATIONS, Operation
from mostek.wire.rules import validate

__all__ = ["MOST_ROWS", "Sent", "Trial", "told", "tried"]

#: Rows of a first page, which is no export.
MOST_ROWS = 200
_LIST = "List"
_RECORDS = "ListRecords"
_REASONS = {
    UnavailableReason.UNAVAILABLE_REASON_DENIED: "kept back by the policy",
    UnavailableReason.UNAVAILABLE_REASON_DRIFT: "the ERP's database lacks it",
}


@dataclass
class Sent:
    """A statement as the database was sent it. `seconds`: until its rows were read and turned into messages."""

    sql: str
    params: Sequence[Param]
    seconds: float = 0.0


@dataclass(frozen=True)
class Trial:
    """`rows` as they would leave; `kept`: fields that are missing in them, with the reason."""

    rows: list[Message]
    kept: Mapping[str, str]
    statements: list[Sent] = field(default_factory=list)


def tried(
    company: Company, policy: CompanyPolicy, name: str, limit: int, parameters: Mapping[str, str]
) -> Trial:
    """Ask for the first rows of a list: of the contract (`customers`), or of the site's own, by its name.

    `parameters` are fields of the list's request, or parameters of the site's list. Raises CommandFailure.
    """
    operation, request = _asked(company.plugin, name, limit, parameters)
    # Any caller that the site answers.
    policy.check(operation, next(iter(policy.config.callers or ()), ""))
    policy.denied.check(request, write=False, by="the site's policy")
    policy.limit(operation, request)
    # What it looks at once, when it opens, is not the list's.
    company.open()
    with _watching(company.plugin) as statements:
        response = call(company, policy, operation, request)
    policy.prune(response, policy.denied, request)
    missing = {one.path: _REASONS.get(one.reason, "") for one in response.unavailable_fields}
    return Trial(items(response), {path: why for path, why in missing.items() if why}, statements)


def told(trial: Trial) -> Iterator[str]:
    """What to show of it, line by line."""
    for row in trial.rows:
        yield MessageToJson(row, preserving_proto_field_name=True, ensure_ascii=False)
    if not trial.rows:
        yield "No rows."
    if trial.kept:
        yield ""
        yield "Not there:"
        yield from (f"  {path}: {why}" for path, why in sorted(trial.kept.items()))
    if trial.statements:
        yield ""
        seconds = sum(sent.seconds for sent in trial.statements)
        yield f"Statements: {len(trial.statements)}, {seconds * 1000:.1f} ms"
    for number, sent in enumerate(trial.statements, 1):
        yield ""
        yield f"-- {number}: {sent.seconds * 1000:.1f} ms"
        yield sent.sql.strip()
        if sent.params:
            yield f"-- with {', '.join(f'{p.value!r} ({p.type})' for p in sent.params)}"


def _asked(
    plugin: Plugin, name: str, limit: int, parameters: Mapping[str, str]
) -> tuple[Operation, Any]:
    """The operation and its request."""
    lists = {
        one.removeprefix(_LIST).lower(): OPERATIONS[one]
        for one in plugin.serves
        if is_list(OPERATIONS[one]) and one != _RECORDS
    }
    own = plugin.records if isinstance(plugin, SqlPlugin) else {}
    if name in lists:
        return lists[name], _with_filters(lists[name], limit, parameters)
    if name not in own:
        known = ", ".join([*lists, *own])
        raise NotFound(f"There is no list {name}; there are {known}.")
    operation = OPERATIONS[_RECORDS]
    request: Any = operation.request(list=name, page_size=limit, parameters=dict(parameters))
    return operation, request


def _with_filters(operation: Operation, limit: int, filters: Mapping[str, str]) -> Any:
    fields = operation.request.DESCRIPTOR.fields_by_name
    for name in filters.keys() - fields.keys():
        known = ", ".join(one for one in fields if one not in {"page_token", "read_mask"})
        raise Invalid.of(name, f"{operation.name} has no such field; it has {known}")
    given: dict[str, Any] = {
        name: [value] if fields[name].is_repeated else _plain(fields[name], value)
        for name, value in filters.items()
    }
    try:
        request = ParseDict({"page_size": limit, **given}, operation.request())
    except ParseError as error:
        raise Invalid.of(next(iter(filters)), str(error)) from None
    validate(request)
    return request


def _plain(field: Any, value: str) -> object:
    if field.type != field.TYPE_BOOL:
        return value
    return {"true": True, "false": False}.get(value.lower(), value)


@contextmanager
def _watching(plugin: Plugin) -> Iterator[list[Sent]]:
    """Within the block, what the database is sent. A statement ends when the next one is sent, or with the block."""
    sent: list[Sent] = []
    if not isinstance(plugin, SqlPlugin):
        yield sent
        return
    began = time.perf_counter()

    def ended() -> None:
        nonlocal began
        if sent:
            sent[-1].seconds = time.perf_counter() - began
        began = time.perf_counter()

    def watch(sql: str, params: Sequence[Param]) -> None:
        ended()
        sent.append(Sent(sql, params))

    plugin.database.observer = watch
    try:
        yield sent
    finally:
        ended()
        plugin.database.observer = None
