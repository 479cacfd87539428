"""What is written so that the system starts the bridge."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from signalos_cli.errors import UserError
from signalos_cli.install import (
    bridge_command,
    check_name,
    install_unit,
    remove_unit,
    task_name,
    task_xml,
    unit_text,
)

NAMESPACE = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}


def test_a_task_runs_at_logon_in_the_users_session_and_is_restarted_for_ever() -> None:
    command = [r"C:\Program Files\py\pythonw.exe", "-m", "signalos_cli", "bridge", "--name", "a & b"]

    task = ElementTree.fromstring(task_xml(command, r"PC\trader", "a"))

    def text(path: str) -> str | None:
        return task.findtext(path, namespaces=NAMESPACE)

    assert text("t:Triggers/t:LogonTrigger/t:UserId") == r"PC\trader"
    assert text("t:Principals/t:Principal/t:LogonType") == "InteractiveToken"
    assert text("t:Settings/t:RestartOnFailure/t:Interval") == "PT1M"
    assert text("t:Settings/t:ExecutionTimeLimit") == "PT0S"
    assert text("t:Settings/t:StopIfGoingOnBatteries") == "false"
    assert text("t:Settings/t:MultipleInstancesPolicy") == "IgnoreNew"
    assert text("t:Actions/t:Exec/t:Command") == r"C:\Program Files\py\pythonw.exe"
    assert text("t:Actions/t:Exec/t:Arguments") == '-m signalos_cli bridge --name "a & b"'


def test_a_unit_is_restarted_when_it_fails_and_quotes_what_has_blanks_or_percents() -> None:
    unit = unit_text(["/opt/a b/python", "-m", "signalos_cli", "100%"], "")

    assert "ExecStart='/opt/a b/python' -m signalos_cli 100%%\n" in unit
    assert "Restart=on-failure" in unit


def test_the_command_is_absolute_and_names_directory_bridge_and_terminal() -> None:
    command = bridge_command(Path("/data"), "two", log_file=None, options=["--terminal-module", "emulator"])

    assert command == [
        *(sys.executable, "-m", "signalos_cli", "bridge", "--data-dir", "/data"),
        *("--name", "two", "--terminal-module", "emulator"),
    ]


def test_two_bridges_have_two_tasks() -> None:
    assert task_name("") == "SignalOS bridge"
    assert task_name("two") == "SignalOS bridge two"


@pytest.mark.parametrize("name", ["a/b", "..", "a b", "x" * 33, "ä"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        check_name(name)


def test_without_a_systemd_of_the_user_the_unit_is_written_and_the_rest_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")

    installed = install_unit(["/usr/bin/python3"], "two")

    assert "not started" in installed.what
    assert Path(installed.where).read_text().startswith("[Unit]")
    assert "systemctl --user enable --now signalos-bridge-two.service" in installed.left_to_do

    remove_unit("two")
    assert not Path(installed.where).exists()
    with pytest.raises(UserError):
        remove_unit("two")
