"""Commands and callers' keys in the database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Table,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.tables.commands import CommandRow, RequestRow
from signalos_server.adapters.storage.trading.mapping import from_json, to_json
from signalos_server.adapters.storage.types import UtcTime
from signalos_server.domain.actions import ACTION_KINDS, Action, Open, kind_of
from signalos_server.domain.command import Command, Leg, Moment
from signalos_server.domain.words import CommandOrigin, CommandState
from signalos_server.service.records import Page, Request

_MICROSECOND = timedelta(microseconds=1)
_OPEN = (CommandState.PENDING, CommandState.DELIVERED, CommandState.RUNNING, CommandState.UNKNOWN)
_DONE = (CommandState.SUCCEEDED, CommandState.PARTIAL)
_Legs = tuple[Leg, ...]


# The same as literals: a statement with parameters for a list is not compiled once.
OPEN_STATES: list[ColumnElement[int]] = [literal_column(str(int(state))) for state in _OPEN]


class SqlCommands:
    """The commands of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # Statements of this table bypass the mapper: they are on the path of every command.
        self._core = session.connection()
        self._locked: dict[str, tuple[Command, int]] = {}
        self._dirty: set[str] = set()

    def claim(self, request: Request, now: datetime) -> Request | None:
        """See `service.records.Commands`."""
        inserted = _CLAIM.count(
            self._core,
            {
                "user_id": request.user_id,
                "request_id": request.request_id,
                "body_hash": request.body_hash,
                "command_id": request.command_id,
                "create_time": now,
            },
        )
        if inserted:
            return None
        key = {"user": request.user_id, "request": request.request_id}
        before = _REQUEST.one_or_none(self._core, key)
        assert before is not None
        return Request(before.user_id, before.request_id, before.body_hash, before.command_id)

    def insert(self, command: Command) -> None:
        """See `service.records.Commands`."""
        accepted = command.accepted
        _INSERT.count(
            self._core,
            {
                "command_id": command.command_id,
                "account_id": command.account_id,
                "user_id": command.user_id,
                "request_id": command.request_id,
                "origin": int(command.origin),
                "action_kind": kind_of(command.action),
                "action": to_json(command.action),
                "stop_generation": command.stop_generation,
                "increases_risk": command.increases_risk,
                "automated": command.automated,
                "create_time": command.create_time,
                "time_to_live_microseconds": command.time_to_live // _MICROSECOND,
                "accepted_monotonic_microseconds": round(accepted.monotonic_seconds * 1_000_000),
                "accepted_machine_boot": accepted.machine_boot,
                "accepted_server_boot": accepted.server_boot,
                "signal_id": command.signal_id,
                "version": 1,
                **_changing(command),
            },
        )
        self._locked[command.command_id] = (command, 1)

    def get(self, command_id: str) -> Command | None:
        """See `service.records.Commands`."""
        known = self._locked.get(command_id)
        if known is not None:
            return known[0]
        row = _SELECT.one_or_none(self._core, {"wanted": command_id})
        return None if row is None else _command(row)

    def lock(self, command_id: str) -> Command | None:
        """See `service.records.Commands`."""
        known = self._locked.get(command_id)
        if known is not None:
            return known[0]
        row = _LOCK.one_or_none(self._core, {"wanted": command_id})
        if row is None:
            return None
        command = _command(row)
        self._locked[command_id] = (command, row.version)
        return command

    def save(self, command: Command) -> int:
        """See `service.records.Commands`. Written with the unit's end, or before the next list is read."""
        _, version = self._locked[command.command_id]
        self._locked[command.command_id] = (command, version + 1)
        self._dirty.add(command.command_id)
        return version + 1

    def flush(self) -> None:
        """Write what was saved."""
        if not self._dirty:
            return
        rows = []
        for command_id in sorted(self._dirty):
            command, version = self._locked[command_id]
            rows.append({"wanted": command_id, "version": version, **_changing(command)})
        self._dirty.clear()
        _UPDATE.many(self._core, rows)

    def _listed(self, rows: Iterable[Any], *, lock: bool) -> list[Command]:
        found = []
        for row in rows:
            command = _command(row)
            if lock:
                self._locked[command.command_id] = (command, row.version)
            found.append(command)
        return found

    def open_of(self, account_id: str, *, lock: bool = False) -> list[Command]:
        """See `service.records.Commands`."""
        self.flush()
        statement = _LOCK_OPEN_OF if lock else _OPEN_OF
        return self._listed(statement.all(self._core, {"wanted": account_id}), lock=lock)

    def pending(self, account_id: str, *, lock: bool = True) -> list[Command]:
        """See `service.records.Commands`."""
        self.flush()
        query = (
            select(_TABLE)
            .where(_TABLE.c.account_id == account_id, _TABLE.c.state == CommandState.PENDING)
            .order_by(_TABLE.c.create_time, _TABLE.c.command_id)
        )
        return self._listed(self._core.execute(query.with_for_update() if lock else query), lock=lock)

    def accounts_with_pending(self) -> list[str]:
        """See `service.records.Commands`."""
        query = select(CommandRow.account_id).where(CommandRow.state == CommandState.PENDING).distinct()
        return list(self._session.scalars(query))

    def resolved_by_person(self, account_id: str, since: datetime) -> list[Command]:
        """See `service.records.Commands`."""
        query = (
            select(_TABLE)
            .where(
                _TABLE.c.account_id == account_id,
                _TABLE.c.create_time >= since,
                _TABLE.c.resolved_by_person,
            )
            .order_by(_TABLE.c.create_time, _TABLE.c.command_id)
        )
        return self._listed(self._core.execute(query), lock=False)

    def of_signal(self, signal_id: str) -> list[Command]:
        """See `service.records.Commands`."""
        self.flush()
        return self._listed(_OF_SIGNAL.all(self._core, {"wanted": signal_id}), lock=False)

    def newest(self, account_id: str, count: int) -> list[Command]:
        """See `service.records.Commands`."""
        self.flush()
        return self._listed(_NEWEST.all(self._core, {"wanted": account_id, "count": count}), lock=False)

    def unknown_open(self, account_id: str, symbol: str) -> Command | None:
        """See `service.records.Commands`."""
        self.flush()
        query = select(_TABLE).where(
            _TABLE.c.account_id == account_id,
            _TABLE.c.state == CommandState.UNKNOWN,
            _TABLE.c.action_kind == "open",
        )
        for command in self._listed(self._core.execute(query), lock=False):
            if isinstance(command.action, Open) and command.action.symbol == symbol:
                return command
        return None

    def opens_under_way(self, account_id: str, since: datetime) -> list[Command]:
        """See `service.records.Commands`."""
        self.flush()
        query = (
            select(_TABLE)
            .where(
                _TABLE.c.account_id == account_id,
                _TABLE.c.action_kind == "open",
                or_(
                    _TABLE.c.state.in_(_OPEN),
                    _TABLE.c.state.in_(_DONE) & (_TABLE.c.end_time >= since),
                ),
            )
            .order_by(_TABLE.c.create_time, _TABLE.c.command_id)
        )
        return self._listed(self._core.execute(query), lock=False)

    def count_since(self, account_id: str, since: datetime) -> int:
        """See `service.records.Commands`."""
        self.flush()
        query = select(func.count()).where(_TABLE.c.account_id == account_id, _TABLE.c.create_time >= since)
        return self._core.execute(query).scalar_one()

    def page(
        self, account_ids: Sequence[str], page: Page, state: CommandState | None, trade_id: str
    ) -> list[Command]:
        """See `service.records.Commands`. The page's key is the time in microseconds since 1970."""
        query = select(CommandRow).where(CommandRow.account_id.in_(account_ids))
        if state is not None:
            query = query.where(CommandRow.state == state)
        if trade_id:
            query = query.where(CommandRow.trade_id == trade_id)
        if page.before is not None:
            time, command_id = page.before
            bound = datetime.fromisoformat("1970-01-01T00:00:00+00:00") + time * _MICROSECOND
            query = query.where(
                tuple_(CommandRow.create_time, CommandRow.command_id)
                < tuple_(literal(bound, UtcTime), command_id)
            )
        query = query.order_by(CommandRow.create_time.desc(), CommandRow.command_id.desc()).limit(page.size)
        return [_command(row) for row in self._session.scalars(query)]


