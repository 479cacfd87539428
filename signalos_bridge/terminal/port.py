"""What the bridge may ask of its terminal, and what it is told. The rest of the bridge knows no other way.

Every method returns promptly for the event loop: a terminal that hangs never hangs the caller's loop.
Calls wait in one lane by `Priority`; at most one is in the terminal at a time.
Instants named `..._at` are `time.monotonic()` seconds of this machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from signalos_bridge.domain.market import (
    AccountSnapshot,
    BoundAccount,
    Deal,
    Filling,
    HistoryOrder,
    Position,
    Side,
    SymbolSpec,
    TerminalStatus,
    Tick,
    WorkingOrder,
)
from signalos_bridge.domain.orders import Order, Priority
from signalos_bridge.domain.outcomes import BrokerAnswer, Outcome

ORDER_TIMEOUT_SECONDS = 30.0
READ_TIMEOUT_SECONDS = 5.0
# What a running call may still take once an emergency stop waits behind it.
STOP_TIMEOUT_SECONDS = 5.0


class TerminalUnavailable(Exception):  # noqa: N818 (it names a state of the world, not a fault)
    """A read was not answered: no child, no pipe, time-out, or the terminal returned `None`.

    Nothing is known, which is not the same as nothing being there. Orders never raise this: what became of
    them is in `TerminalAnswer.outcome`.
    """

    def __init__(self, why: str, error_code: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.error_code = error_code


@dataclass(frozen=True, slots=True)
class Clearance:
    """What held at the instant at which a call was about to be handed to the terminal.

    `refusal` (a stable code, with `words`) keeps the call from being made; its outcome is then a `NotDone`
    with that code. `latched` is handed down with the call, and the child refuses what increases risk.
    """

    latched: bool
    refusal: str | None = None
    words: str = ""


Gate = Callable[[], Clearance]
"""Asked once, synchronously, when the call leaves the lane: time to live, stop, lease and epoch are judged
then and not when it was queued. Returning a clear `Clearance` *is* the start of the terminal call."""


@dataclass(frozen=True, slots=True)
class SentRequest:
    """The request as it went to `order_send` (MetaTrader's own field names and units); None: not sent."""

    action: int
    symbol: str
    volume: Decimal | None = None
    type: int | None = None
    price: Decimal | None = None
    stoplimit: Decimal | None = None
    sl: Decimal | None = None
    tp: Decimal | None = None
    deviation: int | None = None
    type_filling: Filling | None = None
    type_time: int | None = None
    expiration: int | None = None
    position: int | None = None
    position_by: int | None = None
    order: int | None = None
    magic: int = 0
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the terminal shows of one position right after an order's result.

    `position` None: it is not open any more. `deals` are all of its life, the order's own among them.
    """

    identifier: int
    ticket: int
    position: Position | None
    deals: tuple[Deal, ...]
    at: float


@dataclass(frozen=True, slots=True)
class TerminalAnswer:
    """What became of one request.

    `request` None: the terminal was certainly not asked. With an `Ambiguous` outcome and `raw` None the
    terminal (or its child process) was lost in the middle of the call. `shown` None: the terminal does not
    show yet, in positions and deals, what it answered; the watch tells it later.
    """

    outcome: Outcome
    raw: BrokerAnswer | None
    request: SentRequest | None
    queued_seconds: float
    call_seconds: float
    shown: Shown | None = None


@dataclass(frozen=True, slots=True)
class TerminalSnapshot:
    """Positions, orders, recent deals and account that belong together.

    Positions were read before and after the rest with equal facts. `deals` and `history_orders` begin at the
    `deals_from_msc` that was asked for.
    """

    account: AccountSnapshot
    status: TerminalStatus
    positions: tuple[Position, ...]
    orders: tuple[WorkingOrder, ...]
    deals: tuple[Deal, ...]
    history_orders: tuple[HistoryOrder, ...]
    read_at: float


@dataclass(frozen=True, slots=True)
class History:
    """Finished orders and deals of a span of broker time, each once, in order of ticket."""

    orders: tuple[HistoryOrder, ...]
    deals: tuple[Deal, ...]


@dataclass(frozen=True, slots=True)
class MagicTrace:
    """Everything in the terminal that carries one magic number, and whether its silence can be believed.

    `connected` is whether the terminal was linked to its trade server, with the bound account and plausible
    figures, before and after the reads: only then does finding nothing count. Deals
    closing such a position by hand or by its levels are included through its identifier.
    """

    magic: int
    positions: tuple[Position, ...]
    orders: tuple[WorkingOrder, ...]
    history_orders: tuple[HistoryOrder, ...]
    deals: tuple[Deal, ...]
    connected: bool
    read_at: float

    @property
    def empty(self) -> bool:
        """Return whether no trace was found."""
        return not (self.positions or self.orders or self.history_orders or self.deals)


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What `order_check` thinks, which the broker may still overrule. `retcode` 0: passed."""

    retcode: int
    words: str
    margin: Decimal
    free_margin: Decimal
    margin_level_percent: Decimal


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look at besides account, positions, orders and deals.

    Of `guarded_symbols` every tick is delivered; of `quoted_symbols` the latest at each poll.
    """

    guarded_symbols: frozenset[str] = frozenset()
    quoted_symbols: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WatchStarted:
    """Watching began, or began again after a gap in which changes may have been missed.

    The next changes describe everything (`baseline` True). Deals of the gap are not in them: ask `history`.
    """

    reason: str
    at: float


@dataclass(frozen=True, slots=True)
class PositionsChanged:
    """Positions that appeared or differ, and tickets no longer there (closed only if a deal says so).

    `baseline`: `changed` is the whole set, and whatever was known besides is gone.
    """

    changed: tuple[Position, ...]
    gone: tuple[int, ...]
    baseline: bool
    at: float


@dataclass(frozen=True, slots=True)
class OrdersChanged:
    """Working orders that appeared or differ, and tickets that are no longer working."""

    changed: tuple[WorkingOrder, ...]
    gone: tuple[int, ...]
    baseline: bool
    at: float


@dataclass(frozen=True, slots=True)
class HistoryAppeared:
    """Deals and finished orders not seen before by this watch, in order of ticket."""

    deals: tuple[Deal, ...]
    orders: tuple[HistoryOrder, ...]
    at: float


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """The account's figures differ."""

    account: AccountSnapshot
    at: float


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """Pipe, link, log-in or switches differ."""

    status: TerminalStatus
    at: float


@dataclass(frozen=True, slots=True)
class TicksArrived:
    """Quotes of one symbol, oldest first.

    `complete`: every tick since the previous event of this symbol is here (guarded symbols). False: the
    latest only, or the terminal could not give those between.
    """

    symbol: str
    ticks: tuple[Tick, ...]
    complete: bool
    at: float


TerminalChange = (
    WatchStarted
    | PositionsChanged
    | OrdersChanged
    | HistoryAppeared
    | AccountChanged
    | StatusChanged
    | TicksArrived
)


class Terminal(Protocol):
    """One MetaTrader 5 terminal, logged in to one account."""

    async def submit(
        self,
        order: Order,
        *,
        gate: Gate,
        priority: Priority | None = None,
        timeout_seconds: float = ORDER_TIMEOUT_SECONDS,
    ) -> TerminalAnswer:
        """Make the request once, and say what became of it. Never raises but for cancellation.

        Cancelling while it waits in the lane withdraws it; cancelling later abandons the answer, not the
        order. `timeout_seconds` bounds the call itself; past it the child is killed and the outcome is
        `Ambiguous`. Account, latch and (for closes) the position are checked in the child just before.
        `priority` None: as `priority_of(order)`.
        """
        ...

    async def check(self, order: Order) -> CheckResult:
        """Ask the terminal whether the order would pass, without sending it."""
        ...

    async def snapshot(self, *, deals_from_msc: int) -> TerminalSnapshot:
        """Read everything consistently, deals from that broker time on.

        Raises `TerminalUnavailable` when the terminal is not connected, another account is logged in, what
        it shows is not plausible yet, or three tries did not hold still.
        """
        ...

    async def history(self, from_msc: int, to_msc: int | None = None) -> History:
        """Read a span of broker time, in pages; `to_msc` None: to the newest there is."""
        ...

    async def positions(self) -> tuple[Position, ...]:
        """Read all open positions, external ones included."""
        ...

    async def position(self, ticket: int) -> Position | None:
        """Read one position; None: the terminal says that there is none."""
        ...

    async def orders(self) -> tuple[WorkingOrder, ...]:
        """Read all working orders."""
        ...

    async def deals_of_position(self, identifier: int) -> tuple[Deal, ...]:
        """Read all deals of a position's life."""
        ...

    async def history_order(self, ticket: int) -> HistoryOrder | None:
        """Read one finished order; None: the terminal's history has none."""
        ...

    async def account(self) -> AccountSnapshot:
        """Read the account."""
        ...

    async def symbol(self, name: str) -> SymbolSpec | None:
        """Read one symbol's rules by its exact name; None: the broker has no such symbol."""
        ...

    async def symbols(self) -> tuple[SymbolSpec, ...]:
        """Read all symbols, in pages."""
        ...

    async def tick(self, symbol: str) -> Tick | None:
        """Select the symbol if need be and read its latest quote; None: no quote yet."""
        ...

    async def find_by_magic(self, magic: int, *, from_msc: int) -> MagicTrace:
        """Look for a magic number among positions, orders, and history from that broker time on."""
        ...

    async def calc_margin(self, symbol: str, side: Side, volume_lots: Decimal, price: Decimal) -> Decimal:
        """Return the margin that such a market order needs, in the account's currency."""
        ...

    async def calc_profit(
        self, symbol: str, side: Side, volume_lots: Decimal, open_price: Decimal, close_price: Decimal
    ) -> Decimal:
        """Return what such a trade earns, in the account's currency."""
        ...

    def bind(self, account: BoundAccount) -> None:
        """Name the one account that may be traded. Until then every order is refused."""
        ...

    def watch(self, watch: Watch) -> None:
        """Replace what is watched; takes effect at the next poll."""
        ...

    def changes(self) -> AsyncIterator[TerminalChange]:
        """Yield what changes, in order, for one consumer. Ends when the terminal is closed.

        A consumer that falls far behind gets `WatchStarted` and a baseline instead of a silent hole.
        """
        ...

    @property
    def status(self) -> TerminalStatus:
        """The latest status; before the first reading NO_PIPE."""
        ...

    @property
    def last_read_at(self) -> float | None:
        """When positions were last read as facts (connected, right account); None: never.

        Its age is how long the guard has been blind.
        """
        ...

    @property
    def busy_since(self) -> float | None:
        """Since when one order call has been in the terminal; None: quiet."""
        ...

    @property
    def risk_in_flight(self) -> bool:
        """Whether a call that increases risk is in the terminal now, and could not be recalled."""
        ...

    async def until_quiet(self) -> None:
        """Return once no order call is in the terminal (at once if none is)."""
        ...

    def expedite(self) -> None:
        """Say that an emergency stop waits: the running call has at most `STOP_TIMEOUT_SECONDS` left."""
        ...
