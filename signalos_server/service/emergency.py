"""The emergency stop: from memory to the bridges at once, to the database as soon as it takes it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace

import structlog

from signalos_server.domain import control
from signalos_server.domain import stop as stages
from signalos_server.domain.caller import Caller
from signalos_server.domain.control import HeldStop
from signalos_server.domain.errors import CommitUnknown, NotFound, StorageUnavailable
from signalos_server.domain.frames import StopOrder
from signalos_server.domain.happenings import NewAlert, StopCalled
from signalos_server.domain.stop import AccountStop, Stage, Stop
from signalos_server.domain.words import Severity, StopScope
from signalos_server.failpoints import reach
from signalos_server.service.access import seen_accounts
from signalos_server.service.control_facts import standing_of
from signalos_server.service.hub import Clocks, Hub, LiveSession
from signalos_server.service.records import AccountRef, Page, Records, Storage
from signalos_server.service.unit_effects import LeaseSeen
from signalos_server.service.waiters import Waiters

log = structlog.get_logger(__name__)

# The same stop called again so soon is the same stop: a held key, a retry of a call.
_SAME_CALL_SECONDS = 1.0
_RETRY_SECONDS = 0.25
_REMEMBERED = 200


@dataclass(frozen=True, slots=True)
class StopWish:
    """What is to be stopped. Every combination is served."""

    close_positions: bool
    scope: StopScope
    account_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class StopAnswer:
    """How far a stop has come."""

    stop: Stop
    recorded: bool
    unreached: tuple[str, ...]
    ignored: tuple[str, ...]


@dataclass(slots=True)
class _Running:
    """A stop that was called on this node, as memory knows it."""

    stop: Stop
    caller: Caller
    wish: StopWish
    called_at: float
    recorded: bool = False
    ignored: tuple[str, ...] = ()


class EmergencyStops:
    """Calls stops, and knows how far they have come."""

    def __init__(self, storage: Storage, hub: Hub, clocks: Clocks) -> None:
        self._storage = storage
        self._hub = hub
        self._clocks = clocks
        self._running: OrderedDict[str, _Running] = OrderedDict()
        self._moved: Waiters[_Running] = Waiters()
        hub.on_stage(self._staged)

    async def call(self, caller: Caller, wish: StopWish, wait_seconds: float) -> StopAnswer:
        """Stop, now; return the report so far after at most `wait_seconds`. Never refused."""
        running = self._same_call(caller, wish)
        if running is None:
            running = self._begin(caller, wish)
        with self._moved.watch(running.stop.stop_id) as watch:
            if not self._settled(running):
                await watch.until(wait_seconds, self._settled)
        return self._answer(running)

    def _same_call(self, caller: Caller, wish: StopWish) -> _Running | None:
        now = self._clocks.monotonic()
        for running in reversed(self._running.values()):
            if now - running.called_at > _SAME_CALL_SECONDS:
                return None
            if running.caller.user_id == caller.user_id and running.wish == wish:
                return running
        return None

    def _begin(self, caller: Caller, wish: StopWish) -> _Running:
        """Send the stop to every connected bridge that it covers, before anything is awaited."""
        moment = self._clocks.moment()
        stop_id = self._hub.new_uuid()
        covered = [session for session in self._hub.sessions() if _covers(caller, wish, session)]
        accounts = []
        for session in covered:
            order = StopOrder(
                stop_id, wish.close_positions, session.machine.document.stop_generation + 1, wish.reason
            )
            reached = session.machine.may_stop()
            session.perform(session.machine.stop(order))
            accounts.append(self._account_stop(session.account_id, reached))
        stop = Stop(
            stop_id=stop_id,
            create_time=moment.wall,
            user_id=caller.user_id,
            reason=wish.reason,
            close_positions=wish.close_positions,
            source="api",
            accounts=tuple(accounts),
        )
        running = _Running(stop, caller, wish, moment.monotonic_seconds)
        self._running[stop_id] = running
        while len(self._running) > _REMEMBERED and next(iter(self._running.values())).recorded:
            self._running.popitem(last=False)
        log.warning("emergency stop", stop_id=stop_id, accounts=[one.account_id for one in accounts])
        self._hub.spawn(f"record-stop-{stop_id}", lambda: self._record(running))
        return running

    def _account_stop(self, account_id: str, reached: bool) -> AccountStop:
        _, expire_time = self._hub.live.lease(account_id)
        return AccountStop(account_id, reached=reached, lease_expire_time=None if reached else expire_time)

    # The record.

    async def _record(self, running: _Running) -> None:
        """Commit the stop; tried until it holds."""
        reach("before_stop_record")
        while True:
            try:
                documents = await self._storage.run(lambda records: self._commit(records, running))
            except (StorageUnavailable, CommitUnknown) as error:
                log.error("stop is in force and not recorded yet", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                break
        known = {account.account_id for account in running.stop.accounts}
        more = tuple(
            self._account_stop(document.account_id, False)
            for document, _ in documents
            if document.account_id not in known
        )
        running.stop = replace(running.stop, accounts=(*running.stop.accounts, *more))
        running.recorded = True
        for document, bridged in documents:
            self._hub.desire(document)
            if not bridged:
                self._no_bridge(running, document.account_id)
        # What was told while the record was not there yet.
        await self._catch_up(running)
        self._moved.tell(running.stop.stop_id, running)

    def _commit(self, records: Records, running: _Running) -> list[tuple[control.ControlDocument, bool]]:
        stop = running.stop
        accounts, running.ignored = _covered(records, running.caller, running.wish)
        documents: list[tuple[control.ControlDocument, bool]] = []
        for account in sorted(accounts, key=lambda one: one.account_id):
            account_id = account.account_id
            before = records.control.lock(account_id).document
            bridged = records.bridges.of_account(account_id) is not None
            if stop.stop_id in before.stop_ids or stop.stop_id in before.cleared_stop_ids:
                documents.append((before, bridged))
                continue
            held = HeldStop(stop.stop_id, stop.close_positions, stop.reason)
            document = control.add_stop(before, held)
            records.control.save(document)
            documents.append((document, bridged))
            known = next((one for one in stop.accounts if one.account_id == account_id), None)
            progress = known or self._account_stop(account_id, False)
            if not bridged:
                progress = replace(progress, complete=True, problem=_NO_BRIDGE)
            shown = replace(stop, accounts=(progress,))
            records.control.insert_stop(shown)
            detail = {
                "stop_id": stop.stop_id,
                "close_positions": stop.close_positions,
                "reason": stop.reason,
                "scope": running.wish.scope.name,
                "called": stop.create_time.isoformat(),
                "credential": running.caller.credential_id,
            }
            records.audit(account_id, stop.user_id, "emergency_stop", detail)
            if bridged and not progress.reached:
                records.alert(_not_reached(account_id, stop.stop_id))
            held_lease, expire_time = self._hub.live.lease(account_id)
            standing = standing_of(records, account_id, LeaseSeen(held_lease, expire_time))
            records.happened(account_id, StopCalled(f"stop:{stop.stop_id}:{account_id}", shown, standing))
        return documents

    def _no_bridge(self, running: _Running, account_id: str) -> None:
        running.stop = replace(
            running.stop,
            accounts=tuple(
                replace(one, complete=True, problem=_NO_BRIDGE) if one.account_id == account_id else one
                for one in running.stop.accounts
            ),
        )

    async def _catch_up(self, running: _Running) -> None:
        """Store the stages that bridges told before the stop was on record."""

        def unit(records: Records) -> None:
            for account in running.stop.accounts:
                if account.latch_time is None:
                    continue
                stored = records.control.stop(running.stop.stop_id)
                before = next(
                    (
                        one
                        for one in (stored.accounts if stored is not None else ())
                        if one.account_id == account.account_id
                    ),
                    None,
                )
                if before is not None and before.latch_time is None:
                    records.control.save_progress(running.stop.stop_id, account)

        if any(account.latch_time is not None for account in running.stop.accounts):
            await self._storage.run(unit)

    # Progress.

    def _staged(self, account_id: str, stage: Stage) -> None:
        """A bridge told how far a stop has come: known here before it is on record."""
        running = self._running.get(stage.stop_id)
        if running is None:
            return
        accounts = {account.account_id: account for account in running.stop.accounts}
        if account_id not in accounts:
            # A bridge that names another one's stop.
            return
        accounts[account_id] = stages.on_stage(accounts[account_id], stage, self._clocks.moment().wall)
        running.stop = replace(running.stop, accounts=tuple(accounts.values()))
        self._moved.tell(stage.stop_id, running)

    def _settled(self, running: _Running) -> bool:
        """Return whether nothing more can be expected soon: unreached bridges are not waited for."""
        reached = [account for account in running.stop.accounts if account.reached]
        return running.recorded and all(account.complete for account in reached)

    def _answer(self, running: _Running) -> StopAnswer:
        return StopAnswer(
            stop=running.stop,
            recorded=running.recorded,
            unreached=tuple(
                account.account_id
                for account in running.stop.accounts
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
        own = running is not None and running.caller.user_id == caller.user_id
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
        return found

    async def page(self, caller: Caller, page: Page, *, active_only: bool) -> list[Stop]:
        """Return stops of accounts that the caller sees, newest first."""

        def unit(records: Records) -> list[Stop]:
            accounts = [account.account_id for account in seen_accounts(records, caller)]
            return records.control.stops_of(accounts, page, active_only=active_only)

        return await self._storage.read(unit)


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


def _covers(caller: Caller, wish: StopWish, session: LiveSession) -> bool:
    own = session.owner_user_id == caller.user_id
    if wish.account_ids and wish.scope in (StopScope.ACCOUNTS, StopScope.UNSPECIFIED):
        return session.account_id in wish.account_ids and (own or caller.sees_all)
    if wish.scope is StopScope.EVERYTHING:
        return own or caller.sees_all
    return own


def _covered(records: Records, caller: Caller, wish: StopWish) -> tuple[list[AccountRef], tuple[str, ...]]:
    """Return the accounts that a stop covers, and the named ones that are not the caller's."""
    if wish.account_ids and wish.scope in (StopScope.ACCOUNTS, StopScope.UNSPECIFIED):
        seen = {account.account_id: account for account in seen_accounts(records, caller)}
        named = tuple(dict.fromkeys(wish.account_ids))
        found = [seen[one] for one in named if one in seen]
        # Who calls a stop that names nothing of theirs means something: better all than nothing.
        covered = found or records.accounts_of(caller.user_id)
        return covered, tuple(one for one in named if one not in seen)
    if wish.scope is StopScope.EVERYTHING:
        return seen_accounts(records, caller), ()
    return records.accounts_of(caller.user_id), ()
