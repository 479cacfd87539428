"""Requests over HTTP to messages: the body, the query, the path, the idempotency key and the update mask."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

import structlog
from google.protobuf.message import Message
from starlette.types import Receive

from web_gateway.bodies import read_body
from web_gateway.decoding import FIELD_MASK, Decoder, FieldProblem, InputError
from web_gateway.problems import GatewayReason, Problem, ProblemError, invalid_fields
from web_gateway.routes import Found, Route, RouteError
from web_gateway.settings import Limits, Timings
from web_gateway.strict_json import JsonError, JsonValue, loads

_log = structlog.get_logger(__name__)

_REQUEST_ID: Final = re.compile(r"[!-~]{1,64}")
_OPEN: Final = "signalos.v1.TradeService.OpenTrade"
_COMMAND: Final = "signalos.v1.Command"
_STOP_ACCOUNTS: Final = "accountIds"
# Fields of requests that say how to act, not what to set; never part of an update mask.
_NOT_UPDATABLE: Final = frozenset(
    {"request_id", "update_mask", "account_id", "wait", "time_to_live", "validate_only"}
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of a route before any request."""

    route: Route
    path_names: frozenset[str]
    reserved: Mapping[str, str]
    has_request_id: bool
    has_wait: bool
    answers_command: bool
    # Of the fields that an update mask may name: their names by JSON name, below `mask_parent` if there is
    # one. None: the request has no mask.
    mask: Mapping[str, str] | None
    mask_parent: str


