"""Updates of a signal at one account: which trades are meant, what is asked of them, and what comes of it.

What only reduces a risk acts while the account is paused or stopped, and waits for an open that is under way
and for a terminal that is away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from signalos_server.domain.command import Command
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.dealing.decide import Step
from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.dealing.matching import Question, SignalTrade, match
from signalos_server.domain.errors import Refusal
from signalos_server.domain.pipeline import changes
from signalos_server.domain.pipeline.reading import Earlier, is_order
from signalos_server.domain.pipeline.record import SignalDecision, ended, moved
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome, SourceTrust
from signalos_server.domain.records import Order, Trade
from signalos_server.domain.signals.model import Gate, Kind, Parse, Target
from signalos_server.domain.words import CommandState
from signalos_server.service.access import traded_symbol
from signalos_server.service.commands import OTHER_TIME_TO_LIVE, Acceptance, Draft
from signalos_server.service.records import Records
from signalos_server.service.signals.ground import Ground, acting_for, decided, failed, passed
from signalos_server.service.signals.opening import (
    Case,
    Opening,
    asked_for,
    denial_of,
    hold_for_clearing,
    last_word,
)
from signalos_server.service.signals.reach import Reach, reach_of
from signalos_server.service.signals.reading import earlier_of

# A message is not about what was said after it; clocks of providers differ by less.
_CLOCKS_DIFFER = timedelta(seconds=5)

_O = SignalOutcome
# Why an order gave way to a later version of its message: which may then be decided as the order it is.
_EDITED = "EDITED"


@dataclass(slots=True)
class UpdatePlan:
    """What comes of an update: where it stands, and what is to be sent for it."""

    outcome: SignalOutcome
    steps: list[Step]
    drafts: list[Draft] = field(default_factory=list)
    # Changes of what is wanted of trades; each stores the account's document and returns it.
    policies: list[Callable[[Records], ControlDocument]] = field(default_factory=list)
    trade_ids: list[str] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    withdrawn: list[SignalDecision] = field(default_factory=list)
    held_for: HeldFor = HeldFor.NOTHING
    # It is no update any more: nothing came of the earlier version, so that this one is the order.
    opens_anew: bool = False
    # What is closed or cancelled before the order is decided anew.
    clears: bool = False


class Updates:
    """Decides updates."""

    def __init__(self, ground: Ground, opening: Opening) -> None:
        self._ground = ground
        self._opening = opening

    def take(self, records: Records, acceptance: Acceptance, case: Case) -> SignalDecision:
        """Decide, and accept what comes of it in the same unit; the decision is not stored yet."""
        decision = case.decision
        if decision.held_for is HeldFor.CLEARING and any(
            _under_way(records.commands.get(one)) for one in decision.command_ids
        ):
            return decision
        now = self._ground.now()
        plan = self.plan(records, case, now)
        for waiting in plan.withdrawn:
            code, reason = "TAKEN_BACK", "a later message of the source took it back before it was sent"
            if is_order(case.parse):
                code, reason = _EDITED, "a later version of the message took its place"
            decided(records, ended(waiting, _O.WITHDRAWN, code, reason, now), now)
        if plan.opens_anew:
            return self._opening.take(records, acceptance, _as_order(records, case))
        base = replace(
            decision,
            steps=tuple(plan.steps),
            trade_ids=tuple(plan.trade_ids),
            candidate_trade_ids=tuple(plan.candidates),
            code="",
            message="",
        )
        if plan.clears:
            drafts = _not_done(records, decision, plan.drafts)
            if not drafts:
                # It is gone; the record does not show it yet.
                return decision
            case = replace(case, decision=base)
            return hold_for_clearing(self._ground, acceptance, case, drafts, now)
        if plan.outcome is _O.SENT:
            return self._send(records, acceptance, replace(case, decision=base), plan, now)
        if plan.outcome is _O.HELD and decision.held_for is plan.held_for:
            return decision
        after = last_word(moved(base, plan.outcome, now), plan.steps)
        if plan.outcome is _O.QUESTION:
            return replace(after, expire_time=now + self._ground.timings.ask)
        if plan.outcome is _O.HELD:
            since = decision.held_since or now
            return replace(
                after, held_for=plan.held_for, held_since=since, expire_time=since + self._ground.timings.hold
            )
        return after

    def _send(
        self, records: Records, acceptance: Acceptance, case: Case, plan: UpdatePlan, now: datetime
    ) -> SignalDecision:
        commands: list[Command] = []
        steps = list(plan.steps)
        refused = 0
        for number, draft in enumerate(plan.drafts):
            # What reduces a risk waits for a terminal that is away; what increases it does not.
            time_to_live = OTHER_TIME_TO_LIVE if draft.increases_risk else self._ground.timings.hold
            asked = replace(asked_for(case, number), time_to_live=time_to_live)
            try:
                acceptance.check(asked, draft)
            except Refusal as refusal:
                refused += 1
                steps.append(failed("command", now, denial_of(refusal)))
                continue
            commands.append(acceptance.accept(asked, draft))
        documents = [change(records) for change in plan.policies]
        base = replace(case.decision, steps=tuple(steps))
        if not commands and not documents:
            paused = steps[-1].code in ("TRADING_PAUSED", "TRADING_STOPPED")
            return last_word(moved(base, _O.SKIPPED if paused else _O.DENIED, now), steps)
        for document in documents:
            acceptance.desire(document)
        base = replace(
            base,
            command_ids=(*base.command_ids, *(command.command_id for command in commands)),
            round=base.round + 1,
        )
        away = [command for command in commands if command.offered_epoch is None]
        if not away:
            sent = moved(base, _O.SENT, now)
            return last_word(sent, steps) if refused else sent
        step = failed(
            "terminal", now, deny("TERMINAL_AWAY", "the terminal is away; it is sent once it is back")
        )
        held = last_word(moved(replace(base, steps=(*steps, step)), _O.HELD, now), (step,))
        return replace(
            held,
            held_for=HeldFor.TERMINAL,
            held_since=now,
            # The commands end first.
            expire_time=now + self._ground.timings.hold + timedelta(seconds=1),
        )

    # Planning.

    def plan(self, records: Records, case: Case, now: datetime, *, certain: bool = False) -> UpdatePlan:
        """Return what comes of an update now. Changes nothing. `certain`: trust and gate are left out."""
        earlier = earlier_of(records, case.signal)
        reach = reach_of(records, case, now)
        update, signal = case.parse, case.signal
        sure = case.approved or certain
        plan = UpdatePlan(_O.SENT, [passed("gate", now, update.gate.value)])
        replied = bool(signal.reply_to_external_id or signal.edited or signal.deleted)
        if case.source.rules.trust is SourceTrust.OBSERVE and not sure:
            return _over(plan, _O.SKIPPED, now, "trust", deny("OBSERVED", "the source is only observed"))
        waiting = self._waiting(records, case, earlier, replied=replied)
        plan.withdrawn = [] if update.gate is Gate.POLICY and not sure else waiting
        meant = self._matched(case, earlier, reach, replied=replied)
        if isinstance(meant, Question):
            return self._unmatched(records, plan, case, earlier, reach, meant, waiting, now)
        plan.steps.append(passed("match", now, trades=len(meant)))
        plan.trade_ids = [one.identity for one in meant if not one.pending]
        if update.gate is Gate.POLICY and not sure:
            plan.candidates = plan.trade_ids
            words = "; ".join(reason.text for reason in update.reasons) or "the message is held for a person"
            return _over(plan, _O.QUESTION, now, "gate", deny("HELD_BY_GATE", words))
        if is_order(update):
            anew = self._edited(records, plan, case, reach, meant, now)
            if anew is not None:
                return anew
        under_way = reach.opening_of({one.signal_id for one in meant} | earlier.signal_ids)
        if under_way:
            return _held_for_opening(plan, now)
        for one in meant:
            self._ask(records, plan, case, reach, one, now, sure=sure)
        return self._finish(plan, now)

    def _finish(self, plan: UpdatePlan, now: datetime) -> UpdatePlan:
        if plan.outcome is not _O.SENT or plan.drafts or plan.policies:
            return plan
        last = plan.steps[-1]
        if not last.passed:
            plan.outcome = _O.DENIED
            return plan
        if plan.withdrawn:
            text = "what waited to be sent was taken back"
            return _over(plan, _O.SKIPPED, now, "change", deny("TAKEN_BACK", text))
        return _over(plan, _O.SKIPPED, now, "change", deny("NOTHING_TO_CHANGE", "it is so already"))

    def _matched(
        self, case: Case, earlier: Earlier, reach: Reach, *, replied: bool
    ) -> tuple[SignalTrade, ...] | Question:
        update, signal = case.parse, case.signal
        chosen = case.decision.chosen_trade_ids
        if chosen:
            meant = tuple(one for one in reach.found if one.identity in chosen)
            return meant or Question("NOTHING_TO_ACT_ON", "what was chosen is not open any more")
        if is_order(update):
            # An edit of an order is about all that came of it, whatever side or instrument it says now.
            update = Parse(kind=Kind.MODIFY)
        said_before = tuple(
            one
            for one in reach.found
            if replied or reach.signals[one.signal_id].say_time <= signal.say_time + _CLOCKS_DIFFER
        )
        if replied and not earlier.signals:
            if update.symbol is None:
                every = tuple(sorted({one.identity for one in said_before}))
                return Question("REPLY_UNKNOWN", "what it replies to is not known here", every)
            replied = False
        if not replied:
            return reach.names(match(update, said_before, case.source.source_id))
        versions = earlier.signal_ids
        meant_signal = "the message that it refers to"
        seen = [
            replace(one, signal_id=meant_signal if one.signal_id in versions else one.signal_id)
            for one in said_before
        ]
        # What a message replies to says the instrument; a code of a broker's is none of its.
        found = match(replace(update, symbol=None), seen, case.source.source_id, meant_signal)
        if isinstance(found, Question):
            return found
        own = {one.identity for one in found.trades}
        meant = tuple(one for one in said_before if one.identity in own)
        if is_order(case.parse) and sum(is_order(action) for action in case.signal.actions) > 1:
            # Of several orders in one message an edit's own is the one of its instrument.
            return tuple(one for one in meant if one.symbol == case.parse.symbol) or Question(
                "NOTHING_TO_ACT_ON", f"nothing of {case.parse.symbol} came of the message"
            )
        return meant

    def _unmatched(
        self,
        records: Records,
        plan: UpdatePlan,
        case: Case,
        earlier: Earlier,
        reach: Reach,
        question: Question,
        waiting: Sequence[SignalDecision],
        now: datetime,
    ) -> UpdatePlan:
        """Return what comes of an update that no trade fits, or too many."""
        update = case.parse
        if reach.opening_of(earlier.signal_ids) or (not earlier.signals and reach.opening_like(update)):
            return _held_for_opening(plan, now)
        if not waiting and self._undecided(records, case, earlier):
            return _held_for_opening(plan, now)
        if question.candidates:
            plan.candidates = [*question.candidates]
            return _over(plan, _O.QUESTION, now, "match", deny(question.code, question.text))
        if is_order(update) and self._may_open_anew(records, case, earlier, waiting):
            plan.withdrawn = [*waiting]
            plan.opens_anew = True
            return plan
        if plan.withdrawn:
            return self._finish(plan, now)
        return _over(plan, _O.SKIPPED, now, "match", deny("NOTHING_TO_ACT_ON", question.text))

    def _undecided(self, records: Records, case: Case, earlier: Earlier) -> bool:
        """Return whether the order that an update refers to is about to be decided."""
        return any(
            one.opens and one.outcome is _O.PENDING and one.signal_id in earlier.signal_ids
            for one in records.signals.waiting_at(case.account.account_id, case.source.source_id)
        )

    def _may_open_anew(
        self, records: Records, case: Case, earlier: Earlier, waiting: Sequence[SignalDecision]
    ) -> bool:
        """Return whether an edit is the order itself: the version before it has sent nothing, and was let in.

        What a person said no to, what was only observed or paused, and what was sent is never revived.
        """
        if case.signal.deleted or not case.signal.edited or case.subscription.suspended:
            return False
        if case.decision.round and case.approved:
            # What stood against it was closed for it, by a person's word.
            return True
        mine = case.account.account_id
        by_signal = records.signals.decisions_of(earlier.signal_ids)
        before = [one for ones in by_signal.values() for one in ones if one.account_id == mine]
        if case.decision.held_for is HeldFor.CLEARING:
            return True
        refused = [one for one in before if one.outcome is _O.DENIED and not one.command_ids]
        withdrawn = [one for one in before if one.outcome is _O.WITHDRAWN and one.code == _EDITED]
        return bool(before) and len(refused) + len(withdrawn) + len(
            [one for one in waiting if one.opens or is_edit(one)]
        ) >= len(before)

    def _waiting(
        self, records: Records, case: Case, earlier: Earlier, *, replied: bool
    ) -> list[SignalDecision]:
        """Return the orders that have not been sent and that an update takes back."""
        update = case.parse
        if update.kind not in (Kind.CLOSE, Kind.CANCEL) and not is_order(update):
            return []
        waiting = [
            one
            for one in records.signals.waiting_at(case.account.account_id, case.source.source_id)
            if one.signal_id != case.signal.signal_id
            and (not one.command_ids or one.held_for is HeldFor.CLEARING)
        ]
        if replied:
            return [one for one in waiting if one.signal_id in earlier.signal_ids]
        signals = records.signals.many({one.signal_id for one in waiting})
        taken = []
        for one in waiting:
            signal = signals.get(one.signal_id)
            if signal is None or not one.opens or signal.say_time > case.signal.say_time + _CLOCKS_DIFFER:
                continue
            order = signal.actions[one.action_index]
            everything = update.symbol is None and update.target is Target.ALL
            same = update.symbol is not None and order.symbol == update.symbol
            if (everything or same) and (update.side is None or update.side is order.side):
                taken.append(one)
        return taken

    def _edited(
        self,
        records: Records,
        plan: UpdatePlan,
        case: Case,
        reach: Reach,
        meant: Sequence[SignalTrade],
        now: datetime,
    ) -> UpdatePlan | None:
        """Return what an edit of an order comes to, where it is more than other levels."""
        filled = [one for one in meant if not one.pending]
        for one in filled:
            trade = reach.trades[one.identity]
            other = changes.becomes_another(case.parse, one.symbol, trade.position.side)
            if other is None:
                continue
            if not case.approved:
                plan.candidates = [one.identity for one in filled]
                return _over(plan, _O.QUESTION, now, "edit", other)
            # A person said yes: what is open goes, and the order is decided as it is now.
            return self._cleared(records, plan, case, meant)
        if filled:
            return None
        # Nothing of it is filled: what waits at the broker goes, and the order is decided anew.
        return self._cleared(records, plan, case, meant)

    def _cleared(
        self, records: Records, plan: UpdatePlan, case: Case, meant: Sequence[SignalTrade]
    ) -> UpdatePlan:
        caller = acting_for(case.source)
        for one in meant:
            if one.pending:
                plan.drafts.append(self._ground.orders.draft_cancel(records, caller, one.identity))
            else:
                plan.drafts.append(self._ground.trades.draft_close(records, caller, one.identity))
        plan.clears = True
        return plan

    def _ask(
        self,
        records: Records,
        plan: UpdatePlan,
        case: Case,
        reach: Reach,
        one: SignalTrade,
        now: datetime,
        *,
        sure: bool,
    ) -> None:
        """Add what an update asks of one trade or order, or the step that says why not."""
        try:
            if one.pending:
                self._ask_order(records, plan, case, reach.orders[one.identity], one.leg)
            else:
                self._ask_trade(records, plan, case, reach.trades[one.identity], one.leg, now, sure=sure)
        except Refusal as refusal:
            plan.steps.append(failed("change", now, denial_of(refusal)))

    def _ask_order(self, records: Records, plan: UpdatePlan, case: Case, order: Order, leg: int) -> None:
        caller, orders = acting_for(case.source), self._ground.orders
        if case.parse.kind in (Kind.CLOSE, Kind.CANCEL):
            plan.drafts.append(orders.draft_cancel(records, caller, order.order_id))
            return
        if case.parse.kind is not Kind.MODIFY:
            return
        spec = traded_symbol(records, order.account_id, order.pending.symbol)
        change = changes.change_of_order(case.parse, order, leg, spec)
        if change is not None:
            plan.drafts.append(orders.draft_modify(records, caller, order.order_id, change))

    def _ask_trade(
        self,
        records: Records,
        plan: UpdatePlan,
        case: Case,
        trade: Trade,
        leg: int,
        now: datetime,
        *,
        sure: bool,
    ) -> None:
        caller, trades = acting_for(case.source), self._ground.trades
        spec = traded_symbol(records, trade.account_id, trade.position.symbol)
        wishes = changes.wishes_for(case.parse, trade, leg, spec)
        if isinstance(wishes, Denial):
            plan.candidates.append(trade.trade_id)
            _over(plan, _O.QUESTION, now, "change", wishes)
            return
        for wish in wishes:
            match wish:
                case changes.CloseIt():
                    plan.drafts.append(trades.draft_close(records, caller, trade.trade_id, wish.fraction))
                case changes.BreakEvenIt():
                    plan.drafts.append(trades.draft_break_even(records, caller, trade.trade_id))
                case changes.MoveIt():
                    if wish.loosens and not sure:
                        plan.candidates.append(trade.trade_id)
                        text = f"the stop loss {wish.levels.stop_loss} risks more than {trade.stop_loss}"
                        _over(plan, _O.QUESTION, now, "change", deny("LOOSENS_STOP", text))
                        continue
                    plan.drafts.append(trades.draft_modify(records, caller, trade.trade_id, wish.levels))
                case changes.TrailIt():
                    plan.policies.append(
                        lambda records, wish=wish: trades.want_trailing(  # type: ignore[misc]
                            records, caller, trade.trade_id, wish.trailing
                        )
                    )
                case changes.ReplanIt():
                    plan.policies.append(
                        lambda records, wish=wish: trades.want_protection(  # type: ignore[misc]
                            records, caller, trade.trade_id, wish.plan
                        )
                    )


def is_edit(decision: SignalDecision) -> bool:
    """Return whether a decision is of an edited order."""
    return decision.kind is Kind.MODIFY


def _as_order(records: Records, case: Case) -> Case:
    """Return an edit as the order that it is; its age is that of the first version."""
    earlier = earlier_of(records, case.signal)
    said_at = case.said_at
    if not case.approved and earlier.first is not None:
        said_at = min(said_at, earlier.first.say_time)
    return replace(case, parse=replace(case.parse, kind=Kind.OPEN, target=None), said_at=said_at)


def _over(plan: UpdatePlan, outcome: SignalOutcome, now: datetime, name: str, denial: Denial) -> UpdatePlan:
    plan.steps.append(failed(name, now, denial))
    plan.outcome = outcome
    return plan


def _held_for_opening(plan: UpdatePlan, now: datetime) -> UpdatePlan:
    plan.held_for = HeldFor.OPENING
    text = "the order that it is about is still under way"
    return _over(plan, _O.HELD, now, "match", deny("OPEN_UNDER_WAY", text))


def _not_done(records: Records, decision: SignalDecision, drafts: Sequence[Draft]) -> list[Draft]:
    """Return those that none of the decision's commands has carried out."""
    commands = [records.commands.get(one) for one in decision.command_ids]
    done = {
        (one.trade_id, one.order_id)
        for one in commands
        if one is not None and one.state is CommandState.SUCCEEDED
    }
    return [draft for draft in drafts if (draft.trade_id, draft.order_id) not in done]


def _under_way(command: Command | None) -> bool:
    return command is not None and not command.is_final
