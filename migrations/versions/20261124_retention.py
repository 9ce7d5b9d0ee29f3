"""detail records outlive their calls; what is old is found by an index

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ENDED = sa.text("ended_at IS NOT NULL")
_KEPT = sa.text("ended_at IS NOT NULL AND timeline_pruned_at IS NULL")
_CALL = "fk_call_detail_records_call_id_calls"


def upgrade():
    op.add_column("calls", sa.Column("timeline_pruned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_calls_ended", "calls", ["ended_at"], postgresql_where=_ENDED, sqlite_where=_ENDED)
    op.create_index("ix_calls_timeline", "calls", ["ended_at"], postgresql_where=_KEPT, sqlite_where=_KEPT)
    with op.batch_alter_table("call_detail_records") as records:  # nothing refers to it: see 0003
        records.alter_column("call_id", existing_type=sa.Uuid(as_uuid=False), nullable=True)
        records.drop_constraint(_CALL, type_="foreignkey")
        records.create_foreign_key(_CALL, "calls", ["call_id"], ["id"], ondelete="SET NULL")
        records.create_index("ix_call_detail_records_received_at", ["received_at"])


def downgrade():
    op.execute("DELETE FROM call_detail_records WHERE call_id IS NULL")
    with op.batch_alter_table("call_detail_records") as records:
        records.drop_index("ix_call_detail_records_received_at")
        records.drop_constraint(_CALL, type_="foreignkey")
        records.create_foreign_key(_CALL, "calls", ["call_id"], ["id"], ondelete="CASCADE")
        records.alter_column("call_id", existing_type=sa.Uuid(as_uuid=False), nullable=False)
    op.drop_index("ix_calls_timeline", table_name="calls")
    op.drop_index("ix_calls_ended", table_name="calls")
    op.drop_column("calls", "timeline_pruned_at")
