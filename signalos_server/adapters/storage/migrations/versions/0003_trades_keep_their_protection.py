"""trades keep their protection"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.add_column(sa.Column("protection", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("initial_stop_loss", types.ExactDecimal(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.drop_column("initial_stop_loss")
        batch_op.drop_column("protection")
