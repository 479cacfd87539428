"""Each difference that a sync can find, made at the broker while the bridge is away, as REST tells it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from signalos_bridge.emulator.admin import BrokerAdmin
from signalos_bridge.emulator.domain.codes import Reason
from signalos_bridge.emulator.faults import Delay, Phase, TellNone, Unseen
from signalos_bridge.emulator.operator_messages import PlaceByHand
from tests.support.desk import Desk
from tests.support.world import eventually, traded_account

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="module")]

LOGIN = 5004
DEAL, PENDING, MODIFY_ORDER, CLOSE_BY = 1, 5, 7, 10
BUY, SELL, BUY_LIMIT = 0, 1, 2
SPECIFIED = 2
FAR = 1.01
_ENVELOPE = ("seq", "epoch", "eventId", "time", "accountId", "session")


@dataclass
class Away:
    """What was open before the bridge went, by a name for each case, and the reports after it came back."""

    desk: Desk
    tickets: dict[str, int] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)
    later: list[dict[str, Any]] = field(default_factory=list)

    def hand(self, **order: Any) -> int:
        """Does something by hand and returns the order's ticket."""
        answer = self.desk.broker.place_by_hand(
            self.desk.login, PlaceByHand(**{"action": DEAL, "symbol": "EURUSD", "type": BUY, **order})
        )
        assert answer.retcode in (10008, 10009), answer
        return answer.order

    def about(self, name: str) -> list[dict[str, Any]]:
        ticket = str(self.tickets[name])
        return [
            one
            for one in self.first["differences"]
            if ticket in (one["positionIdentifier"], one["orderTicket"])
        ]


@dataclass(frozen=True)
class Case:
    """One thing that happened, and the difference that has to tell it."""

    name: str
    kind: str
    words: str
    deal_reason: str = ""
    cause: str = "UNSPECIFIED"


async def _brought_back(away: Away) -> None:
    desk = away.desk
    known = {one["syncId"] for one in await _reports(desk)}
    await desk.bridge_back()

    async def started() -> dict[str, Any] | None:
        new = [one for one in await _reports(desk) if one["syncId"] not in known and one["succeeded"]]
        return new[-1] if new else None

    away.first = await eventually(started)
    assert away.first["trigger"] == "START", away.first
    away.second = await _button(desk)


async def _reports(desk: Desk) -> list[dict[str, Any]]:
    return list((await desk.trader.get("/api/sync-reports"))["reports"])


async def _button(desk: Desk, *, dry_run: bool = False) -> dict[str, Any]:
    answer = await desk.send("POST", "/api/firebridge/force-sync", {"wait": "20s", "dryRun": dry_run})
    (report,) = answer.json()["reports"]
    return dict(report)


def _told(differences: list[dict[str, Any]], case: Case) -> dict[str, Any]:
    """Returns the difference that a case asks for."""
    found = [one for one in differences if one["kind"] == case.kind and re.search(case.words, one["message"])]
    assert len(found) == 1, f"{case}: {differences}"
    (one,) = found
    cause = one["cause"] or {"dealReason": "", "cause": "UNSPECIFIED"}
    assert (cause["dealReason"], cause["cause"]) == (case.deal_reason, case.cause), one
    return one


# -- hedging -----------------------------------------------------------------------------------------------

