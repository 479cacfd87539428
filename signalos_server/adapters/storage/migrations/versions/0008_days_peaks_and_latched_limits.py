"""days, peaks and latched limits of accounts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "limit_ledgers",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("ledger", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_limit_ledgers_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_limit_ledgers")),
    )
    op.create_table(
        "limit_days",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("start_time", types.UtcTime(), nullable=False),
        sa.Column("balance", types.ExactDecimal(), nullable=False),
        sa.Column("equity", types.ExactDecimal(), nullable=True),
        sa.Column("credit", types.ExactDecimal(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_limit_days_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "start_time", name=op.f("pk_limit_days")),
    )


def downgrade() -> None:

    op.drop_table("limit_days")
    op.drop_table("limit_ledgers")
