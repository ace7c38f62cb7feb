"""Hashes that stand for what was asked for: the site's key is needed to look up a value, and tells none by itself."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from mostek.connector.identity import write_private
from mostek.erp.v1 import options_pb2
from mostek.erp.v1.options_pb2 import Format
from mostek.wire.rules import Field, fields_of

__all__ = ["SiteKey", "SiteKeyError", "filters_of", "tax_id"]

_BYTES = 32
#: Of a hash: enough not to meet by chance, and short, because lists of values can be long.
_KEPT = 12
_POLISH = re.compile(r"PL(?=[0-9]{10}$)")


class SiteKeyError(Exception):
    """The key can't be used; the message says what to do."""


class SiteKey:
    """The key of a site's hashes; it never leaves the state folder."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        #: Tells keys apart, and nothing of them.
        self.id = hashlib.sha256(b"mostek journal key" + key).hexdigest()[:12]

    @classmethod
    def load(cls, file: Path) -> Self:
        """The key of a file. Raises OSError, SiteKeyError."""
        text = file.read_text(encoding="ascii", errors="replace").strip()
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != _BYTES:
            raise SiteKeyError(
                f"{file} is damaged: it should hold {_BYTES} bytes in hexadecimal. Restore it from a backup, or delete "
                "it: a new one is made then, and values of earlier entries can't be looked up any more."
            )
        return cls(key)

    @classmethod
    def made(cls, file: Path) -> Self:
        """The key of a file, which is made if it is not there. Raises OSError, SiteKeyError."""
        if not file.exists():
            write_private(file, secrets.token_hex(_BYTES).encode("ascii") + b"\n")
        return cls.load(file)

    def hash(self, name: str, value: str) -> str:
        """What stands for a value of the filter of that name."""
        # The name is in it, so that one customer's number as two filters can't be told to be one.
        data = f"{name}\0{value.strip().casefold()}".encode()
        return base64.urlsafe_b64encode(hmac.digest(self._key, data, "sha256")[:_KEPT]).decode()


def tax_id(value: str) -> str:
    """A tax id without what people put between its digits, and without PL before a NIP."""
    return _POLISH.sub("", "".join(filter(str.isalnum, value)).upper())


def filters_of(request: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """The filters and look-ups of a request: each value as text, with the path of its field."""
    # The stubs give two names to one class.
    fields = fields_of(cast(Descriptor, request.DESCRIPTOR))
    for descriptor, value in request.ListFields():
        name = path + descriptor.name
        if _asks(descriptor):
            yield from _values(fields[descriptor.number], name, value)
        elif descriptor.message_type is not None and not fields[descriptor.number].is_map:
            for each in value if descriptor.is_repeated else (value,):
                yield from filters_of(each, f"{name}.")


def _asks(descriptor: FieldDescriptor) -> bool:
    reads: bool = descriptor.GetOptions().HasExtension(options_pb2.reads)
    return reads


def _values(field: Field, name: str, value: Any) -> Iterator[tuple[str, str]]:
    if field.is_map:
        for key, item in value.items():
            yield f"{name}.{key}", str(item)
        return
    for each in value if field.repeated else (value,):
        yield name, _text(field, each)


def _text(field: Field, value: Any) -> str:
    if field.rule.format == Format.FORMAT_TAX_ID:
        return tax_id(value)
    if isinstance(value, bool):
        return str(value).lower()
    kind = field.descriptor.enum_type
    if kind is not None and value in kind.values_by_number:
        return str(kind.values_by_number[value].name)
    return str(value)
