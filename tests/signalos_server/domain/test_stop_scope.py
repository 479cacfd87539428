"""Which accounts a stop covers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, lists, sampled_from

from signalos_server.domain.stop_scope import StopWish, covered
from signalos_server.domain.words import StopScope

OWNERS = {"a1": "ann", "a2": "ann", "b1": "bob", "b2": "bob"}
_S = StopScope


def wish(scope: StopScope = _S.UNSPECIFIED, *account_ids: str) -> StopWish:
    return StopWish(False, scope, account_ids, "")


@pytest.mark.parametrize(
    ("user", "admin", "wished", "accounts", "ignored"),
    [
        # A trader: their own, whatever is asked.
        ("ann", False, wish(), ("a1", "a2"), ()),
        ("ann", False, wish(_S.USER), ("a1", "a2"), ()),
        ("ann", False, wish(_S.EVERYTHING), ("a1", "a2"), ()),
        ("ann", False, wish(_S.ACCOUNTS, "a2"), ("a2",), ()),
        ("ann", False, wish(_S.UNSPECIFIED, "a2", "b1"), ("a2",), ("b1",)),
        # Nothing of what is named is theirs: better all of theirs than nothing.
        ("ann", False, wish(_S.ACCOUNTS, "b1", "nope"), ("a1", "a2"), ("b1", "nope")),
        # An administrator who trades: their own, unless they say more.
        ("ann", True, wish(), ("a1", "a2"), ()),
        ("ann", True, wish(_S.EVERYTHING), ("a1", "a2", "b1", "b2"), ()),
        ("ann", True, wish(_S.ACCOUNTS, "b2"), ("b2",), ()),
        # An administrator who owns nothing means everything, whatever they say.
        ("eve", True, wish(), ("a1", "a2", "b1", "b2"), ()),
        ("eve", True, wish(_S.USER), ("a1", "a2", "b1", "b2"), ()),
        ("eve", True, wish(_S.ACCOUNTS, "nope"), ("a1", "a2", "b1", "b2"), ("nope",)),
        ("eve", True, wish(_S.ACCOUNTS, "b1"), ("b1",), ()),
        # Who owns nothing and administers nothing stops nothing.
        ("eve", False, wish(_S.EVERYTHING), (), ()),
    ],
)
def test_a_wish_covers(
    user: str, admin: bool, wished: StopWish, accounts: tuple[str, ...], ignored: tuple[str, ...]
) -> None:
    found = covered(wished, user, sees_all=admin, owners=OWNERS)

    assert (found.account_ids, found.ignored) == (accounts, ignored)


@given(sampled_from(_S), lists(sampled_from([*OWNERS, "nope", ""])), sampled_from(["ann", "eve"]), booleans())
def test_nobody_stops_what_they_may_not_and_whoever_may_stop_something_stops_something(
    scope: StopScope, named: list[str], user: str, admin: bool
) -> None:
    found = covered(wish(scope, *named), user, sees_all=admin, owners=OWNERS)

    allowed = {account for account, owner in OWNERS.items() if admin or owner == user}
    assert set(found.account_ids) <= allowed
    assert bool(found.account_ids) == bool(allowed)
