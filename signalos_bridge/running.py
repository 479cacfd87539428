"""A command while it runs: the working copy of its record, ahead of the journal by what is being written."""

from __future__ import annotations

import asyncio

from signalos_bridge.domain.command import CommandRecord, Leg


class Running:
    """One command. `ended` is set once it is final, or its outcome was told as unknown."""

    __slots__ = ("cancelled", "ended", "legs_written", "record", "writing")

    def __init__(self, record: CommandRecord) -> None:
        self.record = record
        self.cancelled = False
        self.ended = asyncio.Event()
        self.legs_written = False
        # Held by whoever writes what it has come to.
        self.writing = asyncio.Lock()

    @property
    def command_id(self) -> str:
        """Return whose it is."""
        return self.record.command.command_id

    def leg(self, index: int) -> Leg:
        """Return a leg as it is now."""
        assert self.record.legs is not None
        return self.record.legs[index]

    def put(self, leg: Leg) -> None:
        """Replace a leg."""
        self.record = self.record.with_leg(leg)
