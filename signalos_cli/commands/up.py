"""`signalos up`: everything that one machine needs, as one."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from signalos_cli import demo as demo_set_up
from signalos_cli import options, server_side
from signalos_cli.console import err, out
from signalos_cli.datadir import (
    DataDir,
    default_data_dir,
    is_owned,
    make_private,
    single_instance,
    write_private,
)
from signalos_cli.domain.supervision import Program
from signalos_cli.errors import EXIT_FAILED, UserError
from signalos_cli.ports import check_port
from signalos_cli.supervisor import Addresses, Supervised, Supervisor, ended_by_signals
from signalos_cli.teller import StderrTeller
from signalos_cli.tls_files import check_tls_files


@dataclass(frozen=True, slots=True)
class UpSettings:
    """What `signalos up` is told."""

    data: DataDir
    http_host: str
    http_port: int
    grpc_host: str
    grpc_port: int
    database_url: str | None
    bus_url: str | None
    demo: bool
    dev: bool
    registration_open: bool
    public_origins: tuple[str, ...]
    behind_proxy: bool
    trusted_proxies: tuple[str, ...]
    tls_cert: Path | None
    tls_key: Path | None
    log_format: options.LogFormat


def up(
    data_dir: options.DataDirOption = None,
    http_host: options.HttpHostOption = "127.0.0.1",
    http_port: options.HttpPortOption = 8080,
    grpc_host: options.GrpcHostOption = "127.0.0.1",
    grpc_port: options.GrpcPortOption = 50051,
    database_url: options.DatabaseOption = None,
    bus_url: options.BusOption = None,
    demo: Annotated[
        bool,
        typer.Option(
            "--demo",
            envvar="SIGNALOS_DEMO",
            help="Adds an emulated broker, a bridge to it and a user `demo`. Its data lie apart.",
        ),
    ] = False,
    dev: options.DevOption = False,
    registration_open: options.RegistrationOption = False,
    public_origin: options.PublicOriginsOption = None,
    behind_proxy: options.BehindProxyOption = False,
    trusted_proxy: options.TrustedProxiesOption = None,
    tls_cert: options.TlsCertOption = None,
    tls_key: options.TlsKeyOption = None,
    log_format: options.LogFormatOption = options.LogFormat.CONSOLE,
) -> None:
    """Run server and gateway, and with --demo a broker and a bridge too, each a process of its own.

    A program that dies is started again. Ctrl-C ends all of them, cleanly. Once everything serves, one
    line goes to standard output: `ready http://127.0.0.1:8080`; all else goes to standard error.

    Examples:

      signalos up --demo

      signalos up --http-port 8090 --data-dir /srv/signalos

      signalos up --http-host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem --public-origin https://trade.example.com
    """
    check_tls_files(tls_cert, tls_key)
    chosen = data_dir
    if chosen is None and demo:
        # Play money never shares a directory with real money by accident.
        chosen = default_data_dir().with_name("signalos-demo")
    run_up(
        UpSettings(
            data=options.data_dir(chosen),
            http_host=http_host,
            http_port=http_port,
            grpc_host=grpc_host,
            grpc_port=grpc_port,
            database_url=database_url,
            bus_url=bus_url,
            demo=demo,
            dev=dev,
            registration_open=registration_open,
            public_origins=tuple(public_origin or ()),
            behind_proxy=behind_proxy,
            trusted_proxies=tuple(trusted_proxy or ()),
            tls_cert=tls_cert,
            tls_key=tls_key,
            log_format=log_format,
        )
    )


def run_up(settings: UpSettings) -> None:
    """Block until everything has ended. Raises `UserError` for what a person can put right."""
    if _grpc_is_public(settings) and not settings.public_origins:
        raise UserError(
            f"--grpc-host {settings.grpc_host} needs --public-origin, since the gateway must call the server "
            "by a name of its certificate"
        )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    with ExitStack() as stack:
        stack.enter_context(single_instance(settings.data.root, "signalos up"))
        _check_ports(settings)
        make_private(settings.data.server)
        teller = StderrTeller(err, json_lines=settings.log_format is options.LogFormat.JSON)
        stack.callback(teller.close)
        demo = demo_set_up.Demo(settings.data, settings.database_url) if settings.demo else None

        def on_serving(addresses: Addresses) -> None:
            scheme = "https" if settings.tls_cert is not None else "http"
            address = f"{scheme}://127.0.0.1:{addresses['gateway'].port}"
            told = {"pid": os.getpid(), "address": address}
            write_private(settings.data.root / "up.json", json.dumps(told))
            teller.say(demo.welcome(address) if demo is not None else first_user_words(settings, address))
            teller.catch_up()
            out.print(f"ready {address}")

        supervisor = Supervisor(programs(settings, demo), teller, on_serving=on_serving)
        stack.callback((settings.data.root / "up.json").unlink, missing_ok=True)
        stack.enter_context(ended_by_signals(supervisor.end))
        asked = supervisor.run()
    if not asked:
        raise UserError("not everything could be started; the lines above say why", exit_code=EXIT_FAILED)


def _check_ports(settings: UpSettings) -> None:
    # Held by what a killed predecessor left behind, a port is about to be free: the program itself waits.
    if not is_owned(settings.data.server):
        check_port("--grpc-port", settings.grpc_host, settings.grpc_port)
    if not is_owned(settings.data.gateway):
        check_port("--http-port", settings.http_host, settings.http_port)


def first_user_words(settings: UpSettings, address: str) -> str:
    """How the first user is made: said until there is one."""
    with_users = server_side.has_users(settings.data, settings.database_url)
    if with_users:
        return ""
    return (
        "There is no user yet. Make the first one, an administrator, in one of two ways:\n"
        f"  signalos user add NAME --admin --data-dir {settings.data.root}\n"
        f"  or open {address} and enter the one-time set-up code that the server printed above"
    )


def programs(settings: UpSettings, demo: demo_set_up.Demo | None) -> Sequence[Supervised]:
    """In the order in which they start, as far as they wait for each other."""
    listed = [_server(settings, demo)]
    if demo is not None:
        listed += [_emulator(settings), _bridge(settings, demo)]
    return [*listed, _gateway(settings)]


def _signalos(settings: UpSettings, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "signalos_cli", *arguments, "--data-dir", str(settings.data.root)]


def _environment(settings: UpSettings) -> dict[str, str]:
    # The URLs hold passwords, which a command line would show to every user of the machine.
    given = {
        "SIGNALOS_LOG_FORMAT": settings.log_format.value,
        "SIGNALOS_DATABASE_URL": settings.database_url,
        "SIGNALOS_BUS_URL": settings.bus_url,
    }
    return {name: value for name, value in given.items() if value is not None}


def _port(asked: int, name: str, addresses: Addresses) -> str:
    """A restarted program takes the port that it had, because others know it."""
    return str(addresses[name].port if name in addresses else asked)


def _tls(settings: UpSettings) -> list[str]:
    if settings.tls_cert is None:
        return []
    return ["--tls-cert", str(settings.tls_cert), "--tls-key", str(settings.tls_key)]


def _grpc_is_public(settings: UpSettings) -> bool:
    return settings.grpc_host not in ("127.0.0.1", "localhost")


def _to_the_server(settings: UpSettings, port: int) -> list[str]:
    if not _grpc_is_public(settings):
        return ["--server-address", f"127.0.0.1:{port}"]
    # Behind TLS the server is called by the name that its certificate has.
    name = urlsplit(settings.public_origins[0]).hostname or ""
    return ["--server-address", f"{name}:{port}", "--server-tls-ca", str(settings.tls_cert)]


def _server(settings: UpSettings, demo: demo_set_up.Demo | None) -> Supervised:
    def command(addresses: Addresses) -> list[str]:
        asked = settings.grpc_port
        if asked == 0 and demo is not None:
            asked = demo.server_port()
        port = _port(asked, "server", addresses)
        switches = ["--dev"] * settings.dev + ["--registration-open"] * settings.registration_open
        tls = _tls(settings) if _grpc_is_public(settings) else []
        return [
            *_signalos(settings, "server", "--grpc-host", settings.grpc_host, "--grpc-port", port),
            *switches,
            *tls,
        ]

    return Supervised(
        Program("server"),
        command,
        settings.data.server / "server.json",
        _environment(settings),
        prepare=None if demo is None else demo.prepare_server,
    )


def _gateway(settings: UpSettings) -> Supervised:
    def command(addresses: Addresses) -> list[str]:
        port = _port(settings.http_port, "gateway", addresses)
        switches = ["--dev"] * settings.dev + ["--behind-proxy"] * settings.behind_proxy
        for origin in settings.public_origins:
            switches += ["--public-origin", origin]
        for proxy in settings.trusted_proxies:
            switches += ["--trusted-proxy", proxy]
        return [
            *_signalos(settings, "gateway", "--http-host", settings.http_host, "--http-port", port),
            *_to_the_server(settings, addresses["server"].port),
            *switches,
            *_tls(settings),
        ]

    # After the bridge where there is one, so that the first page shows a living terminal.
    after = ("server", "bridge") if settings.demo else ("server",)
    return Supervised(
        Program("gateway", after), command, settings.data.gateway / "gateway.json", _environment(settings)
    )


def _emulator(settings: UpSettings) -> Supervised:
    def command(addresses: Addresses) -> list[str]:
        return [
            *_signalos(settings, "emulator", "--port", _port(0, "emulator", addresses)),
            "--account",
            demo_set_up.ACCOUNT,
        ]

    return Supervised(
        Program("emulator"), command, settings.data.emulator / "address.json", _environment(settings)
    )


def _bridge(settings: UpSettings, demo: demo_set_up.Demo) -> Supervised:
    def command(addresses: Addresses) -> list[str]:
        return _signalos(
            settings,
            "bridge",
            "--terminal-module",
            "emulator",
            "--terminal-path",
            demo.terminal_path(addresses),
        )

    return Supervised(
        Program("bridge", ("server", "emulator")),
        command,
        settings.data.bridge() / "bridge.json",
        _environment(settings),
        prepare=demo.prepare_bridge,
    )
