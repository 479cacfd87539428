"""The command line as a person meets it: words and exit codes."""

import base64
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.text import Text

from signalos_bridge.link import standing
from signalos_bridge.link.standing import LinkState
from signalos_cli import app as command_line
from signalos_cli import bridge_side
from signalos_cli.errors import UserError
from signalos_cli.extras import needs

Signalos = Callable[..., tuple[int, str, str]]


@pytest.fixture
def signalos(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Signalos:
    """Run `signalos ARGUMENTS` in this process; return exit code, output and errors."""
    for name in ("SIGNALOS_DATA_DIR", "SIGNALOS_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["signalos", *arguments])
        code = command_line.run()
        told = capfd.readouterr()
        return code, told.out, told.err

    return run


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


COMMANDS = [
    (),
    ("up",),
    ("server",),
    ("gateway",),
    ("bridge",),
    ("bridge", "run"),
    ("bridge", "pair"),
    ("bridge", "code"),
    ("bridge", "stop"),
    ("bridge", "status"),
    ("bridge", "install"),
    ("emulator",),
    ("telegram",),
    ("telegram", "login"),
    ("telegram", "chats"),
    ("telegram", "run"),
    ("telegram", "status"),
    ("signals",),
    ("signals", "simulate"),
    ("signals", "backtest"),
    ("signals", "list"),
    ("signals", "formats"),
    ("signals", "show"),
    ("signals", "approve"),
    ("signals", "reject"),
    ("signals", "replay"),
    ("sources",),
    ("sources", "list"),
    ("sources", "add"),
    ("sources", "trust"),
    ("sources", "token"),
    ("sources", "remove"),
    ("user",),
    ("user", "add"),
    ("user", "list"),
    ("user", "disable"),
    ("user", "password"),
    ("db", "upgrade"),
    ("audit", "verify"),
    ("verify",),
    ("version",),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...], signalos: Signalos) -> None:
    code, told, _ = signalos(*command, "--help")

    assert code == 0
    assert "Usage: signalos" in plain(told)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each], ids=" ".join)
def test_every_option_reads_the_environment_too(command: tuple[str, ...], signalos: Signalos) -> None:
    _, told, _ = signalos(*command, "--help")

    lines = plain(told).splitlines()
    options = [line for line in lines if re.match(r"^│ \*?\s*--(?!help)", line)]
    assert plain(told).count("[env var: SIGNALOS_") == len(options)


def test_a_wrong_option_is_2_and_no_traceback(signalos: Signalos) -> None:
    code, _, told = signalos("up", "--http-port", "70000")

    assert code == 2
    assert "65535" in told
    assert "Traceback" not in told


def test_a_stop_where_no_bridge_lives_says_that_nothing_was_stopped(
    signalos: Signalos, tmp_path: Path
) -> None:
    code, _, told = signalos("bridge", "stop", "--data-dir", str(tmp_path))

    assert code == 2
    assert "NOTHING WAS STOPPED" in told


