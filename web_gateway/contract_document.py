"""The contract's comments, which the generated modules do not carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

_FILE: Final = Path(__file__).parent / "contract.binpb"
_PACKAGE: Final = "signalos.v1"

# Field numbers of `descriptor.proto`, of which paths in the source information are made.
_FILE_MESSAGES, _FILE_ENUMS, _FILE_SERVICES = 4, 5, 6
_MESSAGE_FIELDS, _MESSAGE_MESSAGES, _MESSAGE_ENUMS = 2, 3, 4
_ENUM_VALUES = 2
_SERVICE_METHODS = 2


class ContractMissingError(Exception):
    """The build has not written the contract's description."""


class ContractDocument:
    """What the contract says of its parts, in words."""

    def __init__(self, comments: dict[str, str], services: tuple[ServiceDescriptor, ...]) -> None:
        self._comments = comments
        self.services = services

    @classmethod
    def load(cls, services: Iterable[ServiceDescriptor], path: Path = _FILE) -> ContractDocument:
        """Reads the description that the build wrote. Raises `ContractMissingError`."""
        try:
            described = FileDescriptorSet.FromString(path.read_bytes())
        except FileNotFoundError:
            raise ContractMissingError(
                f"{path} is missing: run `python build_hooks/contract.py`, or install the package again"
            ) from None
        comments: dict[str, str] = {}
        for file in described.file:
            if file.package == _PACKAGE:
                comments.update(_comments(file))
        return cls(comments, tuple(services))

    def of(self, full_name: str) -> str:
        """The comment above a message, field, enum, value, service or method; empty where there is none."""
        return self._comments.get(full_name, "")


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    texts = {
        tuple(location.path): " ".join(location.leading_comments.split())
        for location in file.source_code_info.location
        if location.leading_comments
    }
    for path, name in _named(file):
        text = texts.get(path)
        if text:
            yield name, text


def _named(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    package = file.package
    yield from _messages(file.message_type, (_FILE_MESSAGES,), package)
    yield from _enums(file.enum_type, (_FILE_ENUMS,), package)
    for index, service in enumerate(file.service):
        name = f"{package}.{service.name}"
        yield (_FILE_SERVICES, index), name
        for number, method in enumerate(service.method):
            yield (_FILE_SERVICES, index, _SERVICE_METHODS, number), f"{name}.{method.name}"


def _messages(
    messages: Sequence[Any], path: tuple[int, ...], parent: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, message in enumerate(messages):
        here, name = (*path, index), f"{parent}.{message.name}"
        yield here, name
        for number, field in enumerate(message.field):
            yield (*here, _MESSAGE_FIELDS, number), f"{name}.{field.name}"
        yield from _messages(message.nested_type, (*here, _MESSAGE_MESSAGES), name)
        yield from _enums(message.enum_type, (*here, _MESSAGE_ENUMS), name)


def _enums(enums: Sequence[Any], path: tuple[int, ...], parent: str) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, enum in enumerate(enums):
        here, name = (*path, index), f"{parent}.{enum.name}"
        yield here, name
        for number, value in enumerate(enum.value):
            # Values are named in the scope of their enum's parent.
            yield (*here, _ENUM_VALUES, number), f"{name}.{value.name}"
