"""How this site comes to its certificate, and to the next one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mostek.connector.config import HubConfig
from mostek.connector.hub_api import (
    ApiError,
    HubApi,
    NotBelieved,
    Refused,
    anchored,
    intercepted,
    unverified,
)
from mostek.connector.identity import (
    Identity,
    IdentityError,
    Key,
    issued_by,
    key_pem,
    new_key,
    request_for,
    trusted,
)
from mostek.link.v1.enrolment_pb2 import (
    ChallengeRequest,
    ChallengeResponse,
    EnrollRequest,
    EnrollResponse,
    RenewRequest,
    RenewResponse,
)
from mostek.wire.trust import EnrolmentToken, InstanceId, fingerprint, renewal

__all__ = ["Enrolled", "Renewed", "enroll", "renew"]


@dataclass(frozen=True)
class Enrolled:
    """What an enrolment brought."""

    identity: Identity
    authorities: bytes
    #: host:port of the link, and of the API.
    link: str
    api: str


@dataclass(frozen=True)
class Renewed:
    """What a renewal brought."""

    identity: Identity
    authorities: bytes


def enroll(token: EnrolmentToken, *, proxy: str = "", ca_bundle: Path | None = None) -> Enrolled:
    """Use a token up. Raises ApiError, IdentityError; nothing is written.

    `ca_bundle`: a file with the certificate that the token names, where the hub is not to be asked for it.
    """
    anchor = _anchor(token, proxy, ca_bundle)
    api = HubApi(token.address, anchored(anchor), proxy)
    key = new_key()
    csr = request_for(key).public_bytes(Encoding.PEM).decode()
    try:
        got = api.post("/v1/enroll", EnrollRequest(secret=token.secret, csr=csr), EnrollResponse)
    except (Refused, NotBelieved):
        raise
    except ApiError as error:
        raise ApiError(
            f"{error} If this goes on, ask the hub's operator for a new token: this one may be used up."
        ) from None
    identity = _issued(got.certificate, key, got.authorities)
    named = InstanceId(got.tenant, got.connector, got.instance)
    if identity.id != named:
        raise IdentityError("The hub's certificate names another connector than the hub says.")
    return Enrolled(identity, got.authorities.encode(), got.link, token.address)


def _anchor(token: EnrolmentToken, proxy: str, ca_bundle: Path | None) -> str:
    """The one certificate (PEM) that the token names. Raises ApiError."""
    api = HubApi(token.address, unverified(), proxy)
    offered = _read(ca_bundle) if ca_bundle else api.get("/v1/ca")
    try:
        certificates = x509.load_pem_x509_certificates(offered.encode())
    except ValueError:
        certificates = []
    for each in certificates:
        if fingerprint(each.public_bytes(Encoding.DER)) == token.pin:
            return each.public_bytes(Encoding.PEM).decode()
    if ca_bundle is not None:
        raise ApiError(f"{ca_bundle} does not hold the certificate that the token names.")
    raise NotBelieved(intercepted(token.address, api.issuer()))


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ApiError(f"{file} can't be read: {error}") from None


def _issued(certificate: str, key: Key, authorities: str) -> Identity:
    """The identity that a certificate makes of a key. Raises IdentityError if the hub had no right to it."""
    identity = Identity.of(key_pem(key) + certificate.encode())
    try:
        known = x509.load_pem_x509_certificates(authorities.encode())
    except ValueError:
        known = []
    if not issued_by(known, identity.certificate):
        raise IdentityError("The hub's certificate is not of an authority that is to be trusted.")
    return identity


def renew(held: Identity, authorities: bytes, hub: HubConfig) -> Renewed:
    """The identity after this one, with a new key. Raises ApiError, Refused, IdentityError; nothing is written.

    What comes back is believed for what the authorities say, whoever stands between: an inspected way does no harm.
    """
    assert hub.api is not None
    trust = authorities.decode() + (_read(hub.ca_bundle) if hub.ca_bundle else "")
    api = HubApi(hub.api, anchored(trust, system=True), hub.proxy.get_secret_value())
    key = new_key()
    csr = request_for(key)
    challenge = api.post("/v1/challenge", ChallengeRequest(), ChallengeResponse).challenge
    signed = renewal(
        challenge,
        held.certificate.public_bytes(Encoding.DER),
        csr.public_bytes(Encoding.DER),
    )
    got = api.post(
        "/v1/renew",
        RenewRequest(
            certificate=held.certificate.public_bytes(Encoding.PEM).decode(),
            csr=csr.public_bytes(Encoding.PEM).decode(),
            challenge=challenge,
            signature=held.sign(signed),
        ),
        RenewResponse,
    )
    left = trusted(authorities, got.authorities.encode())
    identity = _issued(got.certificate, key, left.decode())
    if identity.id != held.id:
        raise IdentityError("The hub's certificate names another connector than the one before.")
    return Renewed(identity, left)
