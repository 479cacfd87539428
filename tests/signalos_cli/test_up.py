"""How `signalos up` starts its programs."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from signalos_cli.commands.up import UpSettings, programs, run_up
from signalos_cli.datadir import DataDir
from signalos_cli.demo import Demo
from signalos_cli.errors import UserError
from signalos_cli.options import LogFormat
from signalos_cli.supervisor import ProgramFile

SERVED = {
    "server": ProgramFile(1, "127.0.0.1:41001"),
    "emulator": ProgramFile(2, "127.0.0.1:41002"),
    "bridge": ProgramFile(3),
    "gateway": ProgramFile(4, "127.0.0.1:41003"),
}


def settings(directory: Path) -> UpSettings:
    return UpSettings(
        data=DataDir(directory),
        http_host="127.0.0.1",
        http_port=0,
        grpc_host="127.0.0.1",
        grpc_port=0,
        database_url=None,
        bus_url=None,
        demo=False,
        dev=False,
        registration_open=False,
        public_origins=(),
        behind_proxy=False,
        trusted_proxies=(),
        tls_cert=None,
        tls_key=None,
        log_format=LogFormat.CONSOLE,
    )


def option(command: list[str], name: str) -> str | None:
    return command[command.index(name) + 1] if name in command else None


def command_of(given: UpSettings, name: str, served: dict[str, ProgramFile] = SERVED) -> list[str]:
    demo = Demo(given.data, given.database_url) if given.demo else None
    (found,) = [each for each in programs(given, demo) if each.program.name == name]
    return list(found.command(served))


def test_without_demo_only_server_and_gateway_run(tmp_path: Path) -> None:
    assert [each.program.name for each in programs(settings(tmp_path), None)] == ["server", "gateway"]


@pytest.mark.parametrize(("door", "option"), [("http_port", "--http-port"), ("grpc_port", "--grpc-port")])
def test_a_port_that_another_program_uses_is_said_before_anything_starts(
    tmp_path: Path, door: str, option: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = replace(settings(tmp_path), **{door: port})

        with pytest.raises(UserError, match=f"another program uses port {port}") as refused:
            run_up(given)

    assert option in (refused.value.hint or "")
    assert not (tmp_path / "server").exists()


def test_a_restarted_program_takes_the_port_that_it_had(tmp_path: Path) -> None:
    given = settings(tmp_path)

    assert option(command_of(given, "server", {}), "--grpc-port") == "0"
    assert option(command_of(given, "server"), "--grpc-port") == "41001"
    assert option(command_of(given, "gateway"), "--http-port") == "41003"
    assert option(command_of(given, "gateway"), "--server-address") == "127.0.0.1:41001"


def test_the_demos_bridge_attaches_to_the_emulated_terminal(tmp_path: Path) -> None:
    command = command_of(replace(settings(tmp_path), demo=True), "bridge")

    assert option(command, "--terminal-path") == "emulator://127.0.0.1:41002/5001"
    assert option(command, "--terminal-module") == "emulator"


def test_a_url_with_a_password_is_on_no_command_line(tmp_path: Path) -> None:
    given = replace(settings(tmp_path), database_url="postgresql://u:secret@h/d", demo=True)

    for each in programs(given, Demo(given.data, given.database_url)):
        assert not [part for part in each.command(SERVED) if "secret" in part]
    (server, *_) = programs(given, None)
    assert server.environment["SIGNALOS_DATABASE_URL"] == "postgresql://u:secret@h/d"


def test_tls_for_browsers_leaves_the_inner_door_as_it_is(tmp_path: Path) -> None:
    given = replace(
        settings(tmp_path), http_host="0.0.0.0", tls_cert=Path("/cert.pem"), tls_key=Path("/key.pem")
    )

    assert option(command_of(given, "gateway"), "--tls-cert") == "/cert.pem"
    assert option(command_of(given, "server"), "--tls-cert") is None
    assert option(command_of(given, "gateway"), "--server-tls-ca") is None


def test_with_a_public_grpc_door_the_gateway_calls_by_the_certificates_name(tmp_path: Path) -> None:
    given = replace(
        settings(tmp_path),
        grpc_host="0.0.0.0",
        tls_cert=Path("/cert.pem"),
        tls_key=Path("/key.pem"),
        public_origins=("https://trade.example.com",),
    )

    assert option(command_of(given, "server"), "--tls-cert") == "/cert.pem"
    assert option(command_of(given, "gateway"), "--server-address") == "trade.example.com:41001"
    assert option(command_of(given, "gateway"), "--server-tls-ca") == "/cert.pem"


def test_a_public_grpc_door_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--public-origin"):
        run_up(replace(settings(tmp_path), grpc_host="0.0.0.0"))