def test_a_stop_latches_every_bridge_of_the_directory(signalos: Signalos, tmp_path: Path) -> None:
    for name in ("bridge", "bridge-two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "credential.json").write_text("cannot be read")

    code, _, told = signalos("bridge", "stop", "--reason", "a test", "--data-dir", str(tmp_path))

    assert code == 0
    assert "bridge is latched" in told
    assert "bridge-two is latched" in told
    _, shown, _ = signalos("bridge", "status", "--data-dir", str(tmp_path))
    assert shown.count("a test") == 2


def test_a_stop_of_a_bridge_that_was_never_paired_says_what_was_not_stopped(
    signalos: Signalos, tmp_path: Path
) -> None:
    (tmp_path / "bridge").mkdir()

    code, _, told = signalos("bridge", "stop", "--data-dir", str(tmp_path))

    assert code == 1
    assert "bridge is latched" in told
    assert "NOT stopped" in told


def test_a_bridge_that_was_never_paired_leaves_no_directory(signalos: Signalos, tmp_path: Path) -> None:
    code, _, told = signalos("bridge", "--data-dir", str(tmp_path))

    assert code == 2
    assert "signalos bridge pair CODE" in told
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_module_that_is_not_installed_is_said_at_once(signalos: Signalos, tmp_path: Path) -> None:
    where = b"127.0.0.1:1"
    body = base64.b32encode(bytes([len(where)]) + where + b"\0" + b"0123456789ab")
    pair = ("--terminal-module", "no.such", "--data-dir", str(tmp_path))

    code, _, told = signalos("bridge", "pair", f"SOS1-{body.decode().rstrip('=')}", *pair)
    no_code = signalos("bridge", "pair", "SOS1-X", *pair)[2]

    assert code == 2
    assert "no.such is not installed" in told
    assert "Traceback" not in told
    assert "that is no pairing code" in no_code


@pytest.mark.parametrize(
    ("state", "words", "shown"),
    [
        (LinkState.CONNECTED, "", "connected since 2023-11-14 22:13:20Z"),
        (
            LinkState.REFUSED,
            "the credential was revoked",
            "refused since 2023-11-14 22:13:20Z: the credential was",
        ),
        (LinkState.AWAY, "no connection", "not connected since 2023-11-14 22:13:20Z: no connection"),
        (LinkState.SUPERSEDED, "by session 2", "superseded since"),
    ],
)
def test_the_status_of_a_bridge_says_how_it_stands_with_its_server(
    tmp_path: Path, state: LinkState, words: str, shown: str
) -> None:
    standing.store(tmp_path, standing.Standing(state, words, 1_700_000_000_000))

    assert shown in Text.from_markup(bridge_side.standing_of(tmp_path)).plain


def test_a_bridge_that_tells_nothing_of_its_server_is_given_no_state(tmp_path: Path) -> None:
    assert bridge_side.standing_of(tmp_path) == ""
    (tmp_path / standing.FILE).write_text("{")
    assert bridge_side.standing_of(tmp_path) == ""


@pytest.mark.parametrize("program", ["up", "server", "gateway"])
def test_tls_files_that_cannot_be_used_are_said_before_anything_starts(
    signalos: Signalos, tmp_path: Path, program: str
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    told_of = ("--tls-cert", str(certificate), "--tls-key", str(key), "--data-dir", str(tmp_path / "data"))

    code, _, told = signalos(program, *told_of)
    assert code == 2
    assert "cannot read" in told

    certificate.write_text("no certificate")
    key.write_text("no key")
    code, _, told = signalos(program, *told_of)
    assert code == 2
    assert "are not a certificate and its own key" in " ".join(told.split())
    assert not (tmp_path / "data" / "server").exists()


def test_an_audit_that_is_not_there_is_not_called_whole(signalos: Signalos, tmp_path: Path) -> None:
    code, _, told = signalos("audit", "verify", "--data-dir", str(tmp_path))

    assert code == 2
    assert "nothing was checked" in told
    assert "whole" not in told


def test_options_before_the_bridges_command_are_refused(signalos: Signalos, tmp_path: Path) -> None:
    code, _, told = signalos("bridge", "--data-dir", str(tmp_path), "stop")

    assert code == 2
    assert "options belong behind the command stop" in told


def test_a_missing_package_is_named_with_the_extra_that_brings_it() -> None:
    with pytest.raises(UserError) as told, needs("server"):
        raise ModuleNotFoundError("No module named 'sqlalchemy'", name="sqlalchemy.orm")

    assert "sqlalchemy" in told.value.message
    assert told.value.hint == "in your copy of SignalOS: pip install '.[server]'"


def test_a_missing_module_of_our_own_is_a_fault_and_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError), needs("server"):
        raise ModuleNotFoundError("No module named 'signalos_server.x'", name="signalos_server.x")


def test_the_bridge_loads_nothing_of_server_or_web() -> None:
    code = (
        "import sys; import signalos_cli.app; "
        "loaded = {name.partition('.')[0] for name in sys.modules}; "
        "heavy = {'grpc', 'grpclib', 'sqlalchemy', 'starlette', 'uvicorn', 'numpy', 'signalos_server', "
        "'web_gateway', 'signalos_bridge'}; sys.exit(', '.join(sorted(loaded & heavy)) or 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
