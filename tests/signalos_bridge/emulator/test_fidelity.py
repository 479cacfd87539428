"""The client module has what the package has, by the wheel's own tables."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import msgspec
import pytest

from signalos_bridge.emulator import metatrader5
from signalos_bridge.emulator.native import Takes
from signalos_bridge.emulator.structures import Structure

ROOT = Path(__file__).resolve().parents[3]
API_FILE = Path(metatrader5.__file__).with_name("metatrader5_api.json")
CACHED_WHEELS = ROOT / ".cache" / "metatrader5"


class Function(msgspec.Struct):
    flags: int
    doc: str


class Api(msgspec.Struct):
    version: str
    wheel: str
    sha256: str
    functions: dict[str, Function]
    helpers: list[str]
    constants: dict[str, int]
    structures: dict[str, list[str]]


API = msgspec.json.decode(API_FILE.read_bytes(), type=Api)


def extraction() -> ModuleType:
    """Load the tool, which is no part of any package."""
    path = ROOT / "tools" / "extract_metatrader5_api.py"
    spec = importlib.util.spec_from_file_location("extract_metatrader5_api", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def wheel() -> Path | None:
    named = os.environ.get("SIGNALOS_METATRADER5_WHEEL")
    if named:
        return Path(named)
    return next(iter(sorted(CACHED_WHEELS.glob("*.whl"))), None)


def test_every_function_is_there_and_takes_its_arguments_in_the_same_way() -> None:
    assert len(API.functions) == 32
    for name, function in API.functions.items():
        ours = getattr(metatrader5, name)
        assert isinstance(ours, BuiltinFunctionType), name
        assert ours.__name__ == name
        assert function.doc.startswith(name)
        if function.flags == Takes.NOTHING:
            with pytest.raises(TypeError, match="takes no arguments"):
                ours(1)
        elif function.flags == Takes.UNNAMED:
            with pytest.raises(TypeError, match="takes no keyword arguments"):
                ours(surplus=1)
        else:
            assert function.flags == Takes.BOTH


def test_the_helpers_are_there() -> None:
    for name in API.helpers:
        assert isinstance(getattr(metatrader5, name), FunctionType), name


def test_every_constant_has_its_value_and_there_are_no_others() -> None:
    ours = {
        name: value
        for name, value in vars(metatrader5).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }
    assert ours == API.constants


def test_every_structure_has_its_fields_in_their_order() -> None:
    ours = {
        name: list(value.__match_args__)
        for name, value in vars(metatrader5).items()
        if isinstance(value, type) and issubclass(value, Structure) and value is not Structure
    }
    assert ours == API.structures


def test_the_module_names_the_version_that_it_was_held_against() -> None:
    assert metatrader5.__version__ == API.version


def test_the_committed_api_is_what_the_wheel_says() -> None:
    path = wheel()
    if path is None:
        pytest.skip("no MetaTrader5 wheel: run python tools/fetch_metatrader5_wheel.py")
    extracted = extraction().extract(path)
    assert extracted.sha256 == API.sha256, "the wheel is another than the pinned one"
    assert json.loads(extraction().as_json(extracted)) == json.loads(API_FILE.read_text("utf-8"))


def test_the_pinned_wheel_is_the_one_that_was_read() -> None:
    pinned = (ROOT / "tools" / "metatrader5-wheel.txt").read_text("utf-8")
    assert f"MetaTrader5=={API.version} --hash=sha256:{API.sha256}" in pinned


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    tool = extraction()
    with pytest.raises(tool.NotUnderstood):
        tool.Image(b"MZ" + bytes(200))
