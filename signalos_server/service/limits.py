"""Limits of accounts: read, replaced, taken from a profile, and resumed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from signalos_server.domain import control
from signalos_server.domain.caller import Caller
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.errors import NotFound, WrongState
from signalos_server.domain.happenings import LimitsChanged
from signalos_server.domain.risk_limits.facts import AccountFacts
from signalos_server.domain.risk_limits.ledger import DayRecord, Source
from signalos_server.domain.risk_limits.profile import Profile, applied
from signalos_server.domain.risk_limits.terms import Limits, check_limits
from signalos_server.domain.risk_limits.uses import Use, uses
from signalos_server.service.access import only_seen_account, traded_account
from signalos_server.service.hub import Clocks, Hub
from signalos_server.service.limit_facts import LimitFacts, anchor_of
from signalos_server.service.records import Records, Storage

_SHARE = Decimal("0.85")


@dataclass(frozen=True, slots=True)
class Day:
    """A trading day, and what is known of its beginning; None is not known."""

    start: datetime
    end: datetime
    balance: Decimal | None = None
    equity: Decimal | None = None
    transfers: Decimal | None = None
    source: str = ""
    trades: int | None = None


@dataclass(frozen=True, slots=True)
class LimitsAnswer:
    """The limits of one account."""

    account_id: str
    limits: Limits
    revision: int
    applied: bool
    uses: tuple[Use, ...] = ()
    day: Day | None = None
    age_seconds: float | None = None


class Watch(Protocol):
    """Who follows accounts continuously."""

    def since(self, account_id: str, code: str) -> datetime | None:
        """Return since when a limit is in its stage; None: it is well within, or not known."""

    def look_soon(self, account_id: str) -> None:
        """Look at an account at once: its limits, or what is latched, were changed."""


class LimitUseCases:
    """The use cases of limits."""

    def __init__(
        self,
        storage: Storage,
        hub: Hub,
        clocks: Clocks,
        facts: LimitFacts,
        watch: Watch,
        profiles: Mapping[str, Profile],
    ) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self._facts = facts
        self._watch = watch
        self._profiles = profiles

    async def get(self, caller: Caller, account_id: str) -> LimitsAnswer:
        """Return an account's limits and how far they are used."""

        def unit(records: Records) -> LimitsAnswer:
            account = only_seen_account(records, caller, account_id)
            return self._answer(records, account.account_id)

        return await self._storage.read(unit)

    def _answer(self, records: Records, account_id: str) -> LimitsAnswer:
        wanted = records.control.get(account_id)
        limits = wanted.document.limits
        facts = self._facts.gather(records, account_id, limits)
        return LimitsAnswer(
            account_id=account_id,
            limits=limits,
            revision=wanted.document.revision,
            applied=wanted.applied is not None and wanted.applied.limits.at_bridge == limits.at_bridge,
            uses=self._uses(account_id, limits, facts),
            day=_day(records, account_id, limits, facts),
            age_seconds=facts.money_age_seconds,
        )

    def _uses(self, account_id: str, limits: Limits, facts: AccountFacts) -> tuple[Use, ...]:
        return tuple(
            use if use.latched else replace(use, since=self._watch.since(account_id, use.code))
            for use in uses(limits, facts)
        )

    async def put(
        self,
        caller: Caller,
        account_id: str,
        limits: Limits,
        wait_seconds: float,
        *,
        day_balance: Decimal | None = None,
    ) -> LimitsAnswer:
        """Replace an account's limits. `day_balance`: how the day began, where nobody knows it otherwise.

        Raises `InvalidFields`.
        """
        check_limits(limits)
        return await self._change(caller, account_id, lambda _: limits, wait_seconds, day_balance)

    async def _change(
        self,
        caller: Caller,
        account_id: str,
        change: _Change,
        wait_seconds: float,
        day_balance: Decimal | None = None,
    ) -> LimitsAnswer:
        def unit(records: Records) -> ControlDocument:
            account = traded_account(records, caller, account_id)
            before = records.control.lock(account.account_id).document
            limits = change(before.limits)
            check_limits(limits)
            after = control.set_limits(before, limits)
            if after is not before:
                records.control.save(after)
                detail = {"before": repr(before.limits), "after": repr(limits)}
                records.audit(account.account_id, caller.user_id, "limits", detail)
                event_id = f"limits:{account.account_id}:{after.revision}"
                records.happened(account.account_id, LimitsChanged(event_id, (), "limits were changed"))
            if day_balance is not None:
                self._give_day(records, caller, account.account_id, limits, day_balance)
            return after

        document = await self._storage.run(unit)
        self._watch.look_soon(document.account_id)
        await self._hub.spread(document, wait_seconds)
        return await self._storage.read(lambda records: self._answer(records, document.account_id))

    def _give_day(
        self, records: Records, caller: Caller, account_id: str, limits: Limits, balance: Decimal
    ) -> None:
        start = anchor_of(limits.day).start(self._clocks.moment().wall)
        if records.limits.day(account_id, start) is not None:
            return
        money = self._facts.money(account_id)[0]
        credit = Decimal(0) if money is None else money.credit
        # As a person read it on a statement: with what was open then nobody can say the equity.
        equity = balance if records.book.open_at(account_id, start) is False else None
        records.limits.add_day(account_id, DayRecord(start, balance, equity, credit, Source.GIVEN))
        detail = {"start": start.isoformat(), "balance": str(balance)}
        records.audit(account_id, caller.user_id, "day_balance_given", detail)
        records.alert_ended(account_id, "DAY_BASE_UNKNOWN", "day", "the day's beginning was given")

    # Profiles.

    def profiles(self) -> Sequence[Profile]:
        """Return the profiles, by name."""
        return sorted(self._profiles.values(), key=lambda one: one.name)

    async def apply_profile(
        self,
        caller: Caller,
        account_id: str,
        profile_id: str,
        phase: str,
        share: Decimal | None,
        start_balance: Decimal | None,
        wait_seconds: float,
        *,
        dry_run: bool,
    ) -> LimitsAnswer:
        """Replace an account's limits by a profile's, nearer by a share. Raises `NotFound`."""
        profile = self._profiles.get(profile_id)
        if profile is None:
            raise NotFound("limit profile", profile_id)
        chosen = next(
            (one for one in profile.phases if one.phase == (phase or profile.phases[0].phase)), None
        )
        if chosen is None:
            raise NotFound(f"phase of {profile_id}", phase)
        our = _SHARE if share is None else share

        def change(before: Limits) -> Limits:
            return applied(before, profile, chosen, our, start_balance)

        if not dry_run:
            return await self._change(caller, account_id, change, wait_seconds)

        def unit(records: Records) -> LimitsAnswer:
            account = traded_account(records, caller, account_id)
            answer = self._answer(records, account.account_id)
            return replace(answer, limits=change(answer.limits), applied=False)

        return await self._storage.read(unit)

    # By hand.

    async def resume(
        self, caller: Caller, account_id: str, codes: Sequence[str], reason: str
    ) -> tuple[LimitsAnswer, tuple[str, ...]]:
        """End what limits have latched; return the answer and what was resumed. Raises `WrongState`."""

        def unit(records: Records) -> tuple[str, tuple[str, ...]]:
            account = traded_account(records, caller, account_id)
            own = account.account_id
            ledger = records.limits.lock(own)
            latched = {latch.code: latch for latch in ledger.latches}
            named = tuple(dict.fromkeys(codes)) or tuple(latched)
            missing = [code for code in named if code not in latched]
            if not named or missing:
                what = ", ".join(missing) if missing else "nothing"
                held = ", ".join(latched) or "nothing is"
                words = f"{what} is not latched; latched: {held}" if missing else "no limit is latched"
                raise WrongState("limit", what, "NOT_LATCHED", words)
            version = records.limits.save(ledger.resumed(frozenset(named)))
            detail = {
                "codes": list(named),
                "reason": reason,
                "latched": {code: latched[code].stage.name for code in named},
            }
            records.audit(own, caller.user_id, "limits_resumed", detail)
            for code in named:
                for alert in ("LIMIT_SOFT", "LIMIT_HARD"):
                    records.alert_ended(own, alert, code, f"resumed by hand: {reason}")
            limits = records.control.get(own).document.limits
            shown = self._uses(own, limits, self._facts.gather(records, own, limits))
            records.happened(
                own,
                LimitsChanged(
                    f"limits-resumed:{own}:{version}",
                    tuple(use for use in shown if use.code in named),
                    f"resumed by hand: {reason}",
                ),
            )
            return own, named

        own, resumed = await self._storage.run(unit)
        self._watch.look_soon(own)
        return await self._storage.read(lambda records: self._answer(records, own)), resumed


class _Change(Protocol):
    def __call__(self, before: Limits, /) -> Limits: ...


def _day(records: Records, account_id: str, limits: Limits, facts: AccountFacts) -> Day:
    anchor = anchor_of(limits.day)
    start = anchor.start(facts.now)
    # Known also where no limit counts by it now.
    day = facts.day or records.limits.day(account_id, start)
    return Day(
        start=start,
        end=anchor.end(facts.now),
        balance=None if day is None else day.balance,
        equity=None if day is None else day.equity,
        transfers=facts.transfers,
        source="" if day is None else day.source.value,
        trades=facts.trades_today,
    )
