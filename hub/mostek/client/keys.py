"""Idempotency keys: the name of a write, for ever."""

from __future__ import annotations

import hashlib
import secrets

from mostek.wire.failures import Invalid
from mostek.wire.names import IDEMPOTENCY_KEY, MAX_KEY

__all__ = ["checked_key", "idempotency_key"]


def idempotency_key(*parts: str) -> str:
    """A key made of what names the write, the same for the same parts; a random one without parts.

    `idempotency_key("order", "WEB-17")` is `order:WEB-17`. Keep a random key before you send the write: only who
    repeats a write under its key learns what became of it.
    """
    if not parts:
        return secrets.token_hex(16)
    key = ":".join(parts)
    return key if _fits(key) else hashlib.sha256(key.encode()).hexdigest()


def checked_key(key: str, name: str = IDEMPOTENCY_KEY) -> str:
    """The key itself. Raises Invalid if metadata can't carry it."""
    if not _fits(key):
        raise Invalid.of(name, f"must be 1 to {MAX_KEY} printable ASCII characters")
    return key


def _fits(key: str) -> bool:
    return 0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable() and key == key.strip()
