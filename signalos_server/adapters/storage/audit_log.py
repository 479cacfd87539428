"""The audit in the database: append, list, verify."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sqlalchemy import String, bindparam, insert, or_, select, text, tuple_
from sqlalchemy.orm import Session

from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.audit import AuditChainRow, AuditEntryRow
from signalos_server.domain.audit import (
    GENESIS,
    AuditEntry,
    Broken,
    SealedEntry,
    detail_text,
    seal,
    verify,
)

_PAGE = 1000


# Written out, since composing them costs more than running them.
_NEXT = text(
    "UPDATE audit_chains SET number = number + 1 WHERE chain = :chain RETURNING number, hash"
).bindparams(bindparam("chain", type_=String))
_SEAL = text("UPDATE audit_chains SET hash = :hash WHERE chain = :chain").bindparams(
    bindparam("hash", type_=String), bindparam("chain", type_=String)
)


_INSERT = insert(AuditEntryRow.__table__)  # type: ignore[arg-type]  # a table, as declared


def append_audit(
    session: Session,
    chain: str,
    *,
    now: datetime,
    monotonic_seconds: float,
    user_id: str,
    action: str,
    detail: Mapping[str, object],
) -> SealedEntry:
    """Append an entry to `chain` (an account id or `system`); the chain stays locked until the commit."""
    session.flush()
    connection = session.connection()
    head = connection.execute(_NEXT, {"chain": chain}).one_or_none()
    if head is None:
        insert_new(session, AuditChainRow, [{"chain": chain, "number": 0, "hash": GENESIS}])
        head = connection.execute(_NEXT, {"chain": chain}).one()
    number, previous = head
    entry = AuditEntry(
        chain=chain,
        number=number,
        time=now,
        monotonic_microseconds=int(monotonic_seconds * 1_000_000),
        user_id=user_id,
        action=action,
        detail=detail_text(detail),
    )
    sealed = SealedEntry(entry, seal(previous, entry))
    connection.execute(
        _INSERT,
        {
            "chain": chain,
            "number": entry.number,
            "time": entry.time,
            "monotonic_microseconds": entry.monotonic_microseconds,
            "user_id": entry.user_id,
            "action": entry.action,
            "detail": entry.detail,
            "hash": sealed.hash,
        },
    )
    connection.execute(_SEAL, {"chain": chain, "hash": sealed.hash})
    return sealed


def list_audit(
    session: Session,
    chains: Sequence[str] | None,
    size: int,
    before: tuple[datetime, str, int] | None,
) -> list[SealedEntry]:
    """Return at most `size` entries of `chains` (None: all), newest first, that come before `before`."""
    row = AuditEntryRow
    statement = select(row).order_by(row.time.desc(), row.chain.desc(), row.number.desc()).limit(size)
    if chains is not None:
        statement = statement.where(row.chain.in_(chains))
    if before is not None:
        time, chain, number = before
        statement = statement.where(
            or_(
                row.time < time,
                (row.time == time) & (tuple_(row.chain, row.number) < tuple_(chain, number)),
            )
        )
    return [_sealed(found) for found in session.scalars(statement)]


def audit_hash(session: Session, chain: str, number: int) -> str | None:
    """Return the hash of an entry; None: there is no such entry."""
    query = select(AuditEntryRow.hash).where(AuditEntryRow.chain == chain, AuditEntryRow.number == number)
    return session.scalar(query)


def audit_heads(session: Session, chains: Sequence[str] | None = None) -> dict[str, tuple[int, str]]:
    """Return the number and hash of each chain's last entry; of `chains` only, where they are given."""
    query = select(AuditChainRow.chain, AuditChainRow.number, AuditChainRow.hash)
    rows = session.execute(query if chains is None else query.where(AuditChainRow.chain.in_(chains)))
    return {chain: (number, hash_) for chain, number, hash_ in rows}


def verify_audit_chains(session: Session) -> list[Broken]:
    """Check every chain from its first entry; return where they are not whole."""
    heads = audit_heads(session)
    headless = set(session.scalars(select(AuditEntryRow.chain).distinct())) - set(heads)
    broken = [Broken(chain, 1, "the chain's head is missing") for chain in sorted(headless)]
    for chain, head in sorted(heads.items()):
        found = verify(chain, _entries(session, chain), head)
        if found is not None:
            broken.append(found)
    return broken


def _entries(session: Session, chain: str) -> Iterator[SealedEntry]:
    after = 0
    while True:
        rows = session.scalars(
            select(AuditEntryRow)
            .where(AuditEntryRow.chain == chain, AuditEntryRow.number > after)
            .order_by(AuditEntryRow.number)
            .limit(_PAGE)
        ).all()
        for row in rows:
            yield _sealed(row)
        if len(rows) < _PAGE:
            return
        after = rows[-1].number
        session.expunge_all()


def _sealed(row: AuditEntryRow) -> SealedEntry:
    return SealedEntry(
        AuditEntry(
            chain=row.chain,
            number=row.number,
            time=row.time,
            monotonic_microseconds=row.monotonic_microseconds,
            user_id=row.user_id,
            action=row.action,
            detail=row.detail,
        ),
        row.hash,
    )
