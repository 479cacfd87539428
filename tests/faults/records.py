"""What a run leaves behind for whoever checks it: JSON lines, written as things happen."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.world import Caller


class Lines:
    """A file of JSON objects, a line each, flushed at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")

    def write(self, **record: Any) -> None:
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


@dataclass
class Call:
    """One call of a client, and what it was told."""

    sent_at: float
    at: float
    key: str | None
    status: int | None
    response: Any
    error: str = ""

    @property
    def command(self) -> dict[str, Any] | None:
        found = self.response.get("command") if isinstance(self.response, dict) else None
        return found if isinstance(found, dict) else None

    @property
    def accepted(self) -> bool:
        return self.status in (200, 202)

    @property
    def reason(self) -> str:
        """The reason of a refusal."""
        return str(self.response.get("reason", "")) if isinstance(self.response, dict) else ""


@dataclass
class Client:
    """A caller over REST whose every call is on record."""

    caller: Caller
    lines: Lines
    name: str = "c1"
    calls: list[Call] = field(default_factory=list)
    in_flight: set[str] = field(default_factory=set)

    async def call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        key: str | None = None,
        **query: Any,
    ) -> Call:
        """Calls once; a broken connection is an answer too: none."""
        sent_at = time.time()
        headers = {"Idempotency-Key": key} if key is not None else {}
        mark = f"{method} {path} {key} {sent_at}"
        self.in_flight.add(mark)
        try:
            answer = await self.caller.client.request(
                method, path, json=body, headers=headers, params=query or None
            )
            response = answer.json() if answer.content else None
            call = Call(sent_at, time.time(), key, answer.status_code, response)
        except (httpx.HTTPError, ValueError) as error:
            call = Call(sent_at, time.time(), key, None, None, f"{type(error).__name__}: {error}")
        finally:
            self.in_flight.discard(mark)
        self.calls.append(call)
        self.lines.write(
            at=call.at,
            sent_at=sent_at,
            client=self.name,
            method=method,
            path=path,
            idempotency_key=key,
            body=body,
            status=call.status,
            response=call.response,
            error=call.error,
            command_id=(call.command or {}).get("commandId"),
        )
        return call
