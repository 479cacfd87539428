"""Sources: whose they are, what is refused, and their webhooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from signalos.v1 import signal_pb2, system_service_pb2
from signalos.v1 import signal_service_pb2 as pb
from signalos_server.service.signals import intake
from tests.signalos_server.serving import error_of
from tests.signalos_server.signal_world import BUY, Desk, desk_of, signalling
from tests.signalos_server.trading_world import TradingWorld


@pytest.fixture
async def entered(tmp_path: Path, storage_url: str) -> AsyncIterator[TradingWorld]:
    async with signalling(tmp_path / "server", storage_url) as world:
        yield world


@pytest.fixture
async def desk(entered: TradingWorld) -> Desk:
    return await desk_of(entered)


async def hook(desk: Desk, token: str, body: str) -> str:
    answer = await desk.signals.SubmitWebhook(pb.SubmitWebhookRequest(token=token, body=body.encode()))
    return str(answer.signal_id)


async def update(desk: Desk, source: signal_pb2.Source, **changes: Any) -> signal_pb2.Source:
    fields: dict[str, Any] = {
        "source_id": source.source_id,
        "name": source.name,
        "enabled": source.enabled,
        "policy": source.policy,
        "subscriptions": source.subscriptions,
        "revision": source.revision,
        **changes,
    }
    answer = await desk.signals.UpdateSource(pb.UpdateSourceRequest(**fields), metadata=desk.trader.metadata)
    return answer.source  # type: ignore[no-any-return]


async def trusted(desk: Desk, source_id: str, trust: str) -> None:
    listed = await desk.signals.ListSources(pb.ListSourcesRequest(), metadata=desk.trader.metadata)
    source = next(one for one in listed.sources if one.source_id == source_id)
    policy = signal_pb2.SourcePolicy()
    policy.CopyFrom(source.policy)
    policy.trust = signal_pb2.SourceTrust.Value(f"SOURCE_TRUST_{trust}")
    await update(desk, source, policy=policy)


async def refused(call: Any) -> tuple[str, str, dict[str, str], list[tuple[str, str]]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return error_of(error.value)


async def test_a_source_is_made_with_its_defaults_named_and_changed_by_revision(desk: Desk) -> None:
    made = (await desk.make_source("OBSERVE", name="Gold VIP")).source
    assert made.revision == 1
    assert made.policy.maximum_age.seconds == 60
    assert made.subscriptions[0].sizing.equity_percent == 0.5

    changed = await update(desk, made, name="Gold")

    assert (changed.name, changed.revision) == ("Gold", 2)
    assert (await refused(update(desk, made, name="Other")))[1] == "WRONG_STATE"
    audit = await desk.trader.client.system.ListAuditEntries(
        system_service_pb2.ListAuditEntriesRequest(chain=desk.trader.account_id),
        metadata=desk.trader.metadata,
    )
    assert {"source_created", "source_changed"} <= {entry.action for entry in audit.entries}


async def test_names_of_a_user_are_distinct_whatever_their_case(desk: Desk) -> None:
    await desk.make_source(name="Gold")
    assert (await refused(desk.make_source(name="GOLD")))[1] == "ALREADY_EXISTS"


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({"default_symbol": "nonsense"}, "policy.defaultSymbol"),
        (
            {
                "windows": [
                    signal_pb2.SourceWindow(days=[1], start="08:00", end="17:00", time_zone="Europe/Nowhere")
                ]
            },
            "policy.windows[0].timeZone",
        ),
        ({"chats": ["@gold"]}, "policy.chats"),
    ],
)
async def test_a_policy_that_means_nothing_is_refused_by_its_field(
    desk: Desk, policy: dict[str, Any], field: str
) -> None:
    assert (await refused(desk.make_source(policy=policy)))[3][0][0] == field


async def test_only_an_own_account_can_follow(entered: TradingWorld, desk: Desk) -> None:
    other = await desk_of(entered, "bob", 1002)
    found = await refused(desk.make_source(accounts=[other.trader.account_id]))
    assert found[3][0][0] == "subscriptions[0].accountId"


async def test_a_webhook_is_known_by_its_token_until_it_gets_another(desk: Desk) -> None:
    made = await desk.make_source(kind="WEBHOOK")
    assert made.hook_path == f"/api/hooks/{made.token}"
    assert made.source.token_hint == made.token[-4:]
    signal_id = await hook(desk, made.token, BUY)
    await desk.decided(signal_id, "SENT")

    rotated = await desk.signals.RotateSourceToken(
        pb.RotateSourceTokenRequest(source_id=made.source.source_id), metadata=desk.trader.metadata
    )

    assert (await refused(hook(desk, made.token, BUY)))[1] == "NOT_AUTHENTICATED"
    assert await hook(desk, rotated.token, BUY) == signal_id


async def test_a_webhook_that_is_tried_again_is_the_same_signal(desk: Desk) -> None:
    made = await desk.make_source(kind="WEBHOOK")
    body = '{"action": "buy", "symbol": "EURUSD", "sl": 1.095, "tp": 1.105}'

    ids = await asyncio.gather(*(hook(desk, made.token, body) for _ in range(8)))

    assert len(set(ids)) == 1
    await desk.decided(ids[0], "SENT")
    assert len(desk.dealer.opens) == 1


async def test_what_was_only_observed_makes_no_order_a_repetition_once_the_source_may_trade(
    desk: Desk,
) -> None:
    source_id = await desk.source("OBSERVE")
    assert (await desk.told(BUY)).code == "OBSERVED"
    # While it is only observed, everything counts.
    assert (await desk.ended(BUY)).steps[-1].code == "REPEATED"
    await trusted(desk, source_id, "AUTO")

    await desk.traded(BUY)

    assert (await desk.ended(BUY)).steps[-1].code == "REPEATED"
    await trusted(desk, source_id, "OBSERVE")
    await trusted(desk, source_id, "AUTO")
    assert (await desk.ended(BUY)).steps[-1].code == "REPEATED"
    assert len(desk.dealer.opens) == 1


async def test_one_and_the_same_message_is_not_traded_because_its_source_may_trade_now(desk: Desk) -> None:
    source_id = await desk.source("OBSERVE")
    first = await desk.say(BUY, external_id="chat:1")
    await desk.decided(first.signal_id, "SKIPPED")
    await trusted(desk, source_id, "AUTO")

    again = await desk.say(BUY, external_id="chat:1")
    edited = await desk.ended(f"{BUY} !", external_id="chat:1", edited=True)

    assert again.signal_id == first.signal_id
    assert edited.steps[-1].code == "SAYS_THE_SAME"
    assert desk.dealer.opens == []


async def test_a_webhooks_bytes_are_an_order_again_once_they_were_only_observed_and_no_retry(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await desk.make_source("OBSERVE", kind="WEBHOOK")
    first = await hook(desk, made.token, BUY)
    await desk.decided(first, "SKIPPED")
    await trusted(desk, made.source.source_id, "AUTO")
    # Within a minute it is the same call, tried again.
    assert await hook(desk, made.token, BUY) == first
    monkeypatch.setattr(intake, "_RETRY", timedelta(0))

    second = await hook(desk, made.token, BUY)
    await desk.decided(second, "SENT")

    assert await hook(desk, made.token, BUY) == second
    assert len(desk.dealer.opens) == 1


async def test_a_deleted_source_takes_no_message_and_what_waited_is_taken_back(desk: Desk) -> None:
    source_id = await desk.source("APPROVE")
    signal = await desk.say(BUY)
    await desk.decided(signal.signal_id, "APPROVAL")

    for _ in range(2):
        await desk.signals.DeleteSource(
            pb.DeleteSourceRequest(source_id=source_id), metadata=desk.trader.metadata
        )

    assert (await desk.decided(signal.signal_id, "WITHDRAWN")).code == "SOURCE_DELETED"
    assert (await refused(desk.say(BUY)))[1] == "NOT_FOUND"
    listed = await desk.signals.ListSources(pb.ListSourcesRequest(), metadata=desk.trader.metadata)
    assert list(listed.sources) == []


async def test_a_source_that_is_switched_off_records_and_does_nothing(desk: Desk) -> None:
    made = (await desk.make_source()).source
    await update(desk, made, enabled=False)

    signal = await desk.ended(BUY, source=made.source_id)

    assert signal.steps[-1].code == "SOURCE_DISABLED"


async def test_a_symbol_that_is_not_allowed_and_a_time_outside_of_the_windows_open_nothing(
    desk: Desk,
) -> None:
    await desk.source(policy={"symbols": ["gold"]})
    assert (await desk.told(BUY)).code == "SYMBOL_NOT_ALLOWED"

    # An hour of a day of the week that is never now, wherever this runs.
    from datetime import UTC, datetime, timedelta

    other = (datetime.now(UTC) + timedelta(days=3)).isoweekday()
    window = signal_pb2.SourceWindow(days=[other], start="00:00", end="00:01", time_zone="UTC")
    await desk.source(policy={"windows": [window]})
    assert (await desk.told(BUY)).code == "OUTSIDE_SESSION"
