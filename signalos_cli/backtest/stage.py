"""An installation of its own, in a directory of its own: broker, server and bridge, each a process."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from signalos_cli import bridge_side, server_side
from signalos_cli.datadir import DataDir, make_private
from signalos_cli.demo import TERMINAL_MODULE
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs
from signalos_cli.parent import PARENT_PIPE
from signalos_cli.remote import Remote, signed_in
from signalos_cli.supervisor import ProgramFile

if TYPE_CHECKING:
    from signalos_bridge.emulator.admin import BrokerAdmin

_USER: Final = "backtest"
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Stage:
    """What is set up, with an account that may trade."""

    server: Remote
    broker: BrokerAdmin
    login: int
    account_id: str


@contextmanager
def stage(root: Path, account: str, broker_options: Sequence[str]) -> Iterator[Stage]:
    """Sets up everything below `root`; ends the programs with the block. Raises `UserError`.

    `account` is the emulator's `LOGIN:CURRENCY:BALANCE:MARGIN_MODE:LEVERAGE`.
    """
    with needs("bridge"):
        from signalos_bridge.emulator.admin import BrokerAdmin
    data = DataDir(make_private(root))
    login = int(account.partition(":")[0])
    password = secrets.token_urlsafe(18)
    with ExitStack() as stack:
        programs = _Programs(data)
        stack.callback(programs.end)
        broker = programs.start(
            "emulator", ["emulator", "--", *broker_options, "--account", account],
            data.emulator / "address.json",
        )  # fmt: skip
        server_side.ensure_user(data, None, _USER, password)
        server = programs.start("server", ["server", "--grpc-port", "0"], data.server / "server.json")
        code = server_side.pairing_code(data, None, _USER, server_address=server.address)
        terminal = f"emulator://{broker.address}/{login}"
        bridge_side.pair(code, make_private(data.bridge()), TERMINAL_MODULE, terminal)
        programs.start(
            "bridge",
            ["bridge", "run", "--terminal-module", "emulator", "--terminal-path", terminal],
            data.bridge() / "bridge.json",
        )
        admin = stack.enter_context(BrokerAdmin.of(data.emulator))
        connected = stack.enter_context(signed_in(server.address, None, _USER, password))
        account_id = _account_that_may_trade(connected, programs)
        yield Stage(connected, admin, login, account_id)


def _account_that_may_trade(server: Remote, programs: _Programs) -> str:
    from signalos.v1.control_service_pb2 import GetTradingStateRequest

    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        states = server.call(server.control.GetTradingState, GetTradingStateRequest()).states
        for state in states:
            if state.lease_held and state.applied.revision == state.wanted.revision:
                return str(state.account_id)
        programs.check()
        time.sleep(0.1)
    raise UserError(f"the bridge was not ready within {_START_SECONDS:.0f} s", exit_code=EXIT_FAILED)


class _Programs:
    """The processes, and what they say, in files beside their directories."""

    def __init__(self, data: DataDir) -> None:
        self._data = data
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, arguments: Sequence[str], ready: Path) -> ProgramFile:
        """Starts a program and waits until it serves. Raises `UserError`."""
        where = {"SIGNALOS_DATA_DIR": str(self._data.root), PARENT_PIPE: "stdin"}
        with self._log(name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", "signalos_cli", *arguments],
                env={**_without_settings(), **where},
                # Held open: when this process is gone, however that went, the programs end.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self._running.append((name, process))
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            told = ProgramFile.read(ready)
            if told is not None and told.pid == process.pid:
                return told
            self.check()
            time.sleep(0.05)
        raise UserError(f"the {name} did not start within {_START_SECONDS:.0f} s", exit_code=EXIT_FAILED)

    def check(self) -> None:
        """Raises `UserError` with the last words of a program that ended."""
        for name, process in self._running:
            if process.poll() is not None:
                words = self._log(name).read_text(encoding="utf-8", errors="replace")[-1500:].strip()
                raise UserError(f"the {name} ended ({process.returncode}):\n{words}", exit_code=EXIT_FAILED)

    def end(self) -> None:
        """Ends them, the last one first."""
        for _, process in reversed(self._running):
            assert process.stdin is not None
            process.stdin.close()
        for _, process in reversed(self._running):
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _log(self, name: str) -> Path:
        return self._data.root / f"{name}.log"


def _without_settings() -> dict[str, str]:
    """The environment without what was set for another installation: its database, its ports."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SIGNALOS_")}
