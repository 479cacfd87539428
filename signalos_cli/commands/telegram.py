"""`signalos telegram`: the program that reads Telegram chats, and the login that it needs."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from signalos_cli import options
from signalos_cli.console import out, tell_done, tell_note, tell_warning
from signalos_cli.datadir import is_owned, make_private, write_private
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs
from signalos_cli.remote import TOKEN_VARIABLE, ServerOption, TlsCaOption, address_of
from signalos_cli.running import run_alone

commands = typer.Typer(
    help="Reads Telegram chats as you, and hands what is written there to the server.", no_args_is_help=True
)

TOKEN_FILE = "token"  # noqa: S105 - the name of a file
_LOGIN_FIRST = "log in first: signalos telegram login"
_COUNTERS = {
    "handed_on": "handed on",
    "assembled": "posts put together from parts",
    "changed_before_sent": "edited before they were handed on",
    "withdrawn_before_sent": "deleted before they were handed on",
    "no_text": "without text (pictures, voice messages)",
    "refused": "refused by the server",
    "unknown_deletions": "deletions of messages that were never seen",
    "skipped_too_old": "missed, and too old to catch up on",
    "skipped_too_many": "times that more was missed than is caught up on",
    "without_source": "of chats that no source reads any more",
}


@commands.command()
def login(
    api_id: Annotated[
        int | None,
        typer.Option("--api-id", envvar="SIGNALOS_TELEGRAM_API_ID", help="From https://my.telegram.org."),
    ] = None,
    phone: Annotated[
        str | None,
        typer.Option(
            "--phone", envvar="SIGNALOS_TELEGRAM_PHONE", help="With its country code, as +49 170 1234567."
        ),
    ] = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Log in to Telegram as yourself, once. Asks for everything that it needs.

    Telegram gives an api id and hash to whoever writes or runs a program: sign in at https://my.telegram.org,
    open "API development tools", and make an application of any name. Then Telegram sends a code to your
    phone, and asks for your password if you have set one. The session that comes of it is as good as your
    phone: it is kept in the data directory, readable by you only. It can be ended in Telegram under Devices.

    Examples:

      signalos telegram login

      signalos telegram login --api-id 123456 --phone +491701234567
    """
    with needs("telegram"):
        from signalos_telegram import app
    if not sys.stdin.isatty():
        raise UserError("there is no terminal to ask for Telegram's code on")
    directory = make_private(options.data_dir(data_dir).telegram)
    if is_owned(directory):
        raise UserError("signalos telegram runs on this directory; end it before you log in anew")
    number = api_id if api_id is not None else typer.prompt("api id", type=int, err=True)
    api_hash = os.environ.get("SIGNALOS_TELEGRAM_API_HASH") or str(
        typer.prompt("api hash", hide_input=True, err=True)
    )
    try:
        name = app.log_in(
            directory,
            app.Application(number, api_hash),
            lambda: phone or str(typer.prompt("Phone, with country code", err=True)),
            lambda: str(typer.prompt("Code that Telegram sent you", err=True)),
            lambda: str(typer.prompt("Password of two-step verification", hide_input=True, err=True)),
        )
    except app.LoginError as error:
        raise UserError(f"Telegram refuses: {error}", exit_code=EXIT_FAILED) from error
    tell_done(f"logged in as {name}")
    token = typer.prompt(
        "API token of SignalOS, scope TRADE (dashboard, Settings, Tokens; empty: later)",
        default="", hide_input=True, show_default=False, err=True,
    )  # fmt: skip
    if token:
        write_private(directory / TOKEN_FILE, token.strip())
    tell_note('next: signalos sources add "NAME" --kind telegram --chat CHAT, then signalos telegram run')


