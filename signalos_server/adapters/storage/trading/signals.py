"""Sources, signals and decisions in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Table, and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.commands import CommandRow
from signalos_server.adapters.storage.tables.signals import DecisionRow, SignalRow, SourceRow
from signalos_server.adapters.storage.tables.trades import TradeRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.adapters.storage.trading.mapping import from_json, to_json
from signalos_server.domain.dealing.decide import Step
from signalos_server.domain.pipeline.record import Signal, SignalDecision, SignalView
from signalos_server.domain.pipeline.source import Source, SourceRules, Subscription
from signalos_server.domain.pipeline.words import SignalOutcome, SignalState, SourceKind
from signalos_server.domain.signals.model import Parse
from signalos_server.domain.words import TradeState
from signalos_server.service.signal_records import SignalFilter

_Steps = tuple[Step, ...]
_Subscriptions = tuple[Subscription, ...]
_WAITING = [int(outcome) for outcome in SignalOutcome if outcome.waits]
_OPEN_TRADES = (int(TradeState.OPEN), int(TradeState.UNKNOWN_MISSING))
# More versions of one message are nobody's edits.
_MOST_VERSIONS = 200

# Prepared once and run without the mapper: every message takes them, and there may be a thousand a minute.
_SIGNALS: Table = SignalRow.__table__  # type: ignore[assignment]  # a table, as every mapped class has
_DECISIONS: Table = DecisionRow.__table__  # type: ignore[assignment]
_SOURCES: Table = SourceRow.__table__  # type: ignore[assignment]
_COMMANDS: Table = CommandRow.__table__  # type: ignore[assignment]
_TRADES: Table = TradeRow.__table__  # type: ignore[assignment]
_WANTED: BindParameter[str] = bindparam("wanted")
_SOURCE_PARAMETER: BindParameter[str] = bindparam("source")

_SOURCE_BY_ID = select(_SOURCES).where(_SOURCES.c.source_id == _WANTED)
_SOURCE = Prepared(_SOURCE_BY_ID)
_LOCK_SOURCE = Prepared(_SOURCE_BY_ID.with_for_update())
_SOURCE_OF_TOKEN = Prepared(
    select(_SOURCES)
    .join(UserRow, UserRow.user_id == _SOURCES.c.user_id)
    .where(_SOURCES.c.token_hash == _WANTED, ~_SOURCES.c.deleted, ~UserRow.disabled)
)
_HEARD = Prepared(
    _SOURCES.update()
    .where(_SOURCES.c.source_id == _WANTED)
    .values(last_signal_time=bindparam("last_signal_time"))
)

_SIGNAL_BY_ID = select(_SIGNALS).where(_SIGNALS.c.signal_id == _WANTED)
_SIGNAL = Prepared(_SIGNAL_BY_ID)
_LOCK_SIGNAL = Prepared(_SIGNAL_BY_ID.with_for_update())
_ADD_SIGNAL = Prepared(_SIGNALS.insert())
_CHANGING = ("parsed", "kind", "state", "steps", "update_time", "version")
_SAVE_SIGNAL = Prepared(
    _SIGNALS.update()
    .where(_SIGNALS.c.signal_id == _WANTED)
    .values({name: bindparam(name) for name in _CHANGING})
)
_SAVE_READ_SIGNAL = Prepared(
    _SIGNALS.update()
    .where(_SIGNALS.c.signal_id == _WANTED)
    .values({name: bindparam(name) for name in (*_CHANGING, "meaning_key")})
)
_BY_KEY = Prepared(
    select(_SIGNALS).where(_SIGNALS.c.source_id == _SOURCE_PARAMETER, _SIGNALS.c.dedupe_key == _WANTED)
)
_VERSIONS = Prepared(
    select(_SIGNALS)
    .where(_SIGNALS.c.source_id == _SOURCE_PARAMETER, _SIGNALS.c.external_id == _WANTED)
    .order_by(_SIGNALS.c.number.desc())
    .limit(_MOST_VERSIONS)
)
_SAME_BODY = Prepared(
    select(_SIGNALS)
    .where(
        _SIGNALS.c.source_id == _SOURCE_PARAMETER,
        _SIGNALS.c.body_hash == _WANTED,
        _SIGNALS.c.create_time >= bindparam("since"),
    )
    .order_by(_SIGNALS.c.number.desc())
    .limit(1)
)

_OF_MEANING = (
    select(_SIGNALS)
    .where(
        _SIGNALS.c.user_id == bindparam("user"),
        _SIGNALS.c.meaning_key == _WANTED,
        _SIGNALS.c.create_time >= bindparam("since"),
        _SIGNALS.c.signal_id != bindparam("but"),
    )
    .order_by(_SIGNALS.c.number)
)
_SAME_MEANING = Prepared(_OF_MEANING)
_SAME_MEANING_OF_SOURCE = Prepared(_OF_MEANING.where(_SIGNALS.c.source_id == _SOURCE_PARAMETER))

_DECISION_BY_ID = select(_DECISIONS.c.document).where(_DECISIONS.c.decision_id == _WANTED)
_DECISION = Prepared(_DECISION_BY_ID)
_LOCK_DECISION = Prepared(_DECISION_BY_ID.with_for_update())
_ADD_DECISION = Prepared(
    by_dialect={
        "sqlite": sqlite.insert(_DECISIONS).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(_DECISIONS).on_conflict_do_nothing(),
    }
)
_DECISION_CHANGING = ("outcome", "code", "expire_time", "document")
_SAVE_DECISION = Prepared(
    _DECISIONS.update()
    .where(_DECISIONS.c.decision_id == _WANTED)
    .values({name: bindparam(name) for name in _DECISION_CHANGING})
)
_DECISIONS_OF_ONE = Prepared(
    select(_DECISIONS.c.document)
    .where(_DECISIONS.c.signal_id == _WANTED)
    .order_by(_DECISIONS.c.attempt, _DECISIONS.c.action_index, _DECISIONS.c.account_id)
)
_COMMANDS_OF_ONE = Prepared(
    select(_COMMANDS.c.command_id, _COMMANDS.c.trade_id).where(_COMMANDS.c.signal_id == _WANTED)
)
_TRADES_OF_ONE = Prepared(
    select(_TRADES.c.open_command_id, _TRADES.c.trade_id).where(_TRADES.c.signal_id == _WANTED)
)


class SqlSources:
    """The sources of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, source_id: str, *, lock: bool = False) -> Source | None:
        """See `service.signal_records.Sources`."""
        statement = _LOCK_SOURCE if lock else _SOURCE
        row = statement.one_or_none(self._session.connection(), {"wanted": source_id})
        return None if row is None else _source(row)

    def of_user(self, user_id: str) -> list[Source]:
        """See `service.signal_records.Sources`."""
        query = (
            select(SourceRow.__table__)
            .where(SourceRow.user_id == user_id, ~SourceRow.deleted)
            .order_by(SourceRow.create_time, SourceRow.source_id)
        )
        return [_source(row) for row in self._session.execute(query)]

    def by_token(self, token_hash: str) -> Source | None:
        """See `service.signal_records.Sources`."""
        row = _SOURCE_OF_TOKEN.one_or_none(self._session.connection(), {"wanted": token_hash})
        return None if row is None else _source(row)

    def insert(self, source: Source) -> bool:
        """See `service.signal_records.Sources`."""
        values = {**_source_columns(source), "create_time": source.create_time, "source_id": source.source_id}
        values["last_signal_time"] = None
        return insert_new(self._session, SourceRow, [values]) == 1

    def save(self, source: Source) -> None:
        """See `service.signal_records.Sources`."""
        self._session.execute(
            update(SourceRow).where(SourceRow.source_id == source.source_id).values(**_source_columns(source))
        )

    def name_taken(self, user_id: str, name: str, but: str) -> bool:
        """See `service.signal_records.Sources`."""
        query = select(SourceRow.source_id).where(
            SourceRow.name_key == _name_key(user_id, name), SourceRow.source_id != but
        )
        return self._session.scalar(query) is not None

    def heard(self, source_id: str, now: datetime) -> None:
        """See `service.signal_records.Sources`."""
        _HEARD.count(self._session.connection(), {"wanted": source_id, "last_signal_time": now})


