"""Certificate authorities, and whom a site trusts after they have changed."""

from __future__ import annotations

import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import verification

from mostek.connector.identity import IdentityError, trusted
from mostek.hub.pki.authority import Authority, AuthorityError, bundle, pem
from mostek.wire.trust import InstanceId

NOW = time.time()
ACME = InstanceId("default", "acme", "i1")
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def key_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificates(text: bytes) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(text)


def leaf(authority: Authority) -> x509.Certificate:
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    return authority.for_connector(ACME, public, int(NOW), 90 * 86400)[0]


def test_a_connectors_certificate_is_right_by_the_rules_of_x509() -> None:
    authority = Authority.made(NOW)
    store = verification.Store([authority.certificate])
    verified = verification.PolicyBuilder().store(store).build_client_verifier()
    found = verified.verify(leaf(authority), [])
    assert found.subjects is not None
    assert [name.value for name in found.subjects] == [ACME.uri]


def test_the_hubs_certificate_is_right_for_its_names_and_addresses() -> None:
    authority = Authority.made(NOW)
    certificate, _ = authority.for_hub(["hub.example.com", "127.0.0.1", "::1"], NOW, 86400)
    store = verification.Store([authority.certificate])
    for name in (x509.DNSName("hub.example.com"),):
        verifier = verification.PolicyBuilder().store(store).build_server_verifier(name)
        verifier.verify(certificate, [])


def test_a_certificate_does_not_outlive_its_authority() -> None:
    authority = Authority.made(NOW)
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    certificate, _ = authority.for_connector(ACME, public, int(NOW), 36500 * 86400)
    assert certificate.not_valid_after_utc <= authority.certificate.not_valid_after_utc


def test_an_authoritys_key_is_not_in_its_repr() -> None:
    authority = Authority.made(NOW)
    assert "key=" not in repr(authority)
    assert "key=" not in repr(authority.record(NOW))


def test_a_new_authority_is_trusted_because_a_trusted_one_has_certified_it() -> None:
    old = Authority.made(NOW)
    new = Authority.made(NOW).certified_by([old], NOW)
    after = certificates(trusted(bundle([old]).encode(), bundle([new, old]).encode()))
    assert after == [new.certificate, old.certificate]


def test_a_site_that_was_away_for_two_changes_follows_both() -> None:
    first = Authority.made(NOW)
    second = Authority.made(NOW).certified_by([first], NOW)
    third = Authority.made(NOW).certified_by([second], NOW)
    after = certificates(trusted(bundle([first]).encode(), bundle([third, second]).encode()))
    assert after == [third.certificate, second.certificate]


@pytest.mark.parametrize("offered", [b"", b"{}", b"-----BEGIN CERTIFICATE-----\nx"])
def test_what_is_no_authority_is_told_as_such(offered: bytes) -> None:
    with pytest.raises(IdentityError, match="enrol it again"):
        trusted(bundle([Authority.made(NOW)]).encode(), offered)


def test_an_authority_that_nobody_vouches_for_is_not_trusted() -> None:
    old, intruder = Authority.made(NOW), Authority.made(NOW)
    after = trusted(bundle([old]).encode(), bundle([intruder, old]).encode())
    assert certificates(after) == [old.certificate]
    with pytest.raises(IdentityError, match="enrol it again"):
        trusted(bundle([old]).encode(), bundle([intruder]).encode())


def test_a_connectors_certificate_vouches_for_nobody() -> None:
    old, intruder = Authority.made(NOW), Authority.made(NOW)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate, _ = old.for_connector(ACME, key.public_key(), int(NOW), 86400)
    fake = Authority(certificate, key)
    crossed = intruder.certified_by([fake], NOW)
    offered = pem(certificate) + bundle([crossed, old])
    after = certificates(trusted(bundle([old]).encode(), offered.encode()))
    assert after == [old.certificate]


def test_an_authority_of_the_operators_is_taken() -> None:
    own = Authority.made(NOW)
    brought = Authority.brought(pem(own.certificate).encode(), key_pem(own.key))
    leaf(brought).verify_directly_issued_by(own.certificate)


def test_an_authority_with_an_rsa_key_is_taken() -> None:
    key = rsa.generate_private_key(65537, 2048)
    authority = Authority.brought(self_signed(key).encode(), key_pem(key))
    leaf(authority).verify_directly_issued_by(authority.certificate)


def self_signed(key: Key, *, ca: bool = True, days: int = 10) -> str:
    from datetime import UTC, datetime, timedelta

    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Example AG")])
    today = datetime.now(UTC)
    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - timedelta(days=20))
        .not_valid_after(today + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    return pem(certificate)


def test_what_can_be_no_authority_is_refused_with_the_reason() -> None:
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    for certificate, private, words in (
        (self_signed(key), key_pem(other), "not the one that the certificate is about"),
        (self_signed(key, ca=False), key_pem(key), "may not sign others"),
        (self_signed(key, days=-1), key_pem(key), "has expired"),
        ("no PEM", key_pem(key), "must be PEM"),
        (self_signed(key), b"no PEM", "must be PEM"),
    ):
        with pytest.raises(AuthorityError, match=words):
            Authority.brought(certificate.encode(), private)
