"""`signalos user`: users, at the server's machine, whether the server runs or not."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.table import Table

from signalos_cli import options, server_side
from signalos_cli.console import out, tell_done
from signalos_cli.errors import UserError

commands = typer.Typer(
    help="Who may sign in. Works on the database itself, at the server's machine.", no_args_is_help=True
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="What the user signs in with.")]
PasswordStdinOption = Annotated[
    bool,
    typer.Option(
        "--password-stdin",
        envvar="SIGNALOS_PASSWORD_STDIN",
        help="Reads the password from standard input instead of asking for it.",
    ),
]


PASSWORD_VARIABLE = "SIGNALOS_PASSWORD"  # noqa: S105 - the name of a variable


def _password(from_stdin: bool) -> str:
    """Never an option: a command line is seen by every user of the machine."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise UserError("no password came on standard input")
        return password
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise UserError(
            "there is no terminal to ask for a password on",
            hint=f"use --password-stdin, or {PASSWORD_VARIABLE} in the environment",
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


@commands.command()
def add(
    name: NameArgument,
    admin: Annotated[
        bool,
        typer.Option(
            "--admin", envvar="SIGNALOS_USER_ADMIN", help="An administrator: sees and stops all accounts."
        ),
    ] = False,
    password_stdin: PasswordStdinOption = False,
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
) -> None:
    """Make a user. Asks for the password, unless SIGNALOS_PASSWORD is in the environment.

    Examples:

      signalos user add alice --admin

      pass show signalos/alice | signalos user add alice --password-stdin
    """
    data = options.data_dir(data_dir)
    server_side.add_user(data, database_url, name, _password(password_stdin), admin=admin)
    tell_done(f"{name} may sign in{', as an administrator' if admin else ''}")


@commands.command(name="list")
def list_users(data_dir: options.DataDirOption = None, database_url: options.DatabaseOption = None) -> None:
    """Show all users."""
    table = Table("name", "role", "may sign in", "made")
    for user in server_side.users(options.data_dir(data_dir), database_url):
        table.add_row(user.name, user.role, "[red]no[/]" if user.disabled else "yes", user.made)
    out.print(table if table.row_count else "There is no user yet: signalos user add NAME --admin")


@commands.command()
def disable(
    name: NameArgument,
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
) -> None:
    """Take a user's right to sign in, and end all of the user's sessions and tokens. Trades stay guarded."""
    server_side.disable_user(options.data_dir(data_dir), database_url, name)
    tell_done(f"{name} may not sign in any more")


@commands.command()
def password(
    name: NameArgument,
    password_stdin: PasswordStdinOption = False,
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
) -> None:
    """Set a user's password, and end the user's sessions. Asks for it."""
    server_side.set_password(options.data_dir(data_dir), database_url, name, _password(password_stdin))
    tell_done(f"{name} has a new password")
