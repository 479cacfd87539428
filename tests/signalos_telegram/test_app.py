"""Logging in and listing chats, with Telethon's client played from memory."""

from __future__ import annotations

import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telethon import errors
from telethon.tl import types

from signalos_telegram import app
from signalos_telegram.domain.chats import Chat
from tests.signalos_telegram.recorded import CHANNEL, NOON

APPLICATION = app.Application(12345, "0123456789abcdef0123456789abcdef")


class Client:
    """Asks what Telegram would ask, in its order."""

    trouble: Exception | None = None
    known = True

    def __init__(self, session: str, api_id: int, api_hash: str, **_: Any) -> None:
        self.told: list[str] = []
        Path(f"{session}.session").touch()

    async def start(
        self,
        phone: Callable[[], str],
        code_callback: Callable[[], str],
        password: Callable[[], str],
        **_: Any,
    ) -> None:
        for ask in (phone, code_callback, password):
            self.told.append(ask())
        if self.trouble is not None:
            raise self.trouble

    async def get_me(self) -> Any:
        return SimpleNamespace(username="", first_name=" ".join(self.told), id=7)

    async def connect(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    async def disconnect(self) -> None:
        return

    async def is_user_authorized(self) -> bool:
        return self.known

    async def iter_dialogs(self) -> AsyncIterator[Any]:
        yield SimpleNamespace(
            entity=types.Channel(1_234_567_890, "Gold", types.ChatPhotoEmpty(), NOON, broadcast=True),
            name="Gold",
        )


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    played = type("Played", (Client,), {})
    monkeypatch.setattr(app, "TelegramClient", played)
    return played


def log_in(directory: Path, password: Callable[[], str] = lambda: "secret") -> str:
    return app.log_in(directory, APPLICATION, lambda: "+491", lambda: "12345", password)


def test_a_login_asks_for_phone_code_and_password_and_is_kept_for_its_owner_only(
    client: type[Client], tmp_path: Path
) -> None:
    assert log_in(tmp_path) == "+491 12345 secret"

    assert app.Application.load(tmp_path) == APPLICATION
    if sys.platform != "win32":
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        assert modes == {"session.session": 0o600, "application.json": 0o600}


@pytest.mark.parametrize(
    "trouble",
    [
        errors.PhoneNumberInvalidError(None),
        RuntimeError("3 consecutive sign-in attempts failed. Aborting"),
        ConnectionError("no route"),
        EOFError("closed"),
    ],
)
def test_a_login_that_fails_is_told_and_leaves_no_application(
    client: type[Client], tmp_path: Path, trouble: Exception
) -> None:
    client.trouble = trouble

    with pytest.raises(app.LoginError):
        log_in(tmp_path)
    with pytest.raises(app.NotLoggedInError):
        app.Application.load(tmp_path)


def test_a_person_who_gives_up_is_not_taken_for_a_refusal(client: type[Client], tmp_path: Path) -> None:
    class GaveUpError(RuntimeError):
        """As the command line's library raises on Ctrl-D."""

    def ask() -> str:
        raise GaveUpError

    with pytest.raises(GaveUpError):
        log_in(tmp_path, ask)


def test_chats_are_listed_once_somebody_is_logged_in(client: type[Client], tmp_path: Path) -> None:
    with pytest.raises(app.NotLoggedInError):
        app.chats(tmp_path)
    APPLICATION.store(tmp_path)

    assert app.chats(tmp_path) == [Chat(CHANNEL, "Gold", "", "channel")]
    client.known = False
    with pytest.raises(app.NotLoggedInError):
        app.chats(tmp_path)
    client.known, client.trouble = True, errors.AuthKeyUnregisteredError(None)
    with pytest.raises(app.NotLoggedInError):
        app.chats(tmp_path)
    client.trouble = EOFError("closed")
    with pytest.raises(app.LoginError):
        app.chats(tmp_path)
