"""Within its band a position needs no look: held against what guard, ladder and trailing stop would do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from signalos_bridge.domain import ladder
from signalos_bridge.domain.facts import GuardState, PositionRecord, TradeOrigin
from signalos_bridge.domain.guard import first_crossing
from signalos_bridge.domain.market import Side, Tick
from signalos_bridge.domain.protection import (
    BreakEvenPlan,
    LadderTarget,
    PlanStart,
    ProtectionPlan,
    StartKind,
    StepState,
    has_begun,
    kept,
)
from signalos_bridge.domain.quiet import Band, narrowest, quiet_band
from signalos_bridge.domain.record import KnownPosition
from signalos_bridge.domain.trailing import advance, next_stop
from signalos_bridge.domain.values import DistanceUnit, TrailingPlan, TrailingStop
from tests.signalos_bridge.domain.market_samples import EURUSD
from tests.signalos_bridge.domain.test_ladder import position

D = Decimal
OPEN = D("1.10000")


def at(points: int) -> Decimal:
    return OPEN + points * EURUSD.point


starts = st.one_of(
    st.builds(lambda n: PlanStart(StartKind.PRICE, at(n)), st.integers(-300, 300)),
    st.builds(lambda n: PlanStart(StartKind.POINTS, D(n)), st.integers(0, 300)),
    st.builds(lambda n: PlanStart(StartKind.RISK, D(n) / 10), st.integers(1, 30)),
    st.builds(lambda n: PlanStart(StartKind.MONEY, D(n)), st.integers(1, 30)),
    st.just(PlanStart(StartKind.TARGET, D(1))),
)


@st.composite
def known_positions(draw: st.DrawFn) -> KnownPosition:
    side = draw(st.sampled_from(list(Side)))
    here = replace(position(side), stop_loss=draw(st.none() | st.integers(-600, -1).map(at)))
    # One thing alone is the narrowest test of it; all together are the whole.
    parts = draw(st.sampled_from(["levels", "ladder", "break-even", "trailing", "all"]))

    def wanted(part: str) -> bool:
        return parts in (part, "all")

    targets = sorted(draw(st.sets(st.integers(1, 400), max_size=3))) if wanted("ladder") else []
    plan = ProtectionPlan(
        tuple(LadderTarget(OPEN + side.value * n * EURUSD.point, D("0.3")) for n in targets),
        draw(st.builds(BreakEvenPlan, starts)) if wanted("break-even") else None,
    )
    protection = kept(plan)
    if protection is not None and draw(st.booleans()):
        reached = ladder.reached(protection, here, at(draw(st.integers(-300, 300))), EURUSD)
        protection = reached
    trailing = None
    if wanted("trailing"):
        activated = draw(st.booleans())
        trailing = TrailingStop(
            TrailingPlan(
                D(draw(st.integers(1, 300))),
                DistanceUnit.POINTS,
                D(draw(st.integers(0, 50))),
                start=draw(st.none() | starts),
            ),
            at(draw(st.integers(-300, 300))) if activated else None,
            activated,
        )
    stop = draw(st.none() | st.integers(1, 400)) if wanted("levels") else None
    target = draw(st.none() | st.integers(1, 400)) if wanted("levels") else None
    record = PositionRecord(
        here,
        TradeOrigin.MANAGED,
        virtual_stop_loss=None if stop is None else OPEN - side.value * stop * EURUSD.point,
        virtual_take_profit=None if target is None else OPEN + side.value * target * EURUSD.point,
        hidden=True,
        guard_state=GuardState.ARMED,
        trailing=trailing,
        protection=protection,
        initial_stop=draw(st.none() | st.integers(-400, 400).map(at)),
    )
    return KnownPosition(record)


def does_something(known: KnownPosition, price: Decimal) -> bool:
    """What guard, ladder, break-even and trailing stop would do at a price, asked one by one."""
    side, record = known.position.side, known.record
    tick = Tick("EURUSD", price, price, 1)
    if first_crossing(known, (tick,)) is not None:
        return True
    protection = record.protection
    if protection is not None:
        waiting = any(
            step.state is StepState.WAITING and (price - step.target.price) * side.value >= 0
            for step in protection.steps
        )
        wish = protection.break_even
        begun = (
            wish is not None
            and not wish.done
            and has_begun(
                wish.plan.start, known.position, price, record.initial_stop, EURUSD, protection.targets_done
            )
        )
        if waiting or begun or ladder.due(protection) is not None:
            return True
    if record.trailing is None:
        return False
    done = 0 if protection is None else protection.targets_done
    moved = advance(
        record.trailing, known.position, (tick,), EURUSD, initial_stop=record.initial_stop, targets_done=done
    )
    stop = next_stop(moved.trailing, known.position, known.effective_stop, tick, EURUSD, hidden=True)
    return moved.trailing != record.trailing or stop is not None


@settings(max_examples=300)
@given(known_positions(), st.integers(-500, 500))
def test_nothing_would_happen_within_the_band(known: KnownPosition, points: int) -> None:
    band = quiet_band(known, EURUSD)
    price = at(points)
    if band is not None and band.holds(price, price):
        assert not does_something(known, price)


@given(st.lists(known_positions(), max_size=6), st.integers(-500, 500))
def test_within_the_narrowest_band_nothing_happens_to_any(many: list[KnownPosition], points: int) -> None:
    bands = [band for known in many if (band := quiet_band(known, EURUSD)) is not None]
    if narrowest(bands).holds(at(points), at(points)):
        assert all(band.holds(at(points), at(points)) for band in bands)


def test_a_level_itself_is_outside_and_an_open_end_holds_everything() -> None:
    band = Band(D(1), D(2))
    assert band.holds(D("1.1"), D("1.9"))
    assert not band.holds(D(1), D("1.5"))
    assert not band.holds(D("1.5"), D(2))
    assert Band().holds(D(0), D(99))


def test_what_is_not_known_is_looked_at_with_every_quote() -> None:
    known = KnownPosition(PositionRecord(position(), TradeOrigin.MANAGED))
    assert quiet_band(known, None) is None
    assert quiet_band(replace(known, missing=True), EURUSD) is None
