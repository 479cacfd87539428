from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from signalos_bridge.domain.orders import Priority
from signalos_bridge.terminal.lane import Lane

calls = st.lists(st.tuples(st.sampled_from(list(Priority)), st.booleans()))


@given(calls=calls)
def test_the_most_urgent_goes_first_and_equals_go_as_they_came(calls: list[tuple[Priority, bool]]) -> None:
    lane: Lane[int] = Lane()
    withdrawn = set()
    for number, (priority, withdraw) in enumerate(calls):
        waiting = lane.join(number, priority)
        if withdraw:
            lane.withdraw(waiting)
            withdrawn.add(number)

    expected = sorted(
        (number for number in range(len(calls)) if number not in withdrawn),
        key=lambda number: (calls[number][0], number),
    )
    assert len(lane) == len(expected)
    assert lane.drain() == expected
    assert lane.next() is None


def test_a_stop_overtakes_everything_that_waits() -> None:
    lane: Lane[str] = Lane()
    for name, priority in (("read", Priority.READ), ("open", Priority.OPEN), ("close", Priority.CLOSE)):
        lane.join(name, priority)
    lane.join("stop", Priority.STOP)

    assert lane.drain() == ["stop", "close", "open", "read"]
