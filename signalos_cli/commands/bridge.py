"""`signalos bridge`: beside one MetaTrader 5 terminal. Needs neither server nor dashboard packages."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from signalos_cli import bridge_side, options, selftest_view, server_side
from signalos_cli.console import err, out, tell_done, tell_note, tell_warning
from signalos_cli.datadir import DataDir, is_owned
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs
from signalos_cli.install import (
    Installed,
    bridge_command,
    check_name,
    install_task,
    install_unit,
    remove_task,
    remove_unit,
)
from signalos_cli.log_file import log_to
from signalos_cli.running import run_alone
from signalos_cli.supervisor import ProgramFile

commands = typer.Typer(invoke_without_command=True)

TERMINALS = {"metatrader5": "MetaTrader5", "emulator": "signalos_bridge.emulator.metatrader5"}

TerminalOption = Annotated[
    str,
    typer.Option(
        "--terminal-module",
        envvar="SIGNALOS_TERMINAL_MODULE",
        help="metatrader5, emulator, or another module that speaks the MetaTrader5 package's API: its name, "
        "with :CLASS after it where the functions are methods.",
    ),
]
TerminalPathOption = Annotated[
    str | None,
    typer.Option(
        "--terminal-path",
        envvar="SIGNALOS_TERMINAL_PATH",
        help="Which terminal: its terminal64.exe, or the emulator's emulator://HOST:PORT/LOGIN.",
        show_default="the one that runs",
    ),
]
LogFileOption = Annotated[
    Path | None,
    typer.Option(
        "--log-file",
        envvar="SIGNALOS_LOG_FILE",
        help="Logs go there instead, bounded to a few files of 10 MiB.",
    ),
]

SettleScaleOption = Annotated[
    float,
    typer.Option(
        "--settle-scale",
        envvar="SIGNALOS_SETTLE_SCALE",
        hidden=True,
        min=0.01,
        max=10.0,
        help="Scales how long the terminal's silence has to last to be believed. Below 1 only in tests.",
    ),
]


_PAIR_FIRST = "make a code in the dashboard, then: signalos bridge pair CODE"


def _terminal_module(terminal: str) -> str:
    return TERMINALS.get(terminal.lower(), terminal)


@commands.callback()
def default(
    context: typer.Context,
    data_dir: options.DataDirOption = None,
    name: options.BridgeNameOption = "",
    terminal: TerminalOption = "metatrader5",
    terminal_path: TerminalPathOption = None,
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
    log_file: LogFileOption = None,
    settle_scale: SettleScaleOption = 1.0,
    time_scale: options.TimeScaleOption = 1.0,
) -> None:
    """The program beside the terminal: run it, pair it, stop it. Without a command: run it.

    Examples:

      signalos bridge pair CODE

      signalos bridge

      signalos bridge stop --close --reason "news"
    """
    if context.invoked_subcommand is None:
        run(data_dir, name, terminal, terminal_path, log_format, log_file, settle_scale, time_scale)
        return
    misplaced = [each for each in context.params if _from_command_line(context, each)]
    if misplaced:
        # A stop must never go to another directory than the one that was written down.
        raise UserError(
            f"options belong behind the command {context.invoked_subcommand}",
            hint=f"signalos bridge {context.invoked_subcommand} --{misplaced[0].replace('_', '-')} ...",
        )


def _from_command_line(context: typer.Context, parameter: str) -> bool:
    source = context.get_parameter_source(parameter)
    return source is not None and source.name == "COMMANDLINE"


@commands.command()
def run(
    data_dir: options.DataDirOption = None,
    name: options.BridgeNameOption = "",
    terminal: TerminalOption = "metatrader5",
    terminal_path: TerminalPathOption = None,
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
    log_file: LogFileOption = None,
    settle_scale: SettleScaleOption = 1.0,
    time_scale: options.TimeScaleOption = 1.0,
) -> None:
    """Run the bridge, once it is paired. It attaches to a terminal that is logged in already."""
    with needs("bridge"):
        from signalos_bridge import app, credentials
        from signalos_bridge.link.link import LinkSettings
    directory = options.data_dir(data_dir).bridge(check_name(name))
    if not directory.is_dir():
        # Not made here: a directory that only looks like a bridge's could be taken for one that was stopped.
        raise UserError(f"no bridge was paired in {directory}", hint=_PAIR_FIRST)
    bridge_side.check_terminal_module(_terminal_module(terminal))
    if log_file is not None:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        log_to(log_file)
    settings = app.Settings(
        data_dir=directory,
        terminal_module=_terminal_module(terminal),
        terminal_path=terminal_path,
        log_format=log_format.value,
        settle_scale=settle_scale,
        link=LinkSettings.scaled(time_scale),
        lease_seconds=30.0 * time_scale,
    )
    try:
        run_alone(directory, "bridge", lambda: app.run(settings))
    except credentials.NotPaired as error:
        raise UserError(f"{error} ({directory})", hint=_PAIR_FIRST) from error
    except credentials.CredentialUnreadable as error:
        raise UserError(str(error), hint="pair it again: signalos bridge pair CODE") from error


@commands.command()
def pair(
    code: Annotated[
        str, typer.Argument(metavar="CODE", help="From the dashboard, or from `signalos bridge code`.")
    ],
    data_dir: options.DataDirOption = None,
    name: options.BridgeNameOption = "",
    terminal: TerminalOption = "metatrader5",
    terminal_path: TerminalPathOption = None,
) -> None:
    """Bind this machine's bridge to your account, once. The terminal must be running and logged in.

    Your broker's password is not asked for. A code works once, for ten minutes.

    Examples:

      signalos bridge pair CODE

      signalos bridge pair CODE --name second --terminal-path "C:\\MT5 second\\terminal64.exe"
    """
    directory = options.data_dir(data_dir).bridge(check_name(name))
    with err.status("asking the terminal who it is, for up to half a minute"):
        paired = bridge_side.pair(code, directory, _terminal_module(terminal), terminal_path, name)
    kind = "[bold yellow]real money[/]" if paired.real_money else "a demo account"
    tell_done(f"paired with account {paired.login} at {paired.broker_server}, server {paired.server_address}")
    err.print(f"[cyan]note:[/]  this is {kind}; the bridge trades on no other account")
    again = _same_options(data_dir, name, terminal, terminal_path)
    if sys.platform == "win32":
        tell_note(f"next: signalos bridge install{again}")
    else:
        tell_note(f"next: signalos bridge{again}")
        tell_note(f"or, to start it at every logon: signalos bridge install{again}")


def _same_options(data_dir: Path | None, name: str, terminal: str, terminal_path: str | None) -> str:
    """What a command has to repeat to mean the bridge, and the terminal, of this one."""
    given = {
        "--data-dir": None if data_dir is None else str(data_dir),
        "--name": name or None,
        "--terminal-module": None if terminal == "metatrader5" else terminal,
        "--terminal-path": terminal_path,
    }
    return "".join(f" {option} {shlex.quote(value)}" for option, value in given.items() if value is not None)


@commands.command(name="code")
def make_code(
    user: Annotated[
        str, typer.Option("--user", envvar="SIGNALOS_BRIDGE_USER", help="Whose account it will be.")
    ],
    account: Annotated[
        str,
        typer.Option(
            "--account",
            envvar="SIGNALOS_BRIDGE_ACCOUNT",
            help="An account of theirs, as acc_...",
            show_default="a new one",
        ),
    ] = "",
    server_address: Annotated[
        str | None,
        typer.Option(
            "--server-address",
            envvar="SIGNALOS_SERVER_ADDRESS",
            help="HOST:PORT at which the bridge reaches this server.",
            show_default="where the server listens",
        ),
    ] = None,
    tls_cert: options.TlsCertOption = None,
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
) -> None:
    """Make a pairing code, at the server's machine. It works once, for ten minutes.

    Examples:

      signalos bridge code --user alice

      signalos bridge code --user alice --server-address trade.example.com:50051 --tls-cert fullchain.pem
    """
    data = options.data_dir(data_dir)
    out.print(
        server_side.pairing_code(
            data,
            database_url,
            user,
            server_address=server_address or server_side.listening_address(data),
            account_id=account,
            tls_cert=tls_cert,
        )
    )


@commands.command()
def stop(
    data_dir: options.DataDirOption = None,
    name: options.BridgeNameOption = "",
    close: Annotated[
        bool,
        typer.Option(
            "--close", envvar="SIGNALOS_STOP_CLOSE", help="Also close every position and cancel every order."
        ),
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", envvar="SIGNALOS_STOP_REASON", help="Kept in the audit.")
    ] = "",
) -> None:
    """Emergency stop at this machine: nothing opens any more, whatever the server or the network does.

    Stops every bridge of the data directory unless --name says which. The stop is on the disk when this
    returns; only a re-arm in the dashboard leads out of it.

    Examples:

      signalos bridge stop

      signalos bridge stop --close --reason "flat before the news"
    """
    with needs("bridge"):
        from signalos_bridge.credentials import CREDENTIAL_FILE
        from signalos_bridge.latch import LatchUnavailable, stop_locally
    data = options.data_dir(data_dir)
    directories = [data.bridge(check_name(name))] if name else _bridges(data)
    missing = [directory for directory in directories if not directory.is_dir()]
    if missing or not directories:
        raise UserError(
            f"no bridge lives in {missing[0] if missing else data.root}: NOTHING WAS STOPPED",
            hint="say where the bridge runs: signalos bridge stop --data-dir DIRECTORY",
        )
    failed = []
    for directory in directories:
        try:
            stopped = stop_locally(directory, reason, close)
        except LatchUnavailable as error:
            failed.append(f"{directory}: {error}")
            continue
        tell_done(f"{directory.name} is latched on this disk; stop {stopped.stop_id}")
        if stopped.bridge_answered:
            tell_note("the running bridge has taken it")
        else:
            tell_warning(
                "no running bridge answered; one that starts here will be stopped from its first moment"
            )
    if failed:
        raise UserError("NOT STOPPED: " + "; ".join(failed), exit_code=EXIT_FAILED)
    unpaired = [directory for directory in directories if not (directory / CREDENTIAL_FILE).exists()]
    if unpaired:
        raise UserError(
            f"never paired, so it trades nothing: {', '.join(map(str, unpaired))}",
            hint="if a bridge of yours runs elsewhere, it was NOT stopped: "
            "signalos bridge stop --data-dir DIRECTORY",
            exit_code=EXIT_FAILED,
        )


def _bridges(data: DataDir) -> list[Path]:
    return sorted(path for path in data.root.glob("bridge*") if path.is_dir())


@commands.command()
def status(data_dir: options.DataDirOption = None) -> None:
    """Show the bridges of this machine: account, server, whether they run, and which stops they hold.

    A bridge that runs says how it stands with its server: connected, away since when, or refused and why.
    """
    with needs("bridge"):
        from signalos_bridge import credentials
        from signalos_bridge.latch import Latch, LatchUnavailable
    data = options.data_dir(data_dir)
    table = Table("bridge", "account at the broker", "SignalOS server", "runs", "stops held")
    for directory in _bridges(data):
        try:
            credential = credentials.load(directory)
            account = f"{credential.bound.login} at {credential.bound.server}"
            server = credential.server_address
        except (credentials.NotPaired, credentials.CredentialUnreadable) as error:
            account, server = f"[yellow]{error}[/]", ""
        try:
            held = Latch(directory).read().held if Latch(directory).exists else ()
            stops = "\n".join(
                f"[red]{datetime.fromtimestamp(each.latched_wall_msc / 1000, UTC):%Y-%m-%d %H:%M:%S}Z "
                f"{each.reason}[/]"
                for each in held
            )
        except LatchUnavailable as error:
            stops = f"[red]counts as stopped: {error}[/]"
        running = ProgramFile.read(directory / "running.pid")
        runs = "no"
        if running and is_owned(directory):
            runs = f"[green]yes[/] (process {running.pid})"
            server = "\n".join(filter(None, (server, bridge_side.standing_of(directory))))
        table.add_row(directory.name, account, server, runs, stops or "none")
    if not table.row_count:
        tell_note(f"no bridge lives in {data.root}")
        return
    out.print(table)


@commands.command()
def selftest(
    symbol: Annotated[
        str, typer.Option(help="What to trade: a liquid symbol, as the broker writes it.")
    ] = "EURUSD",
    terminal: TerminalOption = "metatrader5",
    terminal_path: TerminalPathOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before trading.")] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write what was found there too, as JSON.", dir_okay=False)
    ] = None,
) -> None:
    """Try this terminal on a demo account: does it behave as the bridge expects?

    It opens, moves, closes in part, places, cancels and closes, with the smallest lots, and says with numbers
    what differs. Real accounts are refused. Exit code 1: something differs.

    Example: signalos bridge selftest --symbol EURUSD.r
    """
    with needs("bridge"):
        from signalos_bridge.selftest import SelfTestRefused
        from signalos_bridge.selftest import selftest as run_selftest
        from signalos_bridge.terminal.metatrader5 import ModuleUnusable
        from signalos_bridge.terminal.port import TerminalUnavailable
    bridge_side.check_terminal_module(_terminal_module(terminal))
    if not yes:
        typer.confirm(
            f"This trades a few of the smallest lots of {symbol} on the terminal's demo account. Go on?",
            abort=True,
        )
    try:
        with err.status("asking the terminal who it is") as status:
            found = run_selftest(_terminal_module(terminal), terminal_path, symbol, status.update)
    except SelfTestRefused as error:
        raise UserError(f"nothing was traded: {error}", exit_code=EXIT_FAILED) from error
    except ModuleUnusable as error:
        raise UserError(str(error), hint="mend it, or name another module with --terminal-module") from error
    except TerminalUnavailable as error:
        raise UserError(
            f"the terminal does not answer: {error.why}",
            hint="look at the terminal, and close by hand what the test may have left open",
            exit_code=EXIT_FAILED,
        ) from error
    if report is not None:
        report.write_text(selftest_view.as_json(found), encoding="utf-8")
    selftest_view.show(found)
    if found.differences:
        raise typer.Exit(EXIT_FAILED)


@commands.command()
def install(
    data_dir: options.DataDirOption = None,
    name: options.BridgeNameOption = "",
    terminal: TerminalOption = "metatrader5",
    terminal_path: TerminalPathOption = None,
    remove: Annotated[
        bool,
        typer.Option("--remove", envvar="SIGNALOS_REMOVE", help="Take it out again; data stay."),
    ] = False,
) -> None:
    """Start the bridge at every logon, and again whenever it fails.

    On Windows: a task in your own session, where the terminal is. On Linux: a systemd unit of yours.
    """
    check_name(name)
    if sys.platform not in ("win32", "linux"):
        raise UserError("this system's way of starting programs is not known; start it as: signalos bridge")
    if remove:
        _tell(remove_task(name) if sys.platform == "win32" else remove_unit(name))
        return
    with needs("bridge"):
        from signalos_bridge import credentials
    data = options.data_dir(data_dir)
    directory = data.bridge(name)
    try:
        credentials.load(directory)
    except (credentials.NotPaired, credentials.CredentialUnreadable) as error:
        raise UserError(f"{error} ({directory})", hint="first: signalos bridge pair CODE") from error
    given = ["--terminal-module", terminal] + (["--terminal-path", terminal_path] if terminal_path else [])
    if sys.platform == "win32":
        log_file = directory / "bridge.log"
        command = bridge_command(data.root, name, log_file=log_file, options=given)
        _tell(install_task(command, directory, name))
        tell_note(f"its log is {log_file}")
    else:
        _tell(install_unit(bridge_command(data.root, name, log_file=None, options=given), name))


def _tell(installed: Installed) -> None:
    tell_done(f"{installed.what} ({installed.where})")
    for command in installed.left_to_do:
        err.print(f"  still to do: {command}", markup=False)
