"""The REST paths of the contract: one for each `google.api.http` binding of any service."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from google.api import annotations_pb2, http_pb2  # type: ignore[import-untyped]  # ships no stubs
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import signalos.v1

_VERBS = ("get", "put", "post", "delete", "patch")


@dataclass(frozen=True, slots=True)
class Route:
    """One method and path, and the RPC behind it."""

    method: str
    template: str
    rpc: MethodDescriptor
    request_class: type[Message]
    response_class: type[Message]
    path_fields: tuple[str, ...]
    takes_body: bool

    @property
    def full_name(self) -> str:
        """E.g. `signalos.v1.TradeService.CloseTrade`."""
        name: str = self.rpc.full_name
        return name

    @property
    def grpc_path(self) -> str:
        """E.g. `/signalos.v1.TradeService/CloseTrade`."""
        return f"/{self.rpc.containing_service.full_name}/{self.rpc.name}"

    @property
    def template_in_json(self) -> str:
        """The template with its parameters named as JSON names them."""
        template = self.template
        for name in self.path_fields:
            template = template.replace(f"{{{name}}}", f"{{{self.request.fields_by_name[name].json_name}}}")
        return template

    @property
    def request(self) -> Descriptor:
        """The request's descriptor."""
        return self.rpc.input_type

    @property
    def mutates(self) -> bool:
        """Whether a call may change something."""
        return self.method != "GET"


@dataclass(frozen=True, slots=True)
class Found:
    """A route, and the values of its path."""

    route: Route
    path_values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MethodNotAllowed:
    """The path is known under other methods."""

    allowed: tuple[str, ...]


class RouteError(Exception):
    """The contract's bindings cannot be served. Told at start."""


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    routes: dict[str, Route] = field(default_factory=dict)


class RouteTable:
    """Finds the route of a request; literal segments win over parameters."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def find(self, method: str, raw_path: bytes) -> Found | MethodNotAllowed | None:
        """The route of `method` and `raw_path` (percent-encoded, without query), or None if there is no path.

        `HEAD` is served as `GET`.
        """
        try:
            segments = [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")[1:]]
        except UnicodeDecodeError:
            return None
        wanted = "GET" if method == "HEAD" else method
        allowed: set[str] = set()
        for node, values in _walk(self._root, segments, 0, ()):
            route = node.routes.get(wanted)
            if route is not None:
                return Found(route, dict(zip(route.path_fields, values, strict=True)))
            allowed.update(node.routes)
        if not allowed:
            return None
        if "GET" in allowed:
            allowed.add("HEAD")
        return MethodNotAllowed(tuple(sorted(allowed)))

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.template.split("/")[1:]:
            if segment.startswith("{"):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        if route.method in node.routes:
            raise RouteError(f"{route.method} {route.template} is bound twice")
        node.routes[route.method] = route


def contract_services() -> list[ServiceDescriptor]:
    """Every service of `signalos.v1`, by name."""
    services: list[ServiceDescriptor] = []
    for module in pkgutil.iter_modules(signalos.v1.__path__):
        if module.name.endswith("_service_pb2"):
            described = importlib.import_module(f"signalos.v1.{module.name}").DESCRIPTOR
            services.extend(described.services_by_name.values())
    return sorted(services, key=lambda service: str(service.full_name))


def contract_routes(services: Iterable[ServiceDescriptor]) -> list[Route]:
    """The routes of `services` in the contract's order. Raises `RouteError` for what cannot be served."""
    return [
        _route(rpc, rule)
        for service in services
        for rpc in service.methods
        if rpc.GetOptions().HasExtension(annotations_pb2.http)
        for rule in _rules(rpc.GetOptions().Extensions[annotations_pb2.http])
    ]


def _rules(rule: http_pb2.HttpRule) -> Iterator[http_pb2.HttpRule]:
    yield rule
    yield from rule.additional_bindings


def _route(rpc: MethodDescriptor, rule: http_pb2.HttpRule) -> Route:
    verb = rule.WhichOneof("pattern")
    if verb not in _VERBS:
        raise RouteError(f"{rpc.full_name}: {verb} is not served")
    if rpc.server_streaming or rpc.client_streaming:
        raise RouteError(f"{rpc.full_name}: streams have no REST path")
    if rule.body not in ("", "*"):
        raise RouteError(f"{rpc.full_name}: only the body * is served")
    template: str = getattr(rule, verb)
    fields = tuple(part[1:-1] for part in template.split("/") if part.startswith("{"))
    for name in fields:
        if name not in rpc.input_type.fields_by_name:
            raise RouteError(f"{rpc.full_name}: {template} names a field that the request has not")
    return Route(
        method=verb.upper(),
        template=template,
        rpc=rpc,
        request_class=GetMessageClass(rpc.input_type),
        response_class=GetMessageClass(rpc.output_type),
        path_fields=fields,
        takes_body=rule.body == "*",
    )


def _walk(
    node: _Node, segments: list[str], index: int, values: tuple[str, ...]
) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    if index == len(segments):
        yield node, values
        return
    segment = segments[index]
    literal = node.literals.get(segment)
    if literal is not None:
        yield from _walk(literal, segments, index + 1, values)
    if node.parameter is not None and segment:
        yield from _walk(node.parameter, segments, index + 1, (*values, segment))
