"""The ledger, and the broker that is rebuilt from it."""

import os
import threading
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from signalos_bridge.emulator import metatrader5
from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.broker import Broker
from signalos_bridge.emulator.domain.changes import Cause
from signalos_bridge.emulator.domain.entities import AccountTerms
from signalos_bridge.emulator.faults import DealLater
from signalos_bridge.emulator.instance import AlreadyRunning, single_instance
from signalos_bridge.emulator.ledger import (
    LEDGER_FILE,
    Answered,
    DealRecord,
    LedgerCorrupt,
    PositionRecord,
    Received,
    Started,
    read_ledger,
)
from signalos_bridge.emulator.operator_messages import SymbolChange, TerminalChange
from signalos_bridge.emulator.settings import BrokerSettings, ClockMode
from tests.signalos_bridge.emulator.processes import BrokerProcess
from tests.signalos_bridge.emulator.test_metatrader5 import BUY

D = Decimal


def a_broker(directory: Path) -> Broker:
    return Broker(BrokerSettings(directory, clock_mode=ClockMode.STEPPED))


class TestFile:
    def test_a_torn_last_line_is_cut_and_said(self, tmp_path: Path) -> None:
        a_broker(tmp_path).close()
        whole = (tmp_path / LEDGER_FILE).read_bytes()
        with (tmp_path / LEDGER_FILE).open("ab") as file:
            file.write(b'[{"kind":"position_gone","login"')

        assert len(list(read_ledger(tmp_path))) == len(list(read_ledger(tmp_path / LEDGER_FILE)))
        a_broker(tmp_path).close()

        assert (tmp_path / LEDGER_FILE).read_bytes().startswith(whole)
        starts = [one for one in read_ledger(tmp_path) if isinstance(one, Started)]
        assert [one.cut_bytes for one in starts] == [0, 32]

    def test_a_broken_line_before_the_last_is_an_error(self, tmp_path: Path) -> None:
        a_broker(tmp_path).close()
        path = tmp_path / LEDGER_FILE
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([lines[0], b"rubbish\n", *lines[1:]]))

        with pytest.raises(LedgerCorrupt, match="line 2"):
            list(read_ledger(path))
        with pytest.raises(LedgerCorrupt):
            a_broker(tmp_path)

    def test_one_process_owns_a_directory(self, tmp_path: Path) -> None:
        with single_instance(tmp_path), pytest.raises(AlreadyRunning), single_instance(tmp_path):
            pass
        with single_instance(tmp_path):
            pass


