"""Reading a message: what it says, what it refers to, and for which accounts it is decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from signalos_server.domain.dealing.decide import Step
from signalos_server.domain.dealing.denial import Denial, deny
from signalos_server.domain.happenings import NewAlert, SignalChange
from signalos_server.domain.pipeline import reading
from signalos_server.domain.pipeline.reading import Earlier
from signalos_server.domain.pipeline.record import Signal, SignalDecision, decision_id_of, only_observed
from signalos_server.domain.pipeline.source import Source
from signalos_server.domain.pipeline.words import SourceTrust
from signalos_server.domain.signals.model import Context, Gate, Kind, Parse, Reason
from signalos_server.domain.signals.parse import parse
from signalos_server.domain.words import Severity
from signalos_server.service.records import Records
from signalos_server.service.signals.ground import Ground, failed, passed, told

log = structlog.get_logger(__name__)

# Replies to replies are followed so far.
_LONGEST_CHAIN = 10


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading starts from."""

    signal: Signal
    source: Source
    earlier: Earlier
    revised: Signal | None


def earlier_of(records: Records, signal: Signal) -> Earlier:
    """Return the order that a message refers to: by being a version of it, or by replying to it."""
    start = signal.revises_signal_id or signal.reply_to_signal_id
    first: Earlier | None = None
    for _ in range(_LONGEST_CHAIN):
        found = records.signals.get(start) if start else None
        if found is None:
            break
        versions = (
            records.signals.versions(found.source_id, found.external_id) if found.external_id else [found]
        )
        known = tuple(version for version in versions if version.signal_id != signal.signal_id)
        orders = [
            version.parsed
            for version in known
            if version.parsed is not None and reading.is_order(version.parsed)
        ]
        if orders:
            return Earlier(known, orders[0])
        first = first or Earlier(known, next((one.parsed for one in known if one.parsed is not None), None))
        start = next((one.reply_to_signal_id for one in known if one.reply_to_signal_id), "")
    return first or Earlier()


