"""The package's `group` filter: masks with `*`, separated by commas, `!` before one that excludes."""

from collections.abc import Callable
from fnmatch import fnmatchcase


def group_filter(group: str) -> Callable[[str], bool]:
    """Return whether a symbol's name is in the group. Exclusions win."""
    masks = [mask.strip() for mask in group.split(",") if mask.strip()]
    includes = [mask for mask in masks if not mask.startswith("!")]
    excludes = [mask[1:] for mask in masks if mask.startswith("!")]

    def matches(name: str) -> bool:
        if any(fnmatchcase(name, mask) for mask in excludes):
            return False
        return not includes or any(fnmatchcase(name, mask) for mask in includes)

    return matches
