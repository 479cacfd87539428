"""Health that can fail, and the audit as its readers see it."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from signalos.v1 import auth_service_pb2
from signalos.v1 import system_service_pb2 as pb
from signalos_server.domain.caller import Role
from tests.signalos_server.serving import World, error_of


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    code, reason, _, _ = error_of(caught.value)
    return code, reason


async def test_a_database_that_does_not_commit_is_told_to_everybody(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    await admin.auth.GetUser(auth_service_pb2.GetUserRequest(), metadata=admin.metadata)
    await world.foundation.database.close()
    world.foundation.system._probed = None

    anonymous = await refused(admin.system.GetHealth(pb.GetHealthRequest()))
    parts = (await admin.system.GetHealth(pb.GetHealthRequest(), metadata=admin.metadata)).parts
    change = await refused(
        admin.auth.CreateUser(
            auth_service_pb2.CreateUserRequest(user_name="bob", password="long enough to do"),
            metadata=admin.metadata,
        )
    )

    assert anonymous == ("UNAVAILABLE", "NOT_SERVING")
    assert [(part.name, part.healthy) for part in parts] == [("database", False), ("bus", True)]
    assert change == ("UNAVAILABLE", "STORAGE_UNAVAILABLE")


async def test_the_audit_is_listed_newest_first_in_pages(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    for name in ("bob", "carol", "dave"):
        await admin.auth.CreateUser(
            auth_service_pb2.CreateUserRequest(user_name=name, password="long enough to do"),
            metadata=admin.metadata,
        )

    numbers, token = [], ""
    while True:
        page = await admin.system.ListAuditEntries(
            pb.ListAuditEntriesRequest(chain="system", page_size=2, page_token=token),
            metadata=admin.metadata,
        )
        numbers += [(entry.number, entry.action) for entry in page.entries]
        token = page.next_page_token
        if not token:
            break

    assert numbers == [(4, "user_created"), (3, "user_created"), (2, "user_created"), (1, "login")]
