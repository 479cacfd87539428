"""how equity went"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "equity_samples",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("time_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("equity", sa.Double(), nullable=False),
        sa.Column("balance", sa.Double(), nullable=True),
        sa.Column("span_seconds", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_equity_samples_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("account_id", "time_milliseconds", name=op.f("pk_equity_samples")),
    )


def downgrade() -> None:

    op.drop_table("equity_samples")
