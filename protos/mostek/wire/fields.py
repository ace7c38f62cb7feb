"""Fields that are kept back: which paths the contract has, what takes them out of responses, what asks for them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from mostek.erp.v1 import options_pb2
from mostek.wire.failures import Denied, Violation
from mostek.wire.operations import OPERATIONS

__all__ = [
    "RECORDS",
    "DeniedFields",
    "Question",
    "identities",
    "own_paths",
    "questions",
    "roots",
    "unknown_paths",
]

#: Leads the paths of lists of the site's own: `Records.<list>.<column>`.
RECORDS = "Records"
_Steps = tuple[str, ...]


def unknown_paths(paths: Iterable[str]) -> list[str]:
    """Those of the paths that name no field of a message that the contract returns."""
    messages = _messages()
    return [path for path in paths if not _is_known(path, messages)]


def _is_known(path: str, messages: dict[str, Descriptor]) -> bool:
    name, *steps = path.split(".")
    if name == RECORDS:
        return len(steps) <= 2 and all(steps)
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


def own_paths(paths: Iterable[str]) -> list[str]:
    """Those of the known paths that name what a site has of its own: entries of maps, its lists and their columns."""
    return [path for path in paths if _is_own(path)]


def _is_own(path: str) -> bool:
    name, *steps = path.split(".")
    if name == RECORDS:
        return bool(steps)
    descriptor = _messages().get(name)
    for step in steps:
        if descriptor is None:
            return False
        if descriptor.GetOptions().map_entry:
            return True
        descriptor = descriptor.fields_by_name[step].message_type
    return False


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


@functools.cache
def roots() -> dict[str, Descriptor]:
    """The messages that responses consist of, by name: `Customer`, `Invoice`; not lists of the site's own."""
    return {
        field.message_type.name: field.message_type
        for operation in OPERATIONS.values()
        for field in cast(Descriptor, operation.response.DESCRIPTOR).fields
        if field.message_type is not None
        and field.message_type.file.package == "mostek.erp.v1"
        and field.message_type.name != "UnavailableField"
    }


@functools.cache
def identities() -> frozenset[str]:
    """What items are named by, in requests and in page tokens: denying it would not keep it back."""
    return frozenset(
        f"{message}.{name}"
        for message, descriptor in roots().items()
        for name in ("id", "customer_id")
        if name in descriptor.fields_by_name and message != "CustomerMatch"
    )


@functools.cache
def _places(message: str) -> tuple[str, ...]:
    """Where in the messages that responses consist of one of that name is: `Customer.address` for `Address`."""
    found: list[str] = []

    def walk(descriptor: Descriptor, path: str, above: frozenset[str]) -> None:
        if descriptor.name == message:
            found.append(path)
        for field in descriptor.fields:
            below = field.message_type
            if below is not None and below.name not in above:
                walk(below, f"{path}.{field.name}", above | {below.name})

    for name, descriptor in roots().items():
        walk(descriptor, name, frozenset({name}))
    return tuple(found)


