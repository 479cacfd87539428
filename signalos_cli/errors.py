"""What the person at the keyboard can put right."""

from __future__ import annotations

EXIT_FAILED = 1
"""It was asked for rightly and did not work out."""
EXIT_WRONG_USE = 2
"""Wrong options or settings: the same call never works. The supervisor does not try it again."""


class UserError(Exception):
    """Told in its own words, without a traceback. `hint` says what to do."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = EXIT_WRONG_USE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code
