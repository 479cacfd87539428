"""Bugs planted in real processes, one for a row: whoever finds none of them proves nothing.

A bug is a patch of one function, made when its module is loaded; see `planting/sitecustomize.py`. Nothing of
it is in the programs.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

VARIABLE = "SIGNALOS_TEST_PLANT"
_DIRECTORY = Path(__file__).parent / "planting"

Patch = Callable[[ModuleType], None]


@dataclass(frozen=True, slots=True)
class Plant:
    """One bug: what is wrong, in which module, and how it comes there."""

    words: str
    module: str
    patch: Patch


PLANTS: dict[str, Plant] = {}


def _plant(row: str, words: str, module: str) -> Callable[[Patch], Patch]:
    def keep(patch: Patch) -> Patch:
        PLANTS[row] = Plant(words, module, patch)
        return patch

    return keep


def environment_of(row: str) -> dict[str, str]:
    """Return what the programs of a world need in their environment to have the bug of this row."""
    path = os.pathsep.join(filter(None, (str(_DIRECTORY), os.environ.get("PYTHONPATH", ""))))
    return {VARIABLE: row, "PYTHONPATH": path}


def arrange(row: str) -> None:
    """Let the bug of this row be planted as soon as its module is loaded."""
    sys.meta_path.insert(0, _Finder(PLANTS[row]))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the one module as others would, and patches it once it has run."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._plant.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return None
        loader = spec.loader
        run = loader.exec_module

        def run_and_patch(module: ModuleType) -> None:
            run(module)
            self._plant.patch(module)
            # For the test that says that it came so far.
            vars(module)["__planted__"] = self._plant.words

        loader.exec_module = run_and_patch  # type: ignore[method-assign]  # of this one loader
        return spec


@_plant("F7", "commits are told before they are on the disk", "signalos_server.adapters.storage.postgresql")
def _early_commit(module: ModuleType) -> None:
    real = module.PostgresqlDatabase._attempt

    async def attempt(self: Any, unit: Any) -> Any:
        def hurried(session: Any) -> Any:
            session.connection().exec_driver_sql("SET LOCAL synchronous_commit TO off")
            return unit(session)

        return await real(self, hurried)

    module.PostgresqlDatabase._attempt = attempt


@_plant("F10", "silence on a stream is not noticed", "signalos_bridge.domain.link_timing")
def _deaf_pulse(module: ModuleType) -> None:
    module.Pulse.dead = lambda _self, _now: False


@_plant("F14", "the time that a machine sleeps is not counted", "signalos_bridge.moved_clock")
def _sleepless_clock(module: ModuleType) -> None:
    module.ShiftedClock.seconds = module.SystemClock.seconds


@_plant("F15", "a browser that does not read is never cut", "web_gateway.live.socket")
def _endless_patience(module: ModuleType) -> None:
    for name in dir(module):
        one = getattr(module, name)
        if isinstance(one, type) and hasattr(one, "cut"):
            one.cut = lambda _self, _reason: None


@_plant("F17", "a write that the journal's disk did not take is told as done", "signalos_bridge.journal")
def _lost_write(module: ModuleType) -> None:
    module.Journal._failed = lambda self, units, _error: self._tell(units, None)


@_plant(
    "F18", "a commit that the disk did not take is told as done", "signalos_server.adapters.storage.sqlite"
)
def _lost_group(module: ModuleType) -> None:
    real = module.SqliteDatabase._finish

    def finish(self: Any, connection: Any, driver: Any, ran: Any) -> None:
        try:
            real(self, connection, driver, ran)
        except (module.sqlite3.Error, module.DBAPIError):
            self._let_go()

    module.SqliteDatabase._finish = finish


@_plant("F21", "what closed while nobody watched is not told", "signalos_bridge.domain.difference.compare")
def _unseen_close(module: ModuleType) -> None:
    vars(module)["gone"] = lambda *_: None


@_plant("F25", "commands are shown to whoever knows their id", "signalos_server.service.commands")
def _open_book(module: ModuleType) -> None:
    def seen(records: Any, _caller: Any, command_id: str) -> Any:
        command = records.commands.get(command_id)
        if command is None:
            raise module.NotFound("command", command_id)
        return command

    vars(module)["_seen"] = seen


@_plant("F29", "a ladder's closes have other ids after a restart", "signalos_bridge.protecting")
def _forgetful_ladder(module: ModuleType) -> None:
    real = module.Protector._id

    def own_to_this_process(self: Any, identifier: int, step: str, attempt: int) -> Any:
        return real(self, identifier, f"{step}:{os.getpid()}", attempt)

    module.Protector._id = own_to_this_process
