"""What a message shows in a row: its leaves as columns.

A column's path is the contract's own: `tax_id.number`, names joined by dots. A repeated field or map is one value.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from mostek.client.fields import BadInput, field_of
from mostek.erp.v1.options_pb2 import rule

__all__ = ["Column", "as_json", "columns", "record_columns"]


def as_json(message: Message) -> Any:
    """protobuf's own JSON of a message, with the contract's field names."""
    return MessageToDict(message, preserving_proto_field_name=True)


@dataclass(frozen=True)
class Column:
    """One value of an item: the names of the fields that lead to it."""

    names: tuple[str, ...]

    @property
    def path(self) -> str:
        """The names joined by dots."""
        return ".".join(self.names)

    def text(self, item: Any) -> str:
        """The cell for an item in JSON: empty if absent, text as it is, everything else as JSON."""
        for name in self.names:
            if name not in item:
                return ""
            item = item[name]
        if isinstance(item, float) and item.is_integer():
            # A Struct knows no whole numbers.
            item = int(item)
        return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def columns(item: Descriptor, mask: Iterable[str] = ()) -> list[Column]:
    """The leaves that the mask names, in its order; without one all, but for those returned only on request.

    A path through a repeated field (`prices.net`) is the column of that field. Raises BadInput.
    """
    chosen = [fields for path in mask for fields in _named(item, path)]
    if not chosen:
        chosen = [f for f in _leaves(item) if not f[0].GetOptions().Extensions[rule].on_request]
    return list(dict.fromkeys(Column(tuple(field.name for field in f)) for f in chosen))


def record_columns(names: Iterable[str]) -> list[Column]:
    """The columns of a list of the site's own, whose rows are Structs."""
    return [Column((name,)) for name in names]


Fields = tuple[FieldDescriptor, ...]


def _leaves(descriptor: Descriptor, before: Fields = ()) -> Iterator[Fields]:
    for field in descriptor.fields:
        yield from _below((*before, field))


def _below(fields: Fields) -> Iterator[Fields]:
    inner = fields[-1].message_type
    if inner is None or _is_leaf(inner, fields):
        yield fields
    else:
        yield from _leaves(inner, fields)


def _is_leaf(inner: Descriptor, fields: Fields) -> bool:
    """Whether a message is one value: a list or map, a time, or what holds itself."""
    google = inner.file.package == "google.protobuf"
    return fields[-1].is_repeated or google or any(f.containing_type is inner for f in fields)


def _named(descriptor: Descriptor, path: str) -> Iterator[Fields]:
    fields: Fields = ()
    whole = False
    inner: Descriptor | None = descriptor
    for name in path.split("."):
        if inner is None:
            raise BadInput(f"{path}: {fields[-1].name} has no fields of its own.")
        if inner.GetOptions().map_entry:
            break
        field = field_of(inner, name)
        fields = fields if whole else (*fields, field)
        whole = whole or field.is_repeated
        inner = field.message_type
    return _below(fields)
