"""The client module behaves as the package does."""

import pickle
from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from signalos_bridge.emulator import metatrader5
from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.operator_messages import SymbolChange, TerminalChange
from tests.signalos_bridge.emulator.processes import BrokerProcess

pytestmark = pytest.mark.integration

BUY: dict[str, Any] = {
    "action": metatrader5.TRADE_ACTION_DEAL,
    "symbol": "EURUSD",
    "volume": 0.1,
    "type": metatrader5.ORDER_TYPE_BUY,
    "type_filling": metatrader5.ORDER_FILLING_IOC,
}


def invalid(mt5: ModuleType, text: str) -> bool:
    return bool(mt5.last_error() == (-2, text))


class TestInitialize:
    def test_nothing_works_before_it(self, broker: BrokerProcess) -> None:
        assert metatrader5.positions_get() is None
        assert metatrader5.last_error() == (-10004, "No IPC connection")
        assert metatrader5.symbol_select("EURUSD") is False

    def test_an_unknown_terminal_or_address_is_not_found(self, broker: BrokerProcess) -> None:
        assert metatrader5.initialize(broker.url(404)) is False
        assert metatrader5.last_error()[0] == -10003
        assert metatrader5.initialize("C:\\terminal64.exe") is False
        assert metatrader5.last_error()[0] == -10003
        assert metatrader5.initialize(path=5) is False
        assert invalid(metatrader5, 'Invalid "path" argument')
        assert metatrader5.initialize(broker.url(), broker.url()) is False
        assert invalid(metatrader5, "Invalid number of arguments")

    def test_the_address_may_come_from_the_environment(
        self, broker: BrokerProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SIGNALOS_EMULATOR", broker.url(5002))
        assert metatrader5.initialize() is True
        assert metatrader5.account_info().login == 5002
        assert metatrader5.shutdown() is True

    def test_another_terminal_needs_a_shutdown_first(self, mt5: ModuleType, broker: BrokerProcess) -> None:
        assert mt5.initialize(broker.url(5001)) is True
        assert mt5.initialize(broker.url(5002)) is False
        mt5.shutdown()
        assert mt5.initialize(path=broker.url(5002), timeout=1000, portable=True) is True

    def test_login_switches_the_terminals_account(self, mt5: ModuleType) -> None:
        assert mt5.login(5002) is True
        assert (mt5.account_info().login, mt5.account_info().currency) == (5002, "EUR")
        assert mt5.login(404) is False
        assert mt5.last_error() == (-6, "Terminal: Authorization failed")
        assert mt5.login(login=5001, server="Elsewhere") is False
        assert mt5.login("x") is False
        assert invalid(mt5, "Invalid 1st unnamed argument")

    def test_a_broker_that_died_is_noticed_in_the_call_and_after_it(
        self, mt5: ModuleType, broker: BrokerProcess
    ) -> None:
        broker.kill()
        assert mt5.order_send(BUY) is None
        assert mt5.last_error()[0] in (-10001, -10002)
        assert mt5.positions_total() is None
        assert mt5.last_error() == (-10004, "No IPC connection")
        broker.start()
        assert mt5.initialize(broker.url(5001)) is True
        assert mt5.positions_total() == 0


class TestArguments:
    def test_an_empty_mapping_of_keywords_beside_a_request_is_refused(self, mt5: ModuleType) -> None:
        assert mt5.order_send(BUY, **{}) is None
        assert invalid(mt5, "Unnamed arguments not allowed")
        assert mt5.order_check(BUY, **{}) is None
        assert mt5.positions_get("EURUSD") is None
        assert invalid(mt5, "Unnamed arguments not allowed")
        assert mt5.orders_get("EURUSD", **{}) is None
        assert mt5.positions_total() == 0

    def test_a_request_may_be_given_as_keywords(self, mt5: ModuleType) -> None:
        assert mt5.order_send(**BUY).retcode == mt5.TRADE_RETCODE_DONE

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("volume", 1),
            ("volume", "0.1"),
            ("volume", None),
            ("price", 1),
            ("sl", 0),
            ("tp", Decimal("1.2")),
            ("type", 0.0),
            ("type", -1),
            ("action", "1"),
            ("magic", -1),
            ("magic", 1 << 64),
            ("magic", np.int64(5)),
            ("position", 1.0),
            ("deviation", 2.5),
            ("expiration", datetime(2026, 1, 6, tzinfo=UTC)),
            ("symbol", 5),
            ("symbol", "E" * 30),
            ("comment", "x" * 30),
            ("comment", "\N{CHART WITH UPWARDS TREND}" * 15),
            ("comment", None),
        ],
    )
    def test_a_field_of_another_type_or_size_never_leaves_the_process(
        self, mt5: ModuleType, admin: BrokerAdmin, field: str, value: object
    ) -> None:
        before = len(admin.ledger())

        assert mt5.order_send(BUY | {field: value}) is None

        assert invalid(mt5, f'Invalid "{field}" argument')
        assert len(admin.ledger()) == before

    def test_what_is_at_the_limit_passes(self, mt5: ModuleType) -> None:
        magic = (1 << 64) - 1
        result = mt5.order_send(
            BUY | {"comment": "x" * 29, "magic": magic, "volume": np.float64(0.1), "unknown": object()}
        )
        assert result.retcode == mt5.TRADE_RETCODE_DONE
        (position,) = mt5.positions_get()
        assert (position.magic, position.comment) == (magic, "x" * 29)

    def test_wrong_numbers_of_arguments_are_refused(self, mt5: ModuleType) -> None:
        assert mt5.order_send() is None
        assert invalid(mt5, "Invalid number of arguments")
        assert mt5.order_send([1]) is None
        assert invalid(mt5, "Invalid arguments")
        assert mt5.symbol_info() is None
        assert invalid(mt5, "Invalid arguments")
        assert mt5.history_deals_get() is None
        assert invalid(mt5, "Invalid arguments")
        assert mt5.history_deals_get(1, ticket=5) is None
        assert invalid(mt5, "Unnamed arguments not allowed")
        assert mt5.copy_rates_from_pos("EURUSD", mt5.TIMEFRAME_M1, 0) is None
        with pytest.raises(TypeError):
            mt5.account_info(1)
        with pytest.raises(TypeError):
            mt5.symbol_info(symbol="EURUSD")

    def test_a_good_call_clears_the_last_error(self, mt5: ModuleType) -> None:
        assert mt5.symbol_info("NOPE") is None
        assert mt5.last_error() == (-4, "Terminal: Not found")
        assert mt5.positions_get() == ()
        assert mt5.last_error() == (1, "Success")


