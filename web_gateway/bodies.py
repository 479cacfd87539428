"""The body of a request over HTTP, bounded in size and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from web_gateway.problems import CLOSE, GatewayReason, Problem, ProblemError


async def read_body(
    headers: Mapping[bytes, bytes], receive: Receive, *, limit_bytes: int, seconds: float
) -> bytes:
    """The whole body, empty where there is none. Raises `ProblemError` with 413, 408 or 499."""
    too_large = Problem(
        413,
        "INVALID_ARGUMENT",
        GatewayReason.BODY_TOO_LARGE,
        f"the body is larger than {limit_bytes} bytes",
        {"limit_bytes": str(limit_bytes)},
        headers=CLOSE,
    )
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > limit_bytes:
        raise ProblemError(too_large)
    if length == b"0" and b"transfer-encoding" not in headers:
        return b""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect":
                    raise ProblemError(Problem(499, "CANCELLED", "", "the caller went away"))
                part: bytes = event.get("body", b"")
                size += len(part)
                if size > limit_bytes:
                    raise ProblemError(too_large)
                parts.append(part)
                if not event.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise ProblemError(
            Problem(
                408,
                "DEADLINE_EXCEEDED",
                GatewayReason.BODY_TOO_SLOW,
                f"the body did not arrive within {seconds:g} s",
                {"limit_seconds": f"{seconds:g}"},
                headers=CLOSE,
            )
        ) from None
