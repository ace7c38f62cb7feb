"""An index of the commands that need an operator: they are counted again and again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TO_RESOLVE = sa.text("state IN ('dead', 'unknown')")


def upgrade() -> None:
    """To this revision."""
    op.create_index(
        "command_to_resolve",
        "command",
        ["state"],
        sqlite_where=_TO_RESOLVE,
        postgresql_where=_TO_RESOLVE,
    )
