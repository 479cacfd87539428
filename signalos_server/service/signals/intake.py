"""Taking messages in: accepted is committed, a repeat is the same signal, another text is an edit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import (
    InvalidField,
    NotAuthenticated,
    NotFound,
    RateLimited,
    RequestIdReused,
)
from signalos_server.domain.happenings import SignalChange
from signalos_server.domain.people import secret_hash
from signalos_server.domain.pipeline.record import Signal, SignalView
from signalos_server.domain.pipeline.source import Source
from signalos_server.domain.pipeline.words import SourceKind
from signalos_server.domain.rate import Buckets, Rate
from signalos_server.domain.signals.model import Kind
from signalos_server.service.records import Records, Request
from signalos_server.service.signals.ground import Ground, tell
from signalos_server.service.signals.reading import counts_for

# A provider that posts more than this is a loop. A thousand a minute passes.
_SOURCE_RATE = Rate(burst=300, per_second=20)
# Who sends the same bytes again within this was not answered; a provider that means it says it later.
_RETRY = timedelta(minutes=1)
_REDUCING = frozenset((Kind.CLOSE, Kind.PARTIAL_CLOSE, Kind.BREAKEVEN, Kind.CANCEL, Kind.MODIFY))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its source gives it. `request_id` empty: `body_hash` tells repeats."""

    text: str
    external_id: str = ""
    sender: str = ""
    say_time: datetime | None = None
    reply_to_external_id: str = ""
    edited: bool = False
    deleted: bool = False
    request_id: str = ""
    request_hash: str = ""
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """The signal that a message is; `fresh`: it was not there before."""

    view: SignalView
    fresh: bool


class Intake:
    """Commits messages."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._rates = Buckets(_SOURCE_RATE)

    async def submit(self, caller: Caller, source_id: str, message: Message) -> Taken:
        """Take a message of a source of the caller's. Raises `NotFound`, `RequestIdReused`, `RateLimited`."""
        signal_id = self._ground.new_identifier("sig")

        def unit(records: Records) -> Taken:
            source = _own(records, caller, source_id)
            return self._take(records, source, _storable(message), signal_id)

        return await self._ground.storage.run(unit)

    async def webhook(self, token: str, body: bytes) -> Taken:
        """Take what a webhook was sent. Raises `NotAuthenticated`, `InvalidField`, `RateLimited`."""
        text = body.decode("utf-8", errors="replace")
        if not text.strip():
            raise InvalidField("body", "is empty: send the message as text or JSON")
        hashed = secret_hash(token)
        message = _storable(Message(text, body_hash=hashlib.sha256(body).hexdigest()))
        signal_id = self._ground.new_identifier("sig")

        def unit(records: Records) -> Taken:
            # Found by the hash, so that no time tells how much of a token was right.
            found = records.sources.by_token(hashed)
            source = None if found is None else records.sources.get(found.source_id, lock=True)
            if source is None or source.token_hash != hashed or source.deleted:
                raise NotAuthenticated("no source has this token; it may have been replaced")
            return self._take(records, source, message, signal_id)

        return await self._ground.storage.run(unit)

    def _take(self, records: Records, source: Source, message: Message, signal_id: str) -> Taken:
        now = self._ground.now()
        before = self._before(records, source, message, signal_id, now)
        if before is not None:
            return Taken(records.signals.views([before])[0], fresh=False)
        wait = self._rates.take(source.source_id, self._ground.clocks.monotonic())
        if wait:
            raise RateLimited("messages of a source", wait)
        signal = _signal_of(records, source, message, signal_id, now)
        key = signal_id if not signal.external_id else _free_key(records, signal)
        records.signals.insert(signal, key, message.body_hash)
        records.sources.heard(source.source_id, now)
        return Taken(tell(records, signal, (), SignalChange.CREATED), fresh=True)

    def _before(
        self, records: Records, source: Source, message: Message, signal_id: str, now: datetime
    ) -> Signal | None:
        """Return the signal that the same message is already; else its key is taken."""
        versions = (
            records.signals.versions(source.source_id, message.external_id) if message.external_id else []
        )
        repeated = _same_version(versions, message)
        if repeated is not None:
            return repeated
        if message.request_id:
            request = Request(source.user_id, message.request_id, message.request_hash, signal_id)
            claimed = records.commands.claim(request, now)
            if claimed is not None:
                same = records.signals.get(claimed.command_id)
                if claimed.body_hash != message.request_hash or same is None:
                    raise RequestIdReused(message.request_id, claimed.command_id)
                return same
        if message.body_hash:
            window = max(source.rules.duplicate_window, _RETRY)
            same = records.signals.same_body(source.source_id, message.body_hash, now - window)
            if same is not None and _is_retry(records, source, same, now):
                return same
        return None


