"""Requests and their answers."""

from dataclasses import replace
from decimal import Decimal

import pytest

from signalos_bridge.emulator.domain import matching
from signalos_bridge.emulator.domain.changes import Cause
from signalos_bridge.emulator.domain.codes import (
    Action,
    Entry,
    Filling,
    MarginMode,
    OrderState,
    OrderType,
    Reason,
    Retcode,
    Side,
    SymbolTradeMode,
)
from signalos_bridge.emulator.domain.codes import (
    Execution as ExecutionMode,
)
from signalos_bridge.emulator.domain.requests import Execution, TradeRequest
from signalos_bridge.emulator.domain.symbols import SymbolSpec
from tests.signalos_bridge.emulator.domain.world import World

D = Decimal


def respecify(world: World, symbol: str = "EURUSD", **changes: object) -> SymbolSpec:
    market = world.market.symbols[symbol]
    market.spec = replace(market.spec, **changes)  # type: ignore[arg-type]
    return market.spec


def test_a_buy_is_dealt_at_the_ask_and_valued_at_the_bid() -> None:
    world = World()

    outcome = world.buy(magic=9, comment="tag", sl=D("1.08000"), tp=D("1.09000"))

    assert outcome.retcode is Retcode.DONE
    assert outcome.price == D("1.08510")
    (position,) = world.positions
    assert (position.ticket, position.identifier) == (outcome.order, outcome.order)
    assert (position.magic, position.comment, position.sl, position.tp) == (
        9, "tag", D("1.08000"), D("1.09000")
    )  # fmt: skip
    assert world.deals[0].commission == D("-0.35")


def test_a_refused_order_changes_nothing_and_uses_no_ticket() -> None:
    world = World()
    world.book.take_changes()

    outcome = world.buy("0.105")

    assert outcome.retcode is Retcode.INVALID_VOLUME
    assert (outcome.order, outcome.deal, outcome.volume, outcome.price) == (0, 0, D(0), D(0))
    assert world.book.take_changes() == []


@pytest.mark.parametrize("volume", ["0", "-0.1", "0.001", "101", "0.30000000000000004", "nan", "inf"])
def test_a_volume_that_is_no_multiple_of_the_step_or_out_of_range_is_refused(volume: str) -> None:
    assert World().buy(volume).retcode is Retcode.INVALID_VOLUME


def test_closing_needs_the_opposite_direction_and_the_ticket() -> None:
    world = World()
    ticket = world.buy().order

    assert world.buy(position=ticket).retcode is Retcode.INVALID
    assert world.sell(position=999).retcode is Retcode.POSITION_CLOSED
    assert world.sell("0.11", position=ticket).retcode is Retcode.INVALID_CLOSE_VOLUME
    assert world.sell(symbol="GBPUSD", position=ticket).retcode is Retcode.INVALID
    assert world.sell(position=ticket).retcode is Retcode.DONE
    assert world.positions == []
    assert world.deals[-1].entry is Entry.OUT
    assert world.deals[-1].position_id == ticket


def test_without_the_ticket_a_hedging_account_opens_a_second_position() -> None:
    world = World()
    world.buy()
    world.sell()

    assert [one.side for one in world.positions] == [Side.BUY, Side.SELL]


def test_a_partial_close_keeps_the_ticket_and_the_rest() -> None:
    world = World()
    ticket = world.buy("0.10").order
    world.price("EURUSD", "1.08600", "1.08610")

    assert world.sell("0.04", position=ticket).retcode is Retcode.DONE

    (position,) = world.positions
    assert (position.ticket, position.volume) == (ticket, D("0.06"))
    assert world.deals[-1].profit == D("3.60")


def test_a_partial_close_leaves_no_less_than_the_smallest_volume() -> None:
    world = World()
    respecify(world, volume_min=D("0.05"))
    ticket = world.buy("0.10").order

    assert world.sell("0.06", position=ticket).retcode is Retcode.INVALID_VOLUME


@pytest.mark.parametrize(
    ("sl", "tp"),
    [
        ("1.08501", "0"),
        ("1.08500", "0"),
        ("0", "1.08500"),
        ("0", "1.08400"),
        ("1.084999", "0"),
        ("-1", "0"),
        ("nan", "0"),
    ],
)
def test_levels_on_the_wrong_side_or_off_the_tick_are_refused(sl: str, tp: str) -> None:
    assert World().buy(sl=D(sl), tp=D(tp)).retcode is Retcode.INVALID_STOPS


def test_levels_nearer_than_the_stops_level_are_refused() -> None:
    world = World()
    respecify(world, stops_level_points=50)

    assert world.buy(sl=D("1.08451")).retcode is Retcode.INVALID_STOPS
    assert world.buy(sl=D("1.08450")).retcode is Retcode.DONE


