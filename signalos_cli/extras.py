"""Loads a program only when it is asked for, and says in words when it is not installed."""

from __future__ import annotations

import importlib
from types import ModuleType

from signalos_cli.errors import UserError

_EXTRA_OF = {"signalos_server": "server", "web_gateway": "gateway", "signalos_bridge": "bridge"}


def load(module: str) -> ModuleType:
    """Import `module`, a part of one of the programs.

    Raises `UserError` when a package that the program needs is missing.
    """
    extra = _EXTRA_OF[module.partition(".")[0]]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or "a package"
        # One of our own modules missing is a broken installation: a traceback tells more than a hint.
        if missing.partition(".")[0] in {*_EXTRA_OF, "signalos_cli", "signalos"}:
            raise
        raise UserError(
            f"the {extra} is not installed here ({missing} is missing)",
            hint=f"this needs: pip install 'signalos[{extra}]'",
        ) from error
