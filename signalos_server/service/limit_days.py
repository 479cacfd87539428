"""How a trading day began, where nobody looked: rebuilt from the deals since then, or not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from signalos_server.domain.risk_limits.facts import AccountMoney
from signalos_server.domain.risk_limits.ledger import DayRecord, Source
from signalos_server.service.limit_facts import deal_sums
from signalos_server.service.records import Page, Records

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Syncs that failed or were only rehearsed are passed over, up to so many.
_SYNCS = 50


def rebuilt_day(
    records: Records,
    account_id: str,
    start: datetime,
    money: AccountMoney,
    *,
    offset_seconds: int | None = None,
) -> DayRecord | None:
    """Return how the day that began at `start` did, from what the account has now; None: it is not known.

    The deals have to be on record without a hole: the account was in sync before the day began, and is again.
    The equity is known only where nothing was open at the time.
    """
    if not (_in_sync_before(records, account_id, start) and _in_sync_since(records, account_id, start)):
        return None
    sums = deal_sums(records.book.deals_since(account_id, start, offset_seconds=offset_seconds))
    if sums is None:
        return None
    balance = money.balance - sums.balance
    open_then = records.book.open_at(account_id, start)
    equity = balance if open_then is False else None
    return DayRecord(start, balance, equity, money.credit, Source.REBUILT)


def _in_sync_before(records: Records, account_id: str, start: datetime) -> bool:
    page = Page(_SYNCS, ((start - _EPOCH) // _MICROSECOND, ""))
    found = records.control.syncs([account_id], page)
    return any(report.succeeded and not report.dry_run for _, report in found)


def _in_sync_since(records: Records, account_id: str, start: datetime) -> bool:
    for _, report in records.control.syncs([account_id], Page(_SYNCS)):
        if report.end_time is None or report.end_time < start:
            return False
        if report.succeeded and not report.dry_run:
            return True
    return False
