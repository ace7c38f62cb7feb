"""Tokens of an issuer that really runs: a little HTTP server that publishes its keys."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mostek.erp.v1.customer_pb2 import CreateCustomerRequest, CustomerDraft, ListCustomersRequest
from mostek.hub.callers import MACHINE
from mostek.hub.config import HubConfig
from mostek.hub.identity import ConnectorId, Scope
from mostek.hub.oidc import Issuer
from mostek.hub.store import AuditKind
from mostek.wire.failures import Denied, Internal, Unauthenticated

from .tenants import Edge, edge_of

CUSTOMERS = "/v1/connectors/acme/companies/-/customers"
NOW = 2_000_000_000.0


class LittleIssuer:
    """Signs tokens, and publishes its keys on loopback."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.asked: list[str] = []
        issuer = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked.append(self.path)
                body = json.dumps(issuer.answer(self.path)).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> Any:
        """The configuration, or the keys."""
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.address, "jwks_uri": f"{self.address}/keys"}
        return {"keys": [self._published(*item) for item in self.keys.items()]}

    def _published(self, key_id: str, key: Any) -> Any:
        algorithm = jwt.algorithms.RSAAlgorithm
        if isinstance(key, ec.EllipticCurvePrivateKey):
            algorithm = jwt.algorithms.ECAlgorithm  # type: ignore[assignment]
        return json.loads(algorithm.to_jwk(key.public_key())) | {"kid": key_id, "use": "sig"}

    def token(self, key_id: str = "one", algorithm: str = "RS256", **claims: Any) -> str:
        """A token that is right but for what is given; None takes a claim away."""
        given: dict[str, Any] = {
            "iss": self.address,
            "aud": "mostek",
            "sub": "anna@example.com",
            "tenant": "alfa",
            "scope": "openid mostek:read mostek:operator",
            "exp": NOW + 300,
        } | claims
        payload = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(payload, self.keys[key_id], algorithm, headers={"kid": key_id})


@pytest.fixture(scope="module")
def rsa_keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in "ab"]


@pytest.fixture
def issuer(rsa_keys: list[rsa.RSAPrivateKey]) -> Iterator[LittleIssuer]:
    little = LittleIssuer()
    little.keys["one"] = rsa_keys[0]
    thread = threading.Thread(target=little.server.serve_forever, args=(0.01,))
    thread.start()
    yield little
    little.server.shutdown()
    little.server.server_close()
    thread.join()


