"""What an installation brings along: the bridge alone is light, and the bare wheel is the contract."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("packaging")]

ROOT = Path(__file__).resolve().parent.parent.parent
PARTS = (
    "protos",
    "signalos_server",
    "signalos_bridge",
    "web_gateway",
    "signalos_verify",
    "signalos_telegram",
    "signalos_cli",
    "build_hooks",
    "pyproject.toml",
    "README.md",
)
OF_SERVER_AND_WEB = {
    "grpcio",
    "grpcio-health-checking",
    "grpcio-reflection",
    "grpcio-status",
    "sqlalchemy",
    "alembic",
    "asyncpg",
    "argon2-cffi",
    "protovalidate",
    "prometheus-client",
    "starlette",
    "uvicorn",
    "websockets",
    "orjson",
}


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(each) for each in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
        timeout=300,
    )


def succeed(*command: str | Path, cwd: Path | None = None) -> str:
    done = run(*command, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built with what this environment has, so that nothing is fetched."""
    target = tmp_path_factory.mktemp("wheel")
    # A copy: building generates the stubs anew, which must not happen under other tests' feet.
    source = tmp_path_factory.mktemp("source") / "signalos"
    source.mkdir()
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
            )
        else:
            shutil.copy(ROOT / part, source / part)
    succeed(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        target,
        source,
    )
    (built,) = target.glob("*.whl")
    return built


def environment_with(directory: Path, requirement: str) -> Path:
    """A fresh environment with `requirement` and what it needs. Returns its directory of programs."""
    venv.create(directory, with_pip=True)
    programs = directory / ("Scripts" if sys.platform == "win32" else "bin")
    succeed(
        programs / "python",
        *("-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--constraint", ROOT / "requirements.lock", requirement),
    )
    return programs


def installed(programs: Path) -> set[str]:
    listed = json.loads(succeed(programs / "python", "-m", "pip", "list", "--format", "json"))
    return {package["name"].lower().replace("_", "-") for package in listed}


def test_a_wheel_holds_contract_stubs_and_programs_and_nothing_of_tests(wheel: Path) -> None:
    files = set(zipfile.ZipFile(wheel).namelist())

    assert {
        "signalos/v1/bridge.proto",
        "signalos/v1/bridge_pb2.py",
        "signalos/v1/bridge_pb2.pyi",
        "signalos/v1/bridge_service_pb2_grpc.py",
        "signalos/v1/bridge_service_grpc.py",
        "buf/validate/validate_pb2.py",
        "signalos_cli/main.py",
        "web_gateway/dashboard/dist/index.html",
    } <= files
    assert not [file for file in files if file.startswith("web_gateway/dashboard/") and "/dist/" not in file]
    tops = {file.partition("/")[0] for file in files if ".dist-info" not in file}
    programs = {"signalos_server", "signalos_bridge", "web_gateway", "signalos_telegram"}
    assert tops == {"signalos", "buf", *programs, "signalos_verify", "signalos_cli"}


def test_the_bare_package_is_contract_and_stubs(wheel: Path, tmp_path: Path) -> None:
    programs = environment_with(tmp_path / "bare", str(wheel))

    assert installed(programs) <= {"signalos", "protobuf", "googleapis-common-protos", "pip", "setuptools"}
    succeed(programs / "python", "-c", "import signalos.v1.bridge_pb2", cwd=tmp_path)
    told = run(programs / "signalos", "--help", cwd=tmp_path)
    assert told.returncode == 2
    assert "pip install '.[server,gateway]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_bridge_installs_without_any_package_of_server_or_web(wheel: Path, tmp_path: Path) -> None:
    programs = environment_with(tmp_path / "bridge", f"{wheel}[bridge]")

    assert not installed(programs) & OF_SERVER_AND_WEB
    assert "pair" in succeed(programs / "signalos", "bridge", "--help", cwd=tmp_path)
    succeed(programs / "python", "-c", "import signalos.v1.bridge_service_grpc", cwd=tmp_path)
    refused = run(programs / "signalos", "server", "--data-dir", tmp_path / "data", cwd=tmp_path)
    assert refused.returncode == 2
    assert "pip install '.[server]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_telegram_installs_without_server_web_or_bridge(wheel: Path, tmp_path: Path) -> None:
    programs = environment_with(tmp_path / "telegram", f"{wheel}[telegram]")

    assert not installed(programs) & (OF_SERVER_AND_WEB - {"grpcio", "grpcio-status"})
    data = ("--data-dir", tmp_path / "data")
    refused = run(programs / "signalos", "telegram", "chats", *data, cwd=tmp_path)
    assert refused.returncode == 2
    assert "signalos telegram login" in refused.stderr
    asked = run(
        programs / "signalos", "signals", "list", *data, "--server-address", "127.0.0.1:1", cwd=tmp_path
    )
    assert "Traceback" not in refused.stderr + asked.stderr
