"""`python -m signalos_bridge`: one bridge, for those who do without the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from signalos_bridge import app


def main(argv: Sequence[str] | None = None) -> None:
    """Run a paired bridge until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m signalos_bridge", description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--terminal-module", default="MetaTrader5")
    parser.add_argument("--terminal-path")
    parser.add_argument("--log-format", choices=("console", "json"), default="console")
    given = parser.parse_args(argv)
    app.run(
        app.Settings(
            data_dir=given.data_dir,
            terminal_module=given.terminal_module,
            terminal_path=given.terminal_path,
            log_format=given.log_format,
        )
    )


if __name__ == "__main__":
    main()
