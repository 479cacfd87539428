"""The pipeline: messages are committed, read in order, and decided in a lane of each account.

Everything that is to be done is in the database: a server that starts again takes it up, and the age of an
order says whether it is still one.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import structlog

from signalos_server.domain.caller import Caller
from signalos_server.domain.command import Command
from signalos_server.domain.dealing.denial import deny
from signalos_server.domain.errors import CommitUnknown, StorageUnavailable
from signalos_server.domain.happenings import NewAlert
from signalos_server.domain.pipeline.record import Signal, SignalDecision, SignalView, ended, moved
from signalos_server.domain.pipeline.words import HeldFor, SignalOutcome
from signalos_server.domain.words import CommandState, Severity
from signalos_server.service.records import Records
from signalos_server.service.signals.deciding import Decider
from signalos_server.service.signals.ground import Ground, decided, failed
from signalos_server.service.signals.intake import Intake, Message, Taken
from signalos_server.service.signals.lanes import Lanes
from signalos_server.service.signals.opening import Case, last_word
from signalos_server.service.signals.reading import Reader

log = structlog.get_logger(__name__)

_O = SignalOutcome
_FORGET_AT_ONCE = 200


class SignalPipeline:
    """Takes messages in, and carries them on until nothing of them waits."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._intake = Intake(ground)
        self._reader = Reader(ground)
        self.decider = Decider(ground, self.decide)
        # A lane for each user: what repeats what is told in the order of the commits.
        self._reading = Lanes("read-signals", ground.hub.spawn)
        # A lane for each account: one that fails, or whose terminal is slow, delays none.
        self._deciding = Lanes("decide-signals", ground.hub.spawn)
        # What came in before the rest was taken up, and is read after it; None: that is done.
        self._early: list[Signal] | None = []
        # Signals of which something is held: their commands are looked at from the first word on.
        self._held: set[str] = set()
        # Held decisions that are looked at again: when the last look was done.
        self._retried: dict[str, asyncio.Event] = {}
        ground.hub.on_command(self._command_changed)

    # Taking in.

    async def submit(self, caller: Caller, source_id: str, message: Message) -> SignalView:
        """Commit a message of a source of the caller's; reading and deciding follow."""
        return self._taken(await self._intake.submit(caller, source_id, message))

    async def webhook(self, token: str, body: bytes) -> str:
        """Commit what a webhook was sent; return its signal."""
        # To its end, though the caller goes away: what is committed is carried on at once.
        taking = asyncio.ensure_future(self._intake.webhook(token, body))
        taking.add_done_callback(self._webhook_taken)
        return (await asyncio.shield(taking)).view.signal.signal_id

    def _webhook_taken(self, taking: asyncio.Future[Taken]) -> None:
        if not taking.cancelled() and taking.exception() is None:
            self._taken(taking.result())

    def _taken(self, taken: Taken) -> SignalView:
        signal = taken.view.signal
        if taken.fresh and self._early is not None:
            self._early.append(signal)
        elif taken.fresh:
            self.read(signal.user_id, signal.signal_id)
        return taken.view

    # Carrying on.

    def read(self, user_id: str, signal_id: str) -> asyncio.Event:
        """Have a message read, and then decided; the event is set once it is read."""

        async def work() -> None:
            for decision in await self._reader.read(signal_id):
                self.decide(decision)

        return self._reading.put(user_id, work)

    def decide(self, decision: SignalDecision) -> asyncio.Event:
        """Have a decision taken in its account's lane; the event is set once it is."""
        return self._deciding.put(decision.account_id, lambda: self.decider.decide(decision.decision_id))

    def settle(self, account_id: str, signal_id: str, *, news: bool) -> None:
        """Have the commands of a signal looked at; `news`: one of them has ended."""
        self._deciding.put(account_id, lambda: self.decider.settle(signal_id, news=news))

    def _command_changed(self, command: Command) -> None:
        signal_id = command.signal_id
        if not signal_id:
            return
        news = command.is_final or command.state is CommandState.UNKNOWN
        if news or signal_id in self._held:
            self.settle(command.account_id, signal_id, news=news)

    async def run(self) -> None:
        """Take up what was left, end what has waited long enough, and forget old signals, until cancelled."""
        await self._take_up()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep_on())
            group.create_task(self._retain())

    async def _take_up(self) -> None:
        while True:
            try:
                unread, pending = await self._ground.storage.read(_left)
            except StorageUnavailable as error:
                log.warning("signals wait for storage", error=str(error))
                await asyncio.sleep(self._ground.timings.sweep_seconds)
                continue
            break
        if unread or pending:
            log.info("signals are taken up again", unread=len(unread), undecided=len(pending))
        for decision in pending:
            self.decide(decision)
        # In the order of their commits; one that is named twice is read once.
        early, self._early = self._early or [], None
        for signal in (*unread, *early):
            self.read(signal.user_id, signal.signal_id)

    async def _sweep_on(self) -> None:
        while True:
            try:
                await self._sweep()
            except (StorageUnavailable, CommitUnknown) as error:
                log.warning("waits of signals are looked at later", error=str(error))
            await asyncio.sleep(self._ground.timings.sweep_seconds)

    async def _sweep(self) -> None:
        now = self._ground.now()
        held, due = await self._ground.storage.read(
            lambda records: (records.signals.with_outcome((_O.HELD,)), records.signals.due(now))
        )
        self._held = {decision.signal_id for decision in held}
        for decision in due:
            self._deciding.put(decision.account_id, lambda one=decision: self._expire(one.decision_id))  # type: ignore[misc]
        self._retried = {
            decision.decision_id: self._retried[decision.decision_id]
            for decision in held
            if decision.decision_id in self._retried
        }
        await self._look_at_sent()
        late = {decision.decision_id for decision in due}
        for decision in held:
            if decision.decision_id in late:
                continue
            since = decision.held_since or now
            if decision.held_for is not HeldFor.TERMINAL:
                self._retry(decision)
            elif not decision.alerted and now - since >= self._ground.timings.alert_after:
                await self._ground.storage.run(
                    lambda records, one=decision: self._alert(records, one.decision_id)  # type: ignore[misc]
                )
            elif now - since >= self._ground.timings.alert_after:
                # A word that was lost with a restart: its commands have gone on.
                self.settle(decision.account_id, decision.signal_id, news=False)

    async def _look_at_sent(self) -> None:
        """Tell people of updates that a bridge has taken and its terminal has not done for a while."""
        sent, now = self.decider.sent, self._ground.clocks.monotonic()
        after = self._ground.timings.alert_after.total_seconds()
        for decision_id in [one for one, at in sent.items() if now - at >= after]:
            await self._ground.storage.run(
                lambda records, one=decision_id: self._alert_undone(records, one)  # type: ignore[misc]
            )
            sent.pop(decision_id, None)

    def _alert_undone(self, records: Records, decision_id: str) -> None:
        case = self.decider.case(records, decision_id)
        if case is None or case.decision.outcome is not _O.SENT:
            return
        commands = [records.commands.get(command_id) for command_id in case.decision.command_ids]
        if any(command is not None and not command.is_final for command in commands):
            self._tell_waiting(records, case, "its bridge has it, and the terminal has not done it yet")

    def _retry(self, decision: SignalDecision) -> None:
        """Have a held decision looked at again, once at a time."""
        last = self._retried.get(decision.decision_id)
        if last is None or last.is_set():
            self._retried[decision.decision_id] = self.decide(decision)

    def _alert(self, records: Records, decision_id: str) -> None:
        case = self.decider.case(records, decision_id, lock=True)
        if case is None or case.decision.held_for is not HeldFor.TERMINAL or case.decision.alerted:
            return
        decision = replace(case.decision, alerted=True)
        records.signals.save_decision(decision)
        known = f"the terminal of {case.account.name} is away; it is sent once it is back"
        self._tell_waiting(records, case, known)

    @staticmethod
    def _tell_waiting(records: Records, case: Case, known: str) -> None:
        decision = case.decision
        kind = decision.kind.value.replace("_", " ")
        records.alert(
            NewAlert(
                account_id=decision.account_id,
                severity=Severity.CRITICAL,
                code="SIGNAL_WAITS",
                key=decision.decision_id,
                message=f"a provider's {kind} of {case.source.name} waits for the terminal",
                known=known,
                advice="bring the terminal back, or act at the broker; rejecting the signal takes it back",
            )
        )

    async def _expire(self, decision_id: str) -> None:
        await self._ground.storage.run(lambda records: self._expired(records, decision_id))

    def _expired(self, records: Records, decision_id: str) -> None:
        case = self.decider.case(records, decision_id, lock=True)
        now = self._ground.now()
        if case is None or case.decision.expire_time is None or case.decision.expire_time > now:
            return
        decision, timings = case.decision, self._ground.timings
        if decision.outcome.asks:
            text = "nobody said anything in time"
            decided(records, ended(decision, _O.EXPIRED, "EXPIRED", text, now), now)
            return
        if decision.outcome is not _O.HELD:
            return
        if decision.held_for is HeldFor.CLEARING:
            text = "what had to go first did not go in time"
            decided(records, ended(decision, _O.DENIED, "NOT_CLEARED", text, now), now)
            return
        if decision.held_for is HeldFor.TERMINAL and any(
            (command := records.commands.get(command_id)) is not None and not command.is_final
            for command_id in decision.command_ids
        ):
            # They have time to live themselves, and end with it; until then it is not asked twice.
            records.signals.save_decision(replace(decision, expire_time=now + timings.alert_after))
            return
        records.alert_ended(
            decision.account_id, "SIGNAL_WAITS", decision.decision_id, "it is asked about now"
        )
        step = failed("waiting", now, deny("WAITED_TOO_LONG", "what it waits for did not come in time"))
        asked = last_word(moved(replace(decision, steps=(*decision.steps, step)), _O.QUESTION, now), (step,))
        decided(
            records,
            replace(asked, candidate_trade_ids=decision.trade_ids, expire_time=now + timings.ask),
            now,
        )

    async def _retain(self) -> None:
        timings = self._ground.timings
        while True:
            await asyncio.sleep(timings.retention_seconds)
            try:
                await self._forget()
            except (StorageUnavailable, CommitUnknown) as error:
                log.warning("old signals are forgotten later", error=str(error))

    async def _forget(self) -> None:
        """Take away old signals, a piece at a time, so that nobody waits long."""
        timings = self._ground.timings
        before = self._ground.now() - timings.keep_age
        for user_id in await self._ground.storage.read(lambda records: records.signals.users()):
            while True:
                gone = await self._ground.storage.run(
                    lambda records, user_id=user_id: records.signals.forget(  # type: ignore[misc]
                        user_id, timings.keep_count, before, _FORGET_AT_ONCE
                    )
                )
                if gone < _FORGET_AT_ONCE:
                    break


def _left(records: Records) -> tuple[list[Signal], list[SignalDecision]]:
    """Return what a server that ended has left: messages to read, and decisions to take."""
    ids = records.signals.unread()
    unread = records.signals.many(ids)
    return [unread[one] for one in ids if one in unread], records.signals.with_outcome((_O.PENDING,))
