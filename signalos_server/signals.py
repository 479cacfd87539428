"""The signals' part of the composition: its use cases, its servicer, its background work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc.aio
from sqlalchemy.orm import Session

from signalos.v1 import event_pb2, signal_service_pb2_grpc
from signalos_server.adapters.clock import make_identifier
from signalos_server.adapters.storage.streams import Fill, Viewer
from signalos_server.rpc.convert_signal_records import signal_to_proto
from signalos_server.rpc.signal_service import SignalServicer, SignalUseCases
from signalos_server.service.signals.approval import Approvals
from signalos_server.service.signals.ground import Ground
from signalos_server.service.signals.pipeline import SignalPipeline
from signalos_server.service.signals.reads import SignalReads
from signalos_server.service.signals.simulate import Simulation
from signalos_server.service.signals.sources import Sources
from signalos_server.trading import TradingPart

if TYPE_CHECKING:
    from signalos_server.app import Foundation

# More than these wait for nobody; the newest are shown.
_SNAPSHOT_SIGNALS = 200


class SignalPart:
    """What is served beside the foundation for signals; stands on the trading part."""

    def __init__(self, foundation: Foundation, trading: TradingPart) -> None:
        self._foundation = foundation
        ground = Ground(
            storage=foundation.storage,
            hub=trading.hub,
            clocks=foundation.moments,
            commands=trading.commands,
            trades=trading.trades,
            orders=trading.orders,
            quotes=trading.quotes,
            limits=trading.limits,
            new_identifier=lambda prefix: make_identifier(prefix, foundation.clock),
            timings=foundation.settings.timings.signals,
        )
        self._pipeline = SignalPipeline(ground)
        self._cases = SignalUseCases(
            pipeline=self._pipeline,
            approvals=Approvals(ground, self._pipeline),
            simulation=Simulation(ground, self._pipeline.decider),
            sources=Sources(ground),
            reads=SignalReads(ground),
        )
        foundation.snapshot_parts.append(self._snapshot)

    def add_to(self, server: grpc.aio.Server) -> tuple[str, ...]:
        """Add the servicer; return the full name of its service."""
        servicer = SignalServicer(self._foundation.clock, self._cases)
        signal_service_pb2_grpc.add_SignalServiceServicer_to_server(servicer, server)
        return ("signalos.v1.SignalService",)

    async def run(self) -> None:
        """Carry signals on, until cancelled."""
        await self._pipeline.run()

    async def drain(self) -> None:
        """Nothing: what is not decided yet is taken up by the next start."""

    def _snapshot(self, session: Session, viewer: Viewer) -> Fill:
        """Read what a snapshot shows of signals: the viewer's own that wait for a person."""
        records = self._foundation.storage.records(session)
        views = records.signals.views(records.signals.waiting(viewer.user_id, _SNAPSHOT_SIGNALS))

        def fill(snapshot: event_pb2.Snapshot) -> None:
            snapshot.signals.extend(signal_to_proto(view) for view in views)

        return fill
