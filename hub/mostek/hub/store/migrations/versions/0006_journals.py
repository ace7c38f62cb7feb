"""The ends of the sites' journals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "journal",
        sa.Column("tenant", sa.String(63), primary_key=True),
        sa.Column("connector", sa.String(63), primary_key=True),
        sa.Column("instance", sa.String(64), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("told_at", sa.Double, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.Column("fault_at", sa.Double),
    )
