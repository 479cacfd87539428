"""sources, signals and decisions"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signal_decisions",
        sa.Column("decision_id", sa.String(length=64), nullable=False),
        sa.Column("signal_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("action_index", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("expire_time", types.UtcTime(), nullable=True),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("decision_id", name=op.f("pk_signal_decisions")),
    )
    with op.batch_alter_table("signal_decisions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_signal_decisions_account_id_source_id_outcome"),
            ["account_id", "source_id", "outcome"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_signal_decisions_code_signal_id"), ["code", "signal_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_signal_decisions_expire_time"), ["expire_time"], unique=False)
        batch_op.create_index(batch_op.f("ix_signal_decisions_outcome"), ["outcome"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_signal_decisions_signal_id_attempt_action_index_account_id"),
            ["signal_id", "attempt", "action_index", "account_id"],
            unique=True,
        )

    op.create_table(
        "signals",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("signal_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("source_name", sa.String(length=100), nullable=False),
        sa.Column("external_id", sa.String(length=128), nullable=False),
        sa.Column("dedupe_key", sa.String(length=64), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=128), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.Column("say_time", types.UtcTime(), nullable=False),
        sa.Column("update_time", types.UtcTime(), nullable=False),
        sa.Column("reply_to_external_id", sa.String(length=128), nullable=False),
        sa.Column("reply_to_signal_id", sa.String(length=64), nullable=False),
        sa.Column("revises_signal_id", sa.String(length=64), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("parsed", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("meaning_key", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("steps", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_signals")),
        sa.UniqueConstraint("signal_id", name=op.f("uq_signals_signal_id")),
    )
    with op.batch_alter_table("signals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_signals_source_id_body_hash"), ["source_id", "body_hash"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_signals_source_id_dedupe_key"), ["source_id", "dedupe_key"], unique=True
        )
        batch_op.create_index(
            batch_op.f("ix_signals_source_id_external_id"), ["source_id", "external_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_signals_state"), ["state"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_signals_user_id_meaning_key"), ["user_id", "meaning_key"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_signals_user_id_number"), ["user_id", "number"], unique=False)

    op.create_table(
        "sources",
        sa.Column("source_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("name_key", sa.String(length=300), nullable=True),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("subscriptions", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=True),
        sa.Column("token_hint", sa.String(length=8), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.Column("last_signal_time", types.UtcTime(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.user_id"], name=op.f("fk_sources_user_id")),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_sources")),
        sa.UniqueConstraint("name_key", name=op.f("uq_sources_name_key")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sources_token_hash")),
    )
    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sources_user_id"), ["user_id"], unique=False)

    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signal_id", sa.String(length=64), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_commands_signal_id"), ["signal_id"], unique=False)

    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.add_column(sa.Column("signal_id", sa.String(length=64), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_trades_signal_id"), ["signal_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trades_signal_id"))
        batch_op.drop_column("signal_id")

    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commands_signal_id"))
        batch_op.drop_column("signal_id")

    with op.batch_alter_table("sources", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sources_user_id"))

    op.drop_table("sources")
    with op.batch_alter_table("signals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signals_user_id_number"))
        batch_op.drop_index(batch_op.f("ix_signals_user_id_meaning_key"))
        batch_op.drop_index(batch_op.f("ix_signals_state"))
        batch_op.drop_index(batch_op.f("ix_signals_source_id_external_id"))
        batch_op.drop_index(batch_op.f("ix_signals_source_id_dedupe_key"))
        batch_op.drop_index(batch_op.f("ix_signals_source_id_body_hash"))

    op.drop_table("signals")
    with op.batch_alter_table("signal_decisions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_signal_decisions_signal_id_attempt_action_index_account_id"))
        batch_op.drop_index(batch_op.f("ix_signal_decisions_outcome"))
        batch_op.drop_index(batch_op.f("ix_signal_decisions_expire_time"))
        batch_op.drop_index(batch_op.f("ix_signal_decisions_code_signal_id"))
        batch_op.drop_index(batch_op.f("ix_signal_decisions_account_id_source_id_outcome"))

    op.drop_table("signal_decisions")
