"""What a person says of signals: yes, no, and once more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import (
    InvalidField,
    NotFound,
    PermissionDenied,
    RequestIdReused,
    WrongState,
)
from signalos_server.domain.happenings import SignalChange
from signalos_server.domain.pipeline.record import Signal, SignalDecision, SignalView, ended, moved
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome
from signalos_server.domain.signals.model import Gate
from signalos_server.service.access import seen_account
from signalos_server.service.records import Records, Request
from signalos_server.service.signals.ground import Ground, told
from signalos_server.service.signals.pipeline import SignalPipeline
from signalos_server.service.signals.reading import new_decisions

_O = SignalOutcome
_Waits = Callable[[SignalDecision], bool]
# How long an answer waits for what comes of it; it goes on either way.
_ANSWER_SECONDS = 6.0
_LOOK_SECONDS = 0.05


class Approvals:
    """The use cases of persons."""

    def __init__(self, ground: Ground, pipeline: SignalPipeline) -> None:
        self._ground = ground
        self._pipeline = pipeline

    async def approve(
        self, caller: Caller, signal_id: str, decision_ids: Sequence[str], trade_ids: Sequence[str]
    ) -> SignalView:
        """Say yes to what waits: it is decided anew with the prices of now. Raises `WrongState`."""
        _person(caller)

        def unit(records: Records) -> list[SignalDecision]:
            signal = own_signal(records, caller, signal_id, lock=True)
            now = self._ground.now()
            waiting = _waiting(records, signal, decision_ids, lambda one: _answerable(one, now))
            chosen = self._chosen(records, caller, waiting, trade_ids)
            approved = []
            for decision in waiting:
                mine = tuple(trade_id for trade_id in trade_ids if chosen[trade_id] == decision.account_id)
                if trade_ids and not mine:
                    continue
                if len(decision.candidate_trade_ids) > 1 and decision.code in _WHICH and not mine:
                    raise InvalidField(
                        "tradeIds", f"say which trades are meant: {', '.join(decision.candidate_trade_ids)}"
                    )
                pending = replace(
                    moved(decision, _O.PENDING, now),
                    approve_time=now,
                    user_id=caller.user_id,
                    chosen_trade_ids=mine,
                    code="",
                    message="",
                )
                records.signals.save_decision(pending)
                approved.append(pending)
            told(records, signal, now, SignalChange.UPDATED)
            self._audit(records, caller, "signal_approved", signal, approved, "")
            return approved

        return await self._carried_out(signal_id, await self._ground.storage.run(unit))

    def _chosen(
        self, records: Records, caller: Caller, waiting: Sequence[SignalDecision], trade_ids: Sequence[str]
    ) -> dict[str, str]:
        """Return the account of each trade, or order, that was named."""
        accounts = {decision.account_id for decision in waiting}
        found: dict[str, str] = {}
        for number, trade_id in enumerate(trade_ids):
            trade = records.book.trade(trade_id)
            order = records.book.order(trade_id) if trade is None else None
            account_id = trade.account_id if trade is not None else order.account_id if order else ""
            if account_id not in accounts:
                raise InvalidField(f"tradeIds[{number}]", "is no trade of an account that is asked about")
            found[trade_id] = account_id
        return found

    async def reject(
        self, caller: Caller, signal_id: str, decision_ids: Sequence[str], reason: str
    ) -> SignalView:
        """Say no to what waits, for a person or for a terminal. Raises `WrongState`."""

        def unit(records: Records) -> tuple[SignalView, list[str]]:
            signal = own_signal(records, caller, signal_id, lock=True)
            now = self._ground.now()
            text = f"rejected by {caller.user_name}" + (f": {reason}" if reason else "")
            rejected: list[SignalDecision] = []
            commands: list[str] = []
            waiting = _waiting(records, signal, decision_ids, lambda one: one.outcome.asks or _held(one))
            for decision in waiting:
                if decision.held_for is HeldFor.TERMINAL:
                    commands += decision.command_ids
                    records.alert_ended(
                        decision.account_id, "SIGNAL_WAITS", decision.decision_id, "a person took it back"
                    )
                over = ended(decision, _O.REJECTED, "REJECTED", text, now)
                records.signals.save_decision(replace(over, user_id=caller.user_id))
                rejected.append(over)
            view = told(records, signal, now, SignalChange.UPDATED)
            self._audit(records, caller, "signal_rejected", signal, rejected, reason)
            return view, commands

        view, commands = await self._ground.storage.run(unit)
        for command_id in commands:
            await self._take_back(caller, command_id)
        return view

    async def _take_back(self, caller: Caller, command_id: str) -> None:
        try:
            await self._ground.commands.cancel(caller, command_id, 0.0)
        except WrongState:
            # It has ended meanwhile.
            return

    async def replay(
        self, caller: Caller, signal_id: str, request_id: str, body_hash: str, account_ids: Sequence[str]
    ) -> SignalView:
        """Decide a signal anew, by a person's word, where nothing came of it. Raises `WrongState`."""
        _person(caller)

        def unit(records: Records) -> list[SignalDecision]:
            signal = own_signal(records, caller, signal_id, lock=True)
            now = self._ground.now()
            before = records.commands.claim(Request(caller.user_id, request_id, body_hash, signal_id), now)
            if before is not None:
                if before.body_hash != body_hash:
                    raise RequestIdReused(request_id, before.command_id)
                return []
            _check_replay(records, signal)
            past = records.signals.decisions_of([signal_id])[signal_id]
            accounts = self._accounts(records, caller, signal, account_ids, past)
            attempt = 1 + max((one.attempt for one in past), default=-1)
            fresh = [
                replace(one, approve_time=now, user_id=caller.user_id)
                for one in new_decisions(signal, [(account_id, True) for account_id in accounts], attempt)
            ]
            records.signals.add_decisions(fresh)
            told(records, signal, now, SignalChange.REPLAYED)
            self._audit(records, caller, "signal_replayed", signal, fresh, "")
            return fresh

        return await self._carried_out(signal_id, await self._ground.storage.run(unit))

    def _accounts(
        self,
        records: Records,
        caller: Caller,
        signal: Signal,
        account_ids: Sequence[str],
        past: Sequence[SignalDecision],
    ) -> list[str]:
        source = records.sources.get(signal.source_id)
        if source is None or source.deleted:
            raise WrongState("signal", signal.signal_id, signal.state.name, "its source was deleted")
        for number, account_id in enumerate(account_ids):
            seen_account(records, caller, account_id)
            if source.subscription(account_id) is None:
                raise InvalidField(f"accountIds[{number}]", f"does not follow {source.name}")
        wanted = [*account_ids] or [one.account_id for one in source.subscriptions if not one.suspended]
        if not wanted:
            raise WrongState(
                "signal", signal.signal_id, signal.state.name, f"no account follows {source.name}"
            )
        busy = {one.account_id for one in past if one.outcome.waits or _came_of(records, one)}
        left = [account_id for account_id in wanted if account_id not in busy]
        if not left:
            text = "it was sent, or it still waits, at every account that is asked for: nothing was missed"
            raise WrongState("signal", signal.signal_id, signal.state.name, text)
        return left

    async def _carried_out(self, signal_id: str, decisions: Collection[SignalDecision]) -> SignalView:
        """Have decisions taken, and return the signal as it is then, or after a while."""
        for decision in decisions:
            self._pipeline.decide(decision)
        ids = {one.decision_id for one in decisions}
        deadline = self._ground.clocks.monotonic() + _ANSWER_SECONDS

        def view(records: Records) -> SignalView:
            signal = records.signals.get(signal_id)
            if signal is None:
                raise NotFound("signal", signal_id)
            return records.signals.views([signal])[0]

        while True:
            found = await self._ground.storage.read(view)
            taken = all(one.outcome is not _O.PENDING for one in found.decisions if one.decision_id in ids)
            if taken or self._ground.clocks.monotonic() >= deadline:
                return found
            await asyncio.sleep(_LOOK_SECONDS)

    @staticmethod
    def _audit(
        records: Records,
        caller: Caller,
        action: str,
        signal: Signal,
        decisions: Sequence[SignalDecision],
        reason: str,
    ) -> None:
        for account_id in sorted({one.account_id for one in decisions}):
            detail = {
                "signal_id": signal.signal_id,
                "source_id": signal.source_id,
                "decision_ids": sorted(one.decision_id for one in decisions if one.account_id == account_id),
                "reason": reason,
            }
            records.audit(account_id, caller.user_id, action, detail)


