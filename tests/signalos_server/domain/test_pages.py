"""Page tokens: what comes back is what was given, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.errors import BadPageToken
from signalos_server.domain.pages import decode_page, encode_page, page_size


@given(st.text(), st.text(), st.integers(-(2**62), 2**62))
def test_a_token_comes_back_as_it_was_given(kind: str, text: str, number: int) -> None:
    assert decode_page(kind, encode_page(kind, text, number), str, int) == (text, number)


@given(st.text(max_size=100))
def test_anything_else_is_refused_as_such(token: str) -> None:
    if token:
        with pytest.raises(BadPageToken):
            decode_page("users", token, str)
    else:
        assert decode_page("users", token, str) is None


def test_a_token_of_another_list_is_refused() -> None:
    with pytest.raises(BadPageToken):
        decode_page("alerts", encode_page("users", "x"), str)
    with pytest.raises(BadPageToken):
        decode_page("users", encode_page("users", 1), str)
    with pytest.raises(BadPageToken):
        decode_page("users", encode_page("users", 2**70), int)


def test_a_size_has_a_default_and_a_maximum() -> None:
    assert [page_size(asked, 50, 500) for asked in (0, 7, 9999)] == [50, 7, 500]
