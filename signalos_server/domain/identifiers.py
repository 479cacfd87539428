"""Identifiers: a prefix that says what it is, and 26 base32 characters that sort by time."""

from __future__ import annotations

import hashlib

# Crockford's: sorts like the numbers it stands for, and has no letter that reads as a digit.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHARACTERS = 26


def _base32(number: int, characters: int) -> str:
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_identifier(prefix: str, unix_milliseconds: int, randomness: int) -> str:
    """Return `<prefix>_<26 characters>`; later ones sort after earlier ones.

    `randomness` has 80 bits; identifiers are not secrets.
    """
    value = ((unix_milliseconds & ((1 << 48) - 1)) << 80) | (randomness & ((1 << 80) - 1))
    return f"{prefix}_{_base32(value, _CHARACTERS)}"


def derived_identifier(prefix: str, *parts: str | int) -> str:
    """Return the identifier that the same parts always have, so that a repeat makes no second one."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return f"{prefix}_{_base32(int.from_bytes(digest[:16]), _CHARACTERS)}"
