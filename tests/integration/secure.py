"""A hub with TLS, and sites that enrol at it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from mostek.admin.v1.admin_service_pb2 import (
    ConnectorDraft,
    CreateConnectorRequest,
    RevokeConnectorRequest,
)
from mostek.client import Client
from mostek.connector.config import HubConfig as DialConfig
from mostek.connector.enrolment import Enrolled, enroll
from mostek.connector.identity import Identity
from mostek.hub.callers import MACHINE, Callers
from mostek.hub.hub import Hub
from mostek.hub.identity import EVERYTHING, LOCAL, Scope
from mostek.hub.keys import ApiKey
from mostek.hub.pki.authority import bundle
from mostek.hub.pki.tls import Tls
from mostek.hub.store import KeyStore, Store
from mostek.wire.trust import EnrolmentToken

from .conftest import World, hub_config

__all__ = ["Secure", "api_key", "identity_of", "secure_hub"]


class Secure(World):
    """A world whose hub has TLS; `site` is where a connector keeps what it was given."""

    @property
    def tls(self) -> Tls:
        """The hub's."""
        assert self.hub.tls is not None
        return self.hub.tls

    async def token(self, name: str = "acme") -> EnrolmentToken:
        """By which a site enrols once."""
        request = CreateConnectorRequest(connector=ConnectorDraft(name=name))
        return EnrolmentToken.of((await self.client.admin.CreateConnector(request)).token)

    async def revoke(self, name: str = "acme", **what: str) -> int:
        """How many certificates that was."""
        request = RevokeConnectorRequest(name=name, **what)
        return (await self.client.admin.RevokeConnector(request)).certificates

    async def enrolled(self, name: str = "acme", folder: str = "") -> DialConfig:
        """How a site dials that has just enrolled."""
        token = await self.token(name)
        return self.keep(await asyncio.to_thread(enroll, token), folder or name)

    def keep(self, enrolled: Enrolled, folder: str) -> DialConfig:
        """How a site dials with what it was given."""
        site = self.state / f"{folder}-site"
        site.mkdir(exist_ok=True)
        (site / "ca.pem").write_bytes(enrolled.authorities)
        (site / "identity.pem").write_bytes(enrolled.identity.pem)
        return DialConfig(
            link=enrolled.link, api=enrolled.api, identity=site / "identity.pem", ca=site / "ca.pem"
        )


async def api_key(store: Store) -> str:
    """A key of the tenant `default` with which all may be done."""
    wanted = ApiKey(
        id="",
        tenant=LOCAL.tenant,
        name="tests",
        reach=EVERYTHING,
        scopes=frozenset({Scope.READ, Scope.WRITE, Scope.ADMIN}),
        made_at=0.0,
        made_by="",
    )
    callers = Callers(KeyStore(store), most_rate=1000.0)
    return (await callers.add_key(MACHINE, wanted))[1]


def identity_of(dial: DialConfig) -> Identity:
    """What a site has."""
    assert dial.identity is not None
    return Identity.load(dial.identity)


@contextlib.asynccontextmanager
async def secure_hub(folder: Path, **settings: Any) -> AsyncIterator[Secure]:
    """A running hub with TLS, without connectors."""
    hub = Hub(hub_config(folder, drain_grace=2.0, insecure=False, **settings))
    async with hub.running() as addresses:
        assert hub.tls is not None
        authorities = folder / "callers-ca.pem"
        authorities.write_text(hub.tls.enrolment.anchors + bundle(hub.tls.trust.authorities))
        key = await api_key(hub.tls.trust.store._store)
        async with Client(addresses.api, ca=authorities, key=key) as client:
            yield Secure(hub, addresses, client, folder, {})
