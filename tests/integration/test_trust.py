"""Who may connect: enrolment, mTLS, renewal, revocation, rotation, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pydantic import SecretStr

from mostek.admin.v1.admin_service_pb2 import ListCertificatesRequest
from mostek.client import Client
from mostek.connector.enrolment import enroll, renew
from mostek.connector.hub_api import ApiError, Refused
from mostek.connector.identity import Identity, key_pem, new_key, request_for
from mostek.erp.v1.customer_pb2 import GetCustomerRequest
from mostek.hub.identity import HUB, ConnectorId
from mostek.hub.pki.authority import Authority, bundle, pem
from mostek.hub.store import AuditFilter, AuditKind, AuditStore, AuthorityRecord, StoreError
from mostek.link.v1.enrolment_pb2 import EnrollRequest
from mostek.link.v1.link_pb2 import (
    Company,
    ConnectorToHub,
    GoodbyeReason,
    Hello,
    HubToConnector,
    Status,
)
from mostek.link.v1.link_pb2_grpc import LinkServiceStub
from mostek.wire.failures import Invalid, NotFound, Unauthenticated
from mostek.wire.trust import InstanceId, fingerprint

from .secure import Secure, identity_of, secure_hub

#: Days that are a few seconds: the life of certificates that are to be seen ending.
SECONDS = 1 / 86400


@pytest.fixture
async def secure(tmp_path: Path) -> AsyncIterator[Secure]:
    """A running hub with TLS, without connectors."""
    async with secure_hub(tmp_path) as world:
        yield world


async def called(world: Secure, name: str = "acme") -> str:
    """What a call through the connector answers."""
    answer = await world.client.connector(name).GetCustomer(GetCustomerRequest(id="7"))
    return answer.customer.id


async def test_a_site_that_enrolled_is_called_over_mtls(secure: Secure) -> None:
    dial = await secure.enrolled()
    async with secure.connector(dial=dial):
        assert await called(secure) == "7"
        (session,) = secure.acme.sessions
        assert session.instance == identity_of(dial).id.instance


async def test_a_connector_is_known_from_its_token_on(secure: Secure) -> None:
    await secure.token("shop")
    assert [(c.name, c.online) for c in await secure.client.connectors()] == [("shop", False)]


@pytest.mark.parametrize("name", ["", "Shop", "a b", "-"])
async def test_a_connectors_name_is_checked_before_there_is_a_token(
    secure: Secure, name: str
) -> None:
    with pytest.raises(Invalid, match="lower-case letters"):
        await secure.token(name)


# Enrolment


async def posted(world: Secure, path: str, body: dict[str, Any]) -> httpx.Response:
    context = ssl.create_default_context(cadata=world.tls.enrolment.anchors)
    async with httpx.AsyncClient(verify=context, trust_env=False) as http:
        return await http.post(f"https://{world.addresses.http}{path}", json=body)


def csr_of(key: ec.EllipticCurvePrivateKey) -> str:
    return request_for(key).public_bytes(Encoding.PEM).decode()


def as_request(der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "CERTIFICATE REQUEST")


def enrolling(secret: bytes, csr: str = "") -> dict[str, Any]:
    return {"secret": b64encode(secret).decode(), "csr": csr or csr_of(new_key())}


async def test_used_expired_unknown_and_malformed_tokens_are_refused_alike(secure: Secure) -> None:
    used, expired = await secure.token(), await secure.token()
    assert (await posted(secure, "/v1/enroll", enrolling(used.secret))).status_code == 200
    clock = secure.tls.trust.clock
    late = [await posted(secure, "/v1/enroll", enrolling(used.secret))]
    secure.tls.trust.clock = lambda: clock() + 3601
    late.append(await posted(secure, "/v1/enroll", enrolling(expired.secret)))
    for secret in (b"x" * 20, b"", b"y" * 4000):
        late.append(await posted(secure, "/v1/enroll", enrolling(secret)))
    secure.tls.trust.clock = clock
    late.append(await posted(secure, "/v1/enroll", enrolling(expired.secret[:19])))
    assert {answer.status_code for answer in late} == {401}
    assert len({answer.content for answer in late}) == 1
    assert "Ask the hub's operator for a new one" in late[0].json()["detail"]


async def test_the_site_is_told_what_to_do_about_a_used_token(secure: Secure) -> None:
    token = await secure.token()
    await asyncio.to_thread(enroll, token)
    with pytest.raises(Refused, match=r"unknown, expired or was used\. Ask the hub's operator"):
        await asyncio.to_thread(enroll, token)


async def test_a_bad_request_does_not_use_the_token_up(secure: Secure) -> None:
    token = await secure.token()
    small = csr_of(ec.generate_private_key(ec.SECP224R1()))
    right = request_for(new_key()).public_bytes(Encoding.DER)
    forged = right[:-1] + bytes([right[-1] ^ 1])
    # Of a version, of a curve and of a signature that nobody knows.
    newer = right.replace(b"\x02\x01\x00", b"\x02\x01\x07", 1)
    curve = right.replace(bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a8648ce3d030177"))
    signed = right.replace(bytes.fromhex("2a8648ce3d0403"), bytes.fromhex("2a8648ce3d0477"))
    strange = [as_request(der) for der in (forged, newer, curve, signed)]
    for csr in ("no PEM", small, "x" * 20_000, *strange):
        answer = await posted(secure, "/v1/enroll", enrolling(token.secret, csr))
        assert answer.status_code == 400, csr
        assert [v["field"] for v in answer.json()["violations"]] == ["csr"]
    await asyncio.to_thread(enroll, token)


async def test_a_key_gets_one_certificate(secure: Secure) -> None:
    csr = csr_of(new_key())
    first, second = await secure.token(), await secure.token()
    assert (await posted(secure, "/v1/enroll", enrolling(first.secret, csr))).status_code == 200
    again = await posted(secure, "/v1/enroll", enrolling(second.secret, csr))
    assert again.status_code == 400
    await asyncio.to_thread(enroll, second)


async def test_of_many_that_use_a_token_at_once_one_enrols(secure: Secure) -> None:
    token = await secure.token()
    answers = await asyncio.gather(
        *(posted(secure, "/v1/enroll", enrolling(token.secret)) for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_guessing_is_slowed_down(secure: Secure) -> None:
    request = EnrollRequest(secret=b"x" * 20, csr=csr_of(new_key()))
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            await secure.tls.enrolment.enroll(request, "127.0.0.1")
    answer = await posted(secure, "/v1/enroll", enrolling(b"x" * 20))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert (await posted(secure, "/v1/challenge", {})).status_code == 429


@pytest.mark.parametrize(
    ("trusted", "seen"), [("", "127.0.0.1"), ("127.0.0.1", "192.0.2.9")], ids=["alone", "proxied"]
)
async def test_the_audit_has_the_address_that_a_trusted_proxy_tells(
    tmp_path: Path, trusted: str, seen: str
) -> None:
    async with secure_hub(tmp_path, trusted_proxies=trusted) as secure:
        context = ssl.create_default_context(cadata=secure.tls.enrolment.anchors)
        async with httpx.AsyncClient(verify=context, trust_env=False) as http:
            url, told = (
                f"https://{secure.addresses.http}/v1/enroll",
                {"x-forwarded-for": "192.0.2.9"},
            )
            answer = await http.post(url, json=enrolling(b"x" * 20), headers=told)
        assert answer.status_code == 401
        audit = AuditStore(secure.tls.trust.store._store)
        wanted = AuditFilter(kinds=frozenset({AuditKind.REFUSAL}))
        [entry] = await audit.find(HUB, wanted, 10)
        assert entry.detail == f"token unknown, from {seen}"


async def test_what_the_request_says_of_itself_is_not_read(secure: Secure) -> None:
    token, key = await secure.token(), new_key()
    wish = x509.UniformResourceIdentifier(InstanceId("other", "other", "i").uri)
    csr = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "other")]))
        .add_extension(x509.SubjectAlternativeName([wish]), critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    answer = await posted(
        secure, "/v1/enroll", enrolling(token.secret, csr.public_bytes(Encoding.PEM).decode())
    )
    identity = Identity.of(key_pem(key) + answer.json()["certificate"].encode())
    assert identity.id[:2] == ("default", "acme")
    constraints = identity.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert not constraints.value.ca


@contextlib.asynccontextmanager
async def interceptor(authorities: str, names: list[str]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Somebody between the site and the hub, with an authority of his own; his address, and what he was sent."""
    own = Authority.made(time.time())
    certificate, key = own.for_hub(names, time.time(), 86400)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    heard: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            body = (authorities or pem(own.certificate)).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    with tempfile.NamedTemporaryFile("wb") as file:
        file.write(key_pem(key) + pem(certificate).encode())
        file.flush()
        context.load_cert_chain(file.name)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"{host}:{port}", heard


