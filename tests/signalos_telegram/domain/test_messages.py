from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalos_telegram.domain.messages import Action, external_id, is_channel, request_id
from signalos_telegram.domain.retrying import FINAL_CODES, backoff
from tests.signalos_telegram.recorded import CHANNEL, GROUP

names = st.tuples(
    st.text(min_size=1, max_size=40), st.integers(), st.integers(), st.sampled_from(Action), st.text(),
    st.integers(min_value=1),
)  # fmt: skip


@given(names, names)
def test_a_submission_has_one_key_and_another_has_another(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    assert (request_id(*one) == request_id(*other)) == (one == other)
    key = request_id(*one)
    assert len(key) <= 64
    assert all("!" <= letter <= "~" for letter in key)


def test_a_message_is_named_by_chat_and_number() -> None:
    assert external_id(CHANNEL, 7) == "-1001234567890:7"
    assert is_channel(CHANNEL)
    assert not is_channel(GROUP)


def test_waiting_grows_and_has_a_bound() -> None:
    assert [backoff(n, 1.0).total_seconds() for n in (1, 2, 3, 7, 100)] == [0.5, 1.0, 2.0, 30.0, 30.0]
    assert backoff(100, 0.0).total_seconds() == 0.25


def test_what_may_pass_is_tried_again() -> None:
    assert not FINAL_CODES & {"UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED", "RESOURCE_EXHAUSTED"}
