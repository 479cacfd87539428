"""What goes over the WebSocket: `{type, id, seq?, timestamp, data}`, encoded once for all sockets."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson
from websockets.frames import Frame, Opcode

from signalos.v1.event_pb2 import Event, Snapshot, StreamHeartbeat
from web_gateway.encoding import Encoder, JsonObject, timestamp_text

# Written by the gateway itself; every other type is a field of the contract's `Event`.
GATEWAY_TYPES: Final = ("connection_established", "authenticated", "pong", "error", "test")


@dataclass(frozen=True, slots=True)
class EventFrame:
    """An event as it goes to every socket of a user."""

    type: str
    seq: int | None
    wire: bytes
    event: Event


class FrameWriter:
    """Makes frames."""

    def __init__(self) -> None:
        self._encoder = Encoder()

    def event(self, event: Event) -> EventFrame | None:
        """The frame of an event; None for one whose kind this gateway does not know."""
        kind = event.WhichOneof("data")
        if kind is None:
            return None
        seq = event.seq if event.HasField("seq") else None
        data = self._encoder.encode(getattr(event, kind))
        if event.account_id:
            data.setdefault("accountId", event.account_id)
        at = timestamp_text(event.time.seconds, event.time.nanos) if event.HasField("time") else _now()
        return EventFrame(kind, seq, self._frame(kind, event.event_id, data, at, seq), event)

    def snapshot(self, snapshot: Snapshot) -> bytes:
        """A snapshot that was read apart from the stream; the same frame as one in the stream."""
        at = timestamp_text(snapshot.time.seconds, snapshot.time.nanos)
        identity = f"snapshot-{snapshot.epoch}-{snapshot.seq}"
        return self._frame("snapshot", identity, self._encoder.encode(snapshot), at)

    def gap(self, after_seq: int, epoch: str, reason: str) -> bytes:
        """Events are missing here; a snapshot follows."""
        return self.own("gap", {"afterSeq": after_seq, "epoch": epoch, "reason": reason})

    def heartbeat(
        self,
        heartbeat: StreamHeartbeat,
        *,
        server_connected: bool,
        server_age_seconds: float,
        added_age: float,
    ) -> bytes:
        """Ages of the chain. `added_age` is what has gone by since `heartbeat` was true."""
        data = self._encoder.encode(heartbeat)
        for chain in data["chains"]:
            for name, value in chain.items():
                if name.endswith("AgeSeconds") and value is not None:
                    chain[name] = round(value + added_age, 3)
        data["serverConnected"] = server_connected
        data["serverAgeSeconds"] = round(server_age_seconds, 3)
        return self.own("heartbeat", data)

    def error(self, code: str, message: str, **more: str | int) -> bytes:
        """Something that the client should know; the socket stays as it is."""
        return self.own("error", {"code": code, "message": message, **more})

    def own(self, kind: str, data: Mapping[str, Any]) -> bytes:
        """A frame of the gateway's own making."""
        return self._frame(kind, uuid.uuid4().hex, data, _now())

    def _frame(
        self, kind: str, identity: str, data: Mapping[str, Any], at: str, seq: int | None = None
    ) -> bytes:
        body: JsonObject = {"type": kind, "id": identity}
        if seq is not None:
            body["seq"] = seq
        body["timestamp"] = at
        body["data"] = data
        return Frame(Opcode.TEXT, orjson.dumps(body)).serialize(mask=False, extensions=None)


def merge_live(older: Event, newer: Event) -> Event:
    """Two ephemeral updates of prices as one: for each trade what is known last."""
    merged = Event()
    merged.CopyFrom(newer)
    fresh = {live.trade_id for live in newer.trade_update.live}
    merged.trade_update.live.extend(live for live in older.trade_update.live if live.trade_id not in fresh)
    return merged


def _now() -> str:
    at = time.time_ns()
    return timestamp_text(at // 1_000_000_000, at % 1_000_000_000 // 1_000_000 * 1_000_000)
