"""Log in, list trades, close one and watch it happen, with nothing but `signalos` and `grpclib` installed.

pip install signalos grpclib
SIGNALOS_PASSWORD=… python client_grpclib.py 127.0.0.1:50051 demo
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid

from google.protobuf.duration_pb2 import Duration
from grpclib.client import Channel

from signalos.v1 import (
    auth_service_grpc,
    auth_service_pb2,
    command_pb2,
    event_service_grpc,
    event_service_pb2,
    trade_service_grpc,
    trade_service_pb2,
)


async def main(address: str, user_name: str, password: str) -> None:
    host, port = address.rsplit(":", 1)
    channel = Channel(host, int(port))  # loopback; elsewhere give it an ssl context
    try:
        login = await auth_service_grpc.AuthServiceStub(channel).Login(
            auth_service_pb2.LoginRequest(user_name=user_name, password=password)
        )
        caller = {"authorization": f"Bearer {login.session_token}"}

        trades = trade_service_grpc.TradeServiceStub(channel)
        listed = await trades.ListLiveTrades(trade_service_pb2.ListLiveTradesRequest(), metadata=caller)
        for view in listed.trades:
            profit = f"{view.live.profit:+.2f}" if view.live.HasField("profit") else "profit not known"
            print(view.trade.trade_id, view.trade.symbol, view.trade.volume_lots, profit)
        if not listed.trades:
            return
        trade_id = listed.trades[0].trade.trade_id

        events = event_service_grpc.EventServiceStub(channel)
        async with events.Subscribe.open(metadata=caller) as stream:
            await stream.send_message(event_service_pb2.SubscribeRequest(lossless_only=True), end=True)
            first = await stream.recv_message()
            assert first is not None
            print("snapshot as of", first.event.seq or first.event.snapshot.seq)

            # The key is yours: sending this request again, after a time-out for example, never closes twice.
            closed = await trades.CloseTrade(
                trade_service_pb2.CloseTradeRequest(
                    request_id=str(uuid.uuid4()), trade_id=trade_id, wait=Duration(seconds=10)
                ),
                metadata=caller,
            )
            print("close", command_pb2.CommandState.Name(closed.command.state), closed.command.message)

            async for response in stream:
                event = response.event
                print(event.seq, event.WhichOneof("data"))
                if event.HasField("trade_closed") and event.trade_closed.trade.trade_id == trade_id:
                    print("closed at", event.trade_closed.trade.close_price)
                    await stream.cancel()
                    return
    finally:
        channel.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], os.environ["SIGNALOS_PASSWORD"]))
