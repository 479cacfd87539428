"""Rows of the server's database as evidence."""

from __future__ import annotations

from signalos_verify.domain.findings import Evidence
from signalos_verify.domain.records import Command, Leg, StopAt, StreamEvent


def command_evidence(command: Command) -> Evidence:
    """Quote a command."""
    offered = (
        "never offered" if command.offered_epoch is None else f"offered in session {command.offered_epoch}"
    )
    ended = "not ended" if command.ended is None else f"ended {command.ended:.3f}"
    return Evidence(
        "database: commands",
        f"{command.command_id} {command.kind} {command.symbol} {command.state} {command.reason} "
        f"outcome {command.outcome_number} asked {command.asked_volume_lots} filled "
        f"{command.filled_volume_lots} created {command.created:.3f} {ended} {offered}",
    )


def leg_evidence(command: Command, leg: Leg) -> Evidence:
    """Quote a leg of a command."""
    return Evidence(
        "database: commands.legs",
        f"{command.command_id} leg {leg.index} {leg.state} magic {leg.magic} asked {leg.asked_volume_lots} "
        f"filled {leg.filled_volume_lots} order {leg.order_ticket} deal {leg.deal_ticket} "
        f"attempts {leg.attempt_count}",
    )


def event_evidence(event: StreamEvent) -> Evidence:
    """Quote an event of a stream."""
    by = f" told in session {event.bridge_epoch} of {event.bridge_id}" if event.bridge_id else ""
    return Evidence(
        "database: events",
        f"stream {event.user_id} seq {event.seq} {event.kind} {event.event_id} {event.subject}{by}",
    )


def stop_evidence(stop: StopAt) -> Evidence:
    """Quote a stop at one account."""
    times = ", ".join(
        f"{name} {time:.3f}"
        for name, time in (("latched", stop.latched), ("flat", stop.flat), ("re-armed", stop.rearmed))
        if time is not None
    )
    return Evidence(
        "database: stop_accounts",
        f"stop {stop.stop_id} at {stop.account_id} called {stop.called:.3f} {times}",
    )
