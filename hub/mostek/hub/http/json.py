"""Protobuf's JSON mapping with proto field names: strict about what comes in, and fair to the loop on the way out."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, NoReturn

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from mostek.hub.http.descriptors import descriptor_of, is_map, map_value
from mostek.wire.failures import Invalid, Violation
from mostek.wire.rules import rule_of

__all__ = ["compact", "encoded", "encoded_each", "encoded_list", "expected", "read"]

#: Longest stretch of encoding before others on the loop get a turn, in seconds.
_TURN = 0.003

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def compact(value: object) -> bytes:
    """JSON without spaces, in UTF-8."""
    return _encode(value).encode()


def encoded(message: Message, *, defaults: bool = False) -> bytes:
    """A message as JSON. `defaults`: also the fields that can't be absent and have no value, like false."""
    value = MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=defaults,
    )
    return compact(value)


async def encoded_list(response: Message, items: str) -> bytes:
    """A list's response as JSON, its field `items` first and never absent."""
    listed = b",".join([item async for item in encoded_each(getattr(response, items))])
    response.ClearField(items)
    rest = encoded(response)[1:-1]
    return b'{"%s":[%s]%s%s}' % (items.encode(), listed, b"," if rest else b"", rest)


async def encoded_each(messages: Iterable[Message]) -> AsyncIterator[bytes]:
    """Each message as JSON. Takes a break now and then, so that a large page holds up nobody."""
    since = time.monotonic()
    for message in messages:
        yield encoded(message)
        if time.monotonic() - since > _TURN:
            await asyncio.sleep(0)
            since = time.monotonic()


def read(data: bytes, message: Message, path: str) -> None:
    """Fill the message, which is the request's field `path`, from a JSON object. Raises Invalid naming its faults."""
    value = _loaded(data)
    if not isinstance(value, dict):
        raise Invalid.of(path, f"the body must be a JSON object, {message.DESCRIPTOR.name}")
    Invalid.raise_any(_violations(value, descriptor_of(message), path))
    message.SetInParent()
    try:
        ParseDict(value, message)
    except ParseError:
        raise Invalid.of(path, f"is no {message.DESCRIPTOR.name}") from None


