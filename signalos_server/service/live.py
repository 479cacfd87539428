"""What only memory knows of accounts: prices, money, terminals, links, leases; and how old each is.

Ages are counted on the server's monotonic clock from when the bridge's frame arrived, plus the age that the
frame itself told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol

from signalos_server.domain.bridge_session import LinkState
from signalos_server.domain.frames import Heartbeat, LivePosition, LiveUpdate, Money, Quote, Terminal
from signalos_server.domain.happenings import AccountView
from signalos_server.domain.records import trade_id_of
from signalos_server.domain.words import BridgeState

# Quotes of a symbol that its usual spread is told from, and the fewest that tell it.
_SPREADS = 200
_FEWEST_SPREADS = 20


class Clock(Protocol):
    """The server's clocks."""

    def now(self) -> datetime:
        """Return the wall clock's time, in UTC."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""


@dataclass(frozen=True, slots=True)
class LiveTrade:
    """A trade's price and profit as last read; times on the server's clocks."""

    trade_id: str
    position: LivePosition
    read_time: datetime
    read_at: float


@dataclass(frozen=True, slots=True)
class LiveMoney:
    """An account's money as last read."""

    account_id: str
    money: Money
    read_time: datetime
    read_at: float


@dataclass(frozen=True, slots=True)
class LiveQuote:
    """A symbol's quote as last read."""

    quote: Quote
    read_time: datetime
    read_at: float


@dataclass(frozen=True, slots=True)
class Ages:
    """How old what is known of an account's chain is, in seconds; None: not known."""

    account_id: str
    bridge: float | None = None
    terminal: float | None = None
    guard: float | None = None
    tick: float | None = None
    broker_connected: bool | None = None


@dataclass(slots=True)
class _LiveAccount:
    """One account's memory."""

    link: LinkState = LinkState.ENDED
    link_time: datetime | None = None
    epoch: int = 0
    terminal: Terminal | None = None
    terminal_time: datetime | None = None
    terminal_at: float = 0.0
    frame_at: float | None = None
    read_at: float | None = None
    tick_at: float | None = None
    lease_until: float | None = None
    money: LiveMoney | None = None
    trades: dict[int, LiveTrade] = field(default_factory=dict)
    quotes: dict[str, LiveQuote] = field(default_factory=dict)
    # Of each symbol the spreads of its last quotes, in price.
    spreads: dict[str, deque[float]] = field(default_factory=dict)


# Told of an account's numbers: the trades that changed, and its money where that did.
Listener = Callable[[str, tuple[LiveTrade, ...], LiveMoney | None], None]

_BRIDGE_STATES = {
    LinkState.LIVE: BridgeState.CONNECTED,
    LinkState.DATA_ONLY: BridgeState.DEGRADED,
    LinkState.CONTROL_ONLY: BridgeState.DEGRADED,
}


