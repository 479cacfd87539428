"""The records that are joined, as values. Times are seconds since 1970 on the clock of whoever wrote them.

States and kinds are the contract's words (`SUCCEEDED`, `open`), whatever the record stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

FINAL = frozenset({"SUCCEEDED", "PARTIAL", "REJECTED", "EXPIRED", "CANCELLED", "FENCED"})
NOT_EXECUTED = frozenset({"REJECTED", "EXPIRED", "CANCELLED", "FENCED"})
EXECUTED = frozenset({"SUCCEEDED", "PARTIAL"})

# MetaTrader's numbers.
ACTION_DEAL, ACTION_PENDING, ACTION_SLTP, ACTION_MODIFY, ACTION_REMOVE, ACTION_CLOSE_BY = 1, 5, 6, 7, 8, 10
ACCEPTED = frozenset({10008, 10009, 10010})
UNCHANGED = 10025
# Answers after which nobody knows what the broker did.
AMBIGUOUS = frozenset({10011, 10012, 10031})
# A double that carries lots, against an exact decimal.
DUST = Decimal("1e-9")


# -- the server's database ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """One account; `login` None: no bridge was paired with it yet."""

    account_id: str
    owner_user_id: str
    login: int | None
    magic_prefix: int


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge as the server knows it; `journals`: what of each of its journals is committed."""

    bridge_id: str
    account_id: str
    session_epoch: int
    revoked: bool
    # The journal that it has now; others were its memory once.
    journal_id: str
    journals: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Leg:
    """One order or ticket of a command."""

    index: int
    state: str
    magic: int
    ticket: int
    asked_volume_lots: Decimal
    filled_volume_lots: Decimal
    order_ticket: int
    deal_ticket: int
    attempt_count: int
    position_identifier: int


@dataclass(frozen=True, slots=True)
class Command:
    """A command as the server has it. `order_type` is that of an open, else empty."""

    command_id: str
    account_id: str
    user_id: str
    request_id: str
    origin: str
    state: str
    kind: str
    order_type: str
    symbol: str
    legs: tuple[Leg, ...]
    increases_risk: bool
    created: float
    time_to_live: float
    ended: float | None
    offered_epoch: int | None
    outcome_number: int
    asked_volume_lots: Decimal
    filled_volume_lots: Decimal
    resolved_by_person: bool
    reason: str

    @property
    def final(self) -> bool:
        """Return whether nothing more is expected."""
        return self.state in FINAL

    @property
    def deals_at_once(self) -> bool:
        """Return whether success means deals: not for levels, orders that wait, and what is only recorded."""
        if self.kind == "open":
            return self.order_type == "MARKET"
        return self.kind in ("close", "close_all")


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade on record."""

    trade_id: str
    account_id: str
    state: str
    position_identifier: int
    symbol: str
    side: int
    volume_lots: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None


@dataclass(frozen=True, slots=True)
class Order:
    """A pending order on record."""

    order_id: str
    account_id: str
    state: str
    ticket: int
    symbol: str
    remaining_volume_lots: Decimal


@dataclass(frozen=True, slots=True)
class Deal:
    """A deal on record, as the bridge told it."""

    account_id: str
    ticket: int
    order_ticket: int
    position_identifier: int
    magic: int
    volume_lots: Decimal
    # The number of `signalos.v1.DealEntry`: 1 in, 2 out, 3 in and out, 4 out by.
    entry: int


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert."""

    alert_id: str
    account_id: str
    code: str
    command_id: str
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class StopAt:
    """An emergency stop at one account. Times are unset where a stage was not reached."""

    stop_id: str
    account_id: str
    called: float
    close_positions: bool
    latched: float | None
    flat: float | None
    rearmed: float | None
    unrecalled_command_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A user's stream of events."""

    user_id: str
    epoch: str
    seq: int
    forgotten_seq: int
    # Administrators see every account.
    administrator: bool


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of a stream. `subject` is the command or position that it is about, where it is about one."""

    user_id: str
    seq: int
    event_id: str
    kind: str
    account_id: str
    subject: str = ""
    time: float = 0.0
    # The session under which a bridge told it; empty and 0: not a bridge's word.
    bridge_id: str = ""
    bridge_epoch: int = 0


@dataclass(frozen=True, slots=True)
class Database:
    """What the server has on record, read in one snapshot that was begun at `read_at`."""

    read_at: float
    accounts: Mapping[str, Account]
    bridges: tuple[Bridge, ...]
    commands: Mapping[str, Command]
    # (user, request) -> command; empty: the call changed a policy.
    requests: Mapping[tuple[str, str], str]
    trades: tuple[Trade, ...]
    orders: tuple[Order, ...]
    deals: tuple[Deal, ...]
    alerts: tuple[Alert, ...]
    stops: tuple[StopAt, ...]
    streams: Mapping[str, Stream]
    events: tuple[StreamEvent, ...]

    def account_of(self, journal_id: str) -> str | None:
        """Return the account whose bridge has this journal now; None: it is nobody's present memory."""
        for bridge in self.bridges:
            if bridge.journal_id == journal_id and not bridge.revoked:
                return bridge.account_id
        return None


