"""Write down the API of a `MetaTrader5` wheel: its functions, constants and structures.

    python tools/extract_metatrader5_api.py WHEEL [OUTPUT]

Constants come from the wheel's Python source, functions and structures from the tables in its compiled
module, which is read as data and never run: it is a Windows library, and this works anywhere.
"""

import ast
import hashlib
import json
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

DEFAULT_OUTPUT = (
    Path(__file__).resolve().parent.parent / "signalos_bridge" / "emulator" / "metatrader5_api.json"
)

_FIELD_NAME = re.compile(r"[a-z_][a-z0-9_]*\Z")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]+\Z")
_FUNCTION_NAME = re.compile(r"[a-z_]+\Z")
_MOST_FIELDS = 200
_METHOD_FLAGS = frozenset({0x1, 0x3, 0x4, 0x8})


class NotUnderstood(Exception):  # noqa: N818 - says what the file is
    """The file is not what this tool knows how to read."""


@dataclass(frozen=True)
class Function:
    """`flags` are CPython's: 1 takes unnamed arguments, 3 named ones as well, 4 takes none."""

    flags: int
    doc: str


@dataclass(frozen=True)
class Api:
    """What a program can see of one version of the package."""

    version: str
    wheel: str
    sha256: str
    functions: dict[str, Function]
    helpers: list[str]
    """Functions that the package has in Python."""
    constants: dict[str, int]
    structures: dict[str, list[str]]


@dataclass(frozen=True)
class _Section:
    address: int
    data: bytes


class Image:
    """The initialised memory of a 64-bit Windows library."""

    def __init__(self, file: bytes) -> None:
        (header,) = struct.unpack_from("<I", file, 0x3C)
        if file[header : header + 4] != b"PE\0\0":
            raise NotUnderstood("not a Windows library")
        (count,) = struct.unpack_from("<H", file, header + 6)
        (optional_size,) = struct.unpack_from("<H", file, header + 20)
        optional = header + 24
        (magic,) = struct.unpack_from("<H", file, optional)
        if magic != 0x20B:
            raise NotUnderstood("not a 64-bit library")
        (self.base,) = struct.unpack_from("<Q", file, optional + 24)
        self.sections = []
        for number in range(count):
            entry = optional + optional_size + 40 * number
            _, address, size, offset = struct.unpack_from("<IIII", file, entry + 8)
            self.sections.append(_Section(self.base + address, file[offset : offset + size]))

    def pointer(self, address: int) -> int | None:
        """Return the eight bytes at an address, or None outside the image."""
        for section in self.sections:
            offset = address - section.address
            if 0 <= offset <= len(section.data) - 8:
                value: int = struct.unpack_from("<Q", section.data, offset)[0]
                return value
        return None

    def text(self, address: int) -> str | None:
        """Return the C string at an address, if there is a printable one."""
        for section in self.sections:
            offset = address - section.address
            if 0 <= offset < len(section.data):
                end = section.data.find(b"\0", offset, offset + 1000)
                raw = section.data[offset:end] if end > offset else b""
                try:
                    text = raw.decode("ascii")
                except UnicodeDecodeError:
                    return None
                return text if text and all(" " <= one <= "~" or one in "\r\n\t" for one in text) else None
        return None

    def aligned(self) -> Iterator[tuple[int, int]]:
        """Yield each aligned address with the eight bytes there, where they may point into the image."""
        end = max(section.address + len(section.data) for section in self.sections)
        for section in self.sections:
            for offset in range(0, len(section.data) - 7, 8):
                (value,) = struct.unpack_from("<Q", section.data, offset)
                if self.base <= value < end:
                    yield section.address + offset, value


def structures_of(image: Image) -> dict[str, list[str]]:
    """Return the fields of each structure: what its `PyStructSequence_Desc` points to."""
    found: dict[str, list[str]] = {}
    for address, value in image.aligned():
        name = image.text(value)
        fields = image.pointer(address + 16)
        count = image.pointer(address + 24)
        if name is None or not _TYPE_NAME.match(name) or not fields or count is None:
            continue
        count &= 0xFFFFFFFF
        if not 0 < count <= _MOST_FIELDS:
            continue
        names = [image.text(image.pointer(fields + 16 * index) or 0) for index in range(count)]
        ended = image.pointer(fields + 16 * count) in (0, None)
        if ended and all(one is not None and _FIELD_NAME.match(one) for one in names):
            found[name.rpartition(".")[2]] = [one for one in names if one is not None]
    return found


def functions_of(image: Image) -> dict[str, Function]:
    """Return the functions of the module's `PyMethodDef` table with their descriptions."""
    found: dict[str, Function] = {}
    for address, value in image.aligned():
        name = image.text(value)
        if name is None or not _FUNCTION_NAME.match(name):
            continue
        flags = image.pointer(address + 16)
        doc = image.text(image.pointer(address + 24) or 0)
        if flags is None or flags not in _METHOD_FLAGS or not image.pointer(address + 8) or doc is None:
            continue
        if doc.startswith(name):
            found[name] = Function(flags, " ".join(doc.split()))
    return found


def constants_of(source: str) -> dict[str, int]:
    """Return the whole numbers that the package's source gives names to."""
    found: dict[str, int] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = _number(statement.value)
            if value is not None:
                found[statement.targets[0].id] = value
    return found


def _number(node: ast.expr) -> int | None:
    match node:
        case ast.Constant(value=int() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = _number(operand)
            return None if inner is None else -inner
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            first, second = _number(left), _number(right)
            return None if first is None or second is None else first | second
    return None


def extract(wheel: Path) -> Api:
    """Raises `NotUnderstood` for a file that is no such wheel."""
    content = wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read("MetaTrader5/__init__.py").decode("utf-8")
        library = next((name for name in archive.namelist() if name.endswith(".pyd")), None)
        if library is None:
            raise NotUnderstood("no compiled module in the wheel")
        image = Image(archive.read(library))
    version = re.search(r"^__version__\s*=\s*'([^']+)'", source, re.MULTILINE)
    if version is None:
        raise NotUnderstood("no version in the wheel")
    functions = functions_of(image)
    structures = structures_of(image)
    if not functions or not structures:
        raise NotUnderstood("no tables of functions or structures in the compiled module")
    return Api(
        version=version.group(1),
        wheel=wheel.name,
        sha256=hashlib.sha256(content).hexdigest(),
        functions=dict(sorted(functions.items())),
        helpers=sorted(
            one.name
            for one in ast.parse(source).body
            if isinstance(one, ast.FunctionDef) and not one.name.startswith("_")
        ),
        constants=constants_of(source),
        structures=dict(sorted(structures.items())),
    )


def as_json(api: Api) -> str:
    return json.dumps(asdict(api), indent=1) + "\n"


def main() -> None:
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit(__doc__)
    output = Path(sys.argv[2]) if len(sys.argv) == 3 else DEFAULT_OUTPUT
    api = extract(Path(sys.argv[1]))
    output.write_text(as_json(api), encoding="utf-8")
    sys.stdout.write(
        f"{api.wheel}: {len(api.functions)} functions, {len(api.constants)} constants, "
        f"{len(api.structures)} structures\n"
    )


if __name__ == "__main__":
    main()