def _name_key(user_id: str, name: str) -> str:
    return f"{user_id}/{name.casefold()}"[:300]


def _source_columns(source: Source) -> dict[str, Any]:
    return {
        "user_id": source.user_id,
        "name": source.name,
        "name_key": None if source.deleted else _name_key(source.user_id, source.name),
        "kind": int(source.kind),
        "enabled": source.enabled,
        "rules": to_json(source.rules),
        "subscriptions": to_json(source.subscriptions),
        "token_hash": source.token_hash or None,
        "token_hint": source.token_hint,
        "revision": source.revision,
        "deleted": source.deleted,
    }


def _source(row: Any) -> Source:
    return Source(
        source_id=row.source_id,
        user_id=row.user_id,
        name=row.name,
        kind=SourceKind(row.kind),
        create_time=row.create_time,
        enabled=row.enabled,
        rules=from_json(row.rules, SourceRules),
        subscriptions=from_json(row.subscriptions, _Subscriptions),
        last_signal_time=row.last_signal_time,
        token_hash=row.token_hash or "",
        token_hint=row.token_hint,
        revision=row.revision,
        deleted=row.deleted,
    )


class SqlSignals:
    """The signals of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def insert(self, signal: Signal, dedupe_key: str, body_hash: str) -> None:
        """See `service.signal_records.Signals`."""
        values = {
            "signal_id": signal.signal_id,
            "user_id": signal.user_id,
            "source_id": signal.source_id,
            "source_name": signal.source_name,
            "external_id": signal.external_id,
            "dedupe_key": dedupe_key,
            "body_hash": body_hash,
            "sender": signal.sender,
            "text": signal.text,
            "search": signal.text.casefold(),
            "create_time": signal.create_time,
            "say_time": signal.say_time,
            "reply_to_external_id": signal.reply_to_external_id,
            "reply_to_signal_id": signal.reply_to_signal_id,
            "revises_signal_id": signal.revises_signal_id,
            "edited": signal.edited,
            "deleted": signal.deleted,
            "meaning_key": "",
            **_changing(signal),
        }
        _ADD_SIGNAL.count(self._session.connection(), values)

    def get(self, signal_id: str, *, lock: bool = False) -> Signal | None:
        """See `service.signal_records.Signals`."""
        return self._one(_LOCK_SIGNAL if lock else _SIGNAL, wanted=signal_id)

    def many(self, signal_ids: Collection[str]) -> dict[str, Signal]:
        """See `service.signal_records.Signals`."""
        if not signal_ids:
            return {}
        query = select(SignalRow.__table__).where(SignalRow.signal_id.in_(sorted(signal_ids)))
        return {row.signal_id: _signal(row) for row in self._session.execute(query)}

    def _one(self, statement: Prepared, **given: Any) -> Signal | None:
        row = statement.one_or_none(self._session.connection(), given)
        return None if row is None else _signal(row)

    def save(self, signal: Signal, meaning_key: str | None = None) -> None:
        """See `service.signal_records.Signals`."""
        values = {"wanted": signal.signal_id, **_changing(signal)}
        if meaning_key is None:
            _SAVE_SIGNAL.count(self._session.connection(), values)
        else:
            values["meaning_key"] = meaning_key
            _SAVE_READ_SIGNAL.count(self._session.connection(), values)

    def by_key(self, source_id: str, dedupe_key: str) -> Signal | None:
        """See `service.signal_records.Signals`."""
        return self._one(_BY_KEY, source=source_id, wanted=dedupe_key)

    def versions(self, source_id: str, external_id: str) -> list[Signal]:
        """See `service.signal_records.Signals`."""
        given = {"source": source_id, "wanted": external_id}
        return [_signal(row) for row in _VERSIONS.all(self._session.connection(), given)]

    def same_body(self, source_id: str, body_hash: str, since: datetime) -> Signal | None:
        """See `service.signal_records.Signals`."""
        return self._one(_SAME_BODY, source=source_id, wanted=body_hash, since=since)

    def same_meaning(
        self, user_id: str, source_id: str, meaning_key: str, since: datetime, but: str
    ) -> list[Signal]:
        """See `service.signal_records.Signals`."""
        given: dict[str, Any] = {"user": user_id, "wanted": meaning_key, "since": since, "but": but}
        statement = _SAME_MEANING_OF_SOURCE if source_id else _SAME_MEANING
        if source_id:
            given["source"] = source_id
        return [_signal(row) for row in statement.all(self._session.connection(), given)]

    def unread(self) -> list[str]:
        """See `service.signal_records.Signals`."""
        query = (
            select(SignalRow.signal_id)
            .where(SignalRow.state == SignalState.RECEIVED, SignalRow.kind == "")
            .order_by(SignalRow.number)
        )
        return list(self._session.scalars(query))

    def page(self, wanted: SignalFilter, size: int, before: int | None) -> list[tuple[int, Signal]]:
        """See `service.signal_records.Signals`."""
        query = select(SignalRow.__table__).where(SignalRow.user_id == wanted.user_id)
        if wanted.source_id:
            query = query.where(SignalRow.source_id == wanted.source_id)
        if wanted.state is not None:
            query = query.where(SignalRow.state == wanted.state)
        if wanted.kind is not None:
            query = query.where(SignalRow.kind == wanted.kind.value)
        if wanted.query:
            query = query.where(SignalRow.search.contains(wanted.query.casefold(), autoescape=True))
        if wanted.account_id:
            query = query.where(_decided(DecisionRow.account_id == wanted.account_id))
        if wanted.code:
            # Of a decision, or of a step before accounts were looked at.
            said = f'"code":{to_json(wanted.code)}'
            query = query.where(
                or_(
                    _decided(DecisionRow.code == wanted.code),
                    SignalRow.steps.contains(said, autoescape=True),
                )
            )
        if before is not None:
            query = query.where(SignalRow.number < before)
        query = query.order_by(SignalRow.number.desc()).limit(size)
        return [(row.number, _signal(row)) for row in self._session.execute(query)]

    def waiting(self, user_id: str | None, limit: int) -> list[Signal]:
        """See `service.signal_records.Signals`."""
        query = select(SignalRow.__table__).where(SignalRow.state == SignalState.WAITING)
        if user_id is not None:
            query = query.where(SignalRow.user_id == user_id)
        query = query.order_by(SignalRow.number.desc()).limit(limit)
        return [_signal(row) for row in self._session.execute(query)]

    def add_decisions(self, decisions: Sequence[SignalDecision]) -> None:
        """See `service.signal_records.Signals`."""
        _ADD_DECISION.many(self._session.connection(), [_decision_columns(one) for one in decisions])

    def decision(self, decision_id: str, *, lock: bool = False) -> SignalDecision | None:
        """See `service.signal_records.Signals`."""
        statement = _LOCK_DECISION if lock else _DECISION
        row = statement.one_or_none(self._session.connection(), {"wanted": decision_id})
        return None if row is None else from_json(row.document, SignalDecision)

    def decisions_of(self, signal_ids: Collection[str]) -> dict[str, list[SignalDecision]]:
        """See `service.signal_records.Signals`."""
        found: dict[str, list[SignalDecision]] = {signal_id: [] for signal_id in signal_ids}
        if not found:
            return found
        if len(found) == 1:
            (only,) = found
            rows = _DECISIONS_OF_ONE.all(self._session.connection(), {"wanted": only})
            return {only: [from_json(row.document, SignalDecision) for row in rows]}
        query = (
            select(DecisionRow.signal_id, DecisionRow.document)
            .where(DecisionRow.signal_id.in_(sorted(found)))
            .order_by(DecisionRow.attempt, DecisionRow.action_index, DecisionRow.account_id)
        )
        for signal_id, document in self._session.execute(query):
            found[signal_id].append(from_json(document, SignalDecision))
        return found

    def save_decision(self, decision: SignalDecision) -> None:
        """See `service.signal_records.Signals`."""
        columns = _decision_columns(decision)
        given = {name: columns[name] for name in _DECISION_CHANGING}
        _SAVE_DECISION.count(self._session.connection(), {"wanted": decision.decision_id, **given})

    def with_outcome(self, outcomes: Collection[SignalOutcome]) -> list[SignalDecision]:
        """See `service.signal_records.Signals`."""
        query = (
            select(DecisionRow.document)
            .join(SignalRow, SignalRow.signal_id == DecisionRow.signal_id)
            .where(DecisionRow.outcome.in_([int(outcome) for outcome in outcomes]))
            .order_by(SignalRow.number, DecisionRow.attempt, DecisionRow.action_index)
        )
        return [from_json(document, SignalDecision) for document in self._session.scalars(query)]

    def waiting_at(self, account_id: str, source_id: str) -> list[SignalDecision]:
        """See `service.signal_records.Signals`."""
        query = select(DecisionRow.document).where(
            DecisionRow.account_id == account_id,
            DecisionRow.source_id == source_id,
            DecisionRow.outcome.in_(_WAITING),
        )
        return [from_json(document, SignalDecision) for document in self._session.scalars(query)]

    def due(self, now: datetime) -> list[SignalDecision]:
        """See `service.signal_records.Signals`."""
        query = (
            select(DecisionRow.document)
            .where(DecisionRow.expire_time <= now, DecisionRow.outcome.in_(_WAITING))
            .order_by(DecisionRow.expire_time)
            .limit(100)
        )
        return [from_json(document, SignalDecision) for document in self._session.scalars(query)]

    def views(self, signals: Sequence[Signal]) -> list[SignalView]:
        """See `service.signal_records.Signals`."""
        ids = [signal.signal_id for signal in signals]
        decisions = self.decisions_of(ids)
        trades = self._trades_of([signal_id for signal_id in ids if decisions[signal_id]])
        return [_view(signal, decisions[signal.signal_id], trades) for signal in signals]

    def view(self, signal: Signal, decisions: Sequence[SignalDecision]) -> SignalView:
        """See `service.signal_records.Signals`."""
        # What nothing was decided of has no commands, and no trades.
        return _view(signal, decisions, self._trades_of([signal.signal_id] if decisions else []))

    def _trades_of(self, signal_ids: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Return the trades that came of commands, by command."""
        if not signal_ids:
            return {}
        rows: list[Any] = []
        if len(signal_ids) == 1:
            (only,) = signal_ids
            for statement in (_COMMANDS_OF_ONE, _TRADES_OF_ONE):
                rows += statement.all(self._session.connection(), {"wanted": only})
        else:
            wanted = sorted(signal_ids)
            came = select(CommandRow.command_id, CommandRow.trade_id).where(CommandRow.signal_id.in_(wanted))
            opened = select(TradeRow.open_command_id, TradeRow.trade_id).where(TradeRow.signal_id.in_(wanted))
            rows += [*self._session.execute(came), *self._session.execute(opened)]
        found: dict[str, tuple[str, ...]] = {}
        for command_id, trade_id in rows:
            if trade_id and trade_id not in found.get(command_id, ()):
                found[command_id] = (*found.get(command_id, ()), trade_id)
        return found

    def forget(self, user_id: str, keep_count: int, before: datetime, limit: int) -> int:
        """See `service.signal_records.Signals`."""
        last = self._session.scalar(
            select(SignalRow.number)
            .where(SignalRow.user_id == user_id)
            .order_by(SignalRow.number.desc())
            .offset(keep_count)
            .limit(1)
        )
        over = SignalRow.create_time < before
        query = select(SignalRow.signal_id).where(
            SignalRow.user_id == user_id,
            or_(over, SignalRow.number <= last) if last is not None else over,
            SignalRow.state.not_in([int(SignalState.RECEIVED), int(SignalState.WAITING)]),
            ~exists().where(
                and_(TradeRow.signal_id == SignalRow.signal_id, TradeRow.state.in_(_OPEN_TRADES))
            ),
        )
        gone = list(self._session.scalars(query.order_by(SignalRow.number).limit(limit)))
        if gone:
            self._session.execute(delete(DecisionRow).where(DecisionRow.signal_id.in_(gone)))
            self._session.execute(delete(SignalRow).where(SignalRow.signal_id.in_(gone)))
        return len(gone)

    def users(self) -> list[str]:
        """See `service.signal_records.Signals`."""
        return list(self._session.scalars(select(SourceRow.user_id).distinct()))


