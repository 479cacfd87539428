"""The demo's own steps, on a real emulated broker."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_cli.datadir import DataDir
from signalos_cli.demo import ACCOUNT, LOGIN, OPENING_POSITIONS, PASSWORD_VARIABLE, Demo
from signalos_cli.errors import UserError
from signalos_cli.supervisor import ProgramFile


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerAdmin]:
    ready = tmp_path / "emulator" / "address.json"
    process = subprocess.Popen(
        [sys.executable, "-m", "signalos_cli", "emulator", "--data-dir", str(tmp_path), "--account", ACCOUNT],
        stdin=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 20
        while ProgramFile.read(ready) is None:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        with BrokerAdmin.of(tmp_path / "emulator") as admin:
            yield admin
    finally:
        process.terminate()
        assert process.wait(15) == 0


@pytest.mark.integration
def test_the_positions_are_opened_once_and_a_closed_one_stays_closed(
    broker: BrokerAdmin, tmp_path: Path
) -> None:
    demo = Demo(DataDir(tmp_path), None)

    demo.open_positions()

    opened = broker.positions(LOGIN)
    assert [each.symbol for each in opened] == [each.symbol for each in OPENING_POSITIONS]
    assert all(each.sl and each.tp for each in opened)

    broker.close_by_hand(LOGIN, opened[0].ticket)
    demo.open_positions()
    assert [each.symbol for each in broker.positions(LOGIN)] == [each.symbol for each in opened[1:]]


def test_a_made_password_is_shown_once_and_kept_for_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    demo = Demo(DataDir(tmp_path), None)

    password = demo.password()

    assert len(password) >= 16
    assert f"with the password {password}" in demo.welcome("http://x")
    again = Demo(DataDir(tmp_path), None)
    assert again.password() == password
    assert password not in again.welcome("http://x")
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "demo.json").stat().st_mode) == 0o600


def test_a_given_password_is_neither_kept_nor_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = Demo(DataDir(tmp_path), None)
    made = demo.password()
    monkeypatch.setenv(PASSWORD_VARIABLE, "given by a person")

    assert demo.password() == "given by a person"

    kept = (tmp_path / "demo.json").read_text()
    assert "given by a person" not in kept
    assert made not in kept
    assert "given by a person" not in demo.welcome("http://x")


def test_a_short_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, "short")

    with pytest.raises(UserError, match="10 characters"):
        Demo(DataDir(tmp_path), None).password()