@pytest.mark.parametrize("passes_on", [False, True])
async def test_whoever_intercepts_the_first_contact_is_named_and_gets_no_secret(
    secure: Secure, passes_on: bool
) -> None:
    token = await secure.token()
    passed = secure.tls.enrolment.anchors if passes_on else ""
    async with interceptor(passed, ["127.0.0.1"]) as (address, heard):
        caught = replace(token, address=address)
        with pytest.raises(
            ApiError, match=r"not the hub's certificate but one by Mostek [0-9a-f]+"
        ):
            await asyncio.to_thread(enroll, caught)
    assert [line.split(b" ")[1] for line in heard] == [b"/v1/ca"]
    await asyncio.to_thread(enroll, token)


async def test_the_authority_can_be_given_in_a_file(secure: Secure) -> None:
    token, file = await secure.token(), secure.state / "bundle.pem"
    file.write_text(bundle([Authority.made(time.time())]))
    with pytest.raises(ApiError, match="does not hold the certificate that the token names"):
        await asyncio.to_thread(enroll, token, ca_bundle=file)
    file.write_text(file.read_text() + secure.tls.enrolment.anchors)
    await asyncio.to_thread(enroll, token, ca_bundle=file)


async def test_a_hub_that_is_known_by_another_name_says_so(secure: Secure) -> None:
    port = secure.addresses.http.rpartition(":")[2]
    token = replace(await secure.token(), address=f"localhost:{port}")
    with pytest.raises(ApiError, match="MOSTEK_HUB_NAMES"):
        await asyncio.to_thread(enroll, token)


