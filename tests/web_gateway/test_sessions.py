from __future__ import annotations

import pytest

from web_gateway.sessions import set_cookie, token_from_authorization, token_from_cookies


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("signalos_session=abc", "abc"),
        ("a=b; signalos_session=abc; c=d", "abc"),
        ("", ""),
        ("signalos_session=", ""),
        ("signalos_session=a; signalos_session=b", ""),
        ('signalos_session="abc"', ""),
        ("xsignalos_session=abc", ""),
        (f"signalos_session={'x' * 600}", ""),
    ],
)
def test_a_cookie_header_has_one_token_or_none(header: str, token: str) -> None:
    assert token_from_cookies(header) == token


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("", None),
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("Basic abc", ""),
        ("Bearer a b", ""),
        ("Bearer", ""),
    ],
)
def test_a_malformed_authorization_is_no_token_and_no_reason_to_look_at_cookies(
    header: str, token: str | None
) -> None:
    assert token_from_authorization(header) == token


def test_the_cookie_is_secure_where_the_connection_is() -> None:
    assert set_cookie("t", secure=True).endswith("; HttpOnly; SameSite=Strict; Secure")
    assert "Secure" not in set_cookie("t", secure=False)
