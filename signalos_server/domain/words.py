"""The contract's words as numbers with names, so that nothing inside speaks protobuf.

Each member has the number of its namesake in `protos/signalos/v1`; a test holds the two together.
"""

from __future__ import annotations

from enum import IntEnum


class Side(IntEnum):
    """Buy or sell."""

    BUY = 1
    SELL = 2

    @property
    def sign(self) -> int:
        """Return 1 for a buy, -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(IntEnum):
    """How an order executes."""

    MARKET = 1
    LIMIT = 2
    STOP = 3
    STOP_LIMIT = 4


class OrderState(IntEnum):
    """Where a pending order stands."""

    WORKING = 1
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4
    REJECTED = 5
    UNKNOWN_MISSING = 6


class TradeState(IntEnum):
    """Where a trade stands."""

    OPEN = 1
    CLOSED = 2
    UNKNOWN_MISSING = 3


class TradeOrigin(IntEnum):
    """Whose a trade or order is."""

    UNSPECIFIED = 0
    MANAGED = 1
    EXTERNAL = 2
    ADOPTED = 3


class CloseCause(IntEnum):
    """Why a deal happened or a position closed."""

    UNSPECIFIED = 0
    USER = 1
    STOP_LOSS = 2
    TAKE_PROFIT = 3
    STOP_OUT = 4
    BY_HAND = 5
    EXPERT = 6
    VIRTUAL_STOP_LOSS = 7
    VIRTUAL_TAKE_PROFIT = 8
    EMERGENCY_STOP = 9
    BROKER = 10
    SIGNALOS = 11


class DealEntry(IntEnum):
    """Whether a deal opened or closed."""

    UNSPECIFIED = 0
    IN = 1
    OUT = 2
    INOUT = 3
    OUT_BY = 4


class DistanceUnit(IntEnum):
    """The unit of a distance."""

    PRICE = 1
    POINTS = 2
    PIPS = 3


class GuardState(IntEnum):
    """What the bridge does about virtual levels."""

    UNSPECIFIED = 0
    ARMED = 1
    TRIGGERED = 2
    CLOSING = 3
    CLOSED = 4
    CLOSE_FAILED = 5


class CommandState(IntEnum):
    """Where a command stands."""

    PENDING = 1
    DELIVERED = 2
    RUNNING = 3
    SUCCEEDED = 4
    PARTIAL = 5
    REJECTED = 6
    EXPIRED = 7
    CANCELLED = 8
    FENCED = 9
    UNKNOWN = 10

    @property
    def is_final(self) -> bool:
        """Return whether nothing more is expected."""
        return self in _FINAL

    @property
    def executed(self) -> bool:
        """Return whether the terminal confirmed at least a part."""
        return self in (CommandState.SUCCEEDED, CommandState.PARTIAL)


_FINAL = frozenset(
    (
        CommandState.SUCCEEDED,
        CommandState.PARTIAL,
        CommandState.REJECTED,
        CommandState.EXPIRED,
        CommandState.CANCELLED,
        CommandState.FENCED,
    )
)


class LegState(IntEnum):
    """Where a leg stands."""

    UNSPECIFIED = 0
    PLANNED = 1
    CALLING = 2
    PLACED = 3
    DONE = 4
    PARTIAL = 5
    NOT_DONE = 6
    UNKNOWN = 7


class CommandOrigin(IntEnum):
    """Who or what started a command."""

    USER = 1
    SIGNAL = 2
    GUARD = 3
    LADDER = 4
    TRAILING = 5
    STOP = 6
    LOCAL = 7


class LapsePolicy(IntEnum):
    """What a bridge does with our pending orders when its lease lapses."""

    CANCEL_PENDINGS = 1
    HOLD = 2
    FLATTEN = 3


class StopScope(IntEnum):
    """Which accounts a stop covers."""

    UNSPECIFIED = 0
    ACCOUNTS = 1
    USER = 2
    EVERYTHING = 3


class StopTriggerKind(IntEnum):
    """What stops trading by itself; UNSPECIFIED: a person or a bridge's machine did."""

    UNSPECIFIED = 0
    UNKNOWN_OUTCOMES = 1
    OPEN_RATE = 2
    IDENTICAL_OPENS = 3
    CLOCK_JUMP = 4
    LOOP_LAG = 5
    # No rule of the stop settings: a limit of the account that reached its hard level.
    LIMIT = 6


class EquityFloorAction(IntEnum):
    """What the bridge does when equity stays below the least that is allowed."""

    BLOCK = 1
    HALT = 2
    FLATTEN = 3


class StopTicketState(IntEnum):
    """What became of a ticket under a stop."""

    UNSPECIFIED = 0
    PENDING = 1
    DONE = 2
    RETRYING = 3
    MARKET_CLOSED = 4
    LEFT = 5
    UNKNOWN = 6


class SyncTrigger(IntEnum):
    """What started a sync."""

    UNSPECIFIED = 0
    START = 1
    RECONNECT = 2
    REQUEST = 3
    BACKGROUND = 4
    ACCOUNT_CHANGE = 5


class SyncDifferenceKind(IntEnum):
    """What a difference is."""

    UNSPECIFIED = 0
    OPENED_OUTSIDE = 1
    CLOSED = 2
    PARTIALLY_CLOSED = 3
    LEVEL_MOVED = 4
    ORDER_FILLED = 5
    ORDER_CANCELLED = 6
    VOLUME_CHANGED = 7
    COMMAND_RESOLVED = 8
    UNKNOWN_MISSING = 9
    ORDER_PLACED_OUTSIDE = 10
    ORDER_MOVED = 11
    OPENED_BY_COMMAND = 12
    ORDER_EXPIRED = 13
    POSITION_CHANGED = 14
    MONEY_MOVED = 15
    DEAL_SEEN = 16


class BridgeState(IntEnum):
    """Whether a bridge is there."""

    PAIRED = 1
    CONNECTED = 2
    DEGRADED = 3
    DISCONNECTED = 4
    REVOKED = 5


class TerminalState(IntEnum):
    """How far a terminal is reachable."""

    UNSPECIFIED = 0
    UNREACHABLE = 1
    NOT_LOGGED_IN = 2
    TRADING_OFF = 3
    READY = 4
    ACCOUNT_MISMATCH = 5


class SymbolTradeMode(IntEnum):
    """What may be done with a symbol."""

    UNSPECIFIED = 0
    DISABLED = 1
    LONG_ONLY = 2
    SHORT_ONLY = 3
    CLOSE_ONLY = 4
    FULL = 5


class MarginMode(IntEnum):
    """How positions of one symbol are kept."""

    UNSPECIFIED = 0
    NETTING = 1
    EXCHANGE = 2
    HEDGING = 3


class TradeMode(IntEnum):
    """Demo, contest or real."""

    UNSPECIFIED = 0
    DEMO = 1
    CONTEST = 2
    REAL = 3


class Severity(IntEnum):
    """How bad an alert is."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3
