"""A gateway on a real port, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.fake_server import FakeServer, serving
from web_gateway import app
from web_gateway.metrics import Metrics
from web_gateway.settings import Limits, Settings, Timings


@dataclass
class Gateway:
    """A served gateway, and a client that calls it with Ann's token."""

    address: str
    client: httpx.AsyncClient
    server: FakeServer

    @property
    def origin(self) -> str:
        return f"http://{self.address}"


@asynccontextmanager
async def gateway(
    tmp_path: Path,
    *,
    server: FakeServer | None = None,
    server_address: str | None = None,
    limits: Limits | None = None,
    timings: Timings | None = None,
    **more: Any,
) -> AsyncIterator[Gateway]:
    """Serves until the block ends. Without `server_address` a fake server is served too."""
    fake = server or FakeServer()
    if server_address is None:
        async with (
            serving(fake) as address,
            gateway(
                tmp_path, server=fake, server_address=address, limits=limits, timings=timings, **more
            ) as served,
        ):
            yield served
        return
    settings = Settings(
        data_dir=tmp_path,
        http_port=0,
        server_address=server_address,
        server_data_dir=tmp_path,
        limits=limits or Limits(),
        timings=timings or Timings(subscribe_grace_seconds=0.05),
        **more,
    )
    listening = app._listen("127.0.0.1", 0)
    uvicorn_server = app._Server(
        app._config(app.build(settings, Metrics()), settings), tmp_path / app.PROGRAM_FILE, listening
    )
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    running = asyncio.create_task(uvicorn_server._serve(sockets=[listening]))
    while not uvicorn_server.started:
        await asyncio.sleep(0.01)
        if running.done():
            running.result()
    try:
        async with httpx.AsyncClient(
            base_url=f"http://{address}", headers={"authorization": "Bearer token-ann"}, timeout=20
        ) as client:
            yield Gateway(address, client, fake)
    finally:
        uvicorn_server.should_exit = True
        await running
