"""What the bridge knows of its account: positions and orders with what it keeps for them, deals it has seen.

Also whose a position is, and why a deal happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from signalos_bridge.domain.command import HiddenLevels
from signalos_bridge.domain.facts import (
    CloseCause,
    DealRecord,
    GuardState,
    OrderRecord,
    PositionRecord,
    TradeOrigin,
)
from signalos_bridge.domain.market import Deal, Position, Reason
from signalos_bridge.domain.protection import ProtectionPlan, kept
from signalos_bridge.domain.stealth import nearer_target, tighter
from signalos_bridge.domain.tags import prefix_of
from signalos_bridge.domain.values import CommandOrigin


@dataclass(frozen=True, slots=True)
class KnownPosition:
    """A position with what the journal keeps for it beyond its record.

    `level_revision` rises with each change that the bridge makes to its levels, `guard_step` with each close
    that the guard tries, `trailing_revision` is the policy's that is kept to, `trailing_moves` counts moves.
    `missing`: it is gone and no closing deal is known. `concealing`: its levels are hidden in the record, and
    the broker has not taken the disaster stop in their place yet. `crossed`: the quote that triggered its
    guard, in words; empty: none did. `taken_msc`: when it was taken from the server's record, on the wall
    clock; 0: this journal has known it from the beginning.
    """

    record: PositionRecord
    level_revision: int = 0
    guard_step: int = 0
    trailing_revision: int = 0
    trailing_moves: int = 0
    missing: bool = False
    concealing: bool = False
    crossed: str = ""
    taken_msc: int = 0

    @property
    def position(self) -> Position:
        """Return it as the terminal last showed it."""
        return self.record.position

    @property
    def identifier(self) -> int:
        """Return what stays for its whole life."""
        return self.record.position.identifier

    def with_initial_stop(self) -> KnownPosition:
        """Return it with the first stop that it has ever had, which counts its risk."""
        stop = self.record.own_stop
        if self.record.initial_stop is not None or stop is None:
            return self
        return replace(self, record=replace(self.record, initial_stop=stop))

    @property
    def managed(self) -> bool:
        """Return whether SignalOS opened or adopted it."""
        return self.record.origin is not TradeOrigin.EXTERNAL

    @property
    def effective_stop(self) -> Decimal | None:
        """Return the stop that counts: the tighter of the hidden and the visible one."""
        position = self.record.position
        return tighter(position.side, self.record.virtual_stop_loss, position.stop_loss)

    @property
    def effective_target(self) -> Decimal | None:
        """Return the take profit that counts: whichever is reached first."""
        position = self.record.position
        return nearer_target(position.side, self.record.virtual_take_profit, position.take_profit)


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """A working order; `change_number` rises with each change that was told of it."""

    record: OrderRecord
    change_number: int = 1


@dataclass(frozen=True, slots=True)
class Owner:
    """The command behind a magic number."""

    command_id: str
    origin: CommandOrigin
    closes: bool
    cause: CloseCause
    hidden: HiddenLevels | None = None
    protection: ProtectionPlan | None = None


@dataclass(slots=True)
class Record:
    """Everything known, in memory; the journal holds the same. Changed by its owner alone, after a commit."""

    positions: dict[int, KnownPosition] = field(default_factory=dict)
    orders: dict[int, KnownOrder] = field(default_factory=dict)
    seen_deals: dict[int, int] = field(default_factory=dict)
    last_deal_msc: int = 0
    # Deals up to here were told by an earlier journal, those of the positions excepted.
    floor_msc: int = 0
    # Identifiers that were told closed a while ago: a late reading must not open them again.
    # With the broker's time of the deal that left nothing of them; 0: not known.
    closed: dict[int, int] = field(default_factory=dict)
    # Rises with each change of a position.
    edition: int = 0
    # Nothing was ever read into it: the first reading is the base line.
    fresh: bool = True


_CAUSE_OF_REASON: dict[Reason, CloseCause] = {
    Reason.CLIENT: CloseCause.BY_HAND,
    Reason.MOBILE: CloseCause.BY_HAND,
    Reason.WEB: CloseCause.BY_HAND,
    Reason.EXPERT: CloseCause.EXPERT,
    Reason.STOP_LOSS: CloseCause.STOP_LOSS,
    Reason.TAKE_PROFIT: CloseCause.TAKE_PROFIT,
    Reason.STOP_OUT: CloseCause.STOP_OUT,
    Reason.ROLLOVER: CloseCause.BROKER,
    Reason.VARIATION_MARGIN: CloseCause.BROKER,
    Reason.SPLIT: CloseCause.BROKER,
}

_CAUSE_OF_ORIGIN: dict[CommandOrigin, CloseCause] = {
    CommandOrigin.USER: CloseCause.USER,
    CommandOrigin.STOP: CloseCause.EMERGENCY_STOP,
}

# MetaTrader's own words for a deal's reason.
REASON_WORDS: dict[Reason, str] = {
    Reason.STOP_LOSS: "SL",
    Reason.TAKE_PROFIT: "TP",
    Reason.STOP_OUT: "SO",
    Reason.VARIATION_MARGIN: "VMARGIN",
}


def reason_words(reason: Reason) -> str:
    """Return a deal's reason as MetaTrader writes it."""
    return REASON_WORDS.get(reason, reason.name)


