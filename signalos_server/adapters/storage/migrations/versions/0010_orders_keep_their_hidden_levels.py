"""orders keep their hidden levels"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("virtual_stop_loss", types.ExactDecimal(), nullable=True))
        batch_op.add_column(sa.Column("virtual_take_profit", types.ExactDecimal(), nullable=True))
        batch_op.add_column(sa.Column("target_only", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_column("target_only")
        batch_op.drop_column("virtual_take_profit")
        batch_op.drop_column("virtual_stop_loss")
        batch_op.drop_column("hidden")