class Clock:
    """Both clocks at once."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    class Moment:
        """What PyJWT asks for the time."""

        @staticmethod
        def now(tz: Any = None) -> Any:
            import datetime

            return datetime.datetime.fromtimestamp(clock.now, tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Moment)
    return clock


def settings(issuer: LittleIssuer, **more: Any) -> HubConfig:
    return HubConfig(oidc_issuer=issuer.address, oidc_audience="mostek", **more)


@pytest.fixture
async def edge(issuer: LittleIssuer, clock: Clock) -> AsyncIterator[Edge]:
    checks = Issuer(settings(issuer), clock=clock)
    async with edge_of("sqlite://", clock=clock, steady=clock, issuer=checks) as running:
        await running.callers.add_tenant(MACHINE, "alfa")
        running.sites.connect("alfa", "acme")
        yield running


async def status(edge: Edge, token: str) -> int:
    async with edge.http(token) as http:
        return (await http.get(CUSTOMERS)).status_code


async def test_a_token_names_tenant_caller_and_scopes(edge: Edge, issuer: LittleIssuer) -> None:
    async with edge.grpc(issuer.token()) as client:
        acme = client.connector("acme")
        await acme.ListCustomers(ListCustomersRequest())
        write = CreateCustomerRequest(customer=CustomerDraft(name="Zakład"))
        with pytest.raises(Denied, match="needs the scope write"):
            await acme.with_key("k").CreateCustomer(write)
    site = edge.sites.live[ConnectorId("alfa", "acme")]
    assert [command.caller for command in site.commands] == ["oidc:anna@example.com"]
    async with edge.http(issuer.token(scope=["mostek:admin"])) as http:
        # A token never makes an operator, whatever it says.
        assert (await http.get("/v1/tenants")).status_code == 403
        assert (await http.get("/v1/api_keys")).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example.com"},
        {"aud": "other"},
        {"aud": None},
        {"exp": NOW - 31},
        {"exp": None},
        {"nbf": NOW + 31},
        {"tenant": None},
        {"tenant": "beta"},
        {"tenant": ["alfa"]},
        {"sub": None},
        {"sub": "a\nb"},
    ],
    ids=lambda claims: str(claims),
)
async def test_a_token_that_is_not_as_it_must_be_is_refused(
    edge: Edge, issuer: LittleIssuer, claims: dict[str, Any]
) -> None:
    assert await status(edge, issuer.token(**claims)) == 401
    [entry] = await edge.entries("-", kinds=frozenset({AuditKind.REFUSAL}))
    assert entry.outcome == "Unauthenticated"


async def test_only_signatures_of_the_issuers_own_keys_count(
    edge: Edge, issuer: LittleIssuer, rsa_keys: list[rsa.RSAPrivateKey]
) -> None:
    assert await status(edge, issuer.token()) == 200
    claims = jwt.decode(issuer.token(), options={"verify_signature": False})
    public = rsa_keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = [
        jwt.encode(claims, rsa_keys[1], "RS256", headers={"kid": "one"}),
        _by_hand("none", claims, b""),
        _by_hand("HS256", claims, public),
        jwt.encode(claims, rsa_keys[0], "RS512", headers={"kid": "one"}),
        issuer.token()[:-6] + "AAAAAA",
        "a.b.c",
        "." * 2,
        "e30.e30." + "x" * 9000,
    ]
    for token in forged:
        assert await status(edge, token) == 401


def _by_hand(algorithm: str, claims: dict[str, Any], secret: bytes) -> str:
    """Signed as no issuer does: with nothing, or with what everybody can get."""
    parts = ({"alg": algorithm, "typ": "JWT", "kid": "one"}, claims)
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret, text.encode(), "sha256") if secret else b""
    return f"{text}.{_encoded(signature)}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


async def test_a_new_key_is_fetched_when_it_is_first_named_and_not_too_often(
    edge: Edge, issuer: LittleIssuer, clock: Clock
) -> None:
    assert await status(edge, issuer.token()) == 200
    issuer.keys["two"] = ec.generate_private_key(ec.SECP256R1())
    fetched = len(issuer.asked)
    fresh = issuer.token("two", "ES256")
    assert await status(edge, fresh) == 401
    assert len(issuer.asked) == fetched
    clock.now += 10
    assert await status(edge, fresh) == 200
    assert len(issuer.asked) == fetched + 2


async def test_a_key_that_the_issuer_takes_back_is_not_believed_for_long(
    edge: Edge, issuer: LittleIssuer, clock: Clock
) -> None:
    token = issuer.token(exp=NOW + 3600)
    assert await status(edge, token) == 200
    issuer.keys["two"] = issuer.keys.pop("one")
    clock.now += 301
    assert await status(edge, token) == 401


async def test_a_token_that_was_found_valid_ends_with_its_time(
    edge: Edge, issuer: LittleIssuer, clock: Clock
) -> None:
    token = issuer.token(exp=NOW + 20)
    assert await status(edge, token) == 200
    before = edge.transactions
    clock.now += 49
    assert await status(edge, token) == 200
    assert edge.transactions == before
    clock.now += 2
    assert await status(edge, token) == 401


async def test_an_issuer_that_is_away_is_told_as_such(clock: Clock, issuer: LittleIssuer) -> None:
    token = issuer.token()

    async def away(address: str) -> bytes:
        raise ConnectionRefusedError

    with pytest.raises(Internal, match="can't get the keys") as caught:
        await Issuer(settings(issuer), away, clock=clock).caller(token)
    assert caught.value.retriable


@pytest.mark.parametrize(
    "answer",
    [b"", b"[]", b"1", b"[" * 100_000, b"<html>", b'{"issuer": 1, "jwks_uri": 2}'],
    ids=lambda answer: answer.decode()[:20] or "nothing",
)
@pytest.mark.parametrize("where", ["configuration", "keys"])
async def test_an_issuer_that_answers_something_else_is_as_if_it_were_away(
    clock: Clock, issuer: LittleIssuer, answer: bytes, where: str
) -> None:
    async def strange(address: str) -> bytes:
        if where in address:
            return answer
        return json.dumps(issuer.answer("/.well-known/openid-configuration")).encode()

    with pytest.raises(Internal, match="can't get the keys") as caught:
        await Issuer(settings(issuer), strange, clock=clock).caller(issuer.token())
    assert caught.value.retriable


async def test_a_server_that_speaks_no_http_is_no_issuer(clock: Clock) -> None:
    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail ready\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greets, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        config = HubConfig(oidc_issuer=address, oidc_audience="mostek")
        with pytest.raises(Internal, match="can't get the keys"):
            await Issuer(config, clock=clock).caller("e30.e30.AAAA")


async def test_an_issuer_that_does_not_come_to_an_end_holds_nobody_up(
    clock: Clock, issuer: LittleIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mostek.hub.oidc._FETCH_WITHIN", 0.02)

    async def endless(address: str) -> bytes:
        await asyncio.Event().wait()
        return b""

    with pytest.raises(Internal, match="can't get the keys"):
        async with asyncio.timeout(5):
            await Issuer(settings(issuer), endless, clock=clock).caller(issuer.token())


async def test_a_key_that_can_not_be_read_does_not_hide_the_others(
    clock: Clock, issuer: LittleIssuer
) -> None:
    async def some(address: str) -> bytes:
        answer = issuer.answer(
            "/keys" if address.endswith("/keys") else "/.well-known/openid-configuration"
        )
        wrong = ["x", {"kty": "RSA"}, {"kty": "RSA", "alg": ["a"], "n": "AQ", "e": "AQAB"}]
        if "keys" in answer:
            answer["keys"] = [*wrong, *answer["keys"]]
        return json.dumps(answer).encode()

    caller = await Issuer(settings(issuer), some, clock=clock).caller(issuer.token())
    assert caller.tenant == "alfa"


async def test_keys_are_taken_from_the_issuer_itself_alone(
    clock: Clock, issuer: LittleIssuer
) -> None:
    async def strange(address: str) -> bytes:
        return json.dumps({"issuer": issuer.address, "jwks_uri": "file:///etc/keys"}).encode()

    with pytest.raises(Internal):
        await Issuer(settings(issuer), strange, clock=clock).caller(issuer.token())


async def test_claims_have_the_names_that_the_settings_say(
    clock: Clock, issuer: LittleIssuer
) -> None:
    config = settings(
        issuer,
        oidc_tenant_claim="https://example.com/org",
        oidc_name_claim="azp",
        oidc_scope_claim="roles",
    )
    claims: dict[str, Any] = {"https://example.com/org": "beta", "azp": "crm"}
    token = issuer.token(**claims, roles=["mostek:write"])
    caller = await Issuer(config, clock=clock).caller(token)
    assert (caller.tenant, caller.name) == ("beta", "oidc:crm")
    assert caller.scopes == frozenset({Scope.WRITE})
    with pytest.raises(Unauthenticated, match="claim azp names nobody"):
        await Issuer(config, clock=clock).caller(issuer.token(**claims | {"azp": None}))
