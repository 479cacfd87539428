"""Users, sessions and tokens in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session as SqlSession

from signalos_server.adapters.clock import Clock
from signalos_server.adapters.storage.audit_log import append_audit
from signalos_server.adapters.storage.outbox import make_stream
from signalos_server.adapters.storage.rows import insert_new
from signalos_server.adapters.storage.tables.sessions import ApiTokenRow, SessionRow
from signalos_server.adapters.storage.tables.users import SetupCodeRow, UserRow, UserSettingsRow
from signalos_server.adapters.storage.wakes import credential_subject, wake
from signalos_server.domain.audit import SYSTEM_CHAIN
from signalos_server.domain.caller import Role, Scope
from signalos_server.domain.errors import AlreadyExists
from signalos_server.domain.people import ApiToken, Session, User, name_key

# How long the record of an expired session is kept.
_KEEP_ENDED = timedelta(days=7)


class SqlPeople:
    """The records of `service.people_records`."""

    def __init__(self, session: SqlSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    def user(self, user_id: str, *, lock: bool = False) -> User | None:
        """Return a user."""
        statement = select(UserRow).where(UserRow.user_id == user_id)
        row = self._session.scalars(statement.with_for_update() if lock else statement).one_or_none()
        return None if row is None else _user(row)

    def user_by_name(self, user_name: str) -> User | None:
        """Return a user by name, without regard to case."""
        row = self._session.scalars(
            select(UserRow).where(UserRow.user_name_key == name_key(user_name))
        ).one_or_none()
        return None if row is None else _user(row)

    def users(self, size: int, after_key: str) -> list[User]:
        """Return users by name, after the one with this key."""
        rows = self._session.scalars(
            select(UserRow)
            .where(UserRow.user_name_key > after_key)
            .order_by(UserRow.user_name_key)
            .limit(size)
        )
        return [_user(row) for row in rows]

    def any_user(self) -> bool:
        """Whether there is a user."""
        return self._session.scalar(select(UserRow.user_id).limit(1)) is not None

    def insert_user(self, user: User) -> None:
        """Add a user with a stream. Raises `AlreadyExists`."""
        inserted = insert_new(
            self._session,
            UserRow,
            [
                {
                    "user_id": user.user_id,
                    "user_name": user.user_name,
                    "user_name_key": name_key(user.user_name),
                    "password_hash": user.password_hash,
                    "role": int(user.role),
                    "disabled": user.disabled,
                    "create_time": user.create_time,
                }
            ],
        )
        if not inserted:
            raise AlreadyExists("user", user.user_name)
        make_stream(self._session, user.user_id)

    def save_user(self, user: User) -> None:
        """Store a user's role, password and whether it is disabled."""
        self._session.execute(
            update(UserRow)
            .where(UserRow.user_id == user.user_id)
            .values(password_hash=user.password_hash, role=int(user.role), disabled=user.disabled)
        )

    def session_by_hash(self, secret_hash: str) -> Session | None:
        """Return a session."""
        row = self._session.scalars(
            select(SessionRow).where(SessionRow.secret_hash == secret_hash)
        ).one_or_none()
        return None if row is None else _session(row)

    def sessions(self, user_id: str) -> list[Session]:
        """Return a user's sessions that were not ended, newest first."""
        rows = self._session.scalars(
            select(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.end_time.is_(None))
            .order_by(SessionRow.create_time.desc(), SessionRow.session_id.desc())
        )
        return [_session(row) for row in rows]

    def insert_session(self, session: Session) -> None:
        """Add a session; the user's sessions that ended long ago are taken away, the audit keeps them."""
        self._session.execute(
            delete(SessionRow).where(
                SessionRow.user_id == session.user_id,
                SessionRow.expire_time < session.create_time - _KEEP_ENDED,
            )
        )
        self._session.add(
            SessionRow(
                session_id=session.session_id,
                user_id=session.user_id,
                secret_hash=session.secret_hash,
                create_time=session.create_time,
                last_use_time=session.last_use_time,
                expire_time=session.expire_time,
                end_time=session.end_time,
                address=session.address,
                user_agent=session.user_agent,
            )
        )

    def end_sessions(self, user_id: str, now: datetime, *, only: str = "", but: str = "") -> int:
        """End a user's sessions, `only` this or all `but` one; return how many."""
        statement = (
            update(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.end_time.is_(None))
            .values(end_time=now)
            .returning(SessionRow.session_id)
        )
        if only:
            statement = statement.where(SessionRow.session_id == only)
        if but:
            statement = statement.where(SessionRow.session_id != but)
        ended = len(self._session.scalars(statement).all())
        self.forget_verified(user_id)
        return ended

    def token_by_hash(self, secret_hash: str) -> ApiToken | None:
        """Return a token."""
        row = self._session.scalars(
            select(ApiTokenRow).where(ApiTokenRow.secret_hash == secret_hash)
        ).one_or_none()
        return None if row is None else _token(row)

    def tokens(self, user_id: str) -> list[ApiToken]:
        """Return a user's tokens that were not revoked, newest first."""
        rows = self._session.scalars(
            select(ApiTokenRow)
            .where(ApiTokenRow.user_id == user_id, ApiTokenRow.revoke_time.is_(None))
            .order_by(ApiTokenRow.create_time.desc(), ApiTokenRow.token_id.desc())
        )
        return [_token(row) for row in rows]

    def token(self, user_id: str, token_id: str, *, lock: bool = False) -> ApiToken | None:
        """Return one of a user's tokens, revoked or not."""
        statement = select(ApiTokenRow).where(
            ApiTokenRow.user_id == user_id, ApiTokenRow.token_id == token_id
        )
        row = self._session.scalars(statement.with_for_update() if lock else statement).one_or_none()
        return None if row is None else _token(row)

    def insert_token(self, token: ApiToken) -> None:
        """Add a token."""
        self._session.add(
            ApiTokenRow(
                token_id=token.token_id,
                user_id=token.user_id,
                name=token.name,
                secret_hash=token.secret_hash,
                scopes=",".join(str(int(scope)) for scope in sorted(token.scopes)),
                create_time=token.create_time,
                expire_time=token.expire_time,
                last_use_time=token.last_use_time,
                revoke_time=token.revoke_time,
                maker_token_id=token.maker_token_id,
            )
        )

    def revoke_token(self, token_id: str, now: datetime) -> list[str]:
        """End a token and all that it made, directly or through others; return which were good until now."""
        ended: list[str] = []
        chosen = ApiTokenRow.token_id == token_id
        while True:
            rows = self._session.execute(
                update(ApiTokenRow)
                .where(chosen, ApiTokenRow.revoke_time.is_(None))
                .values(revoke_time=now)
                .returning(ApiTokenRow.token_id, ApiTokenRow.user_id)
            ).all()
            if not rows:
                return ended
            self.forget_verified(rows[0].user_id)
            ended += [row.token_id for row in rows]
            chosen = ApiTokenRow.maker_token_id.in_([row.token_id for row in rows])

    def touch(self, credential_id: str, now: datetime) -> None:
        """Note when a session or token was last used."""
        if credential_id.startswith("ses_"):
            self._session.execute(
                update(SessionRow).where(SessionRow.session_id == credential_id).values(last_use_time=now)
            )
        else:
            self._session.execute(
                update(ApiTokenRow).where(ApiTokenRow.token_id == credential_id).values(last_use_time=now)
            )

    def setup_code_hash(self) -> str | None:
        """Return the hash of the set-up code, if one is good."""
        return self._session.scalar(select(SetupCodeRow.secret_hash))

    def set_setup_code(self, secret_hash: str, now: datetime) -> None:
        """Replace the set-up code."""
        self._session.execute(delete(SetupCodeRow))
        insert_new(
            self._session,
            SetupCodeRow,
            [{"setup_code_id": 1, "secret_hash": secret_hash, "create_time": now}],
        )

    def take_setup_code(self, secret_hash: str) -> bool:
        """End the set-up code if it has this hash; return whether it had. One of several takers gets it."""
        taken = self._session.scalars(
            delete(SetupCodeRow)
            .where(SetupCodeRow.secret_hash == secret_hash)
            .returning(SetupCodeRow.setup_code_id)
        )
        return bool(taken.all())

    def settings(self, user_id: str) -> bytes | None:
        """Return a user's settings as stored."""
        return self._session.scalar(
            select(UserSettingsRow.settings).where(UserSettingsRow.user_id == user_id)
        )

    def save_settings(self, user_id: str, settings: bytes) -> None:
        """Store a user's settings."""
        if not insert_new(self._session, UserSettingsRow, [{"user_id": user_id, "settings": settings}]):
            self._session.execute(
                update(UserSettingsRow).where(UserSettingsRow.user_id == user_id).values(settings=settings)
            )

    def forget_verified(self, user_id: str) -> None:
        """Once committed, make every node look again at what the user's callers show."""
        wake(self._session, credential_subject(user_id))

    def audit(self, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """Append to the system's audit."""
        append_audit(
            self._session,
            SYSTEM_CHAIN,
            now=self._clock.now(),
            monotonic_seconds=self._clock.monotonic(),
            user_id=user_id,
            action=action,
            detail=detail,
        )


def _user(row: UserRow) -> User:
    return User(row.user_id, row.user_name, row.password_hash, Role(row.role), row.disabled, row.create_time)


def _session(row: SessionRow) -> Session:
    return Session(
        session_id=row.session_id,
        user_id=row.user_id,
        secret_hash=row.secret_hash,
        create_time=row.create_time,
        last_use_time=row.last_use_time,
        expire_time=row.expire_time,
        address=row.address,
        user_agent=row.user_agent,
        end_time=row.end_time,
    )


def _token(row: ApiTokenRow) -> ApiToken:
    return ApiToken(
        token_id=row.token_id,
        user_id=row.user_id,
        name=row.name,
        secret_hash=row.secret_hash,
        scopes=frozenset(Scope(int(number)) for number in row.scopes.split(",") if number),
        create_time=row.create_time,
        expire_time=row.expire_time,
        last_use_time=row.last_use_time,
        revoke_time=row.revoke_time,
        maker_token_id=row.maker_token_id,
    )
