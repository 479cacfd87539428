"""Says in words which part of SignalOS is not installed, where a program is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from signalos_cli.errors import UserError

Extra = Literal["server", "gateway", "bridge", "telegram"]

# One of our own modules missing is a broken installation: a traceback tells more than a hint.
_OURS = frozenset(
    {
        "signalos_server",
        "signalos_bridge",
        "web_gateway",
        "signalos_verify",
        "signalos_telegram",
        "signalos_cli",
        "signalos",
        "buf",
    }
)


@contextmanager
def needs(extra: Extra) -> Iterator[None]:
    """Around the imports of a program: turn a missing package into a `UserError` that names the extra."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = error.name or "a package"
        if missing.partition(".")[0] in _OURS:
            raise
        raise UserError(
            f"the {extra} is not installed here ({missing} is missing)",
            hint=f"in your copy of SignalOS: pip install '.[{extra}]'",
        ) from error
