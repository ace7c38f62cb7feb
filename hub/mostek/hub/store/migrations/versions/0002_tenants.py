"""Tenants, and indexes that begin with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = {
    "command_waiting": (["connector", "company", "due_at"], "finished_at IS NULL"),
    "command_unacknowledged": (["connector"], "state = 'succeeded' AND acknowledged_at IS NULL"),
}


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "tenant",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("added_at", sa.Double, nullable=False),
    )
    for name, (columns, where) in _INDEXES.items():
        part = sa.text(where)
        op.drop_index(name, "command")
        op.create_index(
            name, "command", ["tenant", *columns], sqlite_where=part, postgresql_where=part
        )
