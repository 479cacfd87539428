"""What a terminal's answer makes of a leg."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from signalos_bridge.domain.command import Leg, LegEvent
from signalos_bridge.domain.outcomes import (
    Ambiguous,
    Executed,
    NoChange,
    NotDone,
    Outcome,
    PartlyExecuted,
    Placed,
)

PLACED_SETTLE_SECONDS = 60
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A terminal's answer with what is needed to read it.

    `sent`: the terminal was certainly asked. `sent_lots` is what was asked of it, None where that is not
    known; for a close it may be less than the leg asks, because the position had become smaller. `whole`: the
    command closes all there is. `opened_identifier` names the position that an open made or joined.
    """

    outcome: Outcome
    retcode: int | None
    sent: bool
    sent_lots: Decimal | None
    call_seconds: float
    whole: bool
    opened_identifier: int


def leg_after(leg: Leg, answer: Answer) -> Leg:
    """Return the leg after an answer; one that was not done is still CALLING, for a further attempt."""
    outcome = answer.outcome
    if answer.sent or isinstance(outcome, Ambiguous):
        leg = replace(leg, called=True, terminal_seconds=leg.terminal_seconds + answer.call_seconds)
    leg = _read(leg, outcome, answer)
    return leg if answer.retcode is None else replace(leg, retcode=answer.retcode)


def _read(leg: Leg, outcome: Outcome, answer: Answer) -> Leg:
    match outcome:
        case Executed():
            return _executed(leg, outcome, answer)
        case PartlyExecuted():
            return replace(
                leg.apply(LegEvent.FILLED_IN_PART),
                filled_volume_lots=outcome.volume_lots,
                price=outcome.price,
                order_ticket=outcome.order or 0,
                deal_ticket=outcome.deal or 0,
                position_identifier=leg.position_identifier or answer.opened_identifier,
                message=f"{outcome.volume_lots} of {leg.asked_volume_lots} lots were executed",
                code="",
            )
        case NoChange():
            return replace(leg.apply(LegEvent.FILLED), message="it was like this already", code="")
        case Placed():
            return replace(
                leg.apply(LegEvent.ACCEPTED if outcome.awaits_deal else LegEvent.FILLED),
                order_ticket=outcome.order or 0,
                ticket=leg.ticket or (outcome.order or 0),
                settle_seconds=PLACED_SETTLE_SECONDS,
                message="accepted by the broker; its deal is awaited" if outcome.awaits_deal else "",
                code="",
            )
        case Ambiguous():
            return replace(
                leg.apply(LegEvent.AMBIGUOUS),
                settle_seconds=outcome.settle_seconds,
                message=outcome.why,
                retcode=outcome.retcode,
            )
        case NotDone():
            return replace(leg, message=outcome.words, retcode=outcome.retcode, code=outcome.code)


def _executed(leg: Leg, outcome: Executed, answer: Answer) -> Leg:
    asked = leg.asked_volume_lots
    filled = outcome.volume_lots if asked else _NOTHING
    event, message = LegEvent.FILLED, ""
    if filled is not None and answer.sent_lots is not None and filled < asked:
        # The position had become smaller meanwhile.
        message = f"the position had only {answer.sent_lots} lots left"
        if answer.whole:
            asked = answer.sent_lots
        else:
            event = LegEvent.FILLED_IN_PART
    return replace(
        leg.apply(event),
        asked_volume_lots=asked,
        filled_volume_lots=filled if filled is not None else leg.asked_volume_lots,
        price=outcome.price,
        order_ticket=outcome.order or 0,
        deal_ticket=outcome.deal or 0,
        position_identifier=leg.position_identifier or answer.opened_identifier,
        message=message,
        code="",
    )
