"""Query parameters: fields of a request by their proto names.

A repeated field is given by repetition, a field inside a message with a dot (`address.city=…`), an entry of a map
likewise (`parameters.region=…`), a mask as names with commas, an enum by the name of its value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.hub.http.descriptors import is_map, map_value
from mostek.hub.http.json import expected
from mostek.wire.failures import Invalid, Violation

__all__ = ["Parameter", "Query"]

_INTEGER = re.compile(r"-?[0-9]{1,19}")


@dataclass(frozen=True)
class Parameter:
    """A field of a request that the query can give. Its name is the field's path; a map's ends in a dot."""

    name: str
    field: FieldDescriptor
    parents: tuple[str, ...]
    read: Callable[[str], Any]

    @property
    def is_map(self) -> bool:
        """Whether it stands for any number of parameters that start with its name."""
        return self.name.endswith(".")

    def put(self, request: Message, name: str, values: list[str]) -> None:
        """Set the field from the values of the parameter `name`. Raises ValueError with what is wrong."""
        owner = request
        for parent in self.parents:
            owner = getattr(owner, parent)
        if not self.is_map and self.field.is_repeated:
            getattr(owner, self.field.name).extend(map(self.read, values))
            return
        if len(values) > 1:
            raise ValueError("is given more than once")
        value = self.read(values[0])
        if self.is_map:
            getattr(owner, self.field.name)[name.removeprefix(self.name)] = value
        elif self.field.message_type:
            getattr(owner, self.field.name).CopyFrom(value)
        else:
            setattr(owner, self.field.name, value)


class Query:
    """The query parameters of a request, but for those fields that path and body give."""

    def __init__(self, request: Descriptor, omit: Collection[str] = ()) -> None:
        self.rpc = request.name.removesuffix("Request")
        self.parameters = {p.name: p for p in _parameters(request, omit)}
        self._maps = tuple(p for p in self.parameters.values() if p.is_map)

    def read(self, query: bytes, request: Message) -> None:
        """Set the request's fields from the query string. Raises Invalid naming the parameters at fault."""
        if query:
            Invalid.raise_any(self._put(_grouped(query), request))

    def _put(self, given: dict[str, list[str]], request: Message) -> Iterator[Violation]:
        for name, values in given.items():
            try:
                self._find(name).put(request, name, values)
            except ValueError as wrong:
                yield Violation(name, str(wrong))

    def _find(self, name: str) -> Parameter:
        found = self.parameters.get(name)
        if found and not found.is_map:
            return found
        for parameter in self._maps:
            if name.startswith(parameter.name) and name != parameter.name:
                return parameter
        known = ", ".join(p.name + ("NAME" if p.is_map else "") for p in self.parameters.values())
        raise ValueError(f"is no parameter of {self.rpc}; it has {known or 'none'}")


def _grouped(query: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except UnicodeError:
        raise Invalid("The query is not UTF-8, percent-encoded.") from None
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _parameters(
    descriptor: Descriptor, omit: Collection[str] = (), parents: tuple[str, ...] = ()
) -> Iterator[Parameter]:
    for field in descriptor.fields:
        name = ".".join((*parents, field.name))
        if name in omit:
            continue
        if is_map(field):
            yield Parameter(name + ".", field, parents, _reader(map_value(field)))
        elif not field.message_type or field.message_type.full_name in _MESSAGES:
            yield Parameter(name, field, parents, _reader(field))
        elif not field.is_repeated:
            yield from _parameters(field.message_type, parents=(*parents, field.name))


def _reader(field: FieldDescriptor) -> Callable[[str], Any]:
    convert: Callable[[str], Any]
    if field.message_type:
        convert = _MESSAGES[field.message_type.full_name]
    elif field.enum_type:
        convert = _enum(field.enum_type)
    else:
        convert = _SCALARS[field.cpp_type]
    if convert is _text:
        return convert

    def read(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, KeyError):
            raise ValueError(expected(field)) from None

    return read


def _text(text: str) -> str:
    return text


def _enum(enum: EnumDescriptor) -> Callable[[str], int]:
    numbers = {value.name: value.number for value in enum.values}
    return numbers.__getitem__


def _bool(text: str) -> bool:
    return {"true": True, "false": False}[text]


def _integer(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError
        return int(text)

    return read


_Field = FieldDescriptor
_SCALARS: dict[int, Callable[[str], Any]] = {
    _Field.CPPTYPE_STRING: _text,
    _Field.CPPTYPE_BOOL: _bool,
    _Field.CPPTYPE_INT32: _integer(-(2**31), 2**31 - 1),
    _Field.CPPTYPE_INT64: _integer(-(2**63), 2**63 - 1),
    _Field.CPPTYPE_UINT32: _integer(0, 2**32 - 1),
    _Field.CPPTYPE_UINT64: _integer(0, 2**64 - 1),
}


def _mask(text: str) -> FieldMask:
    return FieldMask(paths=text.split(","))


def _timestamp(text: str) -> Timestamp:
    message = Timestamp()
    message.FromJsonString(text)
    return message


def _duration(text: str) -> Duration:
    message = Duration()
    message.FromJsonString(text)
    return message


_MESSAGES: dict[str, Callable[[str], Message]] = {
    "google.protobuf.FieldMask": _mask,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.Duration": _duration,
}
