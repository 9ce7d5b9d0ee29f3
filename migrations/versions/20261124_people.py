"""invitations, named API tokens, the audit log

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade():
    # No batch mode: on SQLite it would replace the table, and dropping the old one deletes what refers to it.
    op.add_column("users", sa.Column("invitation_hash", sa.LargeBinary(length=32), nullable=True))
    op.add_column("users", sa.Column("invitation_expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_users_invitation_hash"), "users", ["invitation_hash"], unique=True)
    op.add_column(
        "api_tokens",
        sa.Column(
            "kind",
            sa.Enum("login", "api", name="tokenkind", native_enum=False, length=20),
            nullable=False,
            server_default="login",
        ),
    )
    op.create_table(
        "audit_entries",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=False),
        sa.Column("actor_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("actor", sa.String(length=254), nullable=True),
        sa.Column("subject_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("subject", sa.String(length=254), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name=op.f("fk_audit_entries_organization_id_organizations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_at"), "audit_entries", ["at"], unique=False)
    op.create_index(
        op.f("ix_audit_entries_organization_id_id"), "audit_entries", ["organization_id", "id"], unique=False
    )


def downgrade():
    op.drop_index(op.f("ix_audit_entries_organization_id_id"), table_name="audit_entries")
    op.drop_index(op.f("ix_audit_entries_at"), table_name="audit_entries")
    op.drop_table("audit_entries")
    op.drop_column("api_tokens", "kind")
    op.drop_index(op.f("ix_users_invitation_hash"), table_name="users")
    op.drop_column("users", "invitation_expires_at")
    op.drop_column("users", "invitation_hash")
