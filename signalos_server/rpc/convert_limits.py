"""Limits of accounts, how far they are used, and profiles, between the contract and the inside."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from signalos.v1 import control_pb2
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.risk_limits.admission import Unit
from signalos_server.domain.risk_limits.loss import Base, Drawdown
from signalos_server.domain.risk_limits.profile import Profile
from signalos_server.domain.risk_limits.stages import Levels, Stage
from signalos_server.domain.risk_limits.terms import (
    Amount,
    DailyLoss,
    Limits,
    LossRow,
    ProfitLock,
    TotalLoss,
    TradingDay,
)
from signalos_server.domain.risk_limits.uses import Use
from signalos_server.domain.words import EquityFloorAction
from signalos_server.rpc.convert import duration, enum_of, number, optional_decimal, seconds_of, timestamp

_HUNDRED = Decimal(100)

_BASES = {1: Base.BALANCE, 2: Base.EQUITY, 3: Base.HIGHER}
_BASE_NUMBERS = {base: value for value, base in _BASES.items()}
_DRAWDOWNS = {1: Drawdown.STATIC, 2: Drawdown.TRAILING_DAY, 3: Drawdown.TRAILING_NOW}
_DRAWDOWN_NUMBERS = {drawdown: value for value, drawdown in _DRAWDOWNS.items()}

_UNITS = {
    Unit.MONEY: control_pb2.LIMIT_UNIT_MONEY,
    Unit.LOTS: control_pb2.LIMIT_UNIT_LOTS,
    Unit.COUNT: control_pb2.LIMIT_UNIT_COUNT,
    Unit.POINTS: control_pb2.LIMIT_UNIT_POINTS,
    Unit.PERCENT: control_pb2.LIMIT_UNIT_PERCENT,
    Unit.MULTIPLE: control_pb2.LIMIT_UNIT_MULTIPLE,
    Unit.SECONDS: control_pb2.LIMIT_UNIT_SECONDS,
}
_STAGES = {
    None: control_pb2.LIMIT_STAGE_UNSPECIFIED,
    Stage.CLEAR: control_pb2.LIMIT_STAGE_OK,
    Stage.WARNING: control_pb2.LIMIT_STAGE_WARNING,
    Stage.SOFT: control_pb2.LIMIT_STAGE_SOFT,
    Stage.HARD: control_pb2.LIMIT_STAGE_HARD,
}


def limits_to_proto(limits: Limits) -> control_pb2.Limits:
    """Return limits as the contract says them."""
    day = limits.day
    message = control_pb2.Limits(
        maximum_order_lots=number(limits.maximum_order_lots),
        maximum_positions=limits.maximum_positions,
        maximum_spread_points=number(limits.maximum_spread_points),
        minimum_equity=number(limits.minimum_equity),
        day=None
        if day == TradingDay()
        else control_pb2.TradingDay(begins_at=day.begins_at, time_zone=day.zone),
        daily_loss=_daily_loss(limits.daily_loss),
        total_loss=_total_loss(limits.total_loss),
        daily_profit=_profit(limits.daily_profit),
        maximum_symbol_lots=number(limits.maximum_symbol_lots),
        maximum_total_lots=number(limits.maximum_total_lots),
        maximum_currency_exposure_percent=number(limits.maximum_currency_exposure_percent),
        maximum_leverage=number(limits.maximum_leverage),
        trade_risk=_risk(limits.trade_risk),
        idea_risk=_risk(limits.idea_risk),
        mandatory_stop=limits.mandatory_stop,
        stop_missing_after=_span(limits.stop_missing_after_seconds),
        maximum_spread_median_factor=number(limits.maximum_spread_median_factor),
        maximum_spread_stop_percent=number(limits.maximum_spread_stop_percent),
        maximum_trades_a_day=limits.maximum_trades_a_day,
        consecutive_losses=_row(limits.consecutive_losses),
        minimum_margin_level_percent=number(limits.minimum_margin_level_percent),
        maximum_requests_a_day=limits.maximum_requests_a_day,
        maximum_account_age=_span(limits.maximum_account_age_seconds),
        profile_id=limits.profile_id,
    )
    if limits.minimum_equity_action is not EquityFloorAction.BLOCK:
        message.minimum_equity_action = int(limits.minimum_equity_action)  # type: ignore[assignment]
    return message


def _span(seconds: float | None) -> Duration | None:
    return None if seconds is None else duration(seconds)


def _levels(levels: Levels) -> control_pb2.LimitLevels | None:
    if levels == Levels():
        return None
    return control_pb2.LimitLevels(
        warning_percent=float(levels.warning * _HUNDRED),
        soft_percent=float(levels.soft * _HUNDRED),
        hard_percent=float(levels.hard * _HUNDRED),
    )


def _daily_loss(term: DailyLoss | None) -> control_pb2.DailyLossLimit | None:
    if term is None:
        return None
    return control_pb2.DailyLossLimit(
        percent=number(term.amount.percent),
        money=number(term.amount.money),
        base=_BASE_NUMBERS[term.base],  # type: ignore[arg-type]
        levels=_levels(term.levels),
        keep_positions=term.keep_positions,
    )


def _total_loss(term: TotalLoss | None) -> control_pb2.TotalLossLimit | None:
    if term is None:
        return None
    return control_pb2.TotalLossLimit(
        percent=number(term.amount.percent),
        money=number(term.amount.money),
        drawdown=_DRAWDOWN_NUMBERS[term.drawdown],  # type: ignore[arg-type]
        start_balance=number(term.start_balance),
        levels=_levels(term.levels),
        keep_positions=term.keep_positions,
    )


def _profit(term: ProfitLock | None) -> control_pb2.DailyProfitLock | None:
    if term is None:
        return None
    return control_pb2.DailyProfitLock(
        percent=number(term.amount.percent),
        money=number(term.amount.money),
        close_positions=term.close_positions,
    )


def _risk(amount: Amount | None) -> control_pb2.RiskLimit | None:
    if amount is None:
        return None
    return control_pb2.RiskLimit(percent=number(amount.percent), money=number(amount.money))


def _row(row: LossRow | None) -> control_pb2.ConsecutiveLosses | None:
    if row is None:
        return None
    return control_pb2.ConsecutiveLosses(count=row.count, cooldown=_span(row.cooldown_seconds))


# From the contract.


def limits_of(message: control_pb2.Limits) -> Limits:
    """Return limits. Raises `InvalidField` for levels that do not rise and zones that are not known."""
    row = message.consecutive_losses
    return Limits(
        maximum_order_lots=_number(message, "maximum_order_lots", "maximumOrderLots"),
        maximum_positions=message.maximum_positions if message.HasField("maximum_positions") else None,
        maximum_spread_points=_number(message, "maximum_spread_points", "maximumSpreadPoints"),
        minimum_equity=_number(message, "minimum_equity", "minimumEquity"),
        minimum_equity_action=enum_of(
            EquityFloorAction, message.minimum_equity_action, EquityFloorAction.BLOCK
        ),
        day=_day(message.day) if message.HasField("day") else TradingDay(),
        daily_loss=_daily_loss_of(message.daily_loss) if message.HasField("daily_loss") else None,
        total_loss=_total_loss_of(message.total_loss) if message.HasField("total_loss") else None,
        daily_profit=ProfitLock(
            _amount(message.daily_profit, "dailyProfit"), message.daily_profit.close_positions
        )
        if message.HasField("daily_profit")
        else None,
        maximum_symbol_lots=_number(message, "maximum_symbol_lots", "maximumSymbolLots"),
        maximum_total_lots=_number(message, "maximum_total_lots", "maximumTotalLots"),
        maximum_currency_exposure_percent=_number(
            message, "maximum_currency_exposure_percent", "maximumCurrencyExposurePercent"
        ),
        maximum_leverage=_number(message, "maximum_leverage", "maximumLeverage"),
        trade_risk=_amount(message.trade_risk, "tradeRisk") if message.HasField("trade_risk") else None,
        idea_risk=_amount(message.idea_risk, "ideaRisk") if message.HasField("idea_risk") else None,
        mandatory_stop=message.mandatory_stop,
        stop_missing_after_seconds=_seconds(message, "stop_missing_after"),
        maximum_spread_median_factor=_number(
            message, "maximum_spread_median_factor", "maximumSpreadMedianFactor"
        ),
        maximum_spread_stop_percent=_number(
            message, "maximum_spread_stop_percent", "maximumSpreadStopPercent"
        ),
        maximum_trades_a_day=message.maximum_trades_a_day
        if message.HasField("maximum_trades_a_day")
        else None,
        consecutive_losses=LossRow(row.count, _seconds(row, "cooldown"))
        if message.HasField("consecutive_losses")
        else None,
        minimum_margin_level_percent=_number(
            message, "minimum_margin_level_percent", "minimumMarginLevelPercent"
        ),
        maximum_requests_a_day=message.maximum_requests_a_day
        if message.HasField("maximum_requests_a_day")
        else None,
        maximum_account_age_seconds=_seconds(message, "maximum_account_age"),
        profile_id=message.profile_id[:64],
    )


def _number(message: Message, field: str, name: str) -> Decimal | None:
    try:
        return optional_decimal(message, field)
    except ValueError:
        raise InvalidField(f"limits.{name}", "is no number") from None


def _seconds(message: Message, field: str) -> float | None:
    return seconds_of(getattr(message, field)) if message.HasField(field) else None


def _day(message: control_pb2.TradingDay) -> TradingDay:
    zone = message.time_zone or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidField(
            "limits.day.timeZone", "is no IANA time zone, such as Europe/Prague or America/New_York"
        ) from None
    return TradingDay(message.begins_at or "00:00", zone)


def _amount(message: Message, name: str) -> Amount:
    return Amount(
        percent=_number(message, "percent", f"{name}.percent"),
        money=_number(message, "money", f"{name}.money"),
    )


def _levels_of(message: control_pb2.LimitLevels, name: str) -> Levels:
    shipped = Levels()
    parts = {
        part: _number(message, f"{part}_percent", f"{name}.levels.{part}Percent")
        for part in ("warning", "soft", "hard")
    }
    warning, soft, hard = (
        getattr(shipped, part) if value is None else value / _HUNDRED for part, value in parts.items()
    )
    if not 0 < warning <= soft <= hard <= 1:
        raise InvalidField(
            f"limits.{name}.levels",
            "rise above 0 and up to 100: warning, soft, hard (70, 85, 100 as shipped)",
        )
    return Levels(warning, soft, hard)


def _daily_loss_of(message: control_pb2.DailyLossLimit) -> DailyLoss:
    return DailyLoss(
        amount=_amount(message, "dailyLoss"),
        base=_BASES.get(message.base, Base.BALANCE),
        levels=_levels_of(message.levels, "dailyLoss"),
        keep_positions=message.keep_positions,
    )


def _total_loss_of(message: control_pb2.TotalLossLimit) -> TotalLoss:
    return TotalLoss(
        amount=_amount(message, "totalLoss"),
        drawdown=_DRAWDOWNS.get(message.drawdown, Drawdown.STATIC),
        start_balance=_number(message, "start_balance", "totalLoss.startBalance"),
        levels=_levels_of(message.levels, "totalLoss"),
        keep_positions=message.keep_positions,
    )


# Shown only.


def use_to_proto(use: Use) -> control_pb2.LimitUse:
    """Return how far a limit is used, as the contract says it."""
    return control_pb2.LimitUse(
        code=use.code,
        limit=float(use.limit),
        current=number(use.current),
        headroom=number(use.headroom),
        unit=_UNITS[use.unit],
        stage=_STAGES[use.stage],
        latched=use.latched,
        warning_level=number(use.warning_level),
        soft_level=number(use.soft_level),
        hard_level=number(use.hard_level),
        since=timestamp(use.since),
        message=use.message,
        headroom_money=number(use.headroom_money),
    )


def profile_to_proto(profile: Profile) -> control_pb2.LimitProfile:
    """Return a profile as the contract says it."""
    return control_pb2.LimitProfile(
        profile_id=profile.profile_id,
        name=profile.name,
        as_of=profile.as_of.isoformat(),
        caution=profile.caution,
        not_covered=profile.not_covered,
        phases=[
            control_pb2.LimitProfilePhase(
                phase=phase.phase, name=phase.name, firm_limits=limits_to_proto(phase.limits)
            )
            for phase in profile.phases
        ],
    )
