"""What a bridge is asked to do, and what became of it. The words are the contract's, without its prefixes.

Volumes, prices and money are `Decimal`; `None` means absent or unknown. Deadlines are seconds of the bridge's
own clock (`signalos_bridge.clock.Clock.seconds`), which counts on while the machine sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from signalos_bridge.domain.market import Side
from signalos_bridge.domain.protection import PlanStart, ProtectionPlan


class CommandOrigin(Enum):
    """Who or what started a command."""

    USER = "USER"
    SIGNAL = "SIGNAL"
    GUARD = "GUARD"
    LADDER = "LADDER"
    TRAILING = "TRAILING"
    STOP = "STOP"
    LOCAL = "LOCAL"

    @property
    def is_bridge(self) -> bool:
        """Return whether the bridge itself starts commands of this origin."""
        return self not in (CommandOrigin.USER, CommandOrigin.SIGNAL)


class CommandState(Enum):
    """Where a command stands. PENDING exists at the server only."""

    DELIVERED = "DELIVERED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    FENCED = "FENCED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """Return whether nothing more happens; UNKNOWN is not final, it is resolved."""
        return self not in (CommandState.DELIVERED, CommandState.RUNNING, CommandState.UNKNOWN)


class LegState(Enum):
    """Where a leg stands."""

    PLANNED = "PLANNED"
    CALLING = "CALLING"
    PLACED = "PLACED"
    DONE = "DONE"
    PARTIAL = "PARTIAL"
    NOT_DONE = "NOT_DONE"
    UNKNOWN = "UNKNOWN"

    @property
    def is_final(self) -> bool:
        """Return whether the leg's fate is known and cannot change."""
        return self in (LegState.DONE, LegState.PARTIAL, LegState.NOT_DONE)


class OpenKind(Enum):
    """How an open executes (`OrderType` of the contract)."""

    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP = "STOP"


class DistanceUnit(Enum):
    """The unit of a trailing stop's distances."""

    PRICE = "PRICE"
    POINTS = "POINTS"
    PIPS = "PIPS"


class LapsePolicy(Enum):
    """What is done with pending orders when the lease lapses."""

    CANCEL_PENDINGS = "CANCEL_PENDINGS"
    HOLD = "HOLD"
    FLATTEN = "FLATTEN"


class AlertSeverity(Enum):
    """How bad an alert is."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


@dataclass(frozen=True, slots=True)
class RiskAmount:
    """How much may be lost at the stop; exactly one is set. Percents are 0-100, money is the account's."""

    equity_percent: Decimal | None = None
    balance_percent: Decimal | None = None
    money: Decimal | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.equity_percent, self.balance_percent, self.money) if v is not None]
        if len(given) != 1 or not given[0].is_finite() or given[0] <= 0:
            raise ValueError("risk is exactly one positive amount")


@dataclass(frozen=True, slots=True)
class OpenAction:
    """Open a position or place a pending order. Exactly one of `volume_lots` and `risk` is set."""

    symbol: str
    side: Side
    kind: OpenKind
    volume_lots: Decimal | None
    risk: RiskAmount | None = None
    price: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()
    deviation_points: int | None = None
    expire_after_seconds: float | None = None
    comment: str = ""
    protection: ProtectionPlan | None = None


@dataclass(frozen=True, slots=True)
class CloseAction:
    """Close a position: a `fraction` of its volume when the bridge acts, or `volume_lots`, or all of it."""

    position_identifier: int
    fraction: Decimal | None = None
    volume_lots: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ModifyAction:
    """Set levels of a position; a level that is set to None is removed, one that is not set stays."""

    position_identifier: int
    set_stop_loss: bool
    stop_loss: Decimal | None
    set_take_profit: bool
    take_profit: Decimal | None


@dataclass(frozen=True, slots=True)
class ModifyOrderAction:
    """Move a pending order; `price` None leaves it where it is."""

    order_ticket: int
    price: Decimal | None
    set_stop_loss: bool
    stop_loss: Decimal | None
    set_take_profit: bool
    take_profit: Decimal | None


@dataclass(frozen=True, slots=True)
class CancelOrderAction:
    """Cancel a pending order."""

    order_ticket: int


@dataclass(frozen=True, slots=True)
class CloseAllAction:
    """Close every position that SignalOS manages, external ones too where asked; `symbol` empty: all."""

    external: bool
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class AdoptAction:
    """Take a position that was opened outside under management."""

    position_identifier: int


@dataclass(frozen=True, slots=True)
class BreakEvenAction:
    """Move the stop to the open price plus what leaving costs; `offset`, a difference of prices, beyond."""

    position_identifier: int
    offset: Decimal = Decimal(0)


