"""`/api/docs`: the paths and their errors as one page, without script and without an outside host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Any

from signalos.v1 import error_reason_pb2
from web_gateway.contract_document import ContractDocument
from web_gateway.openapi import Schema, openapi
from web_gateway.problems import REASONS_IN_WORDS
from web_gateway.routes import Route


def docs_page(routes: Iterable[Route], document: ContractDocument) -> str:
    """The HTML."""
    described = openapi(routes, document)
    by_tag: dict[str, list[str]] = {}
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            by_tag.setdefault(operation["tags"][0], []).append(_operation(method.upper(), path, operation))
    tags = {tag["name"]: tag["description"] for tag in described["tags"]}
    contents = "".join(f'<li><a href="#{name}">{name}</a></li>' for name in by_tag)
    sections = "".join(
        f'<section id="{name}"><h2>{name}</h2><p>{_words(tags[name])}</p>{"".join(parts)}</section>'
        for name, parts in by_tag.items()
    )
    schemas = "".join(_schema(name, schema) for name, schema in described["components"]["schemas"].items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>SignalOS API</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/docs.css"></head><body>'
        "<header><h1>SignalOS API</h1>"
        f"<p>{_words(described['info']['description'])}</p>"
        '<p>For programs: <a href="/api/openapi.json">openapi.json</a>.</p></header>'
        f'<nav><ul>{contents}<li><a href="#reasons">Reasons of errors</a></li>'
        f'<li><a href="#schemas">Schemas</a></li></ul></nav><main>{sections}{_reasons(document)}'
        f'<section id="schemas"><h2>Schemas</h2>{schemas}</section></main></body></html>'
    )


def _operation(method: str, path: str, operation: Schema) -> str:
    rows = "".join(
        _row(f"{parameter['name']} ({parameter['in']})", parameter["schema"], parameter["description"],
             required=parameter["required"])
        for parameter in operation["parameters"]
    )  # fmt: skip
    body = operation.get("requestBody")
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        rows += _rows(schema) if "properties" in schema else _row("(body)", schema, schema["description"],
                                                                  required=body["required"])  # fmt: skip
    table = f"<table>{rows}</table>" if rows else ""
    answers = operation["responses"]
    statuses = [status for status in ("200", "202") if status in answers]
    shown = _type(answers[statuses[0]]["content"]["application/json"]["schema"])
    told = " or ".join(statuses)
    also = " with <code>Location</code>" if "202" in answers else ""
    return (
        f'<article id="{escape(operation["operationId"])}"><h3><span class="method">{method}</span> '
        f"<code>{escape(path)}</code></h3><p>{_words(operation['description'])}</p>{table}"
        f"<p>Answers {told}{also}: {shown}</p></article>"
    )


def _schema(name: str, schema: Schema) -> str:
    text = schema.get("description", "")
    words = "".join(f"<p>{_words(line.removeprefix('- '))}</p>" for line in text.splitlines() if line)
    rows = _rows(schema)
    table = f"<table>{rows}</table>" if rows else ""
    return f'<article id="schema-{escape(name)}"><h3>{escape(name)}</h3>{words}{table}</article>'


def _rows(schema: Schema) -> str:
    required = set(schema.get("required", ()))
    return "".join(
        _row(name, field, field.get("description", ""), required=name in required)
        for name, field in schema.get("properties", {}).items()
    )


def _row(name: str, schema: Schema, description: str, *, required: bool) -> str:
    mark = "<strong>required</strong>" if required else ""
    return (
        f"<tr><td><code>{escape(name)}</code></td><td>{_type(schema)} {mark}</td>"
        f"<td>{_words(description)}</td></tr>"
    )


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rsplit("/", 1)[1])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{escape(words)}{_range(schema)}"


def _range(schema: Schema) -> str:
    bounds: list[tuple[str, Any]] = [
        ("≥", schema.get("minimum")),
        (">", schema.get("exclusiveMinimum")),
        ("≤", schema.get("maximum")),
        ("<", schema.get("exclusiveMaximum")),
    ]
    told = ", ".join(f"{escape(sign)} {limit:g}" for sign, limit in bounds if limit is not None)
    return f", {told}" if told else ""


def _reasons(document: ContractDocument) -> str:
    enum = error_reason_pb2.ErrorReason.DESCRIPTOR
    told = {
        value.name.removeprefix("ERROR_REASON_"): document.of(f"{enum.full_name}.{value.name}")
        for value in enum.values
        if value.number != 0
    }
    told |= {str(reason): words for reason, words in REASONS_IN_WORDS.items()}
    rows = "".join(
        f'<tr id="reason-{name}"><td><code>{name}</code></td><td>{_words(words)}</td></tr>'
        for name, words in told.items()
    )
    return f'<section id="reasons"><h2>Reasons of errors</h2><table>{rows}</table></section>'


def _words(text: str) -> str:
    """Escaped, with `code` as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
