from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from signalos_cli.domain.backtest_report import ClosedTrade, EquityPoint, Report, Result, drawdown

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def points(*equities: int) -> tuple[EquityPoint, ...]:
    return tuple(
        EquityPoint(NOON + timedelta(minutes=index), Decimal(1000), Decimal(each))
        for index, each in enumerate(equities)
    )


def a_report(**more: object) -> Report:
    results = (
        Result(NOON, "", state="NO_TEXT"),
        Result(NOON, "hello", "NONE", "NONE", "NO_ACTION", ("NOTHING",)),
        Result(NOON, "BUY", "OPEN", "OK", "ACTED", (), 1),
        Result(NOON, "BUY <b>", "OPEN", "OK", "NOT_TRADED", ("MAX_RISK",), 0, "more than may be risked"),
        Result(NOON, "BUY", "OPEN", "OK", "ACTED", ("NO_MONEY",), 0),
        Result(NOON, "close", "CLOSE", "OK", "ACTED", (), 1),
        Result(NOON, "be", "BREAKEVEN", "OK", "WAITING"),
    )
    closed = (
        ClosedTrade("XAUUSD", NOON, Decimal("0.1"), Decimal("12.5"), "take profit"),
        ClosedTrade("XAUUSD", NOON, Decimal("0.1"), Decimal("-20"), "stop loss"),
    )
    given_parts: dict[str, object] = {
        "file": "result.json", "prices": "made up", "notes": ("a note",), "currency": "USD",
        "results": results, "equity": points(1000, 1010, 990, 1005), "closed": closed, "still_open": 1,
        "seconds": 1.0,
    }  # fmt: skip
    return Report(**(given_parts | more))  # type: ignore[arg-type]


def test_it_counts_what_was_read_traded_and_refused() -> None:
    report = a_report()

    assert (report.with_text, report.opening, report.traded) == (6, 3, 1)
    assert (report.updates, report.updates_done) == (2, 1)
    assert report.kinds() == {"OPEN": 3, "NO_TEXT": 1, "NONE": 1, "CLOSE": 1, "BREAKEVEN": 1}
    assert report.refusals() == {"MAX_RISK": 1, "NO_MONEY": 1, "WAITING": 1}
    assert (report.profit, report.won, report.change) == (Decimal("-7.5"), 1, Decimal(5))
    assert report.drawdown == 20


def test_a_run_without_a_point_has_no_change() -> None:
    report = a_report(equity=(), results=(), closed=())

    assert [report.change, report.drawdown, report.profit] == [0, 0, 0]


@given(st.lists(st.integers(min_value=0, max_value=10_000), max_size=30))
def test_the_deepest_fall_is_that_from_any_high_to_any_low_after_it(equities: list[int]) -> None:
    falls = [high - low for index, high in enumerate(equities) for low in equities[index:]]

    assert drawdown(points(*equities)) == max([0, *falls])
