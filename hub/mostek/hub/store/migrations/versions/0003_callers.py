"""API keys, the audit that only grows, and the tenant that there always is."""

from __future__ import annotations

import time

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
#: Entries younger than this can't be deleted, whatever MOSTEK_HUB_AUDIT_DAYS says; seconds.
_YOUNG = 30 * 24 * 3600


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(12), primary_key=True),
        sa.Column("tenant", sa.String(63), sa.ForeignKey("tenant.name"), nullable=False),
        sa.Column("name", sa.String(63), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("reach", sa.Text, nullable=False),
        sa.Column("rate", sa.Double),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("revoked_at", sa.Double),
        sa.Column("last_used_at", sa.Double),
    )
    live = sa.text("revoked_at IS NULL")
    op.create_index(
        "api_key_name",
        "api_key",
        ["tenant", "name"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_table(
        "audit",
        sa.Column("number", _NUMBER, primary_key=True, autoincrement=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("tenant", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("operation", sa.String(100), nullable=False),
        sa.Column("connector", sa.String(63), nullable=False),
        sa.Column("company", sa.String(63), nullable=False),
        sa.Column("command", sa.String(32), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_index("audit_tenant", "audit", ["tenant", "number"])
    op.create_index("audit_at", "audit", ["at"])
    dialect = op.get_bind().dialect.name
    for statement in _POSTGRESQL if dialect == "postgresql" else _SQLITE:
        op.execute(statement)
    tenant = sa.table("tenant", sa.column("name", sa.String), sa.column("added_at", sa.Double))
    if not op.get_bind().execute(sa.select(tenant).where(tenant.c.name == "default")).first():
        op.bulk_insert(tenant, [{"name": "default", "added_at": time.time()}])


_SQLITE = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
    f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
    WHEN OLD.at > CAST(strftime('%s', 'now') AS REAL) - {_YOUNG}
    BEGIN SELECT RAISE(ABORT, 'the audit only grows'); END""",
)
_POSTGRESQL = (
    f"""CREATE FUNCTION audit_only_grows() RETURNS trigger AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.at <= extract(epoch FROM now()) - {_YOUNG} THEN RETURN OLD; END IF;
        END IF;
        RAISE EXCEPTION 'the audit only grows';
    END $$ LANGUAGE plpgsql""",
    """CREATE TRIGGER audit_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_only_grows()""",
    """CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows()""",
)