# The stream


async def dialled(
    address: str, credentials: grpc.ChannelCredentials, *frames: ConnectorToHub
) -> list[HubToConnector]:
    """What the hub says to somebody who says this. Raises AioRpcError."""
    async with grpc.aio.secure_channel(address, credentials) as channel:
        call = LinkServiceStub(channel).Connect()
        for frame in frames:
            await call.write(frame)
        heard = []
        async for answer in call:
            heard.append(answer)
            if answer.HasField("goodbye"):
                break
        return heard


def hello(connector: str, instance: str) -> ConnectorToHub:
    status = Status(companies=[Company(name="main")])
    return ConnectorToHub(
        hello=Hello(revision=1, connector=connector, instance=instance, slots=1, status=status)
    )


@pytest.mark.parametrize("claims", [("other", ""), ("acme", "another")])
async def test_a_connector_that_claims_to_be_another_is_cut_off(
    secure: Secure, claims: tuple[str, str]
) -> None:
    identity = identity_of(await secure.enrolled())
    credentials = identity.credentials(bundle(secure.tls.trust.authorities).encode())
    name, instance = claims
    said = hello(name, instance or identity.id.instance)
    [last] = await dialled(secure.addresses.link, credentials, said)
    assert last.goodbye.reason == GoodbyeReason.GOODBYE_REASON_REFUSED
    assert "certificate is of connector acme" in last.goodbye.message
    assert not secure.online("acme")
    await secure.tls.audit.flush()
    wanted = AuditFilter(connector="acme", kinds=frozenset({AuditKind.REFUSAL}))
    [entry] = await AuditStore(secure.tls.trust.store._store).find("default", wanted, 10)
    assert (entry.operation, entry.outcome) == ("Connect", "Denied")
    with pytest.raises(NotFound):
        await secure.client.connector("other").GetCustomer(GetCustomerRequest(id="1"))


