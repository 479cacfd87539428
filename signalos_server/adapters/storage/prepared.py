"""Statements that are compiled once: for the path that every command takes.

On SQLite the engine's own work on a statement costs several times what the database does; here its compiled
form and its types are kept, and the driver is asked directly, within the engine's transaction. Elsewhere the
engine runs them.
"""

from __future__ import annotations

import sqlite3
import weakref
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
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
        names = list(compiled.positiontup or ())
        # One name alone would give its value, not a row of it.
        self._in_order: Callable[[Mapping[str, Any]], Sequence[Any]] = (
            itemgetter(*names) if len(names) > 1 else lambda given: [given[name] for name in names]
        )
        processors = compiled._bind_processors
        binds = [_of_type(compiled.binds[name].type, "sqlite_bind") or processors.get(name) for name in names]
        self._binds = _where_any(binds)
        self._converted = _where_any(
            _of_type(column.type, "sqlite_value") or column.type._cached_result_processor(dialect, None)
            for column in compiled._result_columns
        )
        self._row: Any = None

    def parameters(self, given: Mapping[str, Any]) -> Sequence[Any]:
        values = self._in_order({**self._fixed, **given} if self._fixed else given)
        if not self._binds:
            return values
        values = list(values)
        for position, convert in self._binds:
            values[position] = convert(values[position])
        return values

    def rows(self, cursor: sqlite3.Cursor) -> list[Any]:
        found = cursor.fetchall()
        if not found:
            return []
        if self._row is None:
            # Named as the columns are, as the engine's own rows.
            self._row = namedtuple("Row", [column[0] for column in cursor.description])  # type: ignore[misc]
        make, row_type, converted = tuple.__new__, self._row, self._converted
        if not converted:
            return [make(row_type, row) for row in found]
        rows = []
        for row in found:
            values = list(row)
            for position, convert in converted:
                values[position] = convert(values[position])
            rows.append(make(row_type, values))
        return rows


def _of_type(kind: Any, name: str) -> Convert | None:
    """Return what a column type of ours says for SQLite: the engine's own way has three calls for it."""
    found: Convert | None = getattr(kind, name, None)
    return found


def _where_any(converts: Iterable[Convert | None]) -> list[tuple[int, Convert]]:
    return [(position, convert) for position, convert in enumerate(converts) if convert is not None]


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


# A connection of the engine has one of the driver's for as long as it is open; each statement asks for it.
_DRIVERS: weakref.WeakKeyDictionary[Connection, sqlite3.Connection] = weakref.WeakKeyDictionary()


def driver_of(connection: Connection) -> sqlite3.Connection:
    """Return the driver's connection of one that is open."""
    driver = _DRIVERS.get(connection)
    if driver is None:
        found = connection.connection.driver_connection
        assert isinstance(found, sqlite3.Connection)
        driver = _DRIVERS[connection] = found
    return driver


def _wrapped(sql: str, error: sqlite3.Error) -> BaseException:
    """Return the error as the engine would raise it."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error)
