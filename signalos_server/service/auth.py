"""Users, sign-in, sessions and tokens."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from signalos_server.domain.caller import Caller, CallerKind, Role, Scope
from signalos_server.domain.errors import (
    BadCredentials,
    InvalidField,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
    RegistrationClosed,
    WrongState,
)
from signalos_server.domain.people import (
    SESSION_LIFE,
    SESSION_PREFIX,
    TOKEN_PREFIX,
    ApiToken,
    Session,
    User,
    name_key,
    secret_hash,
)
from signalos_server.domain.rate import Buckets, Rate
from signalos_server.service.people_records import PeopleRecords
from signalos_server.service.ports import Clock, Passwords, Units

# A person mistypes a few times; a guesser gets ten tries a minute for a name, whatever the address.
_LOGINS_OF_NAME = Rate(burst=10, per_second=1 / 6)
_LOGINS_OF_ADDRESS = Rate(burst=30, per_second=1 / 2)
_SIGN_UPS_OF_ADDRESS = Rate(burst=5, per_second=1 / 60)


@dataclass(frozen=True, slots=True)
class Where:
    """From where a call comes."""

    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session, with the secret that is told this once."""

    secret: str
    user: User
    session: Session


class Auth:
    """The use cases of `AuthService`."""

    def __init__(
        self,
        units: Units[PeopleRecords],
        clock: Clock,
        passwords: Passwords,
        make_identifier: Callable[[str], str],
        *,
        registration_open: bool,
    ) -> None:
        self._units = units
        self._clock = clock
        self._passwords = passwords
        self._make_identifier = make_identifier
        self.registration_open = registration_open
        self._names = Buckets(_LOGINS_OF_NAME)
        self._addresses = Buckets(_LOGINS_OF_ADDRESS)
        self._sign_ups = Buckets(_SIGN_UPS_OF_ADDRESS)

    async def register(self, user_name: str, password: str, where: Where) -> User:
        """Make a trader, where sign-up is open."""
        if not self.registration_open:
            raise RegistrationClosed("sign-up is closed on this server")
        self._limit(self._sign_ups, "sign-ups of an address", where.address)
        user = await self._new_user(user_name, password, Role.TRADER)

        def unit(records: PeopleRecords) -> User:
            records.insert_user(user)
            records.audit(user.user_id, "registered", {"user_name": user_name, "address": where.address})
            return user

        return await self._units.run(unit)

    async def offer_set_up(self) -> str | None:
        """Return a new set-up code for a server without users, else None; codes before it are void."""
        code = "-".join(secrets.token_hex(4) for _ in range(4))

        def unit(records: PeopleRecords) -> str | None:
            if records.any_user():
                return None
            records.set_setup_code(secret_hash(code), self._clock.now())
            return code

        return await self._units.run(unit)

    async def set_up_needed(self) -> bool:
        """Whether there is no user yet."""
        return await self._units.read(lambda records: not records.any_user())

    async def set_up(self, code: str, user_name: str, password: str, where: Where) -> User:
        """Make the first user, an administrator, for the code."""
        self._limit(self._addresses, "set-ups of an address", where.address)
        await self._units.read(lambda records: self._check_set_up(records, code))
        user = await self._new_user(user_name, password, Role.ADMIN)

        def unit(records: PeopleRecords) -> User:
            self._check_set_up(records, code)
            if not records.take_setup_code(secret_hash(code)):
                raise BadCredentials("the set-up code is wrong or was used")
            records.insert_user(user)
            records.audit(user.user_id, "set_up", {"user_name": user_name, "address": where.address})
            return user

        return await self._units.run(unit)

    @staticmethod
    def _check_set_up(records: PeopleRecords, code: str) -> None:
        stored = records.setup_code_hash()
        if stored is None or records.any_user() or not hmac.compare_digest(stored, secret_hash(code)):
            raise BadCredentials("the set-up code is wrong or was used")

    async def login(self, user_name: str, password: str, where: Where) -> SignedIn:
        """Sign a user in. An unknown name takes as long as a wrong password, and says the same."""
        self._limit(self._addresses, "sign-ins of an address", where.address)
        self._limit(self._names, "sign-ins of a user", name_key(user_name))
        user = await self._units.read(lambda records: records.user_by_name(user_name))
        right = await self._passwords.verify(None if user is None else user.password_hash, password)
        if user is None or not right or user.disabled:
            await self._audit_failure(user, user_name, where)
            raise BadCredentials("user name or password is wrong")
        self._names.forget(name_key(user_name))
        secret = SESSION_PREFIX + secrets.token_urlsafe(32)
        now = self._clock.now()
        session = Session(
            session_id=self._make_identifier("ses"),
            user_id=user.user_id,
            secret_hash=secret_hash(secret),
            create_time=now,
            last_use_time=now,
            expire_time=now + SESSION_LIFE,
            address=where.address,
            user_agent=where.user_agent,
        )

        def unit(records: PeopleRecords) -> User:
            # The password may have been changed, or the user shut out, while this one was hashed.
            present = records.user(user.user_id, lock=True)
            if present is None or present.disabled or present.password_hash != user.password_hash:
                raise BadCredentials("user name or password is wrong")
            records.insert_session(session)
            records.audit(user.user_id, "login", {"session_id": session.session_id, "address": where.address})
            return present

        return SignedIn(secret, await self._units.run(unit), session)

    async def _audit_failure(self, user: User | None, user_name: str, where: Where) -> None:
        detail = {"user_name": user_name, "address": where.address}
        user_id = "" if user is None else user.user_id
        await self._units.run(lambda records: records.audit(user_id, "login_failed", detail))

    async def check_password(self, caller: Caller, password: str) -> None:
        """Raise `BadCredentials` unless it is the caller's password; for calls that ask for it again."""
        self._limit(self._names, "passwords of a user", name_key(caller.user_name))
        user = await self._units.read(lambda records: records.user(caller.user_id))
        if user is None or not await self._passwords.verify(user.password_hash, password):
            raise BadCredentials("the password is wrong")
        self._names.forget(name_key(caller.user_name))

    async def logout(self, caller: Caller) -> None:
        """End the caller's session; a token's call ends nothing."""
        if caller.kind is not CallerKind.SESSION:
            raise WrongState("token", caller.credential_id, "not a session", "a token has no session to end")
        await self.revoke_session(caller, caller.credential_id)

    async def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Change the caller's password and end its other sessions."""
        self._require_person(caller)
        await self.check_password(caller, current)
        hashed = await self._passwords.hash(new)

        def unit(records: PeopleRecords) -> None:
            user = self._locked(records, caller.user_id)
            records.save_user(replace(user, password_hash=hashed))
            ended = records.end_sessions(user.user_id, self._clock.now(), but=caller.credential_id)
            records.audit(user.user_id, "password_changed", {"sessions_ended": ended})

        await self._units.run(unit)

    async def user(self, caller: Caller) -> User:
        """Return the caller."""
        found = await self._units.read(lambda records: records.user(caller.user_id))
        if found is None:
            raise NotFound("user", caller.user_id)
        return found

    async def list_users(self, caller: Caller, size: int, after_key: str) -> list[User]:
        """Return users by name, for administrators."""
        self._require_admin(caller)
        return await self._units.read(lambda records: records.users(size, after_key))

    async def create_user(self, caller: Caller, user_name: str, password: str, role: Role) -> User:
        """Make a user, for administrators."""
        self._require_admin(caller)
        user = await self._new_user(user_name, password, role)

        def unit(records: PeopleRecords) -> User:
            records.insert_user(user)
            detail = {"user_id": user.user_id, "user_name": user_name, "role": role.name}
            records.audit(caller.user_id, "user_created", detail)
            return user

        return await self._units.run(unit)

    async def update_user(
        self, caller: Caller, user_id: str, role: Role | None, password: str | None, disabled: bool | None
    ) -> User:
        """Change a user, for administrators; a new password, role or shutting out ends its sessions."""
        self._require_admin(caller)
        if user_id == caller.user_id and (disabled or role is Role.TRADER):
            # Else the last administrator could lock everybody out.
            raise InvalidField("userId", "administrators cannot shut out or demote themselves")
        hashed = None if password is None else await self._passwords.hash(password)

        def unit(records: PeopleRecords) -> User:
            user = self._locked(records, user_id)
            changed = replace(
                user,
                role=user.role if role is None else role,
                password_hash=hashed or user.password_hash,
                disabled=user.disabled if disabled is None else disabled,
            )
            records.save_user(changed)
            if hashed is not None or changed.disabled or changed.role is not user.role:
                own = caller.credential_id if user_id == caller.user_id else ""
                records.end_sessions(user_id, self._clock.now(), but=own)
            detail = {
                "user_id": user_id,
                "role": changed.role.name,
                "disabled": changed.disabled,
                "password": hashed is not None,
            }
            records.audit(caller.user_id, "user_updated", detail)
            return changed

        return await self._units.run(unit)

    async def sessions(self, caller: Caller) -> list[Session]:
        """Return the caller's sessions that have not ended, newest first."""
        now = self._clock.now()
        found = await self._units.read(lambda records: records.sessions(caller.user_id))
        return [session for session in found if session.alive(now)]

    async def revoke_session(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's sessions; a program's token signs nobody out."""
        self._require_person(caller)

        def unit(records: PeopleRecords) -> None:
            if records.end_sessions(caller.user_id, self._clock.now(), only=session_id):
                records.audit(caller.user_id, "session_ended", {"session_id": session_id})

        await self._units.run(unit)

    async def tokens(self, caller: Caller) -> list[ApiToken]:
        """Return the caller's tokens that are good, newest first."""
        now = self._clock.now()
        found = await self._units.read(lambda records: records.tokens(caller.user_id))
        return [token for token in found if token.alive(now)]

    async def create_token(
        self, caller: Caller, name: str, scopes: frozenset[Scope], time_to_live: timedelta | None
    ) -> tuple[ApiToken, str]:
        """Make a token with at most the caller's own scopes; its secret is told this once.

        One that a token makes lives no longer than that one, and ends when that one is revoked.
        """
        beyond = scopes - caller.scopes
        if beyond:
            raise PermissionDenied(min(beyond).name)
        secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
        now = self._clock.now()
        token = ApiToken(
            token_id=self._make_identifier("tok"),
            user_id=caller.user_id,
            name=name,
            secret_hash=secret_hash(secret),
            scopes=scopes | {Scope.VIEW},
            create_time=now,
            expire_time=None if time_to_live is None else now + time_to_live,
        )

        def unit(records: PeopleRecords) -> ApiToken:
            made = token
            if not caller.is_person:
                # Locked: it may be revoked at this moment, and what it makes now has to be seen by that.
                maker = records.token(caller.user_id, caller.credential_id, lock=True)
                if maker is None or not maker.alive(now):
                    raise NotAuthenticated("the token is unknown, expired or revoked")
                until = maker.expire_time
                if until is not None:
                    made = replace(made, expire_time=min(made.expire_time or until, until))
                made = replace(made, maker_token_id=maker.token_id)
            records.insert_token(made)
            detail = {
                "token_id": token.token_id,
                "name": name,
                "scopes": sorted(scope.name for scope in token.scopes),
            }
            records.audit(caller.user_id, "token_created", detail)
            return made

        return await self._units.run(unit), secret

    async def revoke_token(self, caller: Caller, token_id: str) -> ApiToken:
        """End one of the caller's tokens and all that it made; a second time changes nothing."""

        def unit(records: PeopleRecords) -> ApiToken:
            token = records.token(caller.user_id, token_id)
            if token is None:
                raise NotFound("token", token_id)
            if token.revoke_time is not None:
                return token
            now = self._clock.now()
            for ended in records.revoke_token(token_id, now):
                with_token = {} if ended == token_id else {"with": token_id}
                records.audit(caller.user_id, "token_revoked", {"token_id": ended, **with_token})
            return replace(token, revoke_time=now)

        return await self._units.run(unit)

    async def settings(self, caller: Caller) -> bytes | None:
        """Return the caller's settings as stored; None: never changed."""
        return await self._units.read(lambda records: records.settings(caller.user_id))

    async def change_settings(self, caller: Caller, change: Callable[[bytes | None], bytes]) -> bytes:
        """Store what `change` makes of the caller's settings, and return it."""

        def unit(records: PeopleRecords) -> bytes:
            records.user(caller.user_id, lock=True)
            changed = change(records.settings(caller.user_id))
            records.save_settings(caller.user_id, changed)
            return changed

        return await self._units.run(unit)

    async def _new_user(self, user_name: str, password: str, role: Role) -> User:
        return User(
            user_id=self._make_identifier("usr"),
            user_name=user_name,
            password_hash=await self._passwords.hash(password),
            role=role,
            disabled=False,
            create_time=self._clock.now(),
        )

    def _limit(self, buckets: Buckets, limit: str, key: str) -> None:
        wait = buckets.take(key, self._clock.monotonic())
        if wait:
            raise RateLimited(limit, wait)

    @staticmethod
    def _locked(records: PeopleRecords, user_id: str) -> User:
        user = records.user(user_id, lock=True)
        if user is None:
            raise NotFound("user", user_id)
        return user

    @staticmethod
    def _require_admin(caller: Caller) -> None:
        if not caller.administers:
            raise PermissionDenied(Role.ADMIN.name)

    @staticmethod
    def _require_person(caller: Caller) -> None:
        if not caller.is_person:
            raise PermissionDenied("SESSION")
