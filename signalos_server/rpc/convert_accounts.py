"""Accounts, bridges, terminals and money between the contract and the inside."""

from __future__ import annotations

from datetime import datetime

from signalos.v1 import account_pb2, bridge_pb2, event_pb2
from signalos_server.domain.equity import EquitySample
from signalos_server.domain.frames import Identity, Money, Terminal
from signalos_server.domain.happenings import AccountView, BridgeView
from signalos_server.domain.words import MarginMode, TerminalState, TradeMode
from signalos_server.rpc.convert import duration, enum_of, optional_value, timestamp
from signalos_server.service.live import Ages, LiveMoney


def account_to_proto(account: AccountView) -> account_pb2.Account:
    """Return an account as the contract says it."""
    return account_pb2.Account(
        account_id=account.account_id,
        name=account.name,
        login=account.login,
        broker_server=account.broker_server,
        company=account.company,
        currency=account.currency,
        trade_mode=int(account.trade_mode),  # type: ignore[arg-type]
        margin_mode=int(account.margin_mode),  # type: ignore[arg-type]
        owner_user_id=account.owner_user_id,
        create_time=timestamp(account.create_time),
        bridge=None if account.bridge is None else bridge_to_proto(account.bridge),
    )


def bridge_to_proto(bridge: BridgeView) -> account_pb2.Bridge:
    """Return a bridge as the contract says it."""
    terminal = None
    if bridge.terminal is not None:
        terminal = terminal_to_proto(bridge.terminal, bridge.terminal_read_time)
    return account_pb2.Bridge(
        bridge_id=bridge.bridge_id,
        account_id=bridge.account_id,
        name=bridge.name,
        state=int(bridge.state),  # type: ignore[arg-type]
        state_time=timestamp(bridge.state_time),
        pair_time=timestamp(bridge.pair_time),
        version=bridge.version,
        session_epoch=bridge.session_epoch,
        terminal=terminal,
    )


def terminal_to_proto(terminal: Terminal, read_time: datetime | None) -> account_pb2.TerminalStatus:
    """Return a terminal's state as the contract says it."""
    return account_pb2.TerminalStatus(
        state=int(terminal.state),  # type: ignore[arg-type]
        broker_connected=terminal.broker_connected,
        trade_allowed=terminal.trade_allowed,
        trade_api_disabled=terminal.trade_api_disabled,
        ping_milliseconds=terminal.ping_milliseconds,
        build=terminal.build,
        error_code=terminal.error_code,
        error_text=terminal.error_text,
        guard_age_seconds=terminal.guard_age_seconds,
        blind_seconds=terminal.blind_seconds,
        read_time=timestamp(read_time),
        broker_offset_seconds=terminal.broker_offset_seconds,
        broker_offset_source=terminal.broker_offset_source,
        guarded_count=terminal.guarded_count,
    )


def terminal_of(message: account_pb2.TerminalStatus) -> Terminal:
    """Return a terminal's state as a bridge tells it."""
    return Terminal(
        state=enum_of(TerminalState, message.state, TerminalState.UNSPECIFIED),
        broker_connected=message.broker_connected if message.HasField("broker_connected") else None,
        trade_allowed=message.trade_allowed if message.HasField("trade_allowed") else None,
        trade_api_disabled=message.trade_api_disabled if message.HasField("trade_api_disabled") else None,
        ping_milliseconds=optional_value(message, "ping_milliseconds"),
        build=message.build if message.HasField("build") else None,
        error_code=message.error_code if message.HasField("error_code") else None,
        error_text=message.error_text,
        guard_age_seconds=optional_value(message, "guard_age_seconds"),
        blind_seconds=optional_value(message, "blind_seconds"),
        broker_offset_seconds=message.broker_offset_seconds
        if message.HasField("broker_offset_seconds")
        else None,
        broker_offset_source=message.broker_offset_source,
        guarded_count=message.guarded_count,
    )


def identity_of(message: bridge_pb2.TerminalIdentity) -> Identity:
    """Return who a terminal says it is."""
    return Identity(
        login=message.login,
        broker_server=message.broker_server[:200],
        trade_mode=enum_of(TradeMode, message.trade_mode, TradeMode.UNSPECIFIED),
        margin_mode=enum_of(MarginMode, message.margin_mode, MarginMode.UNSPECIFIED),
        currency=message.currency[:20],
        company=message.company[:200],
    )


def identity_to_proto(identity: Identity) -> bridge_pb2.TerminalIdentity:
    """Return whom a bridge is bound to."""
    return bridge_pb2.TerminalIdentity(
        login=identity.login,
        broker_server=identity.broker_server,
        trade_mode=int(identity.trade_mode),  # type: ignore[arg-type]
        margin_mode=int(identity.margin_mode),  # type: ignore[arg-type]
        currency=identity.currency,
        company=identity.company,
    )


def money_of(message: account_pb2.AccountState) -> Money:
    """Return an account's money as a bridge tells it."""
    return Money(
        balance=optional_value(message, "balance"),
        equity=optional_value(message, "equity"),
        margin=optional_value(message, "margin"),
        free_margin=optional_value(message, "free_margin"),
        margin_level_percent=optional_value(message, "margin_level_percent"),
        profit=optional_value(message, "profit"),
        credit=optional_value(message, "credit"),
        leverage=message.leverage if message.HasField("leverage") else None,
    )


def equity_to_proto(sample: EquitySample) -> account_pb2.EquitySample:
    """Return a sample of an account's equity as the contract says it."""
    message = account_pb2.EquitySample(
        equity=sample.equity, balance=sample.balance, span=duration(sample.span_seconds)
    )
    message.time.FromMilliseconds(sample.time_milliseconds)
    return message


def money_to_proto(live: LiveMoney) -> account_pb2.AccountState:
    """Return an account's money as the contract says it."""
    money = live.money
    return account_pb2.AccountState(
        account_id=live.account_id,
        balance=money.balance,
        equity=money.equity,
        margin=money.margin,
        free_margin=money.free_margin,
        margin_level_percent=money.margin_level_percent,
        profit=money.profit,
        credit=money.credit,
        leverage=money.leverage,
        read_time=timestamp(live.read_time),
    )


def ages_to_proto(ages: Ages) -> event_pb2.ChainAge:
    """Return how old what is known of an account's chain is."""
    return event_pb2.ChainAge(
        account_id=ages.account_id,
        bridge_age_seconds=ages.bridge,
        terminal_age_seconds=ages.terminal,
        guard_age_seconds=ages.guard,
        broker_connected=ages.broker_connected,
        tick_age_seconds=ages.tick,
    )