class Live:
    """The latest of each account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._accounts: dict[str, _LiveAccount] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change of numbers, on the event loop; return how to end it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _account(self, account_id: str) -> _LiveAccount:
        return self._accounts.setdefault(account_id, _LiveAccount())

    # What sessions tell.

    def link_changed(self, account_id: str, epoch: int, state: LinkState) -> None:
        """A session's link is in another state; a lower epoch's word is not heard."""
        account = self._account(account_id)
        if epoch < account.epoch:
            return
        account.epoch = epoch
        account.link = state
        account.link_time = self._clock.now()

    def heard(self, account_id: str) -> None:
        """A frame came."""
        self._account(account_id).frame_at = self._clock.monotonic()

    def terminal_told(self, account_id: str, terminal: Terminal) -> bool:
        """Keep what was said of the terminal; return whether people have to be told of a change."""
        account = self._account(account_id)
        before = account.terminal
        account.terminal = terminal
        account.terminal_time = self._clock.now()
        account.terminal_at = self._clock.monotonic()
        return before is None or _visible(before) != _visible(terminal)

    def heartbeat(self, account_id: str, heartbeat: Heartbeat) -> None:
        """Keep the ages that a heartbeat tells."""
        account = self._account(account_id)
        now = self._clock.monotonic()
        if heartbeat.read_age_seconds is not None:
            account.read_at = now - heartbeat.read_age_seconds
        if heartbeat.tick_age_seconds is not None:
            account.tick_at = now - heartbeat.tick_age_seconds

    def updated(self, account_id: str, update: LiveUpdate) -> None:
        """Keep new numbers, and pass them on."""
        account = self._account(account_id)
        read_at = self._clock.monotonic() - update.read_age_seconds
        read_time = self._clock.now() - timedelta(seconds=update.read_age_seconds)
        account.read_at = read_at
        trades = tuple(
            LiveTrade(trade_id_of(account_id, position.identifier), position, read_time, read_at)
            for position in update.positions
        )
        account.trades.update({trade.position.identifier: trade for trade in trades})
        money = None
        if update.account is not None:
            money = account.money = LiveMoney(account_id, update.account, read_time, read_at)
        for quote in update.quotes:
            account.quotes[quote.symbol] = LiveQuote(quote, read_time, read_at)
            if quote.ask >= quote.bid > 0:
                kept = account.spreads.setdefault(quote.symbol, deque(maxlen=_SPREADS))
                kept.append(quote.ask - quote.bid)
            account.tick_at = read_at
        if trades or money is not None:
            for listener in list(self._listeners):
                listener(account_id, trades, money)

    def closed(self, account_id: str, position_identifier: int) -> None:
        """A trade is over: its numbers are history."""
        self._account(account_id).trades.pop(position_identifier, None)

    def lease_granted(self, account_id: str, until: float) -> None:
        """The bridge may open until then at the latest."""
        self._account(account_id).lease_until = until

    # What readers ask.

    def link(self, account_id: str) -> LinkState:
        """Return which streams of the account's bridge live."""
        return self._account(account_id).link

    def trade(self, account_id: str, position_identifier: int) -> LiveTrade | None:
        """Return a trade's numbers."""
        return self._account(account_id).trades.get(position_identifier)

    def money(self, account_id: str) -> LiveMoney | None:
        """Return an account's money."""
        return self._account(account_id).money

    def monies(self, within_seconds: float) -> list[LiveMoney]:
        """Return the money of each account whose bridge lives and has read its terminal so lately.

        The bridge tells what has changed alone, so that a later read confirms it.
        """
        now = self._clock.monotonic()
        return [
            account.money
            for account in self._accounts.values()
            if account.money is not None
            and account.link is not LinkState.ENDED
            and account.read_at is not None
            and now - account.read_at <= within_seconds
        ]

    def quote(self, account_id: str, symbol: str, *, within_seconds: float | None = None) -> LiveQuote | None:
        """Return a quote, None where none is known or it is older than `within_seconds`."""
        found = self._account(account_id).quotes.get(symbol)
        if found is None or within_seconds is None:
            return found
        return found if self._clock.monotonic() - found.read_at <= within_seconds else None

    def median_spread(self, account_id: str, symbol: str) -> float | None:
        """Return the median spread of a symbol's last quotes, in price; None: too few are known."""
        spreads = self._account(account_id).spreads.get(symbol)
        return None if spreads is None or len(spreads) < _FEWEST_SPREADS else median(spreads)

    def read_at(self, account_id: str) -> float | None:
        """Return when the terminal was last read, on the monotonic clock; None: never."""
        return self._account(account_id).read_at

    def terminal(self, account_id: str) -> Terminal | None:
        """Return what was last said of the account's terminal."""
        return self._account(account_id).terminal

    def lease(self, account_id: str) -> tuple[bool, datetime | None]:
        """Return whether the bridge holds a lease, and when it ends or ended at the latest."""
        account = self._account(account_id)
        if account.lease_until is None:
            return False, None
        left = account.lease_until - self._clock.monotonic()
        return left > 0 and account.link is LinkState.LIVE, self._clock.now() + timedelta(seconds=left)

    def ages(self, account_id: str) -> Ages:
        """Return how old what is known is."""
        account = self._account(account_id)
        now = self._clock.monotonic()
        alive = account.link is not LinkState.ENDED
        terminal = account.terminal
        guard = None
        if terminal is not None and terminal.guard_age_seconds is not None:
            guard = terminal.guard_age_seconds + now - account.terminal_at
        return Ages(
            account_id=account_id,
            bridge=_since(account.frame_at, now) if alive else None,
            terminal=_since(account.read_at, now),
            guard=guard,
            tick=_since(account.tick_at, now),
            broker_connected=terminal.broker_connected if terminal is not None and alive else None,
        )

    def view(self, stored: AccountView) -> AccountView:
        """Return an account with what only memory knows of its bridge."""
        account = self._account(stored.account_id)
        bridge = stored.bridge
        if bridge is None:
            return stored
        state = _BRIDGE_STATES.get(account.link, bridge.state)
        changed = account.link_time
        return replace(
            stored,
            bridge=replace(
                bridge,
                state=state,
                state_time=changed or bridge.state_time,
                terminal=account.terminal,
                terminal_read_time=account.terminal_time,
            ),
        )


def _since(at: float | None, now: float) -> float | None:
    return None if at is None else max(now - at, 0.0)


def _visible(terminal: Terminal) -> Terminal:
    """What of a terminal's state people are told of at once; the rest changes with every heartbeat."""
    blind = None if terminal.blind_seconds is None else 0.0
    return replace(
        terminal, ping_milliseconds=None, guard_age_seconds=None, blind_seconds=blind, guarded_count=0
    )