# -- a bridge's journal and latch ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JournalOutcome:
    """An outcome as the bridge wrote it."""

    command_id: str
    number: int
    acknowledged: bool
    state: str


@dataclass(frozen=True, slots=True)
class HeldStop:
    """A stop in a latch file; `latched`: when its record was made, shortly before it was on the disk."""

    stop_id: str
    latched: float
    cleared: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """A bridge's own memory. `path` names it in evidence."""

    path: str
    journal_id: str
    prefix: int
    # The last event that the server acknowledged, and the last one that was given a number.
    acknowledged_seq: int
    last_seq: int
    commands: Mapping[str, str]
    outcomes: tuple[JournalOutcome, ...]
    # magic -> (command, number of attempts)
    legs: Mapping[int, tuple[str, int]]
    # position identifier -> lots; pending order tickets
    positions: Mapping[int, Decimal]
    orders: frozenset[int]
    latch: tuple[HeldStop, ...]
    # When the oldest command that it still remembers came; None: it remembers none.
    oldest_command: float | None


# -- the broker's ledger ------------------------------------------------------------------------------------


@dataclass(slots=True)
class BrokerRequest:
    """One `order_send` as the broker received it, and what it did."""

    line: int
    serial: int
    login: int
    at: float
    action: int
    magic: int
    position: int
    order: int
    volume: Decimal
    retcode: int | None = None
    order_ticket: int = 0
    # What the caller was told; None with `answered`: it got `None`.
    told_retcode: int | None = None
    answered: bool = False

    @property
    def accepted(self) -> bool:
        """Return whether the broker took it."""
        return self.retcode in ACCEPTED

    @property
    def told_ambiguously(self) -> bool:
        """Return whether its caller could not know from the answer what was done."""
        return self.answered and (self.told_retcode is None or self.told_retcode in AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class BrokerDeal:
    """One execution at the broker; `serial` is that of the request behind it, None: there is none."""

    line: int
    login: int
    ticket: int
    order: int
    position: int
    # 0 in, 1 out, 2 in and out, 3 out by.
    entry: int
    magic: int
    volume: Decimal
    symbol: str
    at: float
    serial: int | None
    # A buy or sell; balance operations and the like are no executions.
    trading: bool


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """An open position at the broker."""

    login: int
    ticket: int
    identifier: int
    symbol: str
    # 0 buy, 1 sell.
    side: int
    volume: Decimal
    stop_loss: Decimal
    take_profit: Decimal


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a broker received and did, and what is open in the end. `path` names it in evidence."""

    path: str
    requests: tuple[BrokerRequest, ...]
    deals: tuple[BrokerDeal, ...]
    positions: tuple[BrokerPosition, ...]
    # Tickets of working orders with their logins.
    orders: frozenset[tuple[int, int]]
    logins: frozenset[int]


# -- what clients were told, and what probes received --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Statement:
    """A command's state as a client was told it."""

    source: str
    at: float
    command_id: str
    state: str
    filled_volume_lots: Decimal


@dataclass(frozen=True, slots=True)
class StopStatement:
    """A stop that a client was told to be latched at an account."""

    source: str
    at: float
    stop_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class KeyedAnswer:
    """A command that a client was given for its key."""

    source: str
    client: str
    key: str
    command_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What clients were told in all. `calls` counts them."""

    calls: int = 0
    statements: tuple[Statement, ...] = ()
    stops: tuple[StopStatement, ...] = ()
    keyed: tuple[KeyedAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeFrame:
    """One lossless frame, snapshot or gap as a probe received it.

    `kind` is the frame's type, or `open`/`closed` for the socket itself. `seq` and `epoch` are the snapshot's
    own for a snapshot, and the cursor's for `open` (epoch empty: from a snapshot).
    """

    source: str
    kind: str
    seq: int = 0
    epoch: str = ""
    event_id: str = ""
    account_id: str = ""
    # What it says of trades and orders: (id, state, lots); of everything in a snapshot.
    trades: tuple[tuple[str, str, Decimal], ...] = ()
    orders: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What one WebSocket received, in order."""

    name: str
    frames: tuple[ProbeFrame, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """How the records are to be judged.

    `at_rest`: every fault has healed and every deadline has passed, nothing moves any more: everything must
    be final and agree. `grace_seconds`: how far apart records may be read on a live system. `final_seconds`:
    what P1 allows a command beyond its time to live. `server_clock`: the server's times may be compared with
    the broker's (one machine, or clocks that agree).
    """

    at_rest: bool = False
    grace_seconds: float = 10.0
    final_seconds: float = 60.0
    settle_seconds: float = 130.0
    server_clock: bool = True


@dataclass(frozen=True, slots=True)
class Records:
    """Everything that is joined. What was not given is empty, and then not checked."""

    database: Database
    journals: tuple[Journal, ...] = ()
    ledgers: tuple[Ledger, ...] = ()
    told: Told = field(default_factory=Told)
    probes: tuple[Probe, ...] = ()
