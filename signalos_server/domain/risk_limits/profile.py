"""Sets of limits as firms ask for them: dated data, and how an account's own limits come of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from signalos_server.domain.risk_limits.terms import Amount, Limits


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a profile with the firm's own limits."""

    phase: str
    name: str
    limits: Limits


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of limits as of a day. `caution`: what has to be checked before anybody relies on it."""

    profile_id: str
    name: str
    as_of: date
    caution: str
    not_covered: str
    phases: tuple[Phase, ...]


def applied(
    before: Limits, profile: Profile, phase: Phase, share: Decimal, start_balance: Decimal | None
) -> Limits:
    """Return an account's limits once a profile is applied: on losses nearer by `share` than the firm's own.

    What the profile says nothing of stays as it was. With a starting balance a day's percentage is money
    of that, since firms count it from there, however the account grows.
    """
    firm = phase.limits
    daily, total = firm.daily_loss, firm.total_loss
    if daily is not None and start_balance is not None:
        daily = replace(daily, amount=Amount(money=daily.amount.of(start_balance)))
    return replace(
        before,
        profile_id=profile.profile_id,
        day=firm.day,
        daily_loss=before.daily_loss
        if daily is None
        else replace(daily, amount=_nearer(daily.amount, share)),
        total_loss=before.total_loss
        if total is None
        else replace(total, amount=_nearer(total.amount, share), start_balance=start_balance),
        trade_risk=firm.trade_risk or before.trade_risk,
        idea_risk=firm.idea_risk or before.idea_risk,
        mandatory_stop=firm.mandatory_stop or before.mandatory_stop,
        stop_missing_after_seconds=firm.stop_missing_after_seconds or before.stop_missing_after_seconds,
        maximum_positions=firm.maximum_positions or before.maximum_positions,
        maximum_requests_a_day=firm.maximum_requests_a_day or before.maximum_requests_a_day,
    )


def _nearer(amount: Amount, share: Decimal) -> Amount:
    return Amount(
        None if amount.percent is None else amount.percent * share,
        None if amount.money is None else amount.money * share,
    )
