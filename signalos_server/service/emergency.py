"""The emergency stop: from memory to the bridges at once, to the database as soon as it takes it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import structlog

from signalos_server.domain import control
from signalos_server.domain import stop as stages
from signalos_server.domain.caller import Caller
from signalos_server.domain.control import ControlDocument, HeldStop
from signalos_server.domain.errors import CommitUnknown, NotFound, StorageUnavailable
from signalos_server.domain.frames import StopOrder
from signalos_server.domain.happenings import NewAlert, StopCalled
from signalos_server.domain.stop import AccountStop, Stage, Stop
from signalos_server.domain.stop_scope import StopWish, covered
from signalos_server.domain.triggers import Trip
from signalos_server.domain.words import Severity, StopScope, StopTriggerKind
from signalos_server.failpoints import reach
from signalos_server.service.access import seen_accounts
from signalos_server.service.control_facts import save_progress, standing_of
from signalos_server.service.hub import Clocks, Hub, LiveSession
from signalos_server.service.records import Page, Records, Storage
from signalos_server.service.unit_effects import LeaseSeen
from signalos_server.service.waiters import Waiters

log = structlog.get_logger(__name__)

T = TypeVar("T")

# The same stop called again so soon is the same stop: a held key, a retry of a call.
_SAME_CALL_SECONDS = 1.0
_RETRY_SECONDS = 0.25
_REMEMBERED = 200
_ROSTER_SECONDS = 5.0
_LATCH_FIRST_SECONDS = 1.0
# Accounts in one commit: others' commits come between.
_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """How far a stop has come."""

    stop: Stop
    recorded: bool
    unreached: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Origin:
    """Who calls a stop: a person or program, or (`caller` None) a rule."""

    caller: Caller | None
    trigger: StopTriggerKind = StopTriggerKind.UNSPECIFIED

    @property
    def user_id(self) -> str:
        return "" if self.caller is None else self.caller.user_id

    @property
    def credential_id(self) -> str:
        return "" if self.caller is None else self.caller.credential_id

    @property
    def source(self) -> str:
        return "automatic" if self.caller is None else "api"


@dataclass(slots=True)
class _Running:
    """A stop that was called on this node, as memory knows it."""

    stop_id: str
    create_time: datetime
    origin: _Origin
    wish: StopWish
    called_at: float
    accounts: dict[str, AccountStop]
    recorded: bool = False
    ignored: tuple[str, ...] = ()
    # Accounts whose bridges have it, and are not through with it.
    under_way: set[str] = field(default_factory=set)
    # Of those, the ones that have not yet said that it is on their disk.
    unlatched: set[str] = field(default_factory=set)

    @property
    def stop(self) -> Stop:
        """Return it as clients see it."""
        return Stop(
            stop_id=self.stop_id,
            create_time=self.create_time,
            user_id=self.origin.user_id,
            reason=self.wish.reason,
            close_positions=self.wish.close_positions,
            source=self.origin.source,
            accounts=tuple(self.accounts[account_id] for account_id in sorted(self.accounts)),
            trigger=self.origin.trigger,
        )


class EmergencyStops:
    """Calls stops, and knows how far they have come."""

    def __init__(self, storage: Storage, hub: Hub, clocks: Clocks) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self._running: OrderedDict[str, _Running] = OrderedDict()
        self._moved: Waiters[_Running] = Waiters()
        # Every account's owner, so that a stop knows whom it has to reach while the database is down.
        self._owners: dict[str, str] = {}
        hub.on_stage(self._staged)
        hub.on_installed(self._installed)

    async def run(self) -> None:
        """Keep the list of accounts fresh, until cancelled."""
        while True:
            try:
                self._owners = await self._storage.read(lambda records: records.owners())
            except StorageUnavailable as error:
                log.warning("the list of accounts is not fresh", error=str(error))
            await asyncio.sleep(_ROSTER_SECONDS)

    async def call(self, caller: Caller, wish: StopWish, wait_seconds: float) -> StopAnswer:
        """Stop, now; return the report so far after at most `wait_seconds`. Never refused."""
        running = self._same_call(caller, wish)
        if running is None:
            known = self._known_owners()
            chosen = covered(wish, caller.user_id, sees_all=caller.sees_all, owners=known)
            running = self._begin(_Origin(caller), wish, chosen.account_ids, chosen.ignored)
        with self._moved.watch(running.stop_id) as watch:
            if not self._settled(running):
                await watch.until(wait_seconds, self._settled)
        return self._answer(running)

    def trip(self, account_id: str, trip: Trip, *, close_positions: bool = False) -> str:
        """Stop an account because a rule or a limit says so.

        Returns the stop's id, empty where a stop that does as much is in force already.
        """
        session = self._hub.session(account_id)
        if session is not None:
            held = session.machine.document.stops
            under_way = [self._running[one] for one in session.machine.stopping if one in self._running]
            closing = any(one.close_positions for one in held) or any(
                one.wish.close_positions for one in under_way
            )
            if closing or (not close_positions and (held or session.machine.stopping)):
                return ""
        wish = StopWish(close_positions, StopScope.ACCOUNTS, (account_id,), trip.reason)
        return self._begin(_Origin(None, trip.kind), wish, (account_id,), ()).stop_id

    def unrecorded(self, account_id: str) -> bool:
        """Return whether a stop of an account is in force from memory alone, and not on record yet."""
        return any(
            not running.recorded and account_id in running.accounts for running in self._running.values()
        )

    def _known_owners(self) -> dict[str, str]:
        owners = dict(self._owners)
        owners.update((session.account_id, session.owner_user_id) for session in self._hub.sessions())
        return owners

    def _same_call(self, caller: Caller, wish: StopWish) -> _Running | None:
        now = self._clocks.monotonic()
        for running in reversed(self._running.values()):
            if now - running.called_at > _SAME_CALL_SECONDS:
                return None
            if running.origin.user_id == caller.user_id and running.wish == wish:
                return running
        return None

    def _begin(
        self, origin: _Origin, wish: StopWish, account_ids: Iterable[str], ignored: tuple[str, ...]
    ) -> _Running:
        """Send the stop to every connected bridge that it covers, before anything is awaited."""
        moment = self._clocks.moment()
        running = _Running(
            self._hub.new_uuid(), moment.wall, origin, wish, moment.monotonic_seconds, {}, ignored=ignored
        )
        for account_id in account_ids:
            session = self._hub.session(account_id)
            reached = session is not None and self._send(running, session)
            running.accounts[account_id] = self._account_stop(account_id, reached)
            if reached:
                running.under_way.add(account_id)
                running.unlatched.add(account_id)
        self._running[running.stop_id] = running
        while len(self._running) > _REMEMBERED and next(iter(self._running.values())).recorded:
            self._running.popitem(last=False)
        log.warning(
            "emergency stop",
            stop_id=running.stop_id,
            source=origin.source,
            reason=wish.reason,
            accounts=len(running.accounts),
        )
        self._hub.spawn(f"record-stop-{running.stop_id}", lambda: self._record(running))
        return running

    def _send(self, running: _Running, session: LiveSession) -> bool:
        """Send a stop to a bridge from memory; return whether it is on its way."""
        machine = session.machine
        generation = machine.document.stop_generation + 1
        wish = running.wish
        reached = machine.may_stop()
        session.perform(
            machine.stop(StopOrder(running.stop_id, wish.close_positions, generation, wish.reason))
        )
        return reached

    def _installed(self, session: LiveSession) -> None:
        """A bridge came: what was called and is not on record yet counts for it too."""
        for running in self._running.values():
            if not running.recorded and session.account_id in running.accounts:
                self._send(running, session)

    def _account_stop(self, account_id: str, reached: bool) -> AccountStop:
        _, expire_time = self._hub.live.lease(account_id)
        return AccountStop(account_id, reached=reached, lease_expire_time=None if reached else expire_time)

    # The record.

    async def _record(self, running: _Running) -> None:
        """Commit the stop; tried until it holds."""
        reach("before_stop_record")
        # Hundreds of records are work; first the bridges' words are heard, which wait for nothing else.
        with self._moved.watch(running.stop_id) as watch:
            if not _latched_everywhere(running):
                await watch.until(_LATCH_FIRST_SECONDS, _latched_everywhere)
        account_ids = await self._tried(running, lambda records: self._to_record(records, running))
        for start in range(0, len(account_ids), _AT_ONCE):
            await self._record_some(running, account_ids[start : start + _AT_ONCE])
        running.recorded = True
        self._log_age("stop is on record", running)
        self._moved.tell(running.stop_id, running)
        # What was told while the record was not there yet.
        for start in range(0, len(account_ids), _AT_ONCE):
            await self._catch_up_some(running, account_ids[start : start + _AT_ONCE])

    def _log_age(self, what: str, running: _Running) -> None:
        age = round(self._clocks.monotonic() - running.called_at, 3)
        log.info(what, stop_id=running.stop_id, after_seconds=age)

    async def _catch_up_some(self, running: _Running, account_ids: Sequence[str]) -> None:
        await self._tried(running, lambda records: self._catch_up(records, running, account_ids))

    async def _record_some(self, running: _Running, account_ids: Sequence[str]) -> None:
        documents = await self._tried(running, lambda records: self._commit(records, running, account_ids))
        for document, bridged in documents:
            account_id = document.account_id
            known = running.accounts.get(account_id) or self._account_stop(account_id, False)
            running.accounts[account_id] = (
                known if bridged else replace(known, complete=True, problem=_NO_BRIDGE)
            )
            self._hub.desire(document)

    async def _tried(self, running: _Running, unit: Callable[[Records], T]) -> T:
        """Run a unit until it holds: nothing that is wrong with the record takes a stop back."""
        while True:
            try:
                return await self._storage.run(unit)
            except (StorageUnavailable, CommitUnknown) as error:
                log.error("stop is in force and not recorded yet", stop_id=running.stop_id, error=str(error))
            except Exception:
                log.exception("stop is in force and cannot be recorded", stop_id=running.stop_id)
            await asyncio.sleep(_RETRY_SECONDS)

    def _commit(
        self, records: Records, running: _Running, account_ids: Sequence[str]
    ) -> list[tuple[ControlDocument, bool]]:
        """Put the stop into the documents of some accounts, and on record there."""
        documents: list[tuple[ControlDocument, bool]] = []
        fresh: list[AccountStop] = []
        held = HeldStop(running.stop_id, running.wish.close_positions, running.wish.reason)
        for account_id in account_ids:
            before = records.control.lock(account_id).document
            bridged = records.bridges.of_account(account_id) is not None
            if running.stop_id in before.stop_ids or running.stop_id in before.cleared_stop_ids:
                documents.append((before, bridged))
                continue
            document = control.add_stop(before, held)
            records.control.save(document)
            documents.append((document, bridged))
            fresh.append(self._first_progress(running, account_id, bridged=bridged))
        if fresh:
            records.control.insert_stop(replace(running.stop, accounts=tuple(fresh)))
        for progress in fresh:
            self._put_on_record(records, running, progress)
        return documents

    def _first_progress(self, running: _Running, account_id: str, *, bridged: bool) -> AccountStop:
        """Return how a stop is first told of: stages come with the catch-up, with events and audit."""
        known = running.accounts.get(account_id) or self._account_stop(account_id, False)
        return AccountStop(
            account_id,
            reached=known.reached,
            lease_expire_time=known.lease_expire_time,
            problem="" if bridged else _NO_BRIDGE,
            complete=not bridged,
        )

    def _to_record(self, records: Records, running: _Running) -> list[str]:
        """Return the accounts that a stop covers, as the database knows them, in the order of locks."""
        owners = records.owners()
        caller, wish = running.origin.caller, running.wish
        chosen = set(running.accounts)
        if caller is not None:
            found = covered(wish, caller.user_id, sees_all=caller.sees_all, owners=owners)
            running.ignored = found.ignored
            chosen.update(found.account_ids)
        return sorted(chosen & owners.keys())

    def _put_on_record(self, records: Records, running: _Running, progress: AccountStop) -> None:
        """Tell of the stop at one account: audit, alerts and event."""
        account_id, wish = progress.account_id, running.wish
        stop = replace(running.stop, accounts=(progress,))
        detail = {
            "stop_id": stop.stop_id,
            "close_positions": stop.close_positions,
            "reason": stop.reason,
            "scope": wish.scope.name,
            "called": stop.create_time.isoformat(),
            "credential": running.origin.credential_id,
        }
        if stop.trigger is not StopTriggerKind.UNSPECIFIED:
            detail["trigger"] = stop.trigger.name
            records.alert(_tripped(account_id, stop))
        records.audit(account_id, stop.user_id, "emergency_stop", detail)
        if not progress.complete and not progress.reached:
            records.alert(_not_reached(account_id, stop.stop_id))
        standing = standing_of(records, account_id, LeaseSeen(*self._hub.live.lease(account_id)))
        records.happened(account_id, StopCalled(f"stop:{stop.stop_id}:{account_id}", stop, standing))

    def _catch_up(self, records: Records, running: _Running, account_ids: Sequence[str]) -> None:
        """Store the stages that bridges told before the stop was on record."""
        for account_id in account_ids:
            known = running.accounts[account_id]
            stored = records.control.stop_at(running.stop_id, account_id)
            if known.latch_time is None or stored is None or not stored.accounts:
                continue
            before = stored.accounts[0]
            save_progress(records, stored, before, stages.merge(before, known))

    # Progress.

    def _staged(self, account_id: str, stage: Stage) -> bool:
        """A bridge told how far a stop has come: known here before it is on record.

        Until the stop is, the word waits for the catch-up; return whether it does.
        """
        running = self._running.get(stage.stop_id)
        if running is None or account_id not in running.accounts:
            # Not of this node, or a bridge that names another one's stop.
            return False
        after = stages.on_stage(running.accounts[account_id], stage, self._clocks.moment().wall)
        running.accounts[account_id] = after
        if after.latch_time is not None and account_id in running.unlatched:
            running.unlatched.discard(account_id)
            if not running.unlatched:
                self._log_age("stop is latched wherever it was sent", running)
        if not after.complete:
            running.under_way.add(account_id)
        elif account_id in running.under_way:
            running.under_way.discard(account_id)
            if not running.under_way:
                self._log_age("stop is carried out", running)
        self._moved.tell(stage.stop_id, running)
        return not running.recorded and stage.held is None

    def _settled(self, running: _Running) -> bool:
        """Return whether nothing more can be expected soon: unreached bridges are not waited for."""
        return running.recorded and not running.under_way

    def _answer(self, running: _Running) -> StopAnswer:
        return StopAnswer(
            stop=running.stop,
            recorded=running.recorded,
            unreached=tuple(
                account_id
                for account_id, account in sorted(running.accounts.items())
                if not account.reached and not account.complete
            ),
            ignored=running.ignored,
        )

    # Reading.

    async def get(self, caller: Caller, stop_id: str) -> Stop:
        """Return a stop at the accounts that the caller sees. Raises `NotFound`."""

        def unit(records: Records) -> Stop | None:
            stop = records.control.stop(stop_id)
            if stop is None:
                return None
            seen = {account.account_id for account in seen_accounts(records, caller)}
            mine = tuple(account for account in stop.accounts if account.account_id in seen)
            return replace(stop, accounts=mine) if mine else None

        running = self._running.get(stop_id)
        own = running is not None and running.origin.user_id == caller.user_id
        if running is not None and own and not running.recorded:
            return running.stop
        try:
            found = await self._storage.read(unit)
        except StorageUnavailable:
            if running is None or not own:
                raise
            return running.stop
        if found is None:
            raise NotFound("stop", stop_id)
        if running is None:
            return found
        # Memory may have heard what is not on record yet.
        heard = running.accounts
        return replace(
            found,
            accounts=tuple(
                stages.merge(one, heard[one.account_id]) if one.account_id in heard else one
                for one in found.accounts
            ),
        )

    async def page(self, caller: Caller, page: Page, *, active_only: bool) -> list[Stop]:
        """Return stops of accounts that the caller sees, newest first."""

        def unit(records: Records) -> list[Stop]:
            accounts = [account.account_id for account in seen_accounts(records, caller)]
            return records.control.stops_of(accounts, page, active_only=active_only)

        return await self._storage.read(unit)


def _latched_everywhere(running: _Running) -> bool:
    return not running.unlatched


_NO_BRIDGE = "no bridge is paired: nothing trades this account, and one that is paired later latches"


def _not_reached(account_id: str, stop_id: str) -> NewAlert:
    return NewAlert(
        account_id=account_id,
        severity=Severity.CRITICAL,
        code="STOP_NOT_REACHED",
        key=stop_id,
        message="an emergency stop has not reached the bridge",
        known="it latches when the bridge is back; without a lease the bridge opens nothing meanwhile",
        advice="at the terminal's machine: `signalos bridge stop`",
    )


def _tripped(account_id: str, stop: Stop) -> NewAlert:
    closes = stop.close_positions
    of_limit = stop.trigger is StopTriggerKind.LIMIT
    return NewAlert(
        account_id=account_id,
        severity=Severity.CRITICAL,
        code="STOPPED_AUTOMATICALLY",
        key=stop.stop_id,
        message=f"trading was stopped automatically: {stop.reason}",
        known=f"by the rule {stop.trigger.name}; nothing opens, "
        + ("every position and order is closed" if closes else "our orders are cancelled, positions stay"),
        advice="look at the account's limits; resume the limit and re-arm once you have"
        if of_limit
        else "find out what ran away, then re-arm; the rule can be changed in the stop settings",
    )
