"""Whatever a policy says: nothing that it denies is in any answer, in any form, and nothing is asked by it.

What is denied is told here once more, by other means than the connector's own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import new_class
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from mostek.connector.config import PolicyConfig
from mostek.connector.explain import field_lines
from mostek.connector.policy import CompanyPolicy, Policy
from mostek.connector.presets import PRESETS
from mostek.connector.testing import Commands
from mostek.erp.v1 import options_pb2
from mostek.plugin.plugin import Context, NoConfig, Plugin, Site
from mostek.wire.failures import Denied
from mostek.wire.fields import identities, roots
from mostek.wire.operations import OPERATIONS, Operation
from mostek.wire.rules import violations_of

_STRUCT, _INSTANT = "google.protobuf.Struct", "google.protobuf.Timestamp"
_LIST = "routes"
_KEYS = ("day", "driver")
#: A value that can be searched for, and every way in which the policy can name it, the longest last.
Place = tuple[str, tuple[str, ...]]


class _Filled:
    """A response in which every field has a value of its own."""

    def __init__(self, message: Any) -> None:
        self.message = message
        self.places: list[Place] = []
        self._fill(message, (), frozenset())

    def _fill(self, message: Any, names: tuple[str, ...], above: frozenset[str]) -> None:
        names = (*names, message.DESCRIPTOR.name)
        above |= {message.DESCRIPTOR.full_name}
        for field in message.DESCRIPTOR.fields:
            paths = tuple(f"{name}.{field.name}" for name in names)
            below = field.message_type
            if below is None:
                self._value(message, field, paths)
            elif below.GetOptions().map_entry:
                for key in _KEYS:
                    value = self._noted(tuple(f"{path}.{key}" for path in paths))
                    getattr(message, field.name)[key] = value
            elif below.full_name == _STRUCT:
                row = getattr(message, field.name).add()
                row.update({key: self._noted((f"Records.{_LIST}.{key}",)) for key in _KEYS})
            elif below.full_name == _INSTANT:
                getattr(message, field.name).FromSeconds(1)
            elif below.full_name not in above and below.name != "UnavailableField":
                part = getattr(message, field.name)
                self._fill(part.add() if field.is_repeated else part, paths, above)

    def _value(self, message: Any, field: FieldDescriptor, paths: tuple[str, ...]) -> None:
        if field.cpp_type != FieldDescriptor.CPPTYPE_STRING:
            value: Any = 1
        else:
            value = self._noted((*paths, *_told(field)))
        if field.is_repeated:
            getattr(message, field.name).append(value)
        else:
            setattr(message, field.name, value)

    def _noted(self, paths: tuple[str, ...]) -> str:
        value = f"<{len(self.places)}>"
        self.places.append((value, paths))
        return value


def _told(field: FieldDescriptor) -> list[str]:
    """The names of what else a field of a response tells."""
    return [name for path in _repeated(field) if path != "Records" for name in _names(path)]


def _repeated(field: FieldDescriptor) -> list[str]:
    return list(field.GetOptions().Extensions[options_pb2.reads].fields)


@functools.cache
def filled(operation: str) -> _Filled:
    return _Filled(OPERATIONS[operation].response())


def _answer(self: Plugin, request: Message, context: Context) -> Any:
    response = OPERATIONS[context.operation].response()
    response.CopyFrom(filled(context.operation).message)
    return response


Everything = new_class(
    "Everything",
    (Plugin,),
    exec_body=lambda body: body.update({op.method: _answer for op in OPERATIONS.values()}),
)


@functools.cache
def paths() -> list[str]:
    """Every path of the contract that a policy can name, by the message that it begins with."""
    found: set[str] = {f"Records.{_LIST}.{key}" for key in _KEYS} | {"Records", f"Records.{_LIST}"}
    for name, descriptor in roots().items():
        found |= set(_below(descriptor, name, frozenset()))
    return sorted(found)


def _below(descriptor: Descriptor, path: str, above: frozenset[str]) -> Iterator[str]:
    for field in descriptor.fields:
        yield f"{path}.{field.name}"
        below = field.message_type
        if below is None or below.full_name in above | {_STRUCT, _INSTANT}:
            continue
        if below.GetOptions().map_entry:
            yield from (f"{path}.{field.name}.{key}" for key in _KEYS)
        else:
            yield from _below(below, f"{path}.{field.name}", above | {descriptor.full_name})
            yield from _below(below, below.name, above | {descriptor.full_name})


@st.composite
def configs(draw: st.DrawFn) -> PolicyConfig:
    some = st.lists(st.sampled_from(paths()), max_size=6)
    allowable = [path for path in paths() if path.split(".")[0] in {*roots(), "Records"}]
    return PolicyConfig(
        preset=draw(st.sampled_from(["all", "all", "least", "orders"])),
        operations=list(OPERATIONS),
        writes=True,
        deny=[path for path in draw(some) if path not in identities()],
        allow=draw(st.lists(st.sampled_from([*allowable, *roots()]), max_size=6)),
    )


def _covers(lines: list[str], path: str) -> bool:
    return any(path == line or path.startswith(f"{line}.") for line in lines)


def is_denied(config: PolicyConfig, names: tuple[str, ...]) -> bool:
    """By the words of `docs/policy.md`; of several names that a value has, one is enough."""
    return any(_covers(config.deny, name) or not _allowed(config, name) for name in names)


def _allowed(config: PolicyConfig, path: str) -> bool:
    message = path.split(".")[0]
    preset = PRESETS[config.preset].fields
    mine = [line for line in config.allow if line.split(".")[0] == message]
    if message not in {*roots(), "Records"} or path in identities():
        return True
    if preset is None:
        return not mine or _covers(mine, path)
    return _covers([*preset, *mine], path)


def commands(config: PolicyConfig, folder: str) -> Commands:
    site = Site("demo", Path(folder), ZoneInfo("Europe/Warsaw"))
    return Commands(Everything(NoConfig(), site), Path(folder), config)


@functools.cache
def example(operation: str) -> Message:
    """A request that asks by nothing but what it must, and by that only with what is the caller's own."""
    request: Any = OPERATIONS[operation].request()
    if operation in {"CreateOrder", "ValidateOrder"}:
        request.order.external_number = "1"
        request.order.buyer.id = "1"
        line = request.order.lines.add(quantity="1")
        line.product.id = "1"
    elif operation == "CreateCustomer":
        request.customer.name = "A"
    elif operation == "ListRecords":
        request.list = _LIST
    elif "id" in request.DESCRIPTOR.fields_by_name:
        request.id = "1"
    assert not list(violations_of(request))
    asked: Message = request
    return asked


