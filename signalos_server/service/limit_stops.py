"""Positions that have had no stop loss for longer than an account's limits allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from signalos_server.domain.command import Moment
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.records import Trade, utc_of
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.words import Severity
from signalos_server.service.records import Records, Storage

_LOOK_SECONDS = 2.0


@dataclass(slots=True)
class _Bare:
    """What memory knows of one account: since when positions have no stop, and which were told of."""

    since: dict[str, datetime] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    looked_at: float = 0.0


class MissingStops:
    """Alerts of positions that have had no stop loss for too long, and ends that once they have one."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._accounts: dict[str, _Bare] = {}

    async def look(self, account_id: str, limits: Limits, moment: Moment) -> None:
        """Look at an account, unless that was done a moment ago or its limits want no stops."""
        allowed = limits.stop_missing_after_seconds
        bare = self._accounts.setdefault(account_id, _Bare())
        if allowed is None or moment.monotonic_seconds - bare.looked_at < _LOOK_SECONDS:
            return
        bare.looked_at = moment.monotonic_seconds
        now = moment.wall
        found = await self._storage.read(lambda records: records.book.open_trades([account_id]))
        trades = {trade.trade_id: trade for trade in found if trade.stop_loss is None}
        bare.since = {
            trade_id: bare.since.get(trade_id) or _opened(trade, now) for trade_id, trade in trades.items()
        }
        late = {
            trade_id for trade_id, since in bare.since.items() if (now - since).total_seconds() >= allowed
        }
        fresh, over = late - bare.told, bare.told - trades.keys()
        if not fresh and not over:
            return

        def unit(records: Records) -> None:
            for trade_id in sorted(fresh):
                records.alert(_no_stop(trades[trade_id], allowed))
            for trade_id in sorted(over):
                records.alert_ended(account_id, "STOP_MISSING", trade_id, "it has a stop loss, or closed")

        await self._storage.run(unit)
        bare.told = (bare.told | fresh) - over


def _opened(trade: Trade, now: datetime) -> datetime:
    position = trade.position
    opened = utc_of(position.open_broker_milliseconds, position.broker_offset_seconds)
    # What lies ahead is a clock that is not known well: from now on.
    return now if opened is None or opened > now else opened


def _no_stop(trade: Trade, allowed: float) -> NewAlert:
    position = trade.position
    return NewAlert(
        account_id=trade.account_id,
        severity=Severity.CRITICAL,
        code="STOP_MISSING",
        key=trade.trade_id,
        message=f"{position.side.name} {position.volume_lots} lots of {position.symbol} have no stop loss",
        known=f"the account's limits want one within {allowed:g} s",
        advice="set a stop loss, or close the position",
        trade_id=trade.trade_id,
    )
