"""What the broker does by itself."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_bridge.emulator.domain.changes import Cause, DealMade
from signalos_bridge.emulator.domain.codes import (
    Action,
    Execution,
    MarginMode,
    OrderState,
    OrderType,
    Reason,
    Retcode,
    Side,
    TimeType,
)
from signalos_bridge.emulator.domain.requests import TradeRequest
from signalos_bridge.emulator.domain.server_time import DAY_MS
from tests.signalos_bridge.emulator.domain.world import MONDAY_NOON_MS, World

D = Decimal


def test_a_stop_loss_closes_at_the_bid_with_its_reason_and_the_positions_magic() -> None:
    world = World()
    ticket = world.buy(sl=D("1.08400"), magic=77).order
    world.book.take_changes()

    world.price("EURUSD", "1.08401", "1.08411")
    assert len(world.positions) == 1
    world.price("EURUSD", "1.08400", "1.08410")

    assert world.positions == []
    deal = world.deals[-1]
    assert (deal.reason, deal.price, deal.magic) == (Reason.STOP_LOSS, D("1.08400"), 77)
    assert (deal.position_id, deal.comment, deal.serial) == (ticket, "[sl 1.08400]", None)
    made = [one for one in world.book.take_changes() if isinstance(one, DealMade)]
    assert [one.cause for one in made] == [Cause.STOP_LOSS]


def test_a_gap_beyond_the_stop_is_dealt_at_the_price_behind_the_gap() -> None:
    world = World()
    world.buy(sl=D("1.08400"))

    world.price("EURUSD", "1.07000", "1.07010")

    assert world.deals[-1].price == D("1.07000")
    assert world.deals[-1].profit == D("-151.00")


def _slipping(world: World, points: int = 5) -> None:
    symbol = world.market.symbols["EURUSD"]
    symbol.condition = replace(symbol.condition, slippage_points=points)


def test_market_orders_stops_and_closes_slip_and_limits_do_not() -> None:
    world = World()
    _slipping(world)
    stopped = world.buy(sl=D("1.08400"))
    world.buy(tp=D("1.08700"))
    world.place(OrderType.BUY_STOP, "1.08650")
    world.place(OrderType.BUY_LIMIT, "1.08450")
    assert stopped.price == D("1.08515")

    world.price("EURUSD", "1.08400", "1.08410")
    dealt = [(deal.type.name, deal.price) for deal in world.deals[2:]]
    assert dealt == [("BUY", D("1.08410")), ("SELL", D("1.08395"))]
    world.price("EURUSD", "1.08700", "1.08710")
    dealt = [(deal.type.name, deal.price) for deal in world.deals[4:]]
    assert dealt == [("BUY", D("1.08715")), ("SELL", D("1.08700"))]


def test_instant_execution_is_requoted_where_it_would_slip_beyond_the_deviation() -> None:
    world = World()
    _slipping(world)
    symbol = world.market.symbols["EURUSD"]
    symbol.spec = replace(symbol.spec, execution=Execution.INSTANT)

    assert world.buy(price=D("1.08510"), deviation=4).retcode is Retcode.REQUOTE
    assert world.buy(price=D("1.08510"), deviation=5).price == D("1.08515")


def test_a_price_that_gaps_over_a_stop_at_the_open_is_dealt_behind_the_gap() -> None:
    friday_evening_ms = MONDAY_NOON_MS + 4 * DAY_MS + 8 * 3_600_000
    world = World(start_ms=friday_evening_ms, always_open=False, tick_interval_ms=60_000)
    symbol = world.market.symbols["EURUSD"]
    world.buy(sl=symbol.quote.bid - D("0.00500"))
    symbol.condition = replace(symbol.condition, opening_gap_points=-2000)

    world.wait(2 * DAY_MS)
    assert len(world.positions) == 1
    last = symbol.quote.bid
    world.wait(DAY_MS)

    (deal,) = world.deals[1:]
    assert deal.reason is Reason.STOP_LOSS
    assert abs(deal.price - (last - D("0.02000"))) < D("0.00100")
    opened = world.market.clock.broker_ms(friday_evening_ms + 2 * DAY_MS)
    assert deal.time_ms > opened
    # The price goes on from there.
    assert abs(symbol.quote.bid - deal.price) < D("0.01000")


def test_a_sell_is_closed_by_the_ask() -> None:
    world = World()
    world.sell(sl=D("1.08600"), tp=D("1.08300"))

    world.price("EURUSD", "1.08310", "1.08301")
    assert len(world.positions) == 1
    world.price("EURUSD", "1.08290", "1.08300")

    assert world.deals[-1].reason is Reason.TAKE_PROFIT
    assert world.deals[-1].price == D("1.08300")


@pytest.mark.parametrize(
    ("kind", "price", "bid", "ask", "dealt"),
    [
        (OrderType.BUY_LIMIT, "1.08400", "1.08390", "1.08400", "1.08400"),
        (OrderType.BUY_LIMIT, "1.08400", "1.08290", "1.08300", "1.08300"),
        (OrderType.SELL_LIMIT, "1.08600", "1.08600", "1.08610", "1.08600"),
        (OrderType.BUY_STOP, "1.08600", "1.08690", "1.08700", "1.08700"),
        (OrderType.SELL_STOP, "1.08400", "1.08300", "1.08310", "1.08300"),
    ],
)
def test_a_pending_order_fills_when_reached_at_the_price_of_the_market(
    kind: OrderType, price: str, bid: str, ask: str, dealt: str
) -> None:
    world = World()
    placed = world.place(kind, price, sl=D("0"), magic=5)
    assert placed.retcode is Retcode.DONE
    assert placed.deal == 0

    world.price("EURUSD", bid, ask)

    (position,) = world.positions
    assert (position.ticket, position.price_open, position.magic) == (placed.order, D(dealt), 5)
    assert world.account.orders == {}
    assert world.account.order_history[placed.order].state is OrderState.FILLED
    assert world.deals[-1].serial == 1


def test_a_stop_limit_first_becomes_a_limit_and_then_fills() -> None:
    world = World()
    placed = world.place(OrderType.BUY_STOP_LIMIT, "1.08600", stoplimit=D("1.08550"))

    world.price("EURUSD", "1.08590", "1.08600")
    order = world.account.orders[placed.order]
    assert (order.type, order.price_open) == (OrderType.BUY_LIMIT, D("1.08550"))
    world.price("EURUSD", "1.08540", "1.08550")

    assert world.positions[0].price_open == D("1.08550")


@pytest.mark.parametrize(
    ("kind", "price"),
    [
        (OrderType.BUY_LIMIT, "1.08510"),
        (OrderType.SELL_LIMIT, "1.08500"),
        (OrderType.BUY_STOP, "1.08510"),
        (OrderType.SELL_STOP, "1.08500"),
        (OrderType.BUY_LIMIT, "0"),
        (OrderType.BUY_LIMIT, "1.084005"),
    ],
)
def test_a_pending_order_on_the_wrong_side_of_the_market_is_refused(kind: OrderType, price: str) -> None:
    assert World().place(kind, price).retcode is Retcode.INVALID_PRICE


def test_an_order_expires_at_its_broker_time() -> None:
    world = World()
    end = world.book.broker_ms + 60_000
    placed = world.place(OrderType.BUY_LIMIT, "1.08000", type_time=TimeType.SPECIFIED, expiration_ms=end)

    world.wait(59_999)
    assert placed.order in world.account.orders
    world.wait(1)

    assert world.account.order_history[placed.order].state is OrderState.EXPIRED


def test_an_expiration_in_the_past_is_refused() -> None:
    world = World()

    placed = world.place(
        OrderType.BUY_LIMIT,
        "1.08000",
        type_time=TimeType.SPECIFIED,
        expiration_ms=world.book.broker_ms,
    )

    assert placed.retcode is Retcode.INVALID_EXPIRATION


def test_an_order_for_the_day_expires_at_the_brokers_midnight() -> None:
    world = World()
    placed = world.place(OrderType.BUY_LIMIT, "1.08000", type_time=TimeType.DAY)

    world.wait(DAY_MS - world.book.broker_ms % DAY_MS)

    assert world.account.order_history[placed.order].state is OrderState.EXPIRED


def test_a_pending_order_that_cannot_be_paid_when_reached_is_rejected() -> None:
    world = World(deposit=1_000)
    placed = world.place(OrderType.BUY_LIMIT, "1.08400", volume="0.50")
    world.buy("0.60")

    world.price("EURUSD", "1.08390", "1.08400")

    assert world.account.order_history[placed.order].state is OrderState.REJECTED
    assert len(world.positions) == 1


def test_pending_orders_are_modified_and_removed() -> None:
    world = World()
    ticket = world.place(OrderType.BUY_LIMIT, "1.08000").order

    def modify(price: str, sl: str = "0") -> Retcode:
        request = TradeRequest(Action.MODIFY, order=ticket, price=D(price), sl=D(sl))
        return world.send(request).retcode

    assert modify("1.08000") is Retcode.NO_CHANGES
    assert modify("1.08100", "1.07000") is Retcode.DONE
    assert modify("1.08600") is Retcode.INVALID_PRICE
    assert world.account.orders[ticket].price_open == D("1.08100")
    assert world.send(TradeRequest(Action.REMOVE, order=ticket)).retcode is Retcode.DONE
    assert world.account.order_history[ticket].state is OrderState.CANCELED
    assert world.send(TradeRequest(Action.REMOVE, order=ticket)).retcode is Retcode.INVALID


def test_working_orders_are_limited_in_number() -> None:
    world = World(limit_orders=1)
    world.place(OrderType.BUY_LIMIT, "1.08000")

    assert world.place(OrderType.BUY_LIMIT, "1.08000").retcode is Retcode.LIMIT_ORDERS


def test_a_margin_level_at_the_stop_out_closes_the_worst_until_it_recovers() -> None:
    world = World(deposit=1_000, stop_out_percent=D(50))
    worst = world.buy("0.50").order
    world.price("EURUSD", "1.08400", "1.08410")
    other = world.buy("0.20").order

    world.price("EURUSD", "1.07300", "1.07310")

    assert world.deals[-1].reason is Reason.STOP_OUT
    assert world.deals[-1].position_id == worst
    assert [one.ticket for one in world.positions] == [other]


def test_swap_is_charged_at_midnight_and_three_times_on_wednesday() -> None:
    world = World()
    world.buy("1.00")
    charged = []
    for _ in range(7):
        before = world.positions[0].swap
        world.wait(DAY_MS)
        charged.append(world.positions[0].swap - before)

    # From Monday's night on: none on Saturday's and Sunday's.
    assert charged == [D("-7.20"), D("-7.20"), D("-21.60"), D("-7.20"), D("-7.20"), 0, 0]
    world.sell("0.50", position=world.positions[0].ticket)
    assert world.deals[-1].swap == D("-25.20")
    assert world.positions[0].swap == D("-25.20")


def test_nothing_triggers_while_the_market_is_closed() -> None:
    friday_ms = 1_767_614_400_000 + 4 * DAY_MS
    world = World(start_ms=friday_ms, always_open=False)
    world.buy(sl=D("1.08400"))
    world.wait(DAY_MS)

    world.price("EURUSD", "1.08000", "1.08010")

    assert len(world.positions) == 1


@given(
    st.lists(st.tuples(st.sampled_from(["buy", "sell", "close", "move"]), st.integers(1, 40)), max_size=40),
    st.sampled_from([MarginMode.HEDGING, MarginMode.NETTING]),
)
@settings(max_examples=60, deadline=None)
def test_the_balance_is_the_sum_of_the_deals_and_the_volume_that_of_the_positions(
    steps: list[tuple[str, int]], mode: MarginMode
) -> None:
    world = World(margin_mode=mode, deposit=1_000_000)
    mid = 108_500
    for step, number in steps:
        volume = str(D(number) / 100)
        if step == "buy":
            world.buy(volume)
        elif step == "sell":
            world.sell(volume)
        elif step == "close" and world.positions:
            one = world.positions[number % len(world.positions)]
            world.deal(
                OrderType.SELL if one.side is Side.BUY else OrderType.BUY,
                str(one.volume),
                position=one.ticket,
            )
        else:
            mid += number - 20
            world.price("EURUSD", str(D(mid) / 100_000), str(D(mid + 10) / 100_000))

    deals = world.account.deals.values()
    assert world.account.balance == sum(
        (one.profit + one.commission + one.swap + one.fee for one in deals), D(0)
    )
    signed = sum((one.volume * (1 if one.type == 0 else -1) for one in world.deals), D(0))
    assert signed == sum((one.volume * one.side.sign for one in world.positions), D(0))