# Questions that only a choice of trades answers.
_WHICH = frozenset(("WHICH_TRADE", "REPLY_UNKNOWN"))


def own_signal(records: Records, caller: Caller, signal_id: str, *, lock: bool = False) -> Signal:
    """Return a signal of the caller's own. Raises `NotFound`."""
    signal = records.signals.get(signal_id, lock=lock)
    if signal is None or signal.user_id != caller.user_id:
        raise NotFound("signal", signal_id)
    return signal


def _person(caller: Caller) -> None:
    if not caller.is_person:
        raise PermissionDenied("a person's session")


def _answerable(decision: SignalDecision, now: datetime) -> bool:
    """Return whether a yes still counts: what is over by the clock is, though nobody has put it on record."""
    return decision.outcome.asks and (decision.expire_time is None or now < decision.expire_time)


def _held(decision: SignalDecision) -> bool:
    return decision.outcome is _O.HELD and decision.held_for is not HeldFor.CLEARING


def _waiting(
    records: Records, signal: Signal, decision_ids: Sequence[str], waits: _Waits
) -> list[SignalDecision]:
    """Return the decisions that wait, or those that are named, all of which have to."""
    past = records.signals.decisions_of([signal.signal_id])[signal.signal_id]
    by_id = {one.decision_id: one for one in past}
    for decision_id in decision_ids:
        named = by_id.get(decision_id)
        if named is None:
            raise NotFound("decision", decision_id)
        if not waits(named):
            raise WrongState("decision", decision_id, named.outcome.name)
    waiting = [one for one in past if waits(one) and (not decision_ids or one.decision_id in decision_ids)]
    if not waiting:
        text = f"nothing of signal {signal.signal_id} waits any more: it is {signal.state.name}"
        raise WrongState("signal", signal.signal_id, signal.state.name, text)
    return waiting


def _check_replay(records: Records, signal: Signal) -> None:
    text = ""
    if signal.deleted:
        text = "it only tells that a message was deleted"
    elif signal.parsed is None or signal.parsed.gate not in (Gate.OK, Gate.POLICY) or not signal.actions:
        text = "there is nothing in it that may be done"
    elif signal.external_id:
        latest = records.signals.versions(signal.source_id, signal.external_id)[0]
        if latest.signal_id != signal.signal_id:
            deleted = "the message was deleted: what was withdrawn is not revived"
            text = deleted if latest.deleted else f"it has a later version, {latest.signal_id}: replay that"
    if text:
        raise WrongState("signal", signal.signal_id, signal.state.name, text)


def _came_of(records: Records, decision: SignalDecision) -> bool:
    """Return whether something was done, or may have been, for a decision."""
    commands = [records.commands.get(command_id) for command_id in decision.command_ids]
    sent = [command for command in commands if command is not None]
    return decision.outcome is _O.SENT and (
        not sent or any(not command.is_final or command.state.executed for command in sent)
    )