@pytest.mark.integration
class TestRecords:
    def test_a_request_is_recorded_as_received_with_its_answer_and_its_deal(
        self, mt5: ModuleType, admin: BrokerAdmin, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = mt5.order_send(BUY | {"magic": 5, "comment": "tag", "volume": 0.30000000000000004})
        done = mt5.order_send(BUY | {"magic": 6})

        records = admin.ledger()
        first, second = [one for one in records if isinstance(one, Received)]
        assert first.request == BUY | {"magic": 5, "comment": "tag", "volume": 0.30000000000000004}
        assert (first.serial, first.login, first.terminal) == (1, 5001, "5001")
        assert first.pid == os.getpid()
        refused, accepted = [one for one in records if isinstance(one, Answered)]
        assert (refused.serial, refused.retcode, refused.told_retcode) == (1, result.retcode, 10014)
        assert (accepted.serial, accepted.deal, accepted.order) == (
            second.serial,
            done.deal,
            done.order,
        )
        (deal,) = [one for one in records if isinstance(one, DealRecord) and one.deal.symbol]
        assert (deal.deal.serial, deal.cause, deal.deal.ticket) == (
            second.serial,
            Cause.REQUEST,
            done.deal,
        )

    def test_numbers_that_json_has_not_are_recorded_by_name(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        assert mt5.order_send(BUY | {"volume": float("nan")}).retcode == 10014
        assert mt5.order_send(BUY | {"sl": float("inf")}).retcode == 10016

        first, second = [one for one in admin.ledger() if isinstance(one, Received)]
        assert (first.request["volume"], second.request["sl"]) == ("nan", "inf")

    def test_what_no_request_explains_is_recorded_with_its_cause(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        stopped = mt5.order_send(BUY | {"sl": 1.08}).order
        by_hand = mt5.order_send(BUY).order
        admin.set_price("EURUSD", "1.07000", "1.07010")
        admin.close_by_hand(5001, by_hand)

        causes = {
            one.deal.position_id: (one.cause, one.deal.serial)
            for one in admin.ledger()
            if isinstance(one, DealRecord) and one.cause is not Cause.REQUEST
        }
        assert causes[stopped] == (Cause.STOP_LOSS, None)
        assert causes[by_hand] == (Cause.HAND, None)


@pytest.mark.integration
class TestRestart:
    def state(self, admin: BrokerAdmin) -> list[Any]:
        return [
            [
                admin.account(login),
                admin.positions(login),
                admin.orders(login),
                admin.order_history(login),
                admin.deals(login),
            ]
            for login in (5001, 5002)
        ] + [admin.terminals(), admin.symbol_specs(), admin.quote("EURUSD"), admin.clock()]

    def test_a_killed_broker_comes_back_as_it_was(
        self, broker: BrokerProcess, admin: BrokerAdmin, mt5: ModuleType
    ) -> None:
        first = mt5.order_send(BUY | {"magic": 1 << 63}).order
        mt5.order_send(BUY | {"type": mt5.ORDER_TYPE_SELL, "position": first, "volume": 0.04})
        pending = BUY | {"action": 5, "type": 2, "type_filling": 2, "price": 1.08}
        mt5.order_send(pending)
        mt5.order_send(pending | {"price": 1.07})
        admin.cancel_by_hand(5001, admin.orders(5001)[0].ticket)
        admin.deposit(5002, 500)
        admin.set_symbol("GBPUSD", SymbolChange(stops_level_points=40, closed=True))
        admin.set_terminal(5001, TerminalChange(trade_allowed=False))
        admin.step(90_000)
        before = self.state(admin)

        broker.kill()
        broker.start()

        with broker.admin() as again:
            assert self.state(again) == before
            assert [one.login for one in again.terminals()] == [5001, 5002]
            # Tickets and serials go on where they were.
            again.set_terminal(5001, TerminalChange(trade_allowed=True))
            mt5.shutdown()
            assert mt5.initialize(broker.url(5001))
            known = {one.ticket for one in again.order_history(5001)} | {first}
            assert mt5.order_send(BUY).order not in known
            serials = [one.serial for one in again.ledger() if isinstance(one, Received)]
            assert serials == list(range(1, len(serials) + 1))

    def test_an_order_that_was_accepted_is_dealt_after_the_restart(
        self, broker: BrokerProcess, admin: BrokerAdmin, mt5: ModuleType
    ) -> None:
        admin.add_fault(DealLater(milliseconds=1_000))
        placed = mt5.order_send(BUY)
        assert (placed.retcode, placed.deal) == (10008, 0)

        broker.kill()
        broker.start()
        with broker.admin() as again:
            again.step(1_000)
            assert [one.ticket for one in again.positions(5001)] == [placed.order]

    def test_an_account_made_while_it_ran_is_there_again(
        self, broker: BrokerProcess, admin: BrokerAdmin
    ) -> None:
        admin.create_account(AccountTerms(6001, "JPY", 0), 1_000_000)
        broker.kill()
        broker.start()
        assert metatrader5.initialize(broker.url(6001))
        try:
            assert metatrader5.account_info().balance == 1_000_000.0
        finally:
            metatrader5.shutdown()

    def test_prices_go_on_after_a_restart_as_without_one(self, tmp_path: Path) -> None:
        def run(directory: Path, *, restart: bool) -> list[Any]:
            broker = BrokerProcess(directory, "--clock", "stepped", "--seed", "5")
            broker.start()
            try:
                for _ in range(3):
                    with broker.admin() as admin:
                        admin.step(20_000)
                    if restart:
                        broker.kill()
                        broker.start()
                with broker.admin() as admin:
                    return [admin.quote(one.name) for one in admin.symbol_specs()]
            finally:
                broker.stop()

        assert run(tmp_path / "a", restart=True) == run(tmp_path / "b", restart=False)

    def test_a_real_clock_goes_on_and_its_ticks_stay_in_order(self, tmp_path: Path) -> None:
        broker = BrokerProcess(tmp_path, "--tick-interval", "20")
        broker.start()
        with broker.admin() as admin:
            admin.set_price("EURUSD", "1.20000", "1.20010")
            before = admin.clock()
        broker.kill()
        broker.start()
        try:
            with broker.admin() as admin:
                assert admin.clock().utc_ms >= before.utc_ms
                assert abs(admin.quote("EURUSD")[0] - D("1.2")) < D("0.01")
            assert metatrader5.initialize(broker.url())
            times = metatrader5.copy_ticks_from("EURUSD", 0, 10_000, metatrader5.COPY_TICKS_ALL)
            assert list(times["time_msc"]) == sorted(times["time_msc"])
        finally:
            metatrader5.shutdown()
            broker.stop()

    def test_a_broker_stops_in_order(self, tmp_path: Path) -> None:
        broker = BrokerProcess(tmp_path)
        broker.start()
        assert broker.stop() == 0


@pytest.mark.integration
def test_nothing_that_was_answered_is_lost_when_the_broker_is_killed_under_load(
    broker: BrokerProcess, admin: BrokerAdmin, mt5: ModuleType
) -> None:
    answered: list[int] = []

    def trade() -> None:
        while True:
            result = mt5.order_send(BUY | {"volume": 0.01, "magic": len(answered)})
            if result is None:
                return
            answered.append(result.deal)

    trader = threading.Thread(target=trade)
    trader.start()
    while len(answered) < 50:
        pass
    broker.kill()
    trader.join(20)

    recorded = [
        one.deal.ticket
        for one in read_ledger(broker.data_dir)
        if isinstance(one, DealRecord) and one.deal.symbol
    ]
    assert set(answered) <= set(recorded)
    # At most the one that was under way is recorded without having been answered.
    assert len(recorded) - len(answered) <= 1
    positions = [one for one in read_ledger(broker.data_dir) if isinstance(one, PositionRecord)]
    assert len(positions) == len(recorded)
    broker.start()
    with broker.admin() as again:
        assert [one.ticket for one in again.deals(5001) if one.symbol] == recorded


@pytest.mark.integration
def test_two_brokers_of_one_seed_agree_to_the_last_deal(tmp_path: Path, mt5: ModuleType) -> None:
    mt5.shutdown()

    def run(directory: Path) -> list[Any]:
        broker = BrokerProcess(directory, "--clock", "stepped", "--seed", "77")
        broker.start()
        try:
            assert mt5.initialize(broker.url())
            with broker.admin() as admin:
                for _ in range(8):
                    tick = mt5.symbol_info_tick("EURUSD")
                    levels = {"sl": round(tick.bid - 0.0002, 5), "tp": round(tick.bid + 0.0002, 5)}
                    mt5.order_send(BUY | levels)
                    admin.step(15_000)
                assert len(admin.deals(5001)) > 9
                return [admin.deals(5001), admin.positions(5001), admin.account(5001)]
        finally:
            mt5.shutdown()
            broker.stop()

    assert run(tmp_path / "one") == run(tmp_path / "other")
