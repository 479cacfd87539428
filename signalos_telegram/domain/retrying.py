"""When to try again, and what not to try again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_FIRST_SECONDS: Final = 0.5
_MOST_SECONDS: Final = 30.0

# Answers of the server after which the same message would be refused again. Every other may pass: the server
# is away or busy, or its token has to be put right first.
FINAL_CODES: Final = frozenset(
    {
        "INVALID_ARGUMENT",
        "NOT_FOUND",
        "FAILED_PRECONDITION",
        "OUT_OF_RANGE",
        "ALREADY_EXISTS",
        "UNIMPLEMENTED",
    }
)


def backoff(attempts: int, dice: float) -> timedelta:
    """How long to wait after `attempts` failures, at least one; `dice` is from 0 to 1."""
    most = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(attempts - 1, 10))
    return timedelta(seconds=max(_FIRST_SECONDS / 2, most * dice))
