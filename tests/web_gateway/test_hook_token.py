from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web_gateway.hook_token import Presented, presented

TOKEN = "whk_5up3r-s3cret"
BODY = b'{"symbol": "XAUUSD", "price": 2340.10, "token": "whk_5up3r-s3cret"}'

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_a_token_in_the_path_leaves_the_body_as_it_came() -> None:
    body = b'{"symbol":"XAUUSD","price":2340.10}'

    assert presented(TOKEN, {}, body) == Presented(TOKEN, body)


@pytest.mark.parametrize(
    "headers",
    [
        {b"x-signalos-token": TOKEN.encode()},
        {b"authorization": f"Bearer {TOKEN}".encode()},
        {b"authorization": b"Basic abc", b"x-signalos-token": TOKEN.encode()},
    ],
)
def test_a_token_in_a_header_is_found(headers: dict[bytes, bytes]) -> None:
    assert presented("", headers, b"BUY XAUUSD") == Presented(TOKEN, b"BUY XAUUSD")


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (BODY, b'{"symbol": "XAUUSD", "price": 2340.10}'),
        (b'{"token":"whk_5up3r-s3cret", "tp": [1.50, 2]}', b'{"tp": [1.50, 2]}'),
        (b' {"a":1,\n"token" : "whk_5up3r-s3cret"\n, "b":{"token":"x"}}\n', b' {"a":1, "b":{"token":"x"}}\n'),
        (b'{"token":"whk_5up3r-s3cret"}', b"{}"),
        (b'\xef\xbb\xbf{"token":"whk_5up3r-s3cret","a":1}', b'\xef\xbb\xbf{"a":1}'),
        (b'{"a":1e400,"token":"whk_5up3r-s3cret"}', b'{"a":1e400}'),
    ],
)
def test_a_token_in_the_body_is_cut_out_and_the_rest_stays_to_the_byte(body: bytes, left: bytes) -> None:
    assert presented("", {}, body) == Presented(TOKEN, left)


def test_the_token_of_the_path_is_cut_out_of_the_body_too_and_that_of_a_coin_is_not() -> None:
    assert TOKEN.encode() not in presented(TOKEN, {}, BODY).body
    assert presented(TOKEN, {}, b'{"token":"BTC"}') == Presented(TOKEN, b'{"token":"BTC"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"token whk_5up3r-s3cret",
        b'["token", "whk_5up3r-s3cret"]',
        b'{"nested": {"token": "whk_5up3r-s3cret"}}',
        b'{"token": 5}',
        b'{"token": "whk_5up3r-s3cret", "token": "another"}',
        b'{"token": "whk_5up3r-s3cret",}',
        b'{"token": "whk_5up3r-s3cret"} more',
        b'{"token": "whk_5up3r-s3cret"',
        b"\xff\xfe",
        b'{"a":' + b"[" * 100_000,
        b'{"token": "with space"}',
    ],
)
def test_what_is_no_object_with_one_token_shows_none(body: bytes) -> None:
    assert presented("", {}, body) == Presented("", body)


@pytest.mark.parametrize("token", ["with space", "x" * 201, "schlüssel", "\n"])
def test_what_cannot_be_a_token_is_none(token: str) -> None:
    assert presented(token, {}, b"BUY").token == ""


@given(st.dictionaries(st.text(), values, max_size=6), st.sampled_from([None, 1, "\t"]))
def test_whatever_the_object_only_the_token_goes(
    members: dict[str, object], indent: int | str | None
) -> None:
    members = {name: value for name, value in members.items() if name != "token"}
    body = json.dumps({**members, "token": TOKEN}, indent=indent).encode()

    shown = presented("", {}, body)

    assert shown.token == TOKEN
    assert json.loads(shown.body) == members


@given(st.binary(max_size=200))
def test_any_body_is_read_without_an_error(body: bytes) -> None:
    assert presented(TOKEN, {}, body) == Presented(TOKEN, body)
