"""What holds at every step of both sides, and what once all has healed."""

from __future__ import annotations

from signalos_server.domain.words import CommandState
from tests.machines.both_sides import BothSides

FINAL = {CommandState.SUCCEEDED, CommandState.REJECTED, CommandState.FENCED}


def holds(sides: BothSides) -> None:
    """Nothing is done twice, no event is missed, nothing opens under a stop, nothing untrue is told."""
    assert sides.facts == sides.events[: len(sides.facts)], "an event is missed or told in another order"
    assert all(count == 1 for count in sides.executions.values()), "a command was executed twice"
    assert sides.opened_while_stopped == [], "a command opened under a stop, or from before one"
    assert not sides.stops_on_the_way(), "a stop that memory holds did not reach the bridge"
    for command_id, row in sides.rows.items():
        done = sides.executions[command_id]
        if row.state is CommandState.SUCCEEDED:
            assert done == 1, f"{command_id} was told SUCCEEDED"
        elif row.state in FINAL:
            assert done == 0, f"{command_id} was told {row.state.name}, and was executed"


def agree(sides: BothSides) -> None:
    """Heal, and find both sides of one mind, and trading where nobody stopped it."""
    sides.heal()
    assert sides.facts == sides.events, "events are missing"
    assert {row.state for row in sides.rows.values()} <= FINAL, "a command has no end"
    assert set(sides.document.stop_ids) == sides.stops_made, "the record's stops are not those that were made"
    assert {stop.stop_id for stop in sides.control.held} == sides.stops_made, "the bridge holds other stops"
    assert sides.document.rearms == (), "a re-arm is on its way for ever"
    session = sides.session
    assert session is not None
    assert session.may_send(increases_risk=True) is not bool(sides.stops_made)
    if not sides.stops_made:
        assert sides.control.lease_left(sides.now) is not None, "there is no lease"
        assert session.lease_until is not None
        # The server never believes that a lease ends before the bridge does.
        assert session.lease_until >= sides.now + (sides.control.lease_left(sides.now) or 0.0)


def stop_and_lead_out(sides: BothSides) -> None:
    """A stop and its re-arm pass by, while commands of before it may wait for the terminal."""
    sides.stop_at_the_server()
    sides.record_stops()
    sides.flow(6)
    sides.rearm()
    sides.flow(6)


def stop_as_the_link_breaks(sides: BothSides, rounds: int) -> None:
    """A stop is called, the link breaks, and the bridge is back before the stop is committed."""
    sides.stop_at_the_server()
    for control in (False, True):
        sides.cut(control)
        sides.bridge_notices(control)
    sides.dial()
    sides.flow(rounds)
    sides.dial_control()
    sides.flow(rounds)
