"""Machines of different programs against each other, in memory."""
