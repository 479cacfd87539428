"""The files of the dashboard, as the gateway serves them."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from web_gateway.dashboard_files import dashboard_routes


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    (tmp_path / "dist" / "index.html").write_text("<title>SignalOS</title>")
    (tmp_path / "dist" / "inputs.sha256").write_text("0")
    (assets / "a-1.js").write_text("plain")
    (assets / "a-1.js.gz").write_bytes(gzip.compress(b"packed"))
    (assets / "notes.txt").write_text("of the build")
    return tmp_path


async def fetch(home: Path, path: str, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=dashboard_routes(home)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()})


async def test_the_page_is_asked_for_anew_each_time_and_its_assets_never(home: Path) -> None:
    assert (await fetch(home, "/")).headers["cache-control"] == "no-cache"
    asset = await fetch(home, "/assets/a-1.js", accept_encoding="identity")
    assert asset.text == "plain"
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_what_was_packed_at_the_build_is_sent_to_who_takes_it(home: Path) -> None:
    asset = await fetch(home, "/assets/a-1.js", accept_encoding="gzip")

    assert asset.headers["content-encoding"] == "gzip"
    assert asset.text == "packed"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/missing.js",
        "/assets/notes.txt",
        "/assets/.hidden.js",
        "/assets/..%2Findex.html",
        "/inputs.sha256",
    ],
)
async def test_nothing_else_is_served(home: Path, path: str) -> None:
    assert (await fetch(home, path)).status_code == 404


async def test_without_a_build_the_page_says_what_is_missing_and_that_the_rest_works(tmp_path: Path) -> None:
    answer = await fetch(tmp_path, "/")

    assert answer.status_code == 503
    assert "python build_hooks/dashboard.py" in answer.text
    assert "signalos bridge stop" in answer.text


async def test_the_reason_why_a_build_failed_is_shown_as_text(tmp_path: Path) -> None:
    (tmp_path / "NOT_BUILT.txt").write_text("npm said: <no network>")

    assert "npm said: &lt;no network&gt;" in (await fetch(tmp_path, "/")).text
