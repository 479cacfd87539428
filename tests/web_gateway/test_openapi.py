from __future__ import annotations

import re

import pytest

from signalos.v1 import error_reason_pb2
from web_gateway.contract_document import ContractDocument
from web_gateway.docs_page import docs_page
from web_gateway.openapi import openapi
from web_gateway.problems import GatewayReason
from web_gateway.routes import contract_routes, contract_services

SERVICES = contract_services()
ROUTES = contract_routes(SERVICES)
DOCUMENT = ContractDocument.load(SERVICES)
DESCRIBED = openapi(ROUTES, DOCUMENT)


def test_it_is_openapi_3_1() -> None:
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(DESCRIBED)


def test_every_route_is_in_it_once() -> None:
    operations = {
        (method.upper(), path) for path, methods in DESCRIBED["paths"].items() for method in methods
    }
    hooks = {("POST", "/api/hooks/{token}"), ("POST", "/api/hooks")}
    assert operations == {(route.method, route.template_in_json) for route in ROUTES} | hooks
    ids = [each["operationId"] for methods in DESCRIBED["paths"].values() for each in methods.values()]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere_and_every_part_says_what_it_is() -> None:
    references = set(re.findall(r"#/components/schemas/(\w+)", str(DESCRIBED)))
    schemas = DESCRIBED["components"]["schemas"]
    assert references <= schemas.keys()
    assert all(schema.get("description") for schema in schemas.values())
    assert all(
        operation["description"] for methods in DESCRIBED["paths"].values() for operation in methods.values()
    )


def test_rules_become_bounds() -> None:
    body = DESCRIBED["paths"]["/api/trades/{tradeId}/partial-close"]["post"]["requestBody"]
    percentage = body["content"]["application/json"]["schema"]["properties"]["percentage"]
    assert (percentage["minimum"], percentage["maximum"]) == (1, 99)


def test_the_page_names_every_path_and_reason_and_no_outside_host() -> None:
    page = docs_page(ROUTES, DOCUMENT)
    for route in ROUTES:
        assert route.template_in_json in page
    assert "/api/hooks/{token}" in page
    for value in error_reason_pb2.ErrorReason.DESCRIPTOR.values[1:]:
        assert f'id="reason-{value.name.removeprefix("ERROR_REASON_")}"' in page
    for reason in GatewayReason:
        assert f'id="reason-{reason}"' in page
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert "<script" not in page
    assert "style=" not in page
