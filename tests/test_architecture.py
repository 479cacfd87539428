"""The middle of each program is pure: what import-linter's contracts cannot see is read from the source."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOMAINS = (
    "signalos_server/domain",
    "signalos_bridge/domain",
    "signalos_bridge/emulator/domain",
    "signalos_verify/domain",
    "signalos_telegram/domain",
    "signalos_cli/domain",
)
# Standard library modules that do, wait, know the time or throw dice.
# fmt: off
IMPURE = frozenset({
    "asyncio", "concurrent", "ctypes", "http", "logging", "multiprocessing", "os", "pathlib", "queue",
    "random", "secrets", "select", "selectors", "shutil", "signal", "socket", "socketserver", "sqlite3",
    "ssl", "subprocess", "tempfile", "threading", "time", "urllib",
})
# fmt: on
# Called on anything that came from `datetime` or `uuid`.
IMPURE_CALLS = frozenset({"now", "utcnow", "today", "uuid1", "uuid4"})


def sources() -> list[Path]:
    return sorted(path for domain in DOMAINS for path in (ROOT / domain).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add("." * node.level + (node.module or ""))
    return names


def own_domain(path: Path) -> str:
    relative = path.relative_to(ROOT).as_posix()
    return next(domain for domain in DOMAINS if relative.startswith(f"{domain}/")).replace("/", ".")


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_domain_module_imports_its_domain_and_pure_parts_of_the_standard_library(path: Path) -> None:
    domain = own_domain(path)
    foreign = {
        name
        for name in imported(ast.parse(path.read_text(encoding="utf-8")))
        if name != domain
        and not name.startswith(f"{domain}.")
        and (name.partition(".")[0] not in sys.stdlib_module_names or name.partition(".")[0] in IMPURE)
    }

    assert not foreign


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_domain_module_is_told_the_time_and_the_dice(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = [
        f"line {node.lineno}: {ast.unparse(node.func)}()"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Attribute) and node.func.attr in IMPURE_CALLS)
            or (isinstance(node.func, ast.Name) and node.func.id in {"print", "input", "open", *IMPURE_CALLS})
        )
        and not _is_method_of_our_own(node.func)
    ]

    assert not asked


def _is_method_of_our_own(function: ast.expr) -> bool:
    """`self.clock.now()` is asked of a value that was passed in; `datetime.now()` of the machine."""
    if not isinstance(function, ast.Attribute):
        return False
    holder = function.value
    name = (
        holder.id
        if isinstance(holder, ast.Name)
        else holder.attr
        if isinstance(holder, ast.Attribute)
        else ""
    )
    return name not in {"datetime", "date", "uuid", "dt"}


def test_the_emulator_and_the_rest_of_the_bridge_do_not_import_each_other() -> None:
    crossings = []
    for path in sorted((ROOT / "signalos_bridge").rglob("*.py")):
        relative = path.relative_to(ROOT).as_posix()
        for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
            ours = name == "signalos_bridge" or name.startswith("signalos_bridge.")
            emulators = name == "signalos_bridge.emulator" or name.startswith("signalos_bridge.emulator.")
            in_emulator = relative.startswith("signalos_bridge/emulator/")
            if (in_emulator and ours and not emulators) or (not in_emulator and emulators):
                crossings.append(f"{relative} imports {name}")

    assert not crossings


def test_every_domain_has_modules() -> None:
    for domain in DOMAINS:
        assert list((ROOT / domain).rglob("*.py")), domain
