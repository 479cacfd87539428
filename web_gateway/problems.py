"""Errors as RFC 9457 `application/problem+json`: the server's, without loss, and the gateway's own.

`code` is the gRPC status, `reason` the registered `ErrorReason` (or one of `GatewayReason`), `metadata` what
the reason's message names, `errors` the fields that are wrong, by JSON path.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Final, cast

import grpc
import orjson
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # ships no stubs

from web_gateway.decoding import FieldProblem
from web_gateway.naming import json_path

DOMAIN: Final = "signalos"
MEDIA_TYPE: Final = "application/problem+json"
_AGAIN: Final = "; whether it was accepted is not known, repeat it with the same Idempotency-Key"
# For a refusal that leaves a part of the request unread.
CLOSE: Final = (("connection", "close"),)
_DETAILS_KEY: Final = "grpc-status-details-bin"

HTTP_STATUS: Final[Mapping[str, int]] = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 409,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}


class GatewayReason(StrEnum):
    """Reasons that only the gateway gives, beside those of the contract's `ErrorReason`."""

    NO_SUCH_PATH = "NO_SUCH_PATH"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    BODY_TOO_SLOW = "BODY_TOO_SLOW"
    BAD_JSON = "BAD_JSON"
    BAD_HOST = "BAD_HOST"
    BAD_ORIGIN = "BAD_ORIGIN"
    SERVER_UNREACHABLE = "SERVER_UNREACHABLE"
    SERVER_TOO_SLOW = "SERVER_TOO_SLOW"


_OUTCOME_UNKNOWN: Final = (
    "Whether it accepted a call that changes something is not known: repeat it with the same "
    "`Idempotency-Key`. Metadata `request_id` where there is one."
)

REASONS_IN_WORDS: Final[Mapping[GatewayReason, str]] = {
    GatewayReason.NO_SUCH_PATH: "There is no such path. 404.",
    GatewayReason.METHOD_NOT_ALLOWED: "The path is served under other methods; `Allow` names them. 405.",
    GatewayReason.UNSUPPORTED_MEDIA_TYPE: "The body is not `application/json`. 415.",
    GatewayReason.BODY_TOO_LARGE: "The body is larger than is taken. 413; metadata `limit_bytes`.",
    GatewayReason.BODY_TOO_SLOW: "The body did not arrive in time. 408; metadata `limit_seconds`.",
    GatewayReason.BAD_JSON: "The body is not JSON, or is JSON that two readers could understand "
    "differently. 400.",
    GatewayReason.BAD_HOST: "The `Host` is not one that this gateway serves. 421; metadata `host`.",
    GatewayReason.BAD_ORIGIN: "A page of another origin made the call, or a call by cookie that would change "
    "something does not say which page made it. 403; metadata `origin`.",
    GatewayReason.SERVER_UNREACHABLE: f"The server is away. {_OUTCOME_UNKNOWN} 503.",
    GatewayReason.SERVER_TOO_SLOW: f"The server did not answer in time. {_OUTCOME_UNKNOWN} 504.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal, ready to be told."""

    status: int
    code: str
    reason: str
    detail: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    errors: tuple[Mapping[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def body(self) -> bytes:
        """The JSON."""
        return orjson.dumps(
            {
                "type": f"/api/docs#reason-{self.reason}" if self.reason else "about:blank",
                "title": _title(self.status),
                "status": self.status,
                "detail": self.detail,
                "code": self.code,
                "reason": self.reason,
                "metadata": dict(self.metadata),
                "errors": [dict(error) for error in self.errors],
            }
        )


class ProblemError(Exception):
    """Ends the handling of a request with `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def invalid_fields(problems: Iterable[FieldProblem]) -> Problem:
    """400 for values that do not fit the contract."""
    listed = tuple(problems)
    first = listed[0]
    more = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
    return Problem(
        status=400,
        code="INVALID_ARGUMENT",
        reason="INVALID_FIELD",
        detail=f"{first.path or 'the body'}: {first.problem}{more}",
        errors=tuple({"field": each.path, "description": each.problem} for each in listed),
    )


def rate_limited(limit: str, retry_after_seconds: float) -> Problem:
    """429, with when to try again."""
    seconds = max(1, -int(-retry_after_seconds // 1))
    return Problem(
        status=429,
        code="RESOURCE_EXHAUSTED",
        reason="RATE_LIMITED",
        detail=f"too many calls ({limit}); try again in {seconds} s",
        metadata={"limit": limit, "retry_after_seconds": str(seconds)},
        headers=(("retry-after", str(seconds)),),
    )


def from_rpc_error(error: grpc.aio.AioRpcError, *, request_id: str = "") -> Problem:
    """The server's refusal, or that it is away, as a problem.

    `request_id` is told where the outcome of a call that changes something is not known.
    """
    code = error.code().name
    status = HTTP_STATUS.get(code, 500)
    details = error.details() or ""
    told = _status_details(error)
    if told is None:
        return _without_details(code, status, details, request_id)
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Mapping[str, str]] = []
    for packed in told.details:
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        if packed.Unpack(info):
            reason = info.reason
            metadata = dict(info.metadata)
            if info.domain not in ("", DOMAIN):
                metadata.setdefault("domain", info.domain)
        elif packed.Unpack(bad):
            violations.extend(_violation(each) for each in bad.field_violations)
    headers: list[tuple[str, str]] = []
    if "retry_after_seconds" in metadata:
        headers.append(("retry-after", metadata["retry_after_seconds"].split(".")[0] or "1"))
    if status == 401:
        headers.append(("www-authenticate", "Bearer"))
    return Problem(status, code, reason, told.message or details, metadata, tuple(violations), tuple(headers))


def _violation(violation: error_details_pb2.BadRequest.FieldViolation) -> Mapping[str, str]:
    told = {"field": json_path(violation.field), "description": violation.description}
    if getattr(violation, "reason", ""):
        told["reason"] = violation.reason
    return told


def _status_details(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    trailers = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for key, value in trailers:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status = status_pb2.Status()
            status.MergeFromString(value)
            return status
    return None


def _without_details(code: str, status: int, details: str, request_id: str) -> Problem:
    """An error that the server did not word: the transport's, or a dead-line."""
    metadata = {"request_id": request_id} if request_id else {}
    if code == "UNAVAILABLE":
        return Problem(
            status,
            code,
            GatewayReason.SERVER_UNREACHABLE,
            "the server cannot be reached" + (_AGAIN if metadata else ""),
            metadata,
            headers=(("retry-after", "1"),),
        )
    if code == "DEADLINE_EXCEEDED":
        return Problem(
            status,
            code,
            GatewayReason.SERVER_TOO_SLOW,
            "the server did not answer in time" + (_AGAIN if metadata else ""),
            metadata,
        )
    headers = (("www-authenticate", "Bearer"),) if status == 401 else ()
    return Problem(status, code, "", details or code.lower().replace("_", " "), metadata, (), headers)


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Closed Request" if status == 499 else "Error"