@settings(max_examples=25)
@given(configs())
def test_nothing_denied_is_in_any_answer(config: PolicyConfig) -> None:
    with TemporaryDirectory() as folder:
        site = commands(config, folder)
        try:
            for name in OPERATIONS:
                _check_answer(site, config, name)
        finally:
            site.close()


def _check_answer(site: Commands, config: PolicyConfig, operation: str) -> None:
    try:
        data = site.ask(operation, example(operation), key=operation).SerializeToString()
    except Denied:
        # What an example asks by is denied; that is the other rule.
        return
    for value, names in filled(operation).places:
        denied = is_denied(config, names)
        if "Erp.operations" not in names:  # Names of operations, and this is none.
            assert (value.encode() in data) is not denied, (operation, names)


def _questions() -> Iterator[tuple[str, FieldDescriptor, Any]]:
    for name, operation in OPERATIONS.items():
        for field in operation.request.DESCRIPTOR.fields:
            if reads := _repeated(field):  # type: ignore[arg-type]
                yield name, field, reads  # type: ignore[misc]


@settings(max_examples=100)
@given(configs())
def test_nothing_is_asked_by_what_is_denied(config: PolicyConfig) -> None:
    denied = Policy(config).of("demo").denied
    for name, field, reads in _questions():
        request: Any = OPERATIONS[name].request()
        if field.message_type is not None:
            continue
        value: Any = "x" if field.cpp_type == field.CPPTYPE_STRING else 1
        if field.is_repeated:
            getattr(request, field.name).append(value)
        else:
            setattr(request, field.name, value)
        refused = [path for path in reads if path != "Records" and _names_denied(config, path)]
        found = list(denied.refused(request, write=False))
        if "Records" not in reads:
            assert bool(found) is bool(refused), (name, field.name)
        assert {question.path for question, _ in found} <= {field.name}


def _names_denied(config: PolicyConfig, path: str) -> bool:
    return is_denied(config, _names(path))


def _names(path: str) -> tuple[str, ...]:
    """A field's path, and the same led by each message that it is in."""
    message, *steps = path.split(".")
    names = [path]
    descriptor = roots()[message]
    for place, step in enumerate(steps[:-1], 1):
        below = descriptor.fields_by_name[step].message_type
        assert below is not None
        descriptor = below
        names.append(".".join((descriptor.name, *steps[place:])))
    return tuple(names)


@settings(max_examples=10)
@given(configs())
def test_explain_shows_what_leaves_and_gives_the_line_for_what_does_not(
    config: PolicyConfig,
) -> None:
    policy = Policy(config).of("demo")
    for name, operation in OPERATIONS.items():
        if name != "ListRecords":
            _check_explained(policy, operation)


def _check_explained(policy: CompanyPolicy, operation: Operation) -> None:
    """By the answer that leaves; fields beside the item, and names that are the site's own, are not in the table."""
    response: Any = operation.response()
    response.CopyFrom(filled(operation.name).message)
    policy.prune(response, policy.denied, example(operation.name))
    lines = list(field_lines(policy, response))
    shown = " ".join(line.value for line in lines if line.leaves)
    kept = {line.path: line.why for line in lines if not line.leaves}
    left = response.SerializeToString()
    item = lines[0].path.partition(".")[0]
    for value, names in filled(operation.name).places:
        field = response.DESCRIPTOR.fields_by_name[names[0].split(".")[1]]
        if field.message_type is None or field.message_type.name != item:
            continue
        path = next(name for name in names if name.startswith(f"{item}."))
        if ".attributes." in path or path == "Erp.operations":
            continue
        assert (value in shown) is (value.encode() in left), path
        if value not in shown:
            assert any(why for line, why in kept.items() if _covers([line], path)), path


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_invented_answers_have_every_field(operation: str) -> None:
    message = OPERATIONS[operation].response.DESCRIPTOR
    assert filled(operation).places
    fields = {field.name for field, _ in filled(operation).message.ListFields()}
    assert fields == {field.name for field in message.fields} - {"unavailable_fields"}
