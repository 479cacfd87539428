"""Commits numbers and says each once it is acknowledged, until it is killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy.orm import Session

from signalos_server.adapters.storage import database_url, open_database
from signalos_server.adapters.storage.tables.events import StreamRow


async def main(url: str) -> None:
    database = open_database(database_url(url, Path()))

    async def write(caller: int) -> None:
        number = 0
        while True:
            name = f"{caller}-{number}"

            def unit(session: Session, name: str = name) -> None:
                session.add(StreamRow(user_id=name, epoch="e", seq=0, forgotten_seq=0))

            await database.run(unit)
            sys.stdout.write(f"{name}\n")
            sys.stdout.flush()
            number += 1

    async with asyncio.TaskGroup() as group:
        for caller in range(8):
            group.create_task(write(caller))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
