"""Indexes that keep what is asked all the time from growing with what the hub has ever done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_INDEXES = {
    "command_unacknowledged": (
        ["tenant", "connector", "state"],
        sa.text("state = 'succeeded' AND acknowledged_at IS NULL"),
    ),
    "command_listed": (["tenant", "number"], None),
    "command_of_connector": (["tenant", "connector", "number"], None),
    "command_named": (["tenant", "idempotency_key"], None),
    "command_ordering": (
        ["tenant", "connector", "company", "ordering_key", "number"],
        sa.text("state IN ('recorded', 'sent', 'in_doubt', 'unknown')"),
    ),
    "command_expiring": (["expires_at"], sa.text("finished_at IS NULL")),
    "command_payload": (["finished_at"], sa.text("request IS NOT NULL OR outcome IS NOT NULL")),
}


def upgrade() -> None:
    """To this revision."""
    op.drop_index("command_unacknowledged", "command")
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "command", columns, sqlite_where=where, postgresql_where=where)
