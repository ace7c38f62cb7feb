"""The connector's key and certificate, and the file that they are kept in."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import grpc
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mostek.wire.trust import BACKDATED, InstanceId

__all__ = ["Identity", "IdentityError", "new_key", "request_for", "trusted", "write_private"]

Key = ec.EllipticCurvePrivateKey
#: Windows' names for the system and for administrators, whatever its language.
_RULERS = ("S-1-5-18", "S-1-5-32-544")
#: Its names for everybody, whoever has logged in, whoever sits there, guests, and the machine's users.
_EVERYBODY = ("S-1-1-0", "S-1-5-11", "S-1-5-4", "S-1-5-32-546", "S-1-5-32-545")


class IdentityError(Exception):
    """Key and certificate can't be used; the message says what to do."""


@dataclass(frozen=True)
class Identity:
    """Who this installation is. Moments are seconds since 1970."""

    certificate: x509.Certificate
    key: Key = field(repr=False)

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Out of PEM with the key and its certificate. Raises IdentityError."""
        try:
            key = load_pem_private_key(text, password=None)
            certificate = x509.load_pem_x509_certificate(text)
            uri_of(certificate)
        except (ValueError, TypeError):
            raise IdentityError(
                "holds no key with the certificate of a connector; enrol again"
            ) from None
        if not isinstance(key, Key) or key.public_key() != certificate.public_key():
            raise IdentityError(
                "holds a certificate of another key; put the file back as it was, or enrol again"
            )
        return cls(certificate, key)

    @classmethod
    def load(cls, file: Path) -> Self:
        """From its file. Raises IdentityError."""
        try:
            return cls.of(file.read_bytes())
        except FileNotFoundError:
            raise IdentityError(
                f"{file} does not exist: enrol this connector with `mostek-connector enroll TOKEN`; the hub's operator "
                "makes the token."
            ) from None
        except OSError as error:
            raise IdentityError(
                f"{file} can't be read ({error.strerror}): it must belong to the account that the connector runs as."
            ) from None
        except IdentityError as error:
            raise IdentityError(f"{file} {error}") from None

    @property
    def pem(self) -> bytes:
        """As it is kept."""
        return key_pem(self.key) + self.certificate.public_bytes(Encoding.PEM)

    @property
    def id(self) -> InstanceId:
        """Whom the certificate names."""
        return InstanceId.of(uri_of(self.certificate))

    @property
    def issued_at(self) -> float:
        """When it was issued."""
        return self.certificate.not_valid_before_utc.timestamp() + BACKDATED

    @property
    def expires_at(self) -> float:
        """When it is too late to connect with it."""
        return self.certificate.not_valid_after_utc.timestamp()

    def sign(self, text: bytes) -> bytes:
        """A signature by the key."""
        return self.key.sign(text, ec.ECDSA(hashes.SHA256()))

    def credentials(self, authorities: bytes) -> grpc.ChannelCredentials:
        """For a channel to a hub that one of the authorities (PEM) vouches for."""
        chain = self.certificate.public_bytes(Encoding.PEM)
        return grpc.ssl_channel_credentials(authorities, key_pem(self.key), chain)


def new_key() -> Key:
    """A key that nobody else has."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """As text."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def request_for(key: Key) -> x509.CertificateSigningRequest:
    """A request for a certificate of the key; the hub alone says what stands in it."""
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([]))
        .sign(key, hashes.SHA256())
    )


def uri_of(certificate: x509.Certificate) -> str:
    """The one URI of a certificate. Raises ValueError."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise ValueError("no name") from None
    (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
    InstanceId.of(uri)
    return uri


def trusted(before: bytes, offered: bytes) -> bytes:
    """The authorities (PEM) to trust from now on: those offered that are trusted, or certified by one that is.

    Raises IdentityError if none is left.
    """
    known = x509.load_pem_x509_certificates(before)
    try:
        certificates = x509.load_pem_x509_certificates(offered)
    except ValueError:
        certificates = []
    vouched = list(known)
    # Each round reaches one authority further: one that was made while this site was away for several changes.
    for _ in certificates:
        keys = [each.public_key() for each in vouched]
        vouched += [
            each
            for each in certificates
            if each.public_key() not in keys and any(_vouches(by, each) for by in vouched)
        ]
    keys = [each.public_key() for each in vouched]
    left = [
        each for each in certificates if each.issuer == each.subject and each.public_key() in keys
    ]
    if not left:
        raise IdentityError(
            "None of the hub's authorities is vouched for by one that this connector trusts; enrol it again."
        )
    return b"".join(each.public_bytes(Encoding.PEM) for each in left)


def _vouches(by: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    return constraints.ca


def issued_by(authorities: Iterable[x509.Certificate], certificate: x509.Certificate) -> bool:
    """Whether one of the authorities has signed the certificate."""
    for each in authorities:
        with contextlib.suppress(ValueError, TypeError, InvalidSignature):
            certificate.verify_directly_issued_by(each)
            return True
    return False


def write_private(file: Path, data: bytes) -> None:
    """Write a file that the owner of its folder alone may read: whole, or not at all. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = file.with_name(file.name + ".tmp")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        _restrict(fresh)
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
    if sys.platform != "win32":
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _restrict(file: Path) -> None:
    if sys.platform == "win32":
        # An administrator enrols, and the folder says which service may read: that stays, and everybody else goes.
        own = _run(["whoami", "/user", "/fo", "csv", "/nh"]).rpartition(",")[2].strip('" \r\n')
        kept = [f"*{sid}:F" for sid in (own, *_RULERS)]
        _run(["icacls", str(file), "/inheritance:d"])
        _run(["icacls", str(file), "/remove:g", *(f"*{sid}" for sid in _EVERYBODY)])
        _run(["icacls", str(file), "/grant", *kept])
    elif os.geteuid() == 0:
        # An administrator enrols, a service of another account reads.
        folder = file.parent.stat()
        os.chown(file, folder.st_uid, folder.st_gid)


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{command[0]} failed: {done.stderr.strip()}")
    return done.stdout
