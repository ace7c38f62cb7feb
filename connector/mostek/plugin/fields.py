"""The fields of a message as a query feeds them, and which of them one request gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from mostek.erp.v1 import options_pb2
from mostek.erp.v1.common_pb2 import UnavailableField, UnavailableReason
from mostek.wire.failures import Invalid
from mostek.wire.fields import DeniedFields

__all__ = ["Field", "Kind", "Selection", "select"]

_DENIED = UnavailableReason.UNAVAILABLE_REASON_DENIED
_DRIFT = UnavailableReason.UNAVAILABLE_REASON_DRIFT
_UNSUPPORTED = UnavailableReason.UNAVAILABLE_REASON_UNSUPPORTED


class Kind(Enum):
    """How a column's value gets into a field."""

    TEXT = "text"
    DECIMAL = "decimal"
    DATE = "date"
    INSTANT = "instant"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    ENUM = "enum"
    #: Any value, in a `Struct`: a column of a list that the site defined.
    VALUE = "value"
    #: `map<string, string>`; an alias names one entry of it.
    MAP = "map"
    MESSAGE = "message"


@dataclass(frozen=True)
class Field:
    """A field with its path from the item's message; the root stands for the message and has the path ""."""

    path: str
    kind: Kind
    repeated: bool = False
    on_request: bool = False
    children: Mapping[str, Field] = field(default_factory=dict)

    @classmethod
    def of(cls, descriptor: Any) -> Self:
        """The tree of a message's fields."""
        return cls("", Kind.MESSAGE, children=_children(descriptor, "", frozenset()))

    @classmethod
    def of_columns(cls, names: Iterable[str]) -> Self:
        """The tree of a list that the site defined: a value per column."""
        return cls("", Kind.MESSAGE, children={name: cls(name, Kind.VALUE) for name in names})

    def find(self, path: str) -> Field | None:
        """The field at a path, through repeated fields too; an entry of a map is found as the map."""
        found = self
        for name in path.split("."):
            if found.kind is Kind.MAP:
                return found
            if name not in found.children:
                return None
            found = found.children[name]
        return found

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Paths of everything below that is no message."""
        if self.kind is not Kind.MESSAGE:
            return (self.path,)
        return tuple(leaf for child in self.children.values() for leaf in child.leaves)


def _children(descriptor: Descriptor, prefix: str, above: frozenset[str]) -> dict[str, Field]:
    return {
        field.name: _field(field, f"{prefix}{field.name}", above | {descriptor.full_name})
        for field in descriptor.fields
        if not field.message_type or field.message_type.full_name not in above
    }


def _field(field: FieldDescriptor, path: str, above: frozenset[str]) -> Field:
    kind = _kind(field)
    below = (
        _children(field.message_type, f"{path}.", above)
        if kind is Kind.MESSAGE and field.message_type
        else {}
    )
    rule = field.GetOptions().Extensions[options_pb2.rule]
    return Field(path, kind, field.is_repeated and kind is not Kind.MAP, rule.on_request, below)


_BY_FORMAT = {options_pb2.FORMAT_DECIMAL: Kind.DECIMAL, options_pb2.FORMAT_DATE: Kind.DATE}
_BY_TYPE = {
    FieldDescriptor.CPPTYPE_BOOL: Kind.BOOL,
    FieldDescriptor.CPPTYPE_ENUM: Kind.ENUM,
    FieldDescriptor.CPPTYPE_FLOAT: Kind.FLOAT,
    FieldDescriptor.CPPTYPE_DOUBLE: Kind.FLOAT,
    FieldDescriptor.CPPTYPE_STRING: Kind.TEXT,
}


def _kind(field: FieldDescriptor) -> Kind:
    if field.message_type:
        if field.message_type.GetOptions().map_entry:
            return Kind.MAP
        instant = field.message_type.full_name == "google.protobuf.Timestamp"
        return Kind.INSTANT if instant else Kind.MESSAGE
    rule = field.GetOptions().Extensions[options_pb2.rule]
    return _BY_FORMAT.get(rule.format) or _BY_TYPE.get(field.cpp_type, Kind.INT)


@dataclass(frozen=True)
class Selection:
    """What one request gets: the aliases to select, and the fields that it asked for and does not get."""

    paths: frozenset[str]
    unavailable: tuple[UnavailableField, ...]


def select(
    root: Field,
    message: str,
    *,
    mask: tuple[str, ...] | None,
    denied: DeniedFields,
    fed: Mapping[str, frozenset[str]],
    lost: frozenset[str],
    shows: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Selection:
    """Choose among the aliases in `fed` by mask and policy.

    `fed` has, for each alias, the paths that its value comes from (its own, and those that its converter reads);
    `lost` holds the aliases that the database at hand can't feed; `shows`, for an alias of the site's own, which fields
    of the contract its value tells of. Raises Invalid for a path that does not exist.
    """
    for path in mask or ():
        if root.find(path) is None:
            raise Invalid.of("read_mask", f"{message} has no field {path}")
    chooser = _Chooser(message, mask, denied, fed, lost, shows)
    paths = frozenset(
        path
        for path, inputs in fed.items()
        if path not in lost
        and chooser.wants_leaf(root, path)
        and not chooser.is_denied(path, inputs)
    )
    return Selection(paths, tuple(chooser.unavailable(root)))


@dataclass(frozen=True)
class _Chooser:
    message: str
    mask: tuple[str, ...] | None
    denied: DeniedFields
    fed: Mapping[str, frozenset[str]]
    lost: frozenset[str]
    shows: Mapping[str, frozenset[str]]

    def wants_leaf(self, root: Field, path: str) -> bool:
        """Whether the mask covers it; an `on_request` field only if it is named itself, or something in it."""
        named = self._named(path)
        if named is None:
            return False
        found, names = root, path.split(".")
        for depth, name in enumerate(names, 1):
            found = found.children.get(name, found)
            if found.on_request and len(".".join(names[:depth])) > len(named):
                return False
        return True

    def _named(self, path: str) -> str | None:
        """The longest path of the mask that covers `path`; "" if there is no mask."""
        if self.mask is None:
            return ""
        covering = [p for p in self.mask if path == p or path.startswith(f"{p}.")]
        return max(covering, key=len, default=None)

    def is_denied(self, path: str, inputs: Iterable[str] = ()) -> bool:
        own = (f"{self.message}.{one}" for one in (path, *inputs))
        return any(map(self.denied.covers, (*own, *self.shows.get(path, ()))))

    def unavailable(self, root: Field) -> Iterator[UnavailableField]:
        """A message of which nothing is there is named once: the list is for people."""
        for child in root.children.values():
            yield from self._unavailable(root, child)

    def _unavailable(self, root: Field, field: Field) -> Iterator[UnavailableField]:
        wanted = {leaf: self._reason(leaf) for leaf in field.leaves if self.wants_leaf(root, leaf)}
        if not wanted:
            return
        reasons = set(wanted.values())
        if reasons == {None}:
            return
        if len(reasons) == 1 and (
            len(wanted) == len(field.leaves) or field.kind is not Kind.MESSAGE
        ):
            yield UnavailableField(path=field.path, reason=reasons.pop())
            return
        for child in field.children.values():
            yield from self._unavailable(root, child)

    def _reason(self, leaf: str) -> UnavailableReason.ValueType | None:
        if self.is_denied(leaf, self.fed.get(leaf, ())):
            return _DENIED
        if leaf in self.lost:
            return _DRIFT
        return None if leaf in self.fed else _UNSUPPORTED
