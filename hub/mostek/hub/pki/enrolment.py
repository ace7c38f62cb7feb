"""How a site comes to its certificate: tokens, the first certificate, and those that follow it."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from mostek.hub.audit import Audit
from mostek.hub.identity import HUB, Caller, ConnectorId
from mostek.hub.keyring import KeyFileError, Keyring, Sealed
from mostek.hub.pki.authority import bundle, pem
from mostek.hub.pki.trust import Refused, Trust
from mostek.hub.rates import Bucket, Buckets, network_of
from mostek.hub.store import SITE, CertificateRecord, KeyUsed, NotEnrolled, Revoked
from mostek.link.v1.enrolment_pb2 import (
    ChallengeResponse,
    EnrollRequest,
    EnrollResponse,
    RenewRequest,
    RenewResponse,
)
from mostek.wire.failures import Denied, Invalid, Overloaded, Unauthenticated
from mostek.wire.trust import SECRET_BYTES, EnrolmentToken, InstanceId, fingerprint, hashed, renewal

__all__ = ["LONGEST_VALID", "VALID_FOR", "Enrolment", "PublicAddresses"]

log = structlog.get_logger()

_DAY: Final = 86400.0
#: Seconds that a token is valid, where nobody says otherwise, and at most.
VALID_FOR: Final = 3600.0
LONGEST_VALID: Final = 7 * _DAY
#: Seconds that a challenge may be answered.
_CHALLENGE: Final = 60.0
#: Questions a second, and at once: of an address, and of all together.
_EACH: Final = (1 / 3, 20)
_ALL: Final = (20.0, 1200)
_LARGEST_PEM: Final = 16 * 1024
#: What loading raises, of a request or a certificate that may be anything.
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
_UNENTITLED: Final = (
    "The token gives no right to enrol: it is unknown, expired or was used. "
    "Ask the hub's operator for a new one."
)
_NO_RENEWAL: Final = (
    "The certificate is none that this hub trusts, or the signature is not of its key; nothing was issued. "
    "If this goes on, ask the hub's operator for a new token and enrol again."
)


@dataclass(frozen=True)
class PublicAddresses:
    """Where sites find the hub, host:port each."""

    http: str
    link: str


class Enrolment:
    """Makes tokens and issues certificates.

    `anchors`: the certificates of which each suffices to know the API host; tokens pin the first.
    """

    def __init__(
        self,
        trust: Trust,
        keyring: Keyring,
        audit: Audit,
        anchors: Callable[[], Sequence[x509.Certificate]],
        *,
        certificate_days: float = 90.0,
        renew_expired_days: float = 90.0,
    ) -> None:
        self._trust = trust
        self._keyring = keyring
        self._anchors = anchors
        self._lifetime = certificate_days * _DAY
        self._grace = renew_expired_days * _DAY
        self._audit = audit
        self._each = Buckets(*_EACH, 10_000)
        self._all = Bucket(*_ALL, time.monotonic())
        #: Set as soon as the ports are known.
        self.addresses = PublicAddresses("", "")

    @property
    def anchors(self) -> str:
        """What `GET /v1/ca` answers, PEM."""
        return pem(*self._anchors())

    async def token(
        self, of: ConnectorId, valid_for: float, by: str
    ) -> tuple[EnrolmentToken, float]:
        """A new token for a connector, to be shown once, and when it ends. `valid_for` in seconds."""
        token = EnrolmentToken(
            address=self.addresses.http,
            pin=fingerprint(self._anchors()[0].public_bytes(Encoding.DER)),
            secret=secrets.token_bytes(SECRET_BYTES),
        )
        now = self._trust.clock()
        await self._trust.store.add_token(hashed(token.secret), of, now, now + valid_for, by)
        return token, now + valid_for

    async def revoke(self, of: ConnectorId, instance: str, serial: str, by: str) -> int:
        """Revoke what is valid of a connector; how many certificates. Empty: every instance, every certificate."""
        count = await self._trust.store.revoke(of, instance, serial, self._trust.clock(), by)
        log.info("revoked", tenant=of.tenant, connector=of.name, by=by, certificates=count)
        # Here at once, and in other replicas with their next look.
        await self._trust.look()
        return count

    async def certificates(self, of: ConnectorId) -> list[tuple[CertificateRecord, bool]]:
        """What was issued to a connector, the newest first, and whether it is revoked."""
        revocations = await self._trust.store.revocations_of(of)
        issued = await self._trust.store.certificates(of)
        return [(each, any(r.covers(each) for r in revocations)) for each in issued]

    async def enroll(self, request: EnrollRequest, peer: str) -> EnrollResponse:
        """The first certificate. Raises Invalid, Unauthenticated, Overloaded."""
        self._count(peer)
        public = _public_key(request.csr)
        issuing = _Issuing(self._trust, public, uuid.uuid4().hex, self._lifetime)
        try:
            issued = await self._trust.store.enrol(
                hashed(request.secret), self._trust.clock(), peer, issuing
            )
        except NotEnrolled as refused:
            log.warning("enrolment refused", peer=peer, reason=refused.reason)
            raise Unauthenticated(_UNENTITLED) from None
        except KeyUsed:
            raise Invalid.of("csr", "must be of a new key") from None
        _log("enrolled", issued)
        return EnrollResponse(
            tenant=issued.of.tenant,
            connector=issued.of.name,
            instance=issued.instance,
            certificate=issuing.certificate,
            authorities=bundle(self._trust.authorities),
            link=self.addresses.link,
        )

    def challenge(self, peer: str) -> ChallengeResponse:
        """Something to sign. Raises Overloaded."""
        self._count(peer)
        now = f"{self._trust.clock():.3f}".encode()
        sealed = self._keyring.seal(now, "challenge")
        data = base64.urlsafe_b64encode(sealed.data).decode()
        return ChallengeResponse(challenge=f"{sealed.key_id}.{data}")

    async def renew(self, request: RenewRequest, peer: str) -> RenewResponse:
        """The certificate after another. Raises Invalid, Unauthenticated, Denied, Overloaded."""
        self._count(peer)
        public = _public_key(request.csr)
        held = self._proved(request)
        await self._check_age(held, peer)
        issuing = _Issuing(self._trust, public, held.instance, self._lifetime)
        try:
            issued = await self._trust.store.renew(held, self._trust.clock(), peer, issuing)
        except Revoked:
            await self._refuse(held, f"the certificate was revoked, from {peer}")
            raise Denied(
                "The certificate was revoked. Ask the hub's operator for a new token and enrol again."
            ) from None
        except KeyUsed:
            raise Invalid.of("csr", "must be of a new key") from None
        _log("renewed", issued)
        return RenewResponse(
            certificate=issuing.certificate, authorities=bundle(self._trust.authorities)
        )

    def _count(self, peer: str) -> None:
        """Raises Overloaded when an address, or all together, ask too often."""
        now = time.monotonic()
        for bucket in (self._each.of(network_of(peer), now), self._all):
            if wait := bucket.take(now):
                self._audit.count(Caller(HUB, peer), "Overloaded")
                raise Overloaded("Too many attempts; try again later.", retry_after=wait)

    async def _refuse(self, held: CertificateRecord, detail: str) -> None:
        of = held.of
        log.warning("renewal refused", tenant=of.tenant, connector=of.name, reason=detail)
        await self._audit.refuse(
            Caller(of.tenant, SITE), "Renew", "Denied", connector=of.name, detail=detail
        )

    def _proved(self, request: RenewRequest) -> CertificateRecord:
        """Whose certificate it is, if its key has signed a challenge of ours. Raises Unauthenticated."""
        try:
            certificate = x509.load_pem_x509_certificate(_limited(request.certificate))
            held = self._trust.known(certificate)
            csr = x509.load_pem_x509_csr(request.csr.encode())
            signed = renewal(
                request.challenge,
                certificate.public_bytes(Encoding.DER),
                csr.public_bytes(Encoding.DER),
            )
            key = certificate.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            key.verify(request.signature, signed, ec.ECDSA(hashes.SHA256()))
        except (*_UNREADABLE, Refused, InvalidSignature):
            raise Unauthenticated(_NO_RENEWAL) from None
        if not self._is_fresh(request.challenge):
            raise Unauthenticated("The challenge is too old; ask for another one.", retriable=True)
        return held

    def _is_fresh(self, challenge: str) -> bool:
        name, _, data = challenge.partition(".")
        try:
            sealed = Sealed(name, base64.urlsafe_b64decode(data))
            made = float(self._keyring.open(sealed, "challenge"))
        except (binascii.Error, ValueError, KeyFileError):
            return False
        return 0 <= self._trust.clock() - made <= _CHALLENGE

    async def _check_age(self, held: CertificateRecord, peer: str) -> None:
        late = self._trust.clock() - held.expires_at
        if late < 0 or late <= self._grace:
            return
        await self._refuse(held, f"expired {late / _DAY:.0f} days ago, from {peer}")
        raise Denied(
            f"The certificate expired {late / _DAY:.0f} days ago, which is too long to renew it. "
            "Ask the hub's operator for a new token and enrol again."
        )


class _Issuing:
    """Signs within the store's transaction; keeps the certificate, PEM."""

    def __init__(
        self, trust: Trust, public: ec.EllipticCurvePublicKey, instance: str, lifetime: float
    ) -> None:
        self._trust = trust
        self._public = public
        self._instance = instance
        self._lifetime = lifetime
        self.certificate = ""

    def __call__(self, of: ConnectorId, at: int) -> CertificateRecord:
        """The record of a certificate issued at a whole second."""
        named = InstanceId(*of, self._instance)
        certificate, record = self._trust.signer.for_connector(
            named, self._public, at, self._lifetime
        )
        self.certificate = pem(certificate)
        return record


def _limited(text: str) -> bytes:
    if len(text) > _LARGEST_PEM:
        raise ValueError
    return text.encode()


def _public_key(csr: str) -> ec.EllipticCurvePublicKey:
    """The key of a request that has signed itself. Raises Invalid."""
    try:
        request = x509.load_pem_x509_csr(_limited(csr))
        signed, key = request.is_signature_valid, request.public_key()
    except _UNREADABLE:
        raise Invalid.of("csr", "must be a PKCS #10 request, PEM") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1 | ec.SECP384R1
    ):
        raise Invalid.of("csr", "must be of a P-256 or P-384 key")
    if not signed:
        raise Invalid.of("csr", "must be signed by its own key")
    return key


def _log(event: str, issued: CertificateRecord) -> None:
    log.info(
        event,
        tenant=issued.of.tenant,
        connector=issued.of.name,
        instance=issued.instance,
        serial=issued.serial,
    )
