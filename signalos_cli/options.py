"""Options that several commands share. Each also reads its `SIGNALOS_…` from the environment."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from signalos_cli.datadir import DataDir, default_data_dir, make_private

PLACES = "Where it keeps things"
DOORS = "Doors"
LOGS = "Logs"
ALERTS = "Alerts"


class LogFormat(StrEnum):
    """How logs look."""

    CONSOLE = "console"
    JSON = "json"


DataDirOption = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="SIGNALOS_DATA_DIR",
        help="The directory of this installation; every command takes the same one.",
        show_default="the user's own data directory",
        rich_help_panel=PLACES,
    ),
]
DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        envvar="SIGNALOS_DATABASE_URL",
        help="postgresql://USER@HOST/NAME. Better given in the environment: it holds a password.",
        show_default="SQLite in the data directory",
        rich_help_panel=PLACES,
    ),
]
BusOption = Annotated[
    str | None,
    typer.Option(
        "--bus-url",
        envvar="SIGNALOS_BUS_URL",
        help="Joins several nodes; one machine needs none.",
        show_default="inside the process",
        rich_help_panel=PLACES,
    ),
]
GrpcHostOption = Annotated[
    str,
    typer.Option(
        "--grpc-host",
        envvar="SIGNALOS_GRPC_HOST",
        help="Address for bridges and services. Any other than 127.0.0.1 needs TLS files.",
        rich_help_panel=DOORS,
    ),
]
GrpcPortOption = Annotated[
    int,
    typer.Option(
        "--grpc-port",
        envvar="SIGNALOS_GRPC_PORT",
        min=0,
        max=65535,
        help="Port for bridges and services; 0: any free one.",
        rich_help_panel=DOORS,
    ),
]
HttpHostOption = Annotated[
    str,
    typer.Option(
        "--http-host",
        envvar="SIGNALOS_HTTP_HOST",
        help="Address for browsers. Any other than 127.0.0.1 needs TLS files, or --behind-proxy.",
        rich_help_panel=DOORS,
    ),
]
HttpPortOption = Annotated[
    int,
    typer.Option(
        "--http-port",
        envvar="SIGNALOS_HTTP_PORT",
        min=0,
        max=65535,
        help="Port for browsers; 0: any free one.",
        rich_help_panel=DOORS,
    ),
]
PublicOriginsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--public-origin",
        envvar="SIGNALOS_PUBLIC_ORIGIN",
        help="What browsers have in their address bar, as https://trade.example.com. May be repeated.",
        show_default="http://127.0.0.1:PORT",
        rich_help_panel=DOORS,
    ),
]
BehindProxyOption = Annotated[
    bool,
    typer.Option(
        "--behind-proxy",
        envvar="SIGNALOS_BEHIND_PROXY",
        help="A reverse proxy of yours ends TLS before the gateway.",
        rich_help_panel=DOORS,
    ),
]
TrustedProxiesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy",
        envvar="SIGNALOS_TRUSTED_PROXY",
        help="Address of a proxy whose forwarded client address is believed. May be repeated.",
        show_default="127.0.0.1",
        rich_help_panel=DOORS,
    ),
]
TlsCertOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-cert",
        envvar="SIGNALOS_TLS_CERT",
        help="Certificate chain, as PEM.",
        rich_help_panel=DOORS,
    ),
]
TlsKeyOption = Annotated[
    Path | None,
    typer.Option(
        "--tls-key", envvar="SIGNALOS_TLS_KEY", help="Its private key, as PEM.", rich_help_panel=DOORS
    ),
]
LogFormatOption = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar="SIGNALOS_LOG_FORMAT",
        help="Logs go to standard error.",
        rich_help_panel=LOGS,
    ),
]
DevOption = Annotated[
    bool,
    typer.Option("--dev", envvar="SIGNALOS_DEV", help="Turns the WebSocket tester on. Not for real money."),
]
RegistrationOption = Annotated[
    bool,
    typer.Option(
        "--registration-open",
        envvar="SIGNALOS_REGISTRATION_OPEN",
        help="Lets anybody who reaches it make a user.",
    ),
]
KeepEventsOption = Annotated[
    int,
    typer.Option(
        "--keep-events",
        envvar="SIGNALOS_KEEP_EVENTS",
        min=100,
        help="So many events of each user are kept; who was away for longer gets a snapshot instead.",
        rich_help_panel=PLACES,
    ),
]
TimeScaleOption = Annotated[
    float,
    typer.Option(
        "--time-scale",
        envvar="SIGNALOS_TIME_SCALE",
        hidden=True,
        min=0.01,
        max=10.0,
        help="Scales heartbeats, leases and the like. Other than 1 only in tests.",
    ),
]
BridgeNameOption = Annotated[
    str,
    typer.Option(
        "--name",
        envvar="SIGNALOS_BRIDGE_NAME",
        help="Tells the bridges of one machine apart, one for each terminal.",
        show_default="the only one",
    ),
]


def data_dir(given: Path | None) -> DataDir:
    """The installation's directory, made if need be. Raises `UserError`."""
    return DataDir(make_private((given or default_data_dir()).expanduser().absolute()))
