"""Who calls: the one place that both APIs ask. It knows keys by a cache, and lets nobody call more than may."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from mostek.hub.audit import Audit
from mostek.hub.identity import HUB, LOCAL, Caller
from mostek.hub.keys import ApiKey, fits, hash_of, id_of
from mostek.hub.oidc import Issuer
from mostek.hub.rates import Bucket, Buckets, network_of
from mostek.hub.store import KeyStore, StoreError
from mostek.wire.failures import Internal, Overloaded, Unauthenticated

__all__ = ["ANYBODY", "Gate", "Keys", "Peer"]

log = structlog.get_logger()

#: Seconds for which a key is believed that the database has confirmed; after them, without the database, nobody.
BELIEVED = 60.0
#: Seconds between looks at which keys were revoked elsewhere.
CONFIRM_EVERY = 2.0
#: Seconds between the moments at which the database is told when keys were used.
SAVE_EVERY = 30.0
#: Keys and tokens that are remembered.
_MOST = 10_000
#: Attempts with what is no valid key that a peer has at once, and one more each second.
_ATTEMPTS = 50
#: Refusals of all peers together that have an entry of their own in the audit, a second and at once.
_TOLD = (20.0, 1000)
_BEARER = "bearer "
_SAY = "Send `authorization: Bearer KEY` with an API key of the hub."


#: Tells the address of whoever calls.
Peer = Callable[[], str]


class Gate(Protocol):
    """Says who calls."""

    async def admit(self, authorization: str, peer: Peer, operation: str) -> Caller:
        """Who calls with the header `authorization` from an address. Raises Unauthenticated, Overloaded, Internal."""

    def forget(self, key_id: str) -> None:
        """A key was revoked."""

    async def check(self, caller: Caller) -> None:
        """Raise Unauthenticated if a caller that was admitted would not be any more, Internal if that can't be told."""


class _Anybody:
    """Whoever reaches an insecure hub."""

    async def admit(self, authorization: str, peer: Peer, operation: str) -> Caller:
        """The caller `local`."""
        return LOCAL

    def forget(self, key_id: str) -> None:
        """Keys do not matter."""

    async def check(self, caller: Caller) -> None:
        """It always is."""


ANYBODY: Gate = _Anybody()


@dataclass(slots=True)
class _Known:
    """A key or token that was found valid at a moment of the steady clock."""

    caller: Caller
    bucket: Bucket
    at: float
    key: ApiKey | None = None


