"""Alerts that wait to be sent. One that repeats is given once until it has been settled."""

from __future__ import annotations

import logging
from collections.abc import Callable

from signalos_bridge.domain.values import Alert, AlertSeverity

log = logging.getLogger(__name__)

_LIMIT = 500
_LEVELS = {
    AlertSeverity.INFO: logging.INFO,
    AlertSeverity.WARNING: logging.WARNING,
    AlertSeverity.CRITICAL: logging.ERROR,
}


class AlertBox:
    """Raised alerts, until they are taken."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: dict[str, Alert] = {}
        self._raised: set[str] = set()
        self._settled: set[str] = set()

    def raise_alert(
        self,
        key: str,
        severity: AlertSeverity,
        code: str,
        message: str,
        *,
        known: str = "",
        advice: str = "",
        command_id: str = "",
        position_identifier: int = 0,
    ) -> None:
        """Raise an alert, unless one of this key stands already."""
        if key in self._raised:
            return
        if len(self._raised) > _LIMIT * 10:
            self._raised.clear()
        self._raised.add(key)
        log.log(_LEVELS[severity], "alert %s: %s", code, message)
        if len(self._waiting) >= _LIMIT:
            # The oldest goes: nobody has been there to read for a long time.
            del self._waiting[next(iter(self._waiting))]
        # It lasts after all: an end that was not told yet is none.
        self._waiting.pop(f"{key} ended", None)
        self._waiting.pop(key, None)
        self._waiting[key] = Alert(
            key, severity, code, message, known, advice, command_id, position_identifier
        )
        self._wake()

    def settle(self, key: str, code: str, how: str, *, from_before: bool = False) -> None:
        """Note that the trouble is over, so that its next appearance is told again, and tell the end.

        `from_before`: the end is told once in the life of this process also where nothing was raised, because
        the process before may have raised it.
        """
        if key in self._raised:
            self._raised.discard(key)
        elif not from_before or key in self._settled:
            return
        if from_before:
            self._settled.add(key)
        # After what was raised and still waits; an end that waits already is told once.
        self._waiting.pop(f"{key} ended", None)
        self._waiting[f"{key} ended"] = Alert(key, AlertSeverity.INFO, code, how, ended=True)
        self._wake()

    def forget(self, key: str) -> None:
        """As `settle`, where another word tells the end."""
        self._raised.discard(key)

    def take(self) -> list[Alert]:
        """Return what waits."""
        waiting, self._waiting = list(self._waiting.values()), {}
        return waiting
