"""What a client may send over the WebSocket, read strictly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from web_gateway.live.socket import Cursor
from web_gateway.strict_json import JsonError, JsonValue, loads

MAXIMUM_FRAME_BYTES: Final = 64 * 1024
_MAXIMUM_TOKEN: Final = 512
_LARGEST_SEQ: Final = 2**53


class FrameError(Exception):
    """The frame is not one that is taken here. `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`{"type":"authenticate","data":{"token":"…"}}`"""

    token: str


@dataclass(frozen=True, slots=True)
class Ping:
    """`{"type":"ping","id":"…"}`; the pong carries the id."""

    id: str


@dataclass(frozen=True, slots=True)
class Ack:
    """`{"type":"ack","data":{"seq":7}}`"""

    seq: int


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`{"type":"subscribe","data":{"afterSeq":7,"epoch":"…"}}`; without a cursor: from a snapshot."""

    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Test:
    """`{"type":"test","data":{…}}`; echoed to its sender alone."""

    data: JsonValue


ClientFrame: TypeAlias = Authenticate | Ping | Ack | Subscribe | Test


def read_frame(text: str) -> ClientFrame:
    """The frame that `text` is. Raises `FrameError`."""
    try:
        value = loads(text.encode("utf-8", "surrogatepass"))
    except JsonError as error:
        raise FrameError("BAD_JSON", f"{error.path or 'the frame'}: {error.problem}") from None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise FrameError("BAD_FRAME", "a frame is an object with a type")
    unknown = value.keys() - {"type", "id", "data"}
    if unknown:
        raise FrameError("BAD_FRAME", f"a frame has type, id and data, not {sorted(unknown)[0][:50]}")
    identity = value.get("id", "")
    if not isinstance(identity, str) or len(identity) > 64:
        raise FrameError("BAD_FRAME", "id is text of at most 64 characters")
    data = value.get("data")
    match value["type"]:
        case "authenticate":
            token = _members(data, "token").get("token")
            if not isinstance(token, str) or not 0 < len(token) <= _MAXIMUM_TOKEN or not token.isascii():
                raise FrameError("BAD_FRAME", "authenticate needs data.token")
            return Authenticate(token)
        case "ping":
            return Ping(identity)
        case "ack":
            return Ack(_seq(_members(data, "seq").get("seq"), "data.seq"))
        case "subscribe":
            members = _members(data, "afterSeq", "epoch")
            epoch = members.get("epoch")
            if epoch is None and members.get("afterSeq") is None:
                return Subscribe(None)
            if not isinstance(epoch, str) or not 0 < len(epoch) <= 64:
                raise FrameError("BAD_FRAME", "data.epoch and data.afterSeq go together")
            return Subscribe(Cursor(epoch, _seq(members.get("afterSeq"), "data.afterSeq")))
        case "test":
            return Test(data)
        case other:
            raise FrameError("UNKNOWN_TYPE", f"clients do not send {str(other)[:50]}")


def _members(data: JsonValue, *names: str) -> dict[str, JsonValue]:
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise FrameError("BAD_FRAME", "data is an object")
    unknown = data.keys() - set(names)
    if unknown:
        raise FrameError("BAD_FRAME", f"data has {' and '.join(names)}, not {sorted(unknown)[0][:50]}")
    return data


def _seq(value: JsonValue, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_SEQ:
        raise FrameError("BAD_FRAME", f"{name} is a whole number from 0")
    return value
