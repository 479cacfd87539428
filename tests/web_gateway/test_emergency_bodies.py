"""An emergency stop is never refused for its body: what can be read of it counts, else everything stops."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from signalos.v1.control_pb2 import StopScope
from signalos.v1.control_service_pb2 import EmergencyStopResponse
from tests.support.fake_server import FakeServer
from tests.web_gateway.serving import gateway

JSON = "application/json"
# Body, content type, and what is asked of the server: accounts, scope, whether to close.
BODIES: list[tuple[bytes, str, list[str], str, bool]] = [
    (b"", "", [], "UNSPECIFIED", False),
    (b"", JSON, [], "UNSPECIFIED", False),
    (b"null", JSON, [], "UNSPECIFIED", False),
    (b"[]", JSON, [], "UNSPECIFIED", False),
    (b'"stop"', JSON, [], "UNSPECIFIED", False),
    (b"{", JSON, [], "UNSPECIFIED", False),
    (b"\xff\xfe", JSON, [], "UNSPECIFIED", False),
    (b"{}", "text/plain", [], "UNSPECIFIED", False),
    (b"closePositions=true", "application/x-www-form-urlencoded", [], "UNSPECIFIED", False),
    (b'{"closePositions":true}', "text/plain", [], "UNSPECIFIED", True),
    (b'{"closePositions":"yes"}', JSON, [], "UNSPECIFIED", False),
    (b'{"closePositions":true,"nonsense":1}', JSON, [], "UNSPECIFIED", True),
    (b'{"closePositions":true,"wait":"soon"}', JSON, [], "UNSPECIFIED", True),
    (b'{"scope":"WORLD","reason":5}', JSON, [], "UNSPECIFIED", False),
    (b'{"scope":"EVERYTHING"}', JSON, [], "EVERYTHING", False),
    (b'{"accountIds":["acc_1"],"nonsense":1}', JSON, ["acc_1"], "UNSPECIFIED", False),
    (b'{"accountIds":["acc_1",7],"scope":"ACCOUNTS"}', JSON, [], "UNSPECIFIED", False),
    (b'{"accountIds":"acc_1"}', JSON, [], "UNSPECIFIED", False),
    (b'{"reason":"' + b"x" * 1_100_000 + b'"}', JSON, [], "UNSPECIFIED", False),
]


def stopping() -> FakeServer:
    fake = FakeServer()
    fake.answers["EmergencyStop"] = lambda _: EmergencyStopResponse(stop_id="s-1", complete=True)
    return fake


@pytest.mark.parametrize(("body", "kind", "accounts", "scope", "close"), BODIES)
async def test_whatever_the_body_is_trading_stops(
    tmp_path: Path, body: bytes, kind: str, accounts: list[str], scope: str, close: bool
) -> None:
    async with gateway(tmp_path, server=stopping()) as served:
        answer = await served.client.post(
            "/api/trading/emergency-stop?ignored=1",
            content=body,
            headers={"Content-Type": kind} if kind else {},
        )

        assert answer.status_code == 200, answer.text
        asked: Any = served.server.asked_of("EmergencyStop")[-1]
        assert list(asked.account_ids) == accounts
        assert StopScope.Name(asked.scope) == f"STOP_SCOPE_{scope}"
        assert asked.close_positions is close


async def test_many_stops_at_once_with_all_kinds_of_bodies_all_get_the_answer(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=stopping()) as served:
        served.server.delays["EmergencyStop"] = 0.2
        calls = [
            served.client.post(
                "/api/trading/emergency-stop",
                content=body,
                headers={"Content-Type": kind, "Idempotency-Key": "x" * 100} if kind else {},
            )
            for body, kind, *_ in BODIES[:-1] * 10
        ]
        answers = await asyncio.gather(*calls)

        assert {answer.status_code for answer in answers} == {200}
        # The same wish is asked once, however often the button is pressed.
        assert len(served.server.asked_of("EmergencyStop")) < len(BODIES) * 2
        assert {json.loads(answer.content)["stopId"] for answer in answers} == {"s-1"}


async def test_a_stop_without_a_session_or_from_a_foreign_page_is_none(tmp_path: Path) -> None:
    async with gateway(tmp_path, server=stopping()) as served:
        foreign = await served.client.post(
            "/api/trading/emergency-stop", json={}, headers={"Origin": "https://evil.example"}
        )
        unknown = await served.client.post(
            "/api/trading/emergency-stop", json={}, headers={"Authorization": "Bearer nobody"}
        )

        assert foreign.status_code == 403
        assert unknown.status_code == 401
        assert not [one for one in served.server.asked_of("EmergencyStop") if one.account_ids]
