"""The rows of the table of promises, by name."""

from __future__ import annotations

from dataclasses import replace

from tests.faults.rows import (
    browsers,
    clocks,
    crowd,
    database,
    disks,
    guards,
    kills,
    links,
    poison,
    programs,
    soak,
    stops,
    terminal,
)
from tests.faults.run import Row, Run
from tests.faults.stops import with_stop

_OWN = (
    *kills.ROWS,
    *database.ROWS,
    *links.ROWS,
    *programs.ROWS,
    *clocks.ROWS,
    *disks.ROWS,
    *terminal.ROWS,
    *stops.ROWS,
    *browsers.ROWS,
    *poison.ROWS,
    *crowd.ROWS,
    *soak.ROWS,
    *guards.ROWS,
)
# Rows that fit any world and leave no mark on it: a stop may come at any instant of them.
_STOPPED = ("F1", "F3", "F4", "F5", "F6", "F9", "F11", "F12", "F20")


async def _any_with_stop(run: Run) -> None:
    """F22: the seed decides on the row and on the instant."""
    row = with_stop(_BY_NAME[_STOPPED[run.seed % len(_STOPPED)]])
    await row.inject(run)


_BY_NAME = {row.name: row for row in _OWN}
_F22 = replace(
    with_stop(_BY_NAME["F20"]),
    name="F22",
    fault="a stop at a random instant of another row",
    aim="P5",
    inject=_any_with_stop,
    back_within=15,
)
ROWS: dict[str, Row] = {row.name: row for row in sorted((*_OWN, _F22), key=lambda row: int(row.name[1:]))}
