"""`python -m signalos_bridge.emulator`: an emulated MetaTrader 5 broker as a process of its own."""

import argparse
import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from signalos_bridge.emulator.domain.codes import AccountTradeMode, MarginMode
from signalos_bridge.emulator.domain.entities import AccountTerms
from signalos_bridge.emulator.domain.market import MarketRules
from signalos_bridge.emulator.domain.server_time import DaylightSaving, ServerClock
from signalos_bridge.emulator.server import serve
from signalos_bridge.emulator.settings import BrokerSettings, ClockMode, OpeningAccount

_DIGITS = {"JPY": 0}


def account_of(text: str) -> OpeningAccount:
    """Read `LOGIN[:CURRENCY[:BALANCE[:hedging|netting[:LEVERAGE[:demo|real]]]]]`. Raises `ValueError`."""
    parts = [*text.split(":"), "", "", "", "", ""]
    currency = parts[1] or "USD"
    return OpeningAccount(
        AccountTerms(
            login=int(parts[0]),
            currency=currency,
            currency_digits=_DIGITS.get(currency, 2),
            margin_mode=MarginMode[(parts[3] or "hedging").upper()],
            leverage=int(parts[4] or 100),
            trade_mode=AccountTradeMode[(parts[5] or "demo").upper()],
        ),
        Decimal(parts[2] or 100_000),
    )


def settings_of(arguments: argparse.Namespace) -> BrokerSettings:
    rules = MarketRules(
        seed=arguments.seed,
        tick_interval_ms=arguments.tick_interval,
        always_open=not arguments.market_hours,
        suffix=arguments.suffix,
    )
    return BrokerSettings(
        data_dir=arguments.data_dir,
        host=arguments.host,
        port=arguments.port,
        clock_mode=ClockMode(arguments.clock),
        rules=rules,
        server_clock=ServerClock(arguments.utc_offset, DaylightSaving(arguments.daylight_saving)),
        accounts=tuple(arguments.account or (account_of("5001"),)),
        replay_file=arguments.replay,
        comment_limit=arguments.comment_limit,
    )


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="signalos emulator", description=__doc__)
    made.add_argument("--data-dir", type=Path, required=True, help="holds the ledger and address.json")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="0: any free one, written to address.json")
    made.add_argument("--clock", choices=[mode.value for mode in ClockMode], default="real")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument(
        "--tick-interval", type=int, default=500, metavar="MS", help="0: prices move by hand only"
    )
    made.add_argument("--market-hours", action="store_true", help="symbols trade in their hours only")
    made.add_argument("--suffix", default="", help="the broker's ending of symbol names, as .r")
    made.add_argument("--utc-offset", type=int, default=2, metavar="HOURS")
    made.add_argument("--daylight-saving", choices=[rule.value for rule in DaylightSaving], default="europe")
    made.add_argument(
        "--account",
        type=account_of,
        action="append",
        metavar="LOGIN[:CURRENCY[:BALANCE[:MARGIN_MODE[:LEVERAGE[:TRADE_MODE]]]]]",
    )
    made.add_argument("--replay", type=Path, help="a file of ticks: milliseconds,symbol,bid,ask")
    made.add_argument("--comment-limit", type=int, default=29)
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until interrupted."""
    logging.basicConfig(level=os.environ.get("SIGNALOS_LOG_LEVEL", "INFO"))
    settings = settings_of(parser().parse_args(argv))
    # What was loaded by now stays; collections need not look at it again and again.
    gc.freeze()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(settings))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


if __name__ == "__main__":
    main()
