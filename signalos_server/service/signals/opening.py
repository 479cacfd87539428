"""An order of a signal at one account: decided with the facts of now, and sent in the unit that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from signalos_server.domain.actions import Open
from signalos_server.domain.dealing import decide as deciding
from signalos_server.domain.dealing.decide import Decision, Outcome, Step
from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.errors import LimitReached, Refusal, TradingPaused, WrongState
from signalos_server.domain.pipeline.record import Signal, SignalDecision, moved, plan_of, request_id_of
from signalos_server.domain.pipeline.source import Source, Subscription, policy_of
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome
from signalos_server.domain.records import SymbolSpec
from signalos_server.domain.signals.model import Parse
from signalos_server.domain.words import CommandOrigin
from signalos_server.service.commands import Acceptance, Asked, Draft
from signalos_server.service.records import AccountRef, Records
from signalos_server.service.signals.facts import Holdings, facts_of, specs_of
from signalos_server.service.signals.ground import Ground, acting_for, failed, words_of


@dataclass(frozen=True, slots=True)
class Case:
    """One decision to take: what is decided on, for whom, and since when it counts."""

    decision: SignalDecision
    signal: Signal
    source: Source
    subscription: Subscription
    account: AccountRef
    parse: Parse
    # What its age is counted from: the message, or a person's yes.
    said_at: datetime

    @property
    def approved(self) -> bool:
        """Return whether a person said yes."""
        return self.decision.approve_time is not None


def asked_for(case: Case, number: int) -> Asked:
    """Return the call that a command of a decision comes from; its key is the same whenever it is made."""
    return Asked(
        caller=acting_for(case.source),
        request_id=request_id_of(case.decision, number),
        body=f"signal\0{case.decision.decision_id}\0{case.decision.round}\0{number}".encode(),
        wait_seconds=0.0,
        origin=CommandOrigin.SIGNAL,
        signal_id=case.signal.signal_id,
    )


class Opening:
    """Decides orders."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def prefetch(self, case: Case) -> bool:
        """See to it that the market of the instrument can be judged, where its bridge is there to ask.

        Return False where the bridge was asked and is silent, as while it has much to do after a start.
        """
        symbol = case.parse.symbol
        if symbol is None or not self._ground.quotes.may_ask(case.account.account_id):
            return True
        specs = await self._ground.storage.read(lambda records: self.specs(records, case))
        heard = True
        for spec in specs:
            heard = await self._ground.quotes.look(case.account.account_id, spec) and heard
        return heard

    def specs(self, records: Records, case: Case) -> list[SymbolSpec]:
        """Return the rules of what the instrument may be at the account."""
        symbol = case.parse.symbol
        if symbol is None:
            return []
        mapped = policy_of(case.source, case.subscription).symbol_map.get(symbol)
        return specs_of(records, case.account.account_id, symbol, mapped)

    def judge(
        self, records: Records, case: Case, *, certain: bool = False
    ) -> tuple[Decision, Holdings, datetime]:
        """Return what the account does with the order, without doing it. `certain`: trust is left out."""
        specs = self.specs(records, case)
        ground, account = self._ground, case.account
        facts, held = facts_of(ground, records, account, case.source, case.subscription, specs)
        now = ground.now()
        policy = policy_of(case.source, case.subscription)
        if case.approved or certain:
            # The sender was looked at when the message was read; a person may say yes to anybody's.
            policy = replace(policy, senders=frozenset())
        found = deciding.decide(
            case.parse,
            policy,
            facts,
            sender=case.signal.sender,
            said_at=case.said_at,
            now=now,
            approved=case.approved or certain,
            limits=lambda order: ground.limits.check(records, account, order),
        )
        if found.outcome is Outcome.TRADE and found.plan is not None:
            refused = self._refused(
                records, None, case, Draft(account, found.plan.action, increases_risk=True)
            )
            if refused is not None:
                found = Decision(Outcome.DENY, (*found.steps, failed("order", now, refused)), found.plan)
        return found, held, now

    def take(self, records: Records, acceptance: Acceptance, case: Case) -> SignalDecision:
        """Decide, and accept what comes of it in the same unit; the decision is not stored yet."""
        decision = case.decision
        if decision.held_for is HeldFor.CLEARING:
            waits = self._still_clearing(records, decision)
            if waits is not None:
                return waits
        late = self._too_late(case)
        if late is not None:
            return late
        found, held, now = self.judge(records, case)
        steps = tuple(step if step.time is not None else replace(step, time=now) for step in found.steps)
        plan = None if found.plan is None else plan_of(found.plan)
        base = replace(decision, steps=steps, plan=plan, code="", message="", candidate_trade_ids=())
        match found.outcome:
            case Outcome.TRADE:
                assert found.plan is not None
                return self._send(records, acceptance, replace_case(case, base), found.plan.action, now)
            case Outcome.CLEAR:
                if decision.held_for is HeldFor.CLEARING:
                    # Its closes are done; the record does not show it yet.
                    return decision
                assert plan is not None
                return self._clear(records, acceptance, replace_case(case, base), held, now)
            case Outcome.ASK:
                asks = SignalOutcome.QUESTION
                if found.code == "APPROVAL_NEEDED":
                    asks = SignalOutcome.APPROVAL
                said = last_word(moved(base, asks, now), steps)
                return replace(said, expire_time=now + case.source.rules.approve_within)
            case Outcome.SKIP:
                return last_word(moved(base, SignalOutcome.SKIPPED, now), steps)
            case Outcome.DENY:
                return last_word(moved(base, SignalOutcome.DENIED, now), steps)

    def _too_late(self, case: Case) -> SignalDecision | None:
        """Return the decision as denied, where the yes of a person is of another time: a server was down."""
        now, limit = self._ground.now(), case.source.rules.maximum_age
        if not case.approved or now - case.said_at <= limit:
            return None
        seconds = (now - case.said_at).total_seconds()
        denial = deny(
            "TOO_OLD",
            "a person said yes too long ago",
            limit=f"{limit.total_seconds():.1f}s",
            current=f"{seconds:.1f}s",
        )
        step = failed("age", now, denial)
        steps = (*case.decision.steps, step)
        return last_word(moved(replace(case.decision, steps=steps), SignalOutcome.DENIED, now), (step,))

    def _send(
        self, records: Records, acceptance: Acceptance, case: Case, action: Open, now: datetime
    ) -> SignalDecision:
        draft = Draft(case.account, action, increases_risk=True)
        asked = asked_for(case, 0)
        refused = self._refused(records, (acceptance, asked), case, draft)
        if refused is not None:
            paused = refused.code == TradingPaused.reason
            outcome = SignalOutcome.SKIPPED if paused else SignalOutcome.DENIED
            steps = (*case.decision.steps, failed("order", now, refused))
            return last_word(moved(replace(case.decision, steps=steps), outcome, now), steps)
        command = acceptance.accept(asked, draft)
        sent = moved(case.decision, SignalOutcome.SENT, now)
        return replace(sent, command_ids=(*sent.command_ids, command.command_id), round=sent.round + 1)

    def _refused(
        self, records: Records, with_keys: tuple[Acceptance, Asked] | None, case: Case, draft: Draft
    ) -> Denial | None:
        """Return why an order would not be accepted. Changes nothing."""
        assert isinstance(draft.action, Open)
        try:
            self._ground.trades.check_open(records, case.account, draft.action)
            if with_keys is not None:
                acceptance, asked = with_keys
                acceptance.check(asked, draft)
        except Refusal as refusal:
            return denial_of(refusal)
        return None

    def _clear(
        self, records: Records, acceptance: Acceptance, case: Case, held: Holdings, now: datetime
    ) -> SignalDecision:
        """Close what is held the other way; the order is decided anew once that is confirmed."""
        plan, caller = case.decision.plan, acting_for(case.source)
        assert plan is not None
        trades, orders = held.opposite(plan.symbol, plan.side)
        drafts = [self._ground.trades.draft_close(records, caller, trade.trade_id) for trade in trades]
        drafts += [self._ground.orders.draft_cancel(records, caller, order.order_id) for order in orders]
        return hold_for_clearing(self._ground, acceptance, case, drafts, now)

    def _still_clearing(self, records: Records, decision: SignalDecision) -> SignalDecision | None:
        """Return the decision while, or because, its closes are not done; None: they are."""
        for command_id in decision.command_ids:
            command = records.commands.get(command_id)
            if command is None or not command.is_final:
                return decision
            if not command.state.executed:
                now = self._ground.now()
                denial = deny(
                    "NOT_CLEARED",
                    f"what had to go first did not: {command.state.name} {command.message}".strip(),
                )
                step = failed("clearing", now, denial)
                return last_word(
                    moved(replace(decision, steps=(*decision.steps, step)), SignalOutcome.DENIED, now),
                    (step,),
                )
        return None


