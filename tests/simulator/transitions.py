"""How often each transition of the programs' tables is taken."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from signalos_bridge.domain import command as bridge_command
from signalos_bridge.domain import guard, ladder
from signalos_bridge.domain import session as bridge_stream
from signalos_server.domain import bridge_session as server_link
from signalos_server.domain import command as server_command

TABLES: tuple[tuple[str, ModuleType, str], ...] = (
    ("command at the server", server_command, "TRANSITIONS"),
    ("command at the bridge", bridge_command, "COMMAND_TRANSITIONS"),
    ("leg", bridge_command, "LEG_TRANSITIONS"),
    ("session at the server", server_link, "LINK_TRANSITIONS"),
    ("stream at the bridge", bridge_stream, "_TRANSITIONS"),
    ("virtual stop", guard, "GUARD_TRANSITIONS"),
    ("ladder step", ladder, "STEP_TRANSITIONS"),
)


class Counted(dict[Any, Any]):
    """A table that counts what is looked up in it."""

    def __init__(self, name: str, table: dict[Any, Any], counts: Counter[str]) -> None:
        super().__init__(table)
        self._names = {key: name_of(name, key) for key in table}
        self._counts = counts

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        self._counts[self._names[key]] += 1
        return found

    def get(self, key: Any, default: Any = None) -> Any:
        if key in self:
            return self[key]
        return default


def name_of(table: str, key: Any) -> str:
    """Return how a transition is called in reports."""
    state, event = key
    return f"{table}: {state.name} + {event.name}"


def every() -> list[str]:
    """Return the names of all transitions there are."""
    return [name_of(name, key) for name, module, table in TABLES for key in getattr(module, table)]


@contextlib.contextmanager
def counted(counts: Counter[str]) -> Iterator[None]:
    """Count what happens inside."""
    before = [(module, table, getattr(module, table)) for _, module, table in TABLES]
    for name, module, table in TABLES:
        setattr(module, table, Counted(name, getattr(module, table), counts))
    try:
        yield
    finally:
        for module, table, value in before:
            setattr(module, table, value)