@commands.command()
def chats(data_dir: options.DataDirOption = None) -> None:
    """List your chats with their numbers, for `signalos sources add --chat`."""
    with needs("telegram"):
        from signalos_telegram import app
    directory = make_private(options.data_dir(data_dir).telegram)
    if is_owned(directory):
        raise UserError("signalos telegram runs on this directory; end it to list the chats")
    try:
        listed = app.chats(directory)
    except app.NotLoggedInError as error:
        raise UserError(str(error), hint=_LOGIN_FIRST) from error
    except app.LoginError as error:
        raise UserError(f"Telegram does not answer: {error}", exit_code=EXIT_FAILED) from error
    table = Table("number", "kind", "name", "title")
    for chat in listed:
        user_name = f"@{chat.user_name}" if chat.user_name else ""
        table.add_row(str(chat.number), chat.kind, escape(user_name), escape(chat.title))
    out.print(table if table.row_count else "This Telegram account is in no chat.")


@commands.command()
def run(
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
    data_dir: options.DataDirOption = None,
) -> None:
    """Read the chats of all Telegram sources, and hand on what is written, edited and deleted there.

    Which chats those are is asked of the server every minute. What was seen is kept on this disk until the
    server has it, and after an interruption the chats are caught up on. The API token of SignalOS is the one
    that was given at login, or SIGNALOS_API_TOKEN; it needs the scope TRADE.
    """
    with needs("telegram"):
        from signalos_telegram import app
    data = options.data_dir(data_dir)
    directory = make_private(data.telegram)
    settings = app.Settings(
        data_dir=directory,
        server_address=server_address or address_of(data),
        token=_token(directory),
        server_tls_ca=server_tls_ca,
        log_format=log_format.value,
    )
    try:
        run_alone(directory, "signalos telegram", lambda: app.run(settings))
    except app.NotLoggedInError as error:
        raise UserError(str(error), hint=_LOGIN_FIRST) from error


@commands.command()
def status(data_dir: options.DataDirOption = None) -> None:
    """Show whether it runs, how far each chat was read, what waits, and the last error.

    Ends with 1 where it does not run, or cannot reach Telegram or the server.
    """
    with needs("telegram"):
        from signalos_telegram.journal import FILE, Journal
    directory = options.data_dir(data_dir).telegram
    if not (directory / FILE).is_file():
        raise UserError(f"nothing was ever read in {directory}", hint="signalos telegram run")
    runs = is_owned(directory)
    journal = Journal(directory, read_only=True)
    try:
        facts = journal.facts()
        table = Table("chat", "title", "last message", "read up to")
        for chat in journal.chats():
            last = "none yet" if chat.last_time is None else _ago(chat.last_time)
            table.add_row(str(chat.chat), escape(chat.title), last, str(chat.last_message_id))
        waiting, oldest = journal.queue_length(), journal.oldest_waiting()
        counters = journal.counters()
    finally:
        journal.close()
    links = {name: facts[name].value if name in facts else "never" for name in ("telegram", "server")}
    healthy = runs and set(links.values()) == {"connected"}
    out.print("[green]it runs[/]" if runs else "[red]it does not run[/]")
    for name, state in links.items():
        if runs:
            colour = "green" if state == "connected" else "red"
            since = f", {_ago(facts[name].time)}" if name in facts else ""
            out.print(f"{name}: [{colour}]{escape(state)}[/]{since}")
    out.print(table)
    out.print(f"waiting to be handed on: {waiting}" + (f", the oldest {_ago(oldest)}" if oldest else ""))
    for name, words in _COUNTERS.items():
        if counters.get(name):
            out.print(f"{words}: {counters[name]}")
    for problem in facts["problems"].value.splitlines() if "problems" in facts else ():
        tell_warning(problem)
    if "last_error" in facts:
        out.print(f"last error, {_ago(facts['last_error'].time)}: {escape(facts['last_error'].value)}")
    if not healthy:
        raise typer.Exit(EXIT_FAILED)


def _token(directory: Path) -> str:
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return given
    try:
        return (directory / TOKEN_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise UserError(
            "there is no API token of SignalOS",
            hint=f"make one with the scope TRADE in the dashboard, and put it into {TOKEN_VARIABLE}, or give "
            "it to signalos telegram login",
        ) from None


def _ago(when: datetime) -> str:
    seconds = max(0, round((datetime.now(UTC) - when).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"
