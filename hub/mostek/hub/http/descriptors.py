"""What is often asked of descriptors, with types that the stubs leave open."""

from __future__ import annotations

from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

__all__ = ["descriptor_of", "is_map", "map_value", "message_of"]


def descriptor_of(message: Message | type[Message]) -> Descriptor:
    """The descriptor of a message or its class."""
    return cast(Descriptor, message.DESCRIPTOR)


def message_of(field: FieldDescriptor) -> Descriptor:
    """The type of a field that holds a message."""
    assert field.message_type is not None
    return field.message_type


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map, which its descriptor shows as a repeated entry."""
    return bool(field.message_type and field.message_type.GetOptions().map_entry)


def map_value(field: FieldDescriptor) -> FieldDescriptor:
    """The field that stands for a map's values."""
    return message_of(field).fields_by_name["value"]
