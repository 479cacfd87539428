"""`signalos signals` and `signalos sources` against a server that answers from memory."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from signalos.v1.account_service_pb2 import ListAccountsResponse
from signalos.v1.signal_pb2 import (
    ParsedSignal,
    Signal,
    SignalDecision,
    SignalGate,
    SignalKind,
    SignalOutcome,
    SignalState,
    SourceKind,
    SourceTrust,
)
from signalos.v1.signal_service_pb2 import (
    ApproveSignalResponse,
    CreateSourceResponse,
    DeleteSourceResponse,
    GetSignalResponse,
    ListSignalFormatsResponse,
    ListSignalsResponse,
    ListSourcesResponse,
    RejectSignalResponse,
    ReplaySignalResponse,
    RotateSourceTokenResponse,
    SimulateSignalResponse,
    UpdateSourceResponse,
)
from signalos.v1.trade_pb2 import Side
from signalos_cli import app as command_line
from signalos_cli import console
from tests.support.fake_server import PASSWORD, FakeServer, Refused, serving

Signalos = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def signalos(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Signalos:
    """Run `signalos ARGUMENTS` beside the server's loop; return exit code, output and errors, uncoloured."""
    for name in ("SIGNALOS_USER", "SIGNALOS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGNALOS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("SIGNALOS_API_TOKEN", "token-ann")
    # The console reads its width once, when it is first wanted, by whichever test.
    monkeypatch.setattr(console.out, "width", 250)

    async def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["signalos", *arguments])
        code = await asyncio.to_thread(command_line.run)
        told = capfd.readouterr()
        return code, _plain(told.out), _plain(told.err)

    return run


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def decision() -> SignalDecision:
    decided = SignalDecision(
        decision_id="dec_1", account_id="acc_1", kind=SignalKind.SIGNAL_KIND_OPEN,
        outcome=SignalOutcome.SIGNAL_OUTCOME_DENIED, code="MAX_RISK", message="more than may be risked",
    )  # fmt: skip
    decided.steps.add(name="age", passed=True)
    step = decided.steps.add(name="size", passed=False, code="MAX_RISK", message="too much [bold]")
    step.numbers.add(name="limit", value="500.00")
    step.numbers.add(name="current", value="612.40")
    decided.plan.symbol = "XAUUSD"
    decided.plan.side = Side.SIDE_BUY
    decided.plan.volume_lots = 0.61
    decided.plan.stop_loss = 2330
    decided.plan.risk_money = 612.4
    decided.plan.worst_case_money = 1224.8
    decided.plan.legs.add(volume_lots=0.31, take_profit=2350)
    decided.plan.legs.add(volume_lots=0.3)
    return decided


def parsed() -> ParsedSignal:
    return ParsedSignal(
        kind=SignalKind.SIGNAL_KIND_OPEN, symbol="XAUUSD", side=Side.SIDE_BUY, entry_low=2340,
        entry_high=2345, stop_loss=2330, take_profits=[2350], gate=SignalGate.SIGNAL_GATE_OK,
    )  # fmt: skip


def a_signal() -> Signal:
    return Signal(
        signal_id="sig_1", source_name="Gold [room]", text="XAUUSD BUY\nSL 2330", parsed=parsed(),
        state=SignalState.SIGNAL_STATE_NOT_TRADED, decisions=[decision()],
    )  # fmt: skip


def sources(*trusts: Any) -> ListSourcesResponse:
    response = ListSourcesResponse()
    source = response.sources.add(
        source_id="src_1", name="TV", kind=SourceKind.SOURCE_KIND_WEBHOOK, enabled=True, token_hint="x9z",
        revision=4,
    )  # fmt: skip
    source.policy.senders.append("ann")
    source.subscriptions.add(account_id="acc_1", maximum_positions=3)
    return response


