"""What hatchling runs before it collects files: the stubs of the contract, then the dashboard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).resolve().parent))

import contract
import dashboard


class BuildHook(BuildHookInterface[Any]):
    """Makes what is never committed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raises `dashboard.DashboardError` where a wheel would be without its dashboard. An editable
        installation goes on without one and says so, because all else works; the gateway says it at `/`.
        """
        root = Path(self.root)
        contract.generate(root / "protos")
        try:
            dashboard.build(root)
        except dashboard.DashboardError as error:
            if version != "editable":
                raise
            self.app.display_warning(str(error))
