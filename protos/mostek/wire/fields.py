"""Fields that are kept back: which paths the contract has, and what takes them out of a response."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from mostek.wire.operations import OPERATIONS

__all__ = ["DeniedFields", "unknown_paths"]

_Steps = tuple[str, ...]


def unknown_paths(paths: list[str]) -> list[str]:
    """Those of the paths that name no field of a message that the contract returns."""
    messages = _messages()
    return [path for path in paths if not _is_known(path, messages)]


def _is_known(path: str, messages: dict[str, Descriptor]) -> bool:
    name, *steps = path.split(".")
    if name == "Records":
        # Lists of the site's own: `Records.<list>.<column>`.
        return len(steps) == 2 and all(steps)
    descriptor = messages.get(name)
    if descriptor is None or not steps:
        return False
    for position, step in enumerate(steps):
        field = descriptor.fields_by_name.get(step) if descriptor else None
        if field is None:
            return False
        descriptor = field.message_type
        if descriptor is not None and descriptor.GetOptions().map_entry:
            return len(steps) - position <= 2
    return True


@functools.cache
def _messages() -> dict[str, Descriptor]:
    """Every message that a response can hold, by name."""
    found: dict[str, Descriptor] = {}
    rest = [cast(Descriptor, operation.response.DESCRIPTOR) for operation in OPERATIONS.values()]
    while rest:
        descriptor = rest.pop()
        if descriptor.name not in found:
            found[descriptor.name] = descriptor
            rest += [f.message_type for f in descriptor.fields if f.message_type is not None]
    return found


class DeniedFields:
    """Fields that a reader may not have, as paths led by their message's name: `Customer.pesel`."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self._steps: dict[str, list[_Steps]] = {}
        for path in self.paths:
            message, *steps = path.split(".")
            self._steps.setdefault(message, []).append(tuple(steps))
        self._reaches: dict[str, list[FieldDescriptor]] = {}

    def prune(self, message: Message) -> None:
        """Remove the fields from a message, wherever in it they are."""
        for steps in self._steps.get(message.DESCRIPTOR.name, ()):
            _clear(message, steps)
        for field in self._ways(_descriptor(message)):
            value = getattr(message, field.name)
            if field.is_repeated:
                for item in value:
                    self.prune(item)
            elif message.HasField(field.name):
                self.prune(value)

    def _ways(self, descriptor: Descriptor) -> list[FieldDescriptor]:
        """The fields of a message below which a denied field can be."""
        known = self._reaches.get(descriptor.full_name)
        if known is None:
            known = [
                field
                for field in descriptor.fields
                if field.message_type is not None
                and not field.message_type.GetOptions().map_entry
                and self._reached(field.message_type, set())
            ]
            # Only when it is whole: other threads prune too.
            self._reaches[descriptor.full_name] = known
        return known

    def _reached(self, descriptor: Descriptor, seen: set[str]) -> bool:
        if descriptor.name in self._steps:
            return True
        if descriptor.full_name in seen:
            return False
        seen.add(descriptor.full_name)
        return any(
            field.message_type is not None and self._reached(field.message_type, seen)
            for field in descriptor.fields
        )


def _clear(message: Message, steps: _Steps) -> None:
    name, *rest = steps
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None:
        return
    if not rest:
        message.ClearField(name)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(message, name).pop(".".join(rest), None)
    elif field.is_repeated:
        for item in getattr(message, name):
            _clear(item, tuple(rest))
    elif message.HasField(name):
        _clear(getattr(message, name), tuple(rest))


def _descriptor(message: Message) -> Descriptor:
    # The stubs give two names to one class.
    return cast(Descriptor, message.DESCRIPTOR)
