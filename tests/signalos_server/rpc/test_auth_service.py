"""Users, sessions and tokens, over a real port and on both databases."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from signalos.v1 import auth_service_pb2 as pb
from signalos.v1 import system_service_pb2, user_pb2
from signalos_server.domain.caller import Role
from tests.signalos_server.serving import PASSWORD, Client, World, error_of


async def refused(call: object) -> tuple[str, str, dict[str, str], list[tuple[str, str]]]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return error_of(caught.value)


async def test_a_login_gives_a_session_that_is_good_until_logout(world: World) -> None:
    client = await world.sign_in("alice")

    user = await client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata)
    await client.auth.Logout(pb.LogoutRequest(), metadata=client.metadata)
    code, reason, _, _ = await refused(client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata))

    assert user.user.user_name == "alice"
    assert list(user.scopes) == [1, 2, 3]
    assert (code, reason) == ("UNAUTHENTICATED", "NOT_AUTHENTICATED")


@pytest.mark.parametrize("name", ["alice", "nobody"])
async def test_a_wrong_password_and_an_unknown_name_read_the_same(world: World, name: str) -> None:
    await world.add_user("alice")

    code, reason, _, _ = await refused(
        world.client().auth.Login(pb.LoginRequest(user_name=name, password="wrong password"))
    )

    assert (code, reason) == ("UNAUTHENTICATED", "BAD_CREDENTIALS")


async def test_names_are_one_without_regard_to_case(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    await admin.auth.CreateUser(
        pb.CreateUserRequest(user_name="Bob", password=PASSWORD), metadata=admin.metadata
    )

    code, reason, metadata, _ = await refused(
        admin.auth.CreateUser(
            pb.CreateUserRequest(user_name="bOB", password=PASSWORD), metadata=admin.metadata
        )
    )

    assert (code, reason, metadata["resource"]) == ("ALREADY_EXISTS", "ALREADY_EXISTS", "user")


async def test_guessing_is_slowed_down(world: World) -> None:
    await world.add_user("alice")
    reasons = []
    for _ in range(12):
        _, reason, _, _ = await refused(
            world.client().auth.Login(pb.LoginRequest(user_name="alice", password="wrong password"))
        )
        reasons.append(reason)

    assert reasons[:10] == ["BAD_CREDENTIALS"] * 10
    assert reasons[10:] == ["RATE_LIMITED"] * 2


async def test_the_set_up_code_makes_one_administrator_even_if_two_come_at_once(world: World) -> None:
    code = await world.foundation.auth.offer_set_up()
    assert code is not None
    stub = world.client().auth

    results = await asyncio.gather(
        *(
            stub.SetUp(pb.SetUpRequest(setup_code=code, user_name=f"first-{n}", password=PASSWORD))
            for n in range(3)
        ),
        return_exceptions=True,
    )

    users = [result.user for result in results if isinstance(result, pb.SetUpResponse)]
    errors = [error_of(e) for e in results if isinstance(e, grpc.aio.AioRpcError)]
    assert [user.role for user in users] == [user_pb2.USER_ROLE_ADMIN]
    assert [error[1] for error in errors] == ["BAD_CREDENTIALS"] * 2
    assert await world.foundation.auth.offer_set_up() is None


async def test_registration_is_closed_unless_opened(world: World) -> None:
    stub = world.client().auth
    request = pb.RegisterRequest(user_name="carol", password=PASSWORD)

    assert (await refused(stub.Register(request)))[1] == "REGISTRATION_CLOSED"
    world.foundation.auth.registration_open = True
    answer = await stub.Register(request)

    assert answer.user.role == user_pb2.USER_ROLE_TRADER


async def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(world: World) -> None:
    first = await world.sign_in("alice")
    login = await first.auth.Login(pb.LoginRequest(user_name="ALICE", password=PASSWORD))
    second = first.with_token(login.session_token)
    await second.auth.GetUser(pb.GetUserRequest(), metadata=second.metadata)

    await first.auth.ChangePassword(
        pb.ChangePasswordRequest(current_password=PASSWORD, new_password="another long one"),
        metadata=first.metadata,
    )

    assert (await refused(second.auth.GetUser(pb.GetUserRequest(), metadata=second.metadata)))[
        1
    ] == "NOT_AUTHENTICATED"
    sessions = await first.auth.ListSessions(pb.ListSessionsRequest(), metadata=first.metadata)
    assert [session.current for session in sessions.sessions] == [True]


async def test_a_token_has_view_and_never_more_than_its_maker(world: World) -> None:
    client = await world.sign_in("alice")
    made = await client.auth.CreateApiToken(pb.CreateApiTokenRequest(name="watch"), metadata=client.metadata)
    program = client.with_token(made.secret)

    who = await program.auth.GetUser(pb.GetUserRequest(), metadata=program.metadata)
    code, reason, metadata, _ = await refused(
        program.auth.CreateApiToken(
            pb.CreateApiTokenRequest(name="more", scopes=[user_pb2.TOKEN_SCOPE_TRADE]),
            metadata=program.metadata,
        )
    )

    assert list(who.scopes) == [user_pb2.TOKEN_SCOPE_VIEW]
    assert (code, reason, metadata["required"]) == ("PERMISSION_DENIED", "PERMISSION_DENIED", "TRADE")


async def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    client = await world.sign_in("alice")
    made = await client.auth.CreateApiToken(pb.CreateApiTokenRequest(name="watch"), metadata=client.metadata)
    program = client.with_token(made.secret)
    await program.auth.GetUser(pb.GetUserRequest(), metadata=program.metadata)

    request = pb.RevokeApiTokenRequest(token_id=made.token.token_id)
    first = await client.auth.RevokeApiToken(request, metadata=client.metadata)
    again = await client.auth.RevokeApiToken(request, metadata=client.metadata)

    assert (await refused(program.auth.GetUser(pb.GetUserRequest(), metadata=program.metadata)))[
        1
    ] == "NOT_AUTHENTICATED"
    assert first == again


async def test_what_a_token_made_ends_with_it_and_what_a_person_made_does_not(world: World) -> None:
    client = await world.sign_in("alice")

    async def made_by(maker: Client, name: str) -> tuple[str, Client]:
        made = await maker.auth.CreateApiToken(pb.CreateApiTokenRequest(name=name), metadata=maker.metadata)
        program = client.with_token(made.secret)
        await program.auth.GetUser(pb.GetUserRequest(), metadata=program.metadata)
        return made.token.token_id, program

    parent_id, parent = await made_by(client, "parent")
    _, child = await made_by(parent, "child")
    _, grandchild = await made_by(child, "grandchild")
    _, sibling = await made_by(client, "sibling")

    await client.auth.RevokeApiToken(pb.RevokeApiTokenRequest(token_id=parent_id), metadata=client.metadata)

    for ended in (parent, child, grandchild):
        call = ended.auth.GetUser(pb.GetUserRequest(), metadata=ended.metadata)
        assert (await refused(call))[1] == "NOT_AUTHENTICATED"
    listed = await sibling.auth.ListApiTokens(pb.ListApiTokensRequest(), metadata=sibling.metadata)
    assert [token.name for token in listed.tokens] == ["sibling"]


async def test_a_disabled_user_is_out_at_once(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    client = await world.sign_in("alice")
    who = await client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata)

    await admin.auth.UpdateUser(
        pb.UpdateUserRequest(user_id=who.user.user_id, disabled=True), metadata=admin.metadata
    )

    assert (await refused(client.auth.GetUser(pb.GetUserRequest(), metadata=client.metadata)))[
        1
    ] == "NOT_AUTHENTICATED"
    assert (await refused(client.auth.Login(pb.LoginRequest(user_name="alice", password=PASSWORD))))[
        1
    ] == "BAD_CREDENTIALS"


async def test_users_are_listed_in_pages_for_administrators_only(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    client = await world.sign_in("alice")
    await world.add_user("bob")

    names, token = [], ""
    for _ in range(3):
        page = await admin.auth.ListUsers(
            pb.ListUsersRequest(page_size=1, page_token=token), metadata=admin.metadata
        )
        names += [user.user_name for user in page.users]
        token = page.next_page_token

    assert names == ["alice", "bob", "root-user"]
    assert token == ""
    assert (await refused(client.auth.ListUsers(pb.ListUsersRequest(), metadata=client.metadata)))[
        1
    ] == "PERMISSION_DENIED"
    forged = pb.ListUsersRequest(page_token="WyJ4Il0")
    assert (await refused(admin.auth.ListUsers(forged, metadata=admin.metadata)))[1] == "BAD_PAGE_TOKEN"


async def test_settings_keep_what_the_mask_does_not_name(world: World) -> None:
    client = await world.sign_in("alice")
    request = pb.UpdateSettingsRequest(settings=user_pb2.UserSettings(time_zone="Europe/Berlin"))
    request.update_mask.paths.append("time_zone")

    changed = await client.auth.UpdateSettings(request, metadata=client.metadata)
    read = await client.auth.GetSettings(pb.GetSettingsRequest(), metadata=client.metadata)

    assert changed.settings.time_zone == "Europe/Berlin"
    assert changed.settings.confirm_actions is True
    assert read.settings == changed.settings


async def test_a_field_that_breaks_its_rule_is_named_by_its_json_path(world: World) -> None:
    code, reason, _, fields = await refused(
        world.client().auth.Register(pb.RegisterRequest(user_name="x", password="short"))
    )

    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert [field for field, _ in fields] == ["userName", "password"]


async def test_bytes_that_are_no_message_are_the_callers_fault(world: World) -> None:
    call = world.channel.unary_unary("/signalos.v1.AuthService/Login", None, None)

    code, reason, _, _ = await refused(call(b"\xff\xff\xff"))

    assert (code, reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")


async def test_health_says_little_without_a_token_and_each_part_with_one(world: World) -> None:
    admin = await world.sign_in("root-user", Role.ADMIN)
    request = system_service_pb2.GetHealthRequest()

    plain = await admin.system.GetHealth(request)
    full = await admin.system.GetHealth(request, metadata=admin.metadata)

    assert plain.serving
    assert not plain.parts
    assert [(part.name, part.healthy) for part in full.parts] == [("database", True), ("bus", True)]


async def test_a_method_that_is_not_in_the_table_is_not_served(world: World) -> None:
    call = world.channel.unary_unary("/signalos.v1.AuthService/Nothing", None, None)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
