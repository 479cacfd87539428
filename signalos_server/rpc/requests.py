"""What the services of commands have in common: who asks, how long it lives, where a page begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message

from signalos_server.domain.pages import decode_page, encode_page, page_size
from signalos_server.rpc.call import caller
from signalos_server.rpc.convert import seconds_of, wait_of
from signalos_server.service.commands import DEFAULT_WAIT_SECONDS, Asked
from signalos_server.service.records import Page

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_KEY = 1 << 62


def asked_of(request: Any) -> Asked:
    """Return who asks for a command, under which key and with which body.

    How long the caller waits is no part of the body: a retry may wait longer.
    """
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("wait")
    time_to_live = None
    if "time_to_live" in request.DESCRIPTOR.fields_by_name and request.HasField("time_to_live"):
        time_to_live = timedelta(seconds=seconds_of(request.time_to_live))
    name = request.DESCRIPTOR.name.encode()
    return Asked(
        caller=caller(),
        request_id=request.request_id,
        body=name + b"\0" + body.SerializeToString(deterministic=True),
        time_to_live=time_to_live,
        wait_seconds=wait_of(request, DEFAULT_WAIT_SECONDS),
    )


def page_of(kind: str, request: Any, default: int, maximum: int) -> Page:
    """Return the part of a list that is asked for. Raises `BadPageToken`."""
    before = decode_page(kind, request.page_token, int, str)
    size = page_size(request.page_size, default, maximum)
    if before is None:
        return Page(size)
    number, identifier = before
    return Page(size, (max(-_LARGEST_KEY, min(int(number), _LARGEST_KEY)), str(identifier)))


def time_page_of(kind: str, request: Any, default: int, maximum: int) -> Page:
    """Return a page whose key is a time; a forged token asks for one that is empty."""
    page = page_of(kind, request, default, maximum)
    if page.before is None:
        return page
    microseconds = max(0, min(page.before[0], 250_000_000_000_000_000))
    return Page(page.size, (microseconds, page.before[1]))


def next_token(kind: str, page: Page, count: int, number: int, identifier: str) -> str:
    """Return the token after the last of `count` items, empty where that was the end."""
    return encode_page(kind, number, identifier) if count >= page.size else ""


def microseconds_of(time: datetime) -> int:
    """Return a time as pages count it."""
    return (time - _EPOCH) // timedelta(microseconds=1)


def milliseconds_of(request: Message, field: str) -> int | None:
    """Return a bound in milliseconds since 1970, None where it is unset."""
    if not request.HasField(field):
        return None
    stamp = getattr(request, field)
    return int(stamp.seconds * 1000 + stamp.nanos // 1_000_000)
