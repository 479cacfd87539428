"""Chromium of the system, driven by Playwright. Where it is missing the browser tests skip, and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
DIST = ROOT / "web_gateway" / "dashboard" / "dist" / "index.html"


def find() -> str | None:
    """The program: SIGNALOS_CHROMIUM, or what the system has."""
    names = (os.environ.get("SIGNALOS_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if name and (path := shutil.which(name)) is not None), None)


runnable = pytest.mark.skipif(
    find() is None or not DIST.is_file(),
    reason="NO browser test runs: Chromium is missing (Debian: apt-get install chromium), or the dashboard "
    "is not built (python build_hooks/dashboard.py)",
)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()
