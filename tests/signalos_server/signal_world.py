"""A served world in which a trader has sources, and a terminal that deals."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from signalos.v1 import control_service_pb2, signal_pb2
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.service.signals.ground import SignalTimings
from tests.signalos_server.serving import quick_settings, served
from tests.signalos_server.trading_world import Trader, TradingWorld, eventually
from tests.support.dealing_bridge import Dealer

Outcome = signal_pb2.SignalOutcome
State = signal_pb2.SignalState

BUY = "EURUSD BUY NOW\nSL 1.0950\nTP 1.1050"


def outcome(name: str) -> signal_pb2.SignalOutcome.ValueType:
    """Return an outcome by its short name."""
    return Outcome.Value(f"SIGNAL_OUTCOME_{name}")


@dataclass
class Desk:
    """One trader with a dealing terminal."""

    trader: Trader
    dealer: Dealer
    sources: list[str] = field(default_factory=list)

    @property
    def signals(self) -> Any:
        """The stubs of `SignalService`."""
        return self.trader.client.signals

    async def source(
        self,
        trust: str = "AUTO",
        *,
        kind: str = "API",
        policy: dict[str, Any] | None = None,
        accounts: list[str] | None = None,
        **subscription: Any,
    ) -> str:
        """Make a source that the trader's account follows; return its id."""
        answer = await self.make_source(trust, kind=kind, policy=policy, accounts=accounts, **subscription)
        self.sources.append(answer.source.source_id)
        return str(answer.source.source_id)

    async def make_source(
        self,
        trust: str = "AUTO",
        *,
        kind: str = "API",
        policy: dict[str, Any] | None = None,
        accounts: list[str] | None = None,
        name: str = "",
        **subscription: Any,
    ) -> pb.CreateSourceResponse:
        """Make a source; return the whole answer."""
        request = pb.CreateSourceRequest(
            name=name or f"source {uuid.uuid4().hex[:8]}",
            kind=signal_pb2.SourceKind.Value(f"SOURCE_KIND_{kind}"),
            policy=signal_pb2.SourcePolicy(
                trust=signal_pb2.SourceTrust.Value(f"SOURCE_TRUST_{trust}"), **(policy or {})
            ),
            subscriptions=[
                signal_pb2.Subscription(account_id=account_id, **subscription)
                for account_id in accounts or [self.trader.account_id]
            ],
        )
        answer: pb.CreateSourceResponse = await self.signals.CreateSource(
            request, metadata=self.trader.metadata
        )
        return answer

    async def say(
        self, text: str, *, source: str = "", age: float = 0.0, key: str = "", **more: Any
    ) -> signal_pb2.Signal:
        """Give a message to a source; return the signal as it was committed."""
        request = pb.SubmitSignalRequest(
            request_id=key or uuid.uuid4().hex, source_id=source or self.sources[-1], text=text, **more
        )
        if age or "external_id" in more:
            request.say_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=age))
        answer = await self.signals.SubmitSignal(request, metadata=self.trader.metadata)
        return answer.signal  # type: ignore[no-any-return]

    async def signal(self, signal_id: str) -> signal_pb2.Signal:
        """Read a signal."""
        answer = await self.signals.GetSignal(
            pb.GetSignalRequest(signal_id=signal_id), metadata=self.trader.metadata
        )
        return answer.signal  # type: ignore[no-any-return]

    async def until(
        self, signal_id: str, holds: Callable[[signal_pb2.Signal], bool], seconds: float = 10.0
    ) -> signal_pb2.Signal:
        """Wait until a signal stands so; return it."""

        async def look() -> signal_pb2.Signal | None:
            found = await self.signal(signal_id)
            return found if holds(found) else None

        return await eventually(look, seconds)

    async def decided(
        self, signal_id: str, name: str = "", seconds: float = 10.0
    ) -> signal_pb2.SignalDecision:
        """Wait until the last decision of a signal has come to an outcome, to `name` where it is given."""

        def holds(signal: signal_pb2.Signal) -> bool:
            if not signal.decisions:
                return False
            now = signal.decisions[-1].outcome
            return now == outcome(name) if name else now != outcome("PENDING")

        return (await self.until(signal_id, holds, seconds)).decisions[-1]

    async def told(self, text: str, name: str = "", **more: Any) -> signal_pb2.SignalDecision:
        """Give a message, and return what is decided about it."""
        signal = await self.say(text, **more)
        return await self.decided(signal.signal_id, name)

    async def ended(self, text: str, **more: Any) -> signal_pb2.Signal:
        """Give a message of which nothing comes, and return the signal."""
        signal = await self.say(text, **more)
        return await self.until(
            signal.signal_id,
            lambda one: one.state in (State.SIGNAL_STATE_NOT_TRADED, State.SIGNAL_STATE_NO_ACTION),
        )

    async def traded(self, text: str = BUY, **more: Any) -> tuple[signal_pb2.Signal, str]:
        """Give a message that opens, wait for its trade on record, and return both."""
        signal = await self.say(text, **more)
        found = await self.until(
            signal.signal_id, lambda one: bool(one.decisions and one.decisions[0].trade_ids)
        )
        trade_id = found.decisions[0].trade_ids[0]

        async def shown() -> bool | None:
            try:
                answer = await self.trader.trades.GetTrade(
                    trade_request(trade_id), metadata=self.trader.metadata
                )
            except Exception:  # noqa: BLE001 - not yet
                return None
            return answer.trade.signal_id == signal.signal_id or None

        await eventually(shown)
        return found, trade_id

    async def pause(self, paused: bool = True) -> None:
        """Pause the account, or resume it."""
        if paused:
            request = control_service_pb2.PauseTradingRequest()
            await self.trader.control.PauseTrading(request, metadata=self.trader.metadata)
        else:
            again = control_service_pb2.ResumeTradingRequest()
            await self.trader.control.ResumeTrading(again, metadata=self.trader.metadata)

    async def stop(self) -> None:
        """Stop the account."""
        request = control_service_pb2.EmergencyStopRequest(reason="a test")
        await self.trader.control.EmergencyStop(request, metadata=self.trader.metadata)

    async def approve(self, signal_id: str, **more: Any) -> signal_pb2.Signal:
        """Say yes."""
        answer = await self.signals.ApproveSignal(
            pb.ApproveSignalRequest(signal_id=signal_id, **more), metadata=self.trader.metadata
        )
        return answer.signal  # type: ignore[no-any-return]

    async def reject(self, signal_id: str, **more: Any) -> signal_pb2.Signal:
        """Say no."""
        answer = await self.signals.RejectSignal(
            pb.RejectSignalRequest(signal_id=signal_id, **more), metadata=self.trader.metadata
        )
        return answer.signal  # type: ignore[no-any-return]


def trade_request(trade_id: str) -> Any:
    """Return the request that reads a trade."""
    from signalos.v1 import trade_service_pb2

    return trade_service_pb2.GetTradeRequest(trade_id=trade_id)


@asynccontextmanager
async def signalling(
    data_dir: Path, storage_url: str | None = None, timings: SignalTimings | None = None
) -> AsyncIterator[TradingWorld]:
    """Run a server in this process whose signals wait as long as `timings` say."""
    settings = quick_settings(data_dir, storage_url)
    quick = timings or SignalTimings(sweep_seconds=0.1)
    settings = replace(settings, timings=replace(settings.timings, signals=quick))
    async with served(settings) as world:
        entered = TradingWorld(world)
        try:
            yield entered
        finally:
            for trader in entered.traders:
                await trader.bridge.close()


async def desk_of(entered: TradingWorld, name: str = "ann", login: int = 1001) -> Desk:
    """Return a trader with a terminal that deals."""
    trader = await entered.trader(name, login)
    return Desk(trader, await Dealer(trader.bridge).start())
