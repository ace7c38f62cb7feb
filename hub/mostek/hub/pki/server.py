"""The certificates that the hub shows, replaced while it runs: of its own authority, or files of an operator's."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from mostek.hub.pki.authority import Authority, pem
from mostek.hub.pki.trust import Trust

__all__ = [
    "BroughtCertificate",
    "CertificateFileError",
    "OwnCertificate",
    "ReplicaCertificate",
    "ServerCertificate",
    "Shown",
    "grpc_credentials",
    "tls_context",
]

log = structlog.get_logger()

#: Days of the hub's own server certificate; it is made anew at half of them.
_DAYS: Final = 30
#: What the URI of a replica's certificate begins with: no connector's does.
_REPLICA: Final = "spiffe://mostek/replica/"


class CertificateFileError(Exception):
    """The files of a server certificate can't be used; the message says what to do."""


@dataclass(frozen=True)
class Shown:
    """What a handshake shows: PEM, the leaf first. `anchors`: each suffices to find it right; tokens pin the first."""

    chain: bytes
    key: bytes = field(repr=False)
    anchors: tuple[x509.Certificate, ...]


class ServerCertificate(Protocol):
    """A certificate of the hub that is looked after."""

    @property
    def shown(self) -> Shown:
        """What new handshakes show."""

    def look(self) -> bool:
        """Replace it if it is time to; whether it was."""


class OwnCertificate:
    """Of the hub's own authority, for these names; anew when half of its life is over and when another one signs."""

    def __init__(self, trust: Trust, names: Sequence[str]) -> None:
        self._trust = trust
        self._names = names
        self._authorities: tuple[str, ...] = ()
        self._until = 0.0
        self.look()

    @property
    def shown(self) -> Shown:
        """What new handshakes show."""
        return self._shown

    def look(self) -> bool:
        """Replace it if it is time to; whether it was."""
        now, signer = self._trust.clock(), self._trust.signer
        authorities = tuple(each.name for each in self._trust.authorities)
        if now < self._until and self._authorities == authorities:
            return False
        certificate, key = self._made(signer, now)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        # Those who trust only an older authority find the way over its certificate of the new one.
        chain = pem(certificate, *signer.crosses).encode()
        anchors = tuple(each.certificate for each in self._trust.authorities)
        self._shown = Shown(chain, private, anchors)
        self._authorities, self._until = authorities, now + _DAYS * 86400 / 2
        return True

    def _made(
        self, signer: Authority, now: float
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        return signer.for_hub(self._names, now, _DAYS * 86400)


class ReplicaCertificate(OwnCertificate):
    """By which replicas of the hub know each other, as clients and as servers; each is known by its name."""

    def __init__(self, trust: Trust, replica: str) -> None:
        self.trust = trust
        self._replica = replica
        super().__init__(trust, ())

    def _made(
        self, signer: Authority, now: float
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        uri = f"{_REPLICA}{self._replica}"
        return signer.for_replica(self.host(self._replica), uri, now, _DAYS * 86400)

    @property
    def stamp(self) -> object:
        """Another one when new connections have to be made: for another certificate, or other authorities."""
        return self.shown.chain, tuple(each.name for each in self.trust.authorities)

    def host(self, replica: str) -> str:
        """The name that a replica's certificate has; not where it is."""
        return f"{replica}.replica.mostek.internal"

    def credentials(self) -> grpc.ChannelCredentials:
        """To ask other replicas with, as of now."""
        roots = pem(*(each.certificate for each in self.trust.authorities)).encode()
        return grpc.ssl_channel_credentials(roots, self.shown.key, self.shown.chain)

    def is_replica(self, certificate: x509.Certificate) -> bool:
        """Whether a certificate that a handshake let in is a replica's: connectors have some of the same authority."""
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except (ValueError, x509.ExtensionNotFound):
            return False
        uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        return any(uri.startswith(_REPLICA) for uri in uris) and self.trust.issued(certificate)


class BroughtCertificate:
    """From a file with the chain and one with its key, read again when they change. Raises CertificateFileError."""

    def __init__(self, chain: Path, key: Path) -> None:
        self._files = (chain, key)
        self._seen = self._stamps()
        self._shown = self._read()

    @property
    def shown(self) -> Shown:
        """What new handshakes show."""
        return self._shown

    def look(self) -> bool:
        """Replace it if the files have changed and fit together; whether it was replaced."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        try:
            shown = self._read()
        except CertificateFileError as error:
            # Half of a change, perhaps: the files are looked at again.
            log.warning("the new server certificate can't be used yet", reason=str(error))
            return False
        self._seen, self._shown = stamps, shown
        log.info("server certificate was read again", file=str(self._files[0]))
        return True

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(file) for file in self._files]

    def _read(self) -> Shown:
        chain_file, key_file = self._files
        try:
            chain, key = chain_file.read_bytes(), key_file.read_bytes()
        except OSError as error:
            raise CertificateFileError(
                f"{error.filename} can't be read: {error.strerror}"
            ) from None
        try:
            certificates = x509.load_pem_x509_certificates(chain)
            private = load_pem_private_key(key, password=None)
        except (ValueError, TypeError):
            raise CertificateFileError(
                f"{chain_file} and {key_file} must be PEM: the server's certificate with those above it, and its key "
                "without a password."
            ) from None
        if private.public_key() != certificates[0].public_key():
            raise CertificateFileError(
                f"{key_file} is not the key of the first certificate in {chain_file}."
            )
        # The topmost that is known; the server's own one if it is alone.
        return Shown(chain, key, (certificates[-1],))


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino


def grpc_credentials(
    own: ServerCertificate, clients: Trust | None = None
) -> grpc.ServerCredentials:
    """For a port of gRPC; with `clients` a certificate of one of its authorities is demanded."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        shown = own.shown
        roots = None
        if clients is not None:
            roots = pem(*(each.certificate for each in clients.authorities)).encode()
        return grpc.ssl_server_certificate_configuration([(shown.key, shown.chain)], roots)

    told = _state(own, clients)

    def changed() -> grpc.ServerCertificateConfiguration:
        # Called before each handshake, in a thread of gRPC. None: as before, which costs nothing.
        nonlocal told
        state = _state(own, clients)
        if state == told:
            return None  # type: ignore[return-value]  # documented, and missing in the types
        told = state
        return configuration()

    return grpc.dynamic_ssl_server_credentials(configuration(), changed, clients is not None)


def _state(own: ServerCertificate, clients: Trust | None) -> tuple[object, object]:
    authorities = tuple(each.name for each in clients.authorities) if clients else ()
    return own.shown.chain, authorities


def tls_context(minimum: ssl.TLSVersion, shown: Shown) -> ssl.SSLContext:
    """For the port of HTTP; `load` puts another certificate into it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = minimum
    context.set_alpn_protocols(["http/1.1"])
    load(context, shown)
    return context


def load(context: ssl.SSLContext, shown: Shown) -> None:
    """What new handshakes of the context show."""
    # The ssl module reads files only.
    with tempfile.TemporaryDirectory(prefix="mostek-") as folder:
        file = Path(folder) / "pem"
        file.touch(0o600)
        file.write_bytes(shown.key + b"\n" + shown.chain)
        context.load_cert_chain(file)