def test_levels_are_set_and_removed_together_and_no_change_is_said() -> None:
    world = World()
    ticket = world.buy().order

    assert world.levels(ticket, "1.08000", "1.09000").retcode is Retcode.DONE
    assert world.levels(ticket, "1.08000", "1.09000").retcode is Retcode.NO_CHANGES
    assert world.levels(ticket, "1.08100").retcode is Retcode.DONE
    assert (world.positions[0].sl, world.positions[0].tp) == (D("1.08100"), D(0))
    assert world.levels(404, "1.08000").retcode is Retcode.POSITION_CLOSED


def test_a_level_within_the_freeze_distance_cannot_be_moved() -> None:
    world = World()
    ticket = world.buy(sl=D("1.08490")).order
    respecify(world, freeze_level_points=20)

    assert world.levels(ticket, "1.08000").retcode is Retcode.FROZEN


@pytest.mark.parametrize(
    ("mask", "filling", "expected"),
    [
        (1, Filling.FOK, Retcode.DONE),
        (1, Filling.IOC, Retcode.INVALID_FILL),
        (2, Filling.IOC, Retcode.DONE),
        (2, Filling.FOK, Retcode.INVALID_FILL),
        (3, Filling.RETURN, Retcode.INVALID_FILL),
        (7, Filling.BOC, Retcode.INVALID_FILL),
        (3, 9, Retcode.INVALID_FILL),
    ],
)
def test_market_execution_fills_by_the_mask_and_never_returns(
    mask: int, filling: int, expected: Retcode
) -> None:
    world = World()
    respecify(world, filling_mask=mask)

    assert world.buy(type_filling=filling).retcode is expected


def test_instant_execution_holds_the_caller_to_its_price() -> None:
    world = World()
    respecify(world, execution=ExecutionMode.INSTANT)

    assert world.buy().retcode is Retcode.INVALID_PRICE
    refused = world.buy(price=D("1.08505"), deviation=4)
    assert refused.retcode is Retcode.REQUOTE
    assert (refused.bid, refused.ask) == (D("1.08500"), D("1.08510"))
    assert world.buy(price=D("1.08505"), deviation=5).retcode is Retcode.DONE


@pytest.mark.parametrize(
    ("mode", "buy", "sell"),
    [
        (SymbolTradeMode.DISABLED, Retcode.TRADE_DISABLED, Retcode.TRADE_DISABLED),
        (SymbolTradeMode.LONG_ONLY, Retcode.DONE, Retcode.LONG_ONLY),
        (SymbolTradeMode.SHORT_ONLY, Retcode.SHORT_ONLY, Retcode.DONE),
        (SymbolTradeMode.CLOSE_ONLY, Retcode.CLOSE_ONLY, Retcode.CLOSE_ONLY),
    ],
)
def test_a_symbol_may_be_limited_in_direction(mode: SymbolTradeMode, buy: Retcode, sell: Retcode) -> None:
    world = World()
    respecify(world, trade_mode=mode)

    assert world.buy().retcode is buy
    assert world.sell().retcode is sell


def test_closing_is_possible_where_only_closing_is() -> None:
    world = World()
    ticket = world.buy().order
    respecify(world, trade_mode=SymbolTradeMode.CLOSE_ONLY)

    assert world.sell(position=ticket).retcode is Retcode.DONE


def test_an_order_needs_an_open_market() -> None:
    saturday_ms = 1_767_614_400_000 + 5 * 86_400_000
    world = World(start_ms=saturday_ms, always_open=False)

    assert world.buy().retcode is Retcode.MARKET_CLOSED
    assert world.buy("0.10", symbol="BTCUSD").retcode is Retcode.DONE


def test_an_order_beyond_the_free_margin_is_refused() -> None:
    world = World(deposit=1_000)

    assert world.buy("1").retcode is Retcode.NO_MONEY
    assert world.buy("0.90").retcode is Retcode.DONE
    assert world.buy("0.10").retcode is Retcode.NO_MONEY


def test_the_opposite_leg_of_a_hedge_needs_no_more_margin() -> None:
    world = World(deposit=1_000)
    world.buy("0.90")

    assert world.sell("0.90").retcode is Retcode.DONE


def test_a_first_in_first_out_account_closes_the_oldest_first() -> None:
    world = World(fifo_close=True)
    old, young = world.buy().order, world.buy().order

    assert world.sell(position=young).retcode is Retcode.FIFO_CLOSE
    assert world.sell(position=old).retcode is Retcode.DONE
    assert world.sell(position=young).retcode is Retcode.DONE


def test_unknown_symbols_types_and_actions_are_refused() -> None:
    world = World()

    assert world.buy(symbol="NOPE").retcode is Retcode.INVALID
    assert world.deal(OrderType.BUY_LIMIT).retcode is Retcode.INVALID_ORDER
    assert world.send(TradeRequest(99, symbol="EURUSD")).retcode is Retcode.INVALID


def test_an_account_without_the_right_to_trade_trades_nothing() -> None:
    assert World(trade_allowed=False).buy().retcode is Retcode.TRADE_DISABLED


