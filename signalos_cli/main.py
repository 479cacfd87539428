"""The entry point `signalos`."""

from __future__ import annotations

import sys

_INTERRUPTED = 130
_OF_THE_COMMAND_LINE = frozenset({"typer", "rich"})


def main() -> None:
    """Run the command that the arguments name, and end with its exit code."""
    try:
        from signalos_cli.app import run
    except KeyboardInterrupt:
        # Importing takes a moment, in which a person may change their mind.
        sys.exit(_INTERRUPTED)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_THE_COMMAND_LINE:
            raise
        sys.stderr.write(
            "error: only the contract of SignalOS is installed here, not its programs\n"
            "hint:  in your copy of SignalOS, pip install '.[server,gateway]', '.[bridge]', '.[telegram]' "
            "or '.[all]'\n"
        )
        sys.exit(2)
    sys.exit(run())
