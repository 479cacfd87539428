"""Watches what happens on this node, and halts an account where one of its rules is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from signalos_server.domain.actions import Open
from signalos_server.domain.caller import Caller
from signalos_server.domain.command import Command
from signalos_server.domain.control import ControlDocument
from signalos_server.domain.frames import Heartbeat
from signalos_server.domain.triggers import AccountWatch, ClockWatch, Settings, Trip, clock_jumped
from signalos_server.domain.words import CommandOrigin, CommandState
from signalos_server.service.emergency import EmergencyStops
from signalos_server.service.hub import Clocks, Hub, LiveSession

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.25
# Rounding and the time between the readings of two clocks; less is no jump.
_JUMP_WORTH_TELLING_SECONDS = 0.5
_SERVER = "the server"
_BRIDGE = "the bridge"


class StopTriggers:
    """The rules of `domain.triggers`, told what happens. What a rule makes is a stop like any other."""

    def __init__(self, hub: Hub, stops: EmergencyStops, clocks: Clocks) -> None:
        self._hub = hub
        self._stops = stops
        self._clocks = clocks
        self._watches: dict[str, AccountWatch] = {}
        hub.on_command(self._changed)
        hub.on_control_beat(self._beat)

    def opened(self, caller: Caller, command: Command, document: ControlDocument) -> None:
        """An open was accepted, and is committed."""
        action = command.action
        if not isinstance(action, Open):
            return
        person = command.origin is CommandOrigin.USER and not command.automated
        source = None if person else f"{command.origin.name}:{caller.credential_id}"
        self._judge(
            command.account_id,
            lambda watch, now: watch.opened(source, _words(action), document.triggers, now),
        )

    def _changed(self, command: Command) -> None:
        if command.state is CommandState.UNKNOWN:
            settings = self._settings(command.account_id)
            self._judge(
                command.account_id, lambda watch, now: watch.unknown(command.command_id, settings, now)
            )

    def _beat(self, session: LiveSession, heartbeat: Heartbeat) -> None:
        settings = session.machine.document.triggers
        if heartbeat.loop_lag_seconds > 0:
            late = heartbeat.loop_lag_seconds
            self._judge(session.account_id, lambda watch, now: watch.loop_late(_BRIDGE, late, settings, now))
        if heartbeat.wall_jump_seconds is not None:
            self._trip(session.account_id, clock_jumped(_BRIDGE, heartbeat.wall_jump_seconds, settings))

    def _settings(self, account_id: str) -> Settings:
        session = self._hub.session(account_id)
        return () if session is None else session.machine.document.triggers

    def _judge(self, account_id: str, rule: Callable[[AccountWatch, float], Trip | None]) -> None:
        watch = self._watches.setdefault(account_id, AccountWatch())
        self._trip(account_id, rule(watch, self._clocks.monotonic()))

    def _trip(self, account_id: str, trip: Trip | None) -> None:
        if trip is None:
            return
        stop_id = self._stops.trip(account_id, trip)
        log.error(
            "a rule stops trading", account_id=account_id, rule=trip.kind.name, stop_id=stop_id or "held"
        )

    async def run(self) -> None:
        """Look at this program's own loop and clocks, until cancelled."""
        moment = self._clocks.moment()
        clock = ClockWatch(moment.wall.timestamp(), moment.monotonic_seconds)
        # Counts no sleep, so that a machine that slept was not late.
        loop_time = asyncio.get_running_loop().time
        while True:
            before = loop_time()
            await asyncio.sleep(_LOOK_SECONDS)
            late = loop_time() - before - _LOOK_SECONDS
            moment = self._clocks.moment()
            jump = clock.look(moment.wall.timestamp(), moment.monotonic_seconds)
            if abs(jump) >= _JUMP_WORTH_TELLING_SECONDS:
                log.warning("the wall clock jumped", seconds=round(jump, 3))
            self._look(late, jump)

    def _look(self, late: float, jump: float) -> None:
        for session in self._hub.sessions():
            settings, account_id = session.machine.document.triggers, session.account_id
            self._trip(account_id, clock_jumped(_SERVER, jump, settings))
            if late >= _LOOK_SECONDS:
                self._judge(
                    account_id,
                    lambda watch, now, settings=settings: watch.loop_late(_SERVER, late, settings, now),  # type: ignore[misc]
                )


def _words(action: Open) -> str:
    """Return all that makes an open the same as another, in a trader's words."""
    size = f"{action.volume_lots} lots" if action.volume_lots is not None else f"by risk {action.risk}"
    levels = (
        ("at", action.price),
        ("stop loss", action.stop_loss),
        ("take profits", "/".join(map(str, action.take_profits)) or None),
    )
    return " ".join(
        [
            action.side.name,
            size,
            action.symbol,
            action.order_type.name.lower(),
            *(f"{name} {value}" for name, value in levels if value is not None),
        ]
    )