def _is_retry(records: Records, source: Source, same: Signal, now: datetime) -> bool:
    """Return whether bytes that came before are a repetition.

    An order is, for as long as repetitions count, unless it was only observed then. What reduces a risk may
    be meant again, once the time in which a webhook is tried again is over: a close is never lost.
    """
    actions = same.actions
    reduces = bool(actions) and all(action.kind in _REDUCING for action in actions)
    if now - same.create_time <= _RETRY:
        return True
    return not reduces and counts_for(records, source, same)


def _same_version(versions: list[Signal], message: Message) -> Signal | None:
    """Return the version that a message repeats; versions are newest first."""
    if not versions:
        return None
    latest = versions[0]
    if latest.deleted == message.deleted and latest.text == message.text:
        return latest
    for version in versions[1:]:
        same = version.deleted == message.deleted and version.text == message.text
        # An edit back to an earlier text is said later than what it takes back.
        newer = message.edited and message.say_time is not None and message.say_time > latest.say_time
        if same and not newer:
            return version
    return None


def _signal_of(records: Records, source: Source, message: Message, signal_id: str, now: datetime) -> Signal:
    revised: Signal | None = None
    if message.external_id:
        versions = records.signals.versions(source.source_id, message.external_id)
        revised = versions[0] if versions else None
    replied = ""
    if message.reply_to_external_id:
        found = records.signals.versions(source.source_id, message.reply_to_external_id)
        replied = found[0].signal_id if found else ""
    return Signal(
        signal_id=signal_id,
        user_id=source.user_id,
        source_id=source.source_id,
        source_name=source.name,
        text=message.text,
        create_time=now,
        say_time=message.say_time or now,
        update_time=now,
        external_id=message.external_id,
        sender=message.sender,
        reply_to_external_id=message.reply_to_external_id,
        reply_to_signal_id=replied,
        revises_signal_id="" if revised is None else revised.signal_id,
        # Another text under the same name is an edit, whether said so or not.
        edited=message.edited or (revised is not None and not message.deleted),
        deleted=message.deleted,
    )


def _free_key(records: Records, signal: Signal) -> str:
    """Return a key that only a repeat of this very version has."""
    number = 0
    while True:
        parts = (signal.external_id, str(signal.edited), str(signal.deleted), str(number), signal.text)
        key = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
        if records.signals.by_key(signal.source_id, key) is None:
            return key
        number += 1


def _storable(message: Message) -> Message:
    """Return the message without what a database cannot keep."""
    return replace(
        message,
        text=message.text.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
        external_id=message.external_id.replace("\x00", ""),
        sender=message.sender.replace("\x00", ""),
        reply_to_external_id=message.reply_to_external_id.replace("\x00", ""),
    )


def _own(records: Records, caller: Caller, source_id: str) -> Source:
    """Return a source of the caller's own, locked; the only one of the kind API where none is named."""
    if not source_id:
        own = [one for one in records.sources.of_user(caller.user_id) if one.kind is SourceKind.API]
        if len(own) != 1:
            text = "name one: the caller has several of the kind API" if own else "the caller has none"
            raise InvalidField("sourceId", text)
        source_id = own[0].source_id
    source = records.sources.get(source_id, lock=True)
    if source is None or source.user_id != caller.user_id or source.deleted:
        raise NotFound("source", source_id)
    return source