class Reader:
    """Reads messages, one user's at a time, in the order of their commits."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def read(self, signal_id: str) -> list[SignalDecision]:
        """Read a message and commit what it says, with a pending decision for each action and account."""

        def look(records: Records) -> _Read | None:
            signal = records.signals.get(signal_id)
            if signal is None or signal.parsed is not None or signal.steps:
                return None
            source = records.sources.get(signal.source_id)
            assert source is not None
            revised = records.signals.get(signal.revises_signal_id) if signal.revises_signal_id else None
            return _Read(signal, source, earlier_of(records, signal), revised)

        scene = await self._ground.storage.read(look)
        if scene is None:
            return []
        try:
            said = _said(scene, self._ground.now())
        except Exception:
            log.exception("the parser failed", signal_id=signal_id)
            said = None
        return await self._ground.storage.run(lambda records: self._commit(records, signal_id, scene, said))

    def _commit(
        self, records: Records, signal_id: str, scene: _Read, said: Parse | None
    ) -> list[SignalDecision]:
        signal = records.signals.get(signal_id, lock=True)
        source = records.sources.get(scene.source.source_id)
        if signal is None or signal.parsed is not None or signal.steps or source is None:
            return []
        now = self._ground.now()
        steps = [passed("received", now, said_seconds_ago=_seconds(now, signal.say_time))]
        if said is None:
            found = deny("PARSER_FAILED", "the message could not be read: a defect of the parser")
            self._alert(records, signal, source)
            self._end(records, signal, source, steps, "reading", found, now)
            return []
        signal = replace(signal, parsed=said)
        checks = (
            ("source", reading.check_source(source, signal)),
            ("sender", reading.check_sender(source, signal)),
            ("repetition", self._repetition(records, source, signal, scene, said, now)),
            ("reading", reading.gate_of(said)),
        )
        for name, denial in checks:
            if denial is not None:
                self._end(records, signal, source, steps, name, denial, now)
                return []
            steps.append(passed(name, now, _reasons(said) if name == "reading" else ""))
        decisions = _decisions(signal, source)
        if not decisions:
            denial = deny("NO_ACCOUNTS", f"no account follows {source.name}")
            self._end(records, signal, source, steps, "accounts", denial, now)
            return []
        steps.append(passed("accounts", now, accounts=len({one.account_id for one in decisions})))
        records.signals.add_decisions(decisions)
        signal = replace(signal, steps=tuple(steps))
        told(records, signal, now, SignalChange.UPDATED, reading.meaning_key(said))
        return decisions

    def _repetition(
        self, records: Records, source: Source, signal: Signal, scene: _Read, said: Parse, now: datetime
    ) -> Denial | None:
        late = reading.check_order_of_versions(signal, scene.revised)
        if late is not None:
            return late
        edit = reading.check_edit(signal, said, scene.revised)
        if edit is not None:
            return edit
        key = reading.meaning_key(said)
        if not key or not source.rules.duplicate_window:
            return None
        only = "" if source.rules.duplicates_across_sources else source.source_id
        since = now - source.rules.duplicate_window
        alike = records.signals.same_meaning(signal.user_id, only, key, since, signal.signal_id)
        same = next((one for one in alike if counts_for(records, source, one)), None)
        if same is None:
            return None
        return deny(
            "REPEATED",
            f"says what a message of {same.source_name} said {_seconds(now, same.create_time)} before",
            signal_id=same.signal_id,
        )

    def _end(
        self,
        records: Records,
        signal: Signal,
        source: Source,
        steps: list[Step],
        name: str,
        denial: Denial,
        now: datetime,
    ) -> None:
        steps.append(failed(name, now, denial))
        # A repetition of this one is not one of an order: only what went on counts.
        told(records, replace(signal, steps=tuple(steps)), now, SignalChange.UPDATED, "")

    def _alert(self, records: Records, signal: Signal, source: Source) -> None:
        account_id = source.subscriptions[0].account_id if source.subscriptions else ""
        records.alert(
            NewAlert(
                account_id=account_id,
                severity=Severity.CRITICAL,
                code="PARSER_FAILED",
                key=signal.signal_id,
                message=f"a message of {source.name} could not be read",
                known=f"signal {signal.signal_id}; it is on record, and nothing was done with it",
                advice="read it yourself, and act on it by hand where it matters; report the message",
            )
        )


def counts_for(records: Records, source: Source, earlier: Signal) -> bool:
    """Return whether an earlier order makes the same one of a source a repetition.

    What was only observed does not, once the source may trade; while it is observed itself, everything does.
    """
    if source.rules.trust is SourceTrust.OBSERVE:
        return True
    return not only_observed(records.signals.decisions_of([earlier.signal_id])[earlier.signal_id])


def _said(scene: _Read, now: datetime) -> Parse:
    signal, rules = scene.signal, scene.source.rules
    if signal.deleted:
        return reading.deletion()
    context = Context(
        parent=scene.earlier.parent,
        is_reply=bool(signal.reply_to_external_id),
        edited=signal.edited,
        default_symbol=rules.default_symbol or None,
        now=now,
    )
    found = parse(signal.text, context)
    if found.gate is Gate.OK and reading.repeats_part(signal, found, scene.revised):
        again = Reason("EDITED_AGAIN", "the version before it has acted; once more only by a person's word")
        return replace(found, gate=Gate.POLICY, reasons=(*found.reasons, again))
    return found


def _decisions(signal: Signal, source: Source) -> list[SignalDecision]:
    return new_decisions(
        signal,
        [
            # What is suspended opens nothing, and is still told to close what came of it.
            (subscription.account_id, not subscription.suspended)
            for subscription in source.subscriptions
        ],
        attempt=0,
    )


def new_decisions(signal: Signal, accounts: list[tuple[str, bool]], attempt: int) -> list[SignalDecision]:
    """Return a pending decision for each action and account; the second says whether it follows orders."""
    return [
        SignalDecision(
            decision_id=decision_id_of(signal.signal_id, attempt, index, account_id),
            signal_id=signal.signal_id,
            source_id=signal.source_id,
            account_id=account_id,
            action_index=index,
            attempt=attempt,
            kind=action.kind,
        )
        for index, action in enumerate(signal.actions)
        for account_id, follows in accounts
        if follows or action.kind is not Kind.OPEN
    ]


def _reasons(said: Parse) -> str:
    return "; ".join(reason.text for reason in said.reasons)


def _seconds(now: datetime, then: datetime) -> str:
    return f"{(now - then).total_seconds():.1f}s"
