"""what a sender last told of a call, by the sender's clock

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("calls", sa.Column("last_told_at", sa.DateTime(timezone=True), nullable=True))


def downgrade():
    op.drop_column("calls", "last_told_at")
