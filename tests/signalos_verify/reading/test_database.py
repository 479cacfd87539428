"""The checker reads what the server writes, from either engine, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalos.v1 import command_pb2
from signalos_verify.domain.check import check
from signalos_verify.domain.records import Records, Terms
from signalos_verify.reading.database import read_database
from signalos_verify.reading.errors import RecordUnreadable
from tests.signalos_server.trading_world import trading


async def test_what_the_server_recorded_is_read_from_either_engine(storage_url: str, tmp_path: Path) -> None:
    async with trading(tmp_path, storage_url) as world:
        trader = await world.trader("ann", 1001)
        trade_id = await trader.with_position()
        closed = await trader.trades.CloseTrade(trader.close_request(trade_id), metadata=trader.metadata)
        assert closed.command.state == command_pb2.COMMAND_STATE_SUCCEEDED

        database = read_database(storage_url)

        (command,) = database.commands.values()
        (leg,) = command.legs
        account = database.accounts[trader.account_id]
        (bridge,) = database.bridges
        (trade,) = database.trades
        assert (command.state, command.kind, command.offered_epoch) == ("SUCCEEDED", "close", 1)
        assert (leg.state, str(leg.filled_volume_lots), leg.position_identifier) == ("DONE", "0.1", 77)
        assert (account.login, account.owner_user_id) == (1001, command.user_id)
        assert (bridge.session_epoch, bridge.journal_id) == (1, trader.bridge.journal_id)
        assert (trade.trade_id, trade.state, str(trade.volume_lots)) == (trade_id, "OPEN", "0.1")
        assert database.streams[command.user_id].seq == len(database.events)
        told = {(event.kind, event.bridge_epoch) for event in database.events if event.bridge_id}
        assert ("trade_opened", 1) in told
        assert not check(Records(database), Terms()).violations


def test_a_database_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordUnreadable, match="there is no database at"):
        read_database(f"sqlite:///{tmp_path / 'none.sqlite3'}")

    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database")

    with pytest.raises(RecordUnreadable, match="cannot be read"):
        read_database(f"sqlite:///{tmp_path / 'file'}")
