"""Who a connector is and how it comes to be known: names in certificates, enrolment tokens, what a renewal signs.

Bytes and text only; keys and certificates are the business of both ends.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from mostek.wire.names import NAME

__all__ = [
    "BACKDATED",
    "SECRET_BYTES",
    "EnrolmentToken",
    "InstanceId",
    "fingerprint",
    "hashed",
    "renewal",
]

#: Seconds by which a certificate begins before it is issued: clocks of sites are late.
BACKDATED: Final = 300
#: Bytes of a token's secret: 160 bits.
SECRET_BYTES: Final = 20
_PREFIX: Final = "mostek1_"
_HASH_BYTES: Final = 32
_CHECK_BYTES: Final = 4
_INSTANCE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_URI: Final = re.compile(
    r"spiffe://mostek/tenant/([^/]+)/connector/([^/]+)/instance/([^/]+)", re.ASCII
)
_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}")


class InstanceId(NamedTuple):
    """An instance as its certificate names it."""

    tenant: str
    connector: str
    instance: str

    @property
    def uri(self) -> str:
        """The certificate's one URI, a SPIFFE id."""
        return f"spiffe://mostek/tenant/{self.tenant}/connector/{self.connector}/instance/{self.instance}"

    @classmethod
    def of(cls, uri: str) -> Self:
        """What the URI of a certificate names. Raises ValueError."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise ValueError("the certificate names no connector")
        tenant, connector, instance = match.groups()
        right = NAME.fullmatch(tenant) and NAME.fullmatch(connector)
        if not right or not _INSTANCE.fullmatch(instance):
            raise ValueError("the certificate's names can't be names of a connector")
        return cls(tenant, connector, instance)


def fingerprint(certificate: bytes) -> bytes:
    """By what a token knows a certificate (DER): its SHA-256."""
    return hashlib.sha256(certificate).digest()


@dataclass(frozen=True)
class EnrolmentToken:
    """What an operator gives to a site: where the hub is, how to know it, and the right to enrol once.

    `address`: host:port of the API host. `pin`: the fingerprint of a certificate from which the API host's descends.
    """

    address: str
    pin: bytes
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not _ADDRESS.fullmatch(self.address):
            raise ValueError("the address must be host:port")
        if len(self.pin) != _HASH_BYTES or len(self.secret) != SECRET_BYTES:
            raise ValueError("pin and secret have fixed sizes")

    @property
    def text(self) -> str:
        """As people copy it."""
        payload = self.secret + self.pin + self.address.encode("ascii")
        check = hashlib.sha256(payload).digest()[:_CHECK_BYTES]
        return _PREFIX + base64.urlsafe_b64encode(payload + check).decode().rstrip("=")

    @classmethod
    def of(cls, text: str) -> Self:
        """The token that was copied. Raises ValueError, which says what to do and never shows the token."""
        # Mails and terminals break long words.
        text = "".join(text.split())
        if not text.startswith(_PREFIX):
            raise ValueError(f"this is no enrolment token: one begins with {_PREFIX}")
        encoded = text.removeprefix(_PREFIX)
        damaged = ValueError(
            "the token is damaged: copy it whole, from its first to its last letter"
        )
        try:
            data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise damaged from None
        payload, check = data[:-_CHECK_BYTES], data[-_CHECK_BYTES:]
        if hashlib.sha256(payload).digest()[:_CHECK_BYTES] != check:
            raise damaged
        secret, rest = payload[:SECRET_BYTES], payload[SECRET_BYTES:]
        try:
            return cls(rest[_HASH_BYTES:].decode("ascii"), rest[:_HASH_BYTES], secret)
        except ValueError:
            raise damaged from None


def hashed(secret: bytes) -> bytes:
    """What the hub keeps of a token's secret, which is too long to be guessed: its SHA-256."""
    return hashlib.sha256(secret).digest()


def renewal(challenge: str, certificate: bytes, csr: bytes) -> bytes:
    """What the key of the certificate (DER) signs to get one for the request (DER): nothing else has this form."""
    parts = (challenge.encode(), certificate, csr)
    return b"mostek renewal 1\n" + b"".join(hashlib.sha256(part).digest() for part in parts)
