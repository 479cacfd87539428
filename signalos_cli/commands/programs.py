"""`signalos server | gateway | emulator`: one program each, in this process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from signalos_cli import options, server_side
from signalos_cli.errors import UserError
from signalos_cli.extras import needs
from signalos_cli.running import run_alone
from signalos_cli.tls_files import check_tls_files


def server(
    data_dir: options.DataDirOption = None,
    database_url: options.DatabaseOption = None,
    bus_url: options.BusOption = None,
    grpc_host: options.GrpcHostOption = "127.0.0.1",
    grpc_port: options.GrpcPortOption = 50051,
    tls_cert: options.TlsCertOption = None,
    tls_key: options.TlsKeyOption = None,
    registration_open: options.RegistrationOption = False,
    dev: options.DevOption = False,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            envvar="SIGNALOS_METRICS_PORT",
            min=0,
            max=65535,
            help="Serves figures for Prometheus on 127.0.0.1.",
        ),
    ] = None,
    critical_alert_waits: Annotated[
        str,
        typer.Option(
            envvar="SIGNALOS_CRITICAL_ALERT_WAITS",
            help="Seconds before each telling of a critical alert that nobody acknowledges.",
            rich_help_panel=options.ALERTS,
        ),
    ] = "60,240,600,900",
    warning_alert_waits: Annotated[
        str,
        typer.Option(
            envvar="SIGNALOS_WARNING_ALERT_WAITS",
            help="The same for warnings; the last wait repeats.",
            rich_help_panel=options.ALERTS,
        ),
    ] = "1800,14400",
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
    keep_events: options.KeepEventsOption = 100_000,
    time_scale: options.TimeScaleOption = 1.0,
) -> None:
    """Run the server: the truth about users, accounts, commands and trades.

    Examples:

      signalos server

      signalos server --grpc-host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem

      SIGNALOS_DATABASE_URL=postgresql://signalos@db/signalos signalos server
    """
    with needs("server"):
        from signalos_server import app
    if bus_url is not None:
        raise UserError("this version runs as one node: leave --bus-url out")
    check_tls_files(tls_cert, tls_key)
    server_side.check_database_url(database_url)
    timings = app.Timings.scaled(time_scale, keep_events=keep_events)
    escalation = server_side.escalation(critical_alert_waits, warning_alert_waits).scaled(time_scale)
    directory = options.data_dir(data_dir).server
    settings = app.Settings(
        data_dir=directory,
        grpc_host=grpc_host,
        grpc_port=grpc_port,
        database_url=database_url,
        bus_url=bus_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        registration_open=registration_open,
        dev=dev,
        metrics_port=metrics_port,
        log_format=log_format.value,
        timings=replace(timings, escalation=escalation),
    )
    with server_side.in_words():
        run_alone(directory, "server", lambda: app.run(settings))


def gateway(
    data_dir: options.DataDirOption = None,
    http_host: options.HttpHostOption = "127.0.0.1",
    http_port: options.HttpPortOption = 8080,
    server_address: Annotated[
        str,
        typer.Option(
            envvar="SIGNALOS_SERVER_ADDRESS", help="HOST:PORT of the server.", rich_help_panel=options.DOORS
        ),
    ] = "127.0.0.1:50051",
    server_tls_ca: Annotated[
        Path | None,
        typer.Option(
            envvar="SIGNALOS_SERVER_TLS_CA",
            help="Certificates that the server's is checked against, as PEM; without: no TLS to the server.",
            rich_help_panel=options.DOORS,
        ),
    ] = None,
    server_data_dir: Annotated[
        Path | None,
        typer.Option(
            envvar="SIGNALOS_SERVER_DATA_DIR",
            help="Where the server's gateway.key lies, or a copy of it.",
            show_default="server/ in the data directory",
            rich_help_panel=options.PLACES,
        ),
    ] = None,
    public_origin: options.PublicOriginsOption = None,
    behind_proxy: options.BehindProxyOption = False,
    trusted_proxy: options.TrustedProxiesOption = None,
    tls_cert: options.TlsCertOption = None,
    tls_key: options.TlsKeyOption = None,
    dev: options.DevOption = False,
    metrics_token: Annotated[
        str | None,
        typer.Option(
            envvar="SIGNALOS_METRICS_TOKEN",
            help="Opens /metrics to who carries it. Better given in the environment.",
        ),
    ] = None,
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
) -> None:
    """Run the gateway: REST, WebSocket and the dashboard, in front of a server.

    Examples:

      signalos gateway --server-address 127.0.0.1:50051

      signalos gateway --http-host 0.0.0.0 --behind-proxy --public-origin https://trade.example.com
    """
    with needs("gateway"):
        from web_gateway import app
        from web_gateway.settings import SettingsError
    check_tls_files(tls_cert, tls_key)
    root = options.data_dir(data_dir)
    settings = app.Settings(
        data_dir=root.gateway,
        http_host=http_host,
        http_port=http_port,
        server_address=server_address,
        server_tls_ca=server_tls_ca,
        server_data_dir=server_data_dir or root.server,
        public_origins=tuple(public_origin or ()),
        behind_proxy=behind_proxy,
        trusted_proxies=tuple(trusted_proxy or ()),
        tls_cert=tls_cert,
        tls_key=tls_key,
        dev=dev,
        metrics_token=metrics_token,
        log_format=log_format.value,
    )
    try:
        run_alone(root.gateway, "gateway", lambda: app.run(settings))
    except SettingsError as error:
        raise UserError(str(error)) from error


def emulator(
    context: typer.Context,
    data_dir: options.DataDirOption = None,
    port: Annotated[
        int,
        typer.Option(
            envvar="SIGNALOS_EMULATOR_PORT",
            min=0,
            max=65535,
            help="Port of the broker on 127.0.0.1; 0: any free one.",
        ),
    ] = 0,
) -> None:
    """Run an emulated MetaTrader 5 terminal with a broker behind it, to try things on.

    Further options go to the broker itself: `signalos emulator -- --help` lists them.

    Examples:

      signalos emulator --account 5001:USD:100000:hedging

      signalos emulator -- --clock stepped --seed 7
    """
    with needs("bridge"):
        from signalos_bridge.emulator import __main__ as broker
    directory = options.data_dir(data_dir).emulator
    arguments = ["--data-dir", str(directory), "--port", str(port), *context.args]
    run_alone(directory, "emulator", lambda: broker.main(arguments))
