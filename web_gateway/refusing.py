"""Refusing a request whose body may still be arriving."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import Final

from starlette.types import Receive, Scope, Send

from web_gateway.doors import send_problem
from web_gateway.problems import CLOSE, Problem

_DROPPED_BYTES: Final = 4 * 1024 * 1024
_DROPPING_SECONDS: Final = 2.0


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with `problem`; after one that closes the connection some of an unread body is still let in."""
    unread = set(CLOSE) <= set(problem.headers)
    if unread and not any(name in (b"content-length", b"transfer-encoding") for name, _ in scope["headers"]):
        unread = False
        kept = tuple(header for header in problem.headers if header not in CLOSE)
        problem = replace(problem, headers=kept)
    if not unread:
        await send_problem(problem, send)
        return
    # A connection that is closed while its body still arrives is reset, and the caller never reads why. So
    # some of the rest is let in and dropped, after the answer.
    await send_problem(problem, send, more_body=True)
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DROPPING_SECONDS):
            while dropped < _DROPPED_BYTES:
                event = await receive()
                dropped += len(event.get("body", b""))
                if event["type"] == "http.disconnect" or not event.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b""})
