"""Brokers as processes of their own, for tests."""

import signal
import subprocess
import sys
import time
from pathlib import Path

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.server import Address, read_address

START_SECONDS = 20.0


class BrokerProcess:
    """One broker over one data directory, that can be killed and started again."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Address:
        assert self._process is None
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "signalos_bridge.emulator"),
                *("--data-dir", str(self.data_dir), *self._options),
            ],
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise RuntimeError(f"the broker ended with {self._process.returncode}")
            try:
                address = read_address(self.data_dir)
            except FileNotFoundError:
                address = None
            if address is not None and address.pid == self._process.pid:
                return address
            time.sleep(0.01)
        raise TimeoutError("the broker did not come up")

    @property
    def address(self) -> Address:
        return read_address(self.data_dir)

    def url(self, login: int | None = None) -> str:
        return self.address.url(login)

    def admin(self) -> BrokerAdmin:
        return BrokerAdmin.of(self.data_dir)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it in order; return its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(START_SECONDS)
