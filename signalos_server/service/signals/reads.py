"""Signals as their user reads them."""

from __future__ import annotations

from signalos_server.domain.caller import Caller
from signalos_server.domain.pipeline.record import SignalView
from signalos_server.service.access import seen_account
from signalos_server.service.records import Records
from signalos_server.service.signal_records import SignalFilter
from signalos_server.service.signals.approval import own_signal
from signalos_server.service.signals.ground import Ground


class SignalReads:
    """Lists and reads."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def get(self, caller: Caller, signal_id: str) -> SignalView:
        """Return a signal with its whole timeline. Raises `NotFound`."""
        return await self._ground.storage.read(
            lambda records: records.signals.views([own_signal(records, caller, signal_id)])[0]
        )

    async def page(
        self, caller: Caller, wanted: SignalFilter, size: int, before: int | None
    ) -> list[tuple[int, SignalView]]:
        """Return signals with their numbers, newest first."""

        def unit(records: Records) -> list[tuple[int, SignalView]]:
            if wanted.account_id:
                seen_account(records, caller, wanted.account_id)
            found = records.signals.page(wanted, size, before)
            views = records.signals.views([signal for _, signal in found])
            return [(number, view) for (number, _), view in zip(found, views, strict=True)]

        return await self._ground.storage.read(unit)