def hold_for_clearing(
    ground: Ground, acceptance: Acceptance, case: Case, drafts: Sequence[Draft], now: datetime
) -> SignalDecision:
    """Accept what has to go first, and hold the decision until it has. Raises a `Refusal`."""
    ids = [
        acceptance.accept(asked_for(case, number), draft).command_id for number, draft in enumerate(drafts)
    ]
    held = last_word(moved(case.decision, SignalOutcome.HELD, now), case.decision.steps)
    return replace(
        held,
        held_for=HeldFor.CLEARING,
        held_since=now,
        expire_time=now + ground.timings.clear,
        command_ids=(*held.command_ids, *ids),
        round=held.round + 1,
    )


def replace_case(case: Case, decision: SignalDecision) -> Case:
    """Return the case with its decision as far as it is taken."""
    return replace(case, decision=decision)


def denial_of(refusal: Refusal) -> Denial:
    """Return a refused command as the step that it is."""
    code = refusal.metadata["code"] if isinstance(refusal, LimitReached) else refusal.reason
    if isinstance(refusal, WrongState) and refusal.metadata.get("state") == "UNKNOWN":
        code = "UNKNOWN_OPEN"
    return deny(code, refusal.message, **refusal.metadata)


def last_word(decision: SignalDecision, steps: Sequence[Step]) -> SignalDecision:
    """Return the decision with the code and words of the step that decided it."""
    last = next((step for step in reversed(steps) if not step.passed), None)
    if last is None:
        return decision
    return replace(decision, code=last.code, message=words_of(last))
