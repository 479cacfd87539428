"""Each fault, as the caller sees it, and as the ledger knows it."""

import itertools
import threading
import time
from decimal import Decimal
from types import ModuleType

import pytest

from signalos_bridge.emulator.admin import AdminRefused, BrokerAdmin
from signalos_bridge.emulator.domain.codes import Reason
from signalos_bridge.emulator.faults import (
    CallKey,
    Delay,
    Faults,
    HoldGil,
    Lag,
    NotSynchronised,
    PartialFill,
    Phase,
    Reject,
    RewriteComment,
    TellNone,
    TellRetcode,
    Unseen,
    ZeroBalance,
)
from signalos_bridge.emulator.ledger import Answered, FaultRecord
from signalos_bridge.emulator.operator_messages import (
    PlaceByHand,
    SymbolChange,
    TerminalChange,
    TermsChange,
)
from tests.signalos_bridge.emulator.test_metatrader5 import BUY

D = Decimal


class TestScope:
    def test_a_fault_strikes_what_is_in_its_scope_as_often_as_it_says(self) -> None:
        faults = Faults()
        number = faults.add(Reject(retcode=10004, symbol="EURUSD", count=2, skip=1))
        order = CallKey("order_send", 5001, "EURUSD", 1)

        plans = [faults.plan(order) for _ in range(4)]

        assert [plan.reject is not None for plan in plans] == [False, True, True, False]
        assert faults.plan(CallKey("order_send", 5001, "GBPUSD", 1)).reject is None
        assert [(one.identifier, one.struck) for one in faults.active()] == [(number, 2)]
        assert faults.clear(number) == [number]
        assert faults.clear(number) == []

    def test_faults_of_orders_leave_other_calls_alone(self) -> None:
        faults = Faults()
        faults.add(TellRetcode())
        faults.add(NotSynchronised())
        assert faults.plan(CallKey("account_info", 5001)).faults == ()
        assert faults.plan(CallKey("positions_get", 5001)).empty is True

    def test_faults_strike_together(self) -> None:
        faults = Faults()
        faults.add(Delay(milliseconds=5))
        faults.add(TellNone(code=-10005))
        plan = faults.plan(CallKey("order_send", 1))
        assert (plan.delay_before_ms, plan.faults) == (5, (1, 2))
        assert plan.tell_none is not None


