"""What the terminal's own records say of a leg whose outcome nobody knows, and when silence is believed.

Found means done. Not found means not done only after patience: the terminal linked to its trade server for
the whole settle time, and the same reading several times over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.command import NOT_EXECUTED, Leg, LegEvent
from signalos_bridge.domain.market import (
    Deal,
    DealEntry,
    HistoryOrder,
    OrderState,
    Position,
    WorkingOrder,
)
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    PlacePending,
)
from signalos_bridge.domain.values import LegState

EQUAL_READS = 3
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything of a leg that one reading of the terminal showed.

    For what opens or closes: whatever carries the leg's magic number. For what changes: the position or order
    that was to be changed, working or finished. `connected`: the terminal was linked throughout the reading.
    """

    connected: bool
    positions: tuple[Position, ...] = ()
    orders: tuple[WorkingOrder, ...] = ()
    history_orders: tuple[HistoryOrder, ...] = ()
    deals: tuple[Deal, ...] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long silence has lasted. Instants are monotonic seconds.

    `since` is the latest of: the call, the last time the terminal was seen unlinked, this program's start.
    """

    since: float
    settle_seconds: float
    equal_reads: int = 0
    last: Evidence | None = None

    def read(self, evidence: Evidence, now: float) -> Patience:
        """Return the patience after a reading."""
        if not evidence.connected:
            return replace(self, since=now, equal_reads=0, last=None)
        evidence = _without_prices(evidence)
        if evidence == self.last:
            return replace(self, equal_reads=self.equal_reads + 1)
        return replace(self, equal_reads=1, last=evidence)

    def interrupted(self, now: float) -> Patience:
        """Return the patience after the terminal was lost: silence counts from here."""
        return replace(self, since=max(self.since, now), equal_reads=0, last=None)

    def over(self, now: float) -> bool:
        """Return whether silence is believed."""
        return self.equal_reads >= EQUAL_READS and now - self.since >= self.settle_seconds


@dataclass(frozen=True, slots=True)
class Finding:
    """What a leg has come to."""

    event: LegEvent
    message: str
    code: str = ""
    filled_volume_lots: Decimal = _NOTHING
    price: Decimal | None = None
    order_ticket: int = 0
    deal_ticket: int = 0
    position_identifier: int = 0


def _without_prices(evidence: Evidence) -> Evidence:
    """Return what two readings must have in common; the market moves between them."""
    return replace(
        evidence,
        positions=tuple(
            replace(position, current_price=None, profit=_NOTHING, swap=_NOTHING)
            for position in evidence.positions
        ),
        orders=tuple(replace(order, current_price=None) for order in evidence.orders),
    )


def find(leg: Leg, evidence: Evidence, *, patience_over: bool) -> Finding | None:
    """Return what the records prove, None while they prove nothing yet."""
    order = leg.order
    if isinstance(order, OpenMarket | PlacePending | ClosePosition | CloseBy):
        return _find_trade(leg, evidence, patience_over)
    if isinstance(order, ModifyLevels):
        return _find_levels(order, evidence, patience_over)
    if isinstance(order, ModifyPending):
        return _find_moved(order, evidence, patience_over)
    if isinstance(order, CancelPending):
        return _find_cancelled(order, evidence, patience_over)
    return None


def apply(leg: Leg, finding: Finding) -> Leg:
    """Return the leg with what was found about it."""
    found = leg.apply(finding.event)
    return replace(
        found,
        code=finding.code,
        message=finding.message,
        filled_volume_lots=finding.filled_volume_lots,
        price=finding.price if finding.price is not None else leg.price,
        order_ticket=finding.order_ticket or leg.order_ticket,
        deal_ticket=finding.deal_ticket or leg.deal_ticket,
        position_identifier=finding.position_identifier or leg.position_identifier,
    )


def executed(leg: Leg, deals: Sequence[Deal]) -> tuple[Decimal, Decimal | None]:
    """Return how much of a leg its deals executed, and at which average price."""
    mine = _deals_of(leg, deals)
    volume = sum((deal.volume_lots for deal in mine), _NOTHING)
    if not volume or any(deal.price is None for deal in mine):
        return volume, None
    worth = sum((deal.volume_lots * (deal.price or _NOTHING) for deal in mine), _NOTHING)
    digits = min((deal.price.as_tuple().exponent for deal in mine if deal.price is not None), default=0)
    assert isinstance(digits, int)
    return volume, (worth / volume).quantize(Decimal(1).scaleb(digits))


def _deals_of(leg: Leg, deals: Sequence[Deal]) -> list[Deal]:
    closes = isinstance(leg.order, ClosePosition | CloseBy)
    return [
        deal
        for deal in deals
        if deal.magic == leg.magic
        and deal.is_trade
        # On netting an order may reverse: such a deal both opens and closes.
        and (deal.entry is DealEntry.INOUT or deal.entry.reduces is closes)
    ]


def _find_trade(leg: Leg, evidence: Evidence, patience_over: bool) -> Finding | None:
    pending = isinstance(leg.order, PlacePending)
    deals = _deals_of(leg, evidence.deals)
    volume, price = executed(leg, evidence.deals)
    working = [order for order in evidence.orders if order.magic == leg.magic]
    finished = [order for order in evidence.history_orders if order.magic == leg.magic]
    tickets = [order.ticket for order in working] + [order.ticket for order in finished]
    tickets += [deal.order for deal in deals if deal.order]
    ticket = tickets[0] if tickets else 0
    identifier = next((deal.position_id for deal in deals if deal.position_id), 0) or 0
    done = Finding(
        LegEvent.FILLED,
        "",
        filled_volume_lots=volume,
        price=price,
        order_ticket=ticket,
        deal_ticket=deals[-1].ticket if deals else 0,
        position_identifier=identifier,
    )
    if pending:
        return _find_pending(leg, done, bool(working or finished or deals), finished, patience_over)
    if volume >= leg.asked_volume_lots > 0:
        return done
    if working:
        return None
    if finished and finished[0].state.is_final:
        return _judge_finished(leg, done, finished[0], patience_over)
    if volume > 0:
        if not patience_over:
            return None
        return replace(
            done,
            event=LegEvent.FILLED_IN_PART,
            message=f"{volume} of {leg.asked_volume_lots} lots were executed",
        )
    carried = [position for position in evidence.positions if position.magic == leg.magic]
    if carried and isinstance(leg.order, OpenMarket):
        # The position is there, its deal is not shown yet.
        return None
    if leg.state is LegState.PLACED:
        # The broker took the order: only its own record of the end is believed.
        return None
    return _not_executed() if patience_over else None


def _judge_finished(leg: Leg, done: Finding, order: HistoryOrder, patience_over: bool) -> Finding | None:
    filled = order.filled_volume_lots
    if order.state is OrderState.FILLED or filled > 0:
        if done.filled_volume_lots < filled and not patience_over:
            # Its deals are not all shown yet.
            return None
        volume = max(done.filled_volume_lots, filled)
        if volume >= leg.asked_volume_lots:
            return replace(done, filled_volume_lots=volume)
        return replace(
            done,
            event=LegEvent.FILLED_IN_PART,
            filled_volume_lots=volume,
            message=f"{volume} of {leg.asked_volume_lots} lots were executed",
        )
    if done.filled_volume_lots > 0:
        return replace(
            done,
            event=LegEvent.FILLED_IN_PART,
            message=f"{done.filled_volume_lots} of {leg.asked_volume_lots} lots were executed",
        )
    return Finding(
        LegEvent.REFUSED,
        f"the broker's record shows order {order.ticket} as {order.state.name.lower()}",
        code=f"ORDER_{order.state.name}",
        order_ticket=order.ticket,
    )


def _find_pending(
    leg: Leg, done: Finding, seen: bool, finished: Sequence[HistoryOrder], patience_over: bool
) -> Finding | None:
    if seen:
        if finished and finished[0].state is OrderState.REJECTED:
            return Finding(
                LegEvent.REFUSED,
                f"the broker rejected order {finished[0].ticket}",
                code="ORDER_REJECTED",
                order_ticket=finished[0].ticket,
            )
        return replace(done, filled_volume_lots=_NOTHING, price=None, deal_ticket=0)
    return _not_executed() if patience_over and leg.state is not LegState.PLACED else None


def _find_levels(order: ModifyLevels, evidence: Evidence, patience_over: bool) -> Finding | None:
    position = next((held for held in evidence.positions if held.ticket == order.ticket), None)
    if position is None:
        if not patience_over:
            return None
        return Finding(
            LegEvent.REFUSED, f"position {order.ticket} is not there any more", code="POSITION_GONE"
        )
    if (position.stop_loss, position.take_profit) == (order.stop_loss, order.take_profit):
        return Finding(LegEvent.FILLED, "", position_identifier=position.identifier)
    return _not_executed() if patience_over else None


def _find_moved(order: ModifyPending, evidence: Evidence, patience_over: bool) -> Finding | None:
    wanted = (order.price, order.stop_loss, order.take_profit)
    for working in evidence.orders:
        if working.ticket == order.ticket:
            if (working.open_price, working.stop_loss, working.take_profit) == wanted:
                return Finding(LegEvent.FILLED, "", order_ticket=order.ticket)
            return _not_executed() if patience_over else None
    for finished in evidence.history_orders:
        if finished.ticket == order.ticket:
            if (finished.open_price, finished.stop_loss, finished.take_profit) == wanted:
                return Finding(LegEvent.FILLED, "", order_ticket=order.ticket)
            break
    if not patience_over:
        return None
    return Finding(LegEvent.REFUSED, f"order {order.ticket} is not working any more", code="ORDER_GONE")


def _find_cancelled(order: CancelPending, evidence: Evidence, patience_over: bool) -> Finding | None:
    for finished in evidence.history_orders:
        if finished.ticket == order.ticket:
            if finished.state is OrderState.CANCELED:
                return Finding(LegEvent.FILLED, "", order_ticket=order.ticket)
            state = finished.state.name.lower()
            return Finding(
                LegEvent.REFUSED,
                f"order {order.ticket} ended as {state}",
                code=f"ORDER_{finished.state.name}",
                order_ticket=order.ticket,
            )
    if any(working.ticket == order.ticket for working in evidence.orders):
        return _not_executed() if patience_over else None
    return None


def _not_executed() -> Finding:
    return Finding(
        LegEvent.REFUSED,
        "the terminal's records show no trace of it, though it was connected throughout",
        code=NOT_EXECUTED,
    )