def test_a_partial_fill_says_how_much_and_cancels_the_rest() -> None:
    world = World()

    outcome = world.buy("0.10", execution=Execution(serial=4, fill_volume=D("0.03")))

    assert (outcome.retcode, outcome.volume) == (Retcode.DONE_PARTIAL, D("0.03"))
    assert world.positions[0].volume == D("0.03")
    order = world.account.order_history[outcome.order]
    assert (order.state, order.volume_current) == (OrderState.PARTIAL, D("0.07"))


def test_an_order_that_is_placed_is_dealt_later_at_the_price_of_then() -> None:
    world = World()

    outcome = world.buy(execution=Execution(serial=4, deferred_ms=500))

    assert (outcome.retcode, outcome.deal) == (Retcode.PLACED, 0)
    assert world.positions == []
    assert outcome.order in world.account.orders
    world.price("EURUSD", "1.08600", "1.08610")
    world.wait(499)
    assert world.positions == []
    world.wait(1)
    assert world.positions[0].price_open == D("1.08610")
    assert world.deals[-1].serial == 4
    assert world.account.orders == {}


def test_a_deferred_close_of_what_is_gone_is_rejected() -> None:
    world = World()
    ticket = world.buy().order
    order = world.sell(position=ticket, execution=Execution(deferred_ms=500)).order
    matching.close_by_broker(world.book, world.account, world.positions[0], Reason.CLIENT, Cause.HAND, "")
    world.wait(500)

    assert world.account.order_history[order].state is OrderState.REJECTED
    assert world.positions == []


def test_a_position_that_an_order_is_closing_takes_no_second_one() -> None:
    world = World()
    ticket = world.buy().order
    world.sell(position=ticket, execution=Execution(deferred_ms=500))

    assert world.sell(position=ticket).retcode is Retcode.CLOSE_ORDER_EXIST
    world.wait(500)
    assert world.sell(position=ticket).retcode is Retcode.POSITION_CLOSED


def test_a_position_near_its_level_is_frozen_against_closing() -> None:
    world = World()
    ticket = world.buy(sl=D("1.08490")).order
    respecify(world, freeze_level_points=20)

    assert world.sell(position=ticket).retcode is Retcode.FROZEN


class TestCloseBy:
    def test_two_opposite_positions_close_against_each_other(self) -> None:
        world = World()
        long, short = world.buy("0.10").order, world.sell("0.04").order

        outcome = world.send(TradeRequest(Action.CLOSE_BY, position=long, position_by=short))

        assert outcome.retcode is Retcode.DONE
        (left,) = world.positions
        assert (left.ticket, left.volume) == (long, D("0.06"))
        out = world.deals[-2:]
        assert [one.entry for one in out] == [Entry.OUT_BY, Entry.OUT_BY]
        assert [one.position_id for one in out] == [long, short]
        assert [one.profit for one in out] == [D("-0.40"), 0]

    def test_positions_of_one_direction_do_not(self) -> None:
        world = World()
        one, other = world.buy().order, world.buy().order

        outcome = world.send(TradeRequest(Action.CLOSE_BY, position=one, position_by=other))

        assert outcome.retcode is Retcode.INVALID

    def test_netting_accounts_know_no_such_thing(self) -> None:
        world = World(margin_mode=MarginMode.NETTING)
        ticket = world.buy().order

        outcome = world.send(TradeRequest(Action.CLOSE_BY, position=ticket, position_by=ticket))

        assert outcome.retcode is Retcode.INVALID_ORDER


class TestNetting:
    def test_a_second_buy_joins_the_position_at_the_average_price(self) -> None:
        world = World(margin_mode=MarginMode.NETTING)
        first = world.buy("0.10").order
        world.price("EURUSD", "1.08600", "1.08610")
        world.buy("0.30")

        (position,) = world.positions
        assert (position.ticket, position.volume) == (first, D("0.40"))
        assert position.price_open == D("1.08585")

    def test_an_opposite_deal_reduces_then_closes(self) -> None:
        world = World(margin_mode=MarginMode.NETTING)
        world.buy("0.10")
        world.sell("0.04")
        assert world.positions[0].volume == D("0.06")
        world.sell("0.06")
        assert world.positions == []
        assert [one.entry for one in world.deals] == [Entry.IN, Entry.OUT, Entry.OUT]

    def test_a_larger_opposite_deal_reverses_in_one_deal_and_keeps_the_identifier(self) -> None:
        world = World(margin_mode=MarginMode.NETTING)
        first = world.buy("0.10").order
        world.price("EURUSD", "1.08600", "1.08610")
        second = world.sell("0.25").order

        (position,) = world.positions
        assert (position.side, position.volume) == (Side.SELL, D("0.15"))
        assert (position.ticket, position.identifier) == (second, first)
        deal = world.deals[-1]
        assert (deal.entry, deal.volume, deal.profit) == (Entry.INOUT, D("0.25"), D("9.00"))

    def test_reducing_needs_no_margin(self) -> None:
        world = World(margin_mode=MarginMode.NETTING, deposit=1_000)
        world.buy("0.90")

        assert world.sell("0.10").retcode is Retcode.DONE
