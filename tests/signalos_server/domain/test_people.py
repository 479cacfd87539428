"""Sessions, tokens and what they allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from signalos_server.domain.caller import CallerKind, Role, Scope
from signalos_server.domain.errors import PermissionDenied
from signalos_server.domain.identifiers import derived_identifier, new_identifier
from signalos_server.domain.people import SESSION_LIFE, ApiToken, Session, User, caller_of

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
USER = User("usr_1", "alice", "hash", Role.TRADER, False, NOW)
SESSION = Session("ses_1", "usr_1", "h", NOW, NOW, NOW + SESSION_LIFE, "::1", "agent")
TOKEN = ApiToken("tok_1", "usr_1", "t", "h", frozenset({Scope.TRADE, Scope.ADMIN}), NOW, None)


@pytest.mark.parametrize(
    ("session", "after", "alive"),
    [
        (SESSION, timedelta(hours=11, minutes=59), True),
        (SESSION, timedelta(hours=12), False),
        (replace(SESSION, last_use_time=NOW + timedelta(days=29, hours=20)), timedelta(days=30), False),
        (replace(SESSION, end_time=NOW), timedelta(0), False),
    ],
)
def test_a_session_ends_by_idleness_age_or_hand(session: Session, after: timedelta, alive: bool) -> None:
    assert session.alive(NOW + after) is alive


def test_a_token_lives_until_its_end_or_revocation() -> None:
    limited = replace(TOKEN, expire_time=NOW + timedelta(hours=1))

    assert TOKEN.alive(NOW + timedelta(days=9999))
    assert limited.alive(NOW + timedelta(minutes=59))
    assert not limited.alive(NOW + timedelta(hours=1))
    assert not replace(TOKEN, revoke_time=NOW).alive(NOW)


def test_a_token_may_no_more_than_its_user() -> None:
    trader, admin = caller_of(USER, TOKEN), caller_of(replace(USER, role=Role.ADMIN), TOKEN)

    assert trader.scopes == {Scope.VIEW, Scope.TRADE}
    assert admin.scopes == {Scope.VIEW, Scope.TRADE, Scope.ADMIN}
    assert (trader.kind, trader.credential_id) == (CallerKind.TOKEN, "tok_1")
    with pytest.raises(PermissionDenied):
        trader.require(Scope.REARM)
    caller_of(USER, SESSION).require(Scope.REARM)


def test_identifiers_sort_by_time_and_derived_ones_repeat() -> None:
    early, late = new_identifier("acc", 1_000, 2**80 - 1), new_identifier("acc", 1_001, 0)

    assert early < late
    assert len(early) == 30
    assert derived_identifier("trd", "acc_1", 7) == derived_identifier("trd", "acc_1", 7)
    assert derived_identifier("trd", "a", "bc") != derived_identifier("trd", "ab", "c")
