"""The sentences of a sync's report, as a trader reads them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from signalos_bridge.domain.command import Leg
from signalos_bridge.domain.difference import Difference, compare
from signalos_bridge.domain.difference.commands import Sought, asked_of, resolved_command, with_suggestions
from signalos_bridge.domain.facts import CloseCause
from signalos_bridge.domain.facts import SyncDifferenceKind as Kind
from signalos_bridge.domain.market import Deal, DealEntry, DealType, OrderState, Reason, Side
from signalos_bridge.domain.orders import (
    CancelPending,
    CloseBy,
    ClosePosition,
    ModifyLevels,
    ModifyPending,
    OpenMarket,
    Order,
    PendingKind,
    PlacePending,
)
from signalos_bridge.domain.values import CommandState
from tests.signalos_bridge.domain.test_difference import (
    MAGIC,
    OWNER,
    a_deal,
    a_record,
    an_order,
    its_end,
    sight,
    take,
    whose,
)
from tests.signalos_bridge.domain.test_guard import a_position

POSITION = a_position(stop_loss=None, take_profit=None)
LOTS = Decimal("0.10")
OPEN = OpenMarket("EURUSD", Side.BUY, LOTS, None, None, MAGIC, "c")


def only(found: Difference) -> str:
    (one,) = found.differences
    return one.message


def money(deal: Deal, **changes: object) -> Deal:
    return replace(deal, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "words", "cause"),
    [
        (Reason.CLIENT, "by hand in a terminal", CloseCause.BY_HAND),
        (Reason.MOBILE, "by hand on a phone", CloseCause.BY_HAND),
        (Reason.WEB, "by hand in the web terminal", CloseCause.BY_HAND),
        (Reason.EXPERT, "by another program (an expert)", CloseCause.EXPERT),
        (Reason.STOP_LOSS, "by the broker at its stop loss", CloseCause.STOP_LOSS),
        (Reason.TAKE_PROFIT, "by the broker at its take profit", CloseCause.TAKE_PROFIT),
        (Reason.STOP_OUT, "by the broker, because the margin ran out (stop-out)", CloseCause.STOP_OUT),
        (Reason.ROLLOVER, "by the broker at the rollover", CloseCause.BROKER),
        (Reason.OTHER, "for a reason that this program does not know", None),
    ],
)
def test_a_close_says_who_and_at_what_price_and_with_which_result(
    reason: Reason, words: str, cause: CloseCause | None
) -> None:
    deal = money(
        a_deal(5, 1, DealEntry.OUT, reason=reason),
        profit=Decimal("-50.00"),
        commission=Decimal("-0.35"),
        swap=Decimal("-0.05"),
    )

    found = compare(a_record(POSITION), sight(deals=(deal,)), whose())

    assert only(found) == f"BUY 0.10 EURUSD #1 was closed at 1.1 {words}, with a loss of 50.40"
    assert found.differences[0].cause is cause


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (CloseCause.USER, "by a command of SignalOS's users"),
        (CloseCause.VIRTUAL_STOP_LOSS, "by SignalOS at its hidden stop loss"),
        (CloseCause.EMERGENCY_STOP, "by an emergency stop"),
        (CloseCause.SIGNALOS, "by SignalOS (a signal, a ladder or a plan)"),
    ],
)
def test_a_close_of_ours_says_which_of_our_parts_did_it(cause: CloseCause, words: str) -> None:
    deal = a_deal(5, 1, DealEntry.OUT, reason=Reason.EXPERT, magic=MAGIC)

    found = compare(a_record(POSITION), sight(deals=(deal,)), whose(replace(OWNER, cause=cause)))

    assert only(found) == f"BUY 0.10 EURUSD #1 was closed at 1.1 {words}, without profit or loss"
    assert found.differences[0].command_id == "c"


def test_a_stop_that_moved_says_whether_more_is_at_risk_and_a_disaster_stop_is_called_one() -> None:
    record = a_record(replace(POSITION, stop_loss=Decimal("1.09")))
    lower = compare(record, sight(replace(POSITION, stop_loss=Decimal("1.08"))), whose())
    gone = compare(record, sight(POSITION), whose())
    known = record.positions[1]
    record.positions[1] = replace(known, record=replace(known.record, hidden=True))
    hidden = compare(record, sight(replace(POSITION, stop_loss=Decimal("1.085"))), whose())

    assert only(lower) == (
        "the stop loss of BUY 0.10 EURUSD #1 was moved from 1.09 to 1.08, which risks more"
    )
    assert only(gone) == "the stop loss of BUY 0.10 EURUSD #1 was removed; it was at 1.09"
    assert only(hidden) == (
        "the broker's disaster stop of BUY 0.10 EURUSD #1 was moved from 1.09 to 1.085, which risks more"
    )


def test_nothing_that_is_told_goes_without_a_difference() -> None:
    record = a_record(POSITION)
    take(record, compare(record, sight(absent=frozenset({1})), whose()))
    back = compare(record, sight(POSITION), whose())
    renamed = compare(a_record(POSITION), sight(replace(POSITION, ticket=9)), whose())
    repriced = compare(a_record(POSITION), sight(replace(POSITION, open_price=Decimal("1.2"))), whose())
    late = compare(a_record(POSITION), sight(POSITION, deals=(a_deal(1, 1, DealEntry.IN),)), whose())

    assert only(back) == "BUY 0.10 EURUSD #1 is there again; it had been missing without a word"
    assert only(renamed) == "BUY 0.10 EURUSD #1 goes on as #9"
    assert only(repriced) == f"the open price of BUY 0.10 EURUSD #1 is 1.2, not {POSITION.open_price}"
    assert only(late) == "deals of BUY 0.10 EURUSD #1 were shown late"
    for found in (back, renamed, repriced, late):
        assert len(found.told) == 1


@pytest.mark.parametrize(
    ("kind", "amount", "words"),
    [
        (DealType.BALANCE, "500.00", "500.00 was deposited: wire"),
        (DealType.BALANCE, "-20.00", "20.00 was withdrawn: wire"),
        (DealType.CREDIT, "100.00", "100.00 of credit was given: wire"),
        (DealType.COMMISSION_DAILY, "-1.50", "1.50 was charged (commission daily): wire"),
    ],
)
def test_money_that_moved_is_told(kind: DealType, amount: str, words: str) -> None:
    deal = money(
        a_deal(5, 0, DealEntry.IN),
        type=kind,
        profit=Decimal(amount),
        comment="wire",
        symbol="",
        position_id=None,
    )

    found = compare(a_record(), sight(deals=(deal,)), whose())

    assert (only(found), found.differences[0].kind) == (words, Kind.MONEY_MOVED)


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        (OrderState.FILLED, Kind.ORDER_FILLED, "was filled into position #9"),
        (OrderState.CANCELED, Kind.ORDER_CANCELLED, "was cancelled"),
        (OrderState.EXPIRED, Kind.ORDER_EXPIRED, "ran out (its expiry was reached)"),
        (OrderState.REJECTED, Kind.ORDER_CANCELLED, "was refused by the broker when its price was reached"),
    ],
)
def test_the_end_of_an_order_says_how_it_ended(state: OrderState, kind: Kind, words: str) -> None:
    end = its_end(an_order(), state)
    if state is not OrderState.FILLED:
        end = replace(end, unfilled_volume_lots=end.initial_volume_lots)

    found = compare(a_record(orders=(an_order(),)), sight(ended=(end,)), whose())

    assert (only(found), found.differences[0].kind) == (f"BUY LIMIT 1.00 EURUSD #9 {words}", kind)


def test_an_order_cancelled_after_a_part_of_it_was_filled_says_how_much() -> None:
    end = replace(its_end(an_order(), OrderState.CANCELED), unfilled_volume_lots=Decimal("0.6"))

    found = compare(a_record(orders=(an_order(),)), sight(ended=(end,)), whose())

    assert only(found) == "BUY LIMIT 1.00 EURUSD #9 was cancelled after 0.40 lots of it were filled"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (OPEN, "buy 0.10 EURUSD at the market"),
        (
            PlacePending("EURUSD", Side.SELL, PendingKind.LIMIT, LOTS, Decimal("1.2"), None, None, 1, ""),
            "place SELL LIMIT 0.10 EURUSD at 1.2",
        ),
        (ClosePosition(7, "EURUSD", Side.BUY, LOTS, 1, ""), "close 0.10 of BUY EURUSD #7"),
        (CloseBy(7, 8, "EURUSD", 1, ""), "close EURUSD #7 against #8"),
        (ModifyLevels(7, "EURUSD", None, None, False), "move the levels of EURUSD #7"),
        (ModifyPending(7, "EURUSD", Decimal("1.2"), None, None), "change the order EURUSD #7"),
        (CancelPending(7, "EURUSD"), "cancel the order EURUSD #7"),
        (None, "a command"),
    ],
)
def test_what_was_asked_of_the_terminal_is_named(order: Order | None, words: str) -> None:
    assert asked_of(order) == words


def test_a_resolved_command_says_whether_it_was_executed() -> None:
    leg = Leg(0, MAGIC, OPEN, LOTS, filled_volume_lots=LOTS, price=Decimal("1.1"), position_identifier=4)
    done = resolved_command("c", CommandState.SUCCEEDED, leg)
    leg = Leg(0, MAGIC, OPEN, LOTS, message="there is no trace of it")
    not_done = resolved_command("c", CommandState.REJECTED, leg)

    begin = "buy 0.10 EURUSD at the market: nobody knew its outcome, and it was"
    assert done.message == f"{begin} executed, 0.10 lots at 1.1"
    assert not_done.message == f"{begin} not executed; there is no trace of it"
    assert (done.command_id, done.position_identifier) == ("c", 4)


def test_a_likeness_is_suggested_only_where_one_thing_alone_is_alike() -> None:
    found = compare(a_record(), sight(POSITION), whose()).differences
    at = POSITION.open_time_msc
    sought = Sought("u", "EURUSD", Side.BUY, POSITION.volume_lots, at - 1, at + 1)

    def suggested(*sought: Sought, missing: bool = False) -> tuple[str, str]:
        gone = (replace(POSITION, identifier=8, ticket=8),) if missing else ()
        (one,) = with_suggestions(found, (POSITION,), sought, gone)
        return one.likely_command_id, one.suggestion

    assert suggested(sought)[0] == "u"
    assert "volume and time" in suggested(sought)[1]
    assert "side and volume)" in suggested(replace(sought, since_msc=None, until_msc=None))[1]
    assert suggested() == ("", "")
    assert suggested(sought, replace(sought, command_id="v")) == ("", "")
    for other in (
        {"symbol": "GBPUSD"},
        {"side": Side.SELL},
        {"volume_lots": Decimal(3)},
        {"since_msc": at + 1},
        {"until_msc": at - 1},
    ):
        assert suggested(replace(sought, **other)) == ("", "")
    assert "#8, which is missing" in suggested(missing=True)[1]
