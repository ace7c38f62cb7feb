"""Tokens of an OpenID Connect issuer in place of API keys: JWTs, checked with the keys that the issuer publishes."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import jwt
import structlog

from mostek.hub.config import HubConfig, may_be_asked
from mostek.hub.identity import Caller, Scope
from mostek.wire.failures import Internal, Unauthenticated
from mostek.wire.names import NAME

__all__ = ["Issuer", "fetch"]

log = structlog.get_logger()

#: Seconds by which the issuer's clock may differ from ours.
_LEEWAY = 30
#: Seconds after which the issuer's keys are fetched again, and after which they are not believed any more.
_FRESH = 300.0
_STALE = 3600.0
#: Seconds between fetches for keys that are not known: anybody can name one.
_FETCH_EVERY = 10.0
_FETCH_WITHIN = 5.0
_LARGEST = 1024 * 1024
_LONGEST_TOKEN = 8192
#: Scopes in a token's claim begin with this. `operator` is not among them: only the hub's own machine gives it.
_PREFIX = "mostek:"
_SCOPES = {f"{_PREFIX}{scope}": scope for scope in Scope if scope is not Scope.OPERATOR}

Fetch = Callable[[str], Awaitable[bytes]]


class Issuer:
    """One issuer, as the settings name it."""

    def __init__(
        self,
        config: HubConfig,
        fetch: Fetch | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config = config
        self._fetch = fetch or _fetch_in_thread
        self._clock = clock
        self._algorithms = config.oidc_algorithms.split(",")
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()

    async def caller(self, token: str) -> Caller:
        """Whom a token names. Raises Unauthenticated; Internal while the issuer can't be asked for its keys."""
        if len(token) > _LONGEST_TOKEN:
            raise Unauthenticated("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(str(header.get("kid", "")))
            claims = jwt.decode(
                token,
                key,
                algorithms=self._algorithms,
                issuer=self._config.oidc_issuer,
                audience=self._config.oidc_audience,
                leeway=_LEEWAY,
                options={"require": ["exp", "iss", "aud"]},
            )
        except jwt.PyJWTError as wrong:
            raise Unauthenticated(f"The token is not valid: {type(wrong).__name__}.") from None
        return self._named(claims)

    def _named(self, claims: Mapping[str, Any]) -> Caller:
        config = self._config
        tenant, name = claims.get(config.oidc_tenant_claim), claims.get(config.oidc_name_claim)
        if not isinstance(tenant, str) or not NAME.fullmatch(tenant):
            raise Unauthenticated(f"The token's claim {config.oidc_tenant_claim} names no tenant.")
        if not isinstance(name, str) or not 0 < len(name) <= 150 or not name.isprintable():
            raise Unauthenticated(f"The token's claim {config.oidc_name_claim} names nobody.")
        scopes = _scopes(claims.get(config.oidc_scope_claim))
        return Caller(tenant, f"oidc:{name}", scopes, expires_at=float(claims["exp"]) + _LEEWAY)

    async def _key(self, key_id: str) -> jwt.PyJWK:
        async with self._fetching:
            now = self._clock()
            wanted = key_id not in self._keys or now - self._fetched_at > _FRESH
            if wanted and now - self._tried_at >= _FETCH_EVERY:
                self._tried_at = now
                await self._try_to_fetch()
        if self._clock() - self._fetched_at > _STALE:
            raise Internal(
                "The hub can't get the keys of the tokens' issuer now.",
                retriable=True,
                retry_after=_FETCH_EVERY,
            )
        if key_id not in self._keys:
            raise jwt.InvalidKeyError("no key of this id")
        return self._keys[key_id]

    async def _try_to_fetch(self) -> None:
        try:
            # Others wait for this, and the address's own limit is for each step.
            async with asyncio.timeout(3 * _FETCH_WITHIN):
                await self._fetch_keys()
        except Exception as error:
            # Whatever is wrong there, the keys are as they were.
            log.warning(
                "the issuer's keys can't be fetched",
                issuer=self._config.oidc_issuer,
                fault=type(error).__name__,
                reason=str(error)[:200],
            )

    async def _fetch_keys(self) -> None:
        issuer = self._config.oidc_issuer
        where = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        about = json.loads(await self._fetch(where))
        if about["issuer"] != issuer or not may_be_asked(about["jwks_uri"]):
            raise ValueError(
                "its configuration is of another issuer, or names keys that are not at https"
            )
        self._keys = dict(_usable(json.loads(await self._fetch(about["jwks_uri"]))["keys"]))
        self._fetched_at = self._clock()


def _usable(keys: Any) -> Any:
    """Keys by their ids; what can't be read or is not for signatures is left out."""
    for key in keys:
        try:
            if key.get("use", "sig") == "sig" and key.get("kty") in ("RSA", "EC", "OKP"):
                yield str(key.get("kid", "")), jwt.PyJWK(key)
        except (jwt.PyJWTError, AttributeError, TypeError, ValueError) as error:
            log.warning("a key of the issuer can't be used", fault=type(error).__name__)


def _scopes(claim: Any) -> frozenset[Scope]:
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list):
        return frozenset()
    return frozenset(_SCOPES[word] for word in words if isinstance(word, str) and word in _SCOPES)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Keys come from where the settings say, or not at all."""


def fetch(address: str) -> bytes:
    """What is at an address, at most a megabyte of it; blocks. Raises OSError."""
    opener = urllib.request.build_opener(_NoRedirects)
    with opener.open(address, timeout=_FETCH_WITHIN) as answer:
        body: bytes = answer.read(_LARGEST)
        return body


async def _fetch_in_thread(address: str) -> bytes:
    return await asyncio.to_thread(fetch, address)
