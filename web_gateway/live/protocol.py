"""The WebSocket connection below ASGI, because a reader that stalls cannot be cut through ASGI.

Uvicorn's own class buffers what a stalled reader does not take (four megabytes were seen), and its `close`
waits for a transport that never drains. Here the buffer is 64 KB, the socket is told when it is full, and
there is a way to abort.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from asyncio.transports import BaseTransport
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import Frame
from websockets.http11 import Request

WIRE: Final = "signalos.wire"
HIGH_WATER_BYTES: Final = 64 * 1024
_LOW_WATER_BYTES: Final = 16 * 1024
_ABORT_SECONDS: Final = 2.0


class Listener(Protocol):
    """Who is told what happens to a connection."""

    def writing_paused(self) -> None:
        """The send buffer is full."""

    def writing_resumed(self) -> None:
        """The send buffer has room again."""

    def pong_received(self, payload: bytes) -> None:
        """The peer answered a ping."""


class Wire(Protocol):
    """A connection as a socket sees it."""

    listener: Listener | None

    @property
    def paused(self) -> bool:
        """The send buffer is full."""

    def write_frame(self, frame: bytes) -> None:
        """Sends an encoded frame; without effect once closing."""

    def ping(self, payload: bytes) -> None:
        """Sends a protocol ping."""

    def close_now(self, code: int, reason: str) -> None:
        """Says goodbye, and aborts 2 s later if the peer has not answered."""

    def abort(self) -> None:
        """Ends the connection at once, unsent bytes included."""


class LiveProtocol(WebSocketsSansIOProtocol):
    """Uvicorn's protocol with a small send buffer and a `Wire` for the application."""

    listener: Listener | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES, low=_LOW_WATER_BYTES)
        connection = transport.get_extra_info("socket")
        if connection is not None:
            with contextlib.suppress(OSError):
                # Else the kernel keeps megabytes for a reader that has stalled.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, HIGH_WATER_BYTES)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            cast(dict[str, Any], self.scope["extensions"])[WIRE] = self

    @property
    def paused(self) -> bool:
        return not self.writable.is_set()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.listener is not None:
            self.listener.writing_paused()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.listener is not None:
            self.listener.writing_resumed()

    def handle_pong(self, event: Frame) -> None:
        if self.listener is not None:
            self.listener.pong_received(bytes(event.data))

    def start_keepalive(self) -> None:
        """Pings are the socket's, which knows how much is unanswered."""

    def write_frame(self, frame: bytes) -> None:
        if not self.close_sent and not self.disconnected and not self.transport.is_closing():
            self.transport.write(frame)

    def ping(self, payload: bytes) -> None:
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        self.conn.send_ping(payload)
        self.transport.write(b"".join(self.conn.data_to_send()))

    def close_now(self, code: int, reason: str) -> None:
        if self.close_sent or self.disconnected or self.transport.is_closing():
            return
        with contextlib.suppress(InvalidState):
            self.conn.send_close(code, reason)
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_ABORT_SECONDS, self.transport.abort)

    def abort(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        super().shutdown()
        # `close` waits for a peer that may not read.
        self.loop.call_later(_ABORT_SECONDS, self.transport.abort)


def wire_of(scope: Any) -> Wire:
    """The connection behind an ASGI scope."""
    return cast(Wire, scope["extensions"][WIRE])


def loop_time() -> float:
    """Monotonic seconds of the running loop."""
    return asyncio.get_running_loop().time()
