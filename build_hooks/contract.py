"""Generates the Python stubs of `protos/` beside their sources.

Runs in the package build (see `build_hooks/build.py`), and by hand as `python build_hooks/contract.py`.
Nothing that it writes is committed.
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"

# protoc finds plugins on PATH; looked for beside the interpreter too, so that an environment need not be
# activated.
_PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc", "protoc-gen-grpclib_python")


def generate(protos: Path = PROTOS) -> None:
    """Writes `*_pb2.py`, `*_pb2_grpc.py` (grpcio), `*_grpc.py` (grpclib) and `.pyi` for every source.

    Raises `RuntimeError` when the compiler refuses a source.
    """
    sources = _sources(protos)
    services = [source for source in sources if source.endswith("_service.proto")]
    out = str(protos)
    _protoc(
        protos,
        f"--python_out={out}",
        f"--mypy_out=readable_stubs,quiet:{out}",
        "buf/validate/validate.proto",
        *sources,
    )
    _protoc(
        protos,
        f"--grpc_python_out={out}",
        f"--grpclib_python_out={out}",
        f"--mypy_grpc_out=readable_stubs,only_async,quiet:{out}",
        *services,
    )
    for package in (protos / "buf", protos / "buf" / "validate"):
        (package / "__init__.py").touch()
    # The generated modules carry no comments; the gateway's OpenAPI and documentation need them.
    gateway = protos.parent / "web_gateway"
    if gateway.is_dir():
        describe(gateway / "contract.binpb", protos)


def describe(target: Path, protos: Path = PROTOS) -> None:
    """Writes the whole contract, comments and imports included, as a `FileDescriptorSet` to `target`."""
    _protoc(
        protos,
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={target}",
        *_sources(protos),
    )


def _sources(protos: Path) -> list[str]:
    return sorted(path.relative_to(protos).as_posix() for path in (protos / "signalos").rglob("*.proto"))


def _validation_rules() -> bytes:
    """The descriptor of `buf/validate/validate.proto`, which protovalidate ships only as a module."""
    from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
    from protovalidate._gen.buf.validate import validate_pb

    described = FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    return FileDescriptorSet(file=[described]).SerializeToString()


def _protoc(protos: Path, *arguments: str) -> None:
    from google.api import annotations_pb2
    from grpc_tools import protoc

    google_protos = Path(annotations_pb2.__file__).parent.parent.parent
    plugins = [f"--plugin={name}={path}" for name in _PLUGINS if (path := _plugin(name))]
    with TemporaryDirectory() as scratch:
        rules = Path(scratch) / "validate.binpb"
        rules.write_bytes(_validation_rules())
        status = protoc.main(
            [
                "protoc",
                f"--descriptor_set_in={rules}",
                f"-I{protos}",
                f"-I{google_protos}",
                f"-I{files('grpc_tools') / '_proto'}",
                *plugins,
                *arguments,
            ]
        )
    if status != 0:
        raise RuntimeError(f"protoc ended with {status} for {protos}")


def _plugin(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        describe(Path(sys.argv[1]))
    else:
        generate()
