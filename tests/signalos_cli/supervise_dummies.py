"""Supervises two dummy programs, as a process of its own: `supervise_dummies.py DIRECTORY [MODE]`."""

import sys
from pathlib import Path

from signalos_cli.console import err, out
from signalos_cli.domain.supervision import Limits, Program
from signalos_cli.supervisor import Addresses, Supervised, Supervisor, ended_by_signals
from signalos_cli.teller import StderrTeller

DUMMY = Path(__file__).with_name("dummy_program.py")


def supervised(directory: Path, name: str, after: tuple[str, ...], mode: str = "") -> Supervised:
    def command(addresses: Addresses) -> list[str]:
        return [sys.executable, str(DUMMY), str(directory), name, mode]

    return Supervised(Program(name, after), command, directory / f"{name}.json")


def main() -> None:
    directory = Path(sys.argv[1])
    mode = sys.argv[2] if len(sys.argv) > 2 else ""
    teller = StderrTeller(err, json_lines=False)
    supervisor = Supervisor(
        [supervised(directory, "first", ()), supervised(directory, "second", ("first",), mode)],
        teller,
        limits=Limits(first_pause_seconds=0.1, end_seconds=1.0),
        on_serving=lambda addresses: out.print("ready", addresses["first"].address),
    )
    with ended_by_signals(supervisor.end):
        asked = supervisor.run()
    teller.close()
    sys.exit(0 if asked else 1)


main()
