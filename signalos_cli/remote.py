"""Calls to a server from the command line, as a program of the person who types.

With an API token from the environment, or with a name and a password for one short session.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    _metadata: tuple[tuple[str, str], ...]

    def call(self, method: Callable[..., Any], request: Any) -> Any:
        """Calls `method`. Raises `UserError` with the server's own words."""
        return _called(method, request, self._metadata, self.address)


@contextmanager
def remote(
    data_dir: Path | None, server_address: str | None, tls_ca: Path | None, user: str | None
) -> Iterator[Remote]:
    """A server, for as long as the block takes. Raises `UserError`."""
    with needs("server"):
        import grpc

        from signalos.v1.account_service_pb2_grpc import AccountServiceStub
        from signalos.v1.auth_service_pb2 import LogoutRequest
        from signalos.v1.auth_service_pb2_grpc import AuthServiceStub
        from signalos.v1.signal_service_pb2_grpc import SignalServiceStub
    address = server_address or address_of(options.data_dir(data_dir))
    with channel_to(address, tls_ca) as channel:
        auth = AuthServiceStub(channel)
        token = os.environ.get(TOKEN_VARIABLE, "") if user is None else ""
        session = ""
        if user is not None:
            session = token = _sign_in(auth, user, address)
        elif not token:
            raise UserError(
                "it is not said who asks",
                hint=f"sign in with --user NAME, or put an API token of the dashboard into {TOKEN_VARIABLE}",
            )
        metadata = (("authorization", f"Bearer {token}"),)
        try:
            yield Remote(address, SignalServiceStub(channel), AccountServiceStub(channel), metadata)
        finally:
            if session:
                try:
                    auth.Logout(LogoutRequest(), timeout=_CALL_SECONDS, metadata=metadata)
                except grpc.RpcError:
                    # It lapses by itself; what was asked for is done.
                    session = ""


def address_of(data: DataDir) -> str:
    """Where the server of this data directory listens, else where one does by default."""
    running = ProgramFile.read(data.server / "server.json")
    return "127.0.0.1:50051" if running is None else running.address


@contextmanager
def channel_to(address: str, tls_ca: Path | None) -> Iterator[Any]:
    """A channel to the server at `address`. Raises `UserError` for a certificate that cannot be read."""
    import grpc

    if tls_ca is None:
        channel = grpc.insecure_channel(address)
    else:
        try:
            channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(tls_ca.read_bytes()))
        except OSError as error:
            raise UserError(f"--server-tls-ca: {error}") from error
    with channel:
        yield channel


def _sign_in(auth: Any, user: str, address: str) -> str:
    from signalos.v1.auth_service_pb2 import LoginRequest

    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        if not sys.stdin.isatty():
            raise UserError(
                "there is no terminal to ask for a password on",
                hint=f"use {PASSWORD_VARIABLE}, or better an API token in {TOKEN_VARIABLE}",
            )
        password = str(typer.prompt(f"Password of {user}", hide_input=True, err=True))
    answer = _called(auth.Login, LoginRequest(user_name=user, password=password), (), address)
    return str(answer.session_token)


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
