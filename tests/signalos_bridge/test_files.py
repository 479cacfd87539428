"""Files that are there whole, and their owner's alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from signalos_bridge.files import write_whole


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "bridge.json"
    write_whole(path, b"old and longer")
    write_whole(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="the modes of POSIX")
@pytest.mark.parametrize("secret", [True, False])
def test_a_file_is_its_owners_alone(tmp_path: Path, secret: bool) -> None:
    path = tmp_path / "bridge.json"
    write_whole(path, b"{}", secret=secret)

    assert path.stat().st_mode & 0o777 == 0o600