_TABLE: Table = CommandRow.__table__  # type: ignore[assignment]  # a table, as every mapped class has
_INSERT = Prepared(_TABLE.insert())
_REQUESTS: Table = RequestRow.__table__  # type: ignore[assignment]
# Unlike a caught IntegrityError, it leaves a PostgreSQL transaction usable.
_CLAIM = Prepared(
    by_dialect={
        "sqlite": sqlite.insert(_REQUESTS).on_conflict_do_nothing(),
        "postgresql": postgresql.insert(_REQUESTS).on_conflict_do_nothing(),
    }
)
_REQUEST = Prepared(
    select(_REQUESTS).where(
        _REQUESTS.c.user_id == bindparam("user"), _REQUESTS.c.request_id == bindparam("request")
    )
)
_WANTED: BindParameter[str] = bindparam("wanted")
_BY_ID = select(_TABLE).where(_TABLE.c.command_id == _WANTED)
_SELECT = Prepared(_BY_ID)
_LOCK = Prepared(_BY_ID.with_for_update())
_BY_OPEN_OF = (
    select(_TABLE)
    .where(_TABLE.c.account_id == _WANTED, _TABLE.c.state.in_(OPEN_STATES))
    .order_by(_TABLE.c.create_time, _TABLE.c.command_id)
)
_OPEN_OF = Prepared(_BY_OPEN_OF)
_LOCK_OPEN_OF = Prepared(_BY_OPEN_OF.with_for_update())
_OF_SIGNAL = Prepared(
    select(_TABLE).where(_TABLE.c.signal_id == _WANTED).order_by(_TABLE.c.create_time, _TABLE.c.command_id)
)
_NEWEST = Prepared(
    select(_TABLE)
    .where(_TABLE.c.account_id == _WANTED)
    .order_by(_TABLE.c.create_time.desc(), _TABLE.c.command_id.desc())
    .limit(bindparam("count", type_=Integer))
)