class TestStructures:
    def test_they_are_tuples_with_names_and_nothing_of_a_named_tuple(self, mt5: ModuleType) -> None:
        result = mt5.order_send(BUY | {"magic": 5})

        assert result[0] == result.retcode == 10009
        assert result._asdict()["order"] == result.order
        assert result.request.symbol == "EURUSD"
        assert isinstance(result, tuple)
        assert isinstance(result, mt5.OrderSendResult)
        assert not hasattr(result, "_fields")
        assert not hasattr(result, "_replace")
        assert repr(mt5.positions_get()[0]).startswith("TradePosition(ticket=")
        with pytest.raises(AttributeError):
            result.retcode = 1
        with pytest.raises(TypeError):
            mt5.Tick((1, 2))
        assert pickle.loads(pickle.dumps(mt5.positions_get()[0])) == mt5.positions_get()[0]

    def test_a_refusal_has_zeros_and_the_request(self, mt5: ModuleType) -> None:
        result = mt5.order_send(BUY | {"volume": 0.001})

        assert (result.retcode, result.order, result.deal, result.volume) == (10014, 0, 0, 0.0)
        assert result.request.volume == 0.001

    def test_a_request_in_a_result_can_be_sent_again_as_a_dictionary_only(self, mt5: ModuleType) -> None:
        result = mt5.order_send(BUY)
        assert mt5.order_send(result.request) is None
        assert mt5.order_send(result.request._asdict()).retcode == 10009