async def test_nobody_gets_a_stream_without_a_certificate_of_the_hub(secure: Secure) -> None:
    trusted = bundle(secure.tls.trust.authorities).encode()
    intruder, key = Authority.made(time.time()), new_key()
    of = InstanceId("default", "acme", "i")
    forged, _ = intruder.for_connector(of, key.public_key(), int(time.time()), 86400)
    server, server_key = secure.tls.trust.signer.for_hub(["acme"], time.time(), 86400)
    for credentials in (
        grpc.ssl_channel_credentials(trusted),
        Identity(forged, key).credentials(trusted),
        grpc.ssl_channel_credentials(trusted, key_pem(server_key), pem(server).encode()),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await dialled(secure.addresses.link, credentials, hello("acme", "i"))
        assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_certificate_that_names_no_connector_is_refused(secure: Secure) -> None:
    signer, key = secure.tls.trust.signer, new_key()
    of = InstanceId("default", "Not A Name", "i")
    wrong, _ = signer.for_connector(of, key.public_key(), int(time.time()), 86400)
    credentials = Identity(wrong, key).credentials(bundle([signer]).encode())
    [last] = await dialled(secure.addresses.link, credentials, hello("acme", "i"))
    assert last.goodbye.reason == GoodbyeReason.GOODBYE_REASON_REFUSED
    assert "names no connector" in last.goodbye.message


async def test_tenants_may_have_connectors_of_the_same_name(secure: Secure) -> None:
    here = await secure.enrolled()
    token, _ = await secure.tls.enrolment.token(ConnectorId("other", "acme"), 60.0, "tests")
    there = secure.keep(await asyncio.to_thread(enroll, token), "there")
    assert identity_of(there).id.tenant == "other"
    async with secure.connector(dial=here), secure.connector(dial=there, instance="2"):
        await secure.until(lambda: secure.hub.registry.is_here(ConnectorId("other", "acme")), 5.0)
        assert len(secure.acme.sessions) == 1


# Revocation


async def test_a_revocation_cuts_the_live_stream_and_lets_nobody_back(secure: Secure) -> None:
    dial = await secure.enrolled()
    async with secure.connector(dial=dial):
        assert await secure.revoke() == 1
        await secure.until(lambda: not secure.online("acme"), 1.0)
        with pytest.raises(Refused, match=r"was revoked\. Ask the hub's operator"):
            await asyncio.to_thread(
                renew, identity_of(dial), bundle(secure.tls.trust.authorities).encode(), dial
            )
        credentials = identity_of(dial).credentials(bundle(secure.tls.trust.authorities).encode())
        [last] = await dialled(secure.addresses.link, credentials, hello("acme", "i"))
        assert "was revoked" in last.goodbye.message
        assert not secure.online("acme")


async def test_a_connector_that_does_not_read_is_cut_all_the_same(secure: Secure) -> None:
    identity = identity_of(await secure.enrolled())
    trusted = bundle(secure.tls.trust.authorities).encode()
    async with grpc.aio.secure_channel(
        secure.addresses.link, identity.credentials(trusted)
    ) as channel:
        call = LinkServiceStub(channel).Connect()
        await call.write(hello("acme", identity.id.instance))
        await secure.until(lambda: secure.online("acme"))
        streams = secure.hub.link._streams
        await secure.revoke()
        await secure.until(lambda: not streams, 1.5)


async def test_what_was_revoked_elsewhere_is_cut_within_a_second(secure: Secure) -> None:
    """As by another replica, or by `mostek-hub connectors revoke`: the store alone knows."""
    async with secure.connector(dial=await secure.enrolled()):
        store = secure.tls.trust.store
        assert await store.revoke(ConnectorId("default", "acme"), "", "", time.time(), "tests") == 1
        await secure.until(lambda: not secure.online("acme"), 1.0)


async def test_one_instance_or_one_certificate_is_revoked_by_itself(secure: Secure) -> None:
    first, second = await secure.enrolled(folder="1"), await secure.enrolled(folder="2")
    request = ListCertificatesRequest(connector="acme")
    async with secure.connector(dial=first), secure.connector(dial=second, instance="2"):
        await secure.until(lambda: len(secure.acme.sessions) == 2)
        assert await secure.revoke(instance=identity_of(first).id.instance) == 1
        await secure.until(lambda: len(secure.acme.sessions) == 1, 1.0)
        listed = (await secure.client.admin.ListCertificates(request)).certificates
        assert [each.revoked for each in listed] == [False, True]
        assert await secure.revoke(certificate=listed[0].serial) == 1
        await secure.until(lambda: not secure.online("acme"), 1.0)


async def test_whoever_was_revoked_can_enrol_again_at_once(secure: Secure) -> None:
    unused = await secure.token()
    await secure.enrolled()
    assert await secure.revoke() == 1
    assert await secure.revoke() == 0
    with pytest.raises(Refused):
        await asyncio.to_thread(enroll, unused)
    async with secure.connector(dial=await secure.enrolled(folder="again")):
        assert await called(secure) == "7"


async def test_while_the_store_is_away_streams_serve_until_what_is_known_is_too_old(
    secure: Secure,
) -> None:
    trust = secure.tls.trust
    dial = await secure.enrolled()
    async with secure.connector(dial=dial):

        async def away() -> None:
            raise StoreError("The database can't be used.")

        look, now = trust.look, time.monotonic
        trust.look = away  # type: ignore[method-assign]
        trust._since_start = lambda: now() + 50
        assert await called(secure) == "7"
        trust._since_start = lambda: now() + 61
        await secure.until(lambda: not secure.online("acme"), 2.0)
        credentials = identity_of(dial).credentials(bundle(trust.authorities).encode())
        [last] = await dialled(secure.addresses.link, credentials, hello("acme", "i"))
        assert last.goodbye.reason == GoodbyeReason.GOODBYE_REASON_STOPPING
        trust.look = look  # type: ignore[method-assign]
        await secure.until(lambda: secure.online("acme"), 5.0)


# Renewal


async def test_a_certificate_is_renewed_and_commands_that_run_are_finished(tmp_path: Path) -> None:
    async with secure_hub(tmp_path, certificate_days=4 * SECONDS) as secure:
        dial = await secure.enrolled()
        before = identity_of(dial)
        async with secure.connector(dial=dial):
            slow = asyncio.ensure_future(
                secure.client.connector("acme").GetCustomer(GetCustomerRequest(id="slow"))
            )
            await secure.until(secure.plugin.began.is_set)
            await secure.until(lambda: identity_of(dial).certificate != before.certificate, 10.0)
            after = identity_of(dial)
            assert after.id == before.id
            assert after.key.public_key() != before.key.public_key()
            assert await called(secure) == "7"
            secure.plugin.gate.set()
            assert (await slow).customer.id == "slow"
            await secure.until(lambda: len(secure.acme.sessions) == 1)
            (session,) = secure.acme.sessions
            assert session.held is not None
            assert session.held.serial == f"{after.certificate.serial_number:x}"


async def test_an_expired_certificate_is_renewed_and_the_connector_comes_online(
    tmp_path: Path,
) -> None:
    async with secure_hub(tmp_path, certificate_days=1.5 * SECONDS) as secure:
        dial = await secure.enrolled()
        first = identity_of(dial)
        await secure.until(lambda: time.time() > first.expires_at)
        secure.tls.enrolment._lifetime = 86400.0
        async with secure.connector(dial=dial):
            assert await called(secure) == "7"
        assert identity_of(dial).id == first.id


Renew = Callable[[], Awaitable[object]]


@pytest.fixture
async def renewing(secure: Secure) -> Renew:
    """Renews a site's certificate, again and again the same."""
    dial = await secure.enrolled()
    trusted = bundle(secure.tls.trust.authorities).encode()
    return lambda: asyncio.to_thread(renew, identity_of(dial), trusted, dial)


async def test_after_90_more_days_an_expired_certificate_is_not_renewed(
    secure: Secure, renewing: Renew
) -> None:
    enrolment, clock = secure.tls.enrolment, time.time
    # Only what enrolment sees: the hub's own certificates stay those of today.
    secure.tls.look = lambda: None  # type: ignore[method-assign]
    secure.tls.trust.clock = lambda: clock() + 179 * 86400
    await renewing()
    secure.tls.trust.clock = lambda: clock() + 181 * 86400
    with pytest.raises(Refused, match=r"expired 91 days ago, which is too long.*enrol again"):
        await renewing()
    enrolment._grace = 0.0
    secure.tls.trust.clock = lambda: clock() + 91 * 86400
    with pytest.raises(Refused, match="expired 1 days ago"):
        await renewing()


async def test_a_renewal_that_is_not_signed_by_the_certificates_key_is_refused(
    secure: Secure,
) -> None:
    identity = identity_of(await secure.enrolled())
    challenge = (await posted(secure, "/v1/challenge", {})).json()["challenge"]
    stranger = new_key()
    body = {
        "certificate": pem(identity.certificate),
        "csr": csr_of(stranger),
        "challenge": challenge,
        "signature": b64encode(Identity(identity.certificate, stranger).sign(b"x")).decode(),
    }
    der = identity.certificate.public_bytes(Encoding.DER)
    newer = ssl.DER_cert_to_PEM_cert(der.replace(b"\x02\x01\x02", b"\x02\x01\x07", 1))
    signed = bytes.fromhex("2a8648ce3d0403"), bytes.fromhex("2a8648ce3d0477")
    strange = [
        {"certificate": text}
        for text in ("no PEM", newer, ssl.DER_cert_to_PEM_cert(der.replace(*signed)))
    ]
    for changed in ({}, {"signature": ""}, *strange):
        answer = await posted(secure, "/v1/renew", body | changed)
        assert answer.status_code == 401, changed
        assert "nothing was issued" in answer.json()["detail"]


async def test_an_old_or_an_invented_challenge_is_refused(secure: Secure, renewing: Renew) -> None:
    enrolment, clock = secure.tls.enrolment, time.time
    real = enrolment.challenge
    made = real("tests")
    enrolment.challenge = lambda peer: made  # type: ignore[method-assign]
    await renewing()
    secure.tls.look = lambda: None  # type: ignore[method-assign]
    secure.tls.trust.clock = lambda: clock() + 61
    with pytest.raises(ApiError, match="challenge is too old"):
        await renewing()
    secure.tls.trust.clock = clock
    made.challenge = "k1.bm9uc2Vuc2U="
    with pytest.raises(ApiError, match="challenge is too old"):
        await renewing()


# Authorities and the hub's own certificates


async def rotated(world: Secure, made: Authority) -> None:
    """As `mostek-hub ca rotate` does it beside the running hub."""

    def record(known: list[AuthorityRecord]) -> AuthorityRecord:
        before = [Authority.stored(each) for each in known]
        return made.certified_by(before, time.time()).record(time.time())

    await world.tls.trust.store.add_authority(record, "tests")
    await world.until(lambda: world.tls.trust.signer.name == made.name, 2.0)


async def test_an_authority_is_replaced_with_an_overlap(secure: Secure) -> None:
    """Sites with a certificate of the old one connect until it is retired; a renewal gives them one of the new one."""
    old, new = secure.tls.trust.signer, Authority.made(time.time())
    early = await secure.token()
    dial, lazy = await secure.enrolled(folder="1"), await secure.enrolled(folder="2")
    await rotated(secure, new)
    # Trusts the old one alone, which has certified the new one.
    async with secure.connector(dial=dial):
        assert await called(secure) == "7"
    secure.keep(await asyncio.to_thread(enroll, early), "early")
    got = await asyncio.to_thread(renew, identity_of(dial), bundle([old]).encode(), dial)
    got.identity.certificate.verify_directly_issued_by(new.certificate)
    assert dial.identity is not None
    assert dial.ca is not None
    dial.identity.write_bytes(got.identity.pem)
    dial.ca.write_bytes(got.authorities)
    async with secure.connector(dial=lazy, instance="2"):
        assert await secure.tls.trust.store.retire_authority(old.name, time.time(), "tests")
        await secure.until(lambda: not secure.online("acme"), 1.5)
        with pytest.raises(grpc.aio.AioRpcError):
            await dialled(
                secure.addresses.link,
                identity_of(lazy).credentials(bundle([old, new]).encode()),
                hello("acme", "i"),
            )
        async with secure.connector(dial=dial):
            assert await called(secure) == "7"


async def test_an_operators_own_authority_signs_after_it_was_imported(secure: Secure) -> None:
    own = Authority.made(time.time())
    brought = Authority.brought(pem(own.certificate).encode(), key_pem_of(own))
    await rotated(secure, brought)
    dial = await secure.enrolled()
    identity_of(dial).certificate.verify_directly_issued_by(own.certificate)
    async with secure.connector(dial=dial):
        assert await called(secure) == "7"


def key_pem_of(authority: Authority) -> bytes:
    assert isinstance(authority.key, ec.EllipticCurvePrivateKey)
    return key_pem(authority.key)


async def test_the_last_authority_can_not_be_retired(secure: Secure) -> None:
    trust = secure.tls.trust
    assert not await trust.store.retire_authority(trust.signer.name, time.time(), "tests")
    assert not await trust.store.retire_authority("none", time.time(), "tests")


def brought(folder: Path, authority: Authority) -> tuple[Path, Path]:
    certificate, key = authority.for_hub(["127.0.0.1", "localhost"], time.time(), 86400)
    files = folder / "server.pem", folder / "server.key"
    files[0].write_text(pem(certificate, authority.certificate))
    files[1].write_bytes(key_pem(key))
    return files


async def shown(address: str) -> bytes:
    """The certificate of a port."""
    host, _, port = address.rpartition(":")
    return (await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))).encode()


