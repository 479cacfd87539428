"""stop triggers and drills"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "drills",
        sa.Column("drill_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("reached", sa.Boolean(), nullable=False),
        sa.Column("latched_milliseconds", sa.Double(), nullable=True),
        sa.Column("terminal_busy", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_drills_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("drill_id", "account_id", name=op.f("pk_drills")),
    )
    with op.batch_alter_table("drills", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_drills_account_id_create_time"), ["account_id", "create_time"], unique=False
        )

    with op.batch_alter_table("stops", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trigger", sa.Integer(), server_default="0", nullable=False))