Action = (
    OpenAction
    | CloseAction
    | ModifyAction
    | ModifyOrderAction
    | CancelOrderAction
    | CloseAllAction
    | AdoptAction
    | BreakEvenAction
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it reached the bridge, or as the bridge started it itself.

    `deadline` None: it does not expire (what guards and stops start). `cause` and `stop_id` belong to what
    the bridge starts itself.
    """

    command_id: str
    origin: CommandOrigin
    action: Action
    stop_generation: int
    automated: bool
    deadline: float | None
    cause: str = ""
    stop_id: str = ""


@dataclass(frozen=True, slots=True)
class LegReport:
    """One order or one ticket of a command, as reported."""

    index: int
    state: LegState
    magic: int
    ticket: int
    asked_volume_lots: Decimal
    filled_volume_lots: Decimal
    price: Decimal | None
    order_ticket: int
    deal_ticket: int
    retcode: int | None
    message: str
    attempt_count: int
    position_identifier: int


@dataclass(frozen=True, slots=True)
class LocalStart:
    """What a command was that the bridge started itself. `start_wall_msc` is UTC, for the audit only."""

    origin: CommandOrigin
    action: Action
    cause: str
    start_wall_msc: int
    stop_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command; sent again until acknowledged. A correction has a higher number.

    `reason` is a stable code, empty after full success; `message` says it in words with the numbers.
    """

    command_id: str
    outcome_number: int
    state: CommandState
    reason: str
    message: str
    legs: tuple[LegReport, ...]
    asked_volume_lots: Decimal
    filled_volume_lots: Decimal
    queue_seconds: float | None
    terminal_seconds: float | None
    local: LocalStart | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A command is in the journal (DELIVERED), or the intent of its first terminal call is (RUNNING).

    `at`: since when, in monotonic seconds.
    """

    command_id: str
    state: CommandState
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a command stands in this journal; `state` None: it was never seen."""

    command_id: str
    state: CommandState | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not done: a stable code, and words with the numbers."""

    code: str
    message: str


class FloorAction(Enum):
    """What is done when equity stays below the least that is allowed, with or without the server."""

    BLOCK = "BLOCK"
    HALT = "HALT"
    FLATTEN = "FLATTEN"


@dataclass(frozen=True, slots=True)
class Limits:
    """Enforced before each order that increases exposure; None is off. Nothing here ever blocks closing."""

    maximum_order_lots: Decimal | None = None
    maximum_positions: int | None = None
    maximum_spread_points: Decimal | None = None
    minimum_equity: Decimal | None = None
    minimum_equity_action: FloorAction = FloorAction.BLOCK


@dataclass(frozen=True, slots=True)
class TrailingPlan:
    """A trailing stop as wanted. `step` 0 is one tick; `activation` (in `unit`) and `start` None: at once."""

    distance: Decimal
    unit: DistanceUnit
    step: Decimal = Decimal(0)
    activation: Decimal | None = None
    start: PlanStart | None = None
    min_interval_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class TrailingStop:
    """A trailing stop as the bridge keeps it."""

    plan: TrailingPlan
    high_water_price: Decimal | None = None
    activated: bool = False
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class TradePolicy:
    """What is wanted of one trade; `trailing` None: no trailing stop.

    `revision` rises with each change of the trailing stop, `protection_revision` with each of `protection`;
    it is 0 while nobody has asked for one, so that what came with the opening command stands. `stealth` None:
    as the account.
    """

    position_identifier: int
    trailing: TrailingPlan | None
    revision: int
    protection: ProtectionPlan | None = None
    protection_revision: int = 0
    stealth: bool | None = None


@dataclass(frozen=True, slots=True)
class StealthSettings:
    """How levels are hidden at an account.

    `mandatory_stop`: the account has to show a stop loss, so that only take profits are hidden. A hidden take
    profit waits while the spread is above `target_spread_points` (None: never), and until it was reached for
    `target_delay_seconds`. Levels are shown before the week's close unless `hidden_over_weekend`, and after
    `link_losses` losses of the terminal's link to its broker within an hour (0: never).
    """

    mandatory_stop: bool = False
    target_spread_points: Decimal | None = None
    target_delay_seconds: float = 0.0
    hidden_over_weekend: bool = False
    link_losses: int = 3


@dataclass(frozen=True, slots=True)
class Policies:
    """The part of the desired state that the core keeps to (stop, pause and lease are the gate's)."""

    revision: int
    stealth: bool
    limits: Limits
    trades: tuple[TradePolicy, ...]
    stealth_settings: StealthSettings = StealthSettings()


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person has to know, or the end of it. `key` makes repeats recognisable."""

    key: str
    severity: AlertSeverity
    code: str
    message: str
    known: str = ""
    advice: str = ""
    command_id: str = ""
    position_identifier: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class OpenCheck:
    """What an order would be, counted with live numbers and not sent. `problems` empty: it would pass."""

    unknown_symbol: bool
    unavailable: bool
    retcode: int
    problems: tuple[str, ...]
    volume_lots: Decimal | None
    price: Decimal | None
    risk_money: Decimal | None
    reward_money: Decimal | None
    margin: Decimal | None
    currency: str
    spread_points: Decimal | None
