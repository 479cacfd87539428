"""Fetch the pinned `MetaTrader5` wheel for Windows into `.cache/metatrader5`, on any machine.

    python tools/fetch_metatrader5_wheel.py [DIRECTORY]

Nothing is installed. pip checks the hash that `tools/metatrader5-wheel.txt` names. Prints the wheel's path.
"""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
REQUIREMENTS = TOOLS / "metatrader5-wheel.txt"
CACHE = TOOLS.parent / ".cache" / "metatrader5"


def fetch(directory: Path) -> Path:
    """Return the wheel, from the directory if it is there. Raises `CalledProcessError` if pip fails."""
    present = sorted(directory.glob("*.whl"))
    if not present:
        directory.mkdir(parents=True, exist_ok=True)
        # Keeps the directory out of the repository wherever it is.
        (directory / ".gitignore").write_text("*\n", encoding="utf-8")
        subprocess.run(  # noqa: S603 - a fixed command
            [
                *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
                *("--no-deps", "--only-binary=:all:", "--platform", "win_amd64"),
                *("--python-version", "3.11", "--require-hashes"),
                *("--requirement", str(REQUIREMENTS), "--dest", str(directory)),
            ],
            check=True,
            stdout=sys.stderr,
        )
        present = sorted(directory.glob("*.whl"))
    return present[-1]


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else CACHE
    sys.stdout.write(f"{fetch(target)}\n")
