"""One decision at one account: the facts are gathered, and what comes of it is committed with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from signalos_server.domain.actions import Open
from signalos_server.domain.command import Command
from signalos_server.domain.dealing.denial import deny
from signalos_server.domain.errors import CommitUnknown, Refusal, StorageUnavailable
from signalos_server.domain.happenings import NewAlert, SignalChange
from signalos_server.domain.pipeline.record import SignalDecision, ended, moved
from signalos_server.domain.pipeline.source import Source, Subscription
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome
from signalos_server.domain.signals.model import Kind
from signalos_server.domain.words import CommandState, Severity
from signalos_server.service.commands import Acceptance
from signalos_server.service.records import Records
from signalos_server.service.signals.facts import funds_of
from signalos_server.service.signals.ground import Ground, decided, told
from signalos_server.service.signals.opening import Case, Opening
from signalos_server.service.signals.updates import Updates

log = structlog.get_logger(__name__)

_O = SignalOutcome
_LOOK_AGAIN_SECONDS = 0.25
# An order that a person said yes to is sent within this, or not at all: a server that was down is too late.
_LATE_DECISIONS = (_O.PENDING, _O.HELD)


class Decider:
    """Takes decisions, one account's at a time."""

    def __init__(self, ground: Ground, again: Callable[[SignalDecision], object]) -> None:
        self._ground = ground
        # Puts a decision into its account's lane once more.
        self.again = again
        # Orders whose account is not known now: when they were looked at first.
        self._first_looks: dict[str, float] = {}
        # Updates that were handed to a bridge: when, on the monotonic clock. They are looked at once more.
        self.sent: dict[str, float] = {}
        self.opening = Opening(ground)
        self.updates = Updates(ground, self.opening)

    async def decide(self, decision_id: str) -> None:
        """Take a decision that is pending, or that waits for what may have come. Others are left alone."""
        case = await self._ground.storage.read(lambda records: self.case(records, decision_id))
        if case is None or case.decision.outcome not in _LATE_DECISIONS:
            return
        if case.decision.held_for is HeldFor.TERMINAL:
            await self.settle(case.decision.signal_id, news=False)
            return
        if not await self._is_ready(case) and self._is_patient(decision_id):
            self._ground.hub.spawn("decide-later", lambda: self._later(case.decision))
            return
        self._first_looks.pop(decision_id, None)

        def unit(records: Records, acceptance: Acceptance) -> None:
            self._take(records, acceptance, decision_id)

        try:
            await self._ground.commands.within(unit)
        except (StorageUnavailable, CommitUnknown):
            raise
        except Exception as error:
            if not isinstance(error, Refusal):
                log.exception("a decision failed", decision_id=decision_id)
            found = error
            await self._ground.storage.run(lambda records: self._failed(records, decision_id, found))

    async def _is_ready(self, case: Case) -> bool:
        """Ask for what is not known; return whether an order can be judged by what the bridge said."""
        account_id, ground = case.account.account_id, self._ground
        if not case.decision.opens:
            await self.opening.prefetch(case)
            return True
        known = ground.quotes.may_ask(account_id) and funds_of(ground, account_id) is not None
        return known and await self.opening.prefetch(case)

    def _is_patient(self, decision_id: str) -> bool:
        """Return whether an account whose bridge has just gone, or come, is given a moment more."""
        now = self._ground.clocks.monotonic()
        since = self._first_looks.setdefault(decision_id, now)
        return now - since < self._ground.timings.patience_seconds

    async def _later(self, decision: SignalDecision) -> None:
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        self.again(decision)

    def case(self, records: Records, decision_id: str, *, lock: bool = False) -> Case | None:
        """Return what a decision is taken on; None: there is no such."""
        # The signal first: whoever changes a decision changes it too.
        seen = records.signals.decision(decision_id)
        if seen is None:
            return None
        signal = records.signals.get(seen.signal_id, lock=lock)
        decision = records.signals.decision(decision_id, lock=lock)
        source = records.sources.get(seen.source_id)
        account = records.account(seen.account_id)
        if signal is None or decision is None or source is None or account is None:
            return None
        return Case(
            decision=decision,
            signal=signal,
            source=source,
            subscription=following(source, seen.account_id),
            account=account,
            parse=signal.actions[decision.action_index],
            said_at=decision.approve_time or signal.say_time,
        )

    def _take(self, records: Records, acceptance: Acceptance, decision_id: str) -> None:
        case = self.case(records, decision_id, lock=True)
        if case is None or case.decision.outcome not in _LATE_DECISIONS:
            return
        now = self._ground.now()
        before = case.decision
        after = self._withdrawn(records, case, now)
        if after is None and case.decision.kind is Kind.OPEN:
            after = self.opening.take(records, acceptance, case)
        elif after is None:
            after = self.updates.take(records, acceptance, case)
        if after == before:
            return
        change = SignalChange.REPLAYED if after.attempt else SignalChange.UPDATED
        decided(records, after, now, change)
        if after.outcome is _O.SENT and not after.opens:
            self.sent[after.decision_id] = self._ground.clocks.monotonic()

    def _withdrawn(self, records: Records, case: Case, now: datetime) -> SignalDecision | None:
        """Return the decision as taken back, where its message, source or account is."""
        decision, source = case.decision, case.source
        if source.deleted or source.user_id != case.account.owner_user_id:
            text = f"the source {source.name} was deleted"
            return ended(decision, _O.WITHDRAWN, "SOURCE_DELETED", text, now)
        if not decision.opens:
            return None
        if source.subscription(case.account.account_id) is None and not decision.attempt:
            text = f"the account does not follow {source.name} any more"
            return ended(decision, _O.WITHDRAWN, "NOT_FOLLOWED", text, now)
        if case.subscription.suspended and not decision.attempt:
            text = f"the account does not follow {source.name} for now"
            return ended(decision, _O.SKIPPED, "SUSPENDED", text, now)
        if case.signal.external_id:
            latest = records.signals.versions(source.source_id, case.signal.external_id)[0]
            if latest.signal_id != case.signal.signal_id and latest.deleted:
                return ended(decision, _O.WITHDRAWN, "DELETED", "the message was deleted", now)
        return None

    def _failed(self, records: Records, decision_id: str, error: Exception) -> None:
        case = self.case(records, decision_id, lock=True)
        if case is None or case.decision.outcome not in _LATE_DECISIONS:
            return
        now = self._ground.now()
        if isinstance(error, Refusal):
            denial = deny(error.reason, error.message)
        else:
            denial = deny("DECISION_FAILED", "the decision could not be taken: a defect of this program")
            records.alert(
                NewAlert(
                    account_id=case.account.account_id,
                    severity=Severity.CRITICAL,
                    code="DECISION_FAILED",
                    key=decision_id,
                    message=f"a signal of {case.source.name} could not be decided",
                    known=f"signal {case.signal.signal_id}; nothing was sent for it at this account",
                    advice="look at the message, and act on it by hand where it matters",
                )
            )
        decided(records, ended(case.decision, _O.DENIED, denial.code, denial.text, now), now)

    # What comes of what was sent.

    async def settle(self, signal_id: str, *, news: bool) -> None:
        """Look at what became of a signal's commands: decisions that wait for them go on.

        `news`: one of them has ended, and people are told in any case.
        """

        def unit(records: Records) -> None:
            signal = records.signals.get(signal_id, lock=True)
            if signal is None:
                return
            now = self._ground.now()
            commands = {command.command_id: command for command in records.commands.of_signal(signal_id)}
            changed = news
            for decision in records.signals.decisions_of([signal_id])[signal_id]:
                after = self._settled(records, decision, commands, now)
                if after is not decision:
                    records.signals.save_decision(after)
                    changed = True
            if changed:
                told(records, signal, now, SignalChange.UPDATED)

        await self._ground.storage.run(unit)

    def _settled(
        self, records: Records, decision: SignalDecision, commands: dict[str, Command], now: datetime
    ) -> SignalDecision:
        mine = [
            command
            for command_id in decision.command_ids
            if (command := commands.get(command_id)) is not None
        ]
        if decision.opens or decision.outcome not in (_O.SENT, _O.HELD) or not mine:
            return decision
        away = decision.held_for is HeldFor.TERMINAL
        if decision.outcome is _O.HELD and not away:
            return decision
        if away and any(one.state is CommandState.PENDING for one in mine):
            return decision
        if away or all(one.is_final for one in mine):
            self._back(records, decision)
        # What was sent once more counts as it ended the last time.
        last = {(one.trade_id, one.order_id, type(one.action)): one for one in mine}
        undone = [
            one
            for one in last.values()
            if one.is_final
            and not one.state.executed
            and one.state is not CommandState.CANCELLED
            # An edit that became an order of its own is asked about no more than any other order.
            and not isinstance(one.action, Open)
        ]
        if undone and all(one.is_final for one in mine) and _still_open(records, undone):
            return self._ask_again(records, decision, undone[0], now)
        if not away:
            return decision
        return replace(moved(decision, _O.SENT, now), code="", message="")

    def _back(self, records: Records, decision: SignalDecision) -> None:
        records.alert_ended(
            decision.account_id,
            "SIGNAL_WAITS",
            decision.decision_id,
            "the terminal is there, or has answered",
        )

    def _ask_again(
        self, records: Records, decision: SignalDecision, undone: Command, now: datetime
    ) -> SignalDecision:
        """Ask about what reduces a risk and was not done: it is never lost in silence."""
        text = f"it was sent and not done: {undone.state.name} {undone.reason} {undone.message}".strip()
        records.alert(
            NewAlert(
                account_id=decision.account_id,
                severity=Severity.CRITICAL,
                code="SIGNAL_UPDATE_NOT_DONE",
                key=decision.decision_id,
                message=f"a provider's {decision.kind.value.replace('_', ' ')} was not done",
                known=text,
                advice="approve it in the signals panel to have it sent again, or act on the trade yourself",
                command_id=undone.command_id,
                trade_id=undone.trade_id,
            )
        )
        asked = ended(decision, _O.QUESTION, "NOT_DONE", text, now)
        return replace(
            asked, candidate_trade_ids=decision.trade_ids, expire_time=now + self._ground.timings.ask
        )


def _still_open(records: Records, undone: list[Command]) -> bool:
    """Return whether there is anything left of what a command was to act on."""
    for command in undone:
        trade = records.book.trade(command.trade_id) if command.trade_id else None
        if trade is not None and not trade.is_over:
            return True
        if command.order_id:
            return True
    return False


def following(source: Source, account_id: str) -> Subscription:
    """Return how an account follows a source; one that does not any more is only told what reduces risks."""
    return source.subscription(account_id) or Subscription(account_id, suspended=True)
