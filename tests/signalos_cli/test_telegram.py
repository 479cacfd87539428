from __future__ import annotations

import re
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signalos_cli import app as command_line
from signalos_cli.datadir import single_instance
from signalos_telegram.domain.messages import Action, Message
from signalos_telegram.journal import Journal

Signalos = Callable[..., tuple[int, str, str]]


@pytest.fixture
def signalos(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Signalos:
    monkeypatch.setenv("SIGNALOS_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("SIGNALOS_API_TOKEN", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["signalos", "telegram", *arguments])
        code = command_line.run()
        told = capfd.readouterr()
        return code, re.sub(r"\x1b\[[0-9;]*m", "", told.out), told.err

    return run


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "telegram").mkdir(mode=0o700)
    return tmp_path / "telegram"


def read_something(directory: Path) -> None:
    now = datetime.now(UTC)
    journal = Journal(directory)
    message = Message(-1_001_234, 7, "BUY GOLD", "ann", now)
    journal.record(message, Action.NEW, now)
    journal.record(Message(-1_001_234, 8, "", "ann", now), Action.NEW, now)
    journal.name_chat(-1_001_234, "Gold [room]")
    journal.set_fact("telegram", "connected", now)
    journal.set_fact("server", "connected", now)
    journal.set_fact("last_error", "UNAVAILABLE: away", now)
    journal.close()


def test_status_says_that_nothing_was_ever_read(signalos: Signalos) -> None:
    code, _, err = signalos("status")

    assert code == 2
    assert "nothing was ever read" in err


def test_status_shows_chats_queue_counters_and_the_last_error(signalos: Signalos, directory: Path) -> None:
    read_something(directory)

    stopped, out, _ = signalos("status")
    with single_instance(directory, "signalos telegram"):
        running, live, _ = signalos("status")

    assert (stopped, running) == (1, 0)
    for told in ("it does not run", "-1001234", "Gold [room]", "waiting to be handed on: 1", "without text",
                 "UNAVAILABLE: away"):  # fmt: skip
        assert told in out
    assert "it runs" in live
    assert "telegram: connected" in live


def test_a_run_needs_a_token_and_a_login(
    signalos: Signalos, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = signalos("run")
    assert code == 2
    assert "there is no API token" in err

    monkeypatch.setenv("SIGNALOS_API_TOKEN", "t")
    code, _, err = signalos("run")
    assert code == 2
    assert "signalos telegram login" in err


def test_login_needs_a_person(signalos: Signalos, directory: Path) -> None:
    code, _, err = signalos("login")

    assert code == 2
    assert "there is no terminal" in err


def test_chats_needs_a_login_first(signalos: Signalos) -> None:
    code, _, err = signalos("chats")

    assert code == 2
    assert "signalos telegram login" in err


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
async def test_a_session_is_readable_by_its_owner_only(directory: Path) -> None:
    from signalos_telegram import app

    application = app.Application(1, "hash")
    application.store(directory)
    async with app._client(directory, application):
        kept = [directory / "session.session", directory / "application.json"]
        assert [stat.S_IMODE(file.stat().st_mode) for file in kept] == [0o600, 0o600]
    assert app.Application.load(directory) == application


def test_an_application_that_is_damaged_is_told(directory: Path) -> None:
    from signalos_telegram import app

    (directory / "application.json").write_text("{}")
    with pytest.raises(app.NotLoggedInError, match="damaged"):
        app.Application.load(directory)
