"""Which accounts a caller may see, trade and stop."""

from __future__ import annotations

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import (
    AccountRequired,
    NotFound,
    PermissionDenied,
    StaleData,
    UnknownSymbol,
)
from signalos_server.domain.records import SymbolSpec
from signalos_server.service.records import AccountRef, Records


def seen_accounts(records: Records, caller: Caller, account_id: str = "") -> list[AccountRef]:
    """Return the accounts that the caller sees, or the one that is named. Raises `NotFound`."""
    if account_id:
        return [seen_account(records, caller, account_id)]
    return records.accounts_of(None if caller.sees_all else caller.user_id)


def seen_account(records: Records, caller: Caller, account_id: str) -> AccountRef:
    """Return an account; another user's is not found, except by administrators."""
    account = records.account(account_id)
    if account is None or not (caller.sees_all or account.owner_user_id == caller.user_id):
        raise NotFound("account", account_id)
    return account


def traded_account(records: Records, caller: Caller, account_id: str) -> AccountRef:
    """Return an account of the caller's own; the only one where none is named.

    Administrators see and stop all accounts, and trade their own.
    """
    if not account_id:
        own = records.accounts_of(caller.user_id)
        if len(own) == 1:
            return own[0]
        if own:
            raise AccountRequired(tuple(account.account_id for account in own))
        raise NotFound("account", "")
    account = seen_account(records, caller, account_id)
    if account.owner_user_id != caller.user_id:
        raise PermissionDenied("OWNER")
    return account


def only_seen_account(records: Records, caller: Caller, account_id: str) -> AccountRef:
    """Return the account that is named, or the only one of the caller."""
    return seen_account(records, caller, account_id) if account_id else traded_account(records, caller, "")


def traded_symbol(records: Records, account_id: str, symbol: str) -> SymbolSpec:
    """Return what is known of a symbol of an account.

    Raises `UnknownSymbol` where the account's list has none of this name, and `StaleData` where there is no
    list yet: a bridge tells it after its first hello, and until then nothing is known of any symbol.
    """
    spec = records.book.symbol(account_id, symbol)
    if spec is not None:
        return spec
    if not records.book.symbol_names(account_id):
        raise StaleData(account_id, "the list of symbols")
    raise UnknownSymbol(symbol, account_id)