def cause_of_origin(origin: CommandOrigin, *, stop_loss: bool | None = None) -> CloseCause:
    """Return why a command of ours closes; `stop_loss` tells a guard's levels apart."""
    if origin is CommandOrigin.GUARD and stop_loss is not None:
        return CloseCause.VIRTUAL_STOP_LOSS if stop_loss else CloseCause.VIRTUAL_TAKE_PROFIT
    return _CAUSE_OF_ORIGIN.get(origin, CloseCause.SIGNALOS)


def cause_of_deal(deal: Deal, owner: Owner | None) -> CloseCause | None:
    """Return why a deal happened. Levels and stop-outs speak for themselves; else our magic number does."""
    known = _CAUSE_OF_REASON.get(deal.reason)
    if known in (CloseCause.STOP_LOSS, CloseCause.TAKE_PROFIT, CloseCause.STOP_OUT, CloseCause.BROKER):
        return known
    return owner.cause if owner is not None else known


def deal_record(deal: Deal, owner: Owner | None, offset: int | None) -> DealRecord:
    """Return a deal with its cause and command."""
    return DealRecord(deal, cause_of_deal(deal, owner), owner.command_id if owner else "", offset)


def is_ours(magic: int, owner: Owner | None, prefixes: frozenset[int]) -> bool:
    """Return whether something with this magic number comes from this installation."""
    return owner is not None or (magic > 0 and prefix_of(magic) in prefixes)


def first_record(
    position: Position,
    owner: Owner | None,
    prefixes: frozenset[int],
    offset: int | None,
    orders: Iterable[KnownOrder] = (),
) -> KnownPosition:
    """Return what is known of a position at first sight, its hidden levels armed.

    `orders`: those known, because a journal that is new knows a pending order's levels from the server alone.
    """
    ours = is_ours(position.magic, owner, prefixes)
    hidden = owner.hidden if owner is not None and not owner.closes else None
    if owner is None and ours:
        hidden = next((one.record.hidden for one in orders if one.record.magic == position.magic), None)
    guarded = hidden is not None and (hidden.stop_loss is not None or hidden.take_profit is not None)
    plan = owner.protection if owner is not None and not owner.closes else None
    return KnownPosition(
        PositionRecord(
            position=position,
            origin=TradeOrigin.MANAGED if ours else TradeOrigin.EXTERNAL,
            open_command_id=owner.command_id if owner is not None else "",
            virtual_stop_loss=hidden.stop_loss if hidden is not None else None,
            virtual_take_profit=hidden.take_profit if hidden is not None else None,
            hidden=hidden is not None,
            guard_state=GuardState.ARMED if guarded else None,
            broker_offset_seconds=offset,
            protection=kept(plan),
            initial_stop=(
                hidden.stop_loss if hidden is not None and not hidden.target_only else position.stop_loss
            ),
            target_only=hidden is not None and hidden.target_only,
        )
    )


def state_hash(positions: Iterable[KnownPosition], orders: Iterable[KnownOrder]) -> str:
    """Return SHA-256 over positions and orders, sorted by ticket, in hex; prices and profits are left out."""
    digest = hashlib.sha256()
    for known in sorted(positions, key=lambda known: known.position.ticket):
        position, record = known.position, known.record
        digest.update(
            f"p|{position.ticket}|{position.identifier}|{position.symbol}|{position.side.name}|"
            f"{position.volume_lots.normalize():f}|{_level(position.stop_loss)}|"
            f"{_level(position.take_profit)}|{_level(record.virtual_stop_loss)}|"
            f"{_level(record.virtual_take_profit)}\n".encode()
        )
    for order in sorted(orders, key=lambda order: order.record.ticket):
        record_ = order.record
        digest.update(
            f"o|{record_.ticket}|{record_.symbol}|{record_.type.name}|"
            f"{record_.remaining_volume_lots.normalize():f}|{_level(record_.price)}|"
            f"{_level(record_.stop_loss)}|{_level(record_.take_profit)}\n".encode()
        )
    return digest.hexdigest()


def _level(price: Decimal | None) -> str:
    return "-" if price is None else f"{price.normalize():f}"
