"""The protos' comments. Generated code has none, so they are read from `contract.binpb`, which protoc writes:

protoc --include_source_info --descriptor_set_out=contract.binpb … (`make proto`)
"""

from __future__ import annotations

import functools
from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import Message

__all__ = ["comment", "contract"]


@functools.cache
def contract() -> FileDescriptorSet:
    """The contract's files with their comments."""
    data = files("mostek.hub.http").joinpath("contract.binpb").read_bytes()
    return FileDescriptorSet.FromString(data)


def comment(*names: str) -> str:
    """The comment above a declaration, given by its full name; several names are joined by dots."""
    return _comments().get(".".join(names), "")


@functools.cache
def _comments() -> dict[str, str]:
    return {
        name: "\n".join(line.removeprefix(" ") for line in text.splitlines())
        for file in contract().file
        for name, text in _of(file).items()
    }


def _of(file: FileDescriptorProto) -> dict[str, str]:
    found = {}
    for location in file.source_code_info.location:
        if location.leading_comments and (name := _name(file, list(location.path))):
            found[f"{file.package}.{name}"] = location.leading_comments
    return found


def _name(node: Message, path: list[int]) -> str:
    """The declaration at a path of field numbers and indexes; empty if it is none (an option, `syntax`)."""
    names = []
    for number, index in zip(path[::2], path[1::2], strict=False):
        field = node.DESCRIPTOR.fields_by_number[number]
        if not field.is_repeated or not field.message_type:
            return ""
        node = getattr(node, field.name)[index]
        names.append(getattr(node, "name", ""))
    return ".".join(names) if len(path) % 2 == 0 else ""
