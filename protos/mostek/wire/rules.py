"""The one validator of requests: every rule that `options.proto` lets a field state, enforced by the descriptor."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import DecodeError, Message
from stdnum import ean, exceptions
from stdnum.pl import nip, regon

from mostek.erp.v1 import options_pb2
from mostek.erp.v1.options_pb2 import Format, Rule
from mostek.wire.failures import Invalid, Violation

__all__ = ["Field", "fields_of", "parse", "rule_of", "validate", "violations_of"]

M = TypeVar("M", bound=Message)

#: Text may not hold control characters but tab, line feed and carriage return.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.([0-9]+))?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TAX_ID = re.compile(r"[0-9A-Za-z .\-/]{1,30}")
_MAX_ID = 128


def parse(message_class: type[M], data: bytes) -> M:
    """The message that the bytes hold, all its rules kept. Raises Invalid naming every field at fault."""
    message = message_class()
    try:
        message.ParseFromString(data)
    except DecodeError:
        name = message_class.DESCRIPTOR.full_name
        raise Invalid(f"The bytes are no {name}; build the request from the contract.") from None
    validate(message)
    return message


def validate(message: Message) -> None:
    """Raise Invalid with the violations of the message's rules, if there are any."""
    Invalid.raise_any(violations_of(message))


def violations_of(message: Message, path: str = "") -> Iterator[Violation]:
    """What is wrong with the message, each with the path of its field led by `path`."""
    shape = _shape(message.DESCRIPTOR)
    present = message.ListFields()
    if shape.required:
        names = {descriptor.name for descriptor, _ in present}
        for name in shape.required - names:
            yield Violation(path + name, "is required")
    for oneof, members in shape.oneofs:
        if message.WhichOneof(oneof) is None:
            yield Violation(f"{path}{oneof}", f"needs one of {members}")
    for descriptor, value in present:
        yield from shape.fields[descriptor.number].check(value, path + descriptor.name)


def rule_of(descriptor: FieldDescriptor) -> Rule:
    """The rule that a field states; an empty one if it states none."""
    rule: Rule = descriptor.GetOptions().Extensions[options_pb2.rule]
    return rule


@dataclass(frozen=True)
class Field:
    """A field of a message, with what concerns its check looked up once."""

    descriptor: FieldDescriptor
    rule: Rule
    repeated: bool
    is_map: bool
    check_one: Callable[[Any, str], Iterator[Violation]]

    def check(self, value: Any, path: str) -> Iterator[Violation]:
        """The violations of the field's value."""
        if not self.repeated:
            if self.rule.required and isinstance(value, str) and not value.strip():
                yield Violation(path, "is required, so it can't be blank")
                return
            yield from self.check_one(value, path)
            return
        most = self.rule.max_items
        if most and len(value) > most:
            yield Violation(path, f"has {len(value)} items; at most {most} are allowed")
            return
        if self.is_map:
            yield from self._check_map(value, path)
            return
        for index, item in enumerate(value):
            yield from self.check_one(item, f"{path}[{index}]")

    def _check_map(self, value: Any, path: str) -> Iterator[Violation]:
        for key, item in value.items():
            yield from _check_text(str(key), path, self.rule)
            if isinstance(item, str):
                yield from _check_text(item, f"{path}.{key}", self.rule)


@dataclass(frozen=True)
class _Shape:
    """The fields of a message by number, and which of them must be there."""

    fields: dict[int, Field]
    required: frozenset[str]
    oneofs: tuple[tuple[str, str], ...]


def fields_of(descriptor: Descriptor) -> dict[int, Field]:
    """The fields of a message by number, with their rules."""
    return _shape(descriptor).fields


@functools.cache
def _shape(descriptor: Descriptor) -> _Shape:
    fields = {field.number: _field(field) for field in descriptor.fields}
    return _Shape(
        fields=fields,
        required=frozenset(f.descriptor.name for f in fields.values() if f.rule.required),
        oneofs=tuple(
            (oneof.name, ", ".join(field.name for field in oneof.fields))
            for oneof in descriptor.oneofs
            # `optional` makes a oneof of its own, named with a leading underscore.
            if not oneof.name.startswith("_") and descriptor.file.package == "mostek.erp.v1"
        ),
    )


def _field(descriptor: FieldDescriptor) -> Field:
    rule = rule_of(descriptor)
    entry = descriptor.message_type
    return Field(
        descriptor=descriptor,
        rule=rule,
        repeated=descriptor.is_repeated,
        is_map=bool(entry and entry.GetOptions().map_entry),
        check_one=_checker(descriptor, rule),
    )


def _checker(descriptor: FieldDescriptor, rule: Rule) -> Callable[[Any, str], Iterator[Violation]]:
    if descriptor.message_type is FieldMask.DESCRIPTOR:
        return functools.partial(_check_mask, rule=rule)
    match descriptor.cpp_type:
        case FieldDescriptor.CPPTYPE_MESSAGE:
            return lambda value, path: violations_of(value, path + ".")
        case FieldDescriptor.CPPTYPE_STRING if descriptor.type == FieldDescriptor.TYPE_STRING:
            return functools.partial(_check_text, rule=rule)
        case FieldDescriptor.CPPTYPE_ENUM:
            return functools.partial(_check_enum, enum=descriptor.enum_type)
        case FieldDescriptor.CPPTYPE_INT32 | FieldDescriptor.CPPTYPE_INT64:
            return functools.partial(_check_number, rule=rule)
        case FieldDescriptor.CPPTYPE_UINT32 | FieldDescriptor.CPPTYPE_UINT64:
            return functools.partial(_check_number, rule=rule)
    return lambda value, path: iter(())


