"""The difference between what is known and what the terminal shows, as facts to tell.

The watcher and the sync use this one comparison, and event ids are made from what happened, so that the same
fact has the same id whoever finds it. A position is closed only if a closing deal says so.
"""

from signalos_bridge.domain.difference.compare import compare
from signalos_bridge.domain.difference.model import Difference, Sight, Told, Whose

__all__ = ["Difference", "Sight", "Told", "Whose", "compare"]
