"""`signalos sources`: where messages come from, and what they may do."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from signalos_cli import options, signal_view
from signalos_cli.console import out, tell_done, tell_note, tell_warning
from signalos_cli.datadir import DataDir
from signalos_cli.errors import UserError
from signalos_cli.remote import Remote, ServerOption, TlsCaOption, UserOption, remote
from signalos_cli.supervisor import ProgramFile

if TYPE_CHECKING:
    from signalos.v1.signal_pb2 import Source

commands = typer.Typer(
    help="Where signals come from: webhooks, Telegram chats, programs. What each of them may do.",
    no_args_is_help=True,
)


class Kind(StrEnum):
    """How messages of a source come in."""

    API = "api"
    WEBHOOK = "webhook"
    TELEGRAM = "telegram"


class Trust(StrEnum):
    """How far a source is trusted."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


SourceArgument = Annotated[str, typer.Argument(metavar="SOURCE", help="Its name, or its id as src_...")]


def find_source(server: Remote, named: str) -> Source:
    """The caller's source of that name or id. Raises `UserError` with those that there are."""
    from signalos.v1.signal_service_pb2 import ListSourcesRequest

    listed: list[Source] = list(server.call(server.signals.ListSources, ListSourcesRequest()).sources)
    for source in listed:
        if named in (source.source_id, source.name):
            return source
    names = ", ".join(each.name for each in listed)
    raise UserError(
        f"there is no source {named!r}", hint=f"there are: {names}" if names else "signalos sources add NAME"
    )


def source_id_of(server: Remote, named: str) -> str:
    """The id of the caller's source of that name or id; empty where none is named. Raises `UserError`."""
    return str(find_source(server, named).source_id) if named else ""


@commands.command(name="list")
def list_sources(
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Show all sources."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import ListSourcesRequest

        listed = server.call(server.signals.ListSources, ListSourcesRequest()).sources
    out.print(signal_view.sources(listed) if listed else "There is no source yet: signalos sources add NAME")


@commands.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to call it.")],
    kind: Annotated[
        Kind, typer.Option("--kind", envvar="SIGNALOS_SOURCE_KIND", help="How its messages come in.")
    ] = Kind.WEBHOOK,
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            envvar="SIGNALOS_ACCOUNT",
            help="An account that follows it, as acc_... May be repeated.",
            show_default="the only one, if there is only one",
        ),
    ] = None,
    trust: Annotated[
        Trust,
        typer.Option(
            "--trust",
            envvar="SIGNALOS_SOURCE_TRUST",
            help="observe: shows what it would do. approve: asks you. auto: trades by itself.",
        ),
    ] = Trust.OBSERVE,
    chat: Annotated[
        list[str] | None,
        typer.Option(
            "--chat",
            envvar="SIGNALOS_SOURCE_CHAT",
            help="A Telegram chat, by number, @name or title; see signalos telegram chats. May be repeated.",
        ),
    ] = None,
    sender: Annotated[
        list[str] | None,
        typer.Option(
            "--sender",
            envvar="SIGNALOS_SOURCE_SENDER",
            help="Who may give signals. May be repeated.",
            show_default="everybody",
        ),
    ] = None,
    default_symbol: Annotated[
        str,
        typer.Option(
            "--default-symbol",
            envvar="SIGNALOS_SOURCE_SYMBOL",
            help="The instrument meant where a message names none.",
        ),
    ] = "",
    risk_percent: Annotated[
        float | None,
        typer.Option(
            "--risk-percent",
            envvar="SIGNALOS_SOURCE_RISK_PERCENT",
            min=0.01,
            max=100,
            help="What a signal may lose at its stop, in percent of equity.",
            show_default="0.5",
        ),
    ] = None,
    lots: Annotated[
        float | None,
        typer.Option(
            "--lots", envvar="SIGNALOS_SOURCE_LOTS", min=0.0001, max=1000, help="Always so many lots instead."
        ),
    ] = None,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Make a source. At first it only observes: it shows what it would have done, and sends nothing.

    Examples:

      signalos sources add "TradingView" --user alice

      signalos sources add "Gold room" --kind telegram --chat @goldroom --trust approve --risk-percent 0.25
    """
    if risk_percent is not None and lots is not None:
        raise UserError("--risk-percent and --lots say two things: give one of them")
    if chat and kind is not Kind.TELEGRAM:
        raise UserError("--chat belongs to --kind telegram")
    if kind is Kind.TELEGRAM and not chat:
        raise UserError("a Telegram source needs --chat", hint="signalos telegram chats lists them")
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_pb2 import SourceKind, SourceTrust
        from signalos.v1.signal_service_pb2 import CreateSourceRequest

        request = CreateSourceRequest(name=name, kind=SourceKind.Value(f"SOURCE_KIND_{kind.name}"))
        request.policy.trust = SourceTrust.Value(f"SOURCE_TRUST_{trust.name}")
        request.policy.default_symbol = default_symbol
        request.policy.chats.extend(chat or ())
        request.policy.senders.extend(sender or ())
        for account_id in account or _only_account(server):
            subscription = request.subscriptions.add(account_id=account_id)
            if risk_percent is not None:
                subscription.sizing.equity_percent = risk_percent
            if lots is not None:
                subscription.sizing.fixed_lots = lots
        answer = server.call(server.signals.CreateSource, request)
    tell_done(f"{name} is source {answer.source.source_id}")
    if not answer.source.subscriptions:
        tell_warning("no account follows it yet")
    _tell_token(options.data_dir(data_dir), answer.token, answer.hook_path)
    if kind is Kind.TELEGRAM:
        tell_note("next: signalos telegram login, then signalos telegram run")


@commands.command()
def trust(
    source: SourceArgument,
    level: Annotated[Trust, typer.Argument(metavar="observe|approve|auto", help="How far.")],
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Say how far a source is trusted.

    observe: its signals are decided and recorded, and nothing is sent. approve: each waits for your yes.
    auto: what passes every check is sent by itself.
    """
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_pb2 import SourceTrust
        from signalos.v1.signal_service_pb2 import UpdateSourceRequest

        held = find_source(server, source)
        request = UpdateSourceRequest(
            source_id=held.source_id,
            name=held.name,
            enabled=held.enabled,
            policy=held.policy,
            subscriptions=held.subscriptions,
            revision=held.revision,
        )
        request.policy.trust = SourceTrust.Value(f"SOURCE_TRUST_{level.name}")
        server.call(server.signals.UpdateSource, request)
    tell_done(f"{held.name} is trusted to {level.value}")


