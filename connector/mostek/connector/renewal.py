"""Has the certificate renewed before it ends, and the link go over to the new one before the old one is given up."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import grpc
import structlog

from mostek.connector import metrics
from mostek.connector.config import HubConfig
from mostek.connector.enrolment import Renewed, renew
from mostek.connector.hub_api import ApiError, Refused
from mostek.connector.identity import Identity, IdentityError, write_private
from mostek.connector.link import Backoff, Link

__all__ = ["Renewal", "due_at"]

log = structlog.get_logger()

_HOUR: Final = 3600.0
_DAY: Final = 86400.0


def due_at(identity: Identity, draw: float) -> float:
    """When to renew: between half and 0.6 of its life, `draw` from 0 to 1 says where; seconds since 1970."""
    life = identity.expires_at - identity.issued_at
    return identity.issued_at + life * (0.5 + 0.1 * draw)


class Renewal:
    """Renews as long as `run` runs. `identity` and `authorities` are what is in use."""

    def __init__(
        self,
        hub: HubConfig,
        identity: Identity,
        authorities: bytes,
        *,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        assert hub.identity is not None
        assert hub.ca is not None
        self.identity = identity
        self.authorities = authorities
        self._hub = hub
        self._files: tuple[Path, Path] = (hub.identity, hub.ca)
        self._clock = clock
        self._draw = draw
        self._backoff = Backoff()
        self._due: float | None = None

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        """For the link, with what is in use."""
        return self.identity.credentials(self.authorities)

    @property
    def days_left(self) -> float:
        """Until the certificate in use ends; negative when it has."""
        return round((self.identity.expires_at - self._clock()) / _DAY, 1)

    async def run(self, link: Link) -> None:
        """Until cancelled."""
        while True:
            wait = await self._step(link)
            await asyncio.sleep(wait)

    async def _step(self, link: Link) -> float:
        """Renew if it is time to; seconds to the next look, which are few: clocks are set, and machines sleep."""
        if self._due is None:
            self._due = due_at(self.identity, self._draw())
            metrics.certified(self.identity.expires_at)
        if (left := self._due - self._clock()) > 0:
            return min(left, _HOUR)
        if not await self._renewed(link):
            return self._wait()
        self._due = None
        return 0.0

    def _wait(self) -> float:
        """Seconds to the next attempt: soon if the connector is offline without it."""
        left = self.identity.expires_at - self._clock()
        if left <= 0:
            return self._backoff.next()
        return min(_HOUR, max(left / 50, 0.5)) * (0.5 + self._draw())

    async def _renewed(self, link: Link) -> bool:
        """Renew once; whether the hub has welcomed a session with the new certificate."""
        left = self.days_left
        try:
            fresh = await asyncio.to_thread(renew, self.identity, self.authorities, self._hub)
        except Refused as refused:
            log.error("the hub does not renew the certificate", reason=str(refused), days_left=left)
        except (ApiError, IdentityError, OSError) as error:
            log.warning("the certificate was not renewed", reason=str(error), days_left=left)
        else:
            return await self._taken(fresh, link)
        return False

    async def _taken(self, fresh: Renewed, link: Link) -> bool:
        identity, authorities = self._files
        # Whoever trusts more can still use the certificate before.
        try:
            await asyncio.to_thread(write_private, authorities, fresh.authorities)
        except OSError as error:
            log.error("the renewed certificate can't be kept", reason=str(error))
            return False
        self.authorities = fresh.authorities
        if not await link.move(fresh.identity.credentials(fresh.authorities)):
            log.warning("the hub did not take the renewed certificate; the one before stays in use")
            return False
        self.identity = fresh.identity
        try:
            await asyncio.to_thread(write_private, identity, fresh.identity.pem)
        except OSError as error:
            # In use it is; whoever restarts this without it renews the one before.
            log.error("the renewed certificate can't be kept", reason=str(error))
        log.info("certificate renewed", days_left=self.days_left)
        self._backoff.reset()
        return True
