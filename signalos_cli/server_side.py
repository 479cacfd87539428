"""What the command line asks of the server's own parts, in its own words."""

from __future__ import annotations

from signalos_cli.datadir import DataDir
