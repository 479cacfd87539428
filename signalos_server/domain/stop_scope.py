"""Which accounts a stop covers, decided alike from memory and from the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signalos_server.domain.words import StopScope


@dataclass(frozen=True, slots=True)
class StopWish:
    """What is to be stopped. Every combination is served."""

    close_positions: bool
    scope: StopScope
    account_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Covered:
    """The accounts that a stop covers, and the named ones that its caller may not stop."""

    account_ids: tuple[str, ...]
    ignored: tuple[str, ...] = ()


def covered(wish: StopWish, user_id: str, *, sees_all: bool, owners: Mapping[str, str]) -> Covered:
    """Return what a wish covers. `owners`: each account's owner; `sees_all`: the caller is an administrator.

    A stop never covers nothing while its caller may stop something: who names only what is not there, or
    administers accounts and owns none, means all that they may stop.
    """
    own = tuple(account_id for account_id, owner in owners.items() if owner == user_id)
    may_stop = tuple(owners) if sees_all else own
    mine = own or may_stop
    if wish.account_ids and wish.scope in (StopScope.ACCOUNTS, StopScope.UNSPECIFIED):
        named = tuple(dict.fromkeys(wish.account_ids))
        reachable = frozenset(may_stop)
        found = tuple(one for one in named if one in reachable)
        return Covered(found or mine, tuple(one for one in named if one not in reachable))
    if wish.scope is StopScope.EVERYTHING:
        return Covered(may_stop)
    return Covered(mine)