@functools.cache
def _repeating() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Fields of responses that show what others hold: message, field, the paths of those."""
    return tuple(
        (descriptor.name, field.name, tuple(reads.fields))
        for descriptor in _messages().values()
        for field in descriptor.fields
        if (reads := _reads(field)).fields
    )


def _reads(field: FieldDescriptor) -> options_pb2.Reads:
    return field.GetOptions().Extensions[options_pb2.reads]


@dataclass(frozen=True)
class Question:
    """A field of a request that tells something of fields of the ERP, and its values. `path`: `order.buyer.tax_id`."""

    path: str
    values: tuple[str, ...]
    reads: tuple[str, ...]
    #: The values are also what a write writes.
    written: bool


def questions(request: Message, path: str = "") -> Iterator[Question]:
    """What a request filters and looks up by, as the contract's option `reads` has it; of a list of the site's own its
    parameters. Items of a repeated message are one question each, without an index."""
    for field, value in request.ListFields():
        asks = _asking(field)
        if asks is None:
            continue
        here = f"{path}{field.name}"
        fields, written = asks
        if fields:
            yield from _asked(here, value, fields, written)
        else:
            for one in value if field.is_repeated else (value,):
                yield from questions(one, f"{here}.")


def _asked(path: str, value: Any, fields: tuple[str, ...], written: bool) -> Iterator[Question]:
    if isinstance(value, str | bool | int):
        yield Question(path, (str(value),), fields, written)
    elif hasattr(value, "items"):
        for key, one in value.items():
            yield Question(f"{path}.{key}", (str(one),), fields, written)
    elif value:
        yield Question(path, tuple(map(str, value)), fields, written)


@functools.cache
def _asking(field: FieldDescriptor) -> tuple[tuple[str, ...], bool] | None:
    """The fields that it tells of and whether it is written too; no fields: look below; None: nothing is there."""
    reads = _reads(field)
    if reads.fields:
        return tuple(reads.fields), reads.written
    below = field.message_type
    if below is None or below.GetOptions().map_entry or not _asks(below):
        return None
    return (), False


@functools.cache
def _asks(descriptor: Descriptor) -> bool:
    return descriptor.file.package == "mostek.erp.v1" and any(
        _asking(field) is not None for field in descriptor.fields
    )


class DeniedFields:
    """Fields that a reader may not have, as paths led by their message's name.

    `Customer.pesel`; `Customer.address` for all in it; `Address.city` wherever an address is. `kept`: what of it stays
    nevertheless, entries of maps and columns of lists of the site's own: `Customer.attributes.route`.
    """

    def __init__(self, paths: Iterable[str] = (), kept: Iterable[str] = ()) -> None:
        self.paths = frozenset(paths)
        self.kept = frozenset(kept)
        self._covered = self.paths | {
            f"{place}.{rest}"
            for path in self.paths
            for message, _, rest in [path.partition(".")]
            if rest
            for place in _places(message)
        }
        self._steps: dict[str, list[_Steps]] = {}
        for path in self.paths:
            message, *steps = path.split(".")
            self._steps.setdefault(message, []).append(tuple(steps))
        for message, field, reads in _repeating():
            if any(map(self.covers, reads)):
                self._steps.setdefault(message, []).append((field,))
        self._reaches: dict[str, list[FieldDescriptor]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DeniedFields) and (self.paths, self.kept) == (
            other.paths,
            other.kept,
        )

    def __hash__(self) -> int:
        return hash((self.paths, self.kept))

    def __bool__(self) -> bool:
        return bool(self.paths)

    def __or__(self, more: Iterable[str]) -> DeniedFields:
        """With more paths, which what is kept does not save."""
        added = DeniedFields(more)
        kept = (one for one in self.kept if not added.covers(one))
        return DeniedFields(self.paths | added.paths, kept)

    def covers(self, path: str) -> bool:
        """Whether the field at a path led by its message is denied; the longest path that says so decides."""
        while path:
            if path in self.kept:
                return False
            if path in self._covered:
                return True
            path = path.rpartition(".")[0]
        return False

    def refused(self, request: Message, *, write: bool) -> Iterator[tuple[Question, str]]:
        """What a request asks that tells of a denied field, and that field's path; each question once.

        A list of the site's own is refused when all of it is denied; which column a parameter tells of, its file says.
        """
        if not self.paths:
            return
        for question in questions(request):
            if write and question.written:
                continue
            for path in question.reads:
                named = f"{RECORDS}.{getattr(request, 'list', '')}" if path == RECORDS else path
                if self.hides(named):
                    yield question, named
                    break

    def check(self, request: Message, *, write: bool, by: str) -> None:
        """Raise Denied for what a request asks that tells of a denied field, naming each. `by`: who denies it."""
        found = [
            Violation(
                question.path,
                f"this list is not allowed by {by}"
                if question.path == "list"
                else f"is not allowed by {by}, which keeps {path} back; leave it out",
            )
            for question, path in self.refused(request, write=write)
        ]
        if found:
            raise Denied.of_all(found)

    def hides(self, path: str) -> bool:
        """Whether a path is denied with all that is in it."""
        return self.covers(path) and not any(one.startswith(f"{path}.") for one in self.kept)

    def prune(self, message: Message, records: str = "") -> None:
        """Remove the fields from a response or a message in one, wherever in it they are.

        `records`: the name of the site's list that the response is of; without it a column goes that is denied in any.
        """
        for steps in self._steps.get(message.DESCRIPTOR.name, ()):
            self._clear(message, steps, message.DESCRIPTOR.name)
        for field in self._ways(_descriptor(message)):
            value = getattr(message, field.name)
            if field.message_type is not None and field.message_type.full_name == _STRUCT:
                self._prune_records(value, records)
            elif field.is_repeated:
                for item in value:
                    self.prune(item)
            elif message.HasField(field.name):
                self.prune(value)

    def _prune_records(self, rows: Iterable[Struct], records: str) -> None:
        denied: dict[str, bool] = {}
        for row in rows:
            for column in list(row.fields):
                if column not in denied:
                    denied[column] = self._hides_column(records, column)
                if denied[column]:
                    del row.fields[column]

    def _hides_column(self, records: str, column: str) -> bool:
        lists = {path.split(".")[1] for path in self.paths if path.startswith(f"{RECORDS}.")}
        names = {records} if records else lists or {""}
        return any(self.covers(f"{RECORDS}.{name}.{column}") for name in names)

    def _ways(self, descriptor: Descriptor) -> list[FieldDescriptor]:
        """The fields of a message below which a denied field can be."""
        known = self._reaches.get(descriptor.full_name)
        if known is None:
            # Made whole before it is seen: other threads prune too.
            known = [
                field
                for field in descriptor.fields
                if field.message_type is not None
                and not field.message_type.GetOptions().map_entry
                and self._reached(field.message_type, set())
            ]
            self._reaches[descriptor.full_name] = known
        return known

    def _reached(self, descriptor: Descriptor, seen: set[str]) -> bool:
        if descriptor.full_name == _STRUCT:
            return RECORDS in self._steps
        if descriptor.name in self._steps:
            return True
        if descriptor.full_name in seen:
            return False
        seen.add(descriptor.full_name)
        return any(
            field.message_type is not None and self._reached(field.message_type, seen)
            for field in descriptor.fields
        )

    def _clear(self, message: Message, steps: _Steps, path: str) -> None:
        name, *rest = steps
        field = message.DESCRIPTOR.fields_by_name.get(name)
        if field is None:
            return
        path = f"{path}.{name}"
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if not rest and is_map:
            entries = getattr(message, name)
            for entry in [one for one in entries if f"{path}.{one}" not in self.kept]:
                del entries[entry]
        elif not rest:
            message.ClearField(name)
        elif is_map:
            getattr(message, name).pop(".".join(rest), None)
        elif field.is_repeated:
            for item in getattr(message, name):
                self._clear(item, tuple(rest), path)
        elif message.HasField(name):
            self._clear(getattr(message, name), tuple(rest), path)


_STRUCT = "google.protobuf.Struct"


def _descriptor(message: Message) -> Descriptor:
    # The stubs give two names to one class.
    return cast(Descriptor, message.DESCRIPTOR)