class Keys:
    """API keys, and tokens of an issuer if there is one. `run` must run."""

    def __init__(
        self,
        store: KeyStore,
        audit: Audit,
        *,
        rate: float,
        burst: float,
        issuer: Issuer | None = None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._audit = audit
        self._rate = rate
        self._burst = burst
        self._issuer = issuer
        self._clock = clock
        self._steady = steady
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._finding: dict[str, asyncio.Future[_Known]] = {}
        self._confirmed_at = float("-inf")
        self._revoked: set[str] = set()
        self._used: dict[str, float] = {}
        self._saved_at = float("-inf")
        self._token_buckets = Buckets(rate, burst, _MOST)
        self._attempts = Buckets(1.0, _ATTEMPTS, _MOST)
        self._refusals = Bucket(*_TOLD, steady())

    async def admit(self, authorization: str, peer: Peer, operation: str) -> Caller:
        """Who calls with the header `authorization` from an address. Raises Unauthenticated, Overloaded, Internal."""
        text = authorization[len(_BEARER) :].strip()
        if authorization[: len(_BEARER)].lower() != _BEARER:
            text = ""
        key_id = id_of(text)
        known = self._known.get(key_id or hash_of(text).hex())
        if known is None or not self._is_valid(known, text):
            known = await self._find(text, key_id, peer(), operation)
        wait = known.bucket.take(self._steady())
        if wait:
            self._audit.count(known.caller, "Overloaded")
            raise Overloaded("Too many calls with this key; slow down.", retry_after=wait)
        if key_id:
            self._used[key_id] = self._clock()
        return known.caller

    async def check(self, caller: Caller) -> None:
        """Raise Unauthenticated if a caller that was admitted would not be any more, Internal if that can't be told."""
        if caller.expires_at is not None and self._clock() >= caller.expires_at:
            raise Unauthenticated("The API key or token has expired.")
        known = self._known.get(caller.key_id)
        if not caller.key_id or (known is not None and self._is_fresh(known)):
            return
        try:
            key = await self._store.get(caller.key_id)
        except StoreError:
            raise _no_database() from None
        if key is None or not key.is_live(self._clock()):
            raise Unauthenticated("The API key is not valid any more.")

    def forget(self, key_id: str) -> None:
        """A key was revoked here: it is not found valid from now on."""
        self._revoked.add(key_id)
        self._known.pop(key_id, None)

    def _is_fresh(self, known: _Known) -> bool:
        since = known.at if known.key is None else max(known.at, self._confirmed_at)
        return self._steady() - since <= BELIEVED

    def _is_valid(self, known: _Known, text: str) -> bool:
        """Whether the text is what was found valid, and that is so still. A token is found by its hash alone."""
        expires_at = known.caller.expires_at
        return (
            (known.key is None or fits(text, known.key))
            and (expires_at is None or self._clock() < expires_at)
            and self._is_fresh(known)
        )

    async def _find(self, text: str, key_id: str, peer: str, operation: str) -> _Known:
        """Look the key or token up; those that come with the same one meanwhile wait for that look."""
        name = hash_of(text).hex()
        if finding := self._finding.get(name):
            try:
                return await asyncio.shield(finding)
            except _Refused as refused:
                self._audit.count(Caller(HUB, peer), "Unauthenticated")
                raise Unauthenticated(refused.message) from None
            except StoreError:
                raise _no_database() from None
        async with self._attempt(peer, operation):
            ask = self._ask_key(text, key_id) if key_id else self._ask_issuer(text)
            finding = self._finding[name] = asyncio.create_task(ask, name="find key")
            finding.add_done_callback(lambda done: self._found(name, done))
            return await asyncio.shield(finding)

    def _found(self, name: str, done: asyncio.Future[_Known]) -> None:
        del self._finding[name]
        if done.cancelled() or done.exception() is not None:
            return
        found = done.result()
        key_id = found.caller.key_id
        if key_id not in self._revoked:
            self._known[key_id or name] = found
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    @contextlib.asynccontextmanager
    async def _attempt(self, peer: str, operation: str) -> AsyncIterator[None]:
        """Count what may fail against the peer, and keep its failure in the audit."""
        bucket = self._attempts.of(network_of(peer), self._steady())
        if wait := bucket.take(self._steady()):
            self._audit.count(Caller(HUB, peer), "Overloaded")
            raise Overloaded("Too many attempts without a valid key.", retry_after=wait)
        try:
            yield
        except _Refused as refused:
            caller, outcome = refused.caller or Caller(HUB, ""), "Unauthenticated"
            if self._refusals.take(self._steady()):
                self._audit.count(caller, outcome)
            else:
                detail = f"{refused.reason}, from {peer}"
                await self._audit.refuse(caller, operation, outcome, detail=detail)
            raise Unauthenticated(refused.message) from None
        except StoreError:
            bucket.give()
            raise _no_database() from None
        except Internal:
            # The issuer does not answer: nobody's fault who calls.
            bucket.give()
            raise
        bucket.give()

    async def _ask_key(self, text: str, key_id: str) -> _Known:
        asked_at = self._steady()
        key = await self._store.get(key_id)
        if not fits(text, key) or key is None:
            raise _refused(f"unknown key {key_id}")
        if not key.is_live(self._clock()):
            end = "has expired" if key.revoked_at is None else "was revoked"
            raise _Refused(f"The API key {end}.", f"the key {key_id} {end}", key.caller())
        kept = self._known.get(key_id)
        rate, burst = key.rate or self._rate, self._burst
        if key.rate is not None:
            burst = max(1.0, self._burst * key.rate / self._rate)
        bucket = kept.bucket if kept else Bucket(rate, burst, asked_at)
        return _Known(key.caller(), bucket, asked_at, key)

    async def _ask_issuer(self, text: str) -> _Known:
        if self._issuer is None or text.count(".") != 2:
            raise _refused("no key" if not text else "no key of this hub")
        asked_at = self._steady()
        try:
            caller = await self._issuer.caller(text)
        except Unauthenticated as failure:
            raise _Refused(failure.message, failure.message) from None
        if not await self._store.has_tenant(caller.tenant):
            raise _refused("a token of a tenant that is not there")
        bucket = self._token_buckets.of(f"{caller.tenant}/{caller.name}", asked_at)
        return _Known(caller, bucket, asked_at)

    async def run(self) -> None:
        """Follow what is revoked elsewhere, and tell the database when keys were used, for ever."""
        while True:
            await asyncio.sleep(CONFIRM_EVERY)
            try:
                await self.confirm()
                if self._steady() - self._saved_at >= SAVE_EVERY:
                    await self.save()
            except StoreError:
                log.warning("keys can't be confirmed now")
            except Exception:
                log.exception("confirming keys failed")

    async def confirm(self) -> None:
        """Ask the database which of the known keys are revoked by now. Raises StoreError."""
        asked_at = self._steady()
        ids = [name for name, known in self._known.items() if known.key is not None]
        live: set[str] = set()
        for start in range(0, len(ids), 500):
            live |= await self._store.live(ids[start : start + 500])
        for key_id in set(ids) - live:
            self._known.pop(key_id, None)
        self._confirmed_at = asked_at

    async def stop(self) -> None:
        """Tell the database of the last uses, if it can be told."""
        try:
            await self.save()
        except StoreError:
            log.warning("when keys were used last is not kept")

    async def save(self) -> None:
        """Tell the database when keys were used last. Raises StoreError."""
        self._saved_at = self._steady()
        used, self._used = self._used, {}
        try:
            await self._store.used(used)
        except StoreError:
            self._used = used | self._used
            raise


class _Refused(Exception):
    """`reason` is for the audit, `message` for whoever calls; `caller`: whose key it was."""

    def __init__(self, message: str, reason: str, caller: Caller | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.caller = caller


def _refused(reason: str) -> _Refused:
    """One sentence for all that can be wrong with a key, so that none can be told from another."""
    return _Refused(f"No valid API key came with the call. {_SAY}", reason)


def _no_database() -> Internal:
    return Internal(
        "The hub can't check keys now: its database does not answer.",
        retriable=True,
        retry_after=2.0,
    )
