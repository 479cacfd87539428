"""Who calls, and what the call may do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from signalos_server.domain.errors import PermissionDenied


class Role(IntEnum):
    """What a user may do with all accounts. Numbers are those of `signalos.v1.UserRole`."""

    TRADER = 1
    ADMIN = 2


class Scope(IntEnum):
    """What a token may do. Numbers are those of `signalos.v1.TokenScope`."""

    VIEW = 1
    TRADE = 2
    REARM = 3
    ADMIN = 4


class CallerKind(Enum):
    """What the caller showed: a person's session, or a program's API token."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret


def scopes_of_role(role: Role) -> frozenset[Scope]:
    """Return all that a user of `role` may do; a session has it."""
    every = frozenset(Scope)
    return every if role is Role.ADMIN else every - {Scope.ADMIN}


def scopes_of_token(role: Role, granted: frozenset[Scope]) -> frozenset[Scope]:
    """Return what a token may do: never more than its user, and always look."""
    return (granted | {Scope.VIEW}) & scopes_of_role(role)


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller."""

    user_id: str
    user_name: str
    role: Role
    scopes: frozenset[Scope]
    kind: CallerKind
    # `ses_…` or `tok_…`; never the secret.
    credential_id: str

    @property
    def sees_all(self) -> bool:
        """Whether every user's accounts are shown: an administrator, by whatever token."""
        return self.role is Role.ADMIN

    @property
    def administers(self) -> bool:
        """Whether the call may manage users: an administrator whose token says so."""
        return self.role is Role.ADMIN and Scope.ADMIN in self.scopes

    @property
    def is_person(self) -> bool:
        """Whether a person acts, by a session."""
        return self.kind is CallerKind.SESSION

    def require(self, scope: Scope) -> None:
        """Raise `PermissionDenied` unless the call has `scope`."""
        if scope not in self.scopes:
            raise PermissionDenied(scope.name)
