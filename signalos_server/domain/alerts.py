"""When an alert that nobody acknowledges is told again. Told the time; knows no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from signalos_server.domain.words import Severity


def _waits(*seconds: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=wait) for wait in seconds)


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """How long to wait before each telling; the last wait repeats. Empty: it is told once."""

    waits: Mapping[Severity, tuple[timedelta, ...]] = field(
        default_factory=lambda: {
            # After 1, 5 and 15 minutes, and then every 15.
            Severity.CRITICAL: _waits(60, 240, 600, 900),
            Severity.WARNING: _waits(1_800, 14_400),
            Severity.INFO: (),
        }
    )

    def next_time(self, severity: Severity, level: int, now: datetime) -> datetime | None:
        """Return when an alert that was told `level` times again is told the next time; None: never."""
        waits = self.waits.get(severity, ())
        return now + waits[min(level, len(waits) - 1)] if waits else None

    def scaled(self, scale: float) -> EscalationPolicy:
        """Return the policy with all waits multiplied by `scale`."""
        return EscalationPolicy(
            {severity: tuple(wait * scale for wait in waits) for severity, waits in self.waits.items()}
        )


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts a caller asks for; conditions hold together, empty ones are none."""

    account_id: str = ""
    include_acknowledged: bool = False
    minimum_severity: int = 0
    command_id: str = ""
    trade_id: str = ""


@dataclass(frozen=True, slots=True)
class AlertStanding:
    """What decides over the next telling of an alert."""

    severity: Severity
    level: int = 0
    next_time: datetime | None = None
    ended: bool = False
    acknowledged: bool = False


def on_raised(policy: EscalationPolicy, severity: Severity, now: datetime) -> AlertStanding:
    """Return the standing of a new alert."""
    return AlertStanding(severity, 0, policy.next_time(severity, 0, now))


def on_seen_again(
    policy: EscalationPolicy, standing: AlertStanding, severity: Severity, now: datetime
) -> AlertStanding:
    """The same was seen again: it lasts, and is as bad as it ever was. A telling that is due stays due."""
    worst = max(standing.severity, severity)
    due = standing.next_time
    if standing.ended or due is None or worst > standing.severity:
        fresh = policy.next_time(worst, standing.level, now)
        due = fresh if due is None or fresh is None else min(due, fresh)
    return AlertStanding(worst, standing.level, due)


def on_due(policy: EscalationPolicy, standing: AlertStanding, now: datetime) -> AlertStanding | None:
    """Return the standing once it is told again; None while it is not due, has ended or was acknowledged.

    However late it is told, the next wait counts from now: a server that was down does not catch up.
    """
    if standing.acknowledged or standing.ended or standing.next_time is None or now < standing.next_time:
        return None
    level = standing.level + 1
    return AlertStanding(standing.severity, level, policy.next_time(standing.severity, level, now))
