"""API keys: `mostek_` + id (12 hex digits) + `_` + secret (43 characters, 256 random bits).

The hub keeps the id, to find the key by, and the SHA-256 of the whole key. A slow hash is for secrets that people make
up: nobody tries 2^256 values, and a fast one lets every call be checked.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from mostek.hub.identity import PATTERN, Caller, Reach, Scope
from mostek.wire.failures import Invalid, Violation
from mostek.wire.fields import unknown_paths
from mostek.wire.names import NAME
from mostek.wire.operations import OPERATIONS

__all__ = ["KEY", "ApiKey", "checked", "fits", "hash_of", "id_of", "new_key"]

#: What a key looks like; secret scanners know it by its first word.
KEY = re.compile(r"mostek_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_MOST_PATTERNS = 100
_NO_HASH = bytes(32)


@dataclass(frozen=True)
class ApiKey:
    """A key as it is kept. Moments are seconds since 1970, `rate` is calls a second (None: the hub's setting)."""

    id: str
    tenant: str
    name: str
    scopes: frozenset[Scope]
    reach: Reach
    made_at: float
    made_by: str
    hash: bytes = field(default=_NO_HASH, repr=False)
    expires_at: float | None = None
    rate: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None

    def caller(self) -> Caller:
        """Who calls with it."""
        return Caller(self.tenant, self.name, self.scopes, self.reach, self.id, self.expires_at)

    def is_live(self, now: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def new_key() -> tuple[str, str, bytes]:
    """A new key's id, its text, which is shown once, and the hash that is kept."""
    key_id = secrets.token_hex(6)
    text = f"mostek_{key_id}_{secrets.token_urlsafe(32)}"
    return key_id, text, hash_of(text)


def id_of(text: str) -> str:
    """The id in a key's text; empty if it is none."""
    match = KEY.fullmatch(text)
    return match.group(1) if match else ""


def hash_of(text: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).digest()


def fits(text: str, kept: ApiKey | None) -> bool:
    """Whether the text is that key. A key that is not known takes as long as a wrong one."""
    same = hmac.compare_digest(hash_of(text), kept.hash if kept is not None else _NO_HASH)
    return same and kept is not None


def _violations(
    name: str, scopes: Iterable[str], reach: Reach, rate: float | None
) -> list[Violation]:
    """What is wrong with a key that is to be made."""
    found = []
    if not NAME.fullmatch(name):
        found.append(Violation("name", "must be lower-case letters, digits and dashes, at most 63"))
    known = ", ".join(scope for scope in Scope if scope is not Scope.OPERATOR)
    if not (given := set(scopes)):
        found.append(Violation("scopes", f"must name at least one of {known}"))
    if wrong := given - set(Scope):
        found.append(Violation("scopes", f"{min(wrong)!r} is none of {known}"))
    found += _reach_violations(reach)
    if rate is not None and not 0 < rate <= 1_000_000:
        found.append(Violation("rate", "must be more than 0 calls a second"))
    return found


def _reach_violations(reach: Reach) -> Iterable[Violation]:
    for field_name in ("connectors", "operations", "denied_fields"):
        if len(getattr(reach, field_name)) > _MOST_PATTERNS:
            yield Violation(field_name, f"must be at most {_MOST_PATTERNS}")
    for pattern in reach.connectors:
        if not PATTERN.fullmatch(pattern) or pattern != pattern.lower():
            yield Violation("connectors", f"{pattern!r} is no connector's name, with * or without")
    for pattern in reach.operations:
        if not PATTERN.fullmatch(pattern) or not Reach(operations=(pattern,)).operation_names:
            some = ", ".join(list(OPERATIONS)[:2])
            yield Violation("operations", f"{pattern!r} fits no operation; there are {some} …")
    for path in unknown_paths(list(reach.denied_fields)):
        yield Violation("denied_fields", f"{path!r} is no field; write e.g. Customer.pesel")


def checked(name: str, scopes: Iterable[str], reach: Reach, rate: float | None) -> None:
    """Raise Invalid for what is wrong with a key that is to be made."""
    if found := _violations(name, scopes, reach, rate):
        raise Invalid.of_all(found)
