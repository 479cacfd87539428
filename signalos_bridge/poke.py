"""Where another process of this machine says that it has written the latch, and hears that it was read."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import cast

from signalos_bridge.latch import write_poke_file


class PokeListener(asyncio.DatagramProtocol):
    """Answers on loopback to whoever knows the secret in the owner-only file."""

    def __init__(self, poked: Callable[[str], list[str]]) -> None:
        """`poked` is called with a stop id, and returns the ids that are held."""
        self._poked = poked
        self._transport: asyncio.DatagramTransport | None = None
        self.secret = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the socket."""
        # Before Python 3.12 the selector loop's transport does not say that it is one for datagrams.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Look at the latch, if the secret is right, and say what is held."""
        try:
            request = json.loads(data)
            secret, stop_id = str(request["secret"]), str(request["stop_id"])
        except (ValueError, KeyError, TypeError):
            return
        if self.secret and hmac.compare_digest(secret.encode(), self.secret.encode()):
            assert self._transport is not None
            held = self._poked(stop_id)
            # One datagram is enough for the one that was asked for, however many are held.
            held = [stop_id] if stop_id in held else held[:50]
            self._transport.sendto(json.dumps({"held": held}).encode(), addr)


async def listen(data_dir: Path, poked: Callable[[str], list[str]]) -> tuple[asyncio.DatagramTransport, int]:
    """Listen on a free port of 127.0.0.1 and write where; returns the socket, to be closed, and the port."""
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: PokeListener(poked), local_addr=("127.0.0.1", 0)
    )
    port = int(transport.get_extra_info("sockname")[1])
    protocol.secret = write_poke_file(data_dir, port)
    return transport, port
