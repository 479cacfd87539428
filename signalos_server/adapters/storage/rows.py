"""Small pieces of SQL that both databases take and several units of work need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.tables.accounts import AccountRow
from signalos_server.adapters.storage.tables.base import Table


def insert_new(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those of `rows` that break no unique rule, and return how many they are.

    Unlike a caught IntegrityError, it leaves a PostgreSQL transaction usable.
    """
    if not rows:
        return 0
    if session.get_bind().dialect.name == "postgresql":
        statement: Any = postgresql.insert(table).on_conflict_do_nothing()
    else:
        statement = sqlite.insert(table).on_conflict_do_nothing()
    inserted = 0
    for row in rows:
        result = session.execute(statement.values(dict(row)))
        assert isinstance(result, CursorResult)
        inserted += result.rowcount
    return inserted


def insert_all_new(session: Session, table: type[Table], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of `rows`, all of the same columns, that break no unique rule: in one go."""
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement: Any = dialect.insert(table.__table__).on_conflict_do_nothing()
    session.connection().execute(statement, [dict(row) for row in rows])


def lock_account(session: Session, account_id: str) -> AccountRow | None:
    """Return the account, and keep it from every other unit until this one has committed.

    Take it first wherever a unit decides on an account's rows that it read: on SQLite units run one at a
    time, on PostgreSQL only this makes them.
    """
    return session.scalars(
        select(AccountRow).where(AccountRow.account_id == account_id).with_for_update()
    ).one_or_none()
