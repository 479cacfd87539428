"""Sessions as cookies: the browser never sees the secret."""

from __future__ import annotations

import re
from typing import Final

COOKIE: Final = "signalos_session"
_MAXIMUM_AGE_SECONDS: Final = 30 * 24 * 3600
_TOKEN: Final = re.compile(r"[!#-+\--:<-\[\]-~]{1,512}")


def token_from_cookies(header: str) -> str:
    """The session's token in a `Cookie` header; empty where there is none, or more than one."""
    found = {
        value.strip()
        for name, _, value in (part.partition("=") for part in header.split(";"))
        if name.strip() == COOKIE
    }
    if len(found) != 1:
        return ""
    token = found.pop()
    return token if _TOKEN.fullmatch(token) else ""


def token_from_authorization(header: str) -> str | None:
    """The token of `Authorization: Bearer TOKEN`; None where there is no such header, empty if malformed."""
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not _TOKEN.fullmatch(token):
        return ""
    return token


def set_cookie(token: str, *, secure: bool) -> str:
    """`Set-Cookie` for a new session."""
    return _cookie(token, _MAXIMUM_AGE_SECONDS, secure=secure)


def clear_cookie(*, secure: bool) -> str:
    """`Set-Cookie` that makes the browser forget the session."""
    return _cookie("", 0, secure=secure)


def _cookie(value: str, age_seconds: int, *, secure: bool) -> str:
    text = f"{COOKIE}={value}; Path=/; Max-Age={age_seconds}; HttpOnly; SameSite=Strict"
    return f"{text}; Secure" if secure else text
