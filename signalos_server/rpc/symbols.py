"""The symbols of an account, for `AccountService`."""

from __future__ import annotations

from collections.abc import Sequence

from signalos.v1 import account_pb2
from signalos_server.rpc.convert_records import symbol_to_proto
from signalos_server.service.live import Live
from signalos_server.service.records import Storage


class StoredSymbols:
    """Symbols as the bridge last told them, with the quotes that memory knows."""

    def __init__(self, storage: Storage, live: Live) -> None:
        self._storage = storage
        self._live = live

    async def symbols(self, account_id: str) -> Sequence[account_pb2.Symbol]:
        """Return the account's symbols by name."""
        specs = await self._storage.read(lambda records: records.book.symbols(account_id))
        return [symbol_to_proto(spec, self._live.quote(account_id, spec.symbol)) for spec in specs]
