"""Fields of the contract's messages set from what a person types: `tax_id=526-10-40-828`, `order.currency=EUR`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["BadInput", "assign", "did_you_mean", "field_of"]


class BadInput(Exception):
    """What the caller typed can't be understood; the text says what would be."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` Did you mean X?`, or nothing if nothing is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else ""


def assign(message: Message, text: str) -> None:
    """Set one field from `path=value`; of a repeated field, add a value. Raises BadInput."""
    path, equals, value = text.partition("=")
    if not equals:
        raise BadInput(f"{text!r} is not of the form name=value.")
    *parents, last = path.split(".")
    for index, parent in enumerate(parents):
        field = field_of(message.DESCRIPTOR, parent)
        if _is_map(field):
            key = ".".join([*parents[index + 1 :], last])
            getattr(message, field.name)[key] = value
            return
        if field.is_repeated or field.message_type is None:
            raise BadInput(f"{parent} is {_what(field)}, so {path} can't be set: use -f for it.")
        message = getattr(message, field.name)
    _set(message, field_of(message.DESCRIPTOR, last), value)


def _set(message: Message, field: FieldDescriptor, text: str) -> None:
    if field.message_type is not None:
        _set_message(message, field, text)
        return
    try:
        value = _scalar(field, text)
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{field.name} must be {_what(field)}, not {text!r}.") from error


def _set_message(message: Message, field: FieldDescriptor, text: str) -> None:
    target = getattr(message, field.name)
    if isinstance(target, FieldMask):
        target.paths.extend(path.strip() for path in text.split(",") if path.strip())
    elif isinstance(target, Timestamp):
        try:
            target.FromJsonString(text)
        except ValueError as error:
            raise BadInput(f"{field.name} must be a time like 2026-01-31T12:00:00Z.") from error
    elif _is_map(field):
        raise BadInput(f"{field.name} is {_what(field)}: write {field.name}.NAME=value.")
    elif field.is_repeated:
        raise BadInput(f"{field.name} is {_what(field)}: use -f for it.")
    else:
        names = [inner.name for inner in target.DESCRIPTOR.fields]
        raise BadInput(f"{field.name} has fields of its own: {field.name}.{{{','.join(names)}}}.")


def _scalar(field: FieldDescriptor, text: str) -> str | int | float | bool:
    if field.enum_type is not None:
        return _enum(field, text)
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            return text
        case FieldDescriptor.CPPTYPE_BOOL:
            return ("false", "true").index(text.lower()) == 1
        case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
            return float(text)
        case _:
            return int(text)


def _enum(field: FieldDescriptor, text: str) -> int:
    """The number of a value, named whole (`PRODUCT_KIND_SET`) or without the type's prefix (`set`)."""
    names = _enum_names(field)
    wanted = text.upper().removeprefix(_prefix(field))
    if wanted not in names:
        raise BadInput(
            f"{field.name} must be one of {', '.join(names)}, not {text!r}."
            + did_you_mean(wanted, names)
        )
    return names[wanted]


def _prefix(field: FieldDescriptor) -> str:
    assert field.enum_type is not None
    return field.enum_type.values[0].name.removesuffix("UNSPECIFIED")


def _enum_names(field: FieldDescriptor) -> dict[str, int]:
    """Short name → number."""
    assert field.enum_type is not None
    prefix = _prefix(field)
    return {value.name.removeprefix(prefix): value.number for value in field.enum_type.values[1:]}


def field_of(descriptor: Any, name: str) -> FieldDescriptor:
    """The field of that name of a message's descriptor. Raises BadInput."""
    known: Mapping[str, FieldDescriptor] = descriptor.fields_by_name
    if name not in known:
        hint = did_you_mean(name, known) or f" It has {', '.join(known) or 'none'}."
        raise BadInput(f"{descriptor.name} has no field {name}.{hint}")
    return known[name]


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _what(field: FieldDescriptor) -> str:
    if _is_map(field):
        return "a map"
    if field.is_repeated and field.message_type is not None:
        return "a list of messages"
    if field.message_type is not None:
        return "a message"
    return {
        FieldDescriptor.CPPTYPE_STRING: "a text",
        FieldDescriptor.CPPTYPE_BOOL: "true or false",
        FieldDescriptor.CPPTYPE_DOUBLE: "a number",
    }.get(field.cpp_type, "a whole number")
