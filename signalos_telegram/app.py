"""Builds the program and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import structlog
from telethon import TelegramClient, errors

from signalos_telegram.domain.chats import Chat
from signalos_telegram.forwarder import Forwarder
from signalos_telegram.journal import Journal
from signalos_telegram.reader import CONNECTION_ERRORS, NotLoggedInError, Reader
from signalos_telegram.server import GrpcServer
from signalos_telegram.translate import chat_from

__all__ = ["Application", "LoginError", "NotLoggedInError", "Settings", "chats", "log_in", "run"]

_SESSION: Final = "session"
_APPLICATION: Final = "application.json"
_log = structlog.get_logger(__name__)


class LoginError(Exception):
    """Telegram did not let us in; the message says why."""


@dataclass(frozen=True, slots=True)
class Application:
    """What https://my.telegram.org gives to whoever writes a program; `api_hash` is a secret."""

    api_id: int
    api_hash: str

    @classmethod
    def load(cls, directory: Path) -> Application:
        """Raises `NotLoggedInError` where there is none."""
        try:
            held = json.loads((directory / _APPLICATION).read_text(encoding="utf-8"))
            return cls(int(held["api_id"]), str(held["api_hash"]))
        except FileNotFoundError:
            raise NotLoggedInError(f"nobody has logged in to Telegram in {directory}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise NotLoggedInError(f"{directory / _APPLICATION} is damaged: {error}") from error

    def store(self, directory: Path) -> None:
        """Readable by its owner only."""
        path = directory / _APPLICATION
        scratch = path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"api_id": self.api_id, "api_hash": self.api_hash}, file)
        scratch.replace(path)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run needs to know. `token` is a secret."""

    data_dir: Path
    server_address: str
    token: str
    server_tls_ca: Path | None = None
    log_format: Literal["console", "json"] = "console"


def log_in(
    directory: Path,
    application: Application,
    ask_phone: Callable[[], str],
    ask_code: Callable[[], str],
    ask_password: Callable[[], str],
) -> str:
    """Logs in as a person does, and keeps the session in `directory`, for its owner only. Returns who it is.

    Raises `LoginError`.
    """

    async def start() -> str:
        async with _client(directory, application) as client:
            await client.start(phone=ask_phone, code_callback=ask_code, password=ask_password, max_attempts=3)
            me = await client.get_me()
            return f"@{me.username}" if me.username else str(me.first_name or me.id)

    try:
        name = asyncio.run(start())
    except (*CONNECTION_ERRORS, ValueError) as error:
        raise LoginError(f"{type(error).__name__}: {error}") from error
    except RuntimeError as error:
        # Telethon's own, after too many wrong codes; a person who gave up is another kind of it.
        if type(error) is not RuntimeError:
            raise
        raise LoginError(str(error)) from error
    application.store(directory)
    return name


def chats(directory: Path) -> list[Chat]:
    """The chats that the account is in, most recent first. Raises `NotLoggedInError` and `LoginError`."""

    async def listed() -> list[Chat]:
        async with _client(directory, Application.load(directory)) as client:
            await client.connect()
            if not await client.is_user_authorized():
                raise NotLoggedInError("Telegram does not know this session any more")
            return [chat_from(each.entity, each.name) async for each in client.iter_dialogs()]

    try:
        return asyncio.run(listed())
    except (errors.UnauthorizedError, errors.AuthKeyError, errors.AuthKeyNotFound) as error:
        raise NotLoggedInError(str(error)) from error
    except CONNECTION_ERRORS as error:
        raise LoginError(f"{type(error).__name__}: {error}") from error


def run(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM. Raises `NotLoggedInError`."""
    _set_up_logging(settings.log_format)
    application = Application.load(settings.data_dir)
    asyncio.run(_run(settings, application))


async def _run(settings: Settings, application: Application) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    journal = Journal(settings.data_dir)
    server = GrpcServer(settings.server_address, settings.token, settings.server_tls_ca)
    forwarder = Forwarder(journal, server)
    _log.info("reading Telegram", server=settings.server_address, waiting=journal.queue_length())
    try:
        async with _client(settings.data_dir, application) as client, asyncio.TaskGroup() as group:
            group.create_task(forwarder.run())
            group.create_task(Reader(client, journal, server, forwarder).run())
    except asyncio.CancelledError:
        _log.info("ending", waiting=journal.queue_length())
    except ExceptionGroup as failed:
        matched, rest = failed.split(NotLoggedInError)
        if matched is None or rest is not None:
            raise
        raise NotLoggedInError("Telegram does not know this session any more") from failed
    finally:
        await server.close()
        journal.close()


@contextlib.asynccontextmanager
async def _client(directory: Path, application: Application) -> AsyncIterator[Any]:
    """Telethon's client, not connected yet, with its session readable by its owner only."""
    path = directory / _SESSION
    before = os.umask(0o077) if sys.platform != "win32" else None
    try:
        client = TelegramClient(
            str(path),
            application.api_id,
            application.api_hash,
            # The reader reconnects, so that it can catch up each time; and the order of a chat is kept.
            auto_reconnect=False,
            sequential_updates=True,
            device_model="SignalOS",
            base_logger="telethon",
        )
    finally:
        if before is not None:
            os.umask(before)
    _make_private(directory)
    try:
        yield client
    finally:
        await client.disconnect()


def _make_private(directory: Path) -> None:
    for file in directory.glob(f"{_SESSION}.session*"):
        file.chmod(0o600)


def _set_up_logging(log_format: Literal["console", "json"]) -> None:
    """Structured lines to stderr: the program's own, and warnings of Telethon."""
    renderer: structlog.typing.Processor
    if log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
