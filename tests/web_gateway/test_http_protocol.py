from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.web_gateway.serving import gateway
from web_gateway import http_protocol


async def test_headers_that_never_end_close_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with gateway(tmp_path) as served:
        host, port = served.address.split(":")
        for before in (b"", b"GET /api/nope HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(before)
            if before:
                await reader.readuntil(b"there is no such path")
            writer.write(b"GET /api/user HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
            try:
                await asyncio.wait_for(reader.read(), 5)
            finally:
                writer.close()


async def test_a_request_that_takes_longer_than_its_headers_may_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEADER_SECONDS", 0.2)
    async with gateway(tmp_path) as served:
        served.server.delays["GetUser"] = 0.6

        assert (await served.client.get("/api/user")).status_code == 200
