"""The truth: a database by URL, its tables and its migrations."""

from signalos_server.adapters.storage.database import (
    Database,
    StorageLimits,
    Unit,
    database_url,
    open_database,
)

__all__ = ["Database", "StorageLimits", "Unit", "database_url", "open_database"]
