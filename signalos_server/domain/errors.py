"""Refusals: what a use case raises when a call cannot be served, by what the caller does next.

Each carries the `reason` of `signalos.v1.ErrorReason` (without its prefix) and the metadata that the reason
names. The rpc layer turns them into a status with one `ErrorInfo`; nothing below it knows about gRPC.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import ClassVar

from signalos_server.domain.dealing.denial import Denial


class StatusCode(Enum):
    """The gRPC status a refusal is told with; names equal `grpc.StatusCode`'s."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    ABORTED = "ABORTED"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"
    INTERNAL = "INTERNAL"


class Refusal(Exception):  # noqa: N818 - named for what it tells the caller
    """A call was refused for a registered reason, and changed nothing."""

    status: ClassVar[StatusCode] = StatusCode.FAILED_PRECONDITION
    reason: ClassVar[str] = "WRONG_STATE"

    def __init__(self, message: str, metadata: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: dict[str, str] = dict(metadata or {})


class InvalidField(Refusal):
    """A field breaks its rule. `field` is the JSON path, e.g. `takeProfits[0].price`."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "INVALID_FIELD"

    def __init__(self, field: str, description: str) -> None:
        super().__init__(_of_field(field, description))
        self.violations: tuple[tuple[str, str], ...] = ((field, description),)


class InvalidFields(InvalidField):
    """Several fields break their rules."""

    def __init__(self, violations: tuple[tuple[str, str], ...]) -> None:
        super().__init__(*violations[0])
        self.violations = violations
        self.message = "; ".join(_of_field(field, description) for field, description in violations)


def _of_field(field: str, description: str) -> str:
    """Without a field it is about the whole request."""
    return f"{field}: {description}" if field else description


class RequestIdReused(Refusal):
    """The same `request_id` came before with another body."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str, command_id: str = "") -> None:
        super().__init__(
            f"request_id {request_id} was used before with another body",
            {"request_id": request_id, "command_id": command_id},
        )


class RequestIdRequired(Refusal):
    """No `request_id`, where a repeat would trade twice."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "REQUEST_ID_REQUIRED"


class NotAuthenticated(Refusal):
    """No token, or one that is unknown, expired or revoked."""

    status = StatusCode.UNAUTHENTICATED
    reason = "NOT_AUTHENTICATED"


class BadCredentials(Refusal):
    """User name, password or set-up code is wrong."""

    status = StatusCode.UNAUTHENTICATED
    reason = "BAD_CREDENTIALS"


class PasswordRequired(Refusal):
    """The password has to be given again for this call."""

    status = StatusCode.UNAUTHENTICATED
    reason = "PASSWORD_REQUIRED"


class PermissionDenied(Refusal):
    """The token lacks a scope, or the user a role; `required` says which."""

    status = StatusCode.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"

    def __init__(self, required: str) -> None:
        super().__init__(f"this needs {required}", {"required": required})


class NotFound(Refusal):
    """No such resource among those of the caller; another user's is told the same."""

    status = StatusCode.NOT_FOUND
    reason = "NOT_FOUND"

    def __init__(self, resource: str, identifier: str) -> None:
        super().__init__(f"no {resource} {identifier}", {"resource": resource, "id": identifier})


class AlreadyExists(Refusal):
    """The name is taken."""

    status = StatusCode.ALREADY_EXISTS
    reason = "ALREADY_EXISTS"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(f"{resource} {name} exists already", {"resource": resource, "name": name})


class RateLimited(Refusal):
    """Too many calls of this kind; `retry_after_seconds` says when the next is taken."""

    status = StatusCode.RESOURCE_EXHAUSTED
    reason = "RATE_LIMITED"

    def __init__(self, limit: str, retry_after_seconds: float) -> None:
        wait = f"{max(retry_after_seconds, 0.1):.1f}"
        super().__init__(
            f"too many calls ({limit}); try again in {wait} s",
            {"limit": limit, "retry_after_seconds": wait},
        )


class RegistrationClosed(Refusal):
    """Sign-up is not open on this server."""

    status = StatusCode.PERMISSION_DENIED
    reason = "REGISTRATION_CLOSED"


class TradingStopped(Refusal):
    """Trading is stopped; only a re-arm that names the stops leads out."""

    reason = "TRADING_STOPPED"

    def __init__(self, account_id: str, stop_ids: tuple[str, ...]) -> None:
        super().__init__(
            f"trading is stopped on {account_id}: closing goes on, opening needs a re-arm with a reason that"
            f" names {', '.join(stop_ids) or 'its stops'} (POST /api/trading/rearm, or Re-arm on the page)",
            {"account_id": account_id, "stop_ids": ",".join(stop_ids)},
        )


class TradingPaused(Refusal):
    """Trading is paused for calls of this kind."""

    reason = "TRADING_PAUSED"

    def __init__(self, account_id: str) -> None:
        super().__init__(f"trading is paused on {account_id}", {"account_id": account_id})


class NoBridge(Refusal):
    """The account has no paired bridge, so that nothing could act on the call."""

    reason = "NO_BRIDGE"

    def __init__(self, account_id: str) -> None:
        super().__init__(f"no bridge is paired with {account_id}", {"account_id": account_id})


class BridgeAway(Refusal):
    """The account's bridge is away, and the call needs it now."""

    status = StatusCode.UNAVAILABLE
    reason = "BRIDGE_AWAY"

    def __init__(self, account_id: str, disconnected_since: str) -> None:
        super().__init__(
            f"the bridge of {account_id} is away since {disconnected_since or 'it was paired'}",
            {"account_id": account_id, "disconnected_since": disconnected_since},
        )


class WrongState(Refusal):
    """The resource is in a state that does not allow the call."""

    reason = "WRONG_STATE"

    def __init__(self, resource: str, identifier: str, state: str, message: str = "") -> None:
        super().__init__(
            message or f"{resource} {identifier} is {state}",
            {"resource": resource, "id": identifier, "state": state},
        )


class StaleStops(Refusal):
    """The named stops are not the ones in force."""

    status = StatusCode.ABORTED
    reason = "STALE_STOPS"

    def __init__(self, current: tuple[str, ...]) -> None:
        words = "other stops are in force by now: read them and decide anew"
        super().__init__(words if current else "nothing is stopped now", {"current": ",".join(current)})


class FlattenRunning(Refusal):
    """A flatten is still running, so that a re-arm is refused."""

    reason = "FLATTEN_RUNNING"

    def __init__(self, stop_id: str) -> None:
        super().__init__(f"stop {stop_id} is still closing positions", {"stop_id": stop_id})


class BadPairingCode(Refusal):
    """The pairing code is unknown, used or too old."""

    status = StatusCode.UNAUTHENTICATED
    reason = "BAD_PAIRING_CODE"


class AccountMismatch(Refusal):
    """The terminal is logged in to another account than the one that the bridge is bound to."""

    reason = "ACCOUNT_MISMATCH"

    def __init__(self, bound_login: int, bound_server: str, login: int, server: str) -> None:
        super().__init__(
            f"the account is {bound_login} at {bound_server}, the terminal is on {login} at {server}",
            {
                "bound_login": str(bound_login),
                "bound_server": bound_server,
                "login": str(login),
                "server": server,
            },
        )


class VersionUnsupported(Refusal):
    """The other side cannot speak with this version."""

    reason = "VERSION_UNSUPPORTED"

    def __init__(self, version: str, supported: str) -> None:
        super().__init__(
            f"version {version} is not supported; {supported} is",
            {"version": version, "supported": supported},
        )


class StorageUnavailable(Refusal):
    """The database did not commit: nothing was accepted."""

    status = StatusCode.UNAVAILABLE
    reason = "STORAGE_UNAVAILABLE"


class CommitUnknown(Refusal):
    """The link to the database broke inside a commit: whether it holds is not known.

    A repeat with the same `request_id` finds out, and never acts twice.
    """

    status = StatusCode.UNKNOWN
    reason = "COMMIT_UNKNOWN"


class TooManyCommands(Refusal):
    """Too many open commands are queued for the account."""

    status = StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_COMMANDS"

    def __init__(self, account_id: str, limit: int) -> None:
        super().__init__(
            f"{account_id} has {limit} open commands", {"account_id": account_id, "limit": str(limit)}
        )


class AccountRequired(Refusal):
    """The caller may trade several accounts and named none."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "ACCOUNT_REQUIRED"

    def __init__(self, account_ids: tuple[str, ...]) -> None:
        super().__init__("name an account", {"account_ids": ",".join(account_ids)})


class UnknownSymbol(Refusal):
    """The account trades no symbol of this name."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "UNKNOWN_SYMBOL"

    def __init__(self, symbol: str, account_id: str) -> None:
        super().__init__(
            f"{account_id} trades no {symbol}; write it as the broker does, as the list of symbols has it",
            {"symbol": symbol, "account_id": account_id},
        )


class OutOfRange(Refusal):
    """A volume, price, stop or distance breaks the symbol's rules; the metadata has the numbers."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "OUT_OF_RANGE"


class LimitReached(Refusal):
    """A limit of the account forbids the order; the metadata has its code and numbers."""

    reason = "LIMIT"

    def __init__(self, denial: Denial) -> None:
        numbers = dict(denial.numbers)
        words = f"{denial.text} ({denial})" if numbers else str(denial)
        super().__init__(words, {"code": denial.code, **numbers})


class BadPageToken(Refusal):
    """The page token or cursor is not one that this server gave."""

    status = StatusCode.INVALID_ARGUMENT
    reason = "BAD_PAGE_TOKEN"

    def __init__(self) -> None:
        super().__init__("the page token is not one that this server gave")


class TooManyStreams(Refusal):
    """The caller keeps too many streams or sockets open."""

    status = StatusCode.RESOURCE_EXHAUSTED
    reason = "TOO_MANY_STREAMS"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} streams are open already", {"limit": str(limit)})


class StaleData(Refusal):
    """The data that the decision needs is unknown or too old."""

    status = StatusCode.UNAVAILABLE
    reason = "STALE_DATA"

    def __init__(self, account_id: str, what: str) -> None:
        super().__init__(
            f"{what} of {account_id} is unknown or too old", {"account_id": account_id, "what": what}
        )


class NotServing(Refusal):
    """The server is going down or not ready: nothing was accepted."""

    status = StatusCode.UNAVAILABLE
    reason = "NOT_SERVING"
