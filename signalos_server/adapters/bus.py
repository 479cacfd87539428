"""The bus inside one process."""

from __future__ import annotations

from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

Listener = Callable[[str, bytes], None]


class InProcessBus:
    """Hands messages to the listeners of this process, at once and on its event loop."""

    def __init__(self) -> None:
        self._listeners: dict[str, dict[int, Listener]] = {}
        self._next = 0

    def publish(self, subject: str, payload: bytes = b"") -> None:
        """Call the listeners of `subject`; one that fails is logged and keeps nobody else from hearing."""
        for pattern in _patterns(subject):
            for listener in tuple(self._listeners.get(pattern, {}).values()):
                try:
                    listener(subject, payload)
                except Exception:
                    log.exception("a listener on the bus failed", subject=subject)

    def subscribe(self, subject: str, listener: Listener) -> InProcessSubscription:
        """Call `listener` for each message on `subject`."""
        self._next += 1
        self._listeners.setdefault(subject, {})[self._next] = listener
        return InProcessSubscription(self, subject, self._next)

    def forget(self, subject: str, number: int) -> None:
        """Take a listener off."""
        listeners = self._listeners.get(subject, {})
        listeners.pop(number, None)
        if not listeners:
            self._listeners.pop(subject, None)

    def problem(self) -> str:
        """Return nothing: a process always reaches itself."""
        return ""

    async def close(self) -> None:
        """Forget all listeners."""
        self._listeners.clear()


class InProcessSubscription:
    """A listener of an `InProcessBus`."""

    def __init__(self, bus: InProcessBus, subject: str, number: int) -> None:
        self._bus, self._subject, self._number = bus, subject, number

    def close(self) -> None:
        """Listen no longer."""
        self._bus.forget(self._subject, self._number)


def _patterns(subject: str) -> list[str]:
    parts = subject.split(".")
    return [subject, *(".".join(parts[:count]) + ".>" for count in range(1, len(parts)))]