class Inbound:
    """Reads requests."""

    def __init__(self, limits: Limits, timings: Timings) -> None:
        self._limits = limits
        self._timings = timings
        self._decoder = Decoder()

    def prepare(self, route: Route) -> Shape:
        """Gets ready for a route. Raises `RouteError` for one that cannot be served."""
        self._decoder.prepare(route.request)
        return _shape(route)

    async def read_body(self, route: Route, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The whole body, empty where there is none. Raises `ProblemError`."""
        body = await read_body(
            headers, receive, limit_bytes=self._limits.body_bytes, seconds=self._timings.body_seconds
        )
        if body and not route.takes_body:
            raise ProblemError(invalid_fields([FieldProblem("", f"{route.method} takes no body here")]))
        if body and not _is_json(headers.get(b"content-type", b"")):
            raise ProblemError(
                Problem(
                    415,
                    "INVALID_ARGUMENT",
                    GatewayReason.UNSUPPORTED_MEDIA_TYPE,
                    "the body has to be application/json",
                )
            )
        return body

    async def read_stop(self, shape: Shape, headers: Mapping[bytes, bytes], receive: Receive) -> Message:
        """What an emergency stop's body says, as far as it can be read; the rest is logged. Never refused.

        What cannot be read is left out, which stops more rather than less: without a body, or with accounts
        that cannot be read, all that the caller may trade. Only `closePositions` has to be said plainly.
        """
        message = shape.route.request_class()
        try:
            body = await self.read_body(
                shape.route, {**headers, b"content-type": b"application/json"}, receive
            )
            members = loads(body) if body.strip() else {}
        except ProblemError as error:
            _log.warning("a stop's body cannot be read", problem=error.problem.detail)
            return message
        except JsonError as error:
            _log.warning("a stop's body cannot be read", problem=error.problem)
            return message
        try:
            self._decoder.decode(members, message, reserved={})
        except InputError as error:
            _log.warning("a part of a stop's body cannot be read", problem=str(error))
            if any(problem.path.startswith(_STOP_ACCOUNTS) for problem in error.problems):
                message.ClearField("account_ids")
                message.ClearField("scope")
        return message

    def decode(
        self, shape: Shape, found: Found, body: bytes, query: bytes, headers: Mapping[bytes, bytes]
    ) -> Message:
        """The request's message. Raises `ProblemError` with every field that does not fit."""
        route = shape.route
        message = route.request_class()
        members: JsonValue = {}
        named: frozenset[str] = frozenset()
        try:
            if route.takes_body:
                if query:
                    raise InputError([FieldProblem("?", "this call takes no query parameters")])
                members = loads(body) if body.strip() else {}
                named = self._decoder.decode(members, message, reserved=shape.reserved)
            else:
                pairs = parse_qsl(
                    query.decode("latin-1"),
                    keep_blank_values=True,
                    strict_parsing=bool(query),
                    errors="strict",
                )
                self._decoder.decode_query(pairs, message, bound=shape.path_names)
        except JsonError as error:
            raise ProblemError(
                Problem(
                    400,
                    "INVALID_ARGUMENT",
                    GatewayReason.BAD_JSON,
                    f"{error.path or 'the body'}: {error.problem}",
                    errors=({"field": error.path, "description": error.problem},),
                )
            ) from error
        except InputError as error:
            raise ProblemError(invalid_fields(error.problems)) from error
        except ValueError as error:
            raise ProblemError(invalid_fields([FieldProblem("?", "the query cannot be read")])) from error
        for name, value in found.path_values.items():
            setattr(message, name, value)
        if shape.has_request_id:
            _set_request_id(route, message, headers)
        if shape.mask is not None:
            _set_mask(shape, message, named, members)
        return message


def _shape(route: Route) -> Shape:
    request = route.request
    fields = request.fields_by_name
    for name in route.path_fields:
        if fields[name].type != fields[name].TYPE_STRING:
            raise RouteError(f"{route.full_name}: only text can be part of a path")
    reserved = {fields[name].json_name: "is given by the path" for name in route.path_fields}
    mask: dict[str, str] | None = None
    parent = ""
    mask_type = fields["update_mask"].message_type if "update_mask" in fields else None
    if mask_type is not None and mask_type.full_name == FIELD_MASK:
        reserved["updateMask"] = "is made from the names in the body; leave it out"
        settable = [
            field
            for field in request.fields
            if field.name not in _NOT_UPDATABLE and field.name not in route.path_fields
        ]
        if len(settable) == 1 and settable[0].message_type is not None:
            parent = settable[0].json_name
            settable = list(settable[0].message_type.fields)
        mask = {field.json_name: field.name for field in settable}
    command = route.rpc.output_type.fields_by_name.get("command")
    return Shape(
        route=route,
        path_names=frozenset(route.path_fields),
        reserved=reserved,
        has_request_id="request_id" in fields,
        has_wait="wait" in fields,
        answers_command=command is not None
        and command.message_type is not None
        and command.message_type.full_name == _COMMAND,
        mask=mask,
        mask_parent=parent,
    )


def _set_request_id(route: Route, message: Message, headers: Mapping[bytes, bytes]) -> None:
    header = headers.get(b"idempotency-key", b"").decode("latin-1").strip()
    stated = str(getattr(message, "request_id", ""))
    if header and stated and header != stated:
        raise ProblemError(
            invalid_fields([FieldProblem("requestId", "differs from the Idempotency-Key header")])
        )
    request_id = header or stated
    if request_id and not _REQUEST_ID.fullmatch(request_id):
        where = "requestId" if stated else "Idempotency-Key"
        raise ProblemError(invalid_fields([FieldProblem(where, "must be 1 to 64 visible ASCII characters")]))
    if not request_id:
        if route.full_name == _OPEN and not getattr(message, "validate_only", False):
            raise ProblemError(
                Problem(
                    400,
                    "INVALID_ARGUMENT",
                    "REQUEST_ID_REQUIRED",
                    "opening needs the header Idempotency-Key, so that a repeat does not trade twice",
                )
            )
        request_id = str(uuid.uuid4())
    setattr(message, "request_id", request_id)  # noqa: B010  (not a field of every message)


def _set_mask(shape: Shape, message: Message, named: frozenset[str], members: JsonValue) -> None:
    assert shape.mask is not None
    if shape.mask_parent:
        inner = members.get(shape.mask_parent) if isinstance(members, dict) else None
        paths = [shape.mask[key] for key in inner] if isinstance(inner, dict) else []
    else:
        paths = [name for name in shape.mask.values() if name in named]
    if not paths:
        choice = ", ".join(shape.mask)
        raise ProblemError(
            invalid_fields([FieldProblem(shape.mask_parent, f"names nothing to change; there are: {choice}")])
        )
    getattr(message, "update_mask").paths.extend(paths)  # noqa: B009  (not a field of every message)


def _is_json(content_type: bytes) -> bool:
    media, _, parameters = content_type.decode("latin-1").lower().partition(";")
    charset = parameters.replace(" ", "").replace('"', "")
    return media.strip() == "application/json" and charset in ("", "charset=utf-8")
