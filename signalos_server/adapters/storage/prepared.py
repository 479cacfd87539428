"""Statements that are compiled once: for the path that every command takes.

On SQLite the engine's own work on a statement costs several times what the database does; here its compiled
form and its types are kept, and the driver is asked directly, within the engine's transaction. Elsewhere the
engine runs them.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

Convert = Callable[[Any], Any]


class _Compiled:
    """A statement for SQLite: its text, its parameters in order, and what converts its values."""

    def __init__(self, statement: Any, connection: Connection, keys: Iterable[str]) -> None:
        dialect = connection.dialect
        kwargs: dict[str, Any] = {"column_keys": list(keys)} if getattr(statement, "is_insert", False) else {}
        compiled = statement.compile(dialect=dialect, **kwargs)
        self.sql = str(compiled)
        self._fixed = {name: value for name, value in compiled.params.items() if value is not None}
        processors = compiled._bind_processors
        self._binds: list[tuple[str, Convert | None]] = [
            (name, processors.get(name)) for name in compiled.positiontup or ()
        ]
        processed = [
            column.type._cached_result_processor(dialect, None) for column in compiled._result_columns
        ]
        self._converted: list[tuple[int, Convert]] = [
            (position, convert) for position, convert in enumerate(processed) if convert is not None
        ]
        self._row: Any = None

    def parameters(self, given: Mapping[str, Any]) -> list[Any]:
        values = []
        for name, convert in self._binds:
            value = given[name] if name in given else self._fixed[name]
            values.append(value if convert is None else convert(value))
        return values

    def rows(self, cursor: sqlite3.Cursor) -> list[Any]:
        found = cursor.fetchall()
        if not found:
            return []
        if self._row is None:
            # Named as the columns are, as the engine's own rows.
            self._row = namedtuple("Row", [column[0] for column in cursor.description])  # type: ignore[misc]
        make = self._row._make
        if not self._converted:
            return [make(row) for row in found]
        rows = []
        for row in found:
            values = list(row)
            for position, convert in self._converted:
                values[position] = convert(values[position])
            rows.append(make(values))
        return rows


class Prepared:
    """One statement. `by_dialect`: where it differs between databases."""

    def __init__(self, statement: Any = None, *, by_dialect: Mapping[str, Any] | None = None) -> None:
        self._statement = statement
        self._by_dialect = by_dialect
        self._compiled: _Compiled | None = None

    def all(self, connection: Connection, given: Mapping[str, Any]) -> Sequence[Any]:
        """Run it and return its rows, whose columns are attributes."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._of(connection), given).all()
        compiled = self._prepare(connection, given)
        try:
            return compiled.rows(driver_of(connection).execute(compiled.sql, compiled.parameters(given)))
        except sqlite3.Error as error:
            raise _wrapped(compiled.sql, error) from error

    def one_or_none(self, connection: Connection, given: Mapping[str, Any]) -> Any | None:
        """Run it and return its one row."""
        rows = self.all(connection, given)
        assert len(rows) <= 1
        return rows[0] if rows else None

    def count(self, connection: Connection, given: Mapping[str, Any]) -> int:
        """Run it and return how many rows it changed."""
        if connection.dialect.name != "sqlite":
            result = connection.execute(self._of(connection), given)
            assert isinstance(result, CursorResult)
            return result.rowcount
        compiled = self._prepare(connection, given)
        try:
            return driver_of(connection).execute(compiled.sql, compiled.parameters(given)).rowcount
        except sqlite3.Error as error:
            raise _wrapped(compiled.sql, error) from error

    def many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each of `rows`, which have the same keys."""
        for row in rows:
            self.count(connection, row)

    def _of(self, connection: Connection) -> Any:
        return self._statement if self._by_dialect is None else self._by_dialect[connection.dialect.name]

    def _prepare(self, connection: Connection, given: Mapping[str, Any]) -> _Compiled:
        if self._compiled is None:
            self._compiled = _Compiled(self._of(connection), connection, given)
        return self._compiled


def driver_of(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


def _wrapped(sql: str, error: sqlite3.Error) -> BaseException:
    """Return the error as the engine would raise it."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error)
