"""The supervisor's decisions, told the time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalos_cli.domain.supervision import (
    Action,
    AllEnded,
    AllServe,
    AskToEnd,
    Event,
    Exit,
    GaveUp,
    InvalidTransition,
    Kill,
    Limits,
    Program,
    Start,
    State,
    Storm,
    Supervision,
    TooSlow,
    WillRestart,
    next_state,
)

KILLED = Exit(signal=9)
FAILED = Exit(code=1)
LIMITS = Limits(
    first_pause_seconds=1, longest_pause_seconds=8, calm_seconds=60, start_seconds=20, end_seconds=10
)


def three(limits: Limits = LIMITS) -> Supervision:
    """A server, a gateway that needs it, and a bridge that needs it."""
    return Supervision(
        [Program("server"), Program("gateway", ("server",)), Program("bridge", ("server",))], limits
    )


def serving() -> Supervision:
    supervision = three()
    supervision.begin(0.0)
    for name in ("server", "gateway", "bridge"):
        supervision.serves(name, 1.0)
    return supervision


def test_only_what_waits_for_nothing_starts_at_first() -> None:
    assert three().begin(0.0) == [Start("server")]


def test_what_waits_starts_once_the_other_serves() -> None:
    supervision = three()
    supervision.begin(0.0)

    assert supervision.serves("server", 1.0) == [Start("gateway"), Start("bridge")]


def test_that_all_serve_is_said_once_and_not_again_after_a_restart() -> None:
    supervision = three()
    supervision.begin(0.0)
    supervision.serves("server", 1.0)

    assert supervision.serves("gateway", 2.0) == []
    assert supervision.serves("bridge", 3.0) == [AllServe()]

    supervision.exited("bridge", KILLED, 4.0)
    supervision.poll(5.0)
    assert supervision.serves("bridge", 6.0) == []


def test_a_killed_program_comes_back_after_the_first_pause() -> None:
    supervision = serving()

    assert supervision.exited("server", KILLED, 10.0) == [WillRestart("server", KILLED, 1.0)]
    assert supervision.next_due() == 11.0
    assert supervision.poll(10.9) == []
    assert supervision.poll(11.0) == [Start("server")]
    assert supervision.state("gateway") is State.SERVING


def test_pauses_double_up_to_the_longest() -> None:
    supervision = serving()
    pauses: list[float] = []
    now = 10.0
    for _ in range(6):
        said = supervision.exited("bridge", KILLED, now)
        pauses += [action.pause_seconds for action in said if isinstance(action, WillRestart)]
        now += 20
        supervision.poll(now)
        supervision.serves("bridge", now)

    assert pauses == [1, 2, 4, 8, 8, 8]


def test_a_calm_time_makes_earlier_ends_forgotten() -> None:
    supervision = serving()
    supervision.exited("bridge", KILLED, 10.0)
    supervision.poll(11.0)
    supervision.serves("bridge", 12.0)

    assert supervision.exited("bridge", KILLED, 72.0) == [WillRestart("bridge", KILLED, 1.0)]


def test_a_storm_of_ends_is_said_once_and_restarting_goes_on() -> None:
    supervision = serving()
    said: list[Action] = []
    now = 10.0
    for _ in range(8):
        said += supervision.exited("bridge", FAILED, now)
        now += 8
        said += supervision.poll(now)

    assert [action for action in said if isinstance(action, Storm)] == [Storm("bridge", 6, 60.0)]
    assert said[-1] == Start("bridge")


def test_one_that_never_served_is_given_up_and_all_ends() -> None:
    supervision = three()
    supervision.begin(0.0)
    supervision.exited("server", FAILED, 1.0)
    supervision.poll(2.0)
    supervision.exited("server", FAILED, 3.0)
    supervision.poll(5.0)

    assert supervision.exited("server", FAILED, 6.0) == [GaveUp("server", FAILED, 3), AllEnded(failed=True)]


def test_wrong_settings_are_not_tried_again() -> None:
    supervision = three()
    supervision.begin(0.0)
    wrong = Exit(code=2)

    assert supervision.exited("server", wrong, 1.0) == [GaveUp("server", wrong, 1), AllEnded(failed=True)]


def test_giving_one_up_ends_the_others() -> None:
    supervision = three()
    supervision.begin(0.0)
    supervision.serves("server", 1.0)
    supervision.serves("bridge", 1.0)

    assert supervision.exited("gateway", Exit(code=2), 2.0) == [
        GaveUp("gateway", Exit(code=2), 1),
        AskToEnd("bridge"),
    ]
    assert supervision.exited("bridge", Exit(code=0), 3.0) == [AskToEnd("server")]
    assert supervision.exited("server", Exit(code=0), 4.0) == [AllEnded(failed=True)]


def test_programs_end_before_those_that_they_wait_for() -> None:
    supervision = serving()

    assert supervision.end(10.0) == [AskToEnd("bridge"), AskToEnd("gateway")]
    assert supervision.exited("gateway", Exit(code=0), 11.0) == []
    assert supervision.exited("bridge", Exit(code=0), 12.0) == [AskToEnd("server")]
    assert supervision.exited("server", Exit(code=0), 13.0) == [AllEnded(failed=False)]


def test_one_that_does_not_end_in_time_is_killed() -> None:
    supervision = serving()
    supervision.end(10.0)
    supervision.exited("gateway", Exit(code=0), 11.0)

    assert supervision.poll(20.0) == [TooSlow("bridge", 10.0), Kill("bridge")]
    assert supervision.exited("bridge", KILLED, 20.1) == [AskToEnd("server")]


def test_asking_twice_to_end_kills_all_that_is_left() -> None:
    supervision = serving()
    supervision.end(10.0)

    assert supervision.end(11.0) == [Kill("server"), Kill("gateway"), Kill("bridge")]


def test_one_that_rests_when_all_is_ended_does_not_start_again() -> None:
    supervision = serving()
    supervision.exited("bridge", KILLED, 10.0)

    assert supervision.end(10.5) == [AskToEnd("gateway")]
    assert supervision.poll(15.0) == []


def test_one_that_does_not_serve_in_time_is_killed_and_tried_again() -> None:
    supervision = three()
    supervision.begin(0.0)

    assert supervision.poll(20.0) == [TooSlow("server", 20), Kill("server")]
    assert supervision.exited("server", KILLED, 20.1) == [WillRestart("server", KILLED, 1.0)]


def test_a_program_that_waits_for_an_unknown_one_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown"):
        Supervision([Program("gateway", ("server",))])


def test_an_impossible_event_is_refused() -> None:
    with pytest.raises(InvalidTransition):
        next_state(State.ENDED, Event.SERVES)


@given(st.data())
def test_whatever_happens_ending_ends_everything(data: st.DataObject) -> None:
    """Any run of exits, readiness and time, then an end: nothing is left, and nothing starts after."""
    supervision = three()
    running: set[str] = set()
    now = 0.0
    ended = False

    def carry_out(actions: list[Action]) -> None:
        nonlocal ended
        for action in actions:
            match action:
                case Start(name):
                    assert name not in running
                    running.add(name)
                case AllEnded():
                    assert not running
                    ended = True

    carry_out(supervision.begin(now))
    for _ in range(data.draw(st.integers(0, 30))):
        if ended:
            break
        now += data.draw(st.floats(0.01, 40))
        carry_out(supervision.poll(now))
        if not running:
            continue
        name = data.draw(st.sampled_from(sorted(running)))
        if supervision.state(name) is State.STARTING and data.draw(st.booleans()):
            carry_out(supervision.serves(name, now))
        elif data.draw(st.booleans()):
            running.discard(name)
            carry_out(supervision.exited(name, data.draw(st.sampled_from([KILLED, FAILED])), now))
    carry_out(supervision.end(now))
    while running:
        now += 1
        name = data.draw(st.sampled_from(sorted(running)))
        running.discard(name)
        carry_out(supervision.exited(name, KILLED, now))

    assert ended