@pytest.mark.integration
class TestOrders:
    def last_answer(self, admin: BrokerAdmin) -> Answered:
        return [one for one in admin.ledger() if isinstance(one, Answered)][-1]

    def test_a_requote_and_any_other_refusal(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(Reject(retcode=10004, count=1))
        requote = mt5.order_send(BUY)
        assert (requote.retcode, requote.bid, requote.ask) == (10004, 1.085, 1.0851)
        assert mt5.order_send(BUY).retcode == 10009
        admin.add_fault(Reject(retcode=10006, comment="Dealer says no"))
        assert mt5.order_send(BUY).comment == "Dealer says no"
        with pytest.raises(AdminRefused):
            admin.add_fault(Reject(retcode=1))

    def test_a_time_out_after_the_deal(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(TellRetcode(retcode=10012, count=1))
        told = mt5.order_send(BUY)
        assert (told.retcode, told.deal, told.order) == (10012, 0, 0)
        assert mt5.positions_total() == 1
        answer = self.last_answer(admin)
        assert (answer.retcode, answer.told_retcode, answer.faults) == (10009, 10012, (1,))

    @pytest.mark.parametrize("code", [-1, -10000, -10001, -10002, -10005])
    def test_none_after_the_deal(self, mt5: ModuleType, admin: BrokerAdmin, code: int) -> None:
        admin.add_fault(TellNone(code=code, function="order_send", count=1))
        assert mt5.order_send(BUY) is None
        assert mt5.last_error()[0] == code
        assert mt5.positions_total() == 1
        answer = self.last_answer(admin)
        assert (answer.retcode, answer.told_retcode, answer.told_error) == (10009, None, code)

    def test_none_and_no_deal(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(TellNone(code=-10004, executed=False, function="order_send", count=1))
        assert mt5.order_send(BUY) is None
        assert mt5.last_error() == (-10004, "No IPC connection")
        assert mt5.positions_total() == 0
        assert (self.last_answer(admin).retcode, self.last_answer(admin).told_error) == (0, -10004)

    def test_a_partial_fill(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(PartialFill(volume=D("0.03"), count=1))
        told = mt5.order_send(BUY)
        assert (told.retcode, told.volume) == (10010, 0.03)
        assert mt5.positions_get()[0].volume == 0.03

    def test_a_rewritten_comment(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(RewriteComment(comment="broker:{comment}", count=1))
        admin.add_fault(RewriteComment(skip=1))
        mt5.order_send(BUY | {"comment": "tag"})
        mt5.order_send(BUY | {"comment": "tag"})
        assert [one.comment for one in mt5.positions_get()] == ["broker:tag", ""]
        assert mt5.history_deals_get(0, 2_000_000_000)[-2].comment == "broker:tag"

    def test_a_closed_market_and_a_wider_spread(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_symbol("EURUSD", SymbolChange(closed=True))
        assert mt5.order_send(BUY).retcode == 10018
        admin.set_symbol("EURUSD", SymbolChange(closed=None, spread_factor=D(10)))
        tick = mt5.symbol_info_tick("EURUSD")
        assert round(tick.ask - tick.bid, 5) == 0.0008

    def test_levels_of_a_symbol_change_while_it_runs(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_symbol("EURUSD", SymbolChange(stops_level_points=100, freeze_level_points=20))
        info = mt5.symbol_info("EURUSD")
        assert (info.trade_stops_level, info.trade_freeze_level) == (100, 20)
        assert mt5.order_send(BUY | {"sl": 1.0845}).retcode == 10016


@pytest.mark.integration
class TestCalls:
    def test_a_delay_holds_the_caller_and_nobody_else(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(Delay(milliseconds=300, function="order_send", count=1))
        began = time.monotonic()
        waiting = threading.Thread(target=lambda: mt5.order_send(BUY))
        waiting.start()
        assert admin.positions(5001) == []
        assert time.monotonic() - began < 0.25
        waiting.join()
        assert time.monotonic() - began >= 0.3
        assert len(admin.positions(5001)) == 1

    def test_a_delay_after_the_deal(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.add_fault(Delay(milliseconds=300, phase=Phase.AFTER, count=1))
        waiting = threading.Thread(target=lambda: mt5.order_send(BUY))
        waiting.start()
        end = time.monotonic() + 5
        while not admin.positions(5001) and time.monotonic() < end:
            pass
        assert waiting.is_alive()
        waiting.join()

    @pytest.mark.parametrize("phase", list(Phase))
    def test_a_call_that_holds_the_gil_stops_every_thread(
        self, mt5: ModuleType, admin: BrokerAdmin, phase: Phase
    ) -> None:
        admin.add_fault(HoldGil(milliseconds=400, phase=phase, function="order_send", count=1))
        beats: list[float] = []
        done = threading.Event()

        def beat() -> None:
            while not done.is_set():
                beats.append(time.monotonic())
                done.wait(0.005)

        thread = threading.Thread(target=beat)
        thread.start()
        assert mt5.order_send(BUY).retcode == 10009
        done.set()
        thread.join()

        gaps = [later - earlier for earlier, later in itertools.pairwise(beats)]
        assert max(gaps) >= 0.38

    def test_a_lost_pipe_lasts_until_it_is_mended(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        number = admin.add_fault(TellNone(code=-10004, executed=False))
        assert mt5.positions_get() is None
        assert mt5.terminal_info() is None
        assert mt5.order_send(BUY) is None
        assert mt5.last_error()[0] == -10004
        admin.clear_faults(number)
        assert mt5.positions_get() == ()

    def test_a_terminal_that_lost_its_server(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_terminal(5001, TerminalChange(connected=False))
        assert mt5.terminal_info().connected is False
        assert mt5.order_send(BUY).retcode == 10031
        assert mt5.positions_get() == ()

    def test_an_initialisation_that_times_out(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        mt5.shutdown()
        admin.add_fault(Delay(milliseconds=2_000, function="initialize", count=1))
        assert mt5.initialize(admin.address.url(5001), timeout=100) is False
        assert mt5.last_error() == (-10005, "IPC timeout")
        assert mt5.initialize(admin.address.url(5001)) is True

    def test_what_has_not_synchronised_reads_as_empty_and_as_poor(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        mt5.order_send(BUY)
        admin.add_fault(NotSynchronised(count=2))
        admin.add_fault(ZeroBalance(count=1))
        assert mt5.positions_get() == ()
        assert mt5.history_deals_get(0, 2_000_000_000) == ()
        assert mt5.account_info().balance == 0.0
        assert mt5.positions_total() == 1
        assert mt5.account_info().balance > 0

    def test_one_position_or_order_can_vanish_without_a_trace(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        kept, lost = mt5.order_send(BUY).order, mt5.order_send(BUY).order
        admin.add_fault(Unseen(ticket=lost))
        admin.close_by_hand(5001, lost)
        assert [one.ticket for one in mt5.positions_get()] == [kept]
        assert (mt5.positions_total(), mt5.positions_get(ticket=lost)) == (1, ())
        assert mt5.history_deals_get(position=lost) == ()
        assert lost not in [one.position_id for one in mt5.history_deals_get(0, 2_000_000_000)]
        assert lost not in [one.position_id for one in mt5.history_orders_get(0, 2_000_000_000)]
        admin.clear_faults()
        assert len(mt5.history_deals_get(position=lost)) == 2

    def test_what_is_done_by_hand_or_by_another_program_has_its_reason(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        for reason in (Reason.CLIENT, Reason.MOBILE, Reason.WEB, Reason.EXPERT):
            order = PlaceByHand(action=1, symbol="EURUSD", volume=0.1, type=0, reason=reason)
            ticket = admin.place_by_hand(5001, order).order
            (position,) = mt5.positions_get(ticket=ticket)
            admin.close_by_hand(5001, ticket, reason=reason)
            assert position.reason == reason
            assert [deal.reason for deal in mt5.history_deals_get(position=ticket)] == [reason, reason]

    def test_a_lagging_terminal_shows_the_past(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        ticket = mt5.order_send(BUY).order
        admin.add_fault(Lag(milliseconds=200))
        deal = mt5.order_send(BUY | {"type": mt5.ORDER_TYPE_SELL, "position": ticket}).deal

        assert [one.ticket for one in mt5.positions_get()] == [ticket]
        assert deal not in [one.ticket for one in mt5.history_deals_get(position=ticket)]
        admin.step(199)
        assert mt5.positions_total() == 1
        admin.step(1)
        assert mt5.positions_get() == ()
        assert deal in [one.ticket for one in mt5.history_deals_get(position=ticket)]


@pytest.mark.integration
class TestHands:
    def test_a_person_closes_moves_and_places(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        ticket = mt5.order_send(BUY | {"sl": 1.08}).order
        admin.modify_by_hand(5001, ticket, "1.07", "0")
        assert mt5.positions_get()[0].sl == 1.07
        admin.close_by_hand(5001, ticket, "0.04")
        (position,) = mt5.positions_get()
        assert position.volume == 0.06
        out = mt5.history_deals_get(position=ticket)[-1]
        assert (out.reason, out.magic) == (mt5.DEAL_REASON_CLIENT, 0)
        placed = admin.place_by_hand(
            5001, PlaceByHand(action=1, symbol="EURUSD", volume=0.2, type=1, type_filling=1)
        )
        assert placed.retcode == 10009
        assert admin.positions(5001)[-1].reason is Reason.CLIENT
        with pytest.raises(AdminRefused):
            admin.close_by_hand(5001, 404)

    def test_somebody_switches_the_account(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        mt5.order_send(BUY)
        admin.set_terminal(5001, TerminalChange(login=5002))
        info = mt5.account_info()
        assert (info.login, info.trade_mode, info.margin_mode) == (5002, 2, 0)
        assert mt5.positions_get() == ()
        admin.set_terminal(5001, TerminalChange(login=5001))
        assert mt5.positions_total() == 1

    def test_money_comes_and_goes(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.deposit(5001, D("250.50"))
        admin.deposit(5001, -50, comment="Withdrawal")
        admin.deposit(5001, 100, credit=True)
        info = mt5.account_info()
        assert (info.balance, info.credit, info.equity) == (100_200.5, 100.0, 100_300.5)
        last = mt5.history_deals_get(0, 2_000_000_000)[-2:]
        assert [one.type for one in last] == [mt5.DEAL_TYPE_BALANCE, mt5.DEAL_TYPE_CREDIT]

    def test_the_server_switches_automated_trading_off(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_account(5001, TermsChange(trade_expert=False))
        assert mt5.account_info().trade_expert is False
        assert mt5.order_send(BUY).retcode == 10026

    def test_a_gap_is_one_tick(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        mt5.order_send(BUY | {"sl": 1.08})
        admin.jump("EURUSD", -1_000)
        assert admin.quote("EURUSD") == (D("1.07500"), D("1.07510"))
        assert admin.deals(5001)[-1].price == D("1.07500")

    def test_faults_are_listed_and_recorded(self, admin: BrokerAdmin) -> None:
        number = admin.add_fault(Lag(milliseconds=5, login=5001))
        assert [one.fault for one in admin.faults()] == [Lag(milliseconds=5, login=5001)]
        assert admin.clear_faults() == [number]
        switched = [one for one in admin.ledger() if isinstance(one, FaultRecord)]
        assert [(one.identifier, one.active) for one in switched] == [(number, True), (number, False)]
