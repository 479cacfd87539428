"""Events of streams as the contract says them, written once for all readers."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from signalos.v1 import event_pb2
from signalos_server.rpc.convert_accounts import ages_to_proto, money_to_proto
from signalos_server.rpc.convert_records import live_to_proto
from signalos_server.service.live import Ages, LiveMoney, LiveTrade


class ContractEncoder:
    """The encoder of `service.stream_ports`."""

    def numbered(self, payload: bytes, seq: int, epoch: str) -> bytes:
        """Return a stored event with its place: serialised messages merge when they are joined."""
        return payload + event_pb2.Event(seq=seq, epoch=epoch).SerializeToString()

    def gap(self, after_seq: int, epoch: str, reason: str, now: datetime) -> bytes:
        """Return word that events are missing after a cursor."""
        gap = event_pb2.Gap(after_seq=after_seq, epoch=epoch, reason=reason)
        return _stamped(event_pb2.Event(epoch=epoch, gap=gap), now)

    def heartbeat(self, seq: int, epoch: str, ages: Sequence[Ages], now: datetime) -> bytes:
        """Return word that the stream lives."""
        heartbeat = event_pb2.StreamHeartbeat(seq=seq, chains=[ages_to_proto(age) for age in ages])
        return _stamped(event_pb2.Event(epoch=epoch, heartbeat=heartbeat), now)

    def numbers(
        self, account_id: str, trades: Sequence[LiveTrade], money: LiveMoney | None, now: datetime
    ) -> list[bytes]:
        """Return prices, profits and money of an account."""
        wires = []
        if trades:
            live = [message for trade in trades if (message := live_to_proto(trade)) is not None]
            update = event_pb2.TradeUpdate(live=live)
            wires.append(_stamped(event_pb2.Event(account_id=account_id, trade_update=update), now))
        if money is not None:
            account = event_pb2.AccountUpdate(state=money_to_proto(money))
            wires.append(_stamped(event_pb2.Event(account_id=account_id, account_update=account), now))
        return wires


def subscribe_response(wire: bytes) -> bytes:
    """Return a serialised `SubscribeResponse` around a serialised event."""
    # Field 1, a message: its tag, its length, itself.
    length, size = bytearray(), len(wire)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"\x0a" + bytes(length) + wire


def _stamped(event: event_pb2.Event, now: datetime) -> bytes:
    event.event_id = uuid.uuid4().hex
    event.time.FromDatetime(now)
    return event.SerializeToString()
