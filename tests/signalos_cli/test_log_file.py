"""The log file of a program without a console."""

from pathlib import Path

from signalos_cli.log_file import RotatingStream


def test_lines_are_written_whole_whatever_the_pieces(tmp_path: Path) -> None:
    stream = RotatingStream(tmp_path / "log")
    for piece in ("one ", "line\nand", " another\n", "rest"):
        stream.write(piece)
    stream.close()

    assert (tmp_path / "log").read_text() == "one line\nand another\nrest\n"


def test_the_file_is_bounded_and_a_few_old_ones_are_kept(tmp_path: Path) -> None:
    stream = RotatingStream(tmp_path / "log", max_bytes=100, kept=2)
    for number in range(100):
        stream.write(f"this is line {number}\n")
    stream.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert "line 99" in (tmp_path / "log").read_text()
