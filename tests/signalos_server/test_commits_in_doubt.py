"""A commit of which nobody knows whether it holds leaves no command that no bridge is handed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from signalos.v1 import (
    account_pb2,
    account_service_pb2,
    command_pb2,
    command_service_pb2,
    trade_pb2,
    trade_service_pb2,
)
from signalos_server.adapters.storage.trading.storage import SqlStorage
from signalos_server.domain.command import Command
from signalos_server.domain.errors import CommitUnknown
from signalos_server.service.bridge_facts import Offered
from signalos_server.service.unit_effects import OutcomeCommitted
from tests.signalos_server.trading_world import Trader, eventually, trading

pytestmark = pytest.mark.integration

SUCCEEDED = command_pb2.COMMAND_STATE_SUCCEEDED


def doubt_once(monkeypatch: pytest.MonkeyPatch, of: Callable[[Any], bool]) -> list[Any]:
    """Commit, and then break the link to the database: once, for a unit whose result `of` is meant.

    Returns what was committed so, once it was.
    """
    done: list[Any] = []
    real = SqlStorage.run

    async def run(self: SqlStorage, unit: Callable[[Any], Any]) -> Any:
        result = await real(self, unit)
        if not done and of(result):
            done.append(result)
            raise CommitUnknown("the link to the database broke inside a commit")
        return result

    monkeypatch.setattr(SqlStorage, "run", run)
    return done


def accepted(result: Any) -> bool:
    return isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], Command)


def open_request(request_id: str, wait_milliseconds: int) -> trade_service_pb2.OpenTradeRequest:
    request = trade_service_pb2.OpenTradeRequest(
        request_id=request_id, symbol="EURUSD", side=trade_pb2.SIDE_BUY, volume_lots=0.1
    )
    request.wait.FromMilliseconds(wait_milliseconds)
    request.time_to_live.FromMilliseconds(20_000)
    return request


async def succeeded(trader: Trader) -> list[command_pb2.Command] | None:
    listed = await trader.commands.ListCommands(
        command_service_pb2.ListCommandsRequest(), metadata=trader.metadata
    )
    return list(listed.commands) if all(one.state == SUCCEEDED for one in listed.commands) else None


async def test_a_command_whose_acceptance_is_in_doubt_is_handed_over_without_being_asked_for_again(
    tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        committed = doubt_once(monkeypatch, accepted)

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await trader.trades.OpenTrade(open_request("r1", 5000), metadata=trader.metadata)

        assert refused.value.code() is grpc.StatusCode.UNKNOWN
        assert committed[0][0].offered_epoch is not None
        assert len(await eventually(lambda: succeeded(trader))) == 1
        assert len(trader.bridge.deliveries) == 1


async def test_who_asks_again_after_a_doubtful_acceptance_has_its_outcome_in_the_same_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)
        doubt_once(monkeypatch, accepted)
        monkeypatch.setattr("signalos_server.service.commands._SWEEP_SECONDS", 60.0)
        request = open_request("r1", 5000)
        with pytest.raises(grpc.aio.AioRpcError):
            await trader.trades.OpenTrade(request, metadata=trader.metadata)

        again = await trader.trades.OpenTrade(request, metadata=trader.metadata)

        assert again.command.state == SUCCEEDED
        assert len(trader.bridge.deliveries) == 1


async def test_an_outcome_whose_commit_is_in_doubt_is_in_the_answer_of_who_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path) as world:
        trader = await world.trader("ann", 1)

        def has_outcome(result: Any) -> bool:
            return isinstance(result, list) and any(isinstance(one, OutcomeCommitted) for one in result)

        committed = doubt_once(monkeypatch, has_outcome)

        answer = await trader.trades.OpenTrade(open_request("r1", 1500), metadata=trader.metadata)

        assert committed
        assert answer.command.state == SUCCEEDED


async def test_what_a_new_session_is_offered_in_a_doubtful_commit_is_handed_over_in_it(
    tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1)
        await trader.bridge.close()

        async def away() -> bool | None:
            listed = await trader.client.accounts.ListAccounts(
                account_service_pb2.ListAccountsRequest(), metadata=trader.metadata
            )
            state = listed.accounts[0].bridge.state
            return True if state == account_pb2.BRIDGE_STATE_DISCONNECTED else None

        await eventually(away)
        await trader.trades.OpenTrade(open_request("r1", 0), metadata=trader.metadata)
        committed = doubt_once(monkeypatch, lambda result: isinstance(result, Offered) and bool(result.sent))

        await trader.bridge.connect()

        assert len(await eventually(lambda: succeeded(trader))) == 1
        assert len(committed[0].sent) == 1
        assert len(trader.bridge.deliveries) == 1
