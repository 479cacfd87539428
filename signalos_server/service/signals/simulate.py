"""What would be sent for a message: the same way as a real one, without effect, and nothing is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from signalos_server.domain.caller import Caller
from signalos_server.domain.dealing.decide import Outcome, Step
from signalos_server.domain.dealing.denial import deny
from signalos_server.domain.pipeline import reading
from signalos_server.domain.pipeline.record import Signal, SignalDecision, plan_of
from signalos_server.domain.pipeline.source import Source, SourceRules, Subscription
from signalos_server.domain.pipeline.words import SignalOutcome, SourceKind, SourceTrust
from signalos_server.domain.signals.model import Kind, Parse
from signalos_server.service.access import seen_account, traded_account
from signalos_server.service.records import AccountRef, Records
from signalos_server.service.signals.deciding import Decider
from signalos_server.service.signals.ground import Ground, failed, words_of
from signalos_server.service.signals.opening import Case
from signalos_server.service.signals.reading import new_decisions
from signalos_server.service.signals.sources import own_source

_O = SignalOutcome
_SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class _Stage:
    """By whose settings, and at which accounts."""

    source: Source
    accounts: tuple[AccountRef, ...]


class Simulation:
    """Tells what would be sent."""

    def __init__(self, ground: Ground, decider: Decider) -> None:
        self._ground = ground
        self._decider = decider

    async def simulate(
        self,
        caller: Caller,
        text: str,
        parsed: Parse,
        source_id: str,
        account_ids: Sequence[str],
        sender: str,
    ) -> list[SignalDecision]:
        """Return what each account would do; trust and approval are left out of it."""
        stage = await self._ground.storage.read(
            lambda records: self._stage(records, caller, source_id, account_ids)
        )
        cases = self._cases(stage, text, parsed, sender)
        for case in cases:
            if case.decision.opens:
                await self._decider.opening.prefetch(case)
        return await self._ground.storage.read(lambda records: [self._judge(records, case) for case in cases])

    def _stage(self, records: Records, caller: Caller, source_id: str, account_ids: Sequence[str]) -> _Stage:
        if source_id:
            source = own_source(records, caller, source_id)
        else:
            source = Source(
                source_id=_SIMULATED,
                user_id=caller.user_id,
                name=_SIMULATED,
                kind=SourceKind.API,
                create_time=self._ground.now(),
                rules=SourceRules(trust=SourceTrust.AUTO),
            )
        if account_ids:
            accounts = [seen_account(records, caller, account_id) for account_id in account_ids]
        elif source_id:
            ids = [one.account_id for one in source.subscriptions if not one.suspended]
            accounts = [found for one in ids if (found := records.account(one)) is not None]
        else:
            accounts = [traded_account(records, caller, "")]
        return _Stage(source, tuple(accounts))

    def _cases(self, stage: _Stage, text: str, parsed: Parse, sender: str) -> list[Case]:
        now, source = self._ground.now(), stage.source
        signal = Signal(
            signal_id=_SIMULATED,
            user_id=source.user_id,
            source_id=source.source_id,
            source_name=source.name,
            text=text,
            create_time=now,
            say_time=now,
            update_time=now,
            sender=sender,
            parsed=parsed,
        )
        refs = {account.account_id: account for account in stage.accounts}
        return [
            Case(
                decision=decision,
                signal=signal,
                source=source,
                subscription=source.subscription(decision.account_id) or Subscription(decision.account_id),
                account=refs[decision.account_id],
                parse=signal.actions[decision.action_index],
                said_at=now,
            )
            for decision in new_decisions(signal, [(account_id, True) for account_id in refs], 0)
        ]

    def _judge(self, records: Records, case: Case) -> SignalDecision:
        now = self._ground.now()
        checks = (
            ("source", reading.check_source(case.source, case.signal)),
            ("sender", reading.check_sender(case.source, case.signal) if case.signal.sender else None),
            ("reading", reading.gate_of(case.parse)),
        )
        for name, denial in checks:
            if denial is not None:
                return _concluded(case.decision, _O.DENIED, [failed(name, now, denial)])
        if case.account.owner_user_id != case.source.user_id:
            denial = deny("NOT_OWNED", "the account belongs to somebody else")
            return _concluded(case.decision, _O.DENIED, [failed("account", now, denial)])
        if case.parse.kind is not Kind.OPEN:
            plan = self._decider.updates.plan(records, case, now, certain=True)
            return replace(
                _concluded(case.decision, plan.outcome, plan.steps),
                trade_ids=tuple(plan.trade_ids),
                candidate_trade_ids=tuple(plan.candidates),
            )
        found, _, now = self._decider.opening.judge(records, case, certain=True)
        outcome = {
            # What would be sent; CLEAR closes what is held the other way first.
            Outcome.TRADE: _O.SENT,
            Outcome.CLEAR: _O.SENT,
            Outcome.ASK: _O.QUESTION,
            Outcome.SKIP: _O.SKIPPED,
            Outcome.DENY: _O.DENIED,
        }[found.outcome]
        decision = _concluded(case.decision, outcome, list(found.steps))
        return replace(decision, plan=None if found.plan is None else plan_of(found.plan), decide_time=now)


def _concluded(decision: SignalDecision, outcome: SignalOutcome, steps: list[Step]) -> SignalDecision:
    last = next((step for step in reversed(steps) if not step.passed), None)
    return replace(
        decision,
        outcome=outcome,
        steps=tuple(steps),
        code="" if last is None else last.code,
        message="" if last is None else words_of(last),
    )
