"""What a parse of a message is: its fields, its gate, and the reasons with their places in the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from signalos_server.domain.words import Side


class Kind(StrEnum):
    """The primary action of a message."""

    OPEN = "open"
    MODIFY = "modify"
    CLOSE = "close"
    PARTIAL_CLOSE = "partial_close"
    BREAKEVEN = "breakeven"
    CANCEL = "cancel"
    NONE = "none"


class EntryType(StrEnum):
    """How an entry is meant. AUTO: a price without a type; the live quote decides."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    AUTO = "auto"


class Target(StrEnum):
    """What an update acts on. A leg (TP1, ENTRY1, …) is of the referenced signal."""

    POSITION = "position"
    SIDE = "side"
    ALL = "all"
    PENDING = "pending"
    TP1 = "tp1"
    TP2 = "tp2"
    TP3 = "tp3"
    TP4 = "tp4"
    ENTRY1 = "entry1"
    ENTRY2 = "entry2"
    ENTRY3 = "entry3"


class Announcement(StrEnum):
    """What a message tells of. Never an instruction by itself."""

    TP_HIT = "tp_hit"
    SL_HIT = "sl_hit"
    RUNNING = "running"
    CLOSED_REPORT = "closed_report"


class Gate(StrEnum):
    """What may be done with a parse.

    OK: may go to the risk engine. POLICY: the parse is right, admission is for the configuration or a
    person. REJECT: never an order or a close, whatever the configuration. NONE: nothing to execute.
    """

    OK = "ok"
    POLICY = "policy"
    REJECT = "reject"
    NONE = "none"

    @property
    def strictness(self) -> int:
        """Return how much a gate holds back: OK least."""
        return _STRICTNESS[self]


_STRICTNESS = {Gate.OK: 0, Gate.POLICY: 1, Gate.NONE: 2, Gate.REJECT: 3}


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the original text: `text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a gate is not OK, or what was read past: a stable code, words for a person, and where."""

    code: str
    text: str
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Risk:
    """How much a signal says to risk: one of a percentage, an amount of money, a number without unit."""

    percent: Decimal | None = None
    money: Decimal | None = None
    currency: str | None = None
    raw: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Parse:
    """What one message says. Prices are absolute; distances are in pips as the text has them."""

    kind: Kind = Kind.NONE
    gate: Gate = Gate.NONE
    symbol: str | None = None
    side: Side | None = None
    entry_type: EntryType | None = None
    # (low, high); a single price is repeated.
    entry: tuple[Decimal, Decimal] | None = None
    stop_loss: Decimal | None = None
    take_profits: tuple[Decimal, ...] = ()
    stop_loss_pips: Decimal | None = None
    take_profit_pips: tuple[Decimal, ...] = ()
    # The last part runs without a take profit.
    take_profit_open: bool = False
    volume_lots: Decimal | None = None
    risk: Risk | None = None
    # Share of the current volume, 0..1.
    fraction: Decimal | None = None
    target: Target | None = None
    take_profit_index: int | None = None
    trail_pips: Decimal | None = None
    event: Announcement | None = None
    also: tuple[Parse, ...] = ()
    reasons: tuple[Reason, ...] = ()
    # Where each field was read: field name -> place in the text.
    spans: tuple[tuple[str, Span], ...] = ()

    @property
    def executable(self) -> bool:
        """Return whether the gate lets this parse go on to the risk engine by itself."""
        return self.kind is not Kind.NONE and self.gate is Gate.OK

    @property
    def meaning(self) -> tuple[object, ...]:
        """Return what two messages have in common when one repeats the other: the dedupe key."""
        return (
            self.kind,
            self.symbol,
            self.side,
            self.entry,
            self.stop_loss,
            self.take_profits,
            self.stop_loss_pips,
            self.take_profit_pips,
            self.fraction,
            self.target,
            tuple(other.meaning for other in self.also),
        )


@dataclass(frozen=True, slots=True)
class Context:
    """What is known beside the text.

    `parent`: the parse of the message replied to; `is_reply` is true also where that parse is unknown.
    `recent`: parses that a repetition would double. `now`: when the message was received, UTC; None
    leaves stated times unjudged.
    """

    parent: Parse | None = None
    is_reply: bool = False
    edited: bool = False
    default_symbol: str | None = None
    recent: tuple[Parse, ...] = ()
    now: datetime | None = None

    @property
    def replies(self) -> bool:
        """Return whether the message replies to another."""
        return self.is_reply or self.parent is not None


@dataclass(slots=True)
class Verdict:
    """Collects reasons; the strictest gate asked for wins."""

    gate: Gate = Gate.OK
    reasons: list[Reason] = field(default_factory=list)

    def hold(self, code: str, text: str, span: Span | None = None) -> None:
        """Ask for a person's or the configuration's word."""
        self._add(Gate.POLICY, code, text, span)

    def refuse(self, code: str, text: str, span: Span | None = None) -> None:
        """Refuse whatever the configuration."""
        self._add(Gate.REJECT, code, text, span)

    def note(self, code: str, text: str, span: Span | None = None) -> None:
        """Say what was read past, without effect on the gate."""
        self._add(Gate.OK, code, text, span)

    def absorb(self, gate: Gate, reasons: Iterable[Reason]) -> None:
        """Take over another verdict."""
        self.reasons.extend(reason for reason in reasons if reason not in self.reasons)
        if gate.strictness > self.gate.strictness:
            self.gate = gate

    def _add(self, gate: Gate, code: str, text: str, span: Span | None) -> None:
        reason = Reason(code, text, span)
        if reason not in self.reasons:
            self.reasons.append(reason)
        if gate.strictness > self.gate.strictness:
            self.gate = gate
