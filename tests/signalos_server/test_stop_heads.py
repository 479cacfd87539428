"""The audit's heads reach the bridges, and what they remember catches an audit that was cut."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from signalos.v1 import alert_service_pb2, bridge_pb2, system_service_pb2
from signalos_server.domain.bridge_session import SessionTimings
from tests.signalos_server.trading_world import Trader, eventually, trading

pytestmark = pytest.mark.integration

QUICK = SessionTimings(heartbeat=0.1)


def heads_told(trader: Trader) -> dict[str, bridge_pb2.AuditHead]:
    """Return the newest head of each chain that the bridge was told."""
    told: dict[str, bridge_pb2.AuditHead] = {}
    for frame in trader.bridge.control_frames:
        for answer in (frame.lease_grant, frame.heartbeat):
            told.update({head.chain: head for head in answer.audit_heads})
    return told


async def alerts(trader: Trader, code: str) -> list[str]:
    listed = await trader.client.alerts.ListAlerts(
        alert_service_pb2.ListAlertsRequest(), metadata=trader.metadata
    )
    return [alert.message for alert in listed.alerts if alert.code == code]


async def test_a_bridge_is_told_the_heads_of_its_account_and_of_the_system_and_catches_a_cut(
    tmp_path: Path, storage_url: str
) -> None:
    async with trading(tmp_path, storage_url, QUICK) as world:
        ann, bob = await world.trader("ann", 1), await world.trader("bob", 2)
        number = 0

        async def told() -> dict[str, bridge_pb2.AuditHead] | None:
            nonlocal number
            number += 1
            await ann.bridge.beat(number)
            found = heads_told(ann)
            return found if {"system", ann.account_id} <= found.keys() else None

        kept = await eventually(told)
        assert bob.account_id not in kept
        listed = await ann.client.system.ListAuditEntries(
            system_service_pb2.ListAuditEntriesRequest(page_size=100), metadata=ann.metadata
        )
        hashes = {(entry.chain, entry.number): entry.hash for entry in listed.entries}
        own = kept[ann.account_id]
        assert hashes[own.chain, own.number] == own.hash

        # What it kept is true: no word about it. Another's chain is none of its business.
        await ann.bridge.close()
        foreign = bridge_pb2.AuditHead(chain=bob.account_id, number=1, hash="f" * 64)
        ann.bridge.audit_heads = [*kept.values(), foreign]
        await ann.bridge.connect()
        assert await alerts(ann, "AUDIT_CONTRADICTED") == []

        await ann.bridge.close()
        database = world.world.foundation.database

        def cut(session: object) -> None:
            given = {"chain": own.chain, "number": own.number}
            execute = session.execute  # type: ignore[attr-defined]  # a Session
            execute(text("DELETE FROM audit_entries WHERE chain = :chain AND number >= :number"), given)
            execute(text("UPDATE audit_chains SET number = :number - 1 WHERE chain = :chain"), given)

        await database.run(cut)
        await ann.bridge.connect()

        async def caught() -> str | None:
            return next(iter(await alerts(ann, "AUDIT_CONTRADICTED")), None)

        assert f"entry {own.number}" in await eventually(caught)
