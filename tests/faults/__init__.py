"""Whole systems of real processes under faults: `python -m tests.faults --help`."""
