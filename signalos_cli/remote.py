"""Calls to a server from the command line, as a program of the person who types.

With an API token from the environment, or with a name and a password for one short session.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from signalos_cli import options
from signalos_cli.datadir import DataDir
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.extras import needs
from signalos_cli.supervisor import ProgramFile

TOKEN_VARIABLE = "SIGNALOS_API_TOKEN"  # noqa: S105 - the name of a variable
PASSWORD_VARIABLE = "SIGNALOS_PASSWORD"  # noqa: S105 - the name of a variable
_PANEL = "Which server, and who asks"
_CALL_SECONDS = 30.0

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server-address",
        envvar="SIGNALOS_SERVER_ADDRESS",
        help="HOST:PORT of the server.",
        show_default="the one of the data directory, else 127.0.0.1:50051",
        rich_help_panel=_PANEL,
    ),
]
TlsCaOption = Annotated[
    Path | None,
    typer.Option(
        "--server-tls-ca",
        envvar="SIGNALOS_SERVER_TLS_CA",
        help="The certificates that the server's one is checked against, as PEM. Without: no TLS.",
        rich_help_panel=_PANEL,
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        envvar="SIGNALOS_USER",
        help=f"Signs in as this user; asks for the password, or takes {PASSWORD_VARIABLE}.",
        show_default=f"the API token in {TOKEN_VARIABLE}",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Remote:
    """A server that was signed in to."""

    address: str
    # Stubs; their generated types are those of asyncio's.
    signals: Any
    accounts: Any
    commands: Any
    control: Any
    metadata: tuple[tuple[str, str], ...]

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """Calls `method`. Raises `UserError` with the server's own words."""
        return _called(method, request, self.metadata, self.address)


@contextmanager
def remote(
    data_dir: Path | None, server_address: str | None, tls_ca: Path | None, user: str | None
) -> Iterator[Remote]:
    """A server, for as long as the block takes. Raises `UserError`."""
    address = server_address or address_of(options.data_dir(data_dir))
    token = os.environ.get(TOKEN_VARIABLE, "")
    if user is not None:
        with signed_in(address, tls_ca, user, _password(user)) as server:
            yield server
    elif token:
        with _channel_to(address, tls_ca) as channel:
            yield _server(address, channel, token)
    else:
        raise UserError(
            "it is not said who asks",
            hint=f"sign in with --user NAME, or put an API token of the dashboard into {TOKEN_VARIABLE}",
        )


@contextmanager
def signed_in(address: str, tls_ca: Path | None, user: str, password: str) -> Iterator[Remote]:
    """A server that `user` is signed in to, and signed out of at the end. Raises `UserError`."""
    with _channel_to(address, tls_ca) as channel:
        import grpc

        from signalos.v1.auth_service_pb2 import LoginRequest, LogoutRequest
        from signalos.v1.auth_service_pb2_grpc import AuthServiceStub

        auth: Any = AuthServiceStub(channel)
        login = LoginRequest(user_name=user, password=password)
        server = _server(address, channel, str(_called(auth.Login, login, (), address).session_token))
        try:
            yield server
        finally:
            # Where it does not work out, the session lapses by itself; what was asked for is done.
            with suppress(grpc.RpcError):
                auth.Logout(LogoutRequest(), timeout=_CALL_SECONDS, metadata=server.metadata)


def _server(address: str, channel: Any, token: str) -> Remote:
    from signalos.v1.account_service_pb2_grpc import AccountServiceStub
    from signalos.v1.command_service_pb2_grpc import CommandServiceStub
    from signalos.v1.control_service_pb2_grpc import ControlServiceStub
    from signalos.v1.signal_service_pb2_grpc import SignalServiceStub

    return Remote(
        address,
        SignalServiceStub(channel),
        AccountServiceStub(channel),
        CommandServiceStub(channel),
        ControlServiceStub(channel),
        (("authorization", f"Bearer {token}"),),
    )


def address_of(data: DataDir) -> str:
    """Where the server of this data directory listens, else where one does by default."""
    running = ProgramFile.read(data.server / "server.json")
    return "127.0.0.1:50051" if running is None else running.address


@contextmanager
def _channel_to(address: str, tls_ca: Path | None) -> Iterator[Any]:
    """A channel to the server at `address`. Raises `UserError` for a certificate that cannot be read."""
    with needs("server"):
        import grpc
        import grpc_status  # noqa: F401 (it reads what the server refuses)
    if tls_ca is None:
        channel = grpc.insecure_channel(address)
    else:
        try:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(tls_ca.read_bytes()))
        except OSError as error:
            raise UserError(f"--server-tls-ca: {error}") from error
    with channel:
        yield channel


def _password(user: str) -> str:
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    if not sys.stdin.isatty():
        raise UserError(
            "there is no terminal to ask for a password on",
            hint=f"use {PASSWORD_VARIABLE}, or better an API token in {TOKEN_VARIABLE}",
        )
    return str(typer.prompt(f"Password of {user}", hide_input=True, err=True))


def _called(
    method: Callable[..., Any], request: Any, metadata: tuple[tuple[str, str], ...], address: str
) -> Any:
    import grpc

    try:
        return method(request, timeout=_CALL_SECONDS, metadata=metadata)
    except grpc.RpcError as error:
        raise _in_words(error, address) from None


def _in_words(error: Any, address: str) -> UserError:
    """What the server refuses, with its reason and the fields that are wrong."""
    from google.rpc import error_details_pb2  # type: ignore[import-untyped]  # ships no stubs
    from grpc_status import rpc_status

    code = error.code().name
    words = error.details() or code.lower().replace("_", " ")
    reason = ""
    fields = []
    told = rpc_status.from_call(error)
    for packed in () if told is None else told.details:
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        if packed.Unpack(info):
            reason = info.reason
        elif packed.Unpack(bad):
            fields = [f"{each.field}: {each.description}" for each in bad.field_violations]
    if told is None and code == "UNAVAILABLE":
        return UserError(
            f"no server answers at {address}",
            hint="say where it is: --server-address HOST:PORT, or --data-dir DIRECTORY of `signalos up`",
            exit_code=EXIT_FAILED,
        )
    hint = {
        "UNAUTHENTICATED": "the token or password is not good (any more)",
        "PERMISSION_DENIED": "the token needs a further scope: make one in the dashboard under Settings",
    }.get(code, "")
    return UserError(
        f"{words}{f' ({reason})' if reason else ''}",
        hint="; ".join(fields) or hint,
        exit_code=EXIT_FAILED,
    )
