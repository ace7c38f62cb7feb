"""The hub's own API: what it tells about connectors."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from mostek.admin.v1 import admin_service_pb2 as admin
from mostek.hub.registry import ConnectorRecord, Registry
from mostek.hub.session import LiveSession
from mostek.link.v1.link_pb2 import Company

__all__ = ["Admin"]


class Admin:
    """`AdminService` without a transport."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def list_connectors(self, request: admin.ListConnectorsRequest) -> admin.ListConnectorsResponse:
        """All connectors, by name."""
        records = self._registry.connectors()
        return admin.ListConnectorsResponse(connectors=[_connector(record) for record in records])

    def get_connector(self, request: admin.GetConnectorRequest) -> admin.GetConnectorResponse:
        """One connector. Raises NotFound."""
        record = self._registry.connector(request.name)
        return admin.GetConnectorResponse(connector=_connector(record))


def _connector(record: ConnectorRecord) -> admin.Connector:
    changed = Timestamp()
    changed.FromDatetime(record.changed_at)
    return admin.Connector(
        name=record.name,
        online=record.online,
        changed_at=changed,
        companies=[_company(company) for company in record.status.companies],
        sessions=[_session(session) for session in record.sessions],
    )


def _company(company: Company) -> admin.ConnectorCompany:
    return admin.ConnectorCompany(
        name=company.name,
        plugin=company.plugin,
        erp=company.erp,
        erp_version=company.erp_version,
        operations=company.operations,
        drift=company.drift,
    )


def _session(session: LiveSession) -> admin.ConnectorSession:
    rules = session.rules
    connected = Timestamp()
    connected.FromDatetime(session.connected_at)
    round_trip = Duration()
    round_trip.FromTimedelta(timedelta(seconds=rules.round_trip))
    return admin.ConnectorSession(
        session_id=rules.session_id,
        instance=session.instance,
        software=rules.hello.software if rules.hello else "",
        connected_at=connected,
        slots=rules.slots,
        free_slots=max(rules.free_slots, 0),
        round_trip=round_trip,
        suspect=rules.suspect or rules.leaving,
    )
