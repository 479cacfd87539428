"""A bounded log file for programs that the system starts without a console."""

from __future__ import annotations

import io
import logging
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path

_BYTES = 10 * 1024 * 1024
_KEPT = 3


class RotatingStream(io.TextIOBase):
    """Looks like standard error and writes to `path`, which never grows beyond 10 MiB; three are kept."""

    def __init__(self, path: Path, *, max_bytes: int = _BYTES, kept: int = _KEPT) -> None:
        super().__init__()
        self._handler = RotatingFileHandler(path, maxBytes=max_bytes, backupCount=kept, encoding="utf-8")
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for line in whole:
            self._handler.emit(logging.LogRecord("", logging.INFO, "", 0, line, None, None))
        return len(text)

    def flush(self) -> None:
        self._handler.flush()

    def close(self) -> None:
        if self._rest:
            self.write("\n")
        self._handler.close()
        super().close()


def log_to(path: Path) -> None:
    """From now on standard output and error of this process are `path`."""
    stream = RotatingStream(path)
    sys.stdout = stream
    sys.stderr = stream
