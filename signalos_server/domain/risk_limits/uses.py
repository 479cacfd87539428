"""How far each limit that is set is used, as it is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from signalos_server.domain.risk_limits.admission import Gauge, Unit, blocked_until, gauges
from signalos_server.domain.risk_limits.facts import (
    AccountFacts,
    daily_meter,
    day_unknown,
    profit_meter,
    total_meter,
)
from signalos_server.domain.risk_limits.loss import Meter
from signalos_server.domain.risk_limits.stages import Levels, Stage
from signalos_server.domain.risk_limits.terms import Limits

# Of a limit that only blocks: from this share on it is told as near.
_NEAR = Decimal("0.85")

# A profit lock knows one level: what is won blocks, and closes where that is asked.
PROFIT_BLOCKS = Levels(Decimal("0.85"), Decimal(1), Decimal(10) ** 9)
PROFIT_CLOSES = Levels(Decimal("0.85"), Decimal(1), Decimal(1))


@dataclass(frozen=True, slots=True)
class Use:
    """One limit; levels and numbers in its unit. `stage` and numbers None: not known."""

    code: str
    unit: Unit
    limit: Decimal
    current: Decimal | None
    headroom: Decimal | None
    stage: Stage | None
    latched: bool = False
    warning_level: Decimal | None = None
    soft_level: Decimal | None = None
    hard_level: Decimal | None = None
    since: datetime | None = None
    message: str = ""
    headroom_money: Decimal | None = None


def uses(limits: Limits, facts: AccountFacts) -> tuple[Use, ...]:
    """Return each limit that is set, those on losses first."""
    shown = [*_losses(limits, facts), *_gauges(limits, facts)]
    return tuple(_with_latch(use, facts) for use in shown)


def _with_latch(use: Use, facts: AccountFacts) -> Use:
    latch = facts.ledger.latch(use.code)
    if latch is None:
        return use
    words = f"{latch.stage.name} latched at {_money(latch.current)}, until a person resumes"
    stage = max(use.stage or Stage.CLEAR, latch.stage)
    return replace(
        use,
        stage=stage,
        # A worse stage than the latched one is only just seen, and not believed yet.
        latched=stage is latch.stage,
        since=latch.since,
        message=f"{use.message}; {words}" if use.message else words,
    )


def _losses(limits: Limits, facts: AccountFacts) -> Iterator[Use]:
    if (daily := limits.daily_loss) is not None:
        meter = daily_meter(daily, facts)
        unknown = "" if meter is not None else day_unknown(facts)
        yield _metered(
            "MAX_DAILY_LOSS",
            meter,
            daily.levels,
            daily.amount.money,
            unknown,
            closes=not daily.keep_positions,
        )
    if (total := limits.total_loss) is not None:
        meter = total_meter(total, facts)
        unknown = "" if meter is not None else "what it is counted from is not known"
        yield _metered(
            "MAX_TOTAL_LOSS",
            meter,
            total.levels,
            total.amount.money,
            unknown,
            closes=not total.keep_positions,
        )
    if (lock := limits.daily_profit) is not None:
        meter = profit_meter(lock, facts)
        unknown = "" if meter is not None else day_unknown(facts)
        levels = PROFIT_CLOSES if lock.close_positions else PROFIT_BLOCKS
        use = _metered(
            "DAILY_PROFIT_LOCK", meter, levels, lock.amount.money, unknown, closes=lock.close_positions
        )
        # What may still be won is no money that may be lost.
        yield replace(use, headroom_money=None)


def _metered(
    code: str, meter: Meter | None, levels: Levels, money: Decimal | None, unknown: str, *, closes: bool
) -> Use:
    if meter is None:
        return Use(code, Unit.MONEY, money or Decimal(0), None, None, None, message=unknown)
    return Use(
        code=code,
        unit=Unit.MONEY,
        limit=_money(meter.limit),
        current=_money(meter.current),
        headroom=_money(meter.headroom),
        stage=levels.stage(meter),
        warning_level=_money(meter.limit * levels.warning),
        soft_level=_money(meter.limit * levels.soft),
        hard_level=_money(meter.limit * levels.hard) if closes else None,
        headroom_money=_money(meter.headroom),
    )


def _gauges(limits: Limits, facts: AccountFacts) -> Iterator[Use]:
    for gauge in gauges(limits, facts):
        yield _gauged(gauge)
    row = limits.consecutive_losses
    if row is not None:
        until = blocked_until(limits, facts)
        count = Decimal(facts.losing_row.count)
        yield Use(
            code="CONSECUTIVE_LOSSES",
            unit=Unit.COUNT,
            limit=Decimal(row.count),
            current=count,
            headroom=row.count - count,
            stage=Stage.CLEAR if until is None else Stage.SOFT,
            soft_level=Decimal(row.count),
            message="" if until is None else f"nothing opens until {until:%Y-%m-%d %H:%M:%S} UTC",
        )
    if limits.needs_money:
        age = facts.money_age_seconds
        current = None if age is None else Decimal(f"{age:.1f}")
        limit = Decimal(str(limits.account_age_seconds))
        yield Use(
            code="STALE_ACCOUNT",
            unit=Unit.SECONDS,
            limit=limit,
            current=current,
            headroom=None if current is None else limit - current,
            stage=Stage.CLEAR if facts.money is not None else Stage.SOFT,
            soft_level=limit,
            message="" if facts.money is not None else "the account's money is not known, or too old",
        )


def _gauged(gauge: Gauge) -> Use:
    headroom = gauge.headroom
    money = headroom if gauge.unit is Unit.MONEY and gauge.code != "MAXIMUM_TRADE_RISK" else None
    return Use(
        code=gauge.code,
        unit=gauge.unit,
        limit=gauge.limit,
        current=gauge.current,
        headroom=headroom,
        stage=_stage(gauge),
        warning_level=gauge.limit / _NEAR if gauge.floor else gauge.limit * _NEAR,
        soft_level=gauge.limit,
        message=gauge.words,
        headroom_money=money,
    )


def _stage(gauge: Gauge) -> Stage | None:
    if gauge.current is None:
        return None
    if gauge.floor:
        if gauge.current < gauge.limit:
            return Stage.SOFT
        return Stage.WARNING if gauge.current * _NEAR < gauge.limit else Stage.CLEAR
    if gauge.current >= gauge.limit:
        return Stage.SOFT
    return Stage.WARNING if gauge.current >= gauge.limit * _NEAR else Stage.CLEAR


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
