"""The tables, one file for each subject. Each is imported here, so that the metadata is whole."""

from signalos_server.adapters.storage.tables import (
    accounts,
    alerts,
    audit,
    commands,
    control,
    equity,
    events,
    health,
    limits,
    sessions,
    signals,
    trades,
    users,
)
from signalos_server.adapters.storage.tables.base import Table

__all__ = [
    "Table",
    "accounts",
    "alerts",
    "audit",
    "commands",
    "control",
    "equity",
    "events",
    "health",
    "limits",
    "sessions",
    "signals",
    "trades",
    "users",
]
