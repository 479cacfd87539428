"""`docs/websocket.md` shows every frame that there is, as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from signalos.v1.event_pb2 import Event
from web_gateway.live.frames import GATEWAY_TYPES

TEXT = (Path(__file__).parents[3] / "docs" / "websocket.md").read_text(encoding="utf-8")
EXAMPLES: dict[str, Any] = {
    frame["type"]: frame for frame in map(json.loads, re.findall(r"```json\n(.*?)\n```", TEXT, re.DOTALL))
}
EVENTS = {field.name: field.message_type for field in Event.DESCRIPTOR.oneofs_by_name["data"].fields}


@pytest.mark.parametrize("kind", [*EVENTS, *GATEWAY_TYPES])
def test_every_type_has_an_example(kind: str) -> None:
    assert {"type", "id", "timestamp", "data"} <= EXAMPLES[kind].keys() <= {
        "type", "id", "seq", "timestamp", "data",
    }  # fmt: skip


def test_no_other_type_is_shown() -> None:
    assert EXAMPLES.keys() == {*EVENTS, *GATEWAY_TYPES}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_examples_data_has_the_fields_of_the_contract(kind: str) -> None:
    descriptor = EVENTS[kind]
    assert descriptor is not None
    stated = {field.json_name for field in descriptor.fields}
    assert stated <= EXAMPLES[kind]["data"].keys()
    assert EXAMPLES[kind]["data"].keys() - stated <= {"accountId", "serverConnected", "serverAgeSeconds"}
