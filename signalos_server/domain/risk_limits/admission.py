"""Whether an order that increases risk may pass an account's limits. Nothing here ever judges a close.

Each limit is a gauge: what is used without the order, and with it. What is not known is not within a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.risk_limits import exposure
from signalos_server.domain.risk_limits.exposure import AskedOrder, Holding
from signalos_server.domain.risk_limits.facts import (
    AccountFacts,
    daily_meter,
    day_unknown,
    profit_meter,
    total_meter,
)
from signalos_server.domain.risk_limits.stages import Stage
from signalos_server.domain.risk_limits.terms import Amount, Limits


class Unit(Enum):
    """What a gauge's numbers are."""

    MONEY = "money"
    LOTS = "lots"
    COUNT = "count"
    POINTS = "points"
    PERCENT = "percent"
    MULTIPLE = "multiple"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One limit: what is used now, and with an order. None: not known, or known only with an order.

    `floor`: the limit is a least, not a most. `optional`: an order passes while it is not known.
    """

    code: str
    unit: Unit
    limit: Decimal
    current: Decimal | None
    with_order: Decimal | None = None
    words: str = ""
    floor: bool = False
    optional: bool = False

    @property
    def headroom(self) -> Decimal | None:
        """Return what is left; negative: the limit is broken."""
        if self.current is None:
            return None
        return self.current - self.limit if self.floor else self.limit - self.current


def admit(limits: Limits, facts: AccountFacts, order: AskedOrder, count: int = 1) -> Denial | None:
    """Return why an order must not be sent; None: it may. `count`: the legs that it has."""
    if not limits.any:
        return None
    denial = latched(facts) or _account_known(limits, facts) or _losing(limits, facts) or _stop(limits, order)
    if denial is not None:
        return denial
    for gauge in gauges(limits, facts, order, count):
        denial = _over(gauge)
        if denial is not None:
            return denial
    return _losses(limits, facts, order)


def latched(facts: AccountFacts) -> Denial | None:
    """Return a denial where a limit has blocked opening until a person resumes."""
    for latch in facts.ledger.latches:
        if latch.stage >= Stage.SOFT:
            return deny(
                latch.code,
                f"opening is blocked since {latch.since:%Y-%m-%d %H:%M:%S} UTC, until a person resumes",
                limit=_cents(latch.limit),
                current=_cents(latch.current),
                stage=latch.stage.name,
            )
    return None


def _account_known(limits: Limits, facts: AccountFacts) -> Denial | None:
    if facts.money is not None or not limits.needs_money:
        return None
    age = facts.money_age_seconds
    return deny(
        "STALE_ACCOUNT",
        "the account's balance and equity are not known, or were read too long ago",
        limit=f"{limits.account_age_seconds:g}s",
        current="unknown" if age is None else f"{age:.1f}s",
    )


def blocked_until(limits: Limits, facts: AccountFacts) -> datetime | None:
    """Return until when a row of losses blocks opening; None: it does not."""
    row, losses = limits.consecutive_losses, facts.losing_row
    if row is None or losses.count < row.count or losses.last is None:
        return None
    until = (
        facts.anchor.end(losses.last)
        if row.cooldown_seconds is None
        else losses.last + timedelta(seconds=row.cooldown_seconds)
    )
    return until if facts.now < until else None


def _losing(limits: Limits, facts: AccountFacts) -> Denial | None:
    until = blocked_until(limits, facts)
    if until is None or limits.consecutive_losses is None:
        return None
    return deny(
        "CONSECUTIVE_LOSSES",
        f"{facts.losing_row.count} signals in a row lost; nothing opens until {until:%Y-%m-%d %H:%M:%S} UTC",
        limit=limits.consecutive_losses.count,
        current=facts.losing_row.count,
        until=until.isoformat(),
    )


def _stop(limits: Limits, order: AskedOrder) -> Denial | None:
    if not limits.mandatory_stop or order.stop_loss is not None:
        return None
    return deny("MANDATORY_STOP", "the account's limits want a stop loss with each order")


def _over(gauge: Gauge) -> Denial | None:
    used = gauge.current if gauge.floor else gauge.with_order
    if used is None:
        if gauge.optional:
            return None
        return deny(
            gauge.code,
            gauge.words or "how far the limit is used is not known",
            limit=_plain(gauge.limit),
            current="unknown",
        )
    if used >= gauge.limit if gauge.floor else used <= gauge.limit:
        return None
    current = gauge.current
    shown = {} if gauge.floor or current is None else {"with_order": _plain(used)}
    return deny(
        gauge.code,
        gauge.words or "the order would break the limit",
        limit=_plain(gauge.limit),
        current=_plain(used if current is None else current),
        **shown,
    )


def _losses(limits: Limits, facts: AccountFacts, order: AskedOrder) -> Denial | None:
    """Judge the worst case: what is open and what is ordered, all lost at the stops."""
    if limits.daily_profit is not None and profit_meter(limits.daily_profit, facts) is None:
        return _day_unknown(facts)
    if limits.daily_loss is None and limits.total_loss is None:
        return None
    ordered = risk_of(order, facts) if order.worst_case_money is None else order.worst_case_money
    if ordered is None and order.stop_loss is not None:
        return deny("RISK_UNKNOWN", "what the order loses at its stop loss is not known", symbol=order.symbol)
    # Without a stop loss an order has no worst case; the continuous watch has to do.
    risk = exposure.open_risk(facts.holdings, facts.specs).money + (ordered or Decimal(0))
    if limits.daily_loss is not None:
        meter = daily_meter(limits.daily_loss, facts)
        if meter is None:
            return _day_unknown(facts)
        if (denial := meter.admit(risk)) is not None:
            return denial
    if limits.total_loss is not None:
        meter = total_meter(limits.total_loss, facts)
        if meter is None:
            return deny("DAY_BASE_UNKNOWN", "what the total loss is counted from is not known yet")
        return meter.admit(risk)
    return None


def _day_unknown(facts: AccountFacts) -> Denial:
    return deny("DAY_BASE_UNKNOWN", day_unknown(facts))


def risk_of(order: AskedOrder, facts: AccountFacts) -> Decimal | None:
    """Return what an order loses at its stop loss; None: not known, or it has none."""
    if order.risk_money is not None:
        return order.risk_money
    if order.volume_lots is None:
        return None
    return exposure.loss_at_stop(order.holding, facts.specs.get(order.symbol))


def gauges(
    limits: Limits, facts: AccountFacts, order: AskedOrder | None = None, count: int = 1
) -> Iterator[Gauge]:
    """Return the limits that are set and are not on losses, used now and with an order."""
    yield from _sizes(limits, facts, order, count)
    yield from _exposures(limits, facts, order)
    yield from _risks(limits, facts, order)
    if order is None or order.market:
        yield from _spreads(limits, facts, order)
    money = facts.money
    if limits.minimum_equity is not None:
        equity = None if money is None else money.equity
        yield Gauge("MINIMUM_EQUITY", Unit.MONEY, limits.minimum_equity, equity, floor=True)
    if limits.minimum_margin_level_percent is not None:
        level = None if money is None else money.margin_level_percent
        # No margin bound: no level, and nothing that could be too low.
        free = money is not None and level is None
        yield Gauge(
            "MINIMUM_MARGIN_LEVEL",
            Unit.PERCENT,
            limits.minimum_margin_level_percent,
            level,
            words="no margin is bound" if free else "",
            floor=True,
            optional=free,
        )


def _sizes(limits: Limits, facts: AccountFacts, order: AskedOrder | None, count: int) -> Iterator[Gauge]:
    held, planned = facts.holdings, order.volume_lots if order is not None else None
    if limits.maximum_order_lots is not None:
        yield Gauge("MAXIMUM_ORDER_LOTS", Unit.LOTS, limits.maximum_order_lots, None, planned, _NO_VOLUME)
    if limits.maximum_positions is not None:
        yield _counted("MAXIMUM_POSITIONS", limits.maximum_positions, len(held), count)
    if limits.maximum_symbol_lots is not None:
        symbols = {holding.symbol for holding in held} if order is None else {order.symbol}
        most = max((exposure.lots(held, symbol) for symbol in symbols), default=Decimal(0))
        yield _lots("MAXIMUM_SYMBOL_LOTS", limits.maximum_symbol_lots, most, planned)
    if limits.maximum_total_lots is not None:
        yield _lots("MAXIMUM_TOTAL_LOTS", limits.maximum_total_lots, exposure.lots(held), planned)
    if limits.maximum_trades_a_day is not None:
        yield _counted("MAXIMUM_TRADES_A_DAY", limits.maximum_trades_a_day, facts.trades_today, count)
    if limits.maximum_requests_a_day is not None:
        yield _counted("MAXIMUM_REQUESTS_A_DAY", limits.maximum_requests_a_day, facts.requests_today, count)


_NO_VOLUME = "the order's volume is not known: it is sized by its risk, and prices are missing"


def _counted(code: str, limit: int, current: int | None, count: int) -> Gauge:
    if current is None:
        return Gauge(code, Unit.COUNT, Decimal(limit), None)
    return Gauge(code, Unit.COUNT, Decimal(limit), Decimal(current), Decimal(current + count))


def _lots(code: str, limit: Decimal, current: Decimal, planned: Decimal | None) -> Gauge:
    with_order = None if planned is None else current + planned
    words = _NO_VOLUME if planned is None else ""
    return Gauge(code, Unit.LOTS, limit, current, with_order, words)


def _exposures(limits: Limits, facts: AccountFacts, order: AskedOrder | None) -> Iterator[Gauge]:
    held = facts.holdings
    planned: tuple[Holding, ...] = held
    if order is not None:
        planned = (*held, order.holding)
    known = order is None or order.volume_lots is not None
    equity = facts.money.equity if facts.money is not None and facts.money.equity > 0 else None
    if limits.maximum_currency_exposure_percent is not None:
        now, then = (exposure.widest_currency(each, facts.specs) for each in (held, planned))
        yield Gauge(
            "MAXIMUM_CURRENCY_EXPOSURE",
            Unit.PERCENT,
            limits.maximum_currency_exposure_percent,
            _percent(None if now is None else now.money, equity),
            _percent(None if then is None else then.money, equity) if known else None,
            f"in {then.currency}" if then is not None and then.currency else "",
        )
    if limits.maximum_leverage is not None:
        gross, wished = (exposure.gross_worth(each, facts.specs) for each in (held, planned))
        yield Gauge(
            "MAXIMUM_LEVERAGE",
            Unit.MULTIPLE,
            limits.maximum_leverage,
            None if gross is None or equity is None else _cents(gross / equity),
            None if wished is None or equity is None or not known else _cents(wished / equity),
        )


def _percent(money: Decimal | None, equity: Decimal | None) -> Decimal | None:
    return None if money is None or equity is None else _cents(money / equity * 100)


def _risks(limits: Limits, facts: AccountFacts, order: AskedOrder | None) -> Iterator[Gauge]:
    risk = None if order is None else risk_of(order, facts)
    words = (
        "the order has no stop loss, or its risk is not known" if order is not None and risk is None else ""
    )
    if limits.trade_risk is not None:
        limit = _allowed(limits.trade_risk, facts)
        if limit is not None:
            yield Gauge("MAXIMUM_TRADE_RISK", Unit.MONEY, limit, None, _rounded(risk), words)
    if limits.idea_risk is not None:
        limit = _allowed(limits.idea_risk, facts)
        if limit is None:
            return
        ideas = {(one.symbol, one.side) for one in facts.holdings}
        if order is not None:
            ideas = {(order.symbol, order.side)}
        current = max((_idea(facts, *idea) for idea in ideas), default=Decimal(0))
        wished = None if risk is None else current + risk
        yield Gauge("MAXIMUM_IDEA_RISK", Unit.MONEY, limit, _cents(current), _rounded(wished), words)


def _allowed(amount: Amount, facts: AccountFacts) -> Decimal | None:
    if amount.money is not None:
        return amount.money
    return None if facts.money is None else _cents(amount.of(facts.money.equity))


def _idea(facts: AccountFacts, symbol: str, side: object) -> Decimal:
    own = (one for one in facts.holdings if one.symbol == symbol and one.side is side)
    return exposure.open_risk(own, facts.specs).money


def _spreads(limits: Limits, facts: AccountFacts, order: AskedOrder | None) -> Iterator[Gauge]:
    spec = None if order is None else facts.specs.get(order.symbol)
    market = facts.market
    spread = None if market is None or order is None else market.ask - market.bid
    points = None if spread is None or spec is None or spec.point <= 0 else spread / spec.point
    words = "no fresh price of the symbol is known" if order is not None and spread is None else ""
    if limits.maximum_spread_points is not None:
        yield Gauge("MAXIMUM_SPREAD", Unit.POINTS, limits.maximum_spread_points, None, points, words)
    if limits.maximum_spread_median_factor is not None:
        median = facts.median_spread_points
        multiple = None if points is None or median is None or median <= 0 else _cents(points / median)
        yield Gauge(
            "MAXIMUM_SPREAD_MEDIAN",
            Unit.MULTIPLE,
            limits.maximum_spread_median_factor,
            None,
            multiple,
            words or "too few quotes are known for a median",
            optional=points is not None,
        )
    if limits.maximum_spread_stop_percent is not None:
        share = None
        if (
            spread is not None
            and order is not None
            and order.entry is not None
            and order.stop_loss is not None
        ):
            distance = abs(order.entry - order.stop_loss)
            share = None if distance <= 0 else _cents(spread / distance * 100)
        yield Gauge(
            "MAXIMUM_SPREAD_STOP",
            Unit.PERCENT,
            limits.maximum_spread_stop_percent,
            None,
            share,
            words
            or ("the order has no stop loss to measure by" if order is not None and share is None else ""),
        )


def _of_distance(spread: Decimal | None, order: AskedOrder | None) -> Decimal | None:
    if spread is None or order is None or order.entry is None or order.stop_loss is None:
        return None
    distance = abs(order.entry - order.stop_loss)
    return None if distance <= 0 else _cents(spread / distance * 100)


def _rounded(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else _cents(amount)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def _plain(amount: Decimal) -> Decimal:
    """Return a number without needless zeros."""
    whole = amount.to_integral_value()
    return whole if amount == whole else amount.normalize()


def admit_change(limits: Limits, facts: AccountFacts, order: AskedOrder) -> Denial | None:
    """Return why what is open must not be made to risk more; `facts` are without it.

    `order` is the position or order as it would be. Nothing is opened: counts and sizes stay as they are.
    """
    if not limits.any:
        return None
    denial = latched(facts) or _account_known(limits, facts) or _stop(limits, order)
    if denial is not None:
        return denial
    for gauge in _risks(limits, facts, order):
        if (denial := _over(gauge)) is not None:
            return denial
    return _losses(limits, facts, order)


def wants_quote(limits: Limits, order: AskedOrder) -> bool:
    """Return whether an order at the market cannot be judged without a fresh quote."""
    if not order.market:
        return False
    spreads = (
        limits.maximum_spread_points,
        limits.maximum_spread_median_factor,
        limits.maximum_spread_stop_percent,
        limits.maximum_currency_exposure_percent,
        limits.maximum_leverage,
    )
    if any(each is not None for each in spreads):
        return True
    if order.entry is not None:
        return False
    if order.stop_loss is not None and (
        limits.daily_loss or limits.total_loss or limits.trade_risk or limits.idea_risk
    ):
        return True
    sizes = (limits.maximum_order_lots, limits.maximum_symbol_lots, limits.maximum_total_lots)
    return order.volume_lots is None and any(each is not None for each in sizes)


def no_quote(order: AskedOrder) -> Denial:
    """Return the denial of an order that cannot be judged, since no fresh price is known."""
    return deny("STALE_QUOTE", f"no fresh price of {order.symbol} to judge the order by", symbol=order.symbol)