BY_HAND = "BY_HAND"
HEDGING = [
    Case(
        "outside",
        "OPENED_OUTSIDE",
        r"^BUY 0\.07 EURUSD #\d+ was opened at 1\.\d+ by hand in a terminal; .*adopt",
    ),
    Case("expert", "OPENED_OUTSIDE", r"^SELL 0\.08 .* was opened at .* by another program \(an expert\)"),
    Case(
        "by hand",
        "CLOSED",
        r"closed at 1\.\d+ by hand in a terminal, with a loss of 0\.\d+$",
        "CLIENT",
        BY_HAND,
    ),
    Case("by phone", "CLOSED", r"closed at .* by hand on a phone", "MOBILE", BY_HAND),
    Case("by web", "CLOSED", r"closed at .* by hand in the web terminal", "WEB", BY_HAND),
    Case("by expert", "CLOSED", r"by another program", "EXPERT", "EXPERT"),
    Case(
        "stop",
        "CLOSED",
        r"by the broker at its stop loss, with a loss of \d+\.\d+$",
        "SL",
        "STOP_LOSS",
    ),
    Case(
        "target",
        "CLOSED",
        r"by the broker at its take profit, with a profit of",
        "TP",
        "TAKE_PROFIT",
    ),
    Case(
        "part",
        "PARTIALLY_CLOSED",
        r"^0\.04 of BUY 0\.10 EURUSD #\d+ were closed at .* by hand .*; 0\.06 lots are left$",
        "CLIENT",
        BY_HAND,
    ),
    Case("against", "CLOSED", r"against an opposite position, by hand", "CLIENT", BY_HAND),
    Case(
        "moved",
        "LEVEL_MOVED",
        r"^the stop loss of BUY .* was moved from 1\.09000 to 1\.09200, which risks less$",
    ),
    Case("moved", "LEVEL_MOVED", r"^BUY .* was given a take profit at 1\.20000$"),
    Case("loosened", "LEVEL_MOVED", r"from 1\.09000 to 1\.08000, which risks more$"),
    Case("removed", "LEVEL_MOVED", r"^the stop loss of BUY .* was removed; it was at 1\.09000$"),
    Case("filled", "ORDER_FILLED", r"^BUY LIMIT 0\.10 EURUSD #\d+ was filled into position #\d+$"),
    Case("cancelled", "ORDER_CANCELLED", r"^BUY LIMIT .* was cancelled$"),
    Case("run out", "ORDER_EXPIRED", r"^BUY LIMIT .* ran out"),
    Case(
        "placed", "ORDER_PLACED_OUTSIDE", r"^BUY LIMIT 0\.03 .* was placed at 1\.01100 by hand in a terminal"
    ),
    Case("shifted", "ORDER_MOVED", r"^BUY LIMIT .* was changed: price 1\.01000 -> 1\.02000"),
    Case("vanished", "UNKNOWN_MISSING", r"is gone from the terminal, and no deal tells why"),
    Case("came and went", "OPENED_OUTSIDE", r"^BUY 0\.09 .* by hand in a terminal, and is closed again$"),
    Case("came and went", "CLOSED", r"^BUY 0\.09 .* was closed at .* by hand", "CLIENT", BY_HAND),
    Case("suggested", "OPENED_OUTSIDE", r"^BUY 0\.05 GBPUSD"),
]


async def _before_hedging(away: Away) -> None:
    desk = away.desk
    plain = ("by hand", "by phone", "by web", "by expert", "part", "against", "vanished")
    for name in plain:
        away.tickets[name] = int((await desk.opened(0.1))["ticket"])
    for name in ("moved", "loosened", "removed"):
        away.tickets[name] = int((await desk.opened(0.1, stopLoss=1.09))["ticket"])
    away.tickets["stop"] = int((await desk.opened(0.1, stopLoss=1.099))["ticket"])
    away.tickets["target"] = int((await desk.opened(0.1, side="SELL", takeProfit=1.0985))["ticket"])
    away.tickets["opposite"] = int((await desk.opened(0.1, side="SELL"))["ticket"])
    for name, price in (("filled", 1.0985), ("cancelled", FAR), ("shifted", FAR)):
        away.tickets[name] = int((await desk.placed("LIMIT", "BUY", price))["ticket"])
    soon = desk.broker.clock().broker_ms // 1000 + 3
    away.tickets["run out"] = away.hand(
        action=PENDING, type=BUY_LIMIT, volume=0.1, price=FAR, type_time=SPECIFIED, expiration=soon
    )
    await _unknown(away)


async def _unknown(away: Away) -> None:
    """Two opens of which nobody knows: one that was executed, and one that was not."""
    desk = away.desk
    desk.broker.add_fault(TellNone(function="order_send", symbol="GBPUSD", code=-1, executed=False, count=1))
    lost = await desk.act("POST", "/api/trades", _open("GBPUSD", 0.05))
    away.commands["not executed"] = lost["commandId"]
    await desk.command_when(lost["commandId"], "UNKNOWN")
    desk.broker.add_fault(
        Delay(function="order_send", symbol="XAUUSD", milliseconds=20_000, phase=Phase.AFTER)
    )
    done = await desk.act("POST", "/api/trades", _open("XAUUSD", 0.1))
    away.commands["executed"] = done["commandId"]

    async def at_broker() -> bool:
        return any(one.symbol == "XAUUSD" for one in desk.positions().values())

    await eventually(at_broker)


def _open(symbol: str, lots: float) -> dict[str, Any]:
    return {"symbol": symbol, "side": "BUY", "volumeLots": lots, "timeToLive": "30s", "wait": "0s"}


