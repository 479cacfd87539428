"""What an operator does at the machine: works on the database itself, whether the server runs or not.

Each function blocks. A running server notices within seconds. Raises the refusals of `domain.errors`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from signalos_server.adapters.clock import SystemClock, make_identifier
from signalos_server.adapters.passwords import Argon2Passwords
from signalos_server.adapters.storage import Database, database_url, open_database
from signalos_server.adapters.storage.account_book import SqlAccounts
from signalos_server.adapters.storage.audit_log import audit_hash, audit_heads, verify_audit_chains
from signalos_server.adapters.storage.migrate import upgrade
from signalos_server.adapters.storage.people import SqlPeople
from signalos_server.adapters.storage.units import SqlUnits
from signalos_server.domain.audit import AuditHead, Broken, contradicts
from signalos_server.domain.caller import Caller, CallerKind, Role, scopes_of_role
from signalos_server.domain.errors import AlreadyExists, InvalidField, NotFound
from signalos_server.domain.people import User
from signalos_server.rpc.convert_events import event_of
from signalos_server.rpc.server import Tls
from signalos_server.service.account_records import AccountRecords
from signalos_server.service.accounts import Accounts, ServerAddress

T = TypeVar("T")

_SHORTEST_PASSWORD = 10
_BY = {"by": "operator"}


@dataclass(frozen=True, slots=True)
class AuditFindings:
    """What a check of the audit found."""

    chains: int
    entries: int
    # In plain words; empty: every chain is whole.
    problems: tuple[str, ...]
    # Heads that were kept elsewhere and compared.
    heads: int = 0


def upgrade_database(data_dir: Path, url: str | None = None) -> None:
    """Bring the database up to date, all or nothing."""
    _run(upgrade(database_url(url, data_dir)))


def add_user(data_dir: Path, url: str | None, name: str, password: str, *, admin: bool = False) -> str:
    """Make a user; return its id. Raises `AlreadyExists` and `InvalidField`."""
    hashed = _hashed(password)

    def unit(session: Session) -> str:
        return _insert(session, name, hashed, Role.ADMIN if admin else Role.TRADER)

    return _in_database(data_dir, url, lambda database: database.run(unit))


def ensure_user(data_dir: Path, url: str | None, name: str, password: str, *, admin: bool = False) -> str:
    """Make a user, or give the one that is there this password if it has another; return its id."""
    passwords = Argon2Passwords()

    async def work(database: Database) -> str:
        def found(session: Session) -> User | None:
            return SqlPeople(session, SystemClock()).user_by_name(name)

        user = await database.read(found)
        if user is not None and await passwords.verify(user.password_hash, password):
            return user.user_id
        _check(password)
        hashed = await passwords.hash(password)
        if user is not None:
            await database.run(lambda session: _change(session, name, "password_changed", hashed=hashed))
            return user.user_id
        try:
            role = Role.ADMIN if admin else Role.TRADER
            return await database.run(lambda session: _insert(session, name, hashed, role))
        except AlreadyExists:
            # Somebody else made it a moment ago, for the same end.
            return await database.read(lambda session: _user(session, name).user_id)

    try:
        return _in_database(data_dir, url, work)
    finally:
        passwords.close()


def set_password(data_dir: Path, url: str | None, name: str, password: str) -> None:
    """Give a user another password, and end the user's sessions. Raises `NotFound`, `InvalidField`."""
    hashed = _hashed(password)
    _in_database(
        data_dir,
        url,
        lambda database: database.run(
            lambda session: _change(session, name, "password_changed", hashed=hashed)
        ),
    )


def disable_user(data_dir: Path, url: str | None, name: str) -> None:
    """Shut a user out: sessions and tokens are good no longer. Raises `NotFound`."""
    _in_database(
        data_dir,
        url,
        lambda database: database.run(lambda session: _change(session, name, "user_disabled", disabled=True)),
    )


def users(data_dir: Path, url: str | None) -> list[User]:
    """Return all users, by name."""
    return _in_database(
        data_dir,
        url,
        lambda database: database.read(
            lambda session: SqlPeople(session, SystemClock()).users(1_000_000, "")
        ),
    )


def has_users(data_dir: Path, url: str | None) -> bool:
    """Return whether there is a user."""
    return _in_database(
        data_dir,
        url,
        lambda database: database.read(lambda session: SqlPeople(session, SystemClock()).any_user()),
    )


