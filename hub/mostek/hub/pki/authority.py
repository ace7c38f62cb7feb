"""A certificate authority: signs certificates of connectors and of the hub itself. No store, no clock, no file."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mostek.hub.identity import ConnectorId
from mostek.hub.store import AuthorityRecord, CertificateRecord
from mostek.wire.trust import BACKDATED, InstanceId, fingerprint

__all__ = [
    "Authority",
    "AuthorityError",
    "bundle",
    "issued_at",
    "key_hash",
    "pem",
]

_AUTHORITY_DAYS: Final = 3650
_SHA = hashes.SHA256()
#: An authority of ours has the first, one that was brought may have either.
_Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
_SMALLEST_RSA: Final = 2048


class AuthorityError(Exception):
    """What was brought can't be an authority; the message says why."""


@dataclass(frozen=True)
class Authority:
    """One authority. `crosses`: certificates of its key by those before it, for sites that trust only these."""

    certificate: x509.Certificate
    key: _Key = field(repr=False)
    crosses: tuple[x509.Certificate, ...] = ()

    @classmethod
    def made(cls, now: float) -> Self:
        """A new one with a key of its own."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Mostek {secrets.token_hex(4)}")
        return cls(_ca_certificate(name, key.public_key(), name, key, now, 1), key)

    @classmethod
    def brought(cls, certificate: bytes, key: bytes) -> Self:
        """An operator's own, both PEM. Raises AuthorityError."""
        try:
            loaded = x509.load_pem_x509_certificate(certificate)
            private = load_pem_private_key(key, password=None)
        except (ValueError, TypeError):
            raise AuthorityError(
                "The certificate and the key must be PEM, the key without a password."
            ) from None
        if not isinstance(private, _Key) or private.key_size < _smallest(private):
            raise AuthorityError("The authority's key must be P-256, P-384 or RSA of 2048 bits.")
        if private.public_key() != loaded.public_key():
            raise AuthorityError("The key is not the one that the certificate is about.")
        _check_is_authority(loaded)
        return cls(loaded, private)

    @classmethod
    def stored(cls, record: AuthorityRecord) -> Self:
        """As it was kept."""
        private = load_der_private_key(record.key, password=None)
        assert isinstance(private, _Key)
        crosses = record.crosses.encode()
        chain = tuple(x509.load_pem_x509_certificates(crosses)) if crosses else ()
        return cls(x509.load_pem_x509_certificate(record.certificate.encode()), private, chain)

    def record(self, now: float) -> AuthorityRecord:
        """To be kept."""
        der = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return AuthorityRecord(self.name, pem(self.certificate), pem(*self.crosses), der, now)

    @property
    def name(self) -> str:
        """Short, for people and the store."""
        return fingerprint(self.certificate.public_bytes(Encoding.DER)).hex()[:16]

    def certified_by(self, before: Iterable[Authority], now: float) -> Authority:
        """The same, with a certificate of its key by each of the authorities before it."""
        subject, public = self.certificate.subject, self.key.public_key()
        crosses = tuple(
            _ca_certificate(subject, public, old.certificate.subject, old.key, now, 0)
            for old in before
        )
        return Authority(self.certificate, self.key, crosses)

    def for_connector(
        self, of: InstanceId, public: ec.EllipticCurvePublicKey, issued: int, lifetime: float
    ) -> tuple[x509.Certificate, CertificateRecord]:
        """A certificate for an instance, and what to record of it."""
        expires = min(issued + int(lifetime), int(self.certificate.not_valid_after_utc.timestamp()))
        names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(of.uri)]
        builder = self._leaf(
            _name(of.connector), public, issued - BACKDATED, expires, names, _CLIENT
        )
        certificate = builder.sign(self.key, _SHA)
        return certificate, CertificateRecord(
            of=ConnectorId(of.tenant, of.connector),
            instance=of.instance,
            serial=f"{certificate.serial_number:x}",
            public_key=key_hash(public),
            issued_at=issued,
            expires_at=expires,
            authority=self.name,
        )

    def for_hub(
        self, names: Sequence[str], now: float, lifetime: float
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A server certificate for these names and addresses, and its key."""
        return self._made_leaf([_alternative(name) for name in names], now, lifetime, _SERVER)

    def for_replica(
        self, host: str, uri: str, now: float, lifetime: float
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """A certificate by which replicas of the hub know each other, both ways, and its key."""
        names = [x509.DNSName(host), x509.UniformResourceIdentifier(uri)]
        return self._made_leaf(names, now, lifetime, _SERVER, _CLIENT)

    def _made_leaf(
        self,
        names: list[x509.GeneralName],
        now: float,
        lifetime: float,
        *usages: x509.ObjectIdentifier,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        expires = min(now + lifetime, self.certificate.not_valid_after_utc.timestamp())
        builder = self._leaf(
            _name("Mostek hub"), key.public_key(), now - BACKDATED, expires, names, *usages
        )
        return builder.sign(self.key, _SHA), key

    def _leaf(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        begins: float,
        expires: float,
        names: list[x509.GeneralName],
        *usages: x509.ObjectIdentifier,
    ) -> x509.CertificateBuilder:
        issuer = self.certificate.subject
        builder = _builder(subject, public, issuer, begins, expires)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return _with_key_ids(builder, public, self.key.public_key())


_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def issued_at(certificate: x509.Certificate) -> int:
    """When a certificate of `Authority.for_connector` was issued."""
    return int(certificate.not_valid_before_utc.timestamp()) + BACKDATED


def key_hash(public: ec.EllipticCurvePublicKey) -> bytes:
    """By what the store knows a public key."""
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return fingerprint(der)


def pem(*certificates: x509.Certificate) -> str:
    """Certificates as text."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def bundle(authorities: Iterable[Authority]) -> str:
    """What sites are told to trust: every authority, and who vouches for it."""
    return "".join(pem(each.certificate, *each.crosses) for each in authorities)


def _check_is_authority(certificate: x509.Certificate) -> None:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise AuthorityError(
            "The certificate needs BasicConstraints and KeyUsage to be an authority's."
        ) from None
    if not constraints.ca or not usage.key_cert_sign:
        raise AuthorityError("The certificate may not sign others: CA:TRUE and keyCertSign.")
    if constraints.path_length == 0:
        raise AuthorityError(
            "The certificate's path length is 0; it needs 1, to certify the authority that will follow it."
        )
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise AuthorityError("The certificate has expired.")
    if certificate.subject != certificate.issuer:
        raise AuthorityError(
            "The certificate must be self-signed: an authority for this hub alone, not a part of another."
        )


def _smallest(key: _Key) -> int:
    return _SMALLEST_RSA if isinstance(key, rsa.RSAPrivateKey) else 256


def _ca_certificate(
    subject: x509.Name,
    public: _Public,
    issuer: x509.Name,
    key: _Key,
    now: float,
    below: int,
) -> x509.Certificate:
    """An authority's; `below`: so many authorities may stand under it."""
    expires = now + _AUTHORITY_DAYS * 86400
    builder = _builder(subject, public, issuer, now - BACKDATED, expires)
    builder = builder.add_extension(x509.BasicConstraints(True, below), critical=True)
    builder = builder.add_extension(_usage(signs=False), critical=True)
    return _with_key_ids(builder, public, key.public_key()).sign(key, _SHA)


def _builder(
    subject: x509.Name,
    public: _Public,
    issuer: x509.Name,
    begins: float,
    expires: float,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_moment(begins))
        .not_valid_after(_moment(expires))
    )


def _with_key_ids(
    builder: x509.CertificateBuilder,
    public: _Public,
    signer: _Public,
) -> x509.CertificateBuilder:
    own = x509.SubjectKeyIdentifier.from_public_key(public)
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer)
    return builder.add_extension(own, critical=False).add_extension(by, critical=False)


def _usage(*, signs: bool) -> x509.KeyUsage:
    """Of a leaf that signs handshakes, or of an authority."""
    return x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not signs,
        crl_sign=not signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
