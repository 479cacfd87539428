"""A keep-alive HTTP client of the least weight, so that the client's own cost stays out of the figures."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any


@dataclass
class HttpClient:
    """One connection; one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    host: str
    token: str

    @classmethod
    async def open(cls, address: str, token: str) -> HttpClient:
        """Connects to HOST:PORT."""
        host, port = address.rsplit(":", 1)
        reader, writer = await asyncio.open_connection(host, int(port))
        return cls(reader, writer, address, token)

    async def post(self, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        """Posts JSON and returns status and decoded answer."""
        return await self.send("POST", path, body, key)

    async def send(self, method: str, path: str, body: dict[str, Any], key: str) -> tuple[int, Any]:
        """Sends JSON and returns status and decoded answer."""
        content = json.dumps(body).encode()
        self.writer.write(
            (
                f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nIdempotency-Key: {key}\r\n"
                f"Content-Length: {len(content)}\r\n\r\n"
            ).encode()
            + content
        )
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        status = int(head.split(" ", 2)[1])
        length = next(
            int(line.split(":", 1)[1])
            for line in head.split("\r\n")
            if line.lower().startswith("content-length:")
        )
        return status, json.loads(await self.reader.readexactly(length))

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()
