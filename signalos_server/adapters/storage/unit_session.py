"""The session of a unit on SQLite: begun only where a unit asks for more than its connection.

The units on every command's path ask for the connection alone, and a session's own work would be a third of
theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session


class UnitSession(Session):
    """A session on a connection whose transaction somebody else began and ends."""

    def __init__(self, connection: Connection, *, alone: bool) -> None:
        # Without the session's own: `__getattr__` makes up for it once something of it is asked for.
        self._ground = connection
        self._alone = alone
        self._begun = False
        self._over = False

    def __getattr__(self, name: str) -> Any:
        """Begin the session: until then none of its state is there, and once it is closed there is none."""
        if self.__dict__.get("_begun", True) or self._over:
            raise AttributeError(name)
        self._begun = True
        if not self._ground.in_transaction():
            self._ground.begin()
        # In a group the session has a savepoint of its own, so that a flush that fails undoes that alone.
        super().__init__(
            self._ground,
            expire_on_commit=False,
            join_transaction_mode="rollback_only" if self._alone else "create_savepoint",
        )
        return getattr(self, name)

    def connection(
        self,
        bind_arguments: dict[str, Any] | None = None,
        execution_options: Mapping[str, Any] | None = None,
    ) -> Connection:
        """Return the unit's connection."""
        if self._begun:
            return super().connection(bind_arguments, execution_options)
        return self._ground

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Write what waits, if anything can."""
        if self._begun:
            super().flush(objects)

    def finish(self) -> None:
        """Write what waits, and let go of all objects. The transaction goes on."""
        if self._begun:
            self.commit()
            self.expunge_all()

    def let_go(self) -> None:
        """Let go of all objects, so that they outlive the session as they are."""
        if self._begun:
            self.expunge_all()

    def close(self) -> None:
        """Let go of what the session holds; see `Session.close`."""
        if self._begun:
            super().close()
        # Whoever looks at it from now on, as the log of an error does with all its values, begins nothing.
        self._over = True
