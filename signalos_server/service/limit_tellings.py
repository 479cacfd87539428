"""What the continuous look at limits puts on record: stages, with alerts, audit and events."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from signalos_server.domain.happenings import LimitsChanged, NewAlert
from signalos_server.domain.risk_limits.facts import AccountFacts
from signalos_server.domain.risk_limits.ledger import Latch
from signalos_server.domain.risk_limits.stages import Stage
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.risk_limits.uses import uses
from signalos_server.domain.risk_limits.watching import Watched
from signalos_server.domain.words import Severity
from signalos_server.service.records import Records


def record_latch(
    records: Records, account_id: str, limits: Limits, latch: Latch, one: Watched, facts: AccountFacts
) -> None:
    """Store that a limit is latched, and tell of it; nothing where it is as hard on record already."""
    ledger = records.limits.lock(account_id)
    after = ledger.latched(latch)
    if after is ledger:
        return
    version = records.limits.save(after)
    hard = latch.stage is Stage.HARD
    closes = hard and one.closes
    numbers = {"limit": str(latch.limit), "current": str(latch.current)}
    records.audit(account_id, "", "limit_tripped", {"code": latch.code, "stage": latch.stage.name, **numbers})
    records.alert(
        NewAlert(
            account_id=account_id,
            severity=Severity.CRITICAL,
            code="LIMIT_HARD" if hard else "LIMIT_SOFT",
            key=latch.code,
            message=words_of(one),
            known="positions are being closed" if closes else "nothing new is opened; what is open stays",
            advice="it ends by hand only: resume the limit"
            + (", and re-arm the stop" if closes else "")
            + ", once you have looked why",
        )
    )
    _tell(records, account_id, limits, version, one, replace(facts, ledger=after))


def record_warning(
    records: Records, account_id: str, limits: Limits, one: Watched, facts: AccountFacts
) -> None:
    """Tell that a limit is near."""
    records.alert(
        NewAlert(
            account_id=account_id,
            severity=Severity.WARNING,
            code="LIMIT_WARNING",
            key=one.code,
            message=words_of(one),
            known=f"{_money(one.meter.headroom)} are left",
            advice="opening is blocked at the soft level, and goes on only by hand",
        )
    )
    version = records.limits.save(records.limits.lock(account_id))
    _tell(records, account_id, limits, version, one, facts)


def warning_over(records: Records, account_id: str, one: Watched) -> None:
    """Tell that a limit is well within again."""
    records.alert_ended(account_id, "LIMIT_WARNING", one.code, words_of(one))
    version = records.limits.save(records.limits.lock(account_id))
    event_id = f"limits-stage:{account_id}:{version}"
    records.happened(account_id, LimitsChanged(event_id, (), f"{one.code} is well within again"))


def _tell(
    records: Records, account_id: str, limits: Limits, version: int, one: Watched, facts: AccountFacts
) -> None:
    shown = tuple(
        use if use.latched else replace(use, since=facts.now)
        for use in uses(limits, facts)
        if use.code == one.code
    )
    event_id = f"limits-stage:{account_id}:{version}"
    records.happened(account_id, LimitsChanged(event_id, shown, words_of(one)))


def words_of(one: Watched) -> str:
    """Return how far a limit is used, in plain words."""
    meter = one.meter
    of = {"MAX_DAILY_LOSS": "of the day's loss", "MAX_TOTAL_LOSS": "of the total loss"}
    what = of.get(one.code, "of the day's profit")
    return f"{one.code}: {_money(meter.current)} {what} of {_money(meter.limit)} are reached"


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
