"""`signalos up --demo` as a newcomer runs it: one command, one line, and everything behind it real."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest

from signalos_cli.demo import OPENING_POSITIONS
from signalos_cli.supervisor import ProgramFile

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform == "win32", reason="sends signals as POSIX has them"),
]

PASSWORD = "demo password of a test"
READY_SECONDS = 60.0


def eventually(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Up:
    """One run of `signalos up --demo` below a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory.with_name(f"up-{time.monotonic_ns()}.log")
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "signalos_cli", "up", "--demo", "--data-dir", str(directory)),
                    *("--http-port", "0", "--grpc-port", "0"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "SIGNALOS_DEMO_PASSWORD": PASSWORD},
                text=True,
            )
        self.seen: set[int] = set()

    def wait_ready(self) -> str:
        """Return the address that it printed."""
        timer = threading.Timer(READY_SECONDS, self.process.kill)
        timer.start()
        try:
            assert self.process.stdout is not None
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        assert line.startswith("ready http://127.0.0.1:"), self.log.read_text()
        self.note_processes()
        return line.removeprefix("ready ").strip()

    def note_processes(self) -> None:
        self.seen |= {each.pid for each in psutil.Process(self.process.pid).children(recursive=True)}

    def program(self, name: str) -> ProgramFile:
        file = {"emulator": "emulator/address.json"}.get(name, f"{name}/{name}.json")
        found = ProgramFile.read(self.directory / file)
        assert found is not None
        return found

    def finish(self, number: int) -> int:
        self.note_processes()
        self.process.send_signal(number)
        return self.process.wait(60)

    def gone(self) -> bool:
        return not any(psutil.pid_exists(pid) and _lives(pid) for pid in self.seen)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Up]]:
    runs: list[Up] = []

    def start_one() -> Up:
        runs.append(Up(tmp_path / "data"))
        return runs[-1]

    yield start_one
    for run in runs:
        if run.process.poll() is None:
            run.finish(signal.SIGTERM)
        if run.process.stdout is not None:
            run.process.stdout.close()


def signed_in(address: str) -> httpx.Client:
    client = httpx.Client(base_url=address, timeout=20)
    answer = client.post(
        "/api/login",
        json={"userName": "demo", "password": PASSWORD},
        headers={"X-Session-Token": "return"},
    )
    assert answer.status_code == 200, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['sessionToken']}"
    return client


def live_symbols(client: httpx.Client) -> list[str]:
    try:
        answer = client.get("/api/trades/live")
    except httpx.HTTPError:
        return []
    if answer.status_code != 200:
        return []
    return sorted(each["trade"]["symbol"] for each in answer.json()["trades"])


def test_the_demo_shows_its_positions_survives_kills_and_a_restart_and_leaves_nothing(
    start: Callable[[], Up],
) -> None:
    up = start()
    address = up.wait_ready()
    symbols = sorted(each.symbol for each in OPENING_POSITIONS)
    with closing(signed_in(address)) as client:
        eventually(lambda: live_symbols(client) == symbols, "the positions show")

        for name in ("bridge", "server", "gateway", "emulator"):
            before = up.program(name)
            os.kill(before.pid, signal.SIGKILL)
            eventually(lambda name=name, before=before: _restarted(up, name, before), f"{name} is back")  # type: ignore[misc]
            assert up.program(name).address == before.address or name == "bridge"
        eventually(lambda: live_symbols(client) == symbols, "the positions show again")
    assert up.finish(signal.SIGINT) == 0, up.log.read_text()
    eventually(up.gone, "no process is left")

    again = start()
    with closing(signed_in(again.wait_ready())) as client:
        eventually(lambda: live_symbols(client) == symbols, "the same positions show")
    assert again.finish(signal.SIGTERM) == 0, again.log.read_text()
    eventually(again.gone, "no process is left")


def _restarted(up: Up, name: str, before: ProgramFile) -> bool:
    file = {"emulator": "emulator/address.json"}.get(name, f"{name}/{name}.json")
    found = ProgramFile.read(up.directory / file)
    return found is not None and found.pid != before.pid


def test_a_killed_supervisor_leaves_nothing_and_can_start_again_at_once(start: Callable[[], Up]) -> None:
    up = start()
    up.wait_ready()

    up.finish(signal.SIGKILL)

    again = start()
    again.wait_ready()
    eventually(up.gone, "the first one's processes end by themselves")
    assert again.finish(signal.SIGTERM) == 0, again.log.read_text()


def test_a_second_up_on_the_same_directory_is_refused(start: Callable[[], Up]) -> None:
    up = start()
    up.wait_ready()

    second = start()

    assert second.process.wait(20) == 2
    assert f"signalos up runs already on {up.directory} (process {up.process.pid})" in second.log.read_text()
