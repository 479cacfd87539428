"""alerts told again and the last event of a journal"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("condition_key", sa.String(length=300), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("escalation_level", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("escalate_time", types.UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("end_time", types.UtcTime(), nullable=True))
        batch_op.add_column(sa.Column("end_reason", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("acknowledge_note", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("telling_id", sa.String(length=64), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_alerts_escalate_time"), ["escalate_time"], unique=False)
        batch_op.create_index(batch_op.f("ix_alerts_condition_key"), ["condition_key"], unique=False)

    # What nobody acknowledged so far is told again too, from now on.
    op.execute("UPDATE alerts SET escalate_time = last_time WHERE acknowledge_time IS NULL AND severity > 1")
    op.execute("UPDATE alerts SET condition_key = open_key WHERE open_key IS NOT NULL")

    for table in ("bridges", "bridge_journals"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(
                sa.Column("committed_event_id", sa.String(length=100), nullable=False, server_default="")
            )


def downgrade() -> None:

    for table in ("bridge_journals", "bridges"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("committed_event_id")

    with op.batch_alter_table("alerts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_alerts_condition_key"))
        batch_op.drop_index(batch_op.f("ix_alerts_escalate_time"))
        batch_op.drop_column("telling_id")
        batch_op.drop_column("acknowledge_note")
        batch_op.drop_column("end_reason")
        batch_op.drop_column("end_time")
        batch_op.drop_column("escalate_time")
        batch_op.drop_column("escalation_level")
        batch_op.drop_column("condition_key")
