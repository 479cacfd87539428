"""Quotes and their record."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_bridge.emulator.domain.codes import OrderType
from signalos_bridge.emulator.domain.market import ReplayTick
from signalos_bridge.emulator.domain.symbols import CATALOGUE, catalogue
from tests.signalos_bridge.emulator.domain.world import World

D = Decimal


def history(seed: int, steps: list[int]) -> list[object]:
    """Run a world with moving prices through the same deeds; return everything that happened."""
    world = World(seed=seed, tick_interval_ms=500)
    happened: list[object] = []
    for number, step in enumerate(steps):
        world.wait(step)
        if number % 3 == 0:
            bid = world.book.quote("EURUSD").bid
            world.buy(sl=bid - D("0.00010"), tp=bid + D("0.00010"))
        if number % 3 == 1:
            ask = world.book.quote("EURUSD").ask
            world.place(OrderType.BUY_STOP, str(ask + D("0.00005")))
    happened.extend(world.book.take_changes())
    happened.extend(symbol.quote for symbol in world.market.symbols.values())
    return happened


@given(st.integers(0, 2**63), st.lists(st.integers(0, 20_000), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_two_runs_of_one_seed_agree_to_the_last_deal(seed: int, steps: list[int]) -> None:
    assert history(seed, steps) == history(seed, steps)


def test_two_seeds_do_not_agree() -> None:
    assert history(1, [5_000]) != history(2, [5_000])


def test_quotes_lie_on_their_ticks_and_the_ask_above_the_bid() -> None:
    world = World(tick_interval_ms=500)
    for name in world.market.advance(world.market.utc_ms + 60_000):
        symbol = world.market.symbols[name]
        quote = symbol.quote
        assert 0 < quote.bid < quote.ask
        assert quote.bid % symbol.spec.tick_size == 0
        assert quote.ask % symbol.spec.tick_size == 0


def test_each_tick_is_recorded_with_its_broker_time() -> None:
    world = World(tick_interval_ms=500)
    ticks = world.market.symbols["GBPUSD"].ticks
    seen = [name for name in world.market.advance(world.market.utc_ms + 60_000) if name == "GBPUSD"]

    assert len(ticks.time_ms) == len(seen) + 1
    assert list(ticks.time_ms) == sorted(ticks.time_ms)
    assert ticks.time_ms[-1] == world.market.clock.broker_ms(world.market.symbols["GBPUSD"].quote.utc_ms)


def test_closed_symbols_do_not_tick() -> None:
    saturday_ms = 1_767_614_400_000 + 5 * 86_400_000
    world = World(start_ms=saturday_ms, always_open=False, tick_interval_ms=500)

    assert set(world.market.advance(saturday_ms + 60_000)) == {"BTCUSD", "ETHUSD"}


def test_a_long_pause_lets_prices_jump_instead_of_running_after_it() -> None:
    world = World(tick_interval_ms=500)
    hour = world.market.utc_ms + 3_600_000

    ticks = list(world.market.advance(hour, longest_gap_ms=5_000))

    assert len(ticks) <= 2 * len(world.market.symbols)
    assert world.market.utc_ms == hour


def test_a_replayed_symbol_moves_by_the_file_alone() -> None:
    world = World(tick_interval_ms=500)
    world.market.replay(
        [
            ReplayTick(2_000, "EURUSD", D("1.20000"), D("1.20010")),
            ReplayTick(1_000, "EURUSD", D("1.10000"), D("1.10010")),
        ]
    )

    seen = [
        world.book.quote("EURUSD").bid
        for name in world.market.advance(world.market.start_ms + 5_000)
        if name == "EURUSD"
    ]

    assert seen == [D("1.10000"), D("1.20000")]


def test_a_replay_has_every_tick_of_its_file_in_its_order_also_within_a_millisecond() -> None:
    world = World(tick_interval_ms=500)
    lines = [
        ReplayTick(
            number // 3, "EURUSD", D("1.10000") + number * D("0.00001"), D("1.10010") + number * D("0.00001")
        )
        for number in range(300)
    ]
    world.market.replay(lines)
    before = len(world.market.symbols["EURUSD"].ticks.bid)

    # As a busy machine does it: in steps of any length.
    for upto in (1, 2, 50, 51, 1000):
        for _ in world.market.advance(world.market.start_ms + upto):
            pass

    ticks = world.market.symbols["EURUSD"].ticks
    assert list(ticks.bid[before:]) == [float(one.bid) for one in lines]
    assert list(ticks.ask[before:]) == [float(one.ask) for one in lines]
    assert [ms - world.market.start_ms for ms in ticks.utc_ms[before:]] == [one.offset_ms for one in lines]


def test_a_suffix_is_part_of_every_name() -> None:
    assert [one.name for one in catalogue(".r")] == [one.name + ".r" for one in CATALOGUE]


def test_symbols_have_the_digits_and_sizes_that_traders_know() -> None:
    specs = {one.name: one for one in CATALOGUE}

    assert (specs["EURUSD"].point, specs["EURUSD"].contract_size) == (D("0.00001"), D(100_000))
    assert specs["USDJPY"].point == D("0.001")
    assert (specs["XAUUSD"].point, specs["XAUUSD"].contract_size) == (D("0.01"), D(100))
    assert {"US30", "NAS100", "SPX500", "GER40", "USOIL", "BTCUSD", "ETHUSD", "XAGUSD"} < set(specs)
    assert len(specs) == 19


def test_ticks_are_found_in_the_hour_that_comes_twice() -> None:
    # At 01:00 UTC on 2026-10-25 the broker's clock goes back from 04:00 to 03:00.
    back_ms = 1_792_890_000_000
    world = World(start_ms=back_ms - 600_000, tick_interval_ms=500)
    for _ in world.market.advance(back_ms + 600_000):
        pass
    ticks = world.market.symbols["EURUSD"].ticks

    assert list(ticks.time_ms) != sorted(ticks.time_ms)
    index = ticks.first_since(back_ms)
    assert ticks.utc_ms[index - 1] < back_ms <= ticks.utc_ms[index]
    assert ticks.time_ms[index - 1] - ticks.time_ms[index] > 3_500_000