def create_pairing_code(
    data_dir: Path,
    url: str | None,
    user_name: str,
    *,
    server_address: str,
    account_id: str | None = None,
    bridge_name: str = "",
    tls_cert: Path | None = None,
) -> tuple[str, datetime]:
    """Return a pairing code of a user, and when it ends. Raises `NotFound`.

    `server_address` is where the bridge reaches the server; `tls_cert` the server's certificate, by which
    the bridge will know it.
    """
    fingerprint = b"" if tls_cert is None else bytes.fromhex(Tls(tls_cert, tls_cert).fingerprint())

    async def work(database: Database) -> tuple[str, datetime]:
        clock = SystemClock()
        user = await database.read(lambda session: _user(session, user_name))
        units: SqlUnits[AccountRecords] = SqlUnits(
            database, lambda session: SqlAccounts(session, clock, event_of, _nothing_revoked)
        )
        accounts = Accounts(
            units,
            clock,
            lambda prefix: make_identifier(prefix, clock),
            lambda: ServerAddress(server_address, fingerprint),
        )
        caller = Caller(
            user.user_id,
            user.user_name,
            user.role,
            scopes_of_role(user.role),
            CallerKind.SESSION,
            "operator",
        )
        return await accounts.create_code(caller, account_id or "", bridge_name)

    return _in_database(data_dir, url, work)


def verify_audit(data_dir: Path, url: str | None, kept: Sequence[tuple[str, int, str]] = ()) -> AuditFindings:
    """Check every chain of the audit from its first entry to its last.

    `kept` are heads (chain, number, hash) that were kept elsewhere: they show an end that was cut, or written
    anew, together with its head here.
    """

    def unit(session: Session) -> AuditFindings:
        heads = audit_heads(session)
        broken = verify_audit_chains(session)
        for head in dict.fromkeys(AuditHead(*each) for each in kept):
            if found := contradicts(head, audit_hash(session, head.chain, head.number)):
                broken.append(Broken(head.chain, head.number, f"a bridge knows better: {found}"))
        return AuditFindings(
            chains=len(heads),
            entries=sum(number for number, _ in heads.values()),
            problems=tuple(f"{found.chain}, entry {found.number}: {found.reason}" for found in broken),
            heads=len(set(kept)),
        )

    return _in_database(data_dir, url, lambda database: database.read(unit))


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, also where a loop runs in this thread already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def _in_database(data_dir: Path, url: str | None, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    async def opened() -> T:
        where = database_url(url, data_dir)
        await upgrade(where)
        database = open_database(where)
        try:
            return await work(database)
        finally:
            await database.close()

    return _run(opened())


def _check(password: str) -> None:
    if len(password) < _SHORTEST_PASSWORD:
        raise InvalidField("password", f"must have at least {_SHORTEST_PASSWORD} characters")


def _hashed(password: str) -> str:
    _check(password)
    passwords = Argon2Passwords()
    try:
        return _run(passwords.hash(password))
    finally:
        passwords.close()


def _user(session: Session, name: str) -> User:
    user = SqlPeople(session, SystemClock()).user_by_name(name)
    if user is None:
        raise NotFound("user", name)
    return user


def _insert(session: Session, name: str, hashed: str, role: Role) -> str:
    clock = SystemClock()
    people = SqlPeople(session, clock)
    user = User(make_identifier("usr", clock), name, hashed, role, False, clock.now())
    people.insert_user(user)
    people.audit(user.user_id, "user_created", {**_BY, "user_name": name, "role": role.name})
    return user.user_id


def _change(
    session: Session, name: str, action: str, *, hashed: str | None = None, disabled: bool | None = None
) -> None:
    clock = SystemClock()
    people = SqlPeople(session, clock)
    user = _user(session, name)
    people.save_user(
        replace(
            user,
            password_hash=hashed or user.password_hash,
            disabled=user.disabled if disabled is None else disabled,
        )
    )
    ended = people.end_sessions(user.user_id, clock.now())
    people.audit(user.user_id, action, {**_BY, "sessions_ended": ended})


def _nothing_revoked(_session: Session, _account_id: str, _bridge_id: str, _now: datetime) -> None:
    """Stand for the hook of revocations: making a code revokes nothing."""
