"""Page tokens: where the next page begins, bound to the query that the page belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib

from google.protobuf.message import Message

from mostek.wire.failures import Invalid

__all__ = ["decode_token", "encode_token", "fingerprint", "request_fingerprint"]

_VERSION = b"\x01"
_CHECK = 4
_FINGERPRINT = 12


def fingerprint(*parts: str | bytes) -> bytes:
    """What a token is bound to; parts are told apart, so ("a", "b") is not ("ab",)."""
    digest = hashlib.blake2b(digest_size=_FINGERPRINT)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(4, "big") + data)
    return digest.digest()


def request_fingerprint(operation: str, company: str, request: Message) -> bytes:
    """Binds to everything of a list request but the page's size and token; the mask's order does not matter."""
    same = type(request)()
    same.CopyFrom(request)
    for name in ("page_size", "page_token"):
        if name in same.DESCRIPTOR.fields_by_name:
            same.ClearField(name)
    mask = getattr(same, "read_mask", None)
    if mask is not None and mask.paths:
        paths = sorted(set(mask.paths))
        del mask.paths[:]
        mask.paths.extend(paths)
    return fingerprint(operation, company, same.SerializeToString(deterministic=True))


def encode_token(bound_to: bytes, key: str) -> str:
    """The token of the page after the row with this key."""
    body = _VERSION + bound_to + key.encode()
    return _encoded(_check(body) + body)


def decode_token(token: str, bound_to: bytes) -> str:
    """The key after which the page begins. Raises Invalid naming page_token."""
    data = _decoded(token)
    check, body = data[:_CHECK], data[_CHECK:]
    found, key = body[1 : 1 + _FINGERPRINT], body[1 + _FINGERPRINT :]
    if body[:1] != _VERSION or len(found) < _FINGERPRINT or check != _check(body):
        raise Invalid.of("page_token", "is no page token: pass next_page_token of a page unchanged")
    if found != bound_to:
        raise Invalid.of(
            "page_token", "belongs to another query: leave everything but page_size as it was"
        )
    try:
        return key.decode()
    except UnicodeDecodeError:
        # The check keeps accidents out, not somebody who makes tokens.
        raise Invalid.of("page_token", "is no page token: its key is no text") from None


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(token: str) -> bytes:
    """The bytes of a token; none if it is not written just as `_encoded` writes."""
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return b""
    return data if _encoded(data) == token else b""


def _check(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECK, person=b"mostek page").digest()
