"""Whatever the site's policy denies is neither read from the ERP's database nor answered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from google.protobuf.message import Message

from mostek.plugin.query import Query
from mostek.plugin.query_file import QueryFile
from mostek.plugin.query_part import Part
from mostek.plugin.sql_plugin import SqlPlugin
from mostek.plugin.testing import context, items, recorded
from mostek.wire.fields import identities
from mostek.wire.operations import OPERATIONS

__all__ = ["PolicyContract", "leaves_of"]

_POLICIES = 6
_NAME = re.compile(r"\.\s*\[?(\w+)")


class PolicyContract:
    """The rules of policies, for plugins that read with query files."""

    def test_what_a_policy_denies_is_neither_read_nor_answered(
        self, plugin: SqlPlugin, list_operation: str
    ) -> None:
        full = _page(plugin, list_operation, ())
        message = full[0].DESCRIPTOR.name
        queries = [query for query in plugin.queries.values() if query.message == message]
        leaves = sorted({leaf for item in full for leaf in leaves_of(item, message)} - identities())
        # The same policies each time.
        draw = Random(list_operation)  # noqa: S311 - no secret
        for _ in range(_POLICIES):
            denied = frozenset(draw.sample(leaves, draw.randint(1, len(leaves))))
            with recorded(plugin.database) as sent:
                found = _page(plugin, list_operation, denied)
            assert len(found) == len(full)
            shown = {leaf for item in found for leaf in leaves_of(item, message)}
            assert shown.isdisjoint(denied), sorted(shown & denied)
            named = {name for sql, _ in sent for name in _names(sql)}
            read = named & only_of(queries, denied)
            assert not read, f"{sorted(read)} is read though only denied fields need it"


def leaves_of(message: Message, path: str) -> Iterator[str]:
    """The paths of what a message holds that is no message, led by `path`."""
    for field, value in message.ListFields():
        here = f"{path}.{field.name}"
        below = field.message_type
        if below is not None and below.GetOptions().map_entry:
            yield from (f"{here}.{key}" for key in value)
        elif below is None or below.full_name == "google.protobuf.Timestamp":
            yield here
        else:
            for one in value if field.is_repeated else (value,):
                yield from leaves_of(one, here)


def only_of(queries: Iterable[Query], denied: frozenset[str]) -> set[str]:
    """Names of columns that the files need for nothing but the denied fields, as their texts have them."""
    gone: set[str] = set()
    needed: set[str] = set()
    for query in queries:
        for part in query.parts:
            kept, lost = _texts(part, {path[len(query.message) + 1 :] for path in denied})
            needed |= {name for text in kept for name in _names(text)}
            gone |= {name for text in lost for name in _names(text)}
    return gone - needed


def _texts(part: Part, denied: set[str]) -> tuple[list[str], list[str]]:
    """What of a file stays in the statement, and what must not be in it."""
    file = part.file
    start = len(part.prefix) + 1 if part.prefix else 0
    needed = {
        alias[start:] for path, inputs in part.fed.items() if path not in denied for alias in inputs
    }
    lost = [item.text for item in file.items if item.alias not in {*needed, "parent_id"}]
    kept = [item.text for item in file.items if item.alias in {*needed, "parent_id"}]
    return [*kept, *_rest(file)], lost


def _rest(file: QueryFile) -> list[str]:
    return [*(line.text for line in file.lines), file.key or ""]


def _names(text: str) -> set[str]:
    return {name.lower() for name in _NAME.findall(text)}


def _page(plugin: SqlPlugin, operation: str, denied: Iterable[str]) -> list[Any]:
    request = OPERATIONS[operation].request(page_size=20)
    return items(plugin.call(operation, request, context(operation, denied=denied)))