class TestSymbols:
    def test_an_unselected_symbol_has_no_quotes_and_takes_no_orders(self, mt5: ModuleType) -> None:
        info = mt5.symbol_info("XAUUSD")
        assert (info.select, info.bid, info.ask, info.digits) == (False, 0.0, 0.0, 2)
        assert mt5.symbol_info_tick("XAUUSD") is None
        gold = BUY | {"symbol": "XAUUSD"}
        assert mt5.order_send(gold).retcode == mt5.TRADE_RETCODE_PRICE_OFF
        assert mt5.symbol_select("XAUUSD") is True
        assert mt5.symbol_info("XAUUSD").bid > 0
        assert mt5.order_send(gold).retcode == mt5.TRADE_RETCODE_DONE
        assert mt5.symbol_select("XAUUSD", False) is False

    def test_groups_filter_by_masks(self, mt5: ModuleType) -> None:
        names = {one.name for one in mt5.symbols_get("*USD, !EUR*")}
        assert "GBPUSD" in names
        assert "EURUSD" not in names
        assert "USDJPY" not in names
        assert len(mt5.symbols_get()) == mt5.symbols_total() == 19
        assert len(mt5.symbols_get(group="*JPY*")) == 3

    def test_filling_bits_are_not_filling_values(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_symbol("EURUSD", SymbolChange(filling_mask=1))
        assert mt5.symbol_info("EURUSD").filling_mode == 1
        assert mt5.order_send(BUY | {"type_filling": 1}).retcode == mt5.TRADE_RETCODE_INVALID_FILL
        fill_or_kill = BUY.copy()
        del fill_or_kill["type_filling"]
        assert mt5.order_send(fill_or_kill).retcode == mt5.TRADE_RETCODE_DONE


class TestTrading:
    def test_a_position_lives_from_its_order_to_its_closing_deal(
        self, mt5: ModuleType, admin: BrokerAdmin
    ) -> None:
        opened = mt5.order_send(BUY | {"sl": 1.08, "tp": 1.09, "magic": 3, "comment": "c"})
        (position,) = mt5.positions_get(ticket=opened.order)
        assert (position.price_open, position.price_current) == (1.0851, 1.085)
        assert position.profit == -1.0
        assert mt5.positions_get(symbol="GBPUSD") == ()
        assert mt5.positions_get(group="EUR*") == (position,)
        admin.set_price("EURUSD", "1.08600", "1.08610")
        levels = {"action": mt5.TRADE_ACTION_SLTP, "position": position.ticket, "symbol": "EURUSD"}
        assert mt5.order_send(levels | {"sl": 1.0855}).retcode == 10009
        assert mt5.order_send(levels | {"sl": 1.0855}).retcode == mt5.TRADE_RETCODE_NO_CHANGES
        assert (mt5.positions_get()[0].sl, mt5.positions_get()[0].tp) == (1.0855, 0.0)
        closed = mt5.order_send(BUY | {"type": mt5.ORDER_TYPE_SELL, "position": position.ticket})
        assert mt5.positions_get() == ()
        entry, out = mt5.history_deals_get(position=position.identifier)
        assert (entry.entry, out.entry) == (mt5.DEAL_ENTRY_IN, mt5.DEAL_ENTRY_OUT)
        assert out.profit == 9.0
        assert mt5.history_deals_get(ticket=closed.order) == (out,)
        assert len(mt5.history_orders_get(position=position.identifier)) == 2
        assert mt5.account_info().balance == pytest.approx(100_000 + 9.0 - 0.7)

    def test_times_are_the_brokers_wall_clock(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        mt5.order_send(BUY)
        (position,) = mt5.positions_get()
        now = admin.clock()
        assert position.time_msc == now.broker_ms == now.utc_ms + 7_200_000
        assert position.time == position.time_msc // 1000
        begin = datetime.fromtimestamp(position.time, UTC)
        assert mt5.history_deals_total(begin, position.time + 86_400) == 2
        assert mt5.history_deals_total(position.time + 1, position.time + 86_400) == 0

    def test_the_helpers_trade(self, mt5: ModuleType) -> None:
        fill_or_kill = mt5.Buy("EURUSD", 0.1, comment="helper")
        assert fill_or_kill.retcode == 10009
        assert mt5.Sell("EURUSD", 0.1).retcode == 10009
        assert mt5.Close("EURUSD") is True
        assert mt5.Close("EURUSD") is False

    def test_checks_say_zero_where_nothing_speaks_against_an_order(self, mt5: ModuleType) -> None:
        passed = mt5.order_check(BUY)
        assert (passed.retcode, passed.comment, passed.margin) == (0, "Done", 108.51)
        assert mt5.order_check(BUY | {"volume": 100.0}).retcode == mt5.TRADE_RETCODE_NO_MONEY
        assert mt5.positions_total() == 0

    def test_profit_and_margin_are_calculated_as_the_broker_books_them(self, mt5: ModuleType) -> None:
        assert mt5.order_calc_profit(mt5.ORDER_TYPE_BUY, "EURUSD", 1, 1.08, 1.081) == 100.0
        assert mt5.order_calc_margin(mt5.ORDER_TYPE_BUY, "EURUSD", 1.0, 1.08) == 1080.0
        assert mt5.order_calc_profit(5, "EURUSD", 1.0, 1.08, 1.081) is None

    def test_both_switches_for_automated_trading(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.set_terminal(5001, TerminalChange(trade_allowed=False))
        assert mt5.terminal_info().trade_allowed is False
        assert mt5.order_send(BUY).retcode == mt5.TRADE_RETCODE_CLIENT_DISABLES_AT
        admin.set_terminal(5001, TerminalChange(trade_allowed=True, tradeapi_disabled=True))
        assert mt5.terminal_info().tradeapi_disabled is True
        assert mt5.order_send(BUY) is None
        assert mt5.last_error() == (-8, "Auto-Trading using Python API disabled in Terminal")
        assert mt5.positions_get() == ()


class TestHistory:
    def test_ticks_come_as_arrays_from_the_second_on(self, mt5: ModuleType, admin: BrokerAdmin) -> None:
        admin.step(1_500)
        admin.set_price("EURUSD", "1.08600", "1.08610")
        last = mt5.symbol_info_tick("EURUSD")
        ticks = mt5.copy_ticks_from("EURUSD", last.time, 10, mt5.COPY_TICKS_ALL)
        assert ticks.dtype.names == (
            "time", "bid", "ask", "last", "volume", "time_msc", "flags", "volume_real"
        )  # fmt: skip
        assert ticks["bid"][-1] == last.bid == 1.086
        assert ticks["time_msc"][-1] == last.time_msc
        everything = mt5.copy_ticks_range("EURUSD", 0, last.time + 1, mt5.COPY_TICKS_INFO)
        assert list(everything["time_msc"]) == sorted(everything["time_msc"])
        assert len(mt5.copy_ticks_from("EURUSD", 0, 1, mt5.COPY_TICKS_ALL)) == 1
        assert len(mt5.copy_ticks_from("EURUSD", 0, 9, mt5.COPY_TICKS_TRADE)) == 0

    @pytest.mark.parametrize("timeframe", ["M1", "M15", "H1", "H4", "D1", "W1", "MN1"])
    def test_bars_reach_back_before_the_brokers_start(self, mt5: ModuleType, timeframe: str) -> None:
        kind = getattr(mt5, f"TIMEFRAME_{timeframe}")
        bars = mt5.copy_rates_from_pos("EURUSD", kind, 0, 50)
        assert len(bars) == 50
        assert (np.diff(bars["time"]) > 0).all()
        assert (bars["high"] >= np.maximum(bars["open"], bars["close"])).all()
        assert (bars["low"] <= np.minimum(bars["open"], bars["close"])).all()
        assert bars["close"][-1] == 1.085
        again = mt5.copy_rates_range("EURUSD", kind, int(bars["time"][0]), int(bars["time"][-1]))
        assert (again["time"] == bars["time"]).all()

    def test_an_unknown_timeframe_or_symbol_is_refused(self, mt5: ModuleType) -> None:
        assert mt5.copy_rates_from_pos("EURUSD", 7, 0, 5) is None
        assert mt5.last_error()[0] == -2
        assert mt5.copy_ticks_from("NOPE", 0, 5, mt5.COPY_TICKS_ALL) is None
        assert mt5.last_error()[0] == -4