def expected(field: FieldDescriptor) -> str:
    """What a value of the field must be, as the end of a sentence."""
    if field.enum_type:
        return "must be one of " + ", ".join(v.name for v in field.enum_type.values if v.number)
    if field.message_type:
        return _EXPECTED_MESSAGES.get(field.message_type.full_name, "must be an object")
    return _EXPECTED[field.cpp_type]


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_object, parse_constant=_refused, parse_float=_finite
        )
    except UnicodeDecodeError as wrong:
        raise Invalid(f"The body is not UTF-8: byte {wrong.start} fits no character.") from None
    except json.JSONDecodeError as wrong:
        where = f"line {wrong.lineno}, column {wrong.colno}"
        raise Invalid(f"The body is not JSON: {wrong.msg}, at {where}.") from None
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    except ValueError:
        raise Invalid("The body has a number with too many digits.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if not _is_unicode(name):
            raise Invalid(
                "The body has a name with half of a character in it (\\ud800 to \\udfff)."
            )
        if name in found:
            raise Invalid.of(name, "is given twice in one object of the body")
        found[name] = value
    return found


def _refused(constant: str) -> NoReturn:
    raise Invalid(f"The body is not JSON: it has no number {constant}.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Invalid("The body has a number that is too large.")
    return number


# Protobuf's parser stops at the first fault, says it in words of its own, and takes `[]` or "" for an empty message.
# So the value is held against the descriptor first.
def _violations(value: dict[str, Any], descriptor: Descriptor, path: str) -> Iterator[Violation]:
    for name, item in value.items():
        field = _field(descriptor, name)
        here = f"{path}.{name}"
        if field is None:
            yield Violation(here, _unknown(descriptor, name))
        elif item is None:
            continue
        elif _is_too_long(field, item):
            yield Violation(here, _too_many(field, item))
        elif is_map(field):
            yield from _map_violations(field, item, here)
        elif not field.is_repeated:
            yield from _value_violations(field, item, here)
        elif isinstance(item, list):
            for index, one in enumerate(item):
                yield from _value_violations(field, one, f"{here}[{index}]")
        else:
            yield Violation(here, "must be a list")
    yield from _oneof_violations(value, descriptor, path)


def _is_too_long(field: FieldDescriptor, item: Any) -> bool:
    """Whether there is more in a list or map than may be: before each of it is looked at."""
    most = rule_of(field).max_items
    return bool(most) and isinstance(item, list | dict) and field.is_repeated and len(item) > most


def _too_many(field: FieldDescriptor, item: Any) -> str:
    return f"has {len(item)} items; at most {rule_of(field).max_items} are allowed"


def _field(descriptor: Descriptor, name: str) -> FieldDescriptor | None:
    found = descriptor.fields_by_name.get(name)
    return found if found is not None else descriptor.fields_by_camelcase_name.get(name)


def _unknown(descriptor: Descriptor, name: str) -> str:
    near = get_close_matches(name[:100], descriptor.fields_by_name.keys(), n=1)
    return f"is no field of {descriptor.name}" + (f"; is {near[0]} meant?" if near else "")


def _map_violations(field: FieldDescriptor, item: Any, path: str) -> Iterator[Violation]:
    if not isinstance(item, dict):
        yield Violation(path, "must be an object")
        return
    value = map_value(field)
    for name, one in item.items():
        yield from _value_violations(value, one, f"{path}.{name}")


def _value_violations(field: FieldDescriptor, item: Any, path: str) -> Iterator[Violation]:
    message = field.message_type
    if message and message.file.package != "google.protobuf":
        if isinstance(item, dict):
            yield from _violations(item, message, path)
        else:
            yield Violation(path, "must be an object")
    elif not _fits(field, item):
        yield Violation(path, expected(field))


def _fits(field: FieldDescriptor, item: Any) -> bool:
    if item is None or (isinstance(item, str) and not _is_unicode(item)):
        return False
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return isinstance(item, bool)
    if field.enum_type:
        return isinstance(item, str) and item in field.enum_type.values_by_name
    if field.type == FieldDescriptor.TYPE_STRING:
        return isinstance(item, str)
    return _parses(field, item)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parses(field: FieldDescriptor, item: Any) -> bool:
    owner = field.containing_type
    assert owner is not None
    alone = GetMessageClass(owner)()
    try:
        ParseDict({field.name: [item] if field.is_repeated else item}, alone)
    except ParseError:
        return False
    return True


def _oneof_violations(
    value: dict[str, Any], descriptor: Descriptor, path: str
) -> Iterator[Violation]:
    for oneof in descriptor.oneofs:
        given = [field.name for field in oneof.fields if value.get(field.name) is not None]
        if len(given) > 1:
            yield Violation(f"{path}.{oneof.name}", f"may be only one of {', '.join(given)}")


_Field = FieldDescriptor
_EXPECTED = {
    _Field.CPPTYPE_STRING: "must be text",
    _Field.CPPTYPE_BOOL: "must be true or false",
    _Field.CPPTYPE_INT32: "must be a whole number of 32 bits",
    _Field.CPPTYPE_INT64: "must be a whole number of 64 bits",
    _Field.CPPTYPE_UINT32: "must be a whole number of 32 bits, not negative",
    _Field.CPPTYPE_UINT64: "must be a whole number of 64 bits, not negative",
    _Field.CPPTYPE_FLOAT: "must be a number",
    _Field.CPPTYPE_DOUBLE: "must be a number",
}
_EXPECTED_MESSAGES = {
    "google.protobuf.Timestamp": "must be a time, e.g. 2026-11-24T08:30:00Z",
    "google.protobuf.Duration": "must be a span in seconds, e.g. 1.5s",
    "google.protobuf.FieldMask": "must be names of fields with commas between them",
}
