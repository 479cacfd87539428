"""What was seen and is not yet with the server, on this machine's disk: written and synced before it is
handed on, and struck out once the server has it committed. So each message gets there at least once; the
server knows a repetition by its name.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from signalos_telegram.domain.messages import Action, Message

FILE: Final = "journal.db"
_KEPT: Final = timedelta(days=14)
_NOT_A_CHANNEL: Final = -1_000_000_000_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS message (
  chat INTEGER NOT NULL, message_id INTEGER NOT NULL, text TEXT NOT NULL, sender TEXT NOT NULL,
  say_time REAL NOT NULL, reply_to INTEGER, album INTEGER, root INTEGER NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0, see_time REAL NOT NULL,
  PRIMARY KEY (chat, message_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_by_number ON message (message_id);
CREATE TABLE IF NOT EXISTS queue (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, chat INTEGER NOT NULL, message_id INTEGER NOT NULL,
  action TEXT NOT NULL, text TEXT NOT NULL, arrive_time REAL NOT NULL, parts INTEGER NOT NULL DEFAULT 1,
  attempts INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS queue_by_chat ON queue (chat, seq);
CREATE TABLE IF NOT EXISTS handed (
  seq INTEGER NOT NULL, source_id TEXT NOT NULL, PRIMARY KEY (seq, source_id));
CREATE TABLE IF NOT EXISTS chat (
  chat INTEGER PRIMARY KEY, last_message_id INTEGER NOT NULL, last_time REAL, title TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS fact (name TEXT PRIMARY KEY, value TEXT NOT NULL, time REAL NOT NULL);
"""


class Recorded(StrEnum):
    """What became of something that was seen."""

    QUEUED = "queued"
    # Seen before, with the same words.
    KNOWN = "known"
    # A picture or a voice message without words.
    NO_TEXT = "no_text"
    # It was not yet handed on, and now goes with its new words, or not at all.
    CHANGED_BEFORE_SENT = "changed_before_sent"
    WITHDRAWN_BEFORE_SENT = "withdrawn_before_sent"
    # A deletion of what was never seen here.
    UNKNOWN_DELETION = "unknown_deletion"


