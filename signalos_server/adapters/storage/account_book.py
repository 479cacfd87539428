"""Accounts, bridges and pairing codes in the database."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2
from signalos_server.adapters.clock import Clock
from signalos_server.adapters.storage.audit_log import append_audit
from signalos_server.adapters.storage.outbox import account_audience, append_events, new_event
from signalos_server.adapters.storage.tables.accounts import AccountRow, BridgeRow, PairingCodeRow
from signalos_server.adapters.storage.tables.users import UserRow
from signalos_server.adapters.storage.wakes import bridge_subject, wake
from signalos_server.domain.frames import Identity
from signalos_server.domain.happenings import AccountView, BridgeView, Happening, LinkChanged
from signalos_server.domain.pairing import PairingCode
from signalos_server.domain.words import BridgeState, MarginMode, TradeMode

# Given the session, account, bridge and time of a revocation, in its unit of work.
OnRevoke = Callable[[Session, str, str, datetime], None]
# Turns what happened into the contract's event.
Encode = Callable[[Happening], event_pb2.Event]


class SqlAccounts:
    """The records of `service.account_records`."""

    def __init__(self, session: Session, clock: Clock, encode: Encode, on_revoke: OnRevoke) -> None:
        self._session = session
        self._clock = clock
        self._encode = encode
        self._on_revoke = on_revoke

    def account(self, account_id: str, *, lock: bool = False) -> AccountView | None:
        """See `service.account_records`."""
        statement = select(AccountRow).where(AccountRow.account_id == account_id)
        row = self._session.scalars(
            statement.with_for_update() if lock else statement,
            execution_options={"populate_existing": True},
        ).one_or_none()
        return None if row is None else self._views([row])[0]

    def accounts(
        self, owner_user_id: str | None, size: int | None, after: tuple[datetime, str] | None
    ) -> list[AccountView]:
        """See `service.account_records`."""
        statement = select(AccountRow).order_by(AccountRow.create_time, AccountRow.account_id)
        if owner_user_id is not None:
            statement = statement.where(AccountRow.owner_user_id == owner_user_id)
        if after is not None:
            time, account_id = after
            statement = statement.where(
                or_(
                    AccountRow.create_time > time,
                    (AccountRow.create_time == time) & (AccountRow.account_id > account_id),
                )
            )
        if size is not None:
            statement = statement.limit(size)
        return self._views(list(self._session.scalars(statement)))

    def account_with_login(self, owner_user_id: str, login: int, broker_server: str) -> str | None:
        """See `service.account_records`."""
        return self._session.scalar(
            select(AccountRow.account_id)
            .where(
                AccountRow.owner_user_id == owner_user_id,
                AccountRow.login == login,
                AccountRow.broker_server == broker_server,
            )
            .limit(1)
        )

    def insert_account(self, account_id: str, owner_user_id: str, name: str, now: datetime) -> None:
        """See `service.account_records`."""
        taken = set(self._session.scalars(select(AccountRow.magic_prefix)))
        # 15 bits, so that a magic is positive; never 0, so that it is none of a manual order.
        free = [prefix for prefix in range(1, 1 << 15) if prefix not in taken]
        if not free:
            raise RuntimeError("every magic prefix is taken")
        self._session.add(
            AccountRow(
                account_id=account_id,
                owner_user_id=owner_user_id,
                name=name,
                magic_prefix=secrets.choice(free),
                create_time=now,
                broker_server="",
                company="",
                currency="",
                trade_mode=0,
                margin_mode=0,
            )
        )
        self._session.flush()

    def rename_account(self, account_id: str, name: str) -> None:
        """See `service.account_records`."""
        self._session.execute(update(AccountRow).where(AccountRow.account_id == account_id).values(name=name))

    def bind(self, account_id: str, identity: Identity) -> None:
        """See `service.account_records`."""
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_id == account_id)
            .values(
                login=identity.login,
                broker_server=identity.broker_server[:200],
                company=identity.company[:200],
                currency=identity.currency[:20],
                trade_mode=int(identity.trade_mode),
                margin_mode=int(identity.margin_mode),
            )
        )

    def bridges(self, owner_user_id: str | None, account_id: str | None) -> list[BridgeView]:
        """See `service.account_records`."""
        statement = select(BridgeRow).order_by(BridgeRow.pair_time.desc(), BridgeRow.bridge_id.desc())
        if owner_user_id is not None:
            statement = statement.join(AccountRow, AccountRow.account_id == BridgeRow.account_id).where(
                AccountRow.owner_user_id == owner_user_id
            )
        if account_id is not None:
            statement = statement.where(BridgeRow.account_id == account_id)
        rows = self._session.scalars(statement).all()
        return [bridge_view(row) for row in sorted(rows, key=lambda row: row.revoke_time is not None)]

    def bridge(self, bridge_id: str) -> BridgeView | None:
        """See `service.account_records`."""
        row = self._session.get(BridgeRow, bridge_id, populate_existing=True)
        return None if row is None else bridge_view(row)

    def credential_hash(self, bridge_id: str) -> str | None:
        """See `service.account_records`."""
        return self._session.scalar(
            select(BridgeRow.credential_hash).where(
                BridgeRow.bridge_id == bridge_id, BridgeRow.revoke_time.is_(None)
            )
        )

    def insert_bridge(
        self, bridge_id: str, account_id: str, name: str, credential_hash: str, now: datetime, version: str
    ) -> None:
        """See `service.account_records`."""
        self._session.add(
            BridgeRow(
                bridge_id=bridge_id,
                account_id=account_id,
                name=name,
                credential_hash=credential_hash,
                pair_time=now,
                version=version,
                session_epoch=0,
                session_node="",
                journal_id="",
                committed_event_seq=0,
            )
        )
        self._session.flush()

    def revoke_bridge(self, bridge_id: str, account_id: str, now: datetime) -> None:
        """See `service.account_records`."""
        self._session.execute(
            update(BridgeRow)
            .where(BridgeRow.bridge_id == bridge_id, BridgeRow.revoke_time.is_(None))
            .values(revoke_time=now, state_time=now)
        )
        self._on_revoke(self._session, account_id, bridge_id, now)
        wake(self._session, bridge_subject(bridge_id))

    def insert_code(self, code: PairingCode) -> None:
        """See `service.account_records`. The user's codes that are over are taken away."""
        self._session.execute(
            delete(PairingCodeRow).where(
                PairingCodeRow.user_id == code.user_id, PairingCodeRow.expire_time < code.create_time
            )
        )
        self._session.add(
            PairingCodeRow(
                secret_hash=code.secret_hash,
                user_id=code.user_id,
                account_id=code.account_id,
                bridge_name=code.bridge_name,
                create_time=code.create_time,
                expire_time=code.expire_time,
                use_time=code.use_time,
            )
        )

    def lock_code(self, secret_hash: str) -> PairingCode | None:
        """See `service.account_records`."""
        row = self._session.scalars(
            select(PairingCodeRow).where(PairingCodeRow.secret_hash == secret_hash).with_for_update()
        ).one_or_none()
        if row is None:
            return None
        return PairingCode(
            row.secret_hash,
            row.user_id,
            row.account_id,
            row.bridge_name,
            row.create_time,
            row.expire_time,
            row.use_time,
        )

    def use_code(self, secret_hash: str, now: datetime) -> None:
        """See `service.account_records`."""
        self._session.execute(
            update(PairingCodeRow).where(PairingCodeRow.secret_hash == secret_hash).values(use_time=now)
        )

    def lock_user(self, user_id: str) -> bool:
        """See `service.account_records`."""
        disabled = self._session.scalar(
            select(UserRow.disabled).where(UserRow.user_id == user_id).with_for_update()
        )
        return disabled is False

    def tell(self, account_id: str, event_id: str, change: str) -> None:
        """See `service.account_records`."""
        account = self.account(account_id)
        assert account is not None
        event = self._encode(LinkChanged(event_id, account, change))
        append_events(
            self._session,
            account_audience(self._session, account_id),
            [new_event(event_id, self._clock.now(), event, account_id)],
        )

    def audit(self, chain: str, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """See `service.account_records`."""
        append_audit(
            self._session,
            chain,
            now=self._clock.now(),
            monotonic_seconds=self._clock.monotonic(),
            user_id=user_id,
            action=action,
            detail=detail,
        )

    def _views(self, rows: list[AccountRow]) -> list[AccountView]:
        """Return the accounts with their bridges, in two queries however many they are."""
        paired = self._session.scalars(
            select(BridgeRow)
            .where(
                BridgeRow.account_id.in_([row.account_id for row in rows]), BridgeRow.revoke_time.is_(None)
            )
            .order_by(BridgeRow.pair_time)
            .execution_options(populate_existing=True)
        )
        bridges = {bridge.account_id: bridge for bridge in paired}
        return [account_view(row, bridges.get(row.account_id)) for row in rows]


def account_view(row: AccountRow, bridge: BridgeRow | None) -> AccountView:
    """Return an account as its people see it."""
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
        bridge=None if bridge is None else bridge_view(bridge),
    )


def bridge_view(row: BridgeRow) -> BridgeView:
    """Return a bridge as the record knows it; whether a session lives is known by memory."""
    if row.revoke_time is not None:
        state, since = BridgeState.REVOKED, row.revoke_time
    elif row.session_epoch == 0:
        state, since = BridgeState.PAIRED, row.pair_time
    else:
        state, since = BridgeState.DISCONNECTED, row.state_time or row.pair_time
    return BridgeView(
        bridge_id=row.bridge_id,
        account_id=row.account_id,
        name=row.name,
        state=state,
        state_time=since,
        pair_time=row.pair_time,
        version=row.version,
        session_epoch=row.session_epoch,
    )
