"""Runs migrations on the connection that `migrate` hands over, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from signalos_server.adapters.storage.tables import Table
from signalos_server.adapters.storage.types import ExactDecimal, UtcTime


def _render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    if kind == "type" and isinstance(item, UtcTime | ExactDecimal):
        autogen.imports.add("from signalos_server.adapters.storage import types")
        return f"types.{type(item).__name__}()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Table.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_render_item,
    compare_type=True,
)
context.run_migrations()
