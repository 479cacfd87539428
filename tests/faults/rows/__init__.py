"""The rows of the table of promises, by name."""

from __future__ import annotations

from tests.faults.rows import kills
from tests.faults.run import Row

ROWS: dict[str, Row] = {row.name: row for row in (*kills.ROWS,)}
