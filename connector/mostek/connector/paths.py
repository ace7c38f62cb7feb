"""Which field paths the contract has, for what the policy denies."""

from __future__ import annotations

import functools
from typing import cast

from google.protobuf.descriptor import Descriptor

from mostek.wire.operations import OPERATIONS

__all__ = ["unknown_paths"]


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
