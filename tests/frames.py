"""Frames as no peer of ours would send them: valid protobuf, at random, with the values that break things."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

__all__ = ["random_frame", "random_message"]

M = TypeVar("M", bound=Message)

#: Ids that tests use for commands come often, so that frames hit what is there.
_TEXTS = ("", "1", "2", "acme", "main", "i", "durable", "GetCustomer", "zażółć", "x" * 3000)
_NUMBERS = (0, 1, 2, 7, 100, 32 * 1024, 2**31 - 1, 2**32 - 1, 2**62, 2**63 - 1)
_BYTES = (b"", b"a", b"\x00\xff", b"r" * 500, b"r" * (32 * 1024), b"r" * (64 * 1024))

_DRAWS: dict[int, Callable[[Random], Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: lambda draw: draw.random() < 0.5,
    FieldDescriptor.CPPTYPE_INT32: lambda draw: draw.choice((-1, *_NUMBERS[:7])),
    FieldDescriptor.CPPTYPE_INT64: lambda draw: draw.choice((-(2**63), -1, *_NUMBERS)),
    FieldDescriptor.CPPTYPE_UINT32: lambda draw: draw.choice(_NUMBERS[:8]),
    FieldDescriptor.CPPTYPE_UINT64: lambda draw: draw.choice(_NUMBERS),
    FieldDescriptor.CPPTYPE_ENUM: lambda draw: draw.choice((0, 1, 2, 3, 4, 99)),
}


def random_frame(kind: type[M], draw: Random) -> M:
    """A frame of one side, with one of its kinds of content."""
    frame = kind()
    fields: Any = kind.DESCRIPTOR.fields
    _fill(frame, draw.choice(list(fields)), draw)
    return frame


def random_message(kind: type[M], draw: Random) -> M:
    """A message in which every second field is set to something."""
    message = kind()
    fields: Any = kind.DESCRIPTOR.fields
    for field in fields:
        if draw.random() < 0.5:
            _fill(message, field, draw)
    return message


def _fill(message: Message, field: FieldDescriptor, draw: Random) -> None:
    if field.is_repeated:
        values = getattr(message, field.name)
        for _ in range(draw.choice((0, 1, 2, 5))):
            values.append(_value(message, field, draw))
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(_value(message, field, draw))
    else:
        setattr(message, field.name, _value(message, field, draw))


def _value(message: Message, field: FieldDescriptor, draw: Random) -> Any:
    if field.message_type is not None:
        return random_message(GetMessageClass(field.message_type), draw)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return draw.choice(_BYTES if field.type == FieldDescriptor.TYPE_BYTES else _TEXTS)
    return _DRAWS[field.cpp_type](draw)
