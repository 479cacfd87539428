"""The rows of the table of promises, by name."""

from __future__ import annotations

from tests.faults.rows import kills, links, programs, terminal
from tests.faults.run import Row

ROWS: dict[str, Row] = {row.name: row for row in (*kills.ROWS, *links.ROWS, *programs.ROWS, *terminal.ROWS)}
