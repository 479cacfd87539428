"""`signalos signals`: what came in, what was decided, and what would be."""

from __future__ import annotations

import sys
import uuid
from typing import Annotated

import typer

from signalos_cli import options, signal_view
from signalos_cli.console import out, tell_done, tell_note
from signalos_cli.errors import UserError
from signalos_cli.remote import ServerOption, TlsCaOption, UserOption, remote

commands = typer.Typer(
    help="Messages of signal providers: what would come of one, and what did.", no_args_is_help=True
)

IdArgument = Annotated[str, typer.Argument(metavar="SIGNAL", help="Its id, as sig_...")]
SourceOption = Annotated[
    str, typer.Option("--source", envvar="SIGNALOS_SOURCE", help="A source, by its name or id.")
]
AccountsOption = Annotated[
    list[str] | None,
    typer.Option("--account", envvar="SIGNALOS_ACCOUNT", help="An account, as acc_... May be repeated."),
]
DecisionsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--decision", envvar="SIGNALOS_DECISION", help="Only this decision, as dec_... May be repeated."
    ),
]


@commands.command()
def simulate(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT|-]", help="The message; - reads it from standard input.")
    ] = "-",
    source: SourceOption = "",
    account: AccountsOption = None,
    reply_to: Annotated[
        str, typer.Option("--reply-to", envvar="SIGNALOS_REPLY_TO", help="The text that it replies to.")
    ] = "",
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show what a message would do: every step, the sizes, the limits and the worst case. Sends nothing.

    With the prices, the limits and the positions of this moment, by the settings of a source.

    Examples:

      signalos signals simulate "XAUUSD BUY 2340-45 SL 2330 TP 2350 2360" --user alice

      pbpaste | signalos signals simulate - --source "Gold room"
    """
    if text == "-" and sys.stdin.isatty():
        tell_note("write the message, and end it with Ctrl-D (Ctrl-Z and Enter on Windows)")
    message = sys.stdin.read() if text == "-" else text
    if not message.strip():
        raise UserError("there is no text", hint='signalos signals simulate "XAUUSD BUY NOW SL 2330 TP 2350"')
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import SimulateSignalRequest
        from signalos_cli.commands.sources import source_id_of

        source_id = source_id_of(server, source)
        request = SimulateSignalRequest(text=message, source_id=source_id, account_ids=account or ())
        if reply_to:
            request.context.reply_to = reply_to
        answer = server.call(server.signals.SimulateSignal, request)
    out.print(signal_view.simulated(answer.parsed, answer.decisions))


@commands.command(name="list")
def list_signals(
    count: Annotated[
        int, typer.Option("--count", envvar="SIGNALOS_COUNT", min=1, max=200, help="So many, newest first.")
    ] = 20,
    source: SourceOption = "",
    code: Annotated[
        str, typer.Option("--code", envvar="SIGNALOS_CODE", help="Only with this reason, e.g. MAX_RISK.")
    ] = "",
    query: Annotated[
        str, typer.Option("--query", envvar="SIGNALOS_QUERY", help="Only texts in which this occurs.")
    ] = "",
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show the newest signals and what came of them.

    Examples:

      signalos signals list --user alice

      signalos signals list --code TOO_OLD --count 100
    """
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import ListSignalsRequest
        from signalos_cli.commands.sources import source_id_of

        source_id = source_id_of(server, source)
        request = ListSignalsRequest(page_size=count, source_id=source_id, code=code, query=query)
        answer = server.call(server.signals.ListSignals, request)
    out.print(signal_view.signals(answer.signals) if answer.signals else "There is no such signal.")


@commands.command()
def show(
    signal_id: IdArgument,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show why a signal was traded, or why not: its whole timeline at every account."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import GetSignalRequest

        answer = server.call(server.signals.GetSignal, GetSignalRequest(signal_id=signal_id))
    out.print(signal_view.signal(answer.signal))


@commands.command()
def formats(
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show the notations that are understood, each with an example and what is read from it."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import ListSignalFormatsRequest

        listed = server.call(server.signals.ListSignalFormats, ListSignalFormatsRequest()).formats
    out.print(signal_view.formats(listed))


@commands.command()
def approve(
    signal_id: IdArgument,
    decision: DecisionsOption = None,
    trade: Annotated[
        list[str] | None,
        typer.Option(
            "--trade",
            envvar="SIGNALOS_TRADE",
            help="Which trade is meant, as trd_..., where that was asked. May be repeated.",
        ),
    ] = None,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Say yes to what waits. It is checked anew with the prices of now, and may still be denied."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import ApproveSignalRequest

        request = ApproveSignalRequest(
            signal_id=signal_id, decision_ids=decision or (), trade_ids=trade or ()
        )
        answer = server.call(server.signals.ApproveSignal, request)
    out.print(signal_view.signal(answer.signal))


@commands.command()
def reject(
    signal_id: IdArgument,
    decision: DecisionsOption = None,
    reason: Annotated[
        str, typer.Option("--reason", envvar="SIGNALOS_REASON", help="Why, for the record.")
    ] = "",
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Say no to what waits."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import RejectSignalRequest

        request = RejectSignalRequest(signal_id=signal_id, decision_ids=decision or (), reason=reason)
        server.call(server.signals.RejectSignal, request)
    tell_done(f"{signal_id} is rejected")


@commands.command()
def replay(
    signal_id: IdArgument,
    account: AccountsOption = None,
    yes: Annotated[
        bool, typer.Option("--yes", envvar="SIGNALOS_YES", help="Does not ask: this may trade.")
    ] = False,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Decide a signal anew, as if it were said now by somebody trusted. THIS MAY TRADE.

    For one that was missed, because trading was paused for example. It is never done by itself.

    Examples:

      signalos signals replay sig_01J9... --account acc_01J9...
    """
    if not yes and not _agreed(signal_id):
        raise UserError("nothing was replayed", hint="--yes says so without being asked")
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import ReplaySignalRequest

        request = ReplaySignalRequest(
            signal_id=signal_id, request_id=str(uuid.uuid4()), account_ids=account or ()
        )
        answer = server.call(server.signals.ReplaySignal, request)
    out.print(signal_view.signal(answer.signal))


def _agreed(signal_id: str) -> bool:
    return sys.stdin.isatty() and bool(
        typer.confirm(f"Decide {signal_id} anew? This may trade.", default=False, err=True)
    )
