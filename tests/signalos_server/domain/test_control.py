"""Control documents: stops only add, and only a re-arm that names them clears them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_server.domain.control import (
    ControlDocument,
    HeldStop,
    add_stop,
    adopt_held,
    generation_token,
    policy_wanted,
    rearm,
    rearm_confirmed,
    set_paused,
    set_stealth,
    set_trailing_stop,
)
from signalos_server.domain.errors import FlattenRunning, StaleStops

NONE: frozenset[str] = frozenset()
ids = st.sampled_from(["a", "b", "c", "d"])
wishes = st.lists(
    st.one_of(
        st.tuples(st.just("stop"), ids),
        st.tuples(st.just("held"), ids),
        st.tuples(st.just("rearm"), ids),
        st.tuples(st.just("confirm"), ids),
        st.tuples(st.just("pause"), ids),
        st.tuples(st.just("stealth"), ids),
    ),
    max_size=40,
)


def fresh() -> ControlDocument:
    return ControlDocument("acc_1")


@given(wishes)
def test_numbers_only_rise_and_stops_leave_by_rearm_only(told: list[tuple[str, str]]) -> None:
    document = fresh()
    for kind, stop_id in told:
        before = document
        if kind == "stop":
            document = add_stop(document, HeldStop(stop_id))
        elif kind == "held":
            document = adopt_held(document, (HeldStop(stop_id),), 0)
        elif kind == "confirm":
            document = rearm_confirmed(document, (), document.stop_generation)
        elif kind == "pause":
            document = set_paused(document, stop_id < "c")
        elif kind == "stealth":
            document = set_stealth(document, stop_id < "c")
        else:
            try:
                document = rearm(document, (stop_id,), NONE, "r")
            except StaleStops:
                assert stop_id not in before.stop_ids
                continue
            assert set(before.stop_ids) - set(document.stop_ids) == {stop_id}
            assert document.paused == before.paused
            continue
        assert set(before.stop_ids) <= set(document.stop_ids)
        assert document.revision >= before.revision
        assert document.stop_generation >= before.stop_generation
        if document.stop_ids != before.stop_ids:
            assert document.stop_generation > before.stop_generation
            assert document.revision > before.revision


def test_a_rearm_of_one_stop_leaves_a_newer_one() -> None:
    document = add_stop(add_stop(fresh(), HeldStop("a")), HeldStop("b"))
    assert rearm(document, ("a",), NONE, "r").stop_ids == ("b",)


def test_a_rearm_is_refused_while_a_flatten_runs() -> None:
    document = add_stop(fresh(), HeldStop("a", close_positions=True))
    with pytest.raises(FlattenRunning):
        rearm(document, ("a",), frozenset({"a"}), "r")


def test_a_commit_that_is_tried_again_does_not_bring_a_cleared_stop_back() -> None:
    document = rearm(add_stop(fresh(), HeldStop("a")), ("a",), NONE, "r")
    assert add_stop(document, HeldStop("a")) is document


def test_a_report_of_a_stop_whose_rearm_is_on_the_way_does_not_bring_it_back() -> None:
    document = rearm(add_stop(fresh(), HeldStop("a")), ("a",), NONE, "r")
    assert not adopt_held(document, (HeldStop("a"),), 0).stopped
    # Confirmed, and held again all the same: the latch outranks the record.
    assert adopt_held(rearm_confirmed(document, (), document.stop_generation), (HeldStop("a"),), 0).stopped


def test_a_stop_that_is_in_force_again_is_not_cleared_and_can_be_made_harder() -> None:
    document = rearm(add_stop(fresh(), HeldStop("a")), ("a",), NONE, "r")
    document = rearm_confirmed(document, (), document.stop_generation)

    again = adopt_held(document, (HeldStop("a"),), 0)

    assert again.cleared_stop_ids == ()
    assert add_stop(again, HeldStop("a", close_positions=True)).stops[0].close_positions


def test_a_known_stop_keeps_the_harder_of_both_wishes() -> None:
    document = add_stop(fresh(), HeldStop("a"))
    assert add_stop(document, HeldStop("a", close_positions=True)).stops[0].close_positions


def test_a_rearm_is_sent_until_the_bridge_no_longer_holds_what_it_names() -> None:
    document = rearm(add_stop(fresh(), HeldStop("a")), ("a",), NONE, "r")
    assert rearm_confirmed(document, ("a",), document.stop_generation) is document
    assert not rearm_confirmed(document, ("other",), document.stop_generation).rearms


def test_a_word_of_a_bridge_from_before_a_rearm_does_not_confirm_it() -> None:
    before = add_stop(fresh(), HeldStop("a"))
    document = rearm(before, ("a",), NONE, "r")
    # Said before the stop was latched there, and recorded after it was led out of.
    assert rearm_confirmed(document, (), before.stop_generation) is document


def test_the_generation_changes_with_stops_and_not_with_policies() -> None:
    document = fresh()
    token = generation_token((document,))
    assert generation_token((set_paused(document, True),)) == token
    assert generation_token((add_stop(document, HeldStop("a")),)) != token


def test_a_trades_policy_is_replaced_and_names_its_revision() -> None:
    document = set_trailing_stop(set_trailing_stop(fresh(), 7, None), 7, None)
    assert len(document.trade_policies) == 1
    policy = policy_wanted(document, 7)
    assert policy is not None
    assert policy.revision == document.revision
