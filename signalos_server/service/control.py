"""Pause, stealth, re-arm, sync and drill: desired state, wanted and applied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from signalos_server.domain import control, triggers
from signalos_server.domain.bridge_session import Stream
from signalos_server.domain.caller import Caller
from signalos_server.domain.control import ControlDocument, StealthSettings
from signalos_server.domain.errors import BridgeAway, PasswordRequired, StaleStops
from signalos_server.domain.frames import DrillLatched, DrillOrder, SyncReport, SyncRequest
from signalos_server.domain.happenings import (
    Happening,
    Paused,
    Rearmed,
    StealthChanged,
    TradingStanding,
)
from signalos_server.domain.stop import Drill
from signalos_server.domain.triggers import TriggerSetting
from signalos_server.domain.words import LapsePolicy
from signalos_server.service.access import only_seen_account, seen_accounts, traded_account
from signalos_server.service.control_facts import flattening_stops, standing_of
from signalos_server.service.hub import Clocks, Hub
from signalos_server.service.records import AccountRef, Page, Records, Storage
from signalos_server.service.unit_effects import LeaseSeen


class PasswordCheck(Protocol):
    """Whether a caller knows their password."""

    async def check_password(self, caller: Caller, password: str) -> None:
        """Raise `BadCredentials` where it is wrong."""


@dataclass(frozen=True, slots=True)
class DrillResult:
    """What a drill measured at one account."""

    account_id: str
    reached: bool
    latched_milliseconds: float | None
    terminal_busy: bool


# Answers with the changed document, the happening that tells of it, and the audit's action and detail.
_Change = Callable[[ControlDocument], ControlDocument]
_Tell = Callable[[str, TradingStanding], Happening]


class ControlUseCases:
    """The use cases of `ControlService`, apart from the stop itself."""

    def __init__(self, storage: Storage, hub: Hub, clocks: Clocks, passwords: PasswordCheck) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self._passwords = passwords

    def _lease(self, account_id: str) -> LeaseSeen:
        held, expire_time = self._hub.live.lease(account_id)
        return LeaseSeen(held, expire_time)

    async def states(self, caller: Caller, account_id: str) -> tuple[list[TradingStanding], str]:
        """Return whether accounts may trade, and the word that changes with stops and re-arms."""

        def unit(records: Records) -> list[TradingStanding]:
            return [
                standing_of(records, account.account_id, self._lease(account.account_id))
                for account in seen_accounts(records, caller, account_id)
            ]

        standings = await self._storage.read(unit)
        return standings, control.generation_token(tuple(one.document for one in standings))

    async def pause(
        self, caller: Caller, account_id: str, paused: bool, wait_seconds: float
    ) -> list[TradingStanding]:
        """Hold back automated opens, or let them pass again."""
        return await self._change(
            caller,
            account_id,
            lambda document: control.set_paused(document, paused),
            lambda event_id, standing: Paused(event_id, standing, paused),
            "pause" if paused else "resume",
            wait_seconds,
        )

    async def stealth(
        self, caller: Caller, account_id: str, stealth: bool | None, wait_seconds: float
    ) -> list[TradingStanding]:
        """Hide levels or show them; None toggles each account."""
        return await self._change(
            caller,
            account_id,
            lambda document: control.set_stealth(
                document, not document.stealth if stealth is None else stealth
            ),
            StealthChanged,
            "stealth",
            wait_seconds,
        )

    async def _change(
        self,
        caller: Caller,
        account_id: str,
        change: _Change,
        tell: _Tell,
        action: str,
        wait_seconds: float,
    ) -> list[TradingStanding]:
        def unit(records: Records) -> list[tuple[ControlDocument, bool]]:
            found: list[tuple[ControlDocument, bool]] = []
            for account in sorted(_own(records, caller, account_id), key=lambda one: one.account_id):
                before = records.control.lock(account.account_id).document
                after = change(before)
                found.append((after, after is not before))
                if after is before:
                    continue
                records.control.save(after)
                detail = {"revision": after.revision, "paused": after.paused, "stealth": after.stealth}
                records.audit(account.account_id, caller.user_id, action, detail)
                standing = standing_of(records, account.account_id, self._lease(account.account_id))
                event_id = f"{action}:{account.account_id}:{after.revision}"
                records.happened(account.account_id, tell(event_id, standing))
            return found

        documents = [document for document, _ in await self._storage.run(unit)]
        await self._spread(documents, wait_seconds)
        return await self._standings([document.account_id for document in documents])

    async def _spread(self, documents: Sequence[ControlDocument], wait_seconds: float) -> None:
        """Send documents to the bridges that are here, and wait for them to be kept to."""
        await asyncio.gather(*(self._hub.spread(document, wait_seconds) for document in documents))

    async def _standings(self, account_ids: Sequence[str]) -> list[TradingStanding]:
        return await self._storage.read(
            lambda records: [
                standing_of(records, account_id, self._lease(account_id)) for account_id in account_ids
            ]
        )

    # Re-arm.

    async def rearm(
        self,
        caller: Caller,
        stop_ids: tuple[str, ...],
        generation: str,
        reason: str,
        password: str,
        wait_seconds: float,
    ) -> list[TradingStanding]:
        """Lead out of the stops that are named, or of those that the caller was last shown.

        Raises `PasswordRequired`, `BadCredentials`, `StaleStops`, `FlattenRunning`.
        """
        if caller.is_person:
            if not password:
                raise PasswordRequired("a re-arm needs the password again")
            await self._passwords.check_password(caller, password)
        rearm_id = self._hub.new_uuid()

        def unit(records: Records) -> list[ControlDocument]:
            return self._rearm(records, caller, stop_ids, generation, reason, rearm_id)

        documents = await self._storage.run(unit)
        await self._spread(documents, wait_seconds)
        return await self._standings([document.account_id for document in documents])

    def _rearm(
        self,
        records: Records,
        caller: Caller,
        stop_ids: tuple[str, ...],
        generation: str,
        reason: str,
        rearm_id: str,
    ) -> list[ControlDocument]:
        accounts = sorted(seen_accounts(records, caller), key=lambda one: one.account_id)
        documents = [records.control.lock(account.account_id).document for account in accounts]
        in_force = tuple(dict.fromkeys(stop_id for document in documents for stop_id in document.stop_ids))
        named = tuple(dict.fromkeys(stop_ids))
        if not named:
            if generation != control.generation_token(tuple(documents)):
                raise StaleStops(in_force)
            named = in_force
        if not named or not set(named) <= set(in_force):
            raise StaleStops(in_force)
        now = self._clocks.moment().wall
        changed = []
        for document in documents:
            mine = tuple(stop_id for stop_id in named if stop_id in document.stop_ids)
            if not mine:
                continue
            account_id = document.account_id
            after = control.rearm(document, mine, flattening_stops(records, account_id), rearm_id)
            if records.bridges.of_account(account_id) is None:
                # Nobody holds a latch that has to be told.
                after = control.rearm_confirmed(after, (), after.stop_generation)
            records.control.save(after)
            records.control.mark_rearmed(mine, account_id, now)
            detail = {"stop_ids": list(mine), "reason": reason, "rearm_id": rearm_id}
            records.audit(account_id, caller.user_id, "rearm", detail)
            standing = standing_of(records, account_id, self._lease(account_id))
            event_id = f"rearm:{rearm_id}:{account_id}"
            records.happened(account_id, Rearmed(event_id, standing, mine, reason))
            changed.append(after)
        return changed

    # What stops by itself.

    async def stop_settings(self, caller: Caller, account_id: str) -> tuple[ControlDocument, bool]:
        """Return an account's document, and whether its bridge keeps to the lapse policy."""

        def unit(records: Records) -> tuple[ControlDocument, bool]:
            account = only_seen_account(records, caller, account_id)
            return _policy(records, account.account_id)

        return await self._storage.read(unit)

    async def set_stop_settings(
        self,
        caller: Caller,
        account_id: str,
        lapse_policy: LapsePolicy | None,
        wished: Sequence[TriggerSetting],
        wait_seconds: float,
    ) -> tuple[ControlDocument, bool]:
        """Change what is named of an account's stop settings. Raises `InvalidField`."""

        def unit(records: Records) -> ControlDocument:
            account = traded_account(records, caller, account_id)
            before = records.control.lock(account.account_id).document
            settings = triggers.change(before.triggers, wished)
            after = control.set_stop_settings(before, lapse_policy, settings)
            if after is not before:
                records.control.save(after)
                detail = {
                    "lapse_policy": after.lapse_policy.name,
                    "before": _words(before.triggers),
                    "after": _words(after.triggers),
                }
                records.audit(account.account_id, caller.user_id, "stop_settings", detail)
            return after

        document = await self._storage.run(unit)
        await self._spread([document], wait_seconds)
        return await self._storage.read(lambda records: _policy(records, document.account_id))

    # How levels are hidden.

    async def stealth_settings(self, caller: Caller, account_id: str) -> tuple[StealthSettings, bool]:
        """Return how an account's levels are hidden, and whether its bridge keeps to that."""

        def unit(records: Records) -> tuple[StealthSettings, bool]:
            account = only_seen_account(records, caller, account_id)
            return _stealth_settings(records, account.account_id)

        return await self._storage.read(unit)

    async def set_stealth_settings(
        self, caller: Caller, account_id: str, settings: StealthSettings, wait_seconds: float
    ) -> tuple[StealthSettings, bool]:
        """Replace how an account's levels are hidden."""

        def unit(records: Records) -> ControlDocument:
            account = traded_account(records, caller, account_id)
            before = records.control.lock(account.account_id).document
            after = control.set_stealth_settings(before, settings)
            if after is not before:
                records.control.save(after)
                detail = {"before": repr(before.stealth_settings), "after": repr(settings)}
                records.audit(account.account_id, caller.user_id, "stealth_settings", detail)
            return after

        document = await self._storage.run(unit)
        await self._spread([document], wait_seconds)
        return await self._storage.read(lambda records: _stealth_settings(records, document.account_id))

    # Sync and drill.

    async def sync(
        self, caller: Caller, account_id: str, *, dry_run: bool, wait_seconds: float
    ) -> tuple[list[tuple[str, SyncReport]], list[str]]:
        """Compare the record with the terminals. Raises `BridgeAway` where none of them is there."""
        accounts = await self._storage.read(lambda records: _own(records, caller, account_id))

        async def one(account: AccountRef) -> SyncReport | None:
            session = self._hub.session(account.account_id)
            if session is None or not session.machine.may_send(increases_risk=False):
                return None
            sync_id = self._hub.new_uuid()
            with self._hub.board.syncs.watch(sync_id) as watch:
                session.perform(session.machine.send(SyncRequest(sync_id, dry_run)))
                return await watch.until(wait_seconds, lambda _: True)

        here = [
            account
            for account in accounts
            if (session := self._hub.session(account.account_id)) is not None
            and session.machine.may_send(increases_risk=False)
        ]
        if accounts and not here:
            raise BridgeAway(accounts[0].account_id, "")
        reports = await asyncio.gather(*(one(account) for account in accounts))
        answered = [
            (account.account_id, report)
            for account, report in zip(accounts, reports, strict=True)
            if report is not None
        ]
        known = {account_id for account_id, _ in answered}
        return answered, [one.account_id for one in accounts if one.account_id not in known]

    async def sync_reports(self, caller: Caller, account_id: str, page: Page) -> list[tuple[str, SyncReport]]:
        """Return sync reports with their accounts, newest first."""

        def unit(records: Records) -> list[tuple[str, SyncReport]]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.control.syncs(accounts, page)

        return await self._storage.read(unit)

    async def drill(self, caller: Caller, account_id: str, wait_seconds: float) -> list[DrillResult]:
        """Rehearse a stop; touches no order and no latch in force."""
        accounts = await self._storage.read(lambda records: _own(records, caller, account_id))
        drill_id = self._hub.new_uuid()

        async def one(account: AccountRef) -> DrillResult:
            session = self._hub.session(account.account_id)
            if session is None or not session.machine.may_stop():
                return DrillResult(account.account_id, False, None, False)
            started = self._clocks.monotonic()
            with self._hub.board.drills.watch(f"{drill_id}:{account.account_id}") as watch:
                session.perform(session.machine.send(DrillOrder(drill_id), Stream.CONTROL))
                latched: DrillLatched | None = await watch.until(wait_seconds, lambda _: True)
            if latched is None:
                return DrillResult(account.account_id, True, None, False)
            milliseconds = (self._clocks.monotonic() - started) * 1000
            return DrillResult(account.account_id, True, milliseconds, latched.terminal_busy)

        begun = self._clocks.moment().wall
        results = list(await asyncio.gather(*(one(account) for account in accounts)))

        def unit(records: Records) -> None:
            measured = [
                Drill(
                    drill_id,
                    result.account_id,
                    begun,
                    caller.user_id,
                    result.reached,
                    result.latched_milliseconds,
                    result.terminal_busy,
                )
                for result in results
            ]
            records.control.add_drills(measured)
            for result in results:
                detail = {
                    "drill_id": drill_id,
                    "reached": result.reached,
                    "latched_milliseconds": result.latched_milliseconds,
                }
                records.audit(result.account_id, caller.user_id, "drill", detail)

        await self._storage.run(unit)
        return results

    async def drills(self, caller: Caller, account_id: str, page: Page) -> list[Drill]:
        """Return what drills measured, newest first."""

        def unit(records: Records) -> list[Drill]:
            accounts = [account.account_id for account in seen_accounts(records, caller, account_id)]
            return records.control.drills(accounts, page)

        return await self._storage.read(unit)


def _own(records: Records, caller: Caller, account_id: str) -> list[AccountRef]:
    """Return the caller's own accounts, or the one that is named."""
    if account_id:
        return [traded_account(records, caller, account_id)]
    return records.accounts_of(caller.user_id)


def _policy(records: Records, account_id: str) -> tuple[ControlDocument, bool]:
    wanted = records.control.get(account_id)
    applied = wanted.applied is not None and wanted.applied.lapse_policy == wanted.document.lapse_policy
    return wanted.document, applied


def _words(changed: triggers.Settings) -> dict[str, str]:
    """Return settings for the audit: those that differ from how they are shipped."""
    return {
        setting.kind.name: f"{'on' if setting.enabled else 'off'}, {setting.threshold:g}"
        + ("" if setting.window_seconds is None else f" in {setting.window_seconds:g} s")
        for setting in changed
    }


def _stealth_settings(records: Records, account_id: str) -> tuple[StealthSettings, bool]:
    wanted = records.control.get(account_id)
    settings = wanted.document.stealth_settings
    return settings, wanted.applied is not None and wanted.applied.stealth_settings == settings
