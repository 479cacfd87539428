"""What the use cases of users need of storage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from signalos_server.domain.people import ApiToken, Session, User


class PeopleRecords(Protocol):
    """Users, sessions and tokens within one unit of work."""

    def user(self, user_id: str, *, lock: bool = False) -> User | None:
        """Return a user."""

    def user_by_name(self, user_name: str) -> User | None:
        """Return a user by name, without regard to case."""

    def users(self, size: int, after_key: str) -> list[User]:
        """Return users by name, after the one with this key."""

    def any_user(self) -> bool:
        """Whether there is a user."""

    def insert_user(self, user: User) -> None:
        """Add a user with a stream. Raises `AlreadyExists`."""

    def save_user(self, user: User) -> None:
        """Store a user's role, password and whether it is disabled."""

    def session_by_hash(self, secret_hash: str) -> Session | None:
        """Return a session."""

    def sessions(self, user_id: str) -> list[Session]:
        """Return a user's sessions that were not ended, newest first."""

    def insert_session(self, session: Session) -> None:
        """Add a session."""

    def end_sessions(self, user_id: str, now: datetime, *, only: str = "", but: str = "") -> int:
        """End a user's sessions, `only` this or all `but` one; return how many."""

    def token_by_hash(self, secret_hash: str) -> ApiToken | None:
        """Return a token."""

    def tokens(self, user_id: str) -> list[ApiToken]:
        """Return a user's tokens that were not revoked, newest first."""

    def token(self, user_id: str, token_id: str, *, lock: bool = False) -> ApiToken | None:
        """Return one of a user's tokens, revoked or not."""

    def insert_token(self, token: ApiToken) -> None:
        """Add a token."""

    def revoke_token(self, token_id: str, now: datetime) -> list[str]:
        """End a token and all that it made, directly or through others; return which were good until now."""

    def touch(self, credential_id: str, now: datetime) -> None:
        """Note when a session or token was last used."""

    def setup_code_hash(self) -> str | None:
        """Return the hash of the set-up code, if one is good."""

    def set_setup_code(self, secret_hash: str, now: datetime) -> None:
        """Replace the set-up code."""

    def take_setup_code(self, secret_hash: str) -> bool:
        """End the set-up code if it has this hash; return whether it had. One of several takers gets it."""

    def settings(self, user_id: str) -> bytes | None:
        """Return a user's settings as stored."""

    def save_settings(self, user_id: str, settings: bytes) -> None:
        """Store a user's settings."""

    def forget_verified(self, user_id: str) -> None:
        """Once committed, make every node look again at what the user's callers show."""

    def audit(self, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """Append to the system's audit."""