async def test_an_operators_certificate_is_shown_to_callers_and_replaced_without_a_restart(
    tmp_path: Path,
) -> None:
    public = Authority.made(time.time())
    files = brought(tmp_path, public)
    settings = {"tls_certificate": str(files[0]), "tls_key": str(files[1])}
    async with secure_hub(tmp_path, **settings) as secure:
        async with secure.connector(dial=await secure.enrolled()):
            assert await called(secure) == "7"
        first = await shown(secure.addresses.http)
        assert first.strip() in files[0].read_bytes()
        assert await shown(secure.addresses.api) == first
        assert await shown_link(secure) != first
        files[1].write_text("half of a change")
        secure.tls.look()
        assert await shown(secure.addresses.http) == first
        brought(tmp_path, public)
        secure.tls.look()
        second = await shown(secure.addresses.http)
        assert second != first
        assert await shown(secure.addresses.api) == second
        assert second.strip() in files[0].read_bytes()
        async with Client(secure.addresses.api, ca=files[0]) as client:
            with pytest.raises(Unauthenticated):
                await client.connectors()


async def shown_link(world: Secure) -> bytes:
    return world.tls._own.shown.chain


async def test_the_hubs_own_certificate_is_made_anew_at_half_of_its_life(secure: Secure) -> None:
    first, clock = await shown(secure.addresses.http), time.time
    secure.tls.look()
    assert await shown(secure.addresses.http) == first
    secure.tls.trust.clock = lambda: clock() + 16 * 86400
    secure.tls.look()
    assert await shown(secure.addresses.http) != first


