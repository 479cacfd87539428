"""Refusals as gRPC says them: a status with one `ErrorInfo`, and `BadRequest` for fields."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import grpc
from buf.validate import validate_pb2
from google.protobuf import any_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc.aio import ServicerContext
from grpc_status import rpc_status
from protovalidate import Violation, collect_violations

from signalos.v1.control_service_pb2 import EmergencyStopRequest
from signalos_server.domain.errors import InvalidField, InvalidFields, OutOfRange, Refusal

DOMAIN = "signalos"


def status_of(refusal: Refusal) -> status_pb2.Status:
    """Return the `google.rpc.Status` that tells `refusal`."""
    details = [
        _packed(error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=refusal.metadata))
    ]
    violations: tuple[tuple[str, str], ...] = ()
    if isinstance(refusal, InvalidField):
        violations = refusal.violations
    elif isinstance(refusal, OutOfRange) and refusal.metadata.get("field"):
        violations = ((refusal.metadata["field"], refusal.message),)
    if violations:
        bad = error_details_pb2.BadRequest()
        for field, description in violations:
            bad.field_violations.add(field=field, description=description)
        details.append(_packed(bad))
    code = grpc.StatusCode[refusal.status.value]
    return status_pb2.Status(code=code.value[0], message=refusal.message, details=details)


def internal_status(correlation_id: str) -> status_pb2.Status:
    """Return what a caller is told of an error that nobody foresaw."""
    info = error_details_pb2.ErrorInfo(
        reason="INTERNAL", domain=DOMAIN, metadata={"correlation_id": correlation_id}
    )
    return status_pb2.Status(
        code=grpc.StatusCode.INTERNAL.value[0],
        message=f"something failed; the server's log has it under {correlation_id}",
        details=[_packed(info)],
    )


def _packed(message: Any) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


async def abort(context: ServicerContext[Any, Any], status: status_pb2.Status) -> NoReturn:
    """End the call with `status`."""
    # The stubs do not know it.
    await context.abort_with_status(rpc_status.to_status(status))  # type: ignore[attr-defined]
    raise AssertionError("abort raises")


def validate(request: Any) -> None:
    """Raise `InvalidFields` with the JSON path of each field that breaks its rule."""
    violations = collect_violations(request)
    broken = [(_json_path(violation), _message(violation, request.DESCRIPTOR)) for violation in violations]
    if not isinstance(request, EmergencyStopRequest):
        # A stop is not refused for its reason's sake; it leaves the zeros out.
        broken += [(path, "must not hold a zero character") for path in _with_zeros(request, "")]
    if broken:
        raise InvalidFields(tuple(broken))


def _with_zeros(message: Message, path: str) -> Iterator[str]:
    """Yield the JSON paths of the texts that PostgreSQL cannot store."""
    for field, value in message.ListFields():
        if field.message_type is None and field.type != field.TYPE_STRING:
            continue
        name = f"{path}.{field.json_name}" if path else field.json_name
        for index, one in enumerate(value if field.is_repeated else (value,)):
            where = f"{name}[{index}]" if field.is_repeated else name
            if field.message_type is not None:
                yield from _with_zeros(one, where)
            elif "\0" in one:
                yield where


# What the contract's patterns ask for, for people: a pattern is no explanation.
_PATTERN_WORDS = {
    "^[A-Za-z0-9._@-]{3,64}$": "must be 3 to 64 letters, digits and . _ @ -",
    "^[!-~]{1,64}$": "must be 1 to 64 visible ASCII characters, without blanks",
    "^[!-~][ -~]{0,31}$": "must be 1 to 32 visible ASCII characters",
    "^[ -~]{0,32}$": "must be at most 32 visible ASCII characters",
    "^[ -~]{0,64}$": "must be at most 64 visible ASCII characters",
}


# A field of the contract as a rule's own words name it; callers know it by its JSON name.
_CONTRACT_NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def _message(violation: Violation, message: Descriptor) -> str:
    if violation.proto.rule_id == "string.pattern" and isinstance(violation.rule_value, str):
        words = _PATTERN_WORDS.get(violation.rule_value)
        if words is not None:
            return words
    if violation.proto.rule_id in ("enum.not_in", "enum.defined_only"):
        words = _choices(violation, message)
        if words:
            return f"must be one of {words}"
    words = violation.proto.message or violation.proto.rule_id or "breaks its rule"
    return _CONTRACT_NAME.sub(lambda found: _json_name(found[0]), words)


def _choices(violation: Violation, message: Descriptor) -> str:
    """Return the values that an enum's field takes, without their prefix; empty: not to be found."""
    field: FieldDescriptor | None = None
    for element in violation.proto.field.elements if violation.proto.field is not None else ():
        field = message.fields_by_name.get(element.field_name)
        if field is None:
            return ""
        message = field.message_type or message
    if field is None or field.enum_type is None:
        return ""
    rules = field.GetOptions().Extensions[validate_pb2.field].enum
    refused = {*rules.not_in, *field.GetOptions().Extensions[validate_pb2.field].repeated.items.enum.not_in}
    names = {value.number: value.name for value in field.enum_type.values}
    prefix = names[0].removesuffix("UNSPECIFIED")
    return ", ".join(
        name.removeprefix(prefix) for number, name in names.items() if number and number not in refused
    )


def _json_path(violation: Violation) -> str:
    path = ""
    field = violation.proto.field
    for element in field.elements if field is not None else ():
        name = _json_name(element.field_name)
        path += f".{name}" if path else name
        subscript = element.subscript
        if subscript is not None:
            path += f"[{subscript.value!r}]" if isinstance(subscript.value, str) else f"[{subscript.value}]"
    return path


def _json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)
