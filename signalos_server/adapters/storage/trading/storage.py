"""Units of work of the trading services on the server's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Table, and_, bindparam, func, literal_column, select
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.moments import MachineMoments
from signalos_server.adapters.storage.alert_book import condition_key, end_alerts, raise_alert
from signalos_server.adapters.storage.audit_log import append_audit, audit_hash, audit_heads
from signalos_server.adapters.storage.database import Database
from signalos_server.adapters.storage.outbox import append_events, new_event
from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.rows import lock_account
from signalos_server.adapters.storage.tables.accounts import AccountRow, BridgeRow
from signalos_server.adapters.storage.tables.commands import CommandRow
from signalos_server.adapters.storage.tables.control import ControlDocumentRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.adapters.storage.trading.book import SqlBook
from signalos_server.adapters.storage.trading.bridges import SqlBridges, bridge_of
from signalos_server.adapters.storage.trading.commands import OPEN_STATES, SqlCommands
from signalos_server.adapters.storage.trading.control import SqlControl
from signalos_server.adapters.storage.trading.limits import SqlLimits
from signalos_server.adapters.storage.trading.mapping import from_json
from signalos_server.adapters.storage.trading.signals import SqlSignals, SqlSources
from signalos_server.domain.alerts import EscalationPolicy
from signalos_server.domain.caller import Role
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.happenings import AccountView, BridgeView, CommandChanged, Happening, NewAlert
from signalos_server.domain.words import BridgeState, MarginMode, TradeMode
from signalos_server.service.records import AccountRef, Records, Standing

T = TypeVar("T")

# Prepared once and run without the mapper: they are on the path of every command.
_ACCOUNT = Prepared(select(AccountRow.__table__).where(AccountRow.account_id == bindparam("wanted")))
_AUDIENCE = Prepared(
    select(UserRow.user_id)
    .where(UserRow.role == bindparam("role"))
    .union(select(AccountRow.owner_user_id).where(AccountRow.account_id == bindparam("wanted")))
)

_OWNERS = Prepared(
    select(AccountRow.account_id, AccountRow.owner_user_id).order_by(
        AccountRow.create_time, AccountRow.account_id
    )
)

_COMMANDS: Table = CommandRow.__table__  # type: ignore[assignment]  # a table, as every mapped class has
# What three statements would say, in one: it is asked of every command.
_STANDING = Prepared(
    select(
        BridgeRow.bridge_id,
        BridgeRow.account_id,
        BridgeRow.name,
        BridgeRow.session_epoch,
        BridgeRow.session_node,
        BridgeRow.journal_id,
        BridgeRow.committed_event_seq,
        ControlDocumentRow.document,
        select(func.count())
        .select_from(_COMMANDS)
        .where(_COMMANDS.c.account_id == AccountRow.account_id, _COMMANDS.c.state.in_(OPEN_STATES))
        .scalar_subquery()
        .label("open_command_count"),
    )
    .select_from(AccountRow)
    .outerjoin(
        BridgeRow,
        and_(BridgeRow.account_id == AccountRow.account_id, BridgeRow.revoke_time.is_(None)),
    )
    .outerjoin(ControlDocumentRow, ControlDocumentRow.account_id == AccountRow.account_id)
    .where(AccountRow.account_id == bindparam("wanted"))
    # The newest pairing is the one that counts, as in `SqlBridges.of_account`.
    .order_by(BridgeRow.pair_time.desc())
    .limit(literal_column("1"))
)

# Turns what happened into the contract's event.
Encode = Callable[[Happening], event_pb2.Event]


class SqlRecords:
    """The records of one unit of work."""

    def __init__(
        self,
        session: Session,
        encode: Encode,
        moments: MachineMoments,
        started: float,
        policy: EscalationPolicy,
    ) -> None:
        self._session = session
        self._policy = policy
        self._encode = encode
        self._moments = moments
        self._started = started
        self._accounts: dict[str, AccountRef] = {}
        self._told: dict[str, list[Happening]] = {}
        # What one user alone is told, whatever the account.
        self._told_user: dict[str, list[Happening]] = {}
        self._alerts: list[NewAlert] = []
        # What alerts tell of and has ended: key -> how.
        self._ended: dict[str, str] = {}
        self.bridges = SqlBridges(session)
        self.commands = SqlCommands(session)
        self.control = SqlControl(session)
        self.book = SqlBook(session)
        self.sources = SqlSources(session)
        self.signals = SqlSignals(session)
        self.limits = SqlLimits(session)

    def account(self, account_id: str) -> AccountRef | None:
        """See `service.records.Records`."""
        # Kept for the unit: an account's owner and prefix never change, its binding only in `bind`.
        if account_id not in self._accounts:
            row = _ACCOUNT.one_or_none(self._session.connection(), {"wanted": account_id})
            if row is None:
                return None
            self._accounts[account_id] = _account(row)
        return self._accounts[account_id]

    def standing(self, account_id: str) -> Standing:
        """See `service.records.Records`."""
        self.commands.flush()
        row = _STANDING.one_or_none(self._session.connection(), {"wanted": account_id})
        if row is None:
            return Standing(None, ControlDocument(account_id), 0)
        document = from_json(row.document, ControlDocument) if row.document else ControlDocument(account_id)
        bridge = None if row.bridge_id is None else bridge_of(row)
        return Standing(bridge, document, row.open_command_count)

    def lock_account(self, account_id: str) -> AccountRef | None:
        """See `service.records.Records`."""
        row = lock_account(self._session, account_id)
        return None if row is None else _account(row)

    def accounts_of(self, user_id: str | None) -> list[AccountRef]:
        """See `service.records.Records`."""
        query = select(AccountRow).order_by(AccountRow.create_time, AccountRow.account_id)
        if user_id is not None:
            query = query.where(AccountRow.owner_user_id == user_id)
        return [_account(row) for row in self._session.scalars(query)]

    def account_view(self, account_id: str) -> AccountView | None:
        """See `service.records.Records`."""
        row = self._session.get(AccountRow, account_id)
        if row is None:
            return None
        bridge = self._session.scalars(
            select(BridgeRow)
            .where(BridgeRow.account_id == account_id, BridgeRow.revoke_time.is_(None))
            .order_by(BridgeRow.pair_time.desc())
            .limit(1)
        ).one_or_none()
        return AccountView(
            account_id=row.account_id,
            name=row.name,
            owner_user_id=row.owner_user_id,
            create_time=row.create_time,
            login=row.login,
            broker_server=row.broker_server,
            company=row.company,
            currency=row.currency,
            trade_mode=TradeMode(row.trade_mode),
            margin_mode=MarginMode(row.margin_mode),
            bridge=None if bridge is None else _bridge_view(bridge),
        )

    def owners(self) -> dict[str, str]:
        """See `service.records.Records`."""
        rows = _OWNERS.all(self._session.connection(), {})
        return {row.account_id: row.owner_user_id for row in rows}

    def audit_hash(self, chain: str, number: int) -> str | None:
        """See `service.records.Records`."""
        return audit_hash(self._session, chain, number)

    def audit_heads(self, chains: Sequence[str]) -> dict[str, tuple[int, str]]:
        """See `service.records.Records`."""
        return audit_heads(self._session, chains)

    def incarnation(self) -> int:
        """See `service.records.Records`."""
        return 1

    def happened(self, account_id: str, *happenings: Happening) -> None:
        """See `service.records.Records`. Told with the unit's end, all in one."""
        self._told.setdefault(account_id, []).extend(happenings)

    def tell(self, user_id: str, *happenings: Happening) -> None:
        """See `service.records.Records`. Told with the unit's end, all in one."""
        self._told_user.setdefault(user_id, []).extend(happenings)

    def finish(self) -> None:
        """Write what waits for the unit's end. Every unit ends with it."""
        self.commands.flush()
        now = self._moments.now()
        acting = self.bridges.acting
        for account_id, happenings in self._told.items():
            events = [
                new_event(happening.event_id, now, self._encode(happening), account_id, acting)
                for happening in _as_stored(happenings)
            ]
            append_events(self._session, self._audience(account_id), events)
        self._told.clear()
        for user_id, private in sorted(self._told_user.items()):
            own = [new_event(one.event_id, now, self._encode(one)) for one in private]
            append_events(self._session, frozenset((user_id,)), own)
        self._told_user.clear()
        end_alerts(self._session, self._ended, now)
        self._ended.clear()
        for alert in self._alerts:
            raise_alert(self._session, alert, now, self._policy)
        self._alerts.clear()

    def _audience(self, account_id: str) -> frozenset[str]:
        """Return whose streams tell of an account, as `outbox.account_audience` says."""
        given = {"role": Role.ADMIN, "wanted": account_id}
        return frozenset(row.user_id for row in _AUDIENCE.all(self._session.connection(), given))

    def alert(self, alert: NewAlert) -> None:
        """See `service.records.Records`. Raised with the unit's end: streams are locked last of all."""
        self._alerts.append(alert)

    def alert_ended(self, account_id: str, code: str, key: str, reason: str) -> None:
        """See `service.records.Records`."""
        self._ended[condition_key(account_id, code, key)] = reason

    def audit(self, chain: str, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """See `service.records.Records`."""
        append_audit(
            self._session,
            chain,
            now=self._moments.now(),
            monotonic_seconds=self._moments.monotonic() - self._started,
            user_id=user_id,
            action=action,
            detail=detail,
        )


class SqlStorage:
    """Runs units of work on a database."""

    def __init__(
        self,
        database: Database,
        encode: Encode,
        moments: MachineMoments,
        policy: EscalationPolicy | None = None,
    ) -> None:
        self._policy = policy or EscalationPolicy()
        self._database = database
        self._encode = encode
        self._moments = moments
        self._started = moments.monotonic()

    async def run(self, unit: Callable[[Records], T]) -> T:
        """See `service.records.Storage`."""

        def whole(session: Session) -> T:
            records = self.records(session)
            result = unit(records)
            records.finish()
            return result

        return await self._database.run(whole)

    async def read(self, unit: Callable[[Records], T]) -> T:
        """See `service.records.Storage`."""
        return await self._database.read(lambda session: unit(self.records(session)))

    def records(self, session: Session) -> SqlRecords:
        """Return the records of a unit that runs on `session`; whoever writes calls `finish` at its end."""
        return SqlRecords(session, self._encode, self._moments, self._started, self._policy)


def _as_stored(happenings: Sequence[Happening]) -> list[Happening]:
    """Leave out states that a command passed within the unit: the record never held them."""
    last = {one.command.command_id: one for one in happenings if isinstance(one, CommandChanged)}
    return [
        one
        for one in happenings
        if not isinstance(one, CommandChanged) or last[one.command.command_id] is one
    ]


def _account(row: Any) -> AccountRef:
    return AccountRef(
        account_id=row.account_id,
        owner_user_id=row.owner_user_id,
        name=row.name,
        magic_prefix=row.magic_prefix,
        margin_mode=MarginMode(row.margin_mode),
        login=row.login,
        broker_server=row.broker_server,
        currency=row.currency,
    )


def _bridge_view(row: BridgeRow) -> BridgeView:
    # A session that only the record knows is gone: the one that lives is known by memory.
    state = BridgeState.PAIRED if row.session_epoch == 0 else BridgeState.DISCONNECTED
    return BridgeView(
        bridge_id=row.bridge_id,
        account_id=row.account_id,
        name=row.name,
        state=state,
        state_time=row.state_time,
        pair_time=row.pair_time,
        version=row.version,
        session_epoch=row.session_epoch,
    )
