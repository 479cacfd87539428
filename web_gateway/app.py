"""Builds the gateway and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hmac
import ipaddress
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from web_gateway.contract_document import ContractDocument
from web_gateway.dashboard_files import dashboard_routes
from web_gateway.docs_page import docs_page
from web_gateway.doors import Doors
from web_gateway.hooks import Hooks
from web_gateway.http_protocol import HttpProtocol
from web_gateway.live.client_frames import MAXIMUM_FRAME_BYTES
from web_gateway.live.hub import Hub
from web_gateway.live.protocol import LiveProtocol
from web_gateway.metrics import CONTENT_TYPE, Metrics
from web_gateway.openapi import openapi_json
from web_gateway.routes import RouteTable, contract_routes, contract_services
from web_gateway.settings import Settings, SettingsError
from web_gateway.transcoder import Transcoder
from web_gateway.upstream import GatewayKey, Upstream

__all__ = ["Settings", "SettingsError", "build", "run"]

PROGRAM_FILE: Final = "gateway.json"
DOCS_STYLE: Final = Path(__file__).parent / "docs.css"
_KEEP_ALIVE_SECONDS: Final = 65
_HEADER_BYTES: Final = 64 * 1024

_log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises `SettingsError` for settings that must not be served, and `OSError` where the port is taken.
    """
    settings.check()
    _set_up_logging(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    listening = _listen(settings.http_host, settings.http_port)
    # Uvicorn raises the signal again once it has ended; having ended, there is nothing left to do.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    metrics = Metrics()
    config = _config(build(settings, metrics), settings)
    server = _Server(config, settings.data_dir / PROGRAM_FILE, listening)
    metrics_server = _metrics_server(settings, metrics)

    async def serve() -> None:
        async with asyncio.TaskGroup() as group:
            if metrics_server is not None:
                beside = group.create_task(metrics_server.serve())
            await server.serve(sockets=[listening])
            if metrics_server is not None:
                metrics_server.should_exit = True
                await beside

    # What was loaded by now stays; collections need not look at it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(serve())


def build(settings: Settings, metrics: Metrics) -> ASGIApp:
    """The whole gateway as one ASGI application."""
    services = contract_services()
    table = RouteTable(contract_routes(services))
    key_path = None if settings.server_data_dir is None else settings.server_data_dir / "gateway.key"
    # A channel belongs to the loop that it is made on, so that it is made at start.
    parts = _Parts(settings, table, key_path, metrics)
    document = ContractDocument.load(services)
    described = openapi_json(table.routes, document)
    page = docs_page(table.routes, document)

    async def openapi(_: Request) -> Response:
        return Response(described, media_type="application/json")

    async def docs(_: Request) -> Response:
        return Response(page, media_type="text/html")

    async def docs_style(_: Request) -> Response:
        return FileResponse(DOCS_STYLE, media_type="text/css", headers={"cache-control": "no-cache"})

    async def exposition(request: Request) -> Response:
        wanted = settings.metrics_token
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if wanted is None or not hmac.compare_digest(given.encode(), wanted.encode()):
            return Response(status_code=404)
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    application = Starlette(
        routes=[
            Route("/api/openapi.json", openapi),
            Route("/api/docs", docs),
            Route("/api/docs/", lambda _: RedirectResponse("/api/docs")),
            Route("/api/hooks", parts.hooks),
            Route("/api/hooks/{token}", parts.hooks),
            Route("/api/{path:path}", parts.transcode),
            WebSocketRoute("/ws", parts.live),
            Route("/metrics", exposition),
            Route("/docs.css", docs_style),
            *dashboard_routes(),
        ],
        lifespan=parts.lifespan,
    )
    return Doors(
        application,
        bound_host=settings.http_host,
        public_origins=settings.public_origins,
        trusted_proxies=_proxies(settings),
    )


class _Parts:
    """What needs a running loop to be made."""

    def __init__(
        self, settings: Settings, table: RouteTable, key_path: Path | None, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._table = table
        self._key_path = key_path
        self._metrics = metrics
        self.transcode = _Late()
        self.hooks = _Late()
        self.live = _Late()

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        settings = self._settings
        upstream = Upstream.connect(
            settings.server_address, settings.server_tls_ca, GatewayKey(self._key_path)
        )
        hub = Hub(upstream, limits=settings.limits, timings=settings.timings, metrics=self._metrics)
        self.live.app = hub
        self.transcode.app = Transcoder(
            self._table,
            upstream,
            limits=settings.limits,
            timings=settings.timings,
            metrics=self._metrics,
            on_sessions_changed=hub.check_sessions_now,
        )
        self.hooks.app = Hooks(
            upstream, limits=settings.limits, timings=settings.timings, metrics=self._metrics
        )
        try:
            async with hub.running():
                yield
        finally:
            await upstream.close(settings.timings.shutdown_seconds)


class _Late:
    """An ASGI application that is there once the gateway has started."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


class _Server(uvicorn.Server):
    """Says where it serves once it does, and takes it back at the end."""

    def __init__(self, config: uvicorn.Config, program_file: Path, listening: socket.socket) -> None:
        super().__init__(config)
        self._program_file = program_file
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        host, port = self._listening.getsockname()[:2]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        told = {"pid": os.getpid(), "address": address, "tls": self.config.is_ssl}
        _write_atomically(self._program_file, json.dumps(told))
        _log.info("serving", address=address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _log.info("ending")
        self._program_file.unlink(missing_ok=True)
        await super().shutdown(sockets)


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ws=LiveProtocol,
        ws_per_message_deflate=False,
        ws_max_size=MAXIMUM_FRAME_BYTES,
        # On h11: it bounds the headers; the quicker parser does not, and saves a tenth of a millisecond.
        http=HttpProtocol,
        h11_max_incomplete_event_size=_HEADER_BYTES,
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.timings.shutdown_seconds),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _metrics_server(settings: Settings, metrics: Metrics) -> uvicorn.Server | None:
    """A port of its own for Prometheus, on loopback, without a token."""
    if settings.metrics_port is None:
        return None

    async def exposition(_: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    app = Starlette(routes=[Route("/metrics", exposition)])
    return uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=settings.metrics_port, ws="none", log_config=None, access_log=False
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(host.strip("[]")).version == 6:
            family = socket.AF_INET6
    return socket.create_server((host.strip("[]"), port), family=family, backlog=2048)


def _proxies(settings: Settings) -> tuple[str, ...]:
    if not settings.behind_proxy:
        return ()
    return settings.trusted_proxies or ("127.0.0.1", "::1")


def _write_atomically(path: Path, text: str) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _set_up_logging(settings: Settings) -> None:
    """Structured lines to stderr: the gateway's own, and warnings of the libraries."""
    level = logging.DEBUG if settings.dev else logging.INFO
    renderer: structlog.typing.Processor
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
