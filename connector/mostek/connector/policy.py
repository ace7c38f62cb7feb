"""What may leave the site, and what may be done there."""

from __future__ import annotations

from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from mostek.connector.config import PolicyConfig
from mostek.wire.failures import CommandFailure, Denied
from mostek.wire.operations import Operation

__all__ = ["Policy"]

_Steps = tuple[str, ...]


class Policy:
    """The site's decisions. Asked before an operation runs, and once more of every response."""

    def __init__(self, config: PolicyConfig) -> None:
        self.denied = frozenset(config.deny)
        self._writes = config.writes
        self._share_error_text = config.share_error_text
        self._steps: dict[str, list[_Steps]] = {}
        for path in config.deny:
            message, *steps = path.split(".")
            self._steps.setdefault(message, []).append(tuple(steps))
        self._reaches: dict[str, list[FieldDescriptor]] = {}

    def allows(self, operation: Operation) -> bool:
        """Whether the operation may be run at all."""
        return self._writes or not operation.write

    def check(self, operation: Operation) -> None:
        """Raise Denied for an operation that the site does not allow."""
        if not self.allows(operation):
            raise Denied(
                f"The site allows no writes, so {operation.name} is refused; "
                "its administrator can set policy.writes = true."
            )

    def prune(self, message: Message) -> None:
        """Remove every denied field from a response, whatever the plugin put there."""
        for steps in self._steps.get(message.DESCRIPTOR.name, ()):
            _clear(message, steps)
        for field in self._ways(_descriptor(message)):
            value = getattr(message, field.name)
            if field.is_repeated:
                for item in value:
                    self.prune(item)
            elif message.HasField(field.name):
                self.prune(value)

    def mute(self, failure: CommandFailure) -> None:
        """Take the ERP's own words out of a failure, unless the site shares them."""
        if not self._share_error_text:
            failure.erp_text = ""

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
