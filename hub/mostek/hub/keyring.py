"""Keys that encrypt what the hub keeps of the ERP's data: AES-256-GCM, each value with the id of its key."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KeyFileError", "Keyring", "Sealed", "add_key", "load_keys"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KEY_BYTES = 32
_NONCE_BYTES = 12


class KeyFileError(Exception):
    """The file of keys can't be used; the message says what to do. It never shows a key."""


@dataclass(frozen=True)
class Sealed:
    """An encrypted value and the id of its key."""

    key_id: str
    data: bytes


class Keyring:
    """The first key encrypts, all decrypt."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self.current = next(iter(self._keys))

    def seal(self, value: bytes, about: str) -> Sealed:
        """Encrypt; `about` says where the value belongs, and it can be opened only there."""
        nonce = os.urandom(_NONCE_BYTES)
        data = nonce + self._keys[self.current].encrypt(nonce, value, about.encode())
        return Sealed(self.current, data)

    def open(self, sealed: Sealed, about: str) -> bytes:
        """Decrypt. Raises KeyFileError if its key is not here or is another."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise KeyFileError(
                f"A stored value needs the key {sealed.key_id!r}; put it back into the file of keys."
            )
        nonce, text = sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:]
        try:
            return key.decrypt(nonce, text, about.encode())
        except InvalidTag:
            raise KeyFileError(
                f"A stored value can't be opened with the key {sealed.key_id!r}: is it another key of that name?"
            ) from None


def load_keys(file: Path) -> Keyring:
    """The keys of a file: a line `ID BASE64` each, the first one encrypts. Raises KeyFileError."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        raise KeyFileError(
            f"{file} does not exist; make it with `mostek-hub new-key`, and keep a copy where the database's is not."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"{file} can't be read: {error}") from None
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            name, key = _parsed(file, number, line)
            keys.setdefault(name, key)
    if not keys:
        raise KeyFileError(f"{file} holds no key; make one with `mostek-hub new-key`.")
    return Keyring(keys)


def _parsed(file: Path, number: int, line: str) -> tuple[str, bytes]:
    name, _, text = line.strip().partition(" ")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if not _ID.fullmatch(name) or len(key) != _KEY_BYTES:
        raise KeyFileError(
            f"{file}, line {number}: must be an id, a space and {_KEY_BYTES} bytes in base64."
        )
    return name, key


def add_key(file: Path) -> str:
    """Put a new key in front of those of the file, which only its owner may read; the key's id."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = file.read_text(encoding="ascii") if file.exists() else ""
    name = secrets.token_hex(4)
    key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
    fresh = file.with_name(file.name + ".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(f"{name} {key}\n{before}")
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
    return name