_CHANGING = (
    "state",
    "legs",
    "offered_epoch",
    "outcome_number",
    "trade_id",
    "order_id",
    "reason",
    "message",
    "deliver_time",
    "run_time",
    "end_time",
    "asked_volume_lots",
    "filled_volume_lots",
    "resolved_by_person",
    "cancel_wanted",
)


def _changing(command: Command) -> dict[str, Any]:
    return {
        "state": int(command.state),
        "legs": to_json(command.legs),
        "offered_epoch": command.offered_epoch,
        "outcome_number": command.outcome_number,
        "trade_id": command.trade_id,
        "order_id": command.order_id,
        "reason": command.reason,
        "message": command.message,
        "deliver_time": command.deliver_time,
        "run_time": command.run_time,
        "end_time": command.end_time,
        "asked_volume_lots": command.asked_volume_lots,
        "filled_volume_lots": command.filled_volume_lots,
        "resolved_by_person": command.resolved_by_person,
        "cancel_wanted": command.cancel_wanted,
    }


_UPDATE = Prepared(
    _TABLE.update()
    .where(_TABLE.c.command_id == _WANTED)
    .values({name: bindparam(name) for name in (*_CHANGING, "version")})
)


def _command(row: Any) -> Command:
    kind: type[Any] = ACTION_KINDS[row.action_kind]
    action: Action = from_json(row.action, kind)
    return Command(
        command_id=row.command_id,
        account_id=row.account_id,
        origin=CommandOrigin(row.origin),
        state=CommandState(row.state),
        action=action,
        create_time=row.create_time,
        time_to_live=row.time_to_live_microseconds * _MICROSECOND,
        stop_generation=row.stop_generation,
        increases_risk=row.increases_risk,
        accepted=Moment(
            wall=row.create_time,
            monotonic_seconds=row.accepted_monotonic_microseconds / 1_000_000,
            server_boot=row.accepted_server_boot,
            machine_boot=row.accepted_machine_boot,
        ),
        user_id=row.user_id,
        request_id=row.request_id,
        automated=row.automated,
        offered_epoch=row.offered_epoch,
        outcome_number=row.outcome_number,
        trade_id=row.trade_id,
        order_id=row.order_id,
        legs=from_json(row.legs, _Legs),
        reason=row.reason,
        message=row.message,
        deliver_time=row.deliver_time,
        run_time=row.run_time,
        end_time=row.end_time,
        asked_volume_lots=row.asked_volume_lots,
        filled_volume_lots=row.filled_volume_lots,
        resolved_by_person=row.resolved_by_person,
        cancel_wanted=row.cancel_wanted,
        signal_id=row.signal_id,
    )
