"""webhooks that were given up, and when and how often an event failed

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FAILED = sa.text("failure IS NOT NULL")


def upgrade():
    op.add_column("broadcast_events", sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("broadcast_events", sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_broadcast_events_failed", "broadcast_events", ["channel"], postgresql_where=_FAILED, sqlite_where=_FAILED
    )
    op.create_table(
        "given_up_webhooks",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("app_id", sa.String(length=200), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("time_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_given_up_webhooks")),
    )
    op.create_index("ix_given_up_webhooks_organization_id", "given_up_webhooks", ["organization_id"])


def downgrade():
    op.drop_table("given_up_webhooks")
    op.drop_index("ix_broadcast_events_failed", table_name="broadcast_events")
    op.drop_column("broadcast_events", "attempts")
    op.drop_column("broadcast_events", "failed_at")