def _check_mask(value: FieldMask, path: str, *, rule: Rule) -> Iterator[Violation]:
    if rule.max_items and len(value.paths) > rule.max_items:
        yield Violation(path, f"has {len(value.paths)} paths; at most {rule.max_items} are allowed")
        return
    for item in value.paths:
        yield from _check_text(item, path, rule)


def _check_enum(value: int, path: str, *, enum: Any) -> Iterator[Violation]:
    if not value or value not in enum.values_by_number:
        names = ", ".join(v.name for v in enum.values if v.number)
        yield Violation(path, f"must be one of {names}")


def _check_text(value: str, path: str, rule: Rule) -> Iterator[Violation]:
    if rule.max_length and len(value) > rule.max_length:
        yield Violation(path, f"has {len(value)} characters; at most {rule.max_length} are allowed")
    if found := _CONTROL.search(value):
        yield Violation(path, f"has the control character U+{ord(found.group()):04X}; remove it")
        return
    if check := _FORMATS.get(rule.format):
        description = check(value)
        if description:
            yield Violation(path, description)
        elif rule.format == Format.FORMAT_DECIMAL:
            yield from _check_decimal(value, path, rule)


def _check_decimal(value: str, path: str, rule: Rule) -> Iterator[Violation]:
    match = _DECIMAL.fullmatch(value)
    assert match is not None
    scale = len(match.group(1) or "")
    if rule.max_scale and scale > rule.max_scale:
        yield Violation(
            path, f"has {scale} digits after the point; at most {rule.max_scale} are allowed"
        )
        return
    yield from _check_number(float(value), path, rule)


def _check_number(value: float, path: str, rule: Rule) -> Iterator[Violation]:
    if rule.positive and value <= 0:
        yield Violation(path, "must be greater than 0")
    elif rule.not_negative and value < 0:
        yield Violation(path, "must not be negative")
    elif rule.HasField("min") and value < rule.min:
        yield Violation(path, f"must be at least {rule.min}")
    elif rule.HasField("max") and value > rule.max:
        yield Violation(path, f"must be at most {rule.max}")


def _decimal(value: str) -> str:
    if _DECIMAL.fullmatch(value):
        return ""
    if "," in value:
        return "must be a decimal number with a point, not a comma, e.g. 1234.50"
    return "must be a decimal number, e.g. 1234.50"


def _date(value: str) -> str:
    try:
        if _DATE.fullmatch(value) and date.fromisoformat(value) >= date(1900, 1, 1):
            return ""
    except ValueError:
        pass
    return "must be a day from 1900-01-01, written YYYY-MM-DD"


def _currency(value: str) -> str:
    fits = re.fullmatch(r"[A-Z]{3}", value)
    return "" if fits else "must be an ISO 4217 code, e.g. PLN"


def _country(value: str) -> str:
    fits = re.fullmatch(r"[A-Z]{2}", value)
    return "" if fits else "must be an ISO 3166-1 code of two capital letters, e.g. PL"


def _tax_id(value: str) -> str:
    if not _TAX_ID.fullmatch(value) or not any(character.isdigit() for character in value):
        return (
            "must be a tax id of at most 30 letters and digits, e.g. 526-10-40-828 or DE123456789"
        )
    compact = re.sub(r"[ .\-/]", "", value).upper().removeprefix("PL")
    if not compact[:1].isdigit():
        return ""
    # A NIP of zeros has a right check digit but names nobody.
    if not compact.strip("0") or not nip.is_valid(compact):
        return "is no NIP: ten digits with a right check digit are expected"
    return ""


def _id(value: str) -> str:
    if 0 < len(value) <= _MAX_ID and value == value.strip():
        return ""
    return (
        f"must be an id from an earlier response: 1 to {_MAX_ID} characters, no space at its ends"
    )


def _regon(value: str) -> str:
    return (
        "" if regon.is_valid(value) else "must be a REGON: 9 or 14 digits with a right check digit"
    )


def _gln(value: str) -> str:
    try:
        fits = len(value) == 13 and bool(ean.validate(value))
    except exceptions.ValidationError:
        fits = False
    return "" if fits else "must be a GLN: 13 digits with a right check digit"


_FORMATS: dict[Format.ValueType, Callable[[str], str]] = {
    Format.FORMAT_DECIMAL: _decimal,
    Format.FORMAT_DATE: _date,
    Format.FORMAT_CURRENCY: _currency,
    Format.FORMAT_COUNTRY: _country,
    Format.FORMAT_TAX_ID: _tax_id,
    Format.FORMAT_ID: _id,
    Format.FORMAT_REGON: _regon,
    Format.FORMAT_GLN: _gln,
}
