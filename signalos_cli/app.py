"""Puts the commands together, and turns what went wrong into words and an exit code."""

from __future__ import annotations

import errno
from importlib.metadata import PackageNotFoundError, version

import typer

from signalos_cli.commands import backtest as _backtest  # noqa: F401 (adds its command)
from signalos_cli.commands import bridge, maintenance, programs, signals, sources, telegram, up, users, verify
from signalos_cli.console import out, tell_error
from signalos_cli.errors import EXIT_FAILED, UserError

app = typer.Typer(
    name="signalos",
    help=(
        "A self-hosted control plane for MetaTrader 5.\n\n"
        "Start with `signalos up --demo`, and open the address that it prints."
    ),
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

TOGETHER = "All on one machine"
ALONE = "One program"
SIGNALS = "Signals"
CARE = "Care"

app.command(rich_help_panel=TOGETHER)(up.up)
app.command(rich_help_panel=ALONE)(programs.server)
app.command(rich_help_panel=ALONE)(programs.gateway)
app.command(
    rich_help_panel=ALONE,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(programs.emulator)
app.add_typer(bridge.commands, name="bridge", rich_help_panel=ALONE)
app.add_typer(telegram.commands, name="telegram", rich_help_panel=ALONE)
app.add_typer(signals.commands, name="signals", rich_help_panel=SIGNALS)
app.add_typer(sources.commands, name="sources", rich_help_panel=SIGNALS)
app.add_typer(users.commands, name="user", rich_help_panel=CARE)
app.add_typer(maintenance.database, name="db", rich_help_panel=CARE)
app.add_typer(maintenance.audit, name="audit", rich_help_panel=CARE)
app.command(rich_help_panel=CARE)(verify.verify)


@app.command(name="version", rich_help_panel=CARE)
def show_version() -> None:
    """Show the version that is installed."""
    try:
        out.print(f"signalos {version('signalos')}")
    except PackageNotFoundError:
        raise UserError(
            "signalos runs from a directory and is not installed", exit_code=EXIT_FAILED
        ) from None


def run() -> int:
    """Run the command of this process's arguments; return its exit code.

    0: done · 1: did not work out · 2: wrong use or settings · 130: interrupted.
    """
    try:
        app(prog_name="signalos")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else EXIT_FAILED
    except KeyboardInterrupt:
        return 130
    except UserError as error:
        tell_error(error)
        return error.exit_code
    except OSError as error:
        # What the machine refuses is for the person to see, not for a programmer.
        if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.ENOSPC):
            tell_error(UserError(f"the system refuses: {error}"))
            return EXIT_FAILED
        raise
    return 0
