"""What keeps a record from being read."""


class RecordUnreadable(Exception):  # noqa: N818 (it names what was found)
    """A record is not there, or is not what it should be. The words say which, and what to do."""
