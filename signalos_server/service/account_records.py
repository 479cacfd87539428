"""What the use cases of accounts and bridges need of storage."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from signalos_server.domain.frames import Identity
from signalos_server.domain.happenings import AccountView, BridgeView
from signalos_server.domain.pairing import PairingCode


class AccountRecords(Protocol):
    """Accounts, bridges and pairing codes within one unit of work."""

    def account(self, account_id: str, *, lock: bool = False) -> AccountView | None:
        """Return an account with its bridge."""

    def accounts(
        self, owner_user_id: str | None, size: int | None, after: tuple[datetime, str] | None
    ) -> list[AccountView]:
        """Return a user's accounts (None: everybody's), oldest first."""

    def account_with_login(self, owner_user_id: str, login: int, broker_server: str) -> str | None:
        """Return the user's account with this login, if there is one."""

    def insert_account(self, account_id: str, owner_user_id: str, name: str, now: datetime) -> None:
        """Add an account, with a magic prefix that no other account has."""

    def rename_account(self, account_id: str, name: str) -> None:
        """Give an account another name."""

    def bind(self, account_id: str, identity: Identity) -> None:
        """Store whose the account is at the broker."""

    def bridges(self, owner_user_id: str | None, account_id: str | None) -> list[BridgeView]:
        """Return bridges, newest first, revoked ones last."""

    def bridge(self, bridge_id: str) -> BridgeView | None:
        """Return a bridge, revoked or not."""

    def credential_hash(self, bridge_id: str) -> str | None:
        """Return the hash of the credential of a bridge that is not revoked."""

    def insert_bridge(
        self, bridge_id: str, account_id: str, name: str, credential_hash: str, now: datetime, version: str
    ) -> None:
        """Add a bridge."""

    def revoke_bridge(self, bridge_id: str, account_id: str, now: datetime) -> None:
        """End a bridge's credential; its offered, open commands turn UNKNOWN in the same commit."""

    def insert_code(self, code: PairingCode) -> None:
        """Add a pairing code."""

    def lock_code(self, secret_hash: str) -> PairingCode | None:
        """Return a code, and keep it from other units until this one has committed."""

    def use_code(self, secret_hash: str, now: datetime) -> None:
        """Note that a code was used."""

    def lock_user(self, user_id: str) -> bool:
        """Whether the user may have a bridge paired; other pairings of the user wait for this unit."""

    def tell(self, account_id: str, event_id: str, change: str) -> None:
        """Tell the account's people what changed, in the same commit."""

    def audit(self, chain: str, user_id: str, action: str, detail: Mapping[str, object]) -> None:
        """Append to the audit."""
