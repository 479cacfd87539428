"""Sources: made, changed, ended, and their webhook tokens."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from signalos_server.domain.audit import SYSTEM_CHAIN
from signalos_server.domain.caller import Caller
from signalos_server.domain.errors import AlreadyExists, InvalidField, NotFound, Refusal, WrongState
from signalos_server.domain.people import secret_hash
from signalos_server.domain.pipeline.record import ended
from signalos_server.domain.pipeline.source import (
    Source,
    SourceRules,
    Subscription,
    check_map,
    check_rules,
)
from signalos_server.domain.pipeline.words import SignalOutcome, SourceKind
from signalos_server.service.access import traded_account
from signalos_server.service.records import Records
from signalos_server.service.signals.ground import Ground, decided

TOKEN_PREFIX = "sow_"  # noqa: S105 - a prefix, not a secret
_HINT_CHARACTERS = 4
_MOST_SOURCES = 200


@dataclass(frozen=True, slots=True)
class SourceWish:
    """What a source is to be called, may do and feeds."""

    name: str
    rules: SourceRules
    subscriptions: tuple[Subscription, ...]


class Sources:
    """The use cases of sources. A caller sees only its own."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def page(self, caller: Caller) -> list[Source]:
        """Return the caller's sources, oldest first."""
        return await self._ground.storage.read(lambda records: records.sources.of_user(caller.user_id))

    async def get(self, caller: Caller, source_id: str) -> Source:
        """Return a source. Raises `NotFound`."""
        return await self._ground.storage.read(lambda records: own_source(records, caller, source_id))

    async def create(self, caller: Caller, kind: SourceKind, wish: SourceWish) -> tuple[Source, str]:
        """Make a source; return it with its token, which is told this once. Raises `AlreadyExists`."""
        token = _new_token() if kind is SourceKind.WEBHOOK else ""
        source_id = self._ground.new_identifier("src")

        def unit(records: Records) -> Source:
            checked = _checked(records, caller, kind, wish)
            if len(records.sources.of_user(caller.user_id)) >= _MOST_SOURCES:
                raise InvalidField("name", f"there are {_MOST_SOURCES} sources already: delete one first")
            source = Source(
                source_id=source_id,
                user_id=caller.user_id,
                name=checked.name,
                kind=kind,
                create_time=self._ground.now(),
                rules=checked.rules,
                subscriptions=checked.subscriptions,
            )
            if token:
                source = _with_token(source, token)
            if not records.sources.insert(source):
                raise AlreadyExists("source", checked.name)
            _audit(records, caller, "source_created", source)
            return source

        return await self._ground.storage.run(unit), token

    async def update(
        self, caller: Caller, source_id: str, wish: SourceWish, *, enabled: bool, revision: int
    ) -> Source:
        """Replace what a source is. `revision` 0: whatever it is now. Raises `WrongState`."""

        def unit(records: Records) -> Source:
            source = own_source(records, caller, source_id, lock=True)
            if revision and revision != source.revision:
                text = f"it was changed meanwhile: its revision is {source.revision}; read it again"
                raise WrongState("source", source_id, str(source.revision), text)
            checked = _checked(records, caller, source.kind, wish)
            if records.sources.name_taken(caller.user_id, checked.name, source_id):
                raise AlreadyExists("source", checked.name)
            changed = replace(
                source,
                name=checked.name,
                enabled=enabled,
                rules=checked.rules,
                subscriptions=checked.subscriptions,
            )
            if changed == source:
                return source
            changed = replace(changed, revision=source.revision + 1)
            records.sources.save(changed)
            _audit(records, caller, "source_changed", changed)
            return changed

        return await self._ground.storage.run(unit)

    async def delete(self, caller: Caller, source_id: str) -> None:
        """End a source, and take back what waits of it; its signals stay. Idempotent."""

        def unit(records: Records) -> None:
            source = records.sources.get(source_id, lock=True)
            if source is None or source.user_id != caller.user_id:
                raise NotFound("source", source_id)
            if source.deleted:
                return
            over = replace(source, deleted=True, enabled=False, token_hash="", revision=source.revision + 1)
            records.sources.save(over)
            _audit(records, caller, "source_deleted", over)
            now = self._ground.now()
            for account in source.subscriptions:
                for waiting in records.signals.waiting_at(account.account_id, source_id):
                    if waiting.outcome.asks:
                        text = f"the source {source.name} was deleted"
                        gone = ended(waiting, SignalOutcome.WITHDRAWN, "SOURCE_DELETED", text, now)
                        decided(records, gone, now)

        await self._ground.storage.run(unit)

    async def rotate(self, caller: Caller, source_id: str) -> str:
        """Give a webhook a new token; the old one ends at once. Raises `WrongState` for other kinds."""
        token = _new_token()

        def unit(records: Records) -> None:
            source = own_source(records, caller, source_id, lock=True)
            if source.kind is not SourceKind.WEBHOOK:
                raise WrongState("source", source_id, source.kind.name, "only a webhook has a token")
            changed = _with_token(replace(source, revision=source.revision + 1), token)
            records.sources.save(changed)
            _audit(records, caller, "source_token_rotated", changed)

        await self._ground.storage.run(unit)
        return token


def own_source(records: Records, caller: Caller, source_id: str, *, lock: bool = False) -> Source:
    """Return a source of the caller's own that has not ended. Raises `NotFound`."""
    source = records.sources.get(source_id, lock=lock)
    if source is None or source.user_id != caller.user_id or source.deleted:
        raise NotFound("source", source_id)
    return source


def _checked(records: Records, caller: Caller, kind: SourceKind, wish: SourceWish) -> SourceWish:
    """Return a wish in its one spelling. Raises `InvalidField`, `NotFound`, `PermissionDenied`."""
    name = wish.name.strip()
    if not name:
        raise InvalidField("name", "is blank")
    seen: set[str] = set()
    subscriptions = []
    for number, subscription in enumerate(wish.subscriptions):
        field = f"subscriptions[{number}]"
        if subscription.account_id in seen:
            raise InvalidField(f"{field}.accountId", "is named twice")
        seen.add(subscription.account_id)
        try:
            traded_account(records, caller, subscription.account_id)
        except Refusal as refusal:
            raise InvalidField(f"{field}.accountId", refusal.message) from None
        checked = check_map(subscription.symbol_map, f"{field}.symbolMap")
        subscriptions.append(replace(subscription, symbol_map=checked))
    return SourceWish(name, check_rules(kind, wish.rules), tuple(subscriptions))


def _new_token() -> str:
    """Return a new token of 256 bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def _with_token(source: Source, token: str) -> Source:
    return replace(source, token_hash=secret_hash(token), token_hint=token[-_HINT_CHARACTERS:])


def _audit(records: Records, caller: Caller, action: str, source: Source) -> None:
    detail = {
        "source_id": source.source_id,
        "name": source.name,
        "kind": source.kind.name,
        "enabled": source.enabled,
        "trust": source.rules.trust.name,
        "revision": source.revision,
    }
    accounts: Sequence[str] = [one.account_id for one in source.subscriptions]
    records.audit(SYSTEM_CHAIN, caller.user_id, action, {**detail, "accounts": list(accounts)})
    for account_id in accounts:
        records.audit(account_id, caller.user_id, action, detail)
