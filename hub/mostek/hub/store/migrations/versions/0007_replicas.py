"""Several replicas: who is alive, which one holds which session and has which write under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
#: The number of the transaction that writes the row: what is read again after another one is not missed, whatever the
#: order of their ends.
_TRANSACTION = "(pg_current_xact_id()::text::bigint)"


def upgrade() -> None:
    """To this revision."""
    changed = sa.text("0" if op.get_bind().dialect.name == "sqlite" else _TRANSACTION)
    op.add_column("command", sa.Column("replica", sa.String(63)))
    under_way = sa.text("replica IS NOT NULL")
    op.create_index(
        "command_under_way",
        "command",
        ["tenant", "connector", "company"],
        unique=True,
        sqlite_where=under_way,
        postgresql_where=under_way,
    )
    for table in ("connector", "journal"):
        op.add_column(
            table, sa.Column("changed", sa.BigInteger, nullable=False, server_default=changed)
        )
        op.create_index(f"ix_{table}_changed", table, ["changed"])
    op.create_table(
        "replica",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("address", sa.String(260), nullable=False),
        sa.Column("beat", sa.BigInteger, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False, server_default=changed),
        sa.Column("sessions", sa.Integer, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("connector", sa.String(63), nullable=False),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("replica", sa.String(63), nullable=False),
        sa.Column("software", sa.Text, nullable=False),
        sa.Column("slots", sa.BigInteger, nullable=False),
        sa.Column("connected_at", sa.Double, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("told_at", sa.Double),
        sa.Column("changed", sa.BigInteger, nullable=False, server_default=changed),
    )
    op.create_index("ix_session_replica", "session", ["replica"])
    op.create_index("ix_session_changed", "session", ["changed"])
    op.create_index("session_connector", "session", ["tenant", "connector"])
