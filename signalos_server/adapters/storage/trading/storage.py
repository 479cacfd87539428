"""Units of work of the trading services on the server's database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.moments import MachineMoments
from signalos_server.adapters.storage.alert_book import raise_alert
from signalos_server.adapters.storage.audit_log import append_audit
from signalos_server.adapters.storage.database import Database
from signalos_server.adapters.storage.outbox import account_audience, append_events, new_event
from signalos_server.adapters.storage.rows import lock_account
from signalos_server.adapters.storage.tables.accounts import AccountRow, BridgeRow
from signalos_server.adapters.storage.trading.book import SqlBook
from signalos_server.adapters.storage.trading.bridges import SqlBridges
from signalos_server.adapters.storage.trading.commands import SqlCommands
from signalos_server.adapters.storage.trading.control import SqlControl
from signalos_server.domain.happenings import AccountView, BridgeView, Happening, NewAlert
from signalos_server.domain.words import BridgeState, MarginMode, TradeMode
from signalos_server.service.records import AccountRef, Records

T = TypeVar("T")

# Turns what happened into the contract's event.
Encode = Callable[[Happening], event_pb2.Event]


class SqlRecords:
    """The records of one unit of work."""

    def __init__(self, session: Session, encode: Encode, moments: MachineMoments, started: float) -> None:
        self._session = session
        self._encode = encode
        self._moments = moments
        self._started = started
        self._audiences: dict[str, frozenset[str]] = {}
        self.bridges = SqlBridges(session)
        self.commands = SqlCommands(session)
        self.control = SqlControl(session)
        self.book = SqlBook(session)

    def account(self, account_id: str) -> AccountRef | None:
        """See `service.records.Records`."""
        row = self._session.get(AccountRow, account_id)
        return None if row is None else _account(row)

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

    def incarnation(self) -> int:
        """See `service.records.Records`."""
        return 1

    def happened(self, account_id: str, *happenings: Happening) -> None:
        """See `service.records.Records`."""
        now = self._moments.now()
        if account_id not in self._audiences:
            self._audiences[account_id] = account_audience(self._session, account_id)
        append_events(
            self._session,
            self._audiences[account_id],
            [
                new_event(happening.event_id, now, self._encode(happening), account_id)
                for happening in happenings
            ],
        )

    def alert(self, alert: NewAlert) -> None:
        """See `service.records.Records`."""
        raise_alert(self._session, alert, self._moments.now())

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

    def __init__(self, database: Database, encode: Encode, moments: MachineMoments) -> None:
        self._database = database
        self._encode = encode
        self._moments = moments
        self._started = moments.monotonic()

    async def run(self, unit: Callable[[Records], T]) -> T:
        """See `service.records.Storage`."""
        return await self._database.run(lambda session: unit(self.records(session)))

    async def read(self, unit: Callable[[Records], T]) -> T:
        """See `service.records.Storage`."""
        return await self._database.read(lambda session: unit(self.records(session)))

    def records(self, session: Session) -> Records:
        """Return the records of a unit that runs on `session`."""
        return SqlRecords(session, self._encode, self._moments, self._started)


def _account(row: AccountRow) -> AccountRef:
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
