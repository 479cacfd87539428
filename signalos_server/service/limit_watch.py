"""Follows accounts continuously for the limits on their money: days, peaks, stages, and what they lead to.

Every reading of an account's money is judged from memory, by facts of the record that are loaded anew
whenever they may have changed. What a limit trips is told at once, and put on record until that holds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

import structlog

from signalos_server.domain.bridge_session import LinkState
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.risk_limits.facts import AccountFacts, AccountMoney
from signalos_server.domain.risk_limits.ledger import (
    DayRecord,
    DealSums,
    Latch,
    Ledger,
    Source,
    Transfers,
    transfers_since,
)
from signalos_server.domain.risk_limits.stages import LimitState, Reading, Stage
from signalos_server.domain.risk_limits.terms import Limits
from signalos_server.domain.risk_limits.watching import Explanation, PeakWatch, Watched, watched
from signalos_server.domain.triggers import Trip
from signalos_server.domain.words import Severity, StopTriggerKind, TerminalState
from signalos_server.service.emergency import EmergencyStops
from signalos_server.service.hub import Clocks, Hub, LiveSession
from signalos_server.service.limit_days import rebuilt_day
from signalos_server.service.limit_facts import (
    LimitFacts,
    all_transfers,
    anchor_of,
    deal_sums,
    transfers_before,
)
from signalos_server.service.limit_stops import MissingStops
from signalos_server.service.limit_tellings import record_latch, record_warning, warning_over, words_of
from signalos_server.service.live import LiveMoney, LiveTrade
from signalos_server.service.records import Records, Storage

log = structlog.get_logger(__name__)

T = TypeVar("T")

_LOOK_SECONDS = 0.5
# Facts that nothing says have changed are loaded anew all the same.
_RELOAD_SECONDS = 15.0
_RETRY_SECONDS = 0.25
# A day's beginning is what was read this near to it.
_AT_ANCHOR = timedelta(seconds=10)
# The account's money is read five times in this: what was not told anew has not changed.
_REREAD_SECONDS = 1.0
# A base that is rebuilt from deals has to come out alike this far apart.
_REBUILD_SECONDS = 1.0
_UNKNOWN_ALERT_SECONDS = 20.0
# After so long without a base it is looked for more rarely.
_REBUILD_PATIENCE_SECONDS = 20.0
_REBUILD_RARELY_SECONDS = 15.0
_PEAK_SAVE_SECONDS = 2.0
_GONE = (TerminalState.UNREACHABLE, TerminalState.NOT_LOGGED_IN, TerminalState.ACCOUNT_MISMATCH)


@dataclass(slots=True)
class _Account:
    """What memory knows of one account that is followed."""

    account_id: str
    limits: Limits = field(default_factory=Limits)
    ledger: Ledger = field(default_factory=lambda: Ledger(""))
    day: DayRecord | None = None
    day_start: datetime | None = None
    sums: DealSums | None = None
    all_transfers: Decimal | None = None
    loaded_at: float | None = None
    stale: bool = True
    balance: Decimal | None = None
    states: dict[str, LimitState] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    # Latches that are not on record yet.
    unsaved: set[str] = field(default_factory=set)
    explanation: Explanation = field(default_factory=Explanation)
    peak: PeakWatch = field(default_factory=PeakWatch)
    unsaved_peak: Decimal | None = None
    peak_saved_at: float = 0.0
    last_read: tuple[AccountMoney, datetime] | None = None
    rebuilt: tuple[DayRecord, float] | None = None
    day_unknown_since: float | None = None
    next_rebuild: float = 0.0
    told: bool = False


class LimitWatch:
    """The continuous look at accounts whose limits want one, and at how the days of all begin."""

    def __init__(
        self, storage: Storage, hub: Hub, stops: EmergencyStops, facts: LimitFacts, clocks: Clocks
    ) -> None:
        self._storage = storage
        self._hub = hub
        self._stops = stops
        self._facts = facts
        self._clocks = clocks
        self._missing_stops = MissingStops(storage)
        self._accounts: dict[str, _Account] = {}
        self._wake = asyncio.Event()
        hub.live.listen(self._told)

    def since(self, account_id: str, code: str) -> datetime | None:
        """Return since when a limit is in its stage; None: it is well within, or not known."""
        account = self._accounts.get(account_id)
        return None if account is None else account.since.get(code)

    def look_soon(self, account_id: str) -> None:
        """Look at an account at once: its limits, or what is latched, were changed."""
        account = self._accounts.get(account_id)
        if account is not None:
            account.stale = True
        self._wake.set()

    async def run(self) -> None:
        """Look at the accounts whose bridges are here, until cancelled."""
        while True:
            for session in self._hub.sessions():
                try:
                    await self._look(session)
                except (StorageUnavailable, CommitUnknown) as error:
                    log.warning("limits wait for storage", account_id=session.account_id, error=str(error))
                except Exception:
                    log.exception("limits cannot be looked at", account_id=session.account_id)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    # Looking.

    async def _look(self, session: LiveSession) -> None:
        account_id = session.account_id
        account = self._accounts.setdefault(account_id, _Account(account_id))
        limits = session.machine.document.limits
        now = self._clocks.moment()
        if account.limits != limits:
            account.limits, account.stale = limits, True
            account.next_rebuild = 0.0
        start = anchor_of(limits.day).start(now.wall)
        if account.day_start != start:
            account.day_start, account.day, account.stale = start, None, True
            account.day_unknown_since = account.rebuilt = None
            account.next_rebuild, account.told = 0.0, False
        if self._due(account, now.monotonic_seconds):
            await self._load(account)
        if account.day is None and self._plausible(account_id):
            await self._begin_day(account, start)
        if limits.watched:
            self._read(account)
            await self._missing_stops.look(account_id, limits, now)
        await self._save_peak(account, now.monotonic_seconds)

    @staticmethod
    def _due(account: _Account, now: float) -> bool:
        if account.stale or account.loaded_at is None or account.explanation.since is not None:
            return True
        return account.limits.watched and now - account.loaded_at >= _RELOAD_SECONDS

    async def _load(self, account: _Account) -> None:
        start = account.day_start
        assert start is not None
        account.stale = False
        read = self._facts.money(account.account_id)[0]
        offset = self._facts.offset(account.account_id)

        def unit(records: Records) -> tuple[Ledger, DayRecord | None, DealSums | None, Decimal | None]:
            ledger = records.limits.ledger(account.account_id)
            day = records.limits.day(account.account_id, start)
            sums = None
            if day is not None and account.limits.counts_the_day:
                deals = records.book.deals_since(account.account_id, start, offset_seconds=offset)
                sums = deal_sums(deals)
            return ledger, day, sums, all_transfers(records, ledger, offset)

        try:
            ledger, day, account.sums, account.all_transfers = await self._storage.read(unit)
        except BaseException:
            # What has changed is still to be loaded.
            account.stale = True
            raise
        if account.unsaved_peak is not None:
            ledger = ledger.risen(account.unsaved_peak)
        account.ledger, account.day = ledger, day
        account.loaded_at = self._clocks.monotonic()
        account.balance = None if read is None else read.balance
        self._take_latches(account)
        plausible = self._plausible(account.account_id)
        if account.limits.total_loss is not None and ledger.start_time is None and plausible and read:
            await self._begin_ledger(account, read)

    @staticmethod
    def _take_latches(account: _Account) -> None:
        """Take over what the record says is latched: by this process before, by another, or resumed."""
        for code in {*account.states, *(latch.code for latch in account.ledger.latches)}:
            if code in account.unsaved:
                continue
            latch = account.ledger.latch(code)
            state = account.states.get(code, LimitState())
            if latch is not None and latch.stage != state.latched:
                account.states[code] = LimitState(latch.stage)
                account.since[code] = latch.since
            elif latch is None and state.latched >= Stage.SOFT:
                account.states[code] = LimitState()
                account.since.pop(code, None)

    async def _begin_ledger(self, account: _Account, read: AccountMoney) -> None:
        now = self._clocks.moment().wall

        def unit(records: Records) -> Ledger:
            ledger = records.limits.lock(account.account_id)
            begun = ledger.begun(now, read.balance)
            if begun is not ledger:
                records.limits.save(begun)
            return begun

        account.ledger = await self._storage.run(unit)
        account.all_transfers = Decimal(0)

    # Days.

    async def _begin_day(self, account: _Account, start: datetime) -> None:
        """Keep how the day began: as read at its beginning, else as the deals since then tell."""
        found = self._read_at_anchor(account, start)
        if found is None:
            now = self._clocks.monotonic()
            if account.day_unknown_since is None:
                account.day_unknown_since = now
            if now >= account.next_rebuild:
                found = await self._rebuild(account, start, now)
                patient = now - account.day_unknown_since > _REBUILD_PATIENCE_SECONDS
                if account.rebuilt is None and (patient or not account.limits.counts_the_day):
                    account.next_rebuild = now + _REBUILD_RARELY_SECONDS
        if found is None:
            await self._tell_unknown_day(account)
            return
        day = found
        offset = self._facts.offset(account.account_id)

        def unit(records: Records) -> None:
            records.limits.add_day(account.account_id, day)
            ledger = records.limits.lock(account.account_id)
            # A day that began before the ledger did ends nothing that it counts.
            paid = transfers_before(records, ledger, day.start_time, offset)
            if paid is not None:
                ended = ledger.day_ended(day.balance - paid)
                if ended is not ledger:
                    records.limits.save(ended)
            records.alert_ended(
                account.account_id, "DAY_BASE_UNKNOWN", "day", f"the day's beginning is {day.source.value}"
            )

        await self._storage.run(unit)
        account.stale = True
        await self._load(account)

    def _read_at_anchor(self, account: _Account, start: datetime) -> DayRecord | None:
        last = account.last_read
        now = self._clocks.moment().wall
        read = self._facts.money(account.account_id)[0]
        if last is not None and timedelta(0) <= start - last[1] <= _AT_ANCHOR:
            read = last[0]
        elif read is None or now - start > _AT_ANCHOR:
            return None
        return DayRecord(start, read.balance, read.own_equity, read.credit, Source.READ)

    async def _rebuild(self, account: _Account, start: datetime, now: float) -> DayRecord | None:
        read = self._facts.money(account.account_id)[0]
        if read is None:
            return None
        account_id, offset = account.account_id, self._facts.offset(account.account_id)
        rebuilt = await self._storage.read(
            lambda records: rebuilt_day(records, account_id, start, read, offset_seconds=offset)
        )
        before, account.rebuilt = account.rebuilt, None if rebuilt is None else (rebuilt, now)
        if rebuilt is None or before is None or before[0] != rebuilt:
            return None
        if now - before[1] < _REBUILD_SECONDS:
            account.rebuilt = before
            return None
        return rebuilt

    async def _tell_unknown_day(self, account: _Account) -> None:
        since = account.day_unknown_since
        late = since is not None and self._clocks.monotonic() - since >= _UNKNOWN_ALERT_SECONDS
        if account.told or not late or not account.limits.counts_the_day:
            return
        account.told = True
        alert = NewAlert(
            account_id=account.account_id,
            severity=Severity.WARNING,
            code="DAY_BASE_UNKNOWN",
            key="day",
            message="how the trading day began is not known: nothing is opened, and nothing is closed for it",
            known="nobody looked at the account then, and its deals since then are not all on record",
            advice="give the balance at the day's beginning with the limits, or wait for the next day",
        )
        await self._storage.run(lambda records: records.alert(alert))

    # Readings.

    def _told(self, account_id: str, trades: tuple[LiveTrade, ...], money: LiveMoney | None) -> None:
        account = self._accounts.get(account_id)
        if account is None or money is None:
            return
        self._read(account)

    def _plausible(self, account_id: str) -> bool:
        """Return whether what is read of an account is a fact of that account, and fresh."""
        live = self._hub.live
        terminal = live.terminal(account_id)
        money, age = self._facts.money(account_id)
        if live.link(account_id) not in (LinkState.LIVE, LinkState.DATA_ONLY) or terminal is None:
            return False
        if terminal.broker_connected is not True or terminal.state in _GONE:
            return False
        return money is not None and money.balance != 0 and age is not None and age <= _AT_ANCHOR.seconds

    def _read(self, account: _Account) -> None:
        """Judge the account's money as it stands."""
        live = self._hub.live
        account_id = account.account_id
        held, read_at = live.money(account_id), live.read_at(account_id)
        money = self._facts.money(account_id)[0]
        if held is None or money is None:
            return
        plausible = self._plausible(account_id)
        now = self._clocks.moment()
        if plausible:
            account.last_read = (money, now.wall)
        if not account.limits.watched or account.loaded_at is None:
            return
        if money.balance != account.balance:
            # By a deal that the record may tell of by now, or soon.
            account.balance, account.stale = money.balance, True
            self._wake.set()
        at = held.read_at
        if read_at is not None and read_at - at >= _REREAD_SECONDS:
            at = read_at
        paid = self._paid(account, money)
        account.explanation = account.explanation.told(paid is None or paid.explained, now.monotonic_seconds)
        plausible = plausible and account.explanation.counts(now.monotonic_seconds)
        facts = self._facts_of(account, money, paid, now.wall)
        for one in watched(account.limits, facts):
            self._judge(account, one, at, facts, money.balance, plausible=plausible)
        trails = account.limits.total_loss is not None
        # Without a day nobody knows whether what was gained is a payment that no deal tells of yet.
        if plausible and trails and paid is not None and account.all_transfers is not None:
            net = money.own_equity - account.all_transfers
            account.peak, risen = account.peak.read(account.ledger.highest_equity, net, at)
            if risen is not None:
                account.ledger, account.unsaved_peak = account.ledger.risen(risen), risen

    @staticmethod
    def _paid(account: _Account, money: AccountMoney) -> Transfers | None:
        if account.day is None or account.sums is None:
            return None
        return transfers_since(account.day.balance, money.balance, account.sums)

    @staticmethod
    def _facts_of(
        account: _Account, money: AccountMoney, paid: Transfers | None, now: datetime
    ) -> AccountFacts:
        return AccountFacts(
            now=now,
            anchor=anchor_of(account.limits.day),
            money=money,
            money_age_seconds=0.0,
            day=account.day,
            transfers=None if paid is None else paid.amount,
            all_transfers=account.all_transfers,
            ledger=account.ledger,
        )

    def _judge(
        self,
        account: _Account,
        one: Watched,
        at: float,
        facts: AccountFacts,
        balance: Decimal,
        *,
        plausible: bool,
    ) -> None:
        account_id, limits = account.account_id, account.limits
        before = account.states.get(one.code, LimitState())
        reading = Reading(one.meter, at, linked=plausible, balance=balance)
        after = before.read(reading, one.levels)
        account.states[one.code] = after
        if after.latched == before.latched:
            return
        if after.latched is Stage.CLEAR:
            account.since.pop(one.code, None)
            self._spawn(account, lambda records: warning_over(records, account_id, one))
            return
        account.since[one.code] = facts.now
        if after.latched is Stage.WARNING:
            self._spawn(
                account,
                lambda records: record_warning(records, account_id, limits, one, facts),
            )
            return
        latch = Latch(one.code, after.latched, facts.now, one.meter.limit, one.meter.current)
        log.error(
            "a limit trips",
            account_id=account.account_id,
            code=one.code,
            stage=latch.stage.name,
            limit=str(latch.limit),
            current=str(latch.current),
        )
        if latch.stage is Stage.HARD and one.closes:
            self._stops.trip(
                account.account_id, Trip(StopTriggerKind.LIMIT, words_of(one)), close_positions=True
            )
        account.unsaved.add(one.code)
        account.ledger = account.ledger.latched(latch)
        self._spawn(
            account,
            lambda records: record_latch(records, account_id, limits, latch, one, facts),
            one.code,
        )

    # On record.

    def _spawn(self, account: _Account, unit: Callable[[Records], T], code: str = "") -> None:
        async def tried() -> None:
            # A stage whose stop is lost with the server would be found as one that has nothing left to do.
            while code and self._stops.unrecorded(account.account_id):  # noqa: ASYNC110 - ends with the record
                await asyncio.sleep(_RETRY_SECONDS)
            while True:
                try:
                    await self._storage.run(unit)
                except (StorageUnavailable, CommitUnknown) as error:
                    log.error("a limit's stage is not on record yet", code=code, error=str(error))
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    break
            account.unsaved.discard(code)
            account.stale = True

        self._hub.spawn(f"limit-{account.account_id}-{code}", tried)

    async def _save_peak(self, account: _Account, now: float) -> None:
        peak = account.unsaved_peak
        if peak is None or now - account.peak_saved_at < _PEAK_SAVE_SECONDS:
            return

        def unit(records: Records) -> None:
            ledger = records.limits.lock(account.account_id)
            risen = ledger.risen(peak)
            if risen is not ledger:
                records.limits.save(risen)

        await self._storage.run(unit)
        account.peak_saved_at = now
        if account.unsaved_peak == peak:
            account.unsaved_peak = None
