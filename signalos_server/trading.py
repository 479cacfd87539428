"""The trading core's part of the composition: its use cases, servicers and background work."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

import grpc.aio
from sqlalchemy.orm import Session

from signalos.v1 import (
    bridge_service_pb2_grpc,
    command_service_pb2_grpc,
    control_service_pb2_grpc,
    event_pb2,
    order_service_pb2_grpc,
    trade_service_pb2_grpc,
)
from signalos_server.adapters.limit_profiles import shipped_profiles
from signalos_server.adapters.storage.streams import Fill, Viewer
from signalos_server.domain.words import OrderState
from signalos_server.rpc.bridge_service import BridgeServicer
from signalos_server.rpc.command_service import CommandServicer
from signalos_server.rpc.control_service import ControlServicer
from signalos_server.rpc.convert_commands import command_to_proto
from signalos_server.rpc.convert_control import standing_to_proto, stop_to_proto
from signalos_server.rpc.convert_records import live_to_proto, order_to_proto, trade_to_proto
from signalos_server.rpc.order_service import OrderServicer
from signalos_server.rpc.trade_service import TradeServicer
from signalos_server.service.bridge_sessions import BridgeSessions
from signalos_server.service.commands import CommandUseCases
from signalos_server.service.control import ControlUseCases
from signalos_server.service.control_facts import standing_of
from signalos_server.service.emergency import EmergencyStops
from signalos_server.service.hub import Board, Hub
from signalos_server.service.limit_facts import LimitFacts
from signalos_server.service.limit_gate import LimitGate
from signalos_server.service.limit_watch import LimitWatch
from signalos_server.service.limits import LimitUseCases
from signalos_server.service.orders import Orders
from signalos_server.service.quotes import Quotes
from signalos_server.service.trades import Trades
from signalos_server.service.triggers import StopTriggers
from signalos_server.service.unit_effects import LeaseSeen

if TYPE_CHECKING:
    from signalos_server.app import Foundation

_RECONNECT_WINDOW_SECONDS = 3.0
# What is queued for the bridges gets this long to go out before streams are closed.
_DRAIN_SECONDS = 0.2

_SERVICES = ("BridgeService", "TradeService", "OrderService", "CommandService", "ControlService")


class TradingPart:
    """What is served beside the foundation for trading."""

    def __init__(self, foundation: Foundation) -> None:
        self._foundation = foundation
        storage, moments = foundation.storage, foundation.moments
        self.hub = Hub(storage, foundation.live, moments, Board())
        self.quotes = Quotes(self.hub, moments)
        facts = LimitFacts(foundation.live, self.quotes, moments)
        # What the signal pipeline asks as well.
        self.limits = LimitGate(storage, facts, self.quotes)
        self.commands = CommandUseCases(storage, self.hub, moments, self.limits)
        self.sessions = BridgeSessions(
            storage, self.hub, moments, foundation.node, foundation.settings.timings.session
        )
        self.trades = Trades(storage, self.hub, self.commands, self.quotes, moments)
        self.orders = Orders(storage, self.commands, self.quotes)
        self._control = ControlUseCases(storage, self.hub, moments, foundation.auth)
        self._stops = EmergencyStops(storage, self.hub, moments)
        self._limit_watch = LimitWatch(storage, self.hub, self._stops, facts, moments)
        self._limit_cases = LimitUseCases(
            storage, self.hub, moments, facts, self._limit_watch, shipped_profiles()
        )
        self._triggers = StopTriggers(self.hub, self._stops, moments)
        self.commands.on_open = self._triggers.opened
        foundation.on_revoke.append(self._revoked)
        foundation.snapshot_parts.append(self._snapshot)
        self._revocations = foundation.bus.subscribe(
            "bridge.>", lambda subject, _: self.sessions.look_now(subject.partition(".")[2])
        )

    def add_to(self, server: grpc.aio.Server) -> tuple[str, ...]:
        """Add servicers; return the full names of their services."""
        moments = self._foundation.moments
        bridges = BridgeServicer(
            self._foundation.accounts, self.sessions, moments.monotonic_nanoseconds, moments.monotonic
        )
        bridge_service_pb2_grpc.add_BridgeServiceServicer_to_server(bridges, server)
        trade_service_pb2_grpc.add_TradeServiceServicer_to_server(TradeServicer(self.trades), server)
        order_service_pb2_grpc.add_OrderServiceServicer_to_server(OrderServicer(self.orders), server)
        command_service_pb2_grpc.add_CommandServiceServicer_to_server(CommandServicer(self.commands), server)
        control_service_pb2_grpc.add_ControlServiceServicer_to_server(
            ControlServicer(self._control, self._stops, self._limit_cases), server
        )
        return tuple(f"signalos.v1.{name}" for name in _SERVICES)

    async def run(self) -> None:
        """Keep sessions and end commands that no bridge takes, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.sessions.run(), name="bridge-sessions")
                group.create_task(self.commands.run(), name="command-expiry")
                group.create_task(self._stops.run(), name="stop-roster")
                group.create_task(self._triggers.run(), name="stop-triggers")
                group.create_task(self._limit_watch.run(), name="limits")
        finally:
            self._revocations.close()
            await self.hub.close()

    async def drain(self) -> None:
        """Tell the bridges to come back later, and commit what they have told."""
        self.sessions.drain(_RECONNECT_WINDOW_SECONDS)
        await asyncio.sleep(_DRAIN_SECONDS)
        for session in self.hub.sessions():
            session.perform(session.machine.go_away("the server goes down"))

    def _revoked(self, session: Session, account_id: str, bridge_id: str, now: datetime) -> None:
        records = self._foundation.storage.records(session)
        self.commands.revoked(records, account_id)
        records.finish()

    def _snapshot(self, session: Session, viewer: Viewer) -> Fill:
        """Read what a snapshot shows of trading."""
        records, live = self._foundation.storage.records(session), self._foundation.live
        accounts = viewer.account_ids
        trades = records.book.open_trades(accounts)
        orders = records.book.orders(accounts, None, OrderState.WORKING)
        commands = [command for account in accounts for command in records.commands.open_of(account)]
        standings = [standing_of(records, account, LeaseSeen(*live.lease(account))) for account in accounts]
        stops = records.control.stops_of(accounts, None, active_only=True)

        def fill(snapshot: event_pb2.Snapshot) -> None:
            snapshot.trades.extend(trade_to_proto(trade) for trade in trades)
            for trade in trades:
                numbers = live_to_proto(live.trade(trade.account_id, trade.position.identifier))
                if numbers is not None:
                    snapshot.live.append(numbers)
            snapshot.orders.extend(order_to_proto(order) for order in orders)
            snapshot.commands.extend(command_to_proto(command) for command in commands)
            snapshot.trading_states.extend(standing_to_proto(standing) for standing in standings)
            snapshot.stops.extend(stop_to_proto(stop) for stop in stops)

        return fill
