"""The data directory is its owner's alone, and one process's at a time."""

import stat
import sys
from pathlib import Path

import pytest

from signalos_cli.datadir import DataDir, is_owned, make_private, single_instance, write_private
from signalos_cli.errors import UserError

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")


@posix
def test_a_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    assert stat.S_IMODE(make_private(tmp_path / "a" / "b").stat().st_mode) == 0o700


@posix
def test_a_directory_open_to_others_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)

    assert stat.S_IMODE(make_private(tmp_path / "open").stat().st_mode) == 0o700


def test_a_file_in_the_place_of_a_directory_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match="cannot use"):
        make_private(tmp_path / "file")


@posix
def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    write_private(tmp_path / "x", "one")
    write_private(tmp_path / "x", "two")

    assert (tmp_path / "x").read_text() == "two"
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_second_instance_is_refused_with_the_first_ones_process(tmp_path: Path) -> None:
    with single_instance(tmp_path, "server"):
        assert is_owned(tmp_path)
        with pytest.raises(UserError, match=r"server runs already on .* \(process \d+\)"):  # noqa: SIM117
            with single_instance(tmp_path, "server"):
                pass

    assert not is_owned(tmp_path)
    with single_instance(tmp_path, "server"):
        pass


def test_a_directory_that_was_never_used_is_not_owned(tmp_path: Path) -> None:
    assert not is_owned(tmp_path)


def test_each_bridge_has_a_directory_of_its_own(tmp_path: Path) -> None:
    assert DataDir(tmp_path).bridge() == tmp_path / "bridge"
    assert DataDir(tmp_path).bridge("two") == tmp_path / "bridge-two"
