"""JSON schemas of the contract's messages, with the limits that the fields' rules state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from mostek.erp.v1.options_pb2 import Format, Rule
from mostek.hub.http.comments import comment
from mostek.hub.http.descriptors import is_map, map_value
from mostek.wire.rules import rule_of

__all__ = ["Schemas", "with_description"]

Json = dict[str, Any]


def with_description(schema: Json, text: str) -> Json:
    """The schema with a description, if there is one to give."""
    return schema | {"description": text} if text else schema


class Schemas:
    """Collects the schema of each message and enum that is asked for, and of all that they hold."""

    def __init__(self) -> None:
        #: By the declaration's short name.
        self.components: Json = {}

    def message(self, message: Descriptor) -> Json:
        """A schema of a message: a reference, or inline for protobuf's own types."""
        if message.full_name in _WELL_KNOWN:
            return _WELL_KNOWN[message.full_name]
        if message.name not in self.components:
            # Before its fields: they may hold the message itself.
            schema = self.components[message.name] = {"type": "object"}
            schema |= self._object(message)
        return {"$ref": f"#/components/schemas/{message.name}"}

    def field(self, field: FieldDescriptor, *, described: bool = True) -> Json:
        """A schema of a field with its limits."""
        rule = rule_of(field)
        if is_map(field):
            schema: Json = {
                "type": "object",
                "additionalProperties": self._value(map_value(field), rule),
            } | _given(maxProperties=rule.max_items)
        elif field.is_repeated:
            schema = {"type": "array", "items": self._value(field, rule)}
            schema |= _given(maxItems=rule.max_items, minItems=int(rule.required))
        else:
            schema = self._value(field, rule)
        return with_description(schema, self.description(field)) if described else schema

    def required(self, field: FieldDescriptor) -> bool:
        """Whether the field has to be there."""
        return rule_of(field).required

    def description(self, field: FieldDescriptor) -> str:
        """The field's comment, and what of its rule a schema can't say."""
        return " ".join(filter(None, (comment(field.full_name), *_remarks(field, rule_of(field)))))

    def _object(self, message: Descriptor) -> Json:
        found: Json = {"type": "object"}
        found = with_description(found, comment(message.full_name))
        found["properties"] = {field.name: self.field(field) for field in message.fields}
        if required := [field.name for field in message.fields if self.required(field)]:
            found["required"] = required
        # `optional` makes a oneof of its own, named with a leading underscore.
        choices = [_one_of(o.fields) for o in message.oneofs if not o.name.startswith("_")]
        return found | ({"allOf": choices} if choices else {})

    def _value(self, field: FieldDescriptor, rule: Rule) -> Json:
        if field.message_type is not None and field.message_type.full_name == _MASK:
            item = {"type": "string"} | _given(maxLength=rule.max_length)
            return {"type": "array", "items": item} | _given(maxItems=rule.max_items)
        if field.message_type is not None:
            return self.message(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            return {"type": "string"} | _format(rule) | _given(maxLength=rule.max_length)
        return _SCALARS[field.cpp_type] | dict(_range(rule))

    def _enum(self, enum: EnumDescriptor) -> Json:
        values = [value for value in enum.values if value.number]
        lines = [f"- `{v.name}`: {_value_comment(enum, v.name)}".rstrip(": ") for v in values]
        text = "\n\n".join(filter(None, (comment(enum.full_name), "\n".join(lines))))
        schema = {"type": "string", "enum": [value.name for value in values]}
        self.components[enum.name] = with_description(schema, text)
        return {"$ref": f"#/components/schemas/{enum.name}"}


def _value_comment(enum: EnumDescriptor, value: str) -> str:
    return comment(enum.full_name, value)


def _one_of(fields: Iterable[FieldDescriptor]) -> Json:
    return {"oneOf": [{"required": [field.name]} for field in fields]}


def _given(**limits: int) -> Json:
    """Those limits that are set: 0 is none."""
    return {name: limit for name, limit in limits.items() if limit}


def _range(rule: Rule) -> Iterator[tuple[str, int]]:
    if rule.positive:
        yield "exclusiveMinimum", 0
    if rule.not_negative:
        yield "minimum", 0
    if rule.HasField("min"):
        yield "minimum", rule.min
    if rule.HasField("max"):
        yield "maximum", rule.max


def _format(rule: Rule) -> Json:
    if rule.format == Format.FORMAT_DECIMAL:
        return {"pattern": _decimal(rule)}
    return _FORMATS.get(rule.format, {})


def _decimal(rule: Rule) -> str:
    sign = "" if rule.positive or rule.not_negative else "-?"
    scale = f"{{1,{rule.max_scale}}}" if rule.max_scale else "+"
    return rf"^{sign}[0-9]{{1,15}}(\.[0-9]{scale})?$"


def _remarks(field: FieldDescriptor, rule: Rule) -> Iterator[str]:
    if rule.on_request:
        yield "Returned only if `read_mask` names it."
    if rule.format != Format.FORMAT_DECIMAL:
        return
    if rule.positive:
        yield "Greater than 0."
    if rule.HasField("min"):
        yield f"At least {rule.min}."
    if rule.HasField("max"):
        yield f"At most {rule.max}."


_MASK = "google.protobuf.FieldMask"
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.Any": {
        "type": "object",
        "properties": {"@type": {"type": "string"}},
        "required": ["@type"],
        "additionalProperties": True,
    },
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
}
_Field = FieldDescriptor
_SCALARS: dict[int, Json] = {
    _Field.CPPTYPE_BOOL: {"type": "boolean"},
    _Field.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    _Field.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    # Protobuf writes 64 bits as text, since JavaScript's numbers have 53.
    _Field.CPPTYPE_INT64: {"type": "string", "pattern": "^-?[0-9]+$"},
    _Field.CPPTYPE_UINT64: {"type": "string", "pattern": "^[0-9]+$"},
    _Field.CPPTYPE_FLOAT: {"type": "number"},
    _Field.CPPTYPE_DOUBLE: {"type": "number"},
}
_FORMATS: dict[Format.ValueType, Json] = {
    Format.FORMAT_DATE: {"format": "date"},
    Format.FORMAT_CURRENCY: {"pattern": "^[A-Z]{3}$"},
    Format.FORMAT_COUNTRY: {"pattern": "^[A-Z]{2}$"},
    Format.FORMAT_TAX_ID: {"pattern": r"^[0-9A-Za-z .\-/]{1,30}$"},
    Format.FORMAT_ID: {"minLength": 1, "maxLength": 128},
    Format.FORMAT_REGON: {"pattern": "^([0-9]{9}|[0-9]{14})$"},
    Format.FORMAT_GLN: {"pattern": "^[0-9]{13}$"},
}
