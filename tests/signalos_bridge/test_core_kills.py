"""The bridge's core is killed at named instants, on a real terminal process and a broker with a ledger."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

import pytest

from signalos_bridge.domain.tags import leg_magic
from tests.signalos_bridge.emulator.processes import BrokerProcess
from tests.support.records import broker_legs

pytestmark = pytest.mark.integration

LOGIN = 5001
PREFIX = 77
START_SECONDS = 30.0


class CoreProcess:
    """One life of the core."""

    def __init__(self, directory: Path, broker: BrokerProcess, failpoints: str = "") -> None:
        environment = {**os.environ, "SIGNALOS_FAILPOINTS": failpoints}
        with (directory / "core.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.signalos_bridge.core_program"),
                    *(str(directory / "journal.db"), broker.url(LOGIN)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
            )
        self._lines: Queue[str] = Queue()
        self._pumping = Thread(target=self._pump, daemon=True)
        self._pumping.start()

    def _pump(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def until(self, start: str, seconds: float = START_SECONDS) -> list[str]:
        """Return the words of the first line that begins so."""
        give_up = time.monotonic() + seconds
        while (left := give_up - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except Empty:
                break
            if line.startswith(start):
                return line.split()
        raise TimeoutError(f"no line begins with {start!r}")

    def died(self) -> int:
        code = self._process.wait(START_SECONDS)
        self.end()
        return code

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pumping.join(10)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerProcess]:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), "--account", f"{LOGIN}:USD:1000000:hedging")
    process.start()
    yield process
    process.stop()


def accepted(broker: BrokerProcess, command_id: str) -> int:
    found = broker_legs(broker.data_dir).get(leg_magic(PREFIX, command_id, 0))
    return 0 if found is None else len(found.accepted)


@pytest.mark.parametrize(
    ("failpoint", "states"),
    [
        # On disk and certainly not called: it goes on within its time.
        ("after_deliver", {"SUCCEEDED"}),
        # On disk as called, and perhaps not called: only the broker's records tell.
        ("after_intent", {"REJECTED"}),
        ("after_call", {"SUCCEEDED"}),
        ("after_outcome", {"SUCCEEDED"}),
    ],
)
def test_an_open_killed_at_any_instant_ends_once_and_the_broker_agrees(
    failpoint: str, states: set[str], broker: BrokerProcess, tmp_path: Path
) -> None:
    command_id = str(uuid.uuid4())
    first = CoreProcess(tmp_path, broker, failpoint)
    first.until("ready")
    first.say(f"open {command_id} 0.01")
    assert first.died() == -signal.SIGKILL

    second = CoreProcess(tmp_path, broker)
    try:
        second.until("ready")
        while True:
            _, _, state, _reason, _number, _opened = second.until(f"outcome {command_id}")
            if state != "UNKNOWN":
                break
        # The server sends it again, because it never heard of an outcome.
        second.say(f"open {command_id} 0.01")
        with pytest.raises(TimeoutError):
            second.until(f"outcome {command_id}", seconds=0.5)
    finally:
        second.end()

    assert state in states
    assert accepted(broker, command_id) == (1 if state == "SUCCEEDED" else 0)


@pytest.mark.parametrize("failpoint", ["after_intent", "after_call"])
def test_a_close_killed_at_any_instant_ends_once_and_the_broker_agrees(
    failpoint: str, broker: BrokerProcess, tmp_path: Path
) -> None:
    opening, closing = str(uuid.uuid4()), str(uuid.uuid4())
    # The open passes the point once, the close is the second to come there.
    first = CoreProcess(tmp_path, broker, f"{failpoint}:2")
    first.until("ready")
    first.say(f"open {opening} 0.01")
    _, _, state, _reason, _number, identifier = first.until(f"outcome {opening}")
    assert state == "SUCCEEDED"
    first.say(f"close {closing} {identifier}")
    assert first.died() == -signal.SIGKILL

    second = CoreProcess(tmp_path, broker)
    try:
        second.until("ready")
        while True:
            _, _, state, _reason, _number, _opened = second.until(f"outcome {closing}")
            if state != "UNKNOWN":
                break
    finally:
        second.end()

    assert state == ("REJECTED" if failpoint == "after_intent" else "SUCCEEDED")
    assert accepted(broker, closing) == (1 if state == "SUCCEEDED" else 0)
