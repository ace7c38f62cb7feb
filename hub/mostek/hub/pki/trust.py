"""What this process knows of authorities and revocations, and whom it lets in by that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from mostek.hub.identity import ConnectorId
from mostek.hub.pki.authority import Authority, issued_at, key_hash
from mostek.hub.store import CertificateRecord, Revocation, StoreError, TrustStore
from mostek.wire.trust import InstanceId

__all__ = ["Clock", "Refused", "Stale", "Trust"]

log = structlog.get_logger()

#: Seconds between looks at the store: a revocation cuts a stream within a second.
LOOK_EVERY: Final = 0.4

#: Seconds since 1970.
Clock = Callable[[], float]


class Refused(Exception):
    """This certificate gives no right to connect; the message says what to do at the site."""


class Stale(Exception):
    """The store was away for too long to say who was revoked."""


class Trust:
    """Authorities and revocations, as last read. `max_age`: seconds for which that may be relied on.

    `start`, then `run` for as long as the hub runs; `listeners` are called when something else holds than before.
    """

    def __init__(
        self,
        store: TrustStore,
        *,
        max_age: float = 60.0,
        clock: Clock = time.time,
        since_start: Clock = time.monotonic,
    ) -> None:
        self.store = store
        self.clock = clock
        self.listeners: list[Callable[[], None]] = []
        self._max_age = max_age
        self._since_start = since_start
        self._authorities: Sequence[Authority] = ()
        self._revocations: Mapping[ConnectorId, Sequence[Revocation]] = {}
        self._version: object = None
        self._read_at = float("-inf")
        self._told = False
        self._failing = False

    @property
    def authorities(self) -> Sequence[Authority]:
        """All that are trusted; the first one signs."""
        return self._authorities

    @property
    def signer(self) -> Authority:
        """The one that signs."""
        return self._authorities[0]

    @property
    def stale(self) -> bool:
        """Whether the store was away for longer than what was read may be relied on."""
        return self._since_start() - self._read_at > self._max_age

    async def start(self) -> None:
        """Make the first authority if there is none. Raises StoreError, KeyFileError."""
        await self.store.add_authority(
            lambda known: None if known else Authority.made(self.clock()).record(self.clock()),
            by="the hub's first start",
        )
        await self.look()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                async with asyncio.timeout(self._max_age / 2):
                    await self.look()
            except (StoreError, TimeoutError):
                self._away()
            except Exception:
                if not self._failing:
                    log.exception("authorities and revocations can't be read")
                self._failing = True
                self._away()

    def _away(self) -> None:
        if self.stale:
            if not self._told:
                log.error("revocations can't be read for too long: nobody is let in")
            self._told = True
            self._tell()

    async def look(self) -> None:
        """Read what has changed. Raises StoreError, KeyFileError."""
        asked = self._since_start()
        version = await self.store.version()
        changed = version != self._version
        if changed:
            await self._read()
            self._version = version
        self._read_at, self._told, self._failing = asked, False, False
        if changed:
            self._tell()

    async def _read(self) -> None:
        self._authorities = [Authority.stored(each) for each in await self.store.authorities()]
        revoked: dict[ConnectorId, list[Revocation]] = {}
        for each in await self.store.revocations():
            revoked.setdefault(each.of, []).append(each)
        self._revocations = revoked

    def _tell(self) -> None:
        for listener in self.listeners:
            listener()

    def known(self, certificate: x509.Certificate) -> CertificateRecord:
        """Whom a certificate of ours names, expired and revoked or not. Raises Refused."""
        authority = self._issuer(certificate)
        public = certificate.public_key()
        if authority is None or not _is_for_connectors(certificate):
            raise Refused("The certificate is not of this hub: enrol this connector.")
        assert isinstance(public, ec.EllipticCurvePublicKey)
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
            of = InstanceId.of(uri)
        except (ValueError, x509.ExtensionNotFound):
            raise Refused("The certificate names no connector: enrol this connector.") from None
        return CertificateRecord(
            of=ConnectorId(of.tenant, of.connector),
            instance=of.instance,
            serial=f"{certificate.serial_number:x}",
            public_key=key_hash(public),
            issued_at=issued_at(certificate),
            expires_at=int(certificate.not_valid_after_utc.timestamp()),
            authority=authority.name,
        )

    def issued(self, certificate: x509.Certificate) -> bool:
        """Whether one of the authorities that are trusted now has signed it."""
        return self._issuer(certificate) is not None

    def _issuer(self, certificate: x509.Certificate) -> Authority | None:
        for authority in self._authorities:
            try:
                certificate.verify_directly_issued_by(authority.certificate)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return authority
        return None

    def check(self, held: CertificateRecord) -> None:
        """Whether who has this may be connected now; to be asked again by a listener. Raises Refused, Stale."""
        if self.stale:
            raise Stale
        if all(held.authority != each.name for each in self._authorities):
            raise Refused(
                "The authority of the certificate is not trusted any more: enrol this connector again."
            )
        self._check_revoked(held)
        if self.clock() >= held.expires_at:
            raise Refused("The certificate has expired; the connector renews it by itself.")

    def _check_revoked(self, held: CertificateRecord) -> None:
        revoked = self._revocations.get(held.of, ())
        if any(each.covers(held) for each in revoked):
            raise Refused(
                "The certificate was revoked. If that was not meant, ask the hub's operator for a new token and enrol "
                "this connector again."
            )


def _is_for_connectors(certificate: x509.Certificate) -> bool:
    if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey):
        return False
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage
