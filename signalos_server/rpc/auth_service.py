"""Users, sessions and tokens on the wire."""

# ruff: noqa: N802 - methods are named as the contract names them
from __future__ import annotations

from typing import Any

from google.protobuf.message import Message
from grpc.aio import ServicerContext

from signalos.v1 import auth_service_pb2 as pb
from signalos.v1 import auth_service_pb2_grpc, user_pb2
from signalos_server.domain.caller import Role, Scope
from signalos_server.domain.errors import InvalidField
from signalos_server.domain.pages import decode_page, encode_page, page_size
from signalos_server.domain.people import SESSION_IDLE, ApiToken, Session, User, name_key
from signalos_server.rpc.call import caller, current_call
from signalos_server.service.auth import Auth, Where

Context = ServicerContext[Any, Any]


class AuthServicer(auth_service_pb2_grpc.AuthServiceServicer):
    """Translates `AuthService`."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.RegisterResponse:
        """Make a trader, where sign-up is open."""
        user = await self._auth.register(request.user_name, request.password, _where())
        return pb.RegisterResponse(user=user_message(user))

    async def SetUp(self, request: pb.SetUpRequest, context: Context) -> pb.SetUpResponse:
        """Make the first user."""
        user = await self._auth.set_up(
            request.setup_code.strip(), request.user_name, request.password, _where()
        )
        return pb.SetUpResponse(user=user_message(user))

    async def Login(self, request: pb.LoginRequest, context: Context) -> pb.LoginResponse:
        """Sign in."""
        signed_in = await self._auth.login(request.user_name, request.password, _where())
        return pb.LoginResponse(
            session_token=signed_in.secret,
            user=user_message(signed_in.user),
            session=_session_message(signed_in.session, signed_in.session.session_id),
        )

    async def Logout(self, request: pb.LogoutRequest, context: Context) -> pb.LogoutResponse:
        """End the session of the call."""
        await self._auth.logout(caller())
        return pb.LogoutResponse()

    async def ChangePassword(
        self, request: pb.ChangePasswordRequest, context: Context
    ) -> pb.ChangePasswordResponse:
        """Change the caller's password."""
        await self._auth.change_password(caller(), request.current_password, request.new_password)
        return pb.ChangePasswordResponse()

    async def GetUser(self, request: pb.GetUserRequest, context: Context) -> pb.GetUserResponse:
        """Tell who the caller is."""
        who = caller()
        user = await self._auth.user(who)
        return pb.GetUserResponse(user=user_message(user), scopes=_scope_numbers(who.scopes))

    async def ListUsers(self, request: pb.ListUsersRequest, context: Context) -> pb.ListUsersResponse:
        """List users by name."""
        size = page_size(request.page_size, 50, 500)
        position = decode_page("users", request.page_token, str)
        after = "" if position is None else str(position[0])
        users = await self._auth.list_users(caller(), size + 1, after)
        more = encode_page("users", name_key(users[size - 1].user_name)) if len(users) > size else ""
        return pb.ListUsersResponse(users=map(user_message, users[:size]), next_page_token=more)

    async def CreateUser(self, request: pb.CreateUserRequest, context: Context) -> pb.CreateUserResponse:
        """Make a user."""
        role = Role(request.role) if request.role else Role.TRADER
        user = await self._auth.create_user(caller(), request.user_name, request.password, role)
        return pb.CreateUserResponse(user=user_message(user))

    async def UpdateUser(self, request: pb.UpdateUserRequest, context: Context) -> pb.UpdateUserResponse:
        """Change a user."""
        if request.HasField("role") and not request.role:
            raise InvalidField("role", "must be TRADER or ADMIN")
        user = await self._auth.update_user(
            caller(),
            request.user_id,
            Role(request.role) if request.HasField("role") else None,
            request.password if request.HasField("password") else None,
            request.disabled if request.HasField("disabled") else None,
        )
        return pb.UpdateUserResponse(user=user_message(user))

    async def ListSessions(
        self, request: pb.ListSessionsRequest, context: Context
    ) -> pb.ListSessionsResponse:
        """List the caller's sessions."""
        who = caller()
        sessions = await self._auth.sessions(who)
        return pb.ListSessionsResponse(
            sessions=[_session_message(session, who.credential_id) for session in sessions]
        )

    async def RevokeSession(
        self, request: pb.RevokeSessionRequest, context: Context
    ) -> pb.RevokeSessionResponse:
        """End one of the caller's sessions."""
        await self._auth.revoke_session(caller(), request.session_id)
        return pb.RevokeSessionResponse()

    async def ListApiTokens(
        self, request: pb.ListApiTokensRequest, context: Context
    ) -> pb.ListApiTokensResponse:
        """List the caller's tokens."""
        return pb.ListApiTokensResponse(tokens=map(_token_message, await self._auth.tokens(caller())))

    async def CreateApiToken(
        self, request: pb.CreateApiTokenRequest, context: Context
    ) -> pb.CreateApiTokenResponse:
        """Make a token."""
        life = request.time_to_live.ToTimedelta() if request.HasField("time_to_live") else None
        scopes = frozenset(Scope(number) for number in request.scopes)
        token, secret = await self._auth.create_token(caller(), request.name, scopes, life)
        return pb.CreateApiTokenResponse(token=_token_message(token), secret=secret)

    async def RevokeApiToken(
        self, request: pb.RevokeApiTokenRequest, context: Context
    ) -> pb.RevokeApiTokenResponse:
        """End one of the caller's tokens."""
        token = await self._auth.revoke_token(caller(), request.token_id)
        response = pb.RevokeApiTokenResponse()
        if token.revoke_time is not None:
            response.revoke_time.FromDatetime(token.revoke_time)
        return response

    async def GetSettings(self, request: pb.GetSettingsRequest, context: Context) -> pb.GetSettingsResponse:
        """Read the caller's settings."""
        return pb.GetSettingsResponse(settings=_settings(await self._auth.settings(caller())))

    async def UpdateSettings(
        self, request: pb.UpdateSettingsRequest, context: Context
    ) -> pb.UpdateSettingsResponse:
        """Replace the fields that the mask names; without a mask, all."""
        known = set(user_pb2.UserSettings.DESCRIPTOR.fields_by_name)
        paths = [path.removeprefix("settings.") for path in request.update_mask.paths]
        for path in paths:
            if path not in known:
                raise InvalidField("updateMask", f"there is no setting {path}")

        def change(stored: bytes | None) -> bytes:
            settings = _settings(stored)
            for name in paths or known:
                setattr(settings, name, getattr(request.settings, name))
            return settings.SerializeToString(deterministic=True)

        return pb.UpdateSettingsResponse(
            settings=_settings(await self._auth.change_settings(caller(), change))
        )


def user_message(user: User) -> user_pb2.User:
    """Return the user as the contract says it; the hash never leaves."""
    message = user_pb2.User(
        user_id=user.user_id,
        user_name=user.user_name,
        role=int(user.role),  # type: ignore[arg-type]  # the number of the enum
        disabled=user.disabled,
    )
    message.create_time.FromDatetime(user.create_time)
    return message


def _where() -> Where:
    call = current_call()
    return Where(call.address, call.user_agent)


def _scope_numbers(scopes: frozenset[Scope]) -> list[Any]:
    return [int(scope) for scope in sorted(scopes)]


def _session_message(session: Session, current_id: str) -> user_pb2.Session:
    message = user_pb2.Session(
        session_id=session.session_id,
        address=session.address,
        user_agent=session.user_agent,
        current=session.session_id == current_id,
    )
    message.create_time.FromDatetime(session.create_time)
    message.last_use_time.FromDatetime(session.last_use_time)
    message.expire_time.FromDatetime(min(session.expire_time, session.last_use_time + SESSION_IDLE))
    return message


def _token_message(token: ApiToken) -> user_pb2.ApiToken:
    message = user_pb2.ApiToken(token_id=token.token_id, name=token.name, scopes=_scope_numbers(token.scopes))
    message.create_time.FromDatetime(token.create_time)
    if token.expire_time is not None:
        message.expire_time.FromDatetime(token.expire_time)
    if token.last_use_time is not None:
        message.last_use_time.FromDatetime(token.last_use_time)
    return message


def _settings(stored: bytes | None) -> user_pb2.UserSettings:
    settings = user_pb2.UserSettings(confirm_actions=True)
    if stored is not None:
        _parse_over(settings, stored)
    return settings


def _parse_over(message: Message, data: bytes) -> None:
    """Replace all of `message` by what is stored: what was set to false stays false."""
    message.Clear()
    message.MergeFromString(data)
