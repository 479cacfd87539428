"""Bridges and the owners of their sessions in the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, CursorResult, String, bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.prepared import Prepared
from signalos_server.adapters.storage.tables.accounts import AccountRow, BridgeRow
from signalos_server.adapters.storage.tables.control import BridgeJournalRow, ControlDocumentRow
from signalos_server.domain.frames import Identity
from signalos_server.service.records import BridgeRef, JournalTaken, Reading

_WANTED: BindParameter[str] = bindparam("wanted")
# Prepared once and run without the mapper: they are on the path of every command.
_OF_ACCOUNT = Prepared(
    select(BridgeRow.__table__)
    .where(BridgeRow.account_id == _WANTED, BridgeRow.revoke_time.is_(None))
    .order_by(BridgeRow.pair_time.desc())
    .limit(literal_column("1"))
)
_LOCK = Prepared(select(BridgeRow.__table__).where(BridgeRow.bridge_id == _WANTED).with_for_update())
_COMMIT_EVENTS = Prepared(
    update(BridgeRow.__table__)  # type: ignore[arg-type]  # a table, as every mapped class has
    .where(BridgeRow.bridge_id == _WANTED, BridgeRow.committed_event_seq < bindparam("seq"))
    .values(committed_event_seq=bindparam("seq"), committed_event_id=bindparam("event_id"))
)
_OWNED = (
    select(
        BridgeRow.account_id,
        BridgeRow.bridge_id,
        BridgeRow.session_epoch,
        ControlDocumentRow.revision,
        ControlDocumentRow.stop_generation,
        ControlDocumentRow.stopped,
    )
    .outerjoin(ControlDocumentRow, ControlDocumentRow.account_id == BridgeRow.account_id)
    .where(BridgeRow.revoke_time.is_(None))
    .order_by(BridgeRow.pair_time)
)
# Several times a second: compiled once, whatever the number of accounts.
_READINGS = Prepared(
    _OWNED.where(
        BridgeRow.account_id.in_(
            select(func.json_each(bindparam("accounts", type_=String)).table_valued("value").c.value)
        )
    )
)


class SqlBridges:
    """The bridges of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # The session of a bridge that this unit was found to be conditional on: (bridge, epoch).
        self.acting: tuple[str, int] | None = None

    def of_account(self, account_id: str) -> BridgeRef | None:
        """See `service.records.Bridges`."""
        row = _OF_ACCOUNT.one_or_none(self._session.connection(), {"wanted": account_id})
        return None if row is None else bridge_of(row)

    def get(self, bridge_id: str) -> BridgeRef | None:
        """See `service.records.Bridges`."""
        row = self._session.get(BridgeRow, bridge_id)
        return None if row is None or row.revoke_time is not None else bridge_of(row)

    def own(self, bridge_id: str, epoch: int, node: str, version: str, now: datetime) -> None:
        """See `service.records.Bridges`."""
        self._session.execute(
            update(BridgeRow)
            .where(BridgeRow.bridge_id == bridge_id)
            .values(session_epoch=epoch, session_node=node, version=version[:64], state_time=now)
        )

    def bind(self, account_id: str, identity: Identity) -> None:
        """See `service.records.Bridges`."""
        self._session.execute(
            update(AccountRow)
            .where(AccountRow.account_id == account_id)
            .values(
                login=identity.login,
                broker_server=identity.broker_server,
                company=identity.company,
                currency=identity.currency,
                trade_mode=int(identity.trade_mode),
                margin_mode=int(identity.margin_mode),
            )
        )

    def if_owner(self, bridge_id: str, epoch: int) -> BridgeRef | None:
        """See `service.records.Bridges`."""
        # Locked: a newer session waits until these facts are committed, or they see that it came.
        row = _LOCK.one_or_none(self._session.connection(), {"wanted": bridge_id})
        if row is None or row.revoke_time is not None or row.session_epoch != epoch:
            return None
        self.acting = (bridge_id, epoch)
        return bridge_of(row)

    def take_journal(self, bridge_id: str, journal_id: str) -> JournalTaken:
        """See `service.records.Bridges`."""
        row = self._session.get(BridgeRow, bridge_id, with_for_update=True, populate_existing=True)
        assert row is not None
        if row.journal_id == journal_id:
            return JournalTaken(
                row.committed_event_seq,
                changed=False,
                outdated=self._was_replaced(row.account_id, journal_id),
            )
        if row.journal_id:
            self._set_by(bridge_id, row.journal_id, row.committed_event_seq, row.committed_event_id)
        # Paired again, a bridge keeps its journal: nothing is new then, and its numbers go on.
        latest = row.journal_id or self._latest_journal(row.account_id)
        known = self._committed_of(row.account_id, journal_id)
        committed, event_id = max(known, default=(0, ""))
        changed = latest != journal_id
        outdated = bool(known) and (changed or self._was_replaced(row.account_id, journal_id))
        if outdated:
            # It stays so, also where this session's bridge never hears of it.
            self._set_by(bridge_id, journal_id, committed, event_id)
        row.journal_id = journal_id
        row.committed_event_seq, row.committed_event_id = committed, event_id
        self._session.flush()
        return JournalTaken(committed, changed, outdated)

    def _set_by(self, bridge_id: str, journal_id: str, committed: int, event_id: str) -> None:
        """Note a journal that another one has replaced."""
        self._session.merge(
            BridgeJournalRow(
                bridge_id=bridge_id,
                journal_id=journal_id,
                committed_event_seq=committed,
                committed_event_id=event_id,
            )
        )

    def _was_replaced(self, account_id: str, journal_id: str) -> bool:
        """Return whether another journal has taken this one's place before."""
        found = (
            select(BridgeJournalRow.journal_id)
            .join(BridgeRow, BridgeRow.bridge_id == BridgeJournalRow.bridge_id)
            .where(BridgeRow.account_id == account_id, BridgeJournalRow.journal_id == journal_id)
            .limit(1)
        )
        return self._session.scalar(found) is not None

    def _latest_journal(self, account_id: str) -> str:
        """Return the journal of the bridge that the account had last; empty: none has connected."""
        return (
            self._session.scalar(
                select(BridgeRow.journal_id)
                .where(BridgeRow.account_id == account_id, BridgeRow.journal_id != "")
                .order_by(BridgeRow.pair_time.desc())
                .limit(1)
            )
            or ""
        )

    def _committed_of(self, account_id: str, journal_id: str) -> list[tuple[int, str]]:
        """Return the last committed events of a journal, by each bridge of the account that brought it."""
        of_bridges = select(BridgeRow.committed_event_seq, BridgeRow.committed_event_id).where(
            BridgeRow.account_id == account_id, BridgeRow.journal_id == journal_id
        )
        before = (
            select(BridgeJournalRow.committed_event_seq, BridgeJournalRow.committed_event_id)
            .join(BridgeRow, BridgeRow.bridge_id == BridgeJournalRow.bridge_id)
            .where(BridgeRow.account_id == account_id, BridgeJournalRow.journal_id == journal_id)
        )
        found = self._session.execute(of_bridges.union_all(before)).all()
        return [(int(seq), str(event_id)) for seq, event_id in found]

    def commit_events(self, bridge_id: str, seq: int, event_id: str) -> None:
        """See `service.records.Bridges`."""
        # Unlike the mapper it does not change rows that this unit has read; none reads them after it.
        given = {"wanted": bridge_id, "seq": seq, "event_id": event_id if len(event_id) <= 100 else ""}
        _COMMIT_EVENTS.count(self._session.connection(), given)

    def committed_event_id(self, bridge_id: str) -> str:
        """See `service.records.Bridges`."""
        found = select(BridgeRow.committed_event_id).where(BridgeRow.bridge_id == bridge_id)
        return self._session.scalar(found) or ""

    def readings(self, account_ids: Sequence[str]) -> dict[str, Reading]:
        """See `service.records.Bridges`."""
        connection = self._session.connection()
        if connection.dialect.name == "sqlite":
            rows = _READINGS.all(connection, {"accounts": json.dumps(list(account_ids))})
        else:
            rows = connection.execute(_OWNED.where(BridgeRow.account_id.in_(account_ids))).all()
        # The newest pairing is the one that counts, as in `of_account`.
        return {
            account_id: Reading(
                bridge_id, epoch, 1 if revision is None else revision, generation or 0, bool(stopped)
            )
            for account_id, bridge_id, epoch, revision, generation, stopped in rows
        }

    def ended(self, bridge_id: str, epoch: int, now: datetime) -> bool:
        """See `service.records.Bridges`."""
        result = self._session.execute(
            update(BridgeRow)
            .where(BridgeRow.bridge_id == bridge_id, BridgeRow.session_epoch == epoch)
            .values(state_time=now)
        )
        assert isinstance(result, CursorResult)
        return result.rowcount > 0


def bridge_of(row: Any) -> BridgeRef:
    """Return the bridge of a row that has its columns."""
    return BridgeRef(
        bridge_id=row.bridge_id,
        account_id=row.account_id,
        name=row.name,
        session_epoch=row.session_epoch,
        session_node=row.session_node,
        journal_id=row.journal_id,
        committed_event_seq=row.committed_event_seq,
    )
