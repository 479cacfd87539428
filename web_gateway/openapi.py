"""OpenAPI 3.1 of the REST paths, from the contract and its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from signalos.v1.signal_service_pb2 import SubmitWebhookResponse
from web_gateway import hook_rpc
from web_gateway.contract_document import ContractDocument
from web_gateway.naming import enum_names, is_wide, reads_as_number
from web_gateway.routes import Route
from web_gateway.rules import FieldRules, rules_of
from web_gateway.settings import Limits

_REQUEST_ONLY: Final = frozenset({"update_mask"})
_COMMAND: Final = "signalos.v1.Command"
_STOP: Final = "signalos.v1.ControlService.EmergencyStop"
_OPEN: Final = "signalos.v1.TradeService.OpenTrade"
_PUBLIC: Final = frozenset(
    {
        "signalos.v1.AuthService.Login",
        "signalos.v1.AuthService.Register",
        "signalos.v1.AuthService.SetUp",
        "signalos.v1.SystemService.GetHealth",
        "signalos.v1.SystemService.GetInfo",
    }
)

_INTRODUCTION: Final = (
    "Fields are lowerCamelCase; enum values have no type prefix. 64-bit ids (tickets, magic numbers, logins) "
    "are strings, counters (`seq`, `revision`) are numbers. What is not known is `null`. Bodies are taken "
    "strictly: unknown or repeated keys, numbers as text and the like are refused with the field's path and "
    "range. Programs authenticate with `Authorization: Bearer TOKEN`, browsers with a session cookie."
)

Schema = dict[str, Any]


def openapi_json(routes: Iterable[Route], document: ContractDocument) -> bytes:
    """The document as JSON."""
    return json.dumps(openapi(routes, document), ensure_ascii=False, indent=2).encode()


def openapi(routes: Iterable[Route], document: ContractDocument) -> Schema:
    """The document."""
    writer = _Writer(document)
    paths: Schema = {}
    for route in routes:
        operations = paths.setdefault(route.template_in_json, {})
        operations[route.method.lower()] = writer.operation(route)
    paths |= writer.hooks()
    return {
        "openapi": "3.1.0",
        "info": {"title": "SignalOS", "version": _version(), "description": _INTRODUCTION},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"cookie": []}],
        "tags": [
            {"name": service.name, "description": document.of(service.full_name)}
            for service in document.services
            if any(tag == service.name for tag in writer.tags)
        ],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "signalos_session"},
            },
            "schemas": {**writer.finished(), "Problem": _problem()},
            "responses": {
                "Problem": {
                    "description": "The call was refused, or could not be answered.",
                    "content": {
                        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    },
                }
            },
        },
    }


class _Writer:
    def __init__(self, document: ContractDocument) -> None:
        self._document = document
        self._schemas: dict[str, Schema] = {}
        self._used: dict[str, str] = {}
        self.tags: set[str] = set()

    def finished(self) -> dict[str, Schema]:
        return dict(sorted(self._schemas.items()))

    def operation(self, route: Route) -> Schema:
        service = route.rpc.containing_service
        assert service is not None
        self.tags.add(service.name)
        comment = self._document.of(route.full_name)
        uses = self._used.get(route.rpc.name)
        self._used[route.rpc.name] = route.template
        operation: Schema = {
            "operationId": route.rpc.name if uses is None else f"{route.rpc.name}Alias",
            "tags": [service.name],
            "summary": re.split(r"(?<=[.:;]) ", comment, maxsplit=1)[0],
            "description": comment,
            "parameters": self._parameters(route),
            "responses": self._responses(route),
        }
        if route.full_name in _PUBLIC:
            operation["security"] = []
        if route.takes_body:
            operation["requestBody"] = self._body(route)
        return operation

    def hooks(self) -> Schema:
        """The paths of webhooks: theirs is any body, and a token for a key, which the contract's bindings
        cannot say.
        """
        rpc = SubmitWebhookResponse.DESCRIPTOR
        comment = self._document.of(hook_rpc.RPC)
        self.tags.add("SignalService")
        token = self._document.of("signalos.v1.SubmitWebhookRequest.token")
        size = f"At most {Limits().hook_bytes // 1024} KiB, in UTF-8."
        schema = {"description": f"{self._document.of('signalos.v1.SubmitWebhookRequest.body')} {size}"}
        operation: Schema = {
            "tags": ["SignalService"],
            "summary": re.split(r"(?<=[.:;]) ", comment, maxsplit=1)[0],
            "security": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": schema},
                    "text/plain": {"schema": {**schema, "type": "string"}},
                },
            },
            "responses": {
                "202": {
                    "description": f"{self._document.of(rpc.full_name)} `Location` says where to read it.",
                    "headers": {"Location": {"schema": {"type": "string"}}},
                    "content": {"application/json": {"schema": self._reference(rpc)}},
                },
                "default": {"$ref": "#/components/responses/Problem"},
            },
        }
        parameter = {"required": True, "description": token, "schema": {"type": "string", "maxLength": 200}}
        elsewhere = {
            **parameter,
            "required": False,
            "description": f"{token} It may also be in `Authorization: Bearer` or in the member `token` of a "
            "JSON body, which is removed before the message is recorded.",
        }
        return {
            "/api/hooks/{token}": {
                "post": {
                    **operation,
                    "operationId": "SubmitWebhook",
                    "description": comment,
                    "parameters": [{"name": "token", "in": "path", **parameter}],
                }
            },
            "/api/hooks": {
                "post": {
                    **operation,
                    "operationId": "SubmitWebhookWithoutPath",
                    "description": f"{comment} Here the token is in a header or in the body.",
                    "parameters": [{"name": "X-SignalOS-Token", "in": "header", **elsewhere}],
                }
            },
        }

    def _parameters(self, route: Route) -> list[Schema]:
        parameters: list[Schema] = []
        for field in route.request.fields:
            if field.name in route.path_fields:
                parameters.append(self._parameter(field, "path", required=True))
            elif field.name == "request_id":
                parameters.append(
                    {
                        "name": "Idempotency-Key",
                        "in": "header",
                        "required": route.full_name == _OPEN,
                        "description": "The caller's idempotency key. A repeat returns the same command; the "
                        "gateway makes one where it is not required and missing.",
                        "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
                    }
                )
                if not route.takes_body:
                    parameters.append(self._parameter(field, "query", required=False))
            elif not route.takes_body:
                parameters.append(self._parameter(field, "query", required=False))
        return parameters

    def _parameter(self, field: FieldDescriptor, where: str, *, required: bool) -> Schema:
        return {
            "name": field.json_name,
            "in": where,
            "required": required,
            "description": self._document.of(field.full_name),
            "schema": self._field(field, describe=False),
        }

    def _body(self, route: Route) -> Schema:
        properties: Schema = {}
        required: list[str] = []
        for field in route.request.fields:
            if field.name in route.path_fields or field.name in _REQUEST_ONLY:
                continue
            properties[field.json_name] = self._field(field, request=True)
            if rules_of(field).required and field.name != "request_id":
                required.append(field.json_name)
        schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if required:
            schema["required"] = required
        return {"required": bool(required), "content": {"application/json": {"schema": schema}}}

    def _responses(self, route: Route) -> Schema:
        output = route.rpc.output_type
        content = {"application/json": {"schema": self._reference(output)}}
        responses: Schema = {"200": {"description": self._document.of(output.full_name), "content": content}}
        command = output.fields_by_name.get("command")
        is_command = (
            command is not None
            and command.message_type is not None
            and command.message_type.full_name == _COMMAND
        )
        if (is_command and route.mutates) or route.full_name == _STOP:
            responses["202"] = {
                "description": "Under way, or its outcome is not known; `Location` says where to follow it.",
                "headers": {"Location": {"schema": {"type": "string"}}},
                "content": content,
            }
        responses["default"] = {"$ref": "#/components/responses/Problem"}
        return responses

    def _field(self, field: FieldDescriptor, *, describe: bool = True, request: bool = False) -> Schema:
        rules = rules_of(field)
        schema = self._value(field, rules)
        if field.is_repeated:
            schema = {"type": "array", "items": schema}
            if rules.maximum_items is not None:
                schema["maxItems"] = rules.maximum_items
        elif field.has_presence and not _is_choice(field) and describe:
            schema = _or_null(schema)
        if describe:
            comment = self._document.of(field.full_name)
            if comment:
                schema = {**schema, "description": comment}
        if request and is_wide(field) and not field.is_repeated:
            schema["type"] = ["string", "integer"]
        return schema

    def _value(self, field: FieldDescriptor, rules: FieldRules) -> Schema:
        if field.message_type is not None:
            match field.message_type.full_name:
                case "google.protobuf.Timestamp":
                    return {"type": "string", "format": "date-time"}
                case "google.protobuf.Duration":
                    return {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$", "examples": ["60s"]}
                case "google.protobuf.FieldMask":
                    return {"type": "string"}
            return self._reference(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        match field.type:
            case FieldDescriptor.TYPE_BOOL:
                return {"type": "boolean"}
            case FieldDescriptor.TYPE_DOUBLE:
                return {"type": "number", **_bounds(rules)}
            case FieldDescriptor.TYPE_STRING:
                return {"type": "string", **_lengths(rules)}
        if is_wide(field) and not reads_as_number(field):
            return {"type": "string", "pattern": r"^-?\d{1,19}$"}
        return {"type": "integer", **_bounds(rules)}

    def _reference(self, descriptor: Descriptor) -> Schema:
        name = str(descriptor.name)
        if name not in self._schemas:
            schema: Schema = {"type": "object"}
            self._schemas[name] = schema
            comment = self._document.of(descriptor.full_name)
            if comment:
                schema["description"] = comment
            schema["properties"] = {field.json_name: self._field(field) for field in descriptor.fields}
            always = [field.json_name for field in descriptor.fields if not _is_choice(field)]
            if descriptor.name == "LoginResponse":
                # In the cookie unless the caller asks for it.
                always.remove("sessionToken")
            if always:
                schema["required"] = always
        return {"$ref": f"#/components/schemas/{name}"}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        name = str(enum.name)
        if name not in self._schemas:
            names = enum_names(enum)
            lines = [self._document.of(enum.full_name)]
            for value in enum.values:
                comment = self._document.of(f"{enum.full_name}.{value.name}")
                lines.append(f"- `{names[value.number]}`: {comment}")
            self._schemas[name] = {
                "type": "string",
                "enum": list(names.values()),
                "description": "\n".join(lines),
            }
        return {"$ref": f"#/components/schemas/{name}"}


def _is_choice(field: FieldDescriptor) -> bool:
    """A member of a real `oneof`: there only when it is the one that is set."""
    group = field.containing_oneof
    return group is not None and len(group.fields) > 1


def _or_null(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}


def _bounds(rules: FieldRules) -> Schema:
    stated = {
        "minimum": rules.minimum,
        "exclusiveMinimum": rules.exclusive_minimum,
        "maximum": rules.maximum,
        "exclusiveMaximum": rules.exclusive_maximum,
    }
    return {name: limit for name, limit in stated.items() if limit is not None}


def _lengths(rules: FieldRules) -> Schema:
    stated = {"minLength": rules.minimum_length, "maxLength": rules.maximum_length, "pattern": rules.pattern}
    return {name: limit for name, limit in stated.items() if limit is not None}


def _problem() -> Schema:
    return {
        "type": "object",
        "description": "RFC 9457. `reason` is one of the contract's `ErrorReason` or of the gateway's own.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "The gRPC status."},
            "reason": {"type": "string"},
            "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "field": {"type": "string", "description": "The JSON path."},
                        "description": {"type": "string"},
                        "reason": {"type": "string"},
                    },
                    "required": ["field", "description"],
                },
            },
        },
        "required": ["type", "title", "status", "detail", "code", "reason", "metadata", "errors"],
    }


def _version() -> str:
    try:
        return version("signalos")
    except PackageNotFoundError:
        return "unknown"
