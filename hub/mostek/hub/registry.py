"""Which session holds which connector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mostek.hub.identity import ConnectorId, no_connector
from mostek.hub.session import LiveSession
from mostek.link.v1.link_pb2 import Company, GoodbyeReason, Status
from mostek.wire.failures import Invalid, NotFound, Offline, Overloaded, Unsupported
from mostek.wire.names import ONLY_COMPANY

__all__ = ["ConnectorRecord", "Registry"]


@dataclass
class ConnectorRecord:
    """A connector that has been online."""

    id: ConnectorId
    sessions: list[LiveSession] = field(default_factory=list)
    status: Status = field(default_factory=Status)
    changed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def name(self) -> str:
        """As its tenant calls it."""
        return self.id.name

    @property
    def online(self) -> bool:
        """Whether any session is open."""
        return bool(self.sessions)

    def company(self, name: str) -> Company:
        """The company of that name, or the only one if the name is empty or `-`. Raises NotFound, Invalid."""
        companies = self.status.companies
        if name and name != ONLY_COMPANY:
            for company in companies:
                if company.name == name:
                    return company
            raise NotFound(f"Connector {self.name} serves no company {name!r}.")
        if len(companies) != 1:
            names = ", ".join(company.name for company in companies) or "none"
            raise Invalid(f"Connector {self.name} serves several companies ({names}): name one.")
        return companies[0]

    def serving(self, company: str, operation: str) -> Company:
        """The company, if it serves the operation. Raises NotFound, Invalid, Unsupported."""
        served = self.company(company)
        if operation not in served.operations:
            raise Unsupported(
                f"{served.erp or served.plugin} at {self.name} does not serve {operation}."
            )
        return served


class Registry:
    """The connectors that this process knows and their sessions."""

    def __init__(self) -> None:
        self._records: dict[ConnectorId, ConnectorRecord] = {}
        #: Called when a session was opened, and when it serves something else.
        self.listeners: list[Callable[[LiveSession], None]] = []

    def add(self, session: LiveSession) -> None:
        """A session was opened."""
        of = session.connector
        record = self._records.setdefault(of, ConnectorRecord(of))
        self._replace(record, session.instance)
        record.sessions.append(session)
        record.status = session.status
        record.changed_at = datetime.now(UTC)
        self._tell(session)

    def remember(self, of: ConnectorId, status: Status, changed_at: datetime) -> None:
        """A connector that was online before the hub started."""
        self._records.setdefault(of, ConnectorRecord(of, [], status, changed_at))

    def _tell(self, session: LiveSession) -> None:
        for listener in self.listeners:
            listener(session)

    def _replace(self, record: ConnectorRecord, instance: str) -> None:
        """An instance that comes again has left its older sessions, also those whose end nobody has noticed yet."""
        for older in record.sessions:
            if older.instance == instance:
                older.rules.goodbye(
                    GoodbyeReason.GOODBYE_REASON_REPLACED,
                    "A newer session of this instance took over.",
                )

    def update(self, session: LiveSession) -> None:
        """A session's status changed."""
        self._records[session.connector].status = session.status
        self._tell(session)

    def remove(self, session: LiveSession) -> None:
        """A session ended."""
        record = self._records.get(session.connector)
        if record and session in record.sessions:
            record.sessions.remove(session)
            record.changed_at = datetime.now(UTC)

    def connectors(self, tenant: str) -> list[ConnectorRecord]:
        """All known connectors of a tenant, by name."""
        return [self._records[of] for of in sorted(self._records) if of.tenant == tenant]

    def connector(self, wanted: ConnectorId) -> ConnectorRecord:
        """The record of a connector. Raises NotFound."""
        record = self._records.get(wanted)
        if record is None:
            raise no_connector(wanted.name)
        return record

    def is_online(self, wanted: ConnectorId) -> bool:
        """Whether the connector has any session."""
        record = self._records.get(wanted)
        return record is not None and record.online

    def sessions(self) -> list[LiveSession]:
        """All open sessions."""
        return [session for record in self._records.values() for session in record.sessions]

    def company(self, connector: ConnectorId, company: str, operation: str) -> str:
        """The own name of the company that serves the operation, online or not.

        Raises NotFound, Invalid, Unsupported.
        """
        return self.connector(connector).serving(company, operation).name

    def pick(self, connector: ConnectorId, company: str, operation: str) -> tuple[LiveSession, str]:
        """The session with the most room, and the company's own name.

        Raises NotFound, Invalid (which company?), Unsupported (not served), Offline, Overloaded.
        """
        record = self.connector(connector)
        if not record.sessions:
            raise Offline(f"Connector {connector.name} is offline.", retry_after=5.0)
        served = record.serving(company, operation)
        session = max(record.sessions, key=lambda live: live.rules.free_slots)
        if session.rules.free_slots <= 0:
            if all(live.rules.leaving for live in record.sessions):
                raise Offline(f"Connector {connector.name} is restarting.", retry_after=2.0)
            raise Overloaded(
                f"Connector {connector.name} has no room for another command.", retry_after=1.0
            )
        return session, served.name