async def test_a_site_behind_something_that_ends_tls_trusts_its_authority(tmp_path: Path) -> None:
    other = tmp_path / "ingress-ca.pem"
    ingress = Authority.made(time.time())
    other.write_text(pem(ingress.certificate))
    async with secure_hub(tmp_path, public_ca=str(other), public_http="127.0.0.1:9") as secure:
        token = await secure.token()
        assert token.pin == fingerprint(ingress.certificate.public_bytes(Encoding.DER))
        assert token.address == "127.0.0.1:9"


@contextlib.asynccontextmanager
async def proxy(password: str) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP proxy on the way to this machine, whatever name is asked for; its address, and what it was asked."""
    wanted = b"Proxy-Authorization: Basic " + b64encode(password.encode())
    asked: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head.split(b"\r\n")[0])
        if wanted not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            writer.close()
            return
        port = int(head.split(b" ")[1].rpartition(b":")[2])
        upstream, downstream = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, downstream), pump(upstream, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"{host}:{port}", asked


async def test_a_site_enrols_and_connects_through_a_proxy_that_wants_a_password(
    tmp_path: Path,
) -> None:
    async with (
        secure_hub(tmp_path, names="hub.test", public_link="hub.test:1") as secure,
        proxy("user:p@ss") as (address, asked),
    ):
        http, link = (
            at.rpartition(":")[2] for at in (secure.addresses.http, secure.addresses.link)
        )
        secure.tls.enrolment.addresses = replace(
            secure.tls.enrolment.addresses, link=f"hub.test:{link}"
        )
        token = replace(await secure.token(), address=f"hub.test:{http}")
        with pytest.raises(ApiError, match="wants a user and a password"):
            await asyncio.to_thread(enroll, token, proxy=f"http://{address}")
        setting = f"http://user:p%40ss@{address}"
        dial = secure.keep(await asyncio.to_thread(enroll, token, proxy=setting), "far")
        dial.proxy = SecretStr(setting)
        assert {line.split()[1] for line in asked} == {f"hub.test:{http}".encode()}
        async with secure.connector(dial=dial):
            assert await called(secure) == "7"
        assert f"hub.test:{link}".encode() in [line.split()[1] for line in asked]
