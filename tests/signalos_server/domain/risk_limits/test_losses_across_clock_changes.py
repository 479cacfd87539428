"""A day's loss from each base, with each anchor, on the days on which clocks change, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from signalos_server.domain.risk_limits.days import DayAnchor
from signalos_server.domain.risk_limits.facts import AccountFacts, AccountMoney, daily_meter, profit_meter
from signalos_server.domain.risk_limits.ledger import (
    DayRecord,
    DealSums,
    Ledger,
    Source,
    transfers_since,
)
from signalos_server.domain.risk_limits.loss import Base
from signalos_server.domain.risk_limits.terms import Amount, DailyLoss, ProfitLock

D = Decimal


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# The account every hour: each hour it wins 10 and has 3 open, so that every moment has numbers of its own.
_BEGAN = utc("2026-01-01 00:00")


def account_at(moment: datetime) -> AccountMoney:
    hours = int((moment - _BEGAN) / timedelta(hours=1))
    balance = D(10_000 + 10 * hours)
    return AccountMoney(balance, balance + (3 if hours % 2 else -3))


@pytest.mark.parametrize(
    ("zone", "at", "now", "begins"),
    [
        # Forward: New York, 8 March 2026, 02:00 -> 03:00.
        ("America/New_York", "17:00", "2026-03-08 20:00", "2026-03-07 22:00"),
        ("America/New_York", "17:00", "2026-03-08 21:00", "2026-03-08 21:00"),
        ("America/New_York", "00:00", "2026-03-09 03:00", "2026-03-08 05:00"),
        ("America/New_York", "00:00", "2026-03-09 04:00", "2026-03-09 04:00"),
        # Back: 1 November 2026, 02:00 -> 01:00.
        ("America/New_York", "17:00", "2026-11-01 21:00", "2026-10-31 21:00"),
        ("America/New_York", "17:00", "2026-11-01 22:00", "2026-11-01 22:00"),
        ("America/New_York", "01:30", "2026-11-01 06:00", "2026-11-01 05:30"),
        # Europe: 29 March and 25 October 2026.
        ("Europe/Prague", "00:00", "2026-03-29 21:00", "2026-03-28 23:00"),
        ("Europe/Prague", "00:00", "2026-03-29 22:00", "2026-03-29 22:00"),
        ("Europe/Prague", "00:00", "2026-10-25 22:00", "2026-10-24 22:00"),
        ("Europe/Prague", "00:00", "2026-10-25 23:00", "2026-10-25 23:00"),
        ("Europe/Helsinki", "02:30", "2026-03-29 05:00", "2026-03-29 00:30"),
        ("Europe/Helsinki", "03:30", "2026-03-29 05:00", "2026-03-29 01:00"),
        # South of the equator: back on 5 April, forward on 4 October 2026.
        ("Australia/Sydney", "00:00", "2026-04-05 13:00", "2026-04-04 13:00"),
        ("Australia/Sydney", "00:00", "2026-04-05 14:00", "2026-04-05 14:00"),
        ("Australia/Sydney", "00:00", "2026-10-04 12:00", "2026-10-03 14:00"),
        ("Australia/Sydney", "00:00", "2026-10-04 13:00", "2026-10-04 13:00"),
        # Clocks that never change.
        ("UTC", "00:00", "2026-03-29 12:00", "2026-03-29 00:00"),
        ("Asia/Tokyo", "07:00", "2026-03-28 23:00", "2026-03-28 22:00"),
    ],
)
@pytest.mark.parametrize("base", list(Base))
@pytest.mark.parametrize("paid", [0, 2_500, -1_500])
def test_a_days_loss_counts_from_its_own_beginning(
    zone: str, at: str, now: str, begins: str, base: Base, paid: int
) -> None:
    anchor = DayAnchor(time.fromisoformat(at), ZoneInfo(zone))
    moment = utc(now)
    start = anchor.start(moment)
    assert start == utc(begins)
    then, money = account_at(start), account_at(moment)
    money = AccountMoney(money.balance + paid, money.equity + paid)
    sums = DealSums(trading=money.balance - paid - then.balance, payments=D(paid))
    transfers = transfers_since(then.balance, money.balance, sums)
    assert transfers.explained
    facts = AccountFacts(
        now=moment,
        anchor=anchor,
        money=money,
        day=DayRecord(start, then.balance, then.equity, D(0), Source.READ),
        transfers=transfers.amount,
        ledger=Ledger("acc"),
    )

    meter = daily_meter(DailyLoss(Amount(percent=D(5)), base), facts)

    counted = {
        Base.BALANCE: then.balance,
        Base.EQUITY: then.equity,
        Base.HIGHER: max(then.balance, then.equity),
    }[base]
    assert meter is not None
    assert (meter.limit, meter.current) == (counted * 5 / 100, counted + paid - money.equity)
    won = profit_meter(ProfitLock(Amount(percent=D(1))), facts)
    assert won is not None
    assert (won.limit, won.current) == (then.balance / 100, money.equity - paid - then.balance)


@pytest.mark.parametrize(
    ("now", "sums", "amount", "explained"),
    [
        (10_100, DealSums(trading=D(100)), 0, True),
        (15_100, DealSums(D(100), D(5_000)), 5_000, True),
        (7_000, DealSums(D(0), D(-3_000)), -3_000, True),
        # A bonus is booked into the balance, or into the credit: whichever explains the balance.
        (10_500, DealSums(bonus=D(500)), 500, True),
        (10_000, DealSums(bonus=D(500)), 0, True),
        # The terminal shows it, and its deal is still to come.
        (7_000, DealSums(), 0, False),
        (10_000, DealSums(trading=D("-12.50")), 0, False),
        # The broker's own rounding.
        (10_100, DealSums(trading=D("100.01")), 0, True),
    ],
)
def test_what_was_paid_is_told_apart_from_what_was_traded(
    now: int, sums: DealSums, amount: int, explained: bool
) -> None:
    found = transfers_since(D(10_000), D(now), sums)

    assert (found.amount, found.explained) == (D(amount), explained)


def test_credit_is_no_part_of_the_account() -> None:
    money = AccountMoney(balance=D(10_000), equity=D(10_400), credit=D(500))
    facts = AccountFacts(
        now=utc("2026-05-05 12:00"),
        anchor=DayAnchor(time(0), UTC),
        money=money,
        day=DayRecord(utc("2026-05-05 00:00"), D(10_000), D(10_000), D(0), Source.READ),
        transfers=D(0),
    )

    meter = daily_meter(DailyLoss(Amount(money=D(500)), Base.EQUITY), facts)

    assert meter is not None
    assert meter.current == 100
