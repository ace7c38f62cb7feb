"""Durable commands, their events, and the connectors that were seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "command",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(32), nullable=False, unique=True),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("connector", sa.String(63), nullable=False),
        sa.Column("company", sa.String(63), nullable=False),
        sa.Column("operation", sa.String(100), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("content", sa.LargeBinary(32), nullable=False),
        sa.Column("ordering_key", sa.String(128), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("keeps_key", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("kind", sa.Integer, nullable=False),
        sa.Column("recorded_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, nullable=False),
        sa.Column("expire_after", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.Column("acknowledged_at", sa.Double),
        sa.Column("erp_id", sa.Text),
        sa.Column("erp_number", sa.Text),
        sa.Column("request", sa.LargeBinary),
        sa.Column("request_key", sa.String(32)),
        sa.Column("outcome", sa.LargeBinary),
        sa.Column("outcome_key", sa.String(32)),
    )
    _index("command_key", ["tenant", "connector", "company", "idempotency_key"], "keeps_key", True)
    _index("command_waiting", ["connector", "company", "due_at"], "finished_at IS NULL")
    _index(
        "command_unacknowledged",
        ["connector"],
        "state = 'succeeded' AND acknowledged_at IS NULL",
    )
    op.create_table(
        "event",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("command", sa.String(32), sa.ForeignKey("command.id"), nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("ix_event_command", "event", ["command"])
    op.create_table(
        "connector",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("status", sa.LargeBinary, nullable=False),
        sa.Column("changed_at", sa.Double, nullable=False),
    )


def _index(name: str, columns: list[str], where: str, unique: bool = False) -> None:
    part = sa.text(where)
    op.create_index(
        name, "command", columns, unique=unique, sqlite_where=part, postgresql_where=part
    )