async def test_simulate_shows_the_reading_every_step_the_sizes_and_the_worst_case(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers["SimulateSignal"] = lambda _: SimulateSignalResponse(parsed=parsed(), decisions=[decision()])
    async with serving(fake) as address:
        code, out, _ = await signalos(
            "signals", "simulate", "XAUUSD BUY 2340-45", "--server-address", address, "--reply-to", "earlier"
        )

    assert code == 0
    [request] = fake.asked_of("SimulateSignal")
    assert (request.text, request.context.reply_to) == ("XAUUSD BUY 2340-45", "earlier")
    for told in ("OPEN BUY XAUUSD at 2340 to 2345 stop 2330 targets 2350", "acc_1", "DENIED", "MAX_RISK",
                 "limit=500.00", "current=612.40", "too much [bold]", "0.61", "1224.80",
                 "0.31 at 2350, 0.3 open"):  # fmt: skip
        assert told in out


async def test_simulate_names_the_source_by_its_name(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers |= {
        "ListSources": lambda _: sources(),
        "SimulateSignal": lambda _: SimulateSignalResponse(parsed=parsed()),
    }
    async with serving(fake) as address:
        code, _, _ = await signalos(
            "signals", "simulate", "BUY", "--source", "TV", "--server-address", address
        )
        missing, _, err = await signalos(
            "signals", "simulate", "BUY", "--source", "nope", "--server-address", address
        )

    assert (code, fake.asked_of("SimulateSignal")[0].source_id) == (0, "src_1")
    assert missing == 2
    assert "there are: TV" in err


async def test_list_and_show_tell_why_it_was_not_traded(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers |= {
        "ListSignals": lambda _: ListSignalsResponse(signals=[a_signal()]),
        "GetSignal": lambda _: GetSignalResponse(signal=a_signal()),
    }
    async with serving(fake) as address:
        _, listed, _ = await signalos(
            "signals", "list", "--code", "MAX_RISK", "--count", "5", "--server-address", address
        )
        _, shown, _ = await signalos("signals", "show", "sig_1", "--server-address", address)

    [request] = fake.asked_of("ListSignals")
    assert (request.code, request.page_size) == ("MAX_RISK", 5)
    for told in ("sig_1", "NOT_TRADED", "MAX_RISK", "Gold [room]", "XAUUSD BUY / SL 2330"):
        assert told in listed
    assert "limit=500.00" in shown
    assert "dec" not in shown


async def test_formats_shows_each_notation_with_what_is_read_from_it(signalos: Signalos) -> None:
    fake = FakeServer()
    response = ListSignalFormatsResponse()
    response.formats.add(code="TEXT", description="Words [of people]", example="BUY GOLD", parsed=parsed())
    fake.answers["ListSignalFormats"] = lambda _: response
    async with serving(fake) as address:
        code, out, _ = await signalos("signals", "formats", "--server-address", address)

    assert code == 0
    for told in ("TEXT", "Words [of people]", "BUY GOLD", "OPEN BUY XAUUSD at 2340 to 2345"):
        assert told in out


async def test_approve_and_reject_name_what_they_mean(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers |= {
        "ApproveSignal": lambda _: ApproveSignalResponse(signal=a_signal()),
        "RejectSignal": lambda _: RejectSignalResponse(signal=a_signal()),
    }
    async with serving(fake) as address:
        approved = await signalos(
            "signals", "approve", "sig_1", "--decision", "dec_1", "--trade", "trd_1", "--server-address",
            address,
        )  # fmt: skip
        rejected = await signalos(
            "signals", "reject", "sig_1", "--reason", "late", "--server-address", address
        )

    assert (approved[0], rejected[0]) == (0, 0)
    assert list(fake.asked_of("ApproveSignal")[0].trade_ids) == ["trd_1"]
    assert fake.asked_of("RejectSignal")[0].reason == "late"


async def test_a_replay_is_never_done_without_a_yes(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers["ReplaySignal"] = lambda _: ReplaySignalResponse(signal=a_signal())
    async with serving(fake) as address:
        refused = await signalos("signals", "replay", "sig_1", "--server-address", address)
        done = await signalos("signals", "replay", "sig_1", "--yes", "--server-address", address)

    assert (refused[0], done[0]) == (2, 0)
    [request] = fake.asked_of("ReplaySignal")
    assert len(request.request_id) == 36


async def test_a_webhook_is_made_with_the_only_account_and_its_address_is_all_of_the_output(
    signalos: Signalos,
) -> None:
    fake = FakeServer()
    created = CreateSourceResponse(token="s3cret", hook_path="/api/hooks/s3cret")
    created.source.source_id = "src_2"
    accounts = ListAccountsResponse()
    accounts.accounts.add(account_id="acc_1")
    fake.answers |= {"CreateSource": lambda _: created, "ListAccounts": lambda _: accounts}
    async with serving(fake) as address:
        code, out, err = await signalos(
            "sources", "add", "TV", "--risk-percent", "0.25", "--server-address", address
        )

    assert (code, out) == (0, "/api/hooks/s3cret\n")
    assert "src_2" in err
    assert "s3cret" not in err
    [request] = fake.asked_of("CreateSource")
    assert request.kind == SourceKind.SOURCE_KIND_WEBHOOK
    assert request.policy.trust == SourceTrust.SOURCE_TRUST_OBSERVE
    assert [(each.account_id, each.sizing.equity_percent) for each in request.subscriptions] == [
        ("acc_1", 0.25)
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--kind", "telegram"),
        ("--chat", "@gold"),
        ("--lots", "0.1", "--risk-percent", "1"),
    ],
)
async def test_a_source_that_contradicts_itself_is_refused_before_anything_is_asked(
    signalos: Signalos, arguments: tuple[str, ...]
) -> None:
    code, _, err = await signalos("sources", "add", "X", *arguments, "--server-address", "127.0.0.1:1")

    assert code == 2
    assert "error:" in err


@pytest.mark.parametrize(("tls", "scheme"), [(True, "https"), (False, "http")])
async def test_a_webhooks_address_is_told_as_the_gateway_here_speaks(
    signalos: Signalos, tmp_path: Path, tls: bool, scheme: str
) -> None:
    gateway = tmp_path / "data" / "gateway"
    gateway.mkdir(parents=True)
    (gateway / "gateway.json").write_text(json.dumps({"pid": 1, "address": "127.0.0.1:8443", "tls": tls}))
    fake = FakeServer()
    fake.answers |= {
        "ListSources": lambda _: sources(),
        "RotateSourceToken": lambda _: RotateSourceTokenResponse(token="n3w", hook_path="/api/hooks/n3w"),
    }
    async with serving(fake) as address:
        arguments = ("--data-dir", str(tmp_path / "data"), "--server-address", address)
        _, out, _ = await signalos("sources", "token", "TV", *arguments)

    assert out == f"{scheme}://127.0.0.1:8443/api/hooks/n3w\n"


async def test_trust_changes_nothing_else_of_a_source(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers |= {
        "ListSources": lambda _: sources(),
        "UpdateSource": lambda _: UpdateSourceResponse(),
    }
    async with serving(fake) as address:
        code, _, _ = await signalos("sources", "trust", "TV", "auto", "--server-address", address)

    [request] = fake.asked_of("UpdateSource")
    [held] = sources().sources
    assert code == 0
    assert request.policy.trust == SourceTrust.SOURCE_TRUST_AUTO
    assert (request.name, request.enabled, request.revision) == ("TV", True, 4)
    assert list(request.policy.senders) == ["ann"]
    assert list(request.subscriptions) == list(held.subscriptions)


async def test_sources_are_listed_given_new_tokens_and_ended(signalos: Signalos) -> None:
    fake = FakeServer()
    fake.answers |= {
        "ListSources": lambda _: sources(),
        "RotateSourceToken": lambda _: RotateSourceTokenResponse(token="n3w", hook_path="/api/hooks/n3w"),
        "DeleteSource": lambda _: DeleteSourceResponse(),
    }
    async with serving(fake) as address:
        _, listed, _ = await signalos("sources", "list", "--server-address", address)
        _, token, _ = await signalos("sources", "token", "src_1", "--server-address", address)
        ended, _, _ = await signalos("sources", "remove", "TV", "--server-address", address)

    for told in ("src_1", "TV", "WEBHOOK", "OBSERVE", "acc_1", "…x9z", "none yet"):
        assert told in listed
    assert token == "/api/hooks/n3w\n"
    assert (ended, fake.asked_of("DeleteSource")[0].source_id) == (0, "src_1")


async def test_a_password_signs_in_for_one_call_only(
    signalos: Signalos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGNALOS_API_TOKEN")
    monkeypatch.setenv("SIGNALOS_PASSWORD", PASSWORD)
    fake = FakeServer()
    fake.answers["ListSignals"] = lambda _: ListSignalsResponse()
    async with serving(fake) as address:
        code, _, _ = await signalos("signals", "list", "--user", "bob", "--server-address", address)

    assert code == 0
    assert [name for name, _, _ in fake.asked] == ["Login", "ListSignals", "Logout"]
    assert {metadata.get("authorization") for _, _, metadata in fake.asked[1:]} == {"Bearer token-bob"}


async def test_refusals_are_told_in_the_servers_words(
    signalos: Signalos, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Refused("FAILED_PRECONDITION", "WRONG_STATE", "nothing waits any more")

    def refuse(_: Any) -> Any:
        raise refused

    fake = FakeServer()
    fake.answers["ApproveSignal"] = refuse
    async with serving(fake) as address:
        code, _, err = await signalos("signals", "approve", "sig_1", "--server-address", address)
        monkeypatch.setenv("SIGNALOS_API_TOKEN", "wrong")
        unknown, _, told = await signalos("signals", "approve", "sig_1", "--server-address", address)
    away, _, nobody = await signalos("signals", "approve", "sig_1", "--server-address", address)
    monkeypatch.delenv("SIGNALOS_API_TOKEN")
    anonymous, _, who = await signalos("signals", "approve", "sig_1", "--server-address", address)

    assert (code, unknown, away, anonymous) == (1, 1, 1, 2)
    assert "nothing waits any more (WRONG_STATE)" in err
    assert "not good" in told
    assert f"no server answers at {address}" in nobody
    assert "--user" in who
