"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

__all__ = [
    "HOLDS_BACK",
    "TO_BE_RESOLVED",
    "api_key",
    "audit",
    "authority",
    "certificate",
    "command",
    "connector",
    "enrolment",
    "event",
    "journal",
    "metadata",
    "replica",
    "revocation",
    "session",
    "tenant",
]

metadata = MetaData()

#: Who the hub works for; nothing of one is seen by another.
tenant = Table(
    "tenant",
    metadata,
    Column("name", String(63), primary_key=True),
    Column("added_at", Double, nullable=False),
)

# SQLite counts only a column of this very type up by itself.
_Number = BigInteger().with_variant(Integer, "sqlite")

# The transaction that wrote the row last. PostgreSQL alone has it, by a default of the migration.
_CHANGED = text("0")

#: Durable commands. Moments are seconds since 1970.
command = Table(
    "command",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("tenant", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("company", String(63), nullable=False),
    Column("operation", String(100), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    # SHA-256 of operation, company and request.
    Column("content", LargeBinary(32), nullable=False),
    Column("ordering_key", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("keeps_key", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("recorded_at", Double, nullable=False),
    Column("due_at", Double, nullable=False),
    Column("expire_after", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("finished_at", Double),
    Column("acknowledged_at", Double),
    Column("erp_id", Text),
    Column("erp_number", Text),
    # Encrypted; gone when their retention has ended.
    Column("request", LargeBinary),
    Column("request_key", String(32)),
    Column("outcome", LargeBinary),
    Column("outcome_key", String(32)),
    # Which has it under way.
    Column("replica", String(63)),
)
_KEPT = text("keeps_key")
Index(
    "command_key",
    command.c.tenant,
    command.c.connector,
    command.c.company,
    command.c.idempotency_key,
    unique=True,
    sqlite_where=_KEPT,
    postgresql_where=_KEPT,
)
# What waits, by lane; the finished ones are many.
_UNFINISHED = text("finished_at IS NULL")
Index(
    "command_waiting",
    command.c.tenant,
    command.c.connector,
    command.c.company,
    command.c.due_at,
    sqlite_where=_UNFINISHED,
    postgresql_where=_UNFINISHED,
)
# A company has one write under way, whatever the number of replicas.
_UNDER_WAY = text("replica IS NOT NULL")
Index(
    "command_under_way",
    command.c.tenant,
    command.c.connector,
    command.c.company,
    unique=True,
    sqlite_where=_UNDER_WAY,
    postgresql_where=_UNDER_WAY,
)
_UNACKNOWLEDGED = text("state = 'succeeded' AND acknowledged_at IS NULL")
Index(
    "command_unacknowledged",
    command.c.tenant,
    command.c.connector,
    # One value, but SQLite takes the index that most of a query's terms fit.
    command.c.state,
    sqlite_where=_UNACKNOWLEDGED,
    postgresql_where=_UNACKNOWLEDGED,
)

TO_BE_RESOLVED = "state IN ('dead', 'unknown')"
_TO_RESOLVE = text(TO_BE_RESOLVED)
Index(
    "command_to_resolve",
    command.c.state,
    sqlite_where=_TO_RESOLVE,
    postgresql_where=_TO_RESOLVE,
)

Index("command_listed", command.c.tenant, command.c.number)
Index("command_of_connector", command.c.tenant, command.c.connector, command.c.number)
Index("command_named", command.c.tenant, command.c.idempotency_key)
# What later commands of an ordering key wait for.
HOLDS_BACK = "state IN ('recorded', 'sent', 'in_doubt', 'unknown')"
Index(
    "command_ordering",
    command.c.tenant,
    command.c.connector,
    command.c.company,
    command.c.ordering_key,
    command.c.number,
    sqlite_where=text(HOLDS_BACK),
    postgresql_where=text(HOLDS_BACK),
)
Index(
    "command_expiring",
    command.c.expires_at,
    sqlite_where=_UNFINISHED,
    postgresql_where=_UNFINISHED,
)
_PAYLOAD = text("request IS NOT NULL OR outcome IS NOT NULL")
Index(
    "command_payload",
    command.c.finished_at,
    sqlite_where=_PAYLOAD,
    postgresql_where=_PAYLOAD,
)

#: What happened to a command, in order.
event = Table(
    "event",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("command", String(32), ForeignKey("command.id"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("name", String(32), nullable=False),
    Column("detail", Text, nullable=False),
)

#: Connectors that were seen, with the status that they told last.
connector = Table(
    "connector",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("status", LargeBinary, nullable=False),
    Column("changed_at", Double, nullable=False),
    Column("changed", BigInteger, nullable=False, server_default=_CHANGED, index=True),
)

#: Replicas of the hub that are alive, several of them on PostgreSQL only. Who is not here is dead.
replica = Table(
    "replica",
    metadata,
    Column("name", String(63), primary_key=True),
    # Where other replicas find it, host:port.
    Column("address", String(260), nullable=False),
    # Counts up as long as it lives.
    Column("beat", BigInteger, nullable=False),
    # Another one when the row was gone in between.
    Column("since", BigInteger, nullable=False, server_default=_CHANGED),
    Column("sessions", Integer, nullable=False),
)

#: Sessions of several replicas. `number` orders those of one instance.
session = Table(
    "session",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("tenant", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("instance", String(64), nullable=False),
    # As Hello told it: of any length.
    Column("process", Text, nullable=False),
    Column("replica", String(63), nullable=False, index=True),
    Column("software", Text, nullable=False),
    Column("slots", BigInteger, nullable=False),
    Column("connected_at", Double, nullable=False),
    # active, draining, ended
    Column("state", String(16), nullable=False),
    # When that changed, by the database's clock.
    Column("told_at", Double),
    Column("changed", BigInteger, nullable=False, server_default=_CHANGED, index=True),
)
Index("session_connector", session.c.tenant, session.c.connector)

#: The last entry of each instance's journal that is known.
journal = Table(
    "journal",
    metadata,
    Column("tenant", String(63), primary_key=True),
    Column("connector", String(63), primary_key=True),
    Column("instance", String(64), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("told_at", Double, nullable=False),
    Column("fault", Text, nullable=False),
    Column("fault_at", Double),
    Column("changed", BigInteger, nullable=False, server_default=_CHANGED, index=True),
)

#: Certificate authorities. The newest that is not retired signs; all that are not retired are trusted.
authority = Table(
    "authority",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("name", String(16), nullable=False, unique=True),
    # PEM: its own certificate, and those of its key by the ones before.
    Column("certificate", Text, nullable=False),
    Column("crosses", Text, nullable=False),
    # Encrypted.
    Column("key", LargeBinary, nullable=False),
    Column("key_key", String(32), nullable=False),
    Column("added_at", Double, nullable=False),
    Column("retired_at", Double),
)

#: Tokens by which a site may enrol once: the SHA-256 of each one's secret.
enrolment = Table(
    "enrolment",
    metadata,
    Column("token", LargeBinary(32), primary_key=True),
    Column("tenant", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("added_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
)

#: Certificates of connectors. Moments are whole seconds.
certificate = Table(
    "certificate",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("serial", String(40), nullable=False, unique=True),
    Column("tenant", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("instance", String(64), nullable=False),
    Column("authority", String(16), nullable=False),
    # SHA-256: a key gets one certificate.
    Column("public_key", LargeBinary(32), nullable=False, unique=True),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
Index("certificate_connector", certificate.c.tenant, certificate.c.connector)

#: What is not to connect any more: certificates of a connector, of one of its instances, or a single one, issued
#: until a moment (a whole second).
revocation = Table(
    "revocation",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("tenant", String(63), nullable=False),
    Column("connector", String(63), nullable=False),
    # Empty: all.
    Column("instance", String(64), nullable=False),
    Column("serial", String(40), nullable=False),
    Column("until", BigInteger, nullable=False),
)
#: Who may call. `scopes` are words with spaces, `reach` is JSON.
api_key = Table(
    "api_key",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("tenant", String(63), ForeignKey("tenant.name"), nullable=False),
    Column("name", String(63), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("reach", Text, nullable=False),
    Column("rate", Double),
    Column("made_at", Double, nullable=False),
    Column("made_by", String(200), nullable=False),
    Column("expires_at", Double),
    Column("revoked_at", Double),
    Column("last_used_at", Double),
)
_LIVE = text("revoked_at IS NULL")
Index(
    "api_key_name",
    api_key.c.tenant,
    api_key.c.name,
    unique=True,
    sqlite_where=_LIVE,
    postgresql_where=_LIVE,
)

#: What was done, by whom. Triggers keep it from being changed.
audit = Table(
    "audit",
    metadata,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("tenant", String(63), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("caller", String(200), nullable=False),
    Column("operation", String(100), nullable=False),
    Column("connector", String(63), nullable=False),
    Column("company", String(63), nullable=False),
    Column("command", String(32), nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("detail", Text, nullable=False),
)
Index("audit_tenant", audit.c.tenant, audit.c.number)
Index("audit_at", audit.c.at)
