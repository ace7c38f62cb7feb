"""How both ends of a measurement are connected: the one place that says whether with TLS.

With TLS where the variable `AUTHORITY` names a file of `make_authority`: both sides then show a certificate of it, as a
hub and its connectors do.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import grpc
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mostek.connector.identity import Identity, key_pem, new_key
from mostek.hub.config import HubConfig
from mostek.hub.hub import keyring
from mostek.hub.pki.authority import Authority, pem
from mostek.hub.store import Store, TrustStore
from mostek.wire.trust import InstanceId

__all__ = ["AUTHORITY", "channel", "credentials", "listen", "make_authority"]

AUTHORITY = "BENCH_AUTHORITY"
_DAY = 86_400

Options = Sequence[tuple[str, int]]


def make_authority(file: Path, hub: HubConfig) -> None:
    """Write a new authority, certificate and key, to the file, and have a hub that does not run yet use it."""
    authority = Authority.made(time.time())
    file.write_bytes(pem(authority.certificate).encode() + _key(authority))
    asyncio.run(_adopt(hub, authority))


async def _adopt(hub: HubConfig, authority: Authority) -> None:
    keys = keyring(hub)
    store = await Store.open(hub.database, keys, alone=False)
    try:
        record = authority.record(time.time())
        await TrustStore(store, keys).add_authority(lambda _: record, by="bench")
    finally:
        await store.close()


def credentials(name: str) -> grpc.ChannelCredentials | None:
    """A certificate made for the connector of that name; None without TLS."""
    authority = _authority()
    if authority is None:
        return None
    of, key = InstanceId("default", name, name), new_key()
    certificate, _ = authority.for_connector(of, key.public_key(), int(time.time()), _DAY)
    return Identity(certificate, key).credentials(pem(authority.certificate).encode())


def channel(
    address: str, shown: grpc.ChannelCredentials | None, options: Options = ()
) -> grpc.aio.Channel:
    """A channel of a connector to the hub, or of a bare client to a bare server; `shown`: its `credentials`."""
    if shown is None:
        return grpc.aio.insecure_channel(address, options=list(options))
    return grpc.aio.secure_channel(address, shown, options=list(options))


def listen(server: grpc.aio.Server, address: str) -> int:
    """Let a bare server listen the way the hub's link does; its port."""
    authority = _authority()
    if authority is None:
        return server.add_insecure_port(address)
    certificate, key = authority.for_hub([address.rpartition(":")[0]], time.time(), _DAY)
    pair = (key_pem(key), pem(certificate).encode())
    roots = pem(authority.certificate).encode()
    return server.add_secure_port(address, grpc.ssl_server_credentials([pair], roots, True))


@cache
def _authority() -> Authority | None:
    file = os.environ.get(AUTHORITY)
    if file is None:
        return None
    both = Path(file).read_bytes()
    return Authority.brought(both, both)


def _key(authority: Authority) -> bytes:
    return authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