def _decided(condition: Any) -> Any:
    return exists().where(and_(DecisionRow.signal_id == SignalRow.signal_id, condition))


def _view(
    signal: Signal, decisions: Sequence[SignalDecision], trades: dict[str, tuple[str, ...]]
) -> SignalView:
    return SignalView(signal, tuple(_with_trades(decision, trades) for decision in decisions))


def _with_trades(decision: SignalDecision, trades: dict[str, tuple[str, ...]]) -> SignalDecision:
    came = [trade_id for command_id in decision.command_ids for trade_id in trades.get(command_id, ())]
    named = tuple(dict.fromkeys((*decision.trade_ids, *came)))
    return decision if named == decision.trade_ids else replace(decision, trade_ids=named)


def _changing(signal: Signal) -> dict[str, Any]:
    read = signal.parsed
    # One that was not read, and never will be, is no longer unread.
    kind = read.kind.value if read is not None else ("-" if signal.steps else "")
    return {
        "parsed": "" if read is None else to_json(read),
        "kind": kind,
        "state": int(signal.state),
        "steps": to_json(signal.steps),
        "update_time": signal.update_time,
        "version": signal.version,
    }


def _signal(row: Any) -> Signal:
    return Signal(
        signal_id=row.signal_id,
        user_id=row.user_id,
        source_id=row.source_id,
        source_name=row.source_name,
        text=row.text,
        create_time=row.create_time,
        say_time=row.say_time,
        update_time=row.update_time,
        external_id=row.external_id,
        sender=row.sender,
        reply_to_external_id=row.reply_to_external_id,
        reply_to_signal_id=row.reply_to_signal_id,
        revises_signal_id=row.revises_signal_id,
        edited=row.edited,
        deleted=row.deleted,
        parsed=from_json(row.parsed, Parse) if row.parsed else None,
        state=SignalState(row.state),
        steps=from_json(row.steps, _Steps),
        version=row.version,
    )


def _decision_columns(decision: SignalDecision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "signal_id": decision.signal_id,
        "source_id": decision.source_id,
        "account_id": decision.account_id,
        "attempt": decision.attempt,
        "action_index": decision.action_index,
        "outcome": int(decision.outcome),
        "code": decision.code,
        "expire_time": decision.expire_time,
        "document": to_json(decision),
    }
