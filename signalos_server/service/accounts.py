"""Accounts and the pairing of bridges."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from signalos_server.domain.audit import SYSTEM_CHAIN
from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import (
    AccountMismatch,
    AccountRequired,
    AlreadyExists,
    BadPairingCode,
    InvalidField,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    RateLimited,
)
from signalos_server.domain.frames import Identity
from signalos_server.domain.happenings import AccountView, BridgeView
from signalos_server.domain.pairing import CODE_LIFE, SECRET_BYTES, PairingCode, format_code, secret_of
from signalos_server.domain.people import BRIDGE_PREFIX, secret_hash
from signalos_server.domain.rate import Buckets, Rate
from signalos_server.domain.words import BridgeState
from signalos_server.service.account_records import AccountRecords
from signalos_server.service.ports import Clock, Units

_PAIRINGS_OF_ADDRESS = Rate(burst=10, per_second=1 / 6)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where bridges find this server, and by which key they know it."""

    address: str
    # SHA-256 of the certificate; empty without TLS.
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Paired:
    """A new bridge, with the credential that is told this once."""

    bridge_id: str
    account_id: str
    credential: str


class Accounts:
    """The use cases of `AccountService`, and pairing for `BridgeService`."""

    def __init__(
        self,
        units: Units[AccountRecords],
        clock: Clock,
        make_identifier: Callable[[str], str],
        server_address: Callable[[], ServerAddress],
    ) -> None:
        self._units = units
        self._clock = clock
        self._make_identifier = make_identifier
        self._server_address = server_address
        self._pairings = Buckets(_PAIRINGS_OF_ADDRESS)

    async def accounts(
        self, caller: Caller, size: int | None = None, after: tuple[datetime, str] | None = None
    ) -> list[AccountView]:
        """Return the accounts that the caller sees, oldest first."""
        owner = None if caller.sees_all else caller.user_id
        return await self._units.read(lambda records: records.accounts(owner, size, after))

    async def account(self, caller: Caller, account_id: str) -> AccountView:
        """Return an account. Raises `NotFound` for another user's."""
        return await self._units.read(lambda records: _seen(records, caller, account_id))

    async def only_account(self, caller: Caller, account_id: str) -> AccountView:
        """Return the account that is named, or the only one of the caller where none is."""
        if account_id:
            return await self.account(caller, account_id)
        found = await self.accounts(caller)
        if len(found) > 1:
            raise AccountRequired(tuple(account.account_id for account in found))
        if not found:
            raise NotFound("account", "")
        return found[0]

    async def create(self, caller: Caller, name: str) -> AccountView:
        """Make an account of the caller."""
        account_id = self._make_identifier("acc")

        def unit(records: AccountRecords) -> AccountView:
            self._insert_account(records, account_id, caller.user_id, name)
            return _known(records, account_id)

        return await self._units.run(unit)

    async def rename(self, caller: Caller, account_id: str, name: str) -> AccountView:
        """Give an account another name."""

        def unit(records: AccountRecords) -> AccountView:
            account = _owned(records, caller, account_id, lock=True)
            if account.name != name:
                records.rename_account(account_id, name)
                records.tell(account_id, f"account:{self._make_identifier('evt')}", f"renamed to {name}")
                detail = {"before": account.name, "after": name}
                records.audit(account_id, caller.user_id, "account_renamed", detail)
            return _known(records, account_id)

        return await self._units.run(unit)

    async def create_code(self, caller: Caller, account_id: str, bridge_name: str) -> tuple[str, datetime]:
        """Return a pairing code and when it ends; without an account, pairing makes one."""
        server = self._server_address()
        secret = secrets.token_bytes(SECRET_BYTES)
        now = self._clock.now()
        code = PairingCode(
            secret_hash=secret_hash(secret.hex()),
            user_id=caller.user_id,
            account_id=account_id or None,
            bridge_name=bridge_name,
            create_time=now,
            expire_time=now + CODE_LIFE,
        )

        def unit(records: AccountRecords) -> None:
            if account_id:
                _owned(records, caller, account_id)
            records.insert_code(code)
            records.audit(account_id or SYSTEM_CHAIN, caller.user_id, "pairing_code_created", {})

        await self._units.run(unit)
        return format_code(server.address, server.fingerprint, secret), code.expire_time

    async def bridges(self, caller: Caller, account_id: str) -> list[BridgeView]:
        """Return the bridges that the caller sees, of one account or of all."""

        def unit(records: AccountRecords) -> list[BridgeView]:
            if account_id:
                _seen(records, caller, account_id)
            return records.bridges(None if caller.sees_all else caller.user_id, account_id or None)

        return await self._units.read(unit)

    async def revoke_bridge(self, caller: Caller, bridge_id: str) -> BridgeView:
        """End a bridge's credential and session; a second time changes nothing."""

        def unit(records: AccountRecords) -> BridgeView:
            bridge = records.bridge(bridge_id)
            if bridge is None:
                raise NotFound("bridge", bridge_id)
            account = records.account(bridge.account_id, lock=True)
            if account is None or not (caller.sees_all or account.owner_user_id == caller.user_id):
                raise NotFound("bridge", bridge_id)
            if account.owner_user_id != caller.user_id and not caller.administers:
                raise PermissionDenied("ADMIN")
            bridge = records.bridge(bridge_id)
            assert bridge is not None
            if bridge.state is not BridgeState.REVOKED:
                self._revoke(records, bridge, caller.user_id, "revoked by a person")
            revoked = records.bridge(bridge_id)
            assert revoked is not None
            return revoked

        return await self._units.run(unit)

    async def pair(
        self, code: str, bridge_name: str, identity: Identity, version: str, address: str
    ) -> Paired:
        """Trade a code for a credential, and bind the account to the terminal's login.

        A bridge that the account had before is revoked: at most one trades it.
        """
        wait = self._pairings.take(address, self._clock.monotonic())
        if wait:
            raise RateLimited("pairings of an address", wait)
        if identity.login <= 0 or not identity.broker_server:
            raise InvalidField("identity", "the terminal is not logged in: no login or no broker's server")
        hashed = secret_hash(secret_of(code).hex())
        credential = BRIDGE_PREFIX + secrets.token_urlsafe(32)
        bridge_id, new_account_id = self._make_identifier("brg"), self._make_identifier("acc")

        def unit(records: AccountRecords) -> Paired:
            now = self._clock.now()
            stored = records.lock_code(hashed)
            if stored is None or not stored.good(now) or not records.lock_user(stored.user_id):
                raise BadPairingCode("the pairing code is unknown, used or older than ten minutes")
            records.use_code(hashed, now)
            account_id = stored.account_id or new_account_id
            other = records.account_with_login(stored.user_id, identity.login, identity.broker_server)
            if other is not None and other != stored.account_id:
                raise AlreadyExists("account", f"{identity.login} at {identity.broker_server}")
            if stored.account_id is None:
                name = f"{identity.login} {identity.broker_server}"[:100]
                self._insert_account(records, account_id, stored.user_id, name)
            account = records.account(account_id, lock=True)
            if account is None:
                raise BadPairingCode("the pairing code's account is gone")
            _check_login(account, identity)
            if account.bridge is not None:
                self._revoke(records, account.bridge, stored.user_id, "another bridge was paired")
            records.bind(account_id, identity)
            name = (bridge_name or stored.bridge_name or "bridge")[:100]
            records.insert_bridge(bridge_id, account_id, name, secret_hash(credential), now, version[:64])
            detail = {
                "bridge_id": bridge_id,
                "name": name,
                "address": address,
                "login": identity.login,
                "broker_server": identity.broker_server,
            }
            records.audit(account_id, stored.user_id, "bridge_paired", detail)
            records.tell(account_id, f"bridge:{bridge_id}:paired", f"bridge {name} was paired")
            return Paired(bridge_id, account_id, credential)

        return await self._units.run(unit)

    async def authenticate_bridge(self, bridge_id: str, credential: str) -> BridgeView:
        """Return the bridge that shows its credential. Raises `NotAuthenticated`."""

        def unit(records: AccountRecords) -> BridgeView:
            stored = records.credential_hash(bridge_id)
            if stored is None or not hmac.compare_digest(stored, secret_hash(credential)):
                raise NotAuthenticated("the bridge's credential is unknown or revoked; pair it again")
            bridge = records.bridge(bridge_id)
            assert bridge is not None
            return bridge

        return await self._units.read(unit)

    def _insert_account(self, records: AccountRecords, account_id: str, user_id: str, name: str) -> None:
        records.insert_account(account_id, user_id, name, self._clock.now())
        records.audit(account_id, user_id, "account_created", {"name": name})
        records.tell(account_id, f"account:{account_id}:created", "account created")

    def _revoke(self, records: AccountRecords, bridge: BridgeView, user_id: str, why: str) -> None:
        records.revoke_bridge(bridge.bridge_id, bridge.account_id, self._clock.now())
        detail = {"bridge_id": bridge.bridge_id, "reason": why}
        records.audit(bridge.account_id, user_id, "bridge_revoked", detail)
        records.tell(
            bridge.account_id,
            f"bridge:{bridge.bridge_id}:revoked",
            f"bridge {bridge.name} was revoked: {why}",
        )


def _known(records: AccountRecords, account_id: str) -> AccountView:
    account = records.account(account_id)
    if account is None:
        raise NotFound("account", account_id)
    return account


def _seen(records: AccountRecords, caller: Caller, account_id: str, *, lock: bool = False) -> AccountView:
    account = records.account(account_id, lock=lock)
    if account is None or not (caller.sees_all or account.owner_user_id == caller.user_id):
        raise NotFound("account", account_id)
    return account


def _owned(records: AccountRecords, caller: Caller, account_id: str, *, lock: bool = False) -> AccountView:
    """Return an account that the caller owns; one that it only sees is refused as such."""
    account = _seen(records, caller, account_id, lock=lock)
    if account.owner_user_id != caller.user_id:
        raise PermissionDenied("OWNER")
    return account


def _check_login(account: AccountView, identity: Identity) -> None:
    if account.login is None:
        return
    if (account.login, account.broker_server) != (identity.login, identity.broker_server):
        raise AccountMismatch(account.login, account.broker_server, identity.login, identity.broker_server)
