"""Has the system start the bridge and start it again: what is written, and what was done with it."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from signalos_cli.errors import EXIT_FAILED, UserError


@dataclass(frozen=True, slots=True)
class Installed:
    """What was written where, and what is left for the person to do."""

    what: str
    where: str
    left_to_do: tuple[str, ...] = ()


def task_name(name: str) -> str:
    return f"SignalOS bridge {name}".strip()


def unit_name(name: str) -> str:
    return f"signalos-bridge-{name}.service" if name else "signalos-bridge.service"


def check_name(name: str) -> str:
    """It becomes part of file and task names. Raises `UserError`."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,32}", name):
        raise UserError(f"{name!r} is no name for a bridge: letters, digits, - and _ only, at most 32")
    return name


def task_xml(command: Sequence[str], user: str, name: str) -> str:
    """A task that runs in the user's own session, where the terminal is, from logon on.

    A service would run in session 0 and never see the terminal's window station.
    """
    arguments = subprocess.list2cmdline(command[1:])
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>{escape(task_name(name))}: guards trades beside the MetaTrader 5 terminal</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{escape(user)}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{escape(user)}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>999</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{escape(command[0])}</Command>
      <Arguments>{escape(arguments)}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def unit_text(command: Sequence[str], name: str) -> str:
    """A systemd unit of the user."""
    # In a unit, % begins a specifier and must be doubled.
    line = shlex.join(command).replace("%", "%%")
    return f"""[Unit]
Description={task_name(name)}
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={line}
Restart=on-failure
RestartSec=2
# The bridge ends cleanly when asked; what it had under way is in its journal.
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=true

[Install]
WantedBy=default.target
"""


def bridge_command(data_dir: Path, name: str, *, log_file: Path | None, options: Sequence[str]) -> list[str]:
    """How the system starts the bridge: by absolute paths, because it has another PATH."""
    python = Path(sys.executable)
    windowless = python.with_name("pythonw.exe")
    if sys.platform == "win32" and windowless.exists():
        # A console window would be closed by somebody one day, and the bridge with it.
        python = windowless
    command = [str(python), "-m", "signalos_cli", "bridge", "--data-dir", str(data_dir)]
    if name:
        command += ["--name", name]
    if log_file is not None:
        command += ["--log-file", str(log_file)]
    return [*command, *options]


def install_task(command: Sequence[str], directory: Path, name: str) -> Installed:
    """Register the task with Windows and start it. Raises `UserError` with what Windows said."""
    user = f"{os.environ.get('USERDOMAIN', '.')}\\{getpass.getuser()}"
    path = directory / "task.xml"
    path.write_text(task_xml(command, user, name), encoding="utf-16")
    _run(["schtasks", "/Create", "/TN", task_name(name), "/XML", str(path), "/F"])
    _run(["schtasks", "/Run", "/TN", task_name(name)])
    return Installed(f'a task "{task_name(name)}", started at every logon and running now', str(path))


def remove_task(name: str) -> Installed:
    _run(["schtasks", "/Delete", "/TN", task_name(name), "/F"])
    return Installed(f'the task "{task_name(name)}" is removed', "the task scheduler")


def unit_path(name: str) -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / unit_name(name)


def install_unit(command: Sequence[str], name: str) -> Installed:
    """Write the user's unit and start it, where a systemd of the user answers."""
    path = unit_path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(unit_text(command, name), encoding="utf-8")
    unit = unit_name(name)
    linger = f"loginctl enable-linger {getpass.getuser()}   # so that it also runs while you are logged out"
    if not _systemd_answers():
        return Installed(
            "a systemd unit, not started: no systemd of this user answers here",
            str(path),
            ("systemctl --user daemon-reload", f"systemctl --user enable --now {unit}", linger),
        )
    _run(["systemctl", "--user", "daemon-reload"])
    _run(["systemctl", "--user", "enable", "--now", unit])
    return Installed("a systemd unit of this user, enabled and running", str(path), (linger,))


def remove_unit(name: str) -> Installed:
    path = unit_path(name)
    if not path.exists():
        raise UserError(f"no unit is installed at {path}")
    if _systemd_answers():
        _run(["systemctl", "--user", "disable", "--now", unit_name(name)])
    path.unlink()
    return Installed("the unit is removed", str(path))


def _systemd_answers() -> bool:
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return False
    asked = subprocess.run(  # noqa: S603 - found on PATH, as any tool of the system
        [systemctl, "--user", "show-environment"], capture_output=True, check=False, timeout=10
    )
    return asked.returncode == 0


def _run(command: Sequence[str]) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise UserError(f"{command[0]} is not found on this system", exit_code=EXIT_FAILED)
    done = subprocess.run(  # noqa: S603 - found on PATH, as any tool of the system
        [program, *command[1:]], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise UserError(f"{' '.join(command[:2])} failed: {said}", exit_code=EXIT_FAILED)
