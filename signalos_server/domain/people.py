"""Users and what they show instead of a password; how long it is good for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from signalos_server.domain.caller import Caller, CallerKind, Role, Scope, scopes_of_role, scopes_of_token

SESSION_IDLE = timedelta(hours=12)
SESSION_LIFE = timedelta(days=30)

# The kind of a secret is in its first letters, so that each is looked for where it can be.
SESSION_PREFIX = "sos_"
TOKEN_PREFIX = "sot_"  # noqa: S105 - a prefix, not a secret
BRIDGE_PREFIX = "sob_"


@dataclass(frozen=True, slots=True)
class User:
    """A person who signs in."""

    user_id: str
    user_name: str
    password_hash: str
    role: Role
    disabled: bool
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """One sign-in of a user."""

    session_id: str
    user_id: str
    secret_hash: str
    create_time: datetime
    last_use_time: datetime
    expire_time: datetime
    address: str
    user_agent: str
    end_time: datetime | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it is good at `now`."""
        return self.end_time is None and now < min(self.expire_time, self.last_use_time + SESSION_IDLE)


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A secret by which a program acts for a user."""

    token_id: str
    user_id: str
    name: str
    secret_hash: str
    scopes: frozenset[Scope]
    create_time: datetime
    expire_time: datetime | None
    last_use_time: datetime | None = None
    revoke_time: datetime | None = None
    # The token that made it; None: a person did.
    maker_token_id: str | None = None

    def alive(self, now: datetime) -> bool:
        """Whether it is good at `now`."""
        return self.revoke_time is None and (self.expire_time is None or now < self.expire_time)


def secret_hash(secret: str) -> str:
    """Return what is stored of a random secret; it has 256 bits, so that no salt is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def name_key(user_name: str) -> str:
    """Return what makes two user names the same."""
    return user_name.casefold()


def caller_of(user: User, credential: Session | ApiToken) -> Caller:
    """Return who calls with `credential`, which is alive."""
    if isinstance(credential, Session):
        scopes, kind, identifier = scopes_of_role(user.role), CallerKind.SESSION, credential.session_id
    else:
        scopes, kind = scopes_of_token(user.role, credential.scopes), CallerKind.TOKEN
        identifier = credential.token_id
    return Caller(user.user_id, user.user_name, user.role, scopes, kind, identifier)