@dataclass(frozen=True, slots=True)
class Row:
    """Something that waits to be handed on."""

    seq: int
    chat: int
    message_id: int
    action: Action
    text: str
    sender: str
    say_time: datetime
    arrive_time: datetime
    reply_to: int | None
    parts: int
    attempts: int
    error: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something worth knowing about the program, and since when it holds."""

    value: str
    time: datetime


@dataclass(frozen=True, slots=True)
class ChatState:
    """How far a chat was read."""

    chat: int
    title: str
    last_message_id: int
    last_time: datetime | None


class Journal:
    """Opens, or makes, the journal of `directory`. `read_only` to look at it while it is in use."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        path = directory / FILE
        if read_only:
            self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
            return
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    # -- what is seen --------------------------------------------------------------------------------

    def record(self, message: Message, action: Action, now: datetime) -> Recorded:
        """Keeps what was written (`NEW`) or written anew (`EDITED`). Committed and synced on return."""
        with self._transaction():
            self._advance(message, now)
            known = self._db.execute(
                "SELECT text, root, deleted FROM message WHERE chat = ? AND message_id = ?",
                (message.chat, message.message_id),
            ).fetchone()
            if known is None:
                return self._first(message, action, now)
            text, root, deleted = known
            if text == message.text or deleted:
                return Recorded.KNOWN
            return self._changed(message, text, root, now)

    def delete(self, chat: int, message_ids: Sequence[int], now: datetime) -> list[Recorded]:
        """Keeps that messages of a chat were deleted."""
        with self._transaction():
            return [self._delete(chat, each, now) for each in message_ids]

    def delete_unplaced(self, message_ids: Sequence[int], now: datetime) -> list[Recorded]:
        """As `delete`, where Telegram does not say in which chat: in private chats and small groups, whose
        numbers are the account's own and so name one message only.
        """
        with self._transaction():
            found = []
            for each in message_ids:
                rows = self._db.execute(
                    "SELECT chat FROM message WHERE message_id = ? AND chat >= ?", (each, _NOT_A_CHANNEL)
                ).fetchall()
                # What the chats of no source delete is none of ours.
                found += [self._delete(chat, each, now) for (chat,) in rows] or [Recorded.UNKNOWN_DELETION]
            return found

    def begin_chat(self, chat: int, last_message_id: int) -> None:
        """Reads a chat from now on: what was written before is not a signal any more."""
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO chat (chat, last_message_id) VALUES (?, ?)", (chat, last_message_id)
            )

    def recent(self, chat: int, since: datetime, limit: int) -> list[int]:
        """Messages of a chat that may have been edited or deleted while nobody looked, newest first."""
        rows = self._db.execute(
            "SELECT message_id FROM message WHERE chat = ? AND deleted = 0 AND text != '' AND say_time >= ? "
            "ORDER BY message_id DESC LIMIT ?",
            (chat, since.timestamp(), limit),
        ).fetchall()
        return [number for (number,) in rows]

    # -- what waits ----------------------------------------------------------------------------------

    def waiting_chats(self) -> list[int]:
        """Chats of which something waits."""
        return [
            chat for (chat,) in self._db.execute("SELECT chat FROM queue GROUP BY chat ORDER BY min(seq)")
        ]

    def waiting(self, chat: int, limit: int = 2) -> list[Row]:
        """The oldest of what waits, in the order of the chat."""
        rows = self._db.execute(
            "SELECT q.seq, q.chat, q.message_id, q.action, q.text, m.sender, m.say_time, q.arrive_time, "
            "m.reply_to, q.parts, q.attempts, q.error FROM queue q "
            "JOIN message m ON m.chat = q.chat AND m.message_id = q.message_id "
            "WHERE q.chat = ? ORDER BY q.seq LIMIT ?",
            (chat, limit),
        ).fetchall()
        return [
            Row(seq, chat, number, Action(action), text, sender, _time(said), _time(arrived), reply, parts,
                attempts, error)
            for seq, chat, number, action, text, sender, said, arrived, reply, parts, attempts, error in rows
        ]  # fmt: skip

    def merge(self, head: Row, following: Row, text: str) -> None:
        """Makes `following` a part of `head`, under the name of `head`."""
        with self._transaction():
            self._db.execute(
                "UPDATE queue SET text = ?, parts = parts + ? WHERE seq = ?",
                (text, following.parts, head.seq),
            )
            self._db.execute("DELETE FROM queue WHERE seq = ?", (following.seq,))
            self._db.execute(
                "UPDATE message SET root = ? WHERE chat = ? AND root = ?",
                (head.message_id, head.chat, following.message_id),
            )
            self._count("assembled")

    def attempt(self, seq: int) -> None:
        """From here on the server may have it: it is not changed or withdrawn any more, only followed up."""
        with self._transaction():
            self._db.execute("UPDATE queue SET attempts = attempts + 1 WHERE seq = ?", (seq,))

    def fail(self, seq: int, error: str) -> None:
        """It did not work out this time."""
        with self._transaction():
            self._db.execute("UPDATE queue SET error = ? WHERE seq = ?", (error[:400], seq))

    def handed(self, seq: int) -> set[str]:
        """The sources under which the server has it already."""
        rows = self._db.execute("SELECT source_id FROM handed WHERE seq = ?", (seq,))
        return {source_id for (source_id,) in rows}

    def hand(self, seq: int, source_id: str) -> None:
        """The server has it, or refuses it for good, under this source."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO handed VALUES (?, ?)", (seq, source_id))

    def finish(self, seq: int, counter: str) -> None:
        """Strikes it out."""
        with self._transaction():
            self._db.execute("DELETE FROM queue WHERE seq = ?", (seq,))
            self._db.execute("DELETE FROM handed WHERE seq = ?", (seq,))
            self._count(counter)

    def root(self, chat: int, message_id: int) -> int:
        """The message by whose name the server knows this one: its first part, or the one of its album that
        has the words.
        """
        row = self._db.execute(
            "SELECT root, text, album FROM message WHERE chat = ? AND message_id = ?", (chat, message_id)
        ).fetchone()
        if row is None:
            return message_id
        root, text, album = row
        if not text and album is not None:
            worded = self._db.execute(
                "SELECT root FROM message WHERE chat = ? AND album = ? AND text != '' ORDER BY message_id",
                (chat, album),
            ).fetchone()
            if worded is not None:
                return int(worded[0])
        return int(root)

    # -- what is known -------------------------------------------------------------------------------

    def chats(self) -> list[ChatState]:
        """Every chat that was read."""
        rows = self._db.execute(
            "SELECT chat, title, last_message_id, last_time FROM chat ORDER BY title, chat"
        )
        return [
            ChatState(chat, title, last, None if when is None else _time(when))
            for chat, title, last, when in rows
        ]

    def name_chat(self, chat: int, title: str) -> None:
        with self._transaction():
            self._db.execute("UPDATE chat SET title = ? WHERE chat = ?", (title, chat))

    def queue_length(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM queue").fetchone()[0])

    def oldest_waiting(self) -> datetime | None:
        (when,) = self._db.execute("SELECT min(arrive_time) FROM queue").fetchone()
        return None if when is None else _time(when)

    def counters(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT name, value FROM counter ORDER BY name").fetchall())

    def count(self, name: str, more: int = 1) -> None:
        with self._transaction():
            self._count(name, more)

    def set_fact(self, name: str, value: str, now: datetime) -> None:
        """Keeps a fact; its time changes only with its value."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO fact VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
                "time = CASE WHEN value = excluded.value THEN time ELSE excluded.time END, "
                "value = excluded.value",
                (name, value, now.timestamp()),
            )

    def facts(self) -> dict[str, Fact]:
        rows = self._db.execute("SELECT name, value, time FROM fact")
        return {name: Fact(value, _time(when)) for name, value, when in rows}

    def forget_old(self, now: datetime) -> None:
        """Drops messages that nothing can refer to usefully any more, and that do not wait."""
        with self._transaction():
            self._db.execute(
                "DELETE FROM message WHERE see_time < ? AND NOT EXISTS (SELECT 1 FROM queue q "
                "WHERE q.chat = message.chat AND q.message_id = message.message_id)",
                ((now - _KEPT).timestamp(),),
            )

    # -- within --------------------------------------------------------------------------------------

    def _first(self, message: Message, action: Action, now: datetime) -> Recorded:
        self._db.execute(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (
                message.chat, message.message_id, message.text, message.sender, message.say_time.timestamp(),
                message.reply_to, message.album, message.message_id, now.timestamp(),
            ),
        )  # fmt: skip
        if not message.text.strip():
            self._count("no_text")
            return Recorded.NO_TEXT
        self._enqueue(message.chat, message.message_id, action, message.text, now)
        return Recorded.QUEUED

    def _changed(self, message: Message, before: str, root: int, now: datetime) -> Recorded:
        self._db.execute(
            "UPDATE message SET text = ? WHERE chat = ? AND message_id = ?",
            (message.text, message.chat, message.message_id),
        )
        if not before.strip() and root == message.message_id:
            # A caption that was added later: the first that it says.
            self._enqueue(message.chat, root, Action.NEW, message.text, now)
            return Recorded.QUEUED
        parts = self._db.execute(
            "SELECT text FROM message WHERE chat = ? AND root = ? AND deleted = 0 ORDER BY message_id",
            (message.chat, root),
        ).fetchall()
        text = "\n".join(each for (each,) in parts if each.strip())
        if not text:
            # Whatever is written there later, it is not that signal any more.
            self._db.execute(
                "UPDATE message SET deleted = 1 WHERE chat = ? AND root = ?", (message.chat, root)
            )
            return self._take_back(message.chat, root, now)
        unsent = self._db.execute(
            "UPDATE queue SET text = ? WHERE chat = ? AND message_id = ? AND attempts = 0 AND action != ?",
            (text, message.chat, root, Action.DELETED),
        ).rowcount
        if unsent:
            self._count("changed_before_sent")
            return Recorded.CHANGED_BEFORE_SENT
        self._enqueue(message.chat, root, Action.EDITED, text, now)
        return Recorded.QUEUED

    def _delete(self, chat: int, message_id: int, now: datetime) -> Recorded:
        row = self._db.execute(
            "SELECT root, text, deleted FROM message WHERE chat = ? AND message_id = ?", (chat, message_id)
        ).fetchone()
        if row is None:
            self._count("unknown_deletions")
            return Recorded.UNKNOWN_DELETION
        root, text, deleted = row
        self._db.execute(
            "UPDATE message SET deleted = 1 WHERE chat = ? AND message_id = ?", (chat, message_id)
        )
        if deleted or not text.strip():
            return Recorded.KNOWN
        return self._take_back(chat, root, now)

    def _take_back(self, chat: int, root: int, now: datetime) -> Recorded:
        """A part that is gone takes the whole with it: the rest would be another order than was meant."""
        never_sent = self._db.execute(
            "DELETE FROM queue WHERE chat = ? AND message_id = ? AND attempts = 0 AND action = ?",
            (chat, root, Action.NEW),
        ).rowcount
        self._db.execute(
            "DELETE FROM queue WHERE chat = ? AND message_id = ? AND attempts = 0 AND action = ?",
            (chat, root, Action.EDITED),
        )
        if never_sent:
            self._count("withdrawn_before_sent")
            return Recorded.WITHDRAWN_BEFORE_SENT
        self._enqueue(chat, root, Action.DELETED, "", now)
        return Recorded.QUEUED

    def _enqueue(self, chat: int, message_id: int, action: Action, text: str, now: datetime) -> None:
        self._db.execute(
            "INSERT INTO queue (chat, message_id, action, text, arrive_time) VALUES (?, ?, ?, ?, ?)",
            (chat, message_id, action, text, now.timestamp()),
        )

    def _advance(self, message: Message, now: datetime) -> None:
        self._db.execute(
            "INSERT INTO chat (chat, last_message_id, last_time) VALUES (?, ?, ?) "
            "ON CONFLICT (chat) DO UPDATE SET "
            "last_message_id = max(last_message_id, excluded.last_message_id), "
            "last_time = excluded.last_time",
            (message.chat, message.message_id, now.timestamp()),
        )

    def _count(self, name: str, more: int = 1) -> None:
        self._db.execute(
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?",
            (name, more, more),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _time(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
