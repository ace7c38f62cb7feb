"""The part of `AdminService` about who may enrol and connect, without a transport."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub.identity import Caller, ConnectorId, no_connector
from mostek.hub.pki.enrolment import LONGEST_VALID, VALID_FOR, Enrolment
from mostek.hub.registry import Registry
from mostek.link.v1.link_pb2 import Status
from mostek.wire.failures import Invalid, Unsupported
from mostek.wire.names import NAME
from mostek.wire.spans import seconds_of

__all__ = ["SitesAdmin"]


class SitesAdmin:
    """Every answer is of the caller's tenant. `enrolment` None: a hub without TLS."""

    def __init__(self, registry: Registry, enrolment: Enrolment | None) -> None:
        self._registry = registry
        self._enrolment = enrolment

    async def create_connector(
        self, request: admin.CreateConnectorRequest, caller: Caller
    ) -> admin.CreateConnectorResponse:
        """A token for a connector. Raises Invalid, NotFound, Unsupported."""
        draft, enrolment = request.connector, self._enrols
        if not NAME.fullmatch(draft.name):
            raise Invalid.of(
                "connector.name", "must be 1 to 63 lower-case letters, digits and dashes"
            )
        of, valid_for = _named(draft.name, caller), _valid_for(draft)
        token, expires_at = await enrolment.token(of, valid_for, caller.name)
        self._registry.remember(of, Status(), datetime.now(UTC))
        return admin.CreateConnectorResponse(token=token.text, expires_at=_timestamp(expires_at))

    async def revoke_connector(
        self, request: admin.RevokeConnectorRequest, caller: Caller
    ) -> admin.RevokeConnectorResponse:
        """Let a connector in no longer. Raises NotFound, Unsupported."""
        of, enrolment = self._known(request.name, caller), self._enrols
        for name, most in (("instance", 64), ("certificate", 40)):
            if len(getattr(request, name)) > most:
                raise Invalid.of(name, f"has at most {most} characters")
        count = await enrolment.revoke(of, request.instance, request.certificate, caller.name)
        return admin.RevokeConnectorResponse(certificates=count)

    async def list_certificates(
        self, request: admin.ListCertificatesRequest, caller: Caller
    ) -> admin.ListCertificatesResponse:
        """Of one connector. Raises NotFound, Unsupported."""
        of, enrolment = self._known(request.connector, caller), self._enrols
        issued = await enrolment.certificates(of)
        return admin.ListCertificatesResponse(
            certificates=[
                admin.Certificate(
                    serial=each.serial,
                    instance=each.instance,
                    issued_at=_timestamp(each.issued_at),
                    expires_at=_timestamp(each.expires_at),
                    revoked=revoked,
                )
                for each, revoked in issued
            ]
        )

    def _known(self, name: str, caller: Caller) -> ConnectorId:
        of = _named(name, caller)
        self._registry.connector(of)
        return of

    @property
    def _enrols(self) -> Enrolment:
        if self._enrolment is None:
            raise Unsupported(
                "This hub runs without TLS (MOSTEK_HUB_INSECURE): its connectors have no certificates."
            )
        return self._enrolment


def _named(name: str, caller: Caller) -> ConnectorId:
    """A connector that the caller may name. Raises NotFound."""
    if not caller.reach.has(name):
        raise no_connector(name)
    return ConnectorId(caller.tenant, name)


def _valid_for(draft: admin.ConnectorDraft) -> float:
    if not draft.HasField("token_valid_for"):
        return VALID_FOR
    seconds = seconds_of(draft.token_valid_for)
    if not 60 <= seconds <= LONGEST_VALID:
        raise Invalid.of("connector.token_valid_for", "must be from a minute to a week")
    return seconds


def _timestamp(seconds: float) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMicroseconds(round(seconds * 1_000_000))
    return timestamp
