"""How far the carrying out of a stop has come, as the journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from signalos_bridge.domain.facts import StopTicket


@dataclass(frozen=True, slots=True)
class StopTask:
    """One stop's work. Stages are told by when they were reached on the wall clock, in milliseconds.

    Ages after a restart are counted from those: nothing is decided by them.
    """

    stop_id: str
    close_positions: bool
    quiet_wall_msc: int | None = None
    cancelled_wall_msc: int | None = None
    flat_wall_msc: int | None = None
    tickets: tuple[StopTicket, ...] = ()
    external_order_count: int = 0
    unrecalled_command_ids: tuple[str, ...] = ()
    complete: bool = False
