"""What a hub with TLS has and one without has not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import grpc
import structlog
from cryptography import x509
from grpc.aio import ServicerContext

from mostek.hub.audit import Audit
from mostek.hub.config import HubConfig
from mostek.hub.identity import HUB
from mostek.hub.keyring import Keyring
from mostek.hub.pki.enrolment import Enrolment
from mostek.hub.pki.server import (
    BroughtCertificate,
    CertificateFileError,
    OwnCertificate,
    ReplicaCertificate,
    ServerCertificate,
    grpc_credentials,
    load,
    tls_context,
)
from mostek.hub.pki.trust import Refused, Trust
from mostek.hub.store import (
    SITE,
    AuditEntry,
    AuditKind,
    CertificateRecord,
    Store,
    TrustStore,
)
from mostek.wire.trust import InstanceId

__all__ = ["Tls"]

log = structlog.get_logger()

#: Certificates of replicas that are remembered as such.
_MOST_KNOWN: Final = 1000
_VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class Tls:
    """Certificates of both directions, and those that look after them. `run` for as long as the hub runs."""

    def __init__(self, config: HubConfig, trust: Trust, keyring: Keyring, audit: Audit) -> None:
        self.trust = trust
        self.audit = audit
        self._own = OwnCertificate(trust, config.hosts)
        self._api: ServerCertificate = self._own
        if config.tls_certificate:
            self._api = BroughtCertificate(Path(config.tls_certificate), Path(config.tls_key))
        self.enrolment = Enrolment(
            trust,
            keyring,
            audit,
            _anchors(config.public_ca, self._api),
            certificate_days=config.certificate_days,
            renew_expired_days=config.renew_expired_days,
        )
        self._replica: ReplicaCertificate | None = None
        self._replicas: set[tuple[bytes, object]] = set()
        self._oldest = f"TLSv{config.tls_minimum}"
        self.http = tls_context(_VERSIONS[config.tls_minimum], self._api.shown)

    @classmethod
    async def opened(cls, config: HubConfig, store: Store, keyring: Keyring, audit: Audit) -> Tls:
        """With the authority of the store, which gets one if it has none. Raises StoreError, CertificateFileError."""
        trust = Trust(TrustStore(store, keyring), max_age=config.revocation_max_age)
        await trust.start()
        return cls(config, trust, keyring, audit)

    @property
    def api(self) -> grpc.ServerCredentials:
        """Of the gRPC API."""
        return grpc_credentials(self._api)

    @property
    def api_expires_at(self) -> datetime:
        """When the certificate that callers are shown expires."""
        return x509.load_pem_x509_certificate(self._api.shown.chain).not_valid_after_utc

    @property
    def link(self) -> grpc.ServerCredentials:
        """Of the link, where a connector has to show its certificate."""
        return grpc_credentials(self._own, self.trust)

    def replica(self, name: str) -> ReplicaCertificate:
        """By which this replica and the others know each other; looked after with the rest."""
        self._replica = ReplicaCertificate(self.trust, name)
        return self._replica

    @property
    def internal(self) -> grpc.ServerCredentials:
        """Of the internal port, where another replica has to show its certificate."""
        assert self._replica is not None
        return grpc_credentials(self._replica, self.trust)

    def is_replica(self, context: ServicerContext[Any, Any]) -> bool:
        """Whether whoever calls the internal port is a replica."""
        certificates = list(context.auth_context().get("x509_pem_cert", ()))
        if not certificates or self._replica is None:
            return False
        known = (certificates[0], self._replica.stamp)
        if known not in self._replicas:
            if not self._replica.is_replica(x509.load_pem_x509_certificate(certificates[0])):
                return False
            # One for each connection of a replica, until any certificate changes.
            if len(self._replicas) >= _MOST_KNOWN:
                self._replicas.clear()
            self._replicas.add(known)
        return True

    def held(self, context: ServicerContext[Any, Any]) -> CertificateRecord:
        """The certificate that a stream of the link has. Raises Refused."""
        about = {name: list(values) for name, values in context.auth_context().items()}
        versions, certificates = about.get("ssl_tls_version"), about.get("x509_pem_cert")
        if not certificates or not versions or versions[0].decode() < self._oldest:
            raise Refused(f"The link needs a certificate and {self._oldest}.")
        return self.trust.known(x509.load_pem_x509_certificate(certificates[0]))

    def note_refusal(self, of: InstanceId | None, why: str) -> None:
        """Keep in the audit that a connector was not let in, or was cut off; `of`: whom its certificate names."""
        self.audit.note(
            AuditEntry(
                at=self.trust.clock(),
                tenant=of.tenant if of else HUB,
                kind=AuditKind.REFUSAL,
                caller=SITE,
                operation="Connect",
                outcome="Denied",
                connector=of.connector if of else "",
                detail=why,
            )
        )

    async def run(self) -> None:
        """Follow what changes in the store and in files, until cancelled."""
        self.trust.listeners.append(self.look)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.trust.run(), name="trust")
            tasks.create_task(self._watch(), name="server certificates")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.look()

    def look(self) -> None:
        """Replace server certificates that are to be replaced."""
        try:
            # gRPC asks for its certificate at each handshake.
            if self._replica is not None:
                self._replica.look()
            replaced = self._own.look() | (self._api is not self._own and self._api.look())
            if replaced:
                load(self.http, self._api.shown)
        except Exception:
            log.exception("the server certificate can't be replaced")


def _anchors(file: str, api: ServerCertificate) -> Callable[[], Sequence[x509.Certificate]]:
    if not file:
        return lambda: api.shown.anchors
    try:
        certificates = x509.load_pem_x509_certificates(Path(file).read_bytes())
    except OSError as error:
        raise CertificateFileError(f"{file} can't be read: {error.strerror}") from None
    except ValueError:
        raise CertificateFileError(f"{file} must hold certificates, PEM.") from None
    return lambda: certificates