def _meanwhile_hedging(away: Away) -> None:
    desk, broker, login, tickets = away.desk, away.desk.broker, away.desk.login, away.tickets
    for name, reason in (
        ("by hand", Reason.CLIENT),
        ("by phone", Reason.MOBILE),
        ("by web", Reason.WEB),
        ("by expert", Reason.EXPERT),
    ):
        broker.close_by_hand(login, tickets[name], reason=reason)
    broker.close_by_hand(login, tickets["part"], "0.04")
    away.hand(action=CLOSE_BY, position=tickets["against"], position_by=tickets["opposite"], volume=0.0)
    broker.modify_by_hand(login, tickets["moved"], "1.09200", "1.20000")
    broker.modify_by_hand(login, tickets["loosened"], "1.08000", "0")
    broker.modify_by_hand(login, tickets["removed"], "0", "0")
    broker.cancel_by_hand(login, tickets["cancelled"])
    away.hand(action=MODIFY_ORDER, order=tickets["shifted"], price=1.02, type=BUY_LIMIT, volume=0.0)
    desk.quote("1.09800")
    desk.quote("1.10000")
    tickets["outside"] = away.hand(volume=0.07)
    tickets["expert"] = away.hand(volume=0.08, type=SELL, reason=Reason.EXPERT)
    tickets["placed"] = away.hand(action=PENDING, type=BUY_LIMIT, volume=0.03, price=1.011)
    tickets["came and went"] = away.hand(volume=0.09)
    broker.close_by_hand(login, tickets["came and went"])
    tickets["suggested"] = away.hand(symbol="GBPUSD", volume=0.05)
    broker.add_fault(Unseen(ticket=tickets["vanished"]))
    broker.close_by_hand(login, tickets["vanished"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hedging(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Away]:
    async for away in _away(tmp_path_factory, "hedging", _before_hedging, _meanwhile_hedging):
        yield away


async def _away(
    factory: pytest.TempPathFactory, mode: str, before: Any, meanwhile: Callable[[Away], None]
) -> AsyncIterator[Away]:
    directory = factory.mktemp(f"sync-{mode}")
    # A settle time of eight seconds and a half.
    environment = {"SIGNALOS_SETTLE_SCALE": "0.07"}
    account = f"{LOGIN}:USD:100000:{mode}"
    async with traded_account(directory, account, environment) as (world, trader):
        with BrokerAdmin.of(directory / "emulator") as broker:
            away = Away(Desk(world, trader, broker, LOGIN))
            await away.desk.calm()
            await before(away)
            await away.desk.bridge_killed()
            broker.clear_faults()
            meanwhile(away)
            # What runs out does so.
            await asyncio.sleep(3.5)
            await _brought_back(away)
            yield away


@pytest.mark.parametrize("case", HEDGING, ids=lambda case: f"{case.name}: {case.kind}")
async def test_each_difference_has_its_kind_its_cause_and_its_words(hedging: Away, case: Case) -> None:
    one = _told(hedging.about(case.name), case)
    assert one["symbol"] in ("EURUSD", "GBPUSD")
    assert bool(one["suggestion"]) is (case.name == "suggested")


async def test_every_difference_is_one_of_the_table(hedging: Away) -> None:
    known = {(case.name, case.kind) for case in HEDGING}
    # The opposite half of the close-by, the position of the filled order, and the two commands.
    expected = len(HEDGING) + 3
    assert len(hedging.first["differences"]) == expected, (
        known,
        [(one["kind"], one["message"]) for one in hedging.first["differences"]],
    )


async def test_an_unknown_open_that_was_executed_is_resolved_by_the_sync(hedging: Away) -> None:
    (one,) = [d for d in hedging.first["differences"] if d["kind"] == "COMMAND_RESOLVED"]
    assert one["commandId"] == hedging.commands["executed"]
    assert re.match(
        r"buy 0\.10 XAUUSD at the market: nobody knew its outcome, and it was executed, 0\.10 lots at ",
        one["message"],
    )
    command = await hedging.desk.command(hedging.commands["executed"])
    assert command["state"] == "SUCCEEDED"


async def test_a_position_like_an_unknown_open_is_suggested_and_nothing_more(hedging: Away) -> None:
    (one,) = hedging.about("suggested")
    assert one["likelyCommandId"] == hedging.commands["not executed"]
    assert "adopt the position" in one["suggestion"]
    assert hedging.first["unknownCommandCount"] == 1
    # It stays what it is; in time the command is found not to have been executed, and a sync tells that.
    desk = hedging.desk
    await desk.command_when(hedging.commands["not executed"], "REJECTED", within=30)
    report = await _button(desk)
    (told,) = report["differences"]
    assert (told["kind"], told["commandId"]) == ("COMMAND_RESOLVED", hedging.commands["not executed"])
    assert told["message"].startswith(
        "buy 0.05 GBPUSD at the market: nobody knew its outcome, and it was not executed; "
    )
    live = [active["trade"] for active in await desk.trader.live_trades()]
    assert [t["origin"] for t in live if t["symbol"] == "GBPUSD"] == ["EXTERNAL"]


async def test_a_second_sync_finds_nothing_and_tells_nothing(hedging: Away) -> None:
    assert (hedging.second["succeeded"], hedging.second["differences"]) == (True, [])
    before = (await hedging.desk.trader.get("/api/events", pageSize="1"))["lastSeq"]
    report = await _button(hedging.desk)
    assert report["differences"] == []
    events = (await hedging.desk.trader.get("/api/events", afterSeq=str(before)))["events"]
    told = [name for one in events for name in one if one.get(name) and name not in _ENVELOPE]
    assert told == ["desktopSyncComplete"], events


async def test_the_trades_say_what_the_report_says(hedging: Away) -> None:
    desk = hedging.desk
    for case in HEDGING:
        if case.kind == "CLOSED":
            trades = (await desk.trader.get("/api/trades", state="CLOSED", pageSize="100"))["trades"]
            (trade,) = [t for t in trades if t["positionIdentifier"] == str(hedging.tickets[case.name])]
            assert trade["closeCause"] == case.cause, (case, trade)


async def test_a_dry_run_shows_what_is_different_and_changes_nothing(hedging: Away) -> None:
    desk = hedging.desk
    trade = await desk.opened(0.1)
    desk.broker.add_fault(Unseen(ticket=int(trade["ticket"])))
    dry = await _button(desk, dry_run=True)
    (one,) = dry["differences"]
    assert (dry["dryRun"], one["kind"]) == (True, "UNKNOWN_MISSING")
    assert (await desk.trade(trade["tradeId"]))["state"] == "OPEN"
    desk.broker.clear_faults()


async def test_money_and_a_stop_out_are_told(hedging: Away) -> None:
    desk = hedging.desk
    await desk.calm()
    trade = await desk.opened(1.0)
    await desk.bridge_killed()
    rest = Decimal(300)
    desk.broker.deposit(desk.login, rest - desk.broker.account(desk.login).equity, comment="gone")
    desk.quote("1.09700")
    hedging.tickets["stop-out"] = int(trade["ticket"])
    await _brought_back(hedging)
    _told(
        hedging.about("stop-out"),
        Case("", "CLOSED", "because the margin ran out", "SO", "STOP_OUT"),
    )
    (money,) = [one for one in hedging.first["differences"] if one["kind"] == "MONEY_MOVED"]
    assert re.match(r"\d+\.\d+ was withdrawn: gone$", money["message"]), money
    assert hedging.second["differences"] == []


# -- netting -----------------------------------------------------------------------------------------------

NETTING = [
    Case(
        "EURUSD",
        "VOLUME_CHANGED",
        r"^BUY 0\.10 EURUSD #\d+ grew to 0\.30 lots at 1\.\d+ on average by hand",
        "CLIENT",
        BY_HAND,
    ),
    Case(
        "GBPUSD",
        "VOLUME_CHANGED",
        r"^BUY 0\.10 GBPUSD #\d+ was reversed to SELL 0\.20 GBPUSD #\d+ by hand",
        "CLIENT",
        BY_HAND,
    ),
    Case("XAUUSD", "PARTIALLY_CLOSED", r"^0\.04 of BUY 0\.10 .* 0\.06 lots are left$", "CLIENT", BY_HAND),
    Case("USDJPY", "CLOSED", r"^SELL 0\.10 USDJPY .* was closed at .* by hand on a phone", "MOBILE", BY_HAND),
]


async def _before_netting(away: Away) -> None:
    for case in NETTING:
        side = "SELL" if case.name == "USDJPY" else "BUY"
        away.tickets[case.name] = int((await away.desk.opened(0.1, case.name, side))["ticket"])


def _meanwhile_netting(away: Away) -> None:
    away.hand(symbol="EURUSD", volume=0.2)
    away.hand(symbol="GBPUSD", volume=0.3, type=SELL)
    away.hand(symbol="XAUUSD", volume=0.04, type=SELL)
    away.hand(symbol="USDJPY", volume=0.1, reason=Reason.MOBILE)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def netting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Away]:
    async for away in _away(tmp_path_factory, "netting", _before_netting, _meanwhile_netting):
        yield away


@pytest.mark.parametrize("case", NETTING, ids=lambda case: f"{case.name}: {case.kind}")
async def test_each_difference_on_netting_is_told(netting: Away, case: Case) -> None:
    _told(netting.about(case.name), case)


async def test_a_second_sync_on_netting_finds_nothing(netting: Away) -> None:
    assert len(netting.first["differences"]) == len(NETTING), netting.first
    assert (netting.second["succeeded"], netting.second["differences"]) == (True, [])
