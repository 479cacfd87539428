"""A terminal: the program that is logged in to an account, with its own switches."""

from dataclasses import dataclass

from signalos_bridge.emulator.domain.entities import Account

DEFAULT_MARKET_WATCH = ("EURUSD", "GBPUSD", "USDJPY", "USDCHF")


@dataclass(frozen=True, slots=True)
class TerminalState:
    """What survives a restart of a terminal. Its name is the login for which it was set up."""

    name: str
    login: int
    market_watch: tuple[str, ...]
    connected: bool = True
    """To the trade server; the pipe to the terminal is another matter."""
    trade_allowed: bool = True
    """The AutoTrading button."""
    tradeapi_disabled: bool = False
    """The option that switches off trading through the Python API."""


def in_market_watch(terminal: TerminalState, account: Account, symbol: str) -> bool:
    """Say whether the terminal shows quotes: of what was selected, and of what the account trades."""
    return (
        symbol in terminal.market_watch
        or any(one.symbol == symbol for one in account.positions.values())
        or any(one.symbol == symbol for one in account.orders.values())
    )
