"""A line of the journal, and the hash that chains it to the one before. No I/O.

A line is a JSON object that begins with its number and ends with its hash: SHA-256 over the 32 bytes of the hash before
it and the bytes of the line up to `,"hash":`. Before the first line there are 32 zero bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["NO_ENTRY", "BrokenChain", "Head", "Link", "entry_of", "link_of", "sealed"]

_LINE = re.compile(rb'(\{"number":([1-9][0-9]{0,18}),.*),"hash":"([0-9a-f]{64})"\}')


@dataclass(frozen=True)
class Head:
    """An entry by its number and hash; number 0: before the first."""

    number: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.number}:{self.hash.hex()}"


NO_ENTRY = Head(0, bytes(32))


class BrokenChain(Exception):
    """A line is not what it should be; the message says in what."""


@dataclass(frozen=True)
class Link:
    """A line as it stands in a file: its number, what its hash covers, and the hash that it states."""

    number: int
    body: bytes
    stated: bytes

    @property
    def head(self) -> Head:
        """What it says that it is."""
        return Head(self.number, self.stated)

    def after(self, before: Head) -> Head:
        """What it is after that entry, whatever it says."""
        return Head(self.number, hashlib.sha256(before.hash + self.body).digest())

    def check(self, before: Head) -> None:
        """Raise BrokenChain unless it follows that entry, unchanged."""
        if self.number != before.number + 1:
            raise BrokenChain(f"entry {self.number} stands where {before.number + 1} should")
        if self.after(before) != self.head:
            raise BrokenChain(
                f"entry {self.number} is not what its hash says: it or the one before was changed"
            )


def sealed(before: Head, content: Mapping[str, Any]) -> tuple[bytes, Head]:
    """The line of the entry that follows, with its line feed."""
    body = orjson.dumps({"number": before.number + 1, **content})[:-1]
    digest = hashlib.sha256(before.hash + body)
    line = b'%b,"hash":"%b"}\n' % (body, digest.hexdigest().encode())
    return line, Head(before.number + 1, digest.digest())


def link_of(line: bytes) -> Link | None:
    """A line without its line feed; None: it has not the form of one."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    return Link(int(match[2]), match[1], bytes.fromhex(match[3].decode()))


def entry_of(line: bytes) -> dict[str, Any] | None:
    """What a line says; None: it is no JSON object."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return entry if isinstance(entry, dict) else None
