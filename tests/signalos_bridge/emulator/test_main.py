"""The command line of the emulator."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalos_bridge.emulator.__main__ import account_of, parser, settings_of
from signalos_bridge.emulator.broker import Broker, read_ticks
from signalos_bridge.emulator.domain.codes import AccountTradeMode, MarginMode
from signalos_bridge.emulator.domain.server_time import DaylightSaving
from signalos_bridge.emulator.groups import group_filter
from signalos_bridge.emulator.settings import ClockMode
from tests.signalos_bridge.emulator.processes import BrokerProcess


def test_an_account_is_written_in_one_word() -> None:
    made = account_of("7001:JPY:1000000:netting:500:real")

    assert (made.terms.login, made.terms.currency, made.terms.currency_digits) == (7001, "JPY", 0)
    assert (made.terms.margin_mode, made.terms.trade_mode) == (
        MarginMode.NETTING,
        AccountTradeMode.REAL,
    )
    assert (made.terms.leverage, made.deposit) == (500, Decimal(1_000_000))
    assert account_of("1").terms.margin_mode is MarginMode.HEDGING


def test_options_become_settings(tmp_path: Path) -> None:
    settings = settings_of(
        parser().parse_args(
            [
                *("--data-dir", str(tmp_path), "--clock", "stepped", "--seed", "9"),
                *("--suffix", ".r", "--market-hours", "--daylight-saving", "america"),
                *("--account", "1", "--account", "2:EUR"),
            ]
        )
    )

    assert (settings.clock_mode, settings.rules.seed, settings.rules.suffix) == (
        ClockMode.STEPPED,
        9,
        ".r",
    )
    assert settings.rules.always_open is False
    assert settings.server_clock.daylight_saving is DaylightSaving.AMERICA
    assert [one.terms.login for one in settings.accounts] == [1, 2]


def test_a_nonsensical_account_ends_the_program(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--data-dir", str(tmp_path), "--account", "x:y"])


def test_a_tick_file_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "ticks.csv"
    file.write_text("# offset,symbol,bid,ask\n\n1000,EURUSD,1.1,1.2\n2000,EURUSD,1.3,1.4\n")
    assert [one.offset_ms for one in read_ticks(file)] == [1000, 2000]
    broker = Broker(
        settings_of(
            parser().parse_args(["--data-dir", str(tmp_path), "--clock", "stepped", "--replay", str(file)])
        )
    )
    broker.advance(broker.market.start_ms + 1_500)
    assert broker.market.symbols["EURUSD"].quote.bid == Decimal("1.1")
    broker.close()


def test_groups_are_masks_with_exclusions() -> None:
    assert group_filter("*USD*")("EURUSD")
    assert not group_filter("*USD*, !EUR*")("EURUSD")
    assert group_filter("!EUR*")("GBPUSD")
    assert group_filter("EURUSD,GBPUSD")("GBPUSD")
    assert not group_filter("EURUSD")("EURUSD.r")


@pytest.mark.integration
def test_names_end_in_the_brokers_suffix_and_still_convert(tmp_path: Path) -> None:
    broker = BrokerProcess(tmp_path, "--clock", "stepped", "--suffix", ".r", "--account", "5001:EUR:1000")
    broker.start()
    try:
        with broker.admin() as admin:
            assert all(one.name.endswith(".r") for one in admin.symbol_specs())
            assert admin.account(5001).margin == 0
            assert admin.terminals()[0].market_watch[0] == "EURUSD.r"
    finally:
        broker.stop()
