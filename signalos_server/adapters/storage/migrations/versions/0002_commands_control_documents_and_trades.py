"""commands control documents and trades"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from signalos_server.adapters.storage import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "requests",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "request_id", name=op.f("pk_requests")),
    )
    op.create_table(
        "stops",
        sa.Column("stop_id", sa.String(length=64), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("close_positions", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("stop_id", name=op.f("pk_stops")),
    )
    with op.batch_alter_table("stops", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stops_create_time"), ["create_time"], unique=False)

    op.create_table(
        "commands",
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("action_kind", sa.String(length=32), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("legs", sa.Text(), nullable=False),
        sa.Column("stop_generation", sa.BigInteger(), nullable=False),
        sa.Column("increases_risk", sa.Boolean(), nullable=False),
        sa.Column("automated", sa.Boolean(), nullable=False),
        sa.Column("create_time", types.UtcTime(), nullable=False),
        sa.Column("time_to_live_microseconds", sa.BigInteger(), nullable=False),
        sa.Column("accepted_monotonic_microseconds", sa.BigInteger(), nullable=False),
        sa.Column("accepted_machine_boot", sa.String(length=64), nullable=False),
        sa.Column("accepted_server_boot", sa.String(length=64), nullable=False),
        sa.Column("offered_epoch", sa.BigInteger(), nullable=True),
        sa.Column("outcome_number", sa.Integer(), nullable=False),
        sa.Column("trade_id", sa.String(length=64), nullable=False),
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("deliver_time", types.UtcTime(), nullable=True),
        sa.Column("run_time", types.UtcTime(), nullable=True),
        sa.Column("end_time", types.UtcTime(), nullable=True),
        sa.Column("asked_volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("filled_volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("resolved_by_person", sa.Boolean(), nullable=False),
        sa.Column("cancel_wanted", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_commands_account_id")),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_commands")),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_commands_account_id_create_time_command_id"),
            ["account_id", "create_time", "command_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_commands_account_id_state"), ["account_id", "state"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_commands_trade_id"), ["trade_id"], unique=False)

    op.create_table(
        "control_documents",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("stop_generation", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("applied", sa.Text(), nullable=False),
        sa.Column("apply_time", types.UtcTime(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_control_documents_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_control_documents")),
    )
    op.create_table(
        "deals",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("ticket", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_ticket", sa.BigInteger(), nullable=False),
        sa.Column("position_identifier", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Integer(), nullable=False),
        sa.Column("volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("price", types.ExactDecimal(), nullable=False),
        sa.Column("profit", types.ExactDecimal(), nullable=False),
        sa.Column("commission", types.ExactDecimal(), nullable=False),
        sa.Column("swap", types.ExactDecimal(), nullable=False),
        sa.Column("fee", types.ExactDecimal(), nullable=False),
        sa.Column("magic", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.String(length=200), nullable=False),
        sa.Column("broker_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("broker_offset_seconds", sa.Integer(), nullable=True),
        sa.Column("command_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_deals_account_id")),
        sa.PrimaryKeyConstraint("account_id", "ticket", name=op.f("pk_deals")),
    )
    with op.batch_alter_table("deals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_deals_account_id_broker_milliseconds_ticket"),
            ["account_id", "broker_milliseconds", "ticket"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_deals_account_id_position_identifier"),
            ["account_id", "position_identifier"],
            unique=False,
        )

    op.create_table(
        "orders",
        sa.Column("order_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("remaining_volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("price", types.ExactDecimal(), nullable=False),
        sa.Column("stop_limit_price", types.ExactDecimal(), nullable=True),
        sa.Column("stop_loss", types.ExactDecimal(), nullable=True),
        sa.Column("take_profit", types.ExactDecimal(), nullable=True),
        sa.Column("place_broker_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("expire_broker_seconds", sa.BigInteger(), nullable=False),
        sa.Column("position_identifier", sa.BigInteger(), nullable=False),
        sa.Column("broker_offset_seconds", sa.Integer(), nullable=True),
        sa.Column("magic", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.String(length=200), nullable=False),
        sa.Column("open_command_id", sa.String(length=64), nullable=False),
        sa.Column("update_time", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_orders_account_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_orders")),
    )
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_orders_account_id_place_broker_milliseconds_order_id"),
            ["account_id", "place_broker_milliseconds", "order_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_orders_account_id_state"), ["account_id", "state"], unique=False)

    op.create_table(
        "stop_accounts",
        sa.Column("stop_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("rearm_time", types.UtcTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_stop_accounts_account_id")
        ),
        sa.ForeignKeyConstraint(["stop_id"], ["stops.stop_id"], name=op.f("fk_stop_accounts_stop_id")),
        sa.PrimaryKeyConstraint("stop_id", "account_id", name=op.f("pk_stop_accounts")),
    )
    with op.batch_alter_table("stop_accounts", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_stop_accounts_account_id_rearm_time"), ["account_id", "rearm_time"], unique=False
        )

    op.create_table(
        "symbols",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("digits", sa.Integer(), nullable=False),
        sa.Column("point", types.ExactDecimal(), nullable=False),
        sa.Column("tick_size", types.ExactDecimal(), nullable=False),
        sa.Column("tick_value", types.ExactDecimal(), nullable=False),
        sa.Column("contract_size", types.ExactDecimal(), nullable=False),
        sa.Column("volume_minimum_lots", types.ExactDecimal(), nullable=False),
        sa.Column("volume_maximum_lots", types.ExactDecimal(), nullable=False),
        sa.Column("volume_step_lots", types.ExactDecimal(), nullable=False),
        sa.Column("stops_level_points", sa.Integer(), nullable=False),
        sa.Column("freeze_level_points", sa.Integer(), nullable=False),
        sa.Column("trade_mode", sa.Integer(), nullable=False),
        sa.Column("base_currency", sa.String(length=20), nullable=False),
        sa.Column("profit_currency", sa.String(length=20), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_symbols_account_id")),
        sa.PrimaryKeyConstraint("account_id", "symbol", name=op.f("pk_symbols")),
    )
    op.create_table(
        "sync_reports",
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("sync_id", sa.String(length=64), nullable=False),
        sa.Column("end_time", types.UtcTime(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_sync_reports_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "sync_id", name=op.f("pk_sync_reports")),
    )
    with op.batch_alter_table("sync_reports", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_sync_reports_account_id_end_time"), ["account_id", "end_time"], unique=False
        )

    op.create_table(
        "trades",
        sa.Column("trade_id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("position_identifier", sa.BigInteger(), nullable=False),
        sa.Column("symbol", sa.String(length=64), nullable=False),
        sa.Column("side", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Integer(), nullable=False),
        sa.Column("volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("opened_volume_lots", types.ExactDecimal(), nullable=False),
        sa.Column("open_price", types.ExactDecimal(), nullable=False),
        sa.Column("close_price", types.ExactDecimal(), nullable=True),
        sa.Column("broker_stop_loss", types.ExactDecimal(), nullable=True),
        sa.Column("broker_take_profit", types.ExactDecimal(), nullable=True),
        sa.Column("virtual_stop_loss", types.ExactDecimal(), nullable=True),
        sa.Column("virtual_take_profit", types.ExactDecimal(), nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("guard_state", sa.Integer(), nullable=False),
        sa.Column("trailing_stop", sa.Text(), nullable=False),
        sa.Column("realised_profit", types.ExactDecimal(), nullable=True),
        sa.Column("commission", types.ExactDecimal(), nullable=True),
        sa.Column("deal_swap", types.ExactDecimal(), nullable=True),
        sa.Column("position_swap", types.ExactDecimal(), nullable=False),
        sa.Column("open_broker_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("update_broker_milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("close_broker_milliseconds", sa.BigInteger(), nullable=True),
        sa.Column("broker_offset_seconds", sa.Integer(), nullable=True),
        sa.Column("close_cause", sa.Integer(), nullable=False),
        sa.Column("magic", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.String(length=200), nullable=False),
        sa.Column("open_command_id", sa.String(length=64), nullable=False),
        sa.Column("update_time", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name=op.f("fk_trades_account_id")),
        sa.PrimaryKeyConstraint("trade_id", name=op.f("pk_trades")),
    )
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_trades_account_id_open_broker_milliseconds_trade_id"),
            ["account_id", "open_broker_milliseconds", "trade_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_trades_account_id_position_identifier"),
            ["account_id", "position_identifier"],
            unique=True,
        )
        batch_op.create_index(batch_op.f("ix_trades_account_id_state"), ["account_id", "state"], unique=False)

    op.create_table(
        "bridge_journals",
        sa.Column("bridge_id", sa.String(length=64), nullable=False),
        sa.Column("journal_id", sa.String(length=64), nullable=False),
        sa.Column("committed_event_seq", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["bridge_id"], ["bridges.bridge_id"], name=op.f("fk_bridge_journals_bridge_id")
        ),
        sa.PrimaryKeyConstraint("bridge_id", "journal_id", name=op.f("pk_bridge_journals")),
    )


def downgrade() -> None:

    op.drop_table("bridge_journals")
    with op.batch_alter_table("trades", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_trades_account_id_state"))
        batch_op.drop_index(batch_op.f("ix_trades_account_id_position_identifier"))
        batch_op.drop_index(batch_op.f("ix_trades_account_id_open_broker_milliseconds_trade_id"))

    op.drop_table("trades")
    with op.batch_alter_table("sync_reports", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sync_reports_account_id_end_time"))

    op.drop_table("sync_reports")
    op.drop_table("symbols")
    with op.batch_alter_table("stop_accounts", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stop_accounts_account_id_rearm_time"))

    op.drop_table("stop_accounts")
    with op.batch_alter_table("orders", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_orders_account_id_state"))
        batch_op.drop_index(batch_op.f("ix_orders_account_id_place_broker_milliseconds_order_id"))

    op.drop_table("orders")
    with op.batch_alter_table("deals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deals_account_id_position_identifier"))
        batch_op.drop_index(batch_op.f("ix_deals_account_id_broker_milliseconds_ticket"))

    op.drop_table("deals")
    op.drop_table("control_documents")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commands_trade_id"))
        batch_op.drop_index(batch_op.f("ix_commands_account_id_state"))
        batch_op.drop_index(batch_op.f("ix_commands_account_id_create_time_command_id"))

    op.drop_table("commands")
    with op.batch_alter_table("stops", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stops_create_time"))

    op.drop_table("stops")
    op.drop_table("requests")
