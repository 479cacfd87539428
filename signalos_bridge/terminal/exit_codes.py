"""What the terminal's process says by the way it ends."""

from __future__ import annotations

# The module cannot be loaded, or speaks another language: another start ends the same way until it is mended.
MODULE_UNUSABLE = 4
