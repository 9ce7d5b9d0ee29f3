"""senders' signing secrets are sealed

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from flask import current_app

from opbx.identity.sealing import create_seal

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

keys = sa.table(
    "sender_keys", sa.column("id", sa.Uuid(as_uuid=False)), sa.column("signing_secret"), sa.column("sealed_secret")
)


def upgrade():
    op.add_column("sender_keys", sa.Column("sealed_secret", sa.Text(), nullable=True))
    copy("signing_secret", "sealed_secret", create_seal(current_app.config["OPBX"]).seal)
    op.drop_column("sender_keys", "signing_secret")


def downgrade():
    op.add_column("sender_keys", sa.Column("signing_secret", sa.String(length=255), nullable=True))
    copy("sealed_secret", "signing_secret", create_seal(current_app.config["OPBX"]).open)
    op.drop_column("sender_keys", "sealed_secret")


def copy(source, target, change):
    connection = op.get_bind()
    for row in connection.execute(sa.select(keys.c.id, keys.c[source]).where(keys.c[source].is_not(None))).all():
        connection.execute(keys.update().where(keys.c.id == row[0]).values({target: change(row[1]), source: None}))
