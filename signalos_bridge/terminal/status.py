"""The way to the market in one value: from the terminal's and the account's own words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from signalos_bridge.domain.broker_time import BrokerClock
from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    TerminalState,
    TerminalStatus,
    TradingBlock,
)


def status_without_terminal(code: int | None = None, text: str = "") -> TerminalStatus:
    """Return the status of a terminal that cannot be reached."""
    return TerminalStatus(
        state=TerminalState.NO_PIPE,
        blocks=(),
        connected=False,
        trade_allowed=False,
        tradeapi_disabled=False,
        ping_microseconds=None,
        build=None,
        company="",
        login=None,
        account_matches=None,
        utc_offset_seconds=None,
        broker_time_msc=None,
        error_code=code,
        error_text=text,
    )


def status_of(
    terminal: Any,
    account: AccountSnapshot | None,
    bound: BoundAccount | None,
    clock: BrokerClock,
    error: tuple[int, str] | None,
) -> TerminalStatus:
    """Return the status of a terminal that answers. `terminal` is its `TerminalInfo`."""
    login = account.login if account is not None else 0
    matches = account.bound() == bound if account is not None and login and bound is not None else None
    blocks = tuple(_blocks(terminal, account, matches))
    if not login:
        state = TerminalState.NOT_LOGGED_IN
    else:
        state = TerminalState.TRADING_OFF if blocks else TerminalState.READY
    code, text = error or (None, "")
    return TerminalStatus(
        state=state,
        blocks=blocks,
        connected=bool(terminal.connected),
        trade_allowed=bool(terminal.trade_allowed),
        tradeapi_disabled=bool(terminal.tradeapi_disabled),
        ping_microseconds=int(terminal.ping_last) or None,
        build=int(terminal.build),
        company=str(terminal.company),
        login=login or None,
        account_matches=matches,
        utc_offset_seconds=clock.offset_seconds,
        broker_time_msc=clock.newest_tick_msc,
        error_code=code,
        error_text=text,
    )


def _blocks(terminal: Any, account: AccountSnapshot | None, matches: bool | None) -> Iterator[TradingBlock]:
    if not terminal.connected:
        yield TradingBlock.NOT_CONNECTED
    if not terminal.trade_allowed:
        yield TradingBlock.TERMINAL_SWITCH
    if terminal.tradeapi_disabled:
        yield TradingBlock.API_DISABLED
    if account is not None and not account.trade_allowed:
        yield TradingBlock.ACCOUNT_FORBIDS_TRADING
    if account is not None and not account.trade_expert:
        yield TradingBlock.ACCOUNT_FORBIDS_EXPERTS
    if matches is False:
        yield TradingBlock.WRONG_ACCOUNT


def same_status(one: TerminalStatus, other: TerminalStatus) -> bool:
    """Return whether nothing but ping and the newest broker time differs."""
    return (
        one.state is other.state
        and one.blocks == other.blocks
        and one.connected == other.connected
        and one.login == other.login
        and one.account_matches == other.account_matches
        and one.utc_offset_seconds == other.utc_offset_seconds
        and one.error_code == other.error_code
        and one.error_text == other.error_text
        and one.build == other.build
        and one.company == other.company
    )
