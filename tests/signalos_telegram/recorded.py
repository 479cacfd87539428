"""Messages as Telethon hands them over, made of its own classes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import types

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
CHANNEL = -1_001_234_567_890
GROUP = -555
ANN = 777


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def peer(chat: int) -> Any:
    if chat < -1_000_000_000_000:
        return types.PeerChannel(-chat - 1_000_000_000_000)
    return types.PeerChat(-chat) if chat < 0 else types.PeerUser(chat)


def post(message_id: int, text: str = "", chat: int = CHANNEL, *, seconds: float = 0.0, **more: Any) -> Any:
    """A post of a channel, or with `from_id` somebody's message in a group."""
    return types.Message(
        id=message_id, peer_id=peer(chat), date=more.pop("date", at(seconds)), message=text, **more
    )