@commands.command()
def token(
    source: SourceArgument,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """Give a webhook a new token. The old one ends at once: alerts that use it are refused."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import RotateSourceTokenRequest

        held = find_source(server, source)
        answer = server.call(
            server.signals.RotateSourceToken, RotateSourceTokenRequest(source_id=held.source_id)
        )
    _tell_token(options.data_dir(data_dir), answer.token, answer.hook_path)


@commands.command()
def remove(
    source: SourceArgument,
    server_address: ServerOption = None,
    server_tls_ca: TlsCaOption = None,
    user: UserOption = None,
    data_dir: options.DataDirOption = None,
) -> None:
    """End a source. Its signals stay on record, its trades stay managed."""
    with remote(data_dir, server_address, server_tls_ca, user) as server:
        from signalos.v1.signal_service_pb2 import DeleteSourceRequest

        held = find_source(server, source)
        server.call(server.signals.DeleteSource, DeleteSourceRequest(source_id=held.source_id))
    tell_done(f"{held.name} has ended")


def _only_account(server: Remote) -> list[str]:
    from signalos.v1.account_service_pb2 import ListAccountsRequest

    accounts = server.call(server.accounts.ListAccounts, ListAccountsRequest()).accounts
    return [accounts[0].account_id] if len(accounts) == 1 else []


def _tell_token(data: DataDir, token: str, path: str) -> None:
    """The secret goes to standard output, alone, so that it can be piped on."""
    if not token:
        return
    running = ProgramFile.read(data.gateway / "gateway.json")
    tell_note("this address is a secret, and is shown this once. Whoever has it can send signals.")
    if running is None:
        tell_note("put the address of your gateway before it")
    scheme = "https" if running is not None and running.tls else "http"
    out.print(f"{scheme}://{running.address}{path}" if running is not None else path)
